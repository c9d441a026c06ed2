/* A handler that allocates, at any moment outside of the allocator: the timer is blocked there. */
#include "counts.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

enum { ROUNDS = 2000, HITS = 20 };

static volatile sig_atomic_t hits;

static void on_timer(int number)
{
    (void)number;
    free(counts_block(malloc(40), 40));
    counts_free();
    hits++;
}

static void allocate(void)
{
    sigset_t timer;
    sigset_t before;
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    sigprocmask(SIG_BLOCK, &timer, &before);
    free(counts_block(malloc(10), 10));
    counts_free();
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval often = {.it_interval = {.tv_usec = 500}, .it_value = {.tv_usec = 500}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < ROUNDS || hits < HITS; i++) {
        allocate();
    }
    const struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    counts_tell();
    return 0;
}
