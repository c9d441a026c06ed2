/*
 * shapes - the load of the instruction counts: one hook call again and again in one shape.
 *
 *   shapes again|two|full CALLS
 *
 * again  malloc and free in one function, 32 frames deep: every call joins the last walk at once
 * two    malloc at the end of two frames, two others in turn: joins after two frames
 * full   malloc 32 frames deep, on one of two stacks in turn: nothing to join, all is walked
 * Blocks of `two` and `full` are not freed. Nothing else allocates.
 */
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { FRAMES = 32, STACK_BYTES = 64 << 10, BLOCK_BYTES = 24 };

static long calls;
static ucontext_t contexts[2];
static ucontext_t home;

static void must(const void *block)
{
    if (block == NULL) {
        _Exit(1);
    }
}

/* Real frames: the call is not the last thing that is done. */
#define FRAME_ENDS() __asm__ volatile("" ::: "memory")

__attribute__((noinline)) static void descend(int frames, void (*leaf)(void))
{
    if (frames > 1) {
        descend(frames - 1, leaf);
    } else {
        leaf();
    }
    FRAME_ENDS();
}

static void pairs(void)
{
    for (long i = 0; i < calls; i++) {
        void *block = malloc(BLOCK_BYTES);
        must(block);
        free(block);
    }
}

#define WAY(name, inner)                                                                           \
    __attribute__((noinline)) static void inner(void)                                              \
    {                                                                                              \
        must(malloc(BLOCK_BYTES));                                                                 \
        FRAME_ENDS();                                                                              \
    }                                                                                              \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        inner();                                                                                   \
        FRAME_ENDS();                                                                              \
    }

WAY(left, left_inner)
WAY(right, right_inner)

static void in_turn(void)
{
    static void (*volatile const ways[])(void) = {left, right};
    for (long i = 0; i < calls; i++) {
        ways[i & 1]();
    }
}

static int own;

static void swaps(void)
{
    int me = own;
    for (long i = me; i < calls; i += 2) {
        must(malloc(BLOCK_BYTES));
        own = !me;
        swapcontext(&contexts[me], i + 1 < calls ? &contexts[!me] : &home);
    }
}

static void coroutine(void)
{
    descend(FRAMES - 3, swaps); /* this function, the C library's below it, and swaps() */
}

static void two_stacks(void)
{
    static char stacks[2][STACK_BYTES];
    for (int i = 0; i < 2; i++) {
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_sp = stacks[i];
        contexts[i].uc_stack.ss_size = STACK_BYTES;
        contexts[i].uc_link = &home;
        makecontext(&contexts[i], coroutine, 0);
    }
    swapcontext(&home, &contexts[0]);
}

int main(int argc, char **argv)
{
    if (argc != 3 || (calls = atol(argv[2])) <= 0) {
        return 2;
    }
    if (strcmp(argv[1], "again") == 0) {
        descend(FRAMES - 5, pairs); /* main() and the three that start it, and pairs() */
    } else if (strcmp(argv[1], "two") == 0) {
        descend(FRAMES - 7, in_turn);
    } else if (strcmp(argv[1], "full") == 0) {
        two_stacks();
    } else {
        return 2;
    }
    return 0;
}
