/* Processes made in every way there is; each tells what it did itself. */
#include "cases.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { THREADS = 4, FORKS = 40, CHILD_STACK = 64 << 10 };

extern char **environ;

static _Atomic bool is_over;

static void live_as_child(int pairs)
{
    counts_reset();
    churn(pairs);
    counts_tell();
    _exit(0);
}

static void *allocate_until_over(void *argument)
{
    while (!is_over) {
        churn(50);
    }
    return argument;
}

/* Children are made while other threads are anywhere inside the allocator. */
static int fork_among_threads(char **arguments)
{
    pthread_t threads[THREADS];
    int forks = arguments[0] == NULL ? FORKS : atoi(arguments[0]);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, allocate_until_over, NULL);
    }
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            live_as_child(20);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status != 0) {
            return 3;
        }
    }
    is_over = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    counts_tell();
    tell_seen();
    return 0;
}

static void *fork_in_thread(void *argument)
{
    for (int i = 0; i < FORKS / THREADS; i++) {
        churn(30);
        pid_t child = fork();
        if (child == 0) {
            live_as_child(10);
        }
        waitpid(child, NULL, 0);
    }
    return argument;
}

static int fork_from_threads(char **arguments)
{
    pthread_t threads[THREADS];
    (void)arguments;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, fork_in_thread, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    counts_tell();
    tell_seen();
    return 0;
}

/* A vfork child runs on our memory: what it allocates is ours. */
static int vfork_child(char **arguments)
{
    (void)arguments;
    churn(10);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = vfork();
        if (child == 0) {
            give(take(77));
            _exit(i & 7);
        }
        tell_child(child);
    }
    churn(10);
    counts_tell();
    tell_seen();
    return 0;
}

static int be_spawned(char **arguments)
{
    (void)arguments;
    churn(5);
    counts_tell();
    return 4;
}

static int spawn(char **arguments)
{
    static char name[] = "be_spawned";
    char *child_arguments[] = {program_invocation_name, name, NULL};
    (void)arguments;
    for (int i = 0; i < 10; i++) {
        pid_t child;
        churn(10);
        if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, child_arguments, environ) != 0) {
            return 3;
        }
        tell_child(child);
    }
    counts_tell();
    tell_seen();
    return 0;
}

/* No fork handler runs, and libc does not know. */
static int raw_clone(char **arguments)
{
    (void)arguments;
    churn(10);
    for (int i = 0; i < 10; i++) {
        long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            live_as_child(i);
        }
        tell_child((pid_t)child);
    }
    counts_tell();
    tell_seen();
    return 0;
}

static int run_clone(void *argument)
{
    (void)argument;
    live_as_child(7);
    return 0;
}

static int clone_without_signal(char **arguments)
{
    (void)arguments;
    churn(10);
    char *stack =
        mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t child = clone(run_clone, stack + CHILD_STACK, 0, NULL);
    tell_child(child);
    counts_tell();
    tell_seen();
    return 0;
}

static void close_everything(void)
{
    for (int fd = 3; fd < 256; fd++) {
        close(fd);
    }
}

/* As daemons do it; the pipe tells our parent that the last one is done. */
static int daemonize(char **arguments)
{
    int done[2];
    (void)arguments;
    churn(10);
    if (pipe(done) != 0) {
        return 3;
    }
    pid_t child = fork();
    if (child == 0) {
        setsid();
        counts_reset();
        churn(20);
        counts_tell();
        if (fork() != 0) {
            _exit(0);
        }
        counts_reset();
        dup2(done[1], STDIN_FILENO);
        close_everything();
        if (chdir("/") != 0) {
            _exit(5);
        }
        churn(30);
        counts_tell();
        _exit(0);
    }
    close(done[1]);
    waitpid(child, NULL, 0);
    char end;
    (void)!read(done[0], &end, 1);
    close(done[0]);
    counts_tell();
    tell_seen();
    return 0;
}

/* Each generation ends at once and leaves its child behind. */
static int orphans(char **arguments)
{
    int done[2];
    (void)arguments;
    if (pipe(done) != 0) {
        return 3;
    }
    for (int generation = 0; generation < 8; generation++) {
        churn(generation);
        counts_tell();
        counts_reset();
        pid_t child = fork();
        if (child != 0 && generation == 0) {
            close(done[1]);
            char end;
            waitpid(child, NULL, 0);
            return (int)read(done[0], &end, 1);
        }
        if (child != 0) {
            _exit(0);
        }
    }
    counts_tell();
    return 0;
}

static const struct target_case cases[] = {
    {"among_threads", fork_among_threads},
    {"from_threads", fork_from_threads},
    {"vfork", vfork_child},
    {"spawn", spawn},
    {"be_spawned", be_spawned},
    {"raw_clone", raw_clone},
    {"clone", clone_without_signal},
    {"daemon", daemonize},
    {"orphans", orphans},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
