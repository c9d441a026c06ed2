/*
 * stack_probe - an LD_PRELOAD library that captures a stack at each malloc and free of a program,
 * compares it with libunwind's, and says at exit how many there were and how many differed.
 * Not for: recording. It wraps four functions and forwards to glibc's own.
 * Memory:  a mapping for each thread, never returned.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloctrap/session.h"
#include "stack_walk.h"

#define EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void __libc_free(void *block);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static __thread struct stack_state *state;
static __thread bool is_inside;
static bool is_started;
static _Atomic uint32_t unsure_count; /* guessed or cut: compared in part */

__attribute__((constructor)) static void start(void)
{
    is_inside = true;
    stack_start(SESSION_STACKS_COMPARE);
    is_inside = false;
    is_started = true;
}

static void capture(const struct stack_at *at)
{
    if (is_inside || !is_started) {
        return;
    }
    is_inside = true;
    if (state == NULL) {
        size_t bytes = stack_state_bytes();
        void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED) {
            abort();
        }
        state = map;
        stack_state_init(state, SESSION_STACKS_COMPARE, SESSION_DEPTH_MAX,
                         stack_bounds_home(gettid() == getpid()));
    }
    stack_capture(state, at);
    uint32_t flags = 0;
    for (uint32_t i = 0; i < stack_depth(state) && flags == 0; i++) {
        (void)stack_frame(state, i, &flags);
        flags &= SESSION_NODE_CUT | SESSION_NODE_GUESSED;
    }
    unsure_count += flags != 0;
    is_inside = false;
}

/* What a hook knows of its caller: its own frame begins with the saved rbp and return address. */
#define CAPTURE()                                                                                  \
    capture(&(struct stack_at){(uintptr_t)__builtin_return_address(0),                             \
                               (uintptr_t)__builtin_frame_address(0) + 16,                         \
                               *(const uintptr_t *)__builtin_frame_address(0)})

EXPORT void *malloc(size_t size)
{
    CAPTURE();
    return __libc_malloc(size);
}

EXPORT void free(void *block)
{
    CAPTURE();
    __libc_free(block);
}

EXPORT void *calloc(size_t count, size_t size)
{
    CAPTURE();
    return __libc_calloc(count, size);
}

EXPORT void *realloc(void *block, size_t size)
{
    CAPTURE();
    return __libc_realloc(block, size);
}

static size_t put(char *line, const char *text)
{
    size_t len = 0;
    for (; text[len] != '\0'; len++) {
        line[len] = text[len];
    }
    return len;
}

static size_t put_number(char *line, uint32_t value)
{
    size_t len = value >= 10 ? put_number(line, value / 10) : 0;
    line[len] = (char)('0' + value % 10);
    return len + 1;
}

__attribute__((destructor)) static void report(void)
{
    uint32_t compared = 0;
    uint32_t different = 0;
    char line[80];
    is_inside = true;
    stack_compared(&compared, &different);
    size_t len = put(line, "stack_probe: compared ");
    len += put_number(line + len, compared);
    len += put(line + len, " different ");
    len += put_number(line + len, different);
    len += put(line + len, " in part ");
    len += put_number(line + len, unsure_count);
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, len);
    is_inside = false;
}
