/* Libraries that come and go, in other name spaces, and bound elsewhere. */
#include "cases.h"
#include "storm_library.h"

#include <dlfcn.h>
#include <pthread.h>

enum { ROUNDS = 60, ONE_BLOCKS = 4, TWO_BLOCKS = 3, THREADS = 3 };

static _Atomic bool is_over;

static void *keep(void *block)
{
    return counts_block(block, 24);
}

static void drop(void *block)
{
    (void)block;
    counts_free();
}

/* Where the library was; the blocks it made are published as the target's. */
static uintptr_t use(const char *path, int flags, int blocks)
{
    void *library = dlopen(path, flags);
    void *symbol = library == NULL ? NULL : dlsym(library, "storm_work");
    storm_work_fn *work;
    if (symbol == NULL) {
        _exit(93);
    }
    memcpy(&work, &symbol, sizeof work);
    work(blocks, keep, drop);
    dlclose(library);
    return (uintptr_t)symbol;
}

static int rounds_of(char **arguments)
{
    return arguments[2] == NULL ? ROUNDS : atoi(arguments[2]);
}

static int storm(char **arguments)
{
    int reused = 0;
    int rounds = rounds_of(arguments);
    for (int i = 0; i < rounds; i++) {
        uintptr_t one = use(arguments[0], RTLD_NOW, ONE_BLOCKS);
        reused += use(arguments[1], RTLD_NOW, TWO_BLOCKS) == one;
    }
    counts_tell();
    tell_seen();
    return reused == 0 ? 92 : 0; /* no address was reused: it showed nothing */
}

static void *churn_until_over(void *argument)
{
    while (!is_over) {
        churn(20);
    }
    return argument;
}

static int storm_among_threads(char **arguments)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, churn_until_over, NULL);
    }
    int rounds = rounds_of(arguments);
    for (int i = 0; i < rounds; i++) {
        use(arguments[0], RTLD_NOW, ONE_BLOCKS);
        use(arguments[1], RTLD_NOW, TWO_BLOCKS);
    }
    is_over = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    counts_tell();
    return 0;
}

static void *ignore_block(void *block)
{
    return block;
}

static void ignore_end(void *block)
{
    (void)block;
}

/* A libc of its own: nobody can see its calls, and nothing may break. */
static int own_namespace(char **arguments)
{
    churn(10);
    void *library = dlmopen(LM_ID_NEWLM, arguments[0], RTLD_NOW);
    void *symbol = library == NULL ? NULL : dlsym(library, "storm_work");
    storm_work_fn *work;
    if (symbol == NULL) {
        return 91;
    }
    memcpy(&work, &symbol, sizeof work);
    work(100, ignore_block, ignore_end);
    dlclose(library);
    churn(10);
    counts_tell();
    tell_seen();
    return 0;
}

/* Bound to libc past everybody who came before it. */
static int deep_bound(char **arguments)
{
    churn(10);
    void *library = dlopen(arguments[0], RTLD_NOW | RTLD_DEEPBIND);
    void *symbol = library == NULL ? NULL : dlsym(library, "storm_work");
    storm_work_fn *work;
    if (symbol == NULL) {
        return 91;
    }
    memcpy(&work, &symbol, sizeof work);
    work(100, ignore_block, ignore_end);
    dlclose(library);
    churn(10);
    counts_tell();
    tell_seen();
    return 0;
}

static const struct target_case cases[] = {
    {"storm", storm},
    {"threads", storm_among_threads},
    {"namespace", own_namespace},
    {"deepbind", deep_bound},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
