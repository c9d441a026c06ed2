/* Signals at any instruction of the allocator and of whoever watches it: handlers that allocate,
 * fork, and jump away. The allocator below (steady_allocator.c) allows all of that. */
#include "cases.h"
#include "steady_allocator.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

enum { HITS = 300, JUMPS = 500, FORKS = 60, ALTERNATE_BYTES = 64 << 10 };

static volatile sig_atomic_t hits;
static volatile sig_atomic_t is_in_call; /* the host would not know whether that call returned */
static sigjmp_buf target;

static void *other_stack(void)
{
    return mmap(NULL, ALTERNATE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* One signal after a moment that differs: the handler asks for the next one. */
static void soon(void)
{
    static unsigned count;
    const struct itimerval once = {.it_value = {.tv_usec = 100 + count++ * 37 % 101}};
    setitimer(ITIMER_REAL, &once, NULL);
}

static void often(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | flags};
    sigaction(SIGALRM, &action, NULL);
    soon();
}

static void stop(void)
{
    const struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
}

static void allocate(int number)
{
    (void)number;
    give(take(48));
    hits++;
    soon();
}

static int handler_allocates(char **arguments)
{
    if (arguments[0] != NULL) {
        sigaltstack(&(stack_t){.ss_sp = other_stack(), .ss_size = ALTERNATE_BYTES}, NULL);
    }
    often(allocate, arguments[0] != NULL ? SA_ONSTACK : 0);
    while (hits < HITS) {
        churn(20);
    }
    stop();
    counts_tell();
    tell_seen();
    return 0;
}

static void *churn_until(void *argument)
{
    while (hits < HITS) {
        churn(20);
    }
    return argument;
}

static int handlers_in_threads(char **arguments)
{
    pthread_t threads[3];
    (void)arguments;
    often(allocate, 0);
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, churn_until, NULL);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    stop();
    counts_tell();
    return 0;
}

/* The child never leaves the handler. */
static void fork_off(int number)
{
    (void)number;
    pid_t child = fork();
    if (child == 0) {
        counts_reset();
        churn(5);
        counts_tell();
        _exit(0);
    }
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) {
        tell("a child did not end well\n");
    }
    if (++hits < FORKS) { /* no more children than a plain run has, however slow this one is */
        soon();
    }
}

static int handler_forks(char **arguments)
{
    (void)arguments;
    often(fork_off, 0);
    while (hits < FORKS) {
        churn(20);
    }
    stop();
    counts_tell();
    tell_seen();
    return 0;
}

/* The child goes on where the signal came: in the middle of whatever its parent did. */
static void fork_and_return(int number)
{
    (void)number;
    pid_t child = fork();
    if (child == 0) {
        counts_reset();
        hits = FORKS;
        return;
    }
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) {
        tell("a child did not end well\n");
    }
    hits++;
    soon();
}

static int handler_forks_and_returns(char **arguments)
{
    (void)arguments;
    often(fork_and_return, 0);
    while (hits < FORKS) {
        churn(20);
    }
    stop();
    churn(3);
    counts_tell();
    return 0;
}

static void jump(void)
{
    siglongjmp(target, 1);
}

__attribute__((noinline)) static void call_out(int depth)
{
    volatile char frame[48] = {0};
    if (depth > 0) {
        call_out(depth - 1);
    } else {
        void *block = malloc(STEADY_CALLS_OUT); /* never returns */
        free(block);
    }
    frame[0]++;
}

/* Out of the real allocator, through our frames: such a call never returned and counts nowhere. */
static int jumps_from_nested_calls(char **arguments)
{
    (void)arguments;
    steady_hook = jump;
    for (volatile int i = 0; i < JUMPS; i++) {
        give(take(20));
        if (sigsetjmp(target, 1) == 0) {
            call_out(i % 40);
        }
        give(take(30));
    }
    steady_hook = NULL;
    counts_tell();
    return 0;
}

/* A call whose handler jumps away may have been counted, or not: told apart by its size. */
static void jump_away(int number)
{
    (void)number;
    hits++;
    soon();
    if (is_in_call) {
        siglongjmp(target, 1);
    }
}

static int jumps_from_anywhere(char **arguments)
{
    (void)arguments;
    often(jump_away, 0);
    while (hits < JUMPS) {
        (void)sigsetjmp(target, 1);
        while (hits < JUMPS) {
            is_in_call = 1;
            (void)malloc(64); /* in doubt, so not published */
            is_in_call = 0;
            sigset_t timer;
            sigemptyset(&timer);
            sigaddset(&timer, SIGALRM);
            sigprocmask(SIG_BLOCK, &timer, NULL);
            give(take(20));
            sigprocmask(SIG_UNBLOCK, &timer, NULL);
        }
    }
    stop();
    counts_tell(); /* of take() and give() alone */
    return 0;
}

static const struct target_case cases[] = {
    {"allocates", handler_allocates},
    {"threads", handlers_in_threads},
    {"forks", handler_forks},
    {"forks_returns", handler_forks_and_returns},
    {"nested", jumps_from_nested_calls},
    {"anywhere", jumps_from_anywhere},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
