/* Hosts that give rights away: roots, users, name spaces, limits, system calls. */
#include "grow.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { NOBODY = 65534, STRICT_BLOCKS = 64 };

/* A child of a confined process, and all that has to grow in it. */
static int go_on(void)
{
    grow_in_threads();
    pid_t child = fork();
    if (child == 0) {
        counts_reset();
        churn(10);
        counts_tell();
        _exit(0);
    }
    tell_child(child);
    counts_tell();
    tell_seen();
    return 0;
}

static int change_root(char **arguments)
{
    churn(10);
    if (chroot(arguments[0]) != 0 || chdir("/") != 0) {
        return 77;
    }
    return go_on();
}

static int change_user(char **arguments)
{
    (void)arguments;
    churn(10);
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        return 77;
    }
    return go_on();
}

/* The child can make no session, and outlives the parent whose session it counts in. */
static int change_user_and_daemonize(char **arguments)
{
    int ends[2];
    char end;
    (void)arguments;
    churn(10);
    if (pipe(ends) != 0 || setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        return 77;
    }
    counts_tell();
    pid_t child = fork();
    if (child == 0) {
        counts_reset();
        churn(10);
        close(ends[1]);
        (void)!read(ends[0], &end, 1); /* until the parent is gone */
        for (int i = 0; i < 40; i++) {
            churn(2000);
            sched_yield();
        }
        counts_tell();
    }
    _exit(0);
}

static int leave_namespaces(char **arguments)
{
    int flags = strcmp(arguments[0], "user") == 0    ? CLONE_NEWUSER
                : strcmp(arguments[0], "mount") == 0 ? CLONE_NEWNS
                                                     : CLONE_NEWPID;
    churn(10);
    if (unshare(flags) != 0) {
        return 77;
    }
    if (flags == CLONE_NEWNS && (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
                                 mount("none", arguments[1], "tmpfs", 0, NULL) != 0)) {
        return 77;
    }
    return go_on();
}

static int limit(char **arguments)
{
    static const struct {
        const char *name;
        __rlimit_resource_t resource;
        rlim_t most;
    } limits[] = {{"as", RLIMIT_AS, 1 << 20},     {"nofile", RLIMIT_NOFILE, 0},
                  {"fsize", RLIMIT_FSIZE, 0},     {"nproc", RLIMIT_NPROC, 1},
                  {"memlock", RLIMIT_MEMLOCK, 0}, {"data", RLIMIT_DATA, 64 << 20}};
    churn(10);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(arguments[0], limits[i].name) == 0) {
            const struct rlimit most = {limits[i].most, limits[i].most};
            setrlimit(limits[i].resource, &most);
        }
    }
    grow(); /* no threads: a small address space has no room for their stacks */
    churn(100);
    counts_tell();
    tell_seen();
    return 0;
}

/* Only what a process needs to write and to end; everything else kills. */
static void filter(int (*install)(const struct sock_fprog *program))
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof instructions / sizeof instructions[0], instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || install(&program) != 0) {
        _exit(77);
    }
}

static int by_prctl(const struct sock_fprog *program)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
}

static int by_syscall(const struct sock_fprog *program)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
}

/* libc has what it needs: the process allocates on without a system call of its own. */
static void warm_up(void)
{
    void *blocks[STRICT_BLOCKS];
    for (int i = 0; i < STRICT_BLOCKS; i++) {
        blocks[i] = take(1000);
    }
    for (int i = 0; i < STRICT_BLOCKS; i++) {
        give(blocks[i]);
    }
}

static int confine_by_filter(char **arguments)
{
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    warm_up();
    filter(strcmp(arguments[0], "prctl") == 0 ? by_prctl : by_syscall);
    churn(200);
    grow();
    counts_tell();
    tell("filtered\n");
    syscall(SYS_exit_group, 5);
    return 0;
}

static int confine_strictly(char **arguments)
{
    (void)arguments;
    warm_up();
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0) {
        return 77;
    }
    churn(200);
    grow();
    counts_tell();
    tell("strict\n");
    syscall(SYS_exit, 6); /* exit_group would kill */
    return 0;
}

/* What this program does not need itself kills: threads and children go on as ever. */
static int confine_loosely(char **arguments)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 8, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ftruncate, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettid, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_nanosleep, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fstatfs, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sigaltstack, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog program = {sizeof instructions / sizeof instructions[0], instructions};
    const struct rlimit none = {0};
    (void)arguments;
    setrlimit(RLIMIT_CORE, &none);
    churn(10);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || by_syscall(&program) != 0) {
        return 77;
    }
    return go_on();
}

/* Its second image cannot tell its pid. */
static int lose_pid(char **arguments)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof instructions / sizeof instructions[0], instructions};
    if (strcmp(arguments[0], "second") == 0) {
        usleep(50000); /* the recorder has seen its session by now */
        return go_on();
    }
    churn(10);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || by_syscall(&program) != 0) {
        return 77;
    }
    counts_tell();
    execl("/proc/self/exe", "hazard_confined", "nameless", "second", NULL);
    return 78;
}

/* A look at what is there must not count as going in. */
static int probe_only(char **arguments)
{
    (void)arguments;
    int refused = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0);
    char line[80];
    snprintf(line, sizeof line, "%d %d %ld\n", refused, errno, syscall(SYS_seccomp, 99, 0, 0));
    tell(line);
    return go_on();
}

static const struct target_case cases[] = {
    {"chroot", change_root},
    {"setuid", change_user},
    {"namespace", leave_namespaces},
    {"limit", limit},
    {"filter", confine_by_filter},
    {"strict", confine_strictly},
    {"daemon", change_user_and_daemonize},
    {"probe", probe_only},
    {"sandbox", confine_loosely},
    {"nameless", lose_pid},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
