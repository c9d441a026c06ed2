/*
 * bench_stack - what one captured stack costs: the verified walk, a full walk each time, and
 * unw_backtrace, in interleaved rounds of one run. Prints medians in ns and the ratios.
 * Shapes: depth 3; depth 32 with 64 call paths drawn at random, once with frames of one size (a
 * frame that differs lines up again) and once with two sizes (everything further in moves); and
 * pairs: two call sites in turn at the end of one path, as malloc and free are.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloctrap/session.h"
#include "stack_walk.h"

#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

enum { ROUNDS = 11, CALLS = 20000, DEPTH = 32, PATHS = 64, DRAWS = 4096, SITES_PER_CALL = 2 };

enum way { WAY_NOTHING, WAY_VERIFIED, WAY_FULL, WAY_UNWIND, WAY_COUNT };
enum shape { SHAPE_SHALLOW, SHAPE_EQUAL, SHAPE_MIXED, SHAPE_COUNT };

static const char *const way_names[] = {"calls alone", "verified walk", "full walk",
                                        "unw_backtrace"};
static const char *const shape_names[] = {"depth 3", "depth 32, 64 paths, equal frames",
                                          "depth 32, 64 paths, mixed frames"};

static struct stack_state *state;
static enum way way;
static int (*backtrace_fn)(void **frames, int size);
static uint64_t sum;
static uint8_t draws[DRAWS];

/* Makes the next walk a full one: a capture on another stack comes between, which is one frame. */
static void visit_other_stack(void)
{
    static char page[8192];
    struct stack_at at = {1, ((uintptr_t)page + 4095) & ~(uintptr_t)4095, 0};
    stack_capture(state, &at);
    sum += stack_identity(state);
}

static NOINLINE void hook(void)
{
    struct stack_at at = {(uintptr_t)__builtin_return_address(0),
                          (uintptr_t)__builtin_frame_address(0) + 16,
                          *(const uintptr_t *)__builtin_frame_address(0)};
    void *frames[64];
    if (way == WAY_UNWIND) {
        sum += (uint64_t)backtrace_fn(frames, 64);
    } else if (way != WAY_NOTHING) {
        if (way == WAY_FULL) {
            visit_other_stack();
        }
        stack_capture(state, &at);
        sum += stack_identity(state);
    }
}

typedef void (*level_fn)(int depth, uint32_t path);

static void equal_go(int depth, uint32_t path);
static void mixed_go(int depth, uint32_t path);

static NOINLINE void leaf(void)
{
    hook();
    sum++;
    hook();
    __asm__ volatile("");
}

#define LEVEL(name, go, bytes)                                                                     \
    static NOINLINE void name(int depth, uint32_t path)                                            \
    {                                                                                              \
        volatile char buffer[bytes];                                                               \
        buffer[0] = (char)path;                                                                    \
        go(depth, path);                                                                           \
        buffer[1] = buffer[0];                                                                     \
    }

LEVEL(equal_a, equal_go, 40)
LEVEL(equal_b, equal_go, 40)
LEVEL(mixed_a, mixed_go, 40)
LEVEL(mixed_b, mixed_go, 104)

/* Every fifth level is one of two functions, by a bit of the path: 6 bits, 64 paths. */
#define GO(name, a, b)                                                                             \
    static void name(int depth, uint32_t path)                                                     \
    {                                                                                              \
        if (depth <= 0) {                                                                          \
            leaf();                                                                                \
        } else if (depth % 5 == 0 && (path >> (depth / 5 - 1) & 1) != 0) {                         \
            b(depth - 1, path);                                                                    \
        } else {                                                                                   \
            a(depth - 1, path);                                                                    \
        }                                                                                          \
    }

GO(equal_go, equal_a, equal_b)
GO(mixed_go, mixed_a, mixed_b)

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ns for one capture, the calls that lead to it included. */
static double run(enum shape shape, enum way by)
{
    way = by;
    uint64_t start = now_ns();
    for (volatile int i = 0; i < CALLS; i++) {
        if (shape == SHAPE_SHALLOW) {
            leaf();
        } else if (shape == SHAPE_EQUAL) {
            equal_go(DEPTH - 3, draws[i % DRAWS]);
        } else {
            mixed_go(DEPTH - 3, draws[i % DRAWS]);
        }
    }
    return (double)(now_ns() - start) / CALLS / SITES_PER_CALL;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(enum shape shape)
{
    static double ns[WAY_COUNT][ROUNDS];
    double median[WAY_COUNT];
    for (int round = 0; round < ROUNDS; round++) {
        for (int by = 0; by < WAY_COUNT; by++) {
            ns[by][round] = run(shape, (enum way)by);
        }
    }
    for (int by = 0; by < WAY_COUNT; by++) {
        qsort(ns[by], ROUNDS, sizeof(double), by_size);
        median[by] = ns[by][ROUNDS / 2];
    }
    double unwind = median[WAY_UNWIND] - median[WAY_NOTHING];
    printf("%s (calls alone: %.1f ns)\n", shape_names[shape], median[WAY_NOTHING]);
    for (int by = WAY_VERIFIED; by < WAY_COUNT; by++) {
        double added = median[by] - median[WAY_NOTHING];
        printf("  %-14s %8.1f ns added  %6.2f of unw_backtrace\n", way_names[by], added,
               added / unwind);
    }
}

int main(void)
{
    void *lib = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    void *symbol = lib != NULL ? dlsym(lib, "unw_backtrace") : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "bench_stack: libunwind.so.8 is not installed\n");
        return 77;
    }
    memcpy(&backtrace_fn, &symbol, sizeof(symbol));
    state = aligned_alloc(64, (stack_state_bytes() + 63) / 64 * 64);
    if (state == NULL) {
        return 1;
    }
    memset(state, 0, stack_state_bytes());
    stack_start(SESSION_STACKS_WALK);
    stack_state_init(state, SESSION_STACKS_WALK, SESSION_DEPTH_MAX, stack_bounds_home(true));
    for (int i = 0; i < DRAWS; i++) {
        draws[i] = (uint8_t)(random() % PATHS);
    }
    for (int shape = 0; shape < SHAPE_COUNT; shape++) {
        measure((enum shape)shape);
    }
    return sum == 0;
}
