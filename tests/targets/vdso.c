/*
 * vdso - allocates in a signal handler that interrupted code of the vDSO, so that the kernel's
 * page stands in the middle of the call path. Exits with 77 where the clock needs no such code.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

enum { VDSO_BYTES = 2 * 4096, SECONDS_MAX = 5 };

static volatile sig_atomic_t is_done;
static void *volatile block;

static __attribute__((noinline)) void on_timer(int number, siginfo_t *info, void *context)
{
    const ucontext_t *interrupted = context;
    uintptr_t pc = (uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    (void)number;
    (void)info;
    if (!is_done && vdso != 0 && pc >= vdso && pc < vdso + VDSO_BYTES) {
        block = malloc(12345);
        is_done = 1;
    }
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_RESTART | SA_SIGINFO};
    const struct itimerval often = {.it_interval = {.tv_usec = 500}, .it_value = {.tv_usec = 500}};
    struct timespec now;
    time_t end = time(NULL) + SECONDS_MAX;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!is_done && time(NULL) <= end);
    const struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    free(block);
    return is_done ? 0 : 77;
}
