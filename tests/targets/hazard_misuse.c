/* What libc stops with a message of its own, and what it bears. */
#include "cases.h"

#include <malloc.h>
#include <obstack.h>
#include <signal.h>
#include <sys/resource.h>

static void no_core(void)
{
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
}

static int free_twice(char **arguments)
{
    (void)arguments;
    no_core();
    void *block = take(40);
    void *volatile again = block;
    give(block);
    counts_tell();
    free(again);
    return 0;
}

static int free_strange(char **arguments)
{
    static char not_a_block[64];
    (void)arguments;
    no_core();
    churn(5);
    counts_tell();
    void *volatile strange = not_a_block + 16;
    free(strange);
    return 0;
}

static int free_inside(char **arguments)
{
    (void)arguments;
    no_core();
    char *block = take(400);
    counts_tell();
    char *volatile inside = block + 8;
    free(inside);
    return 0;
}

static int realloc_strange(char **arguments)
{
    static char not_a_block[64];
    (void)arguments;
    no_core();
    churn(5);
    counts_tell();
    void *volatile strange = not_a_block + 16;
    return realloc(strange, 100) != NULL;
}

static void on_abort(int number)
{
    (void)number;
    tell("handler\n");
    counts_reset();
    (void)take(10); /* not allowed, often done */
    counts_tell();
    _exit(7);
}

static int handle_abort(char **arguments)
{
    signal(SIGABRT, on_abort);
    return free_inside(arguments);
}

static int tune(char **arguments)
{
    (void)arguments;
    mallopt(M_MMAP_THRESHOLD, 4096);
    mallopt(M_TRIM_THRESHOLD, 0);
    for (size_t size = 1; size < (8U << 20); size *= 2) {
        give(take(size));
    }
    malloc_trim(0);
    struct mallinfo2 info = mallinfo2();
    char line[96];
    snprintf(line, sizeof line, "in use %zu, mapped %zu\n", info.uordblks, info.hblkhd);
    tell(line);
    counts_tell();
    return 0;
}

static const struct target_case cases[] = {
    {"twice", free_twice},        {"strange", free_strange}, {"inside", free_inside},
    {"realloc", realloc_strange}, {"abort", handle_abort},   {"tune", tune},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
