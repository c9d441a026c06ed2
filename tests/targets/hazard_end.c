/* Every way to end, and what may still allocate on the way. */
#include "cases.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static pthread_key_t key;
static int rearmed;

static void no_core(void)
{
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
}

static void start(void)
{
    no_core();
    churn(300);
    (void)take(11);
    counts_tell();
    tell_seen();
}

static int end_quietly(char **arguments)
{
    (void)arguments;
    start();
    _exit(3);
}

static void allocate_late(void)
{
    counts_reset();
    churn(3);
    counts_tell();
}

static int end_quickly(char **arguments)
{
    (void)arguments;
    at_quick_exit(allocate_late);
    start();
    quick_exit(4);
}

static int end_by_abort(char **arguments)
{
    (void)arguments;
    start();
    abort();
}

static int end_by_fault(char **arguments)
{
    (void)arguments;
    start();
    *(volatile int *)8 = 1;
    return 0;
}

static int end_by_signal(char **arguments)
{
    start();
    raise(atoi(arguments[0]));
    return 0;
}

static void *exit_now(void *argument)
{
    (void)argument;
    counts_reset();
    churn(10);
    counts_tell();
    exit(5);
}

/* The process ends while another thread is somewhere in the allocator. */
static int exit_in_thread(char **arguments)
{
    pthread_t thread;
    (void)arguments;
    start();
    pthread_create(&thread, NULL, exit_now, NULL);
    pthread_join(thread, NULL);
    return 0;
}

static void *go_on(void *argument)
{
    pthread_join(*(pthread_t *)argument, NULL);
    counts_reset();
    churn(200);
    counts_tell();
    tell("the last thread\n");
    return NULL;
}

/* main ends, the process does not. */
static int exit_main_thread(char **arguments)
{
    static pthread_t first;
    pthread_t thread;
    (void)arguments;
    first = pthread_self();
    start();
    pthread_create(&thread, NULL, go_on, &first);
    pthread_exit(NULL);
}

static void rearm(void *block)
{
    give(block);
    if (rearmed++ < 3) {
        pthread_setspecific(key, take(33));
    }
}

static void *use_key(void *argument)
{
    pthread_setspecific(key, take(33));
    return argument;
}

/* Destructors of thread-local data run after everything else of a thread. */
static int key_destructors(char **arguments)
{
    pthread_t thread;
    (void)arguments;
    pthread_key_create(&key, rearm);
    pthread_create(&thread, NULL, use_key, NULL);
    pthread_join(thread, NULL);
    start();
    return 0;
}

static void at_end(void)
{
    churn(5); /* beside main's */
    counts_tell();
}

static int at_exit(char **arguments)
{
    (void)arguments;
    atexit(at_end);
    churn(10);
    return 6;
}

static const struct target_case cases[] = {
    {"_exit", end_quietly},     {"quick_exit", end_quickly}, {"abort", end_by_abort},
    {"fault", end_by_fault},    {"signal", end_by_signal},   {"thread", exit_in_thread},
    {"main", exit_main_thread}, {"keys", key_destructors},   {"atexit", at_exit},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
