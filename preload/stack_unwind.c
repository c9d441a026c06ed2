#include "stack_unwind.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

enum { UNWIND_SHOWN_MAX = 5, UNWIND_LINE_BYTES = 64 };

typedef int (*unwind_fn)(void **buffer, int size);

static unwind_fn backtrace_fn;
static _Atomic uint32_t compared_count;
static _Atomic uint32_t different_count;

bool stack_unwind_start(void)
{
    if (backtrace_fn != NULL) {
        return true;
    }
    void *lib = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    void *symbol = lib != NULL ? dlsym(lib, "unw_backtrace") : NULL;
    union {
        void *object;
        unwind_fn function;
    } cast = {.object = symbol}; /* the way that POSIX and -Wpedantic agree on */
    backtrace_fn = cast.function;
    return backtrace_fn != NULL;
}

uint32_t stack_unwind_from(uintptr_t pc, uintptr_t *frames, uint32_t frames_max,
                           uintptr_t **ret_first)
{
    if (backtrace_fn == NULL) {
        return 0;
    }
    int count = backtrace_fn((void **)frames, (int)frames_max);
    for (int i = 0; i < count; i++) {
        if (frames[i] == pc) {
            *ret_first = frames + i;
            return (uint32_t)(count - i);
        }
    }
    return 0;
}

static size_t put_hex(char *line, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    for (int shift = 60; shift >= 0; shift -= 4) {
        if (len != 0 || value >> shift != 0 || shift == 0) {
            line[len++] = digits[value >> shift & 15];
        }
    }
    return len;
}

/* One frame of both stacks a line: "  #2 55d0...  55d0... *". */
static void show_frame(uint32_t i, uint64_t walked, uint64_t unwound)
{
    char line[UNWIND_LINE_BYTES];
    size_t len = 0;
    line[len++] = '#';
    len += put_hex(line + len, i);
    line[len++] = ' ';
    len += put_hex(line + len, walked);
    line[len++] = ' ';
    len += put_hex(line + len, unwound);
    line[len++] = walked == unwound ? ' ' : '*';
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, len);
}

void stack_unwind_judge(bool is_different, const uintptr_t *walked, uint32_t walked_count,
                        const uintptr_t *unwound, uint32_t unwound_count)
{
    /* Relaxed: statistics, read when all is over. */
    (void)atomic_fetch_add_explicit(&compared_count, 1, memory_order_relaxed);
    if (!is_different ||
        atomic_fetch_add_explicit(&different_count, 1, memory_order_relaxed) >= UNWIND_SHOWN_MAX) {
        return;
    }
    static const char title[] = "alloctrap: stacks differ: frame, walked, unwound\n";
    (void)!write(STDERR_FILENO, title, sizeof(title) - 1);
    for (uint32_t i = 0; i < walked_count || i < unwound_count; i++) {
        show_frame(i, i < walked_count ? walked[i] : 0, i < unwound_count ? unwound[i] : 0);
    }
}

void stack_unwind_counts(uint32_t *ret_compared, uint32_t *ret_different)
{
    *ret_compared = atomic_load_explicit(&compared_count, memory_order_relaxed);
    *ret_different = atomic_load_explicit(&different_count, memory_order_relaxed);
}
