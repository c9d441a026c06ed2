/*
 * One call of the allocator behind a breakpoint, for a driver that steps it and does something in
 * the middle: target_stepped CALL ACTION PAGE_FILE
 *   CALL    malloc free realloc: the call, at a site that was there before; first: the process's
 *           first call; thread: a new thread's first; full: its ring is full
 *   ACTION  of SIGUSR1's handler: a (allocate), f (fork, the child ends there), r (fork, the child
 *           returns into the call), j (siglongjmp out of it)
 */
#include "stepped.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 40, LARGER = 4000, CLEARED = 16 << 20, AFTER = 10, FILLING = 150000 };

static struct stepped_page *page;
static struct stepped_counts *own;
static int action;
static bool is_armed;
static sigjmp_buf out;

static void *took(void *block, size_t size)
{
    if (block == NULL) {
        _exit(97);
    }
    own->allocs += 1;
    own->bytes += size;
    return block;
}

static void give(void *block)
{
    free(block);
    own->frees += 1;
}

static void pairs(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        give(took(malloc(BLOCK), BLOCK));
    }
}

static void pass_breakpoint(int number)
{
    (void)number;
}

static void on_signal(int number)
{
    (void)number;
    page->handled += 1;
    if (action == STEPPED_JUMP) {
        siglongjmp(out, 1);
    }
    if (action == STEPPED_ALLOCATE) {
        pairs(1);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        own = &page->child;
        signal(SIGTRAP, pass_breakpoint); /* nobody traces the child */
        pairs(3);
        if (action == STEPPED_FORK_EXIT) {
            _exit(0);
        }
    }
}

/* The breakpoint is right before the call. */
#define STEPPED(call)                                                                              \
    do {                                                                                           \
        if (is_armed) {                                                                            \
            __asm__ volatile("int3" ::: "memory");                                                 \
        }                                                                                          \
        call;                                                                                      \
    } while (0)

static void step_malloc(void)
{
    void *block = NULL;
    STEPPED(block = malloc(BLOCK));
    give(took(block, BLOCK));
}

static void step_free(void)
{
    void *block = took(malloc(BLOCK), BLOCK);
    STEPPED(free(block));
    own->frees += 1;
}

static void step_realloc(void)
{
    void *block = took(malloc(BLOCK), BLOCK);
    STEPPED(block = realloc(block, LARGER));
    own->frees += 1;
    give(took(block, LARGER));
}

/* The first round's call is slow by what it clears, so that the second's, from the same place, is
 * measured. */
static void step_measured(void)
{
    size_t size = is_armed ? BLOCK : CLEARED;
    if (!is_armed) {
        mallopt(M_MMAP_THRESHOLD, 2 * CLEARED);
        mallopt(M_TRIM_THRESHOLD, 4 * CLEARED);
        void *dirty = took(malloc(CLEARED), CLEARED);
        memset(dirty, 1, CLEARED);
        give(dirty);
    }
    void *block = NULL;
    STEPPED(block = calloc(1, size));
    give(took(block, size));
}

static void *thread_main(void *unused)
{
    (void)unused;
    is_armed = true;
    if (sigsetjmp(out, 1) == 0) {
        step_malloc();
    }
    pairs(AFTER);
    return NULL;
}

static void run_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, NULL) != 0) {
        _exit(96);
    }
    pthread_join(thread, NULL);
}

static void run(const char *call)
{
    if (strcmp(call, "free") == 0) {
        step_free();
    } else if (strcmp(call, "realloc") == 0) {
        step_realloc();
    } else if (strcmp(call, "measured") == 0) {
        step_measured();
    } else {
        step_malloc();
    }
}

int main(int argc, char **argv)
{
    int fd = argc == 4 ? open(argv[3], O_RDWR) : -1;
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return 95;
    }
    close(fd);
    own = &page->parent;
    action = argv[2][0];
    const struct sigaction handler = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &handler, NULL);
    const char *call = argv[1];
    if (strcmp(call, "full") == 0) {
        pairs(FILLING);
    }
    if (strcmp(call, "thread") == 0) {
        run_thread();
    } else {
        unsigned rounds = strcmp(call, "first") == 0 ? 1 : 2; /* the last one has the breakpoint */
        for (volatile unsigned left = rounds; left > 0; left--) {
            is_armed = left == 1;
            if (sigsetjmp(out, 1) == 0) {
                run(call);
            }
        }
    }
    pairs(AFTER);
    while (wait(NULL) > 0) {
    }
    _exit(0);
}
