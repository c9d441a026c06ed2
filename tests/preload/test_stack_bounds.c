#include "stack_bounds.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

enum { PAGE = STACK_BOUNDS_PAGE, PAGES = 8 };

/* PAGES readable pages between two that are not. */
static uintptr_t make_pages(void)
{
    char *memory = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)memory, MAP_FAILED);
    cr_assert_eq(mprotect(memory + PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE), 0);
    return (uintptr_t)memory + PAGE;
}

Test(stack_bounds, a_probe_tells_readable_pages_from_others)
{
    uintptr_t pages = make_pages();
    sigset_t before;
    sigset_t after;
    cr_assert_eq(sigprocmask(SIG_BLOCK, NULL, &before), 0);
    *(uint64_t *)pages = UINT64_MAX;
    errno = 99;
    cr_assert(stack_bounds_probe(pages));
    cr_assert_not(stack_bounds_probe(pages - 8));
    cr_assert_not(stack_bounds_probe(pages + PAGES * PAGE));
    cr_assert_eq(errno, 99);
    cr_assert_eq(sigprocmask(SIG_BLOCK, NULL, &after), 0);
    for (int number = 1; number < 32; number++) {
        cr_assert_eq(sigismember(&before, number), sigismember(&after, number));
    }
}

Test(stack_bounds, reaching_ends_where_memory_ends)
{
    struct stack_bounds bounds = {.now = {0, 0}};
    uintptr_t pages = make_pages();
    cr_assert_not(stack_bounds_enter(&bounds, pages + 100), "a stack not seen before");
    cr_assert(stack_bounds_has(&bounds, pages + 100));
    cr_assert_not(stack_bounds_has(&bounds, pages + PAGE));
    cr_assert(stack_bounds_reach(&bounds, pages + 3 * PAGE - 4), "a word over a page's edge");
    cr_assert(stack_bounds_has(&bounds, pages + 3 * PAGE));
    cr_assert(stack_bounds_reach(&bounds, pages + PAGES * PAGE - 8));
    cr_assert_not(stack_bounds_reach(&bounds, pages + PAGES * PAGE - 7));
    cr_assert_not(stack_bounds_reach(&bounds, pages - 8), "below the stack pointer's page");
    cr_assert_not(stack_bounds_reach(&bounds, UINTPTR_MAX - 3));
}

Test(stack_bounds, a_stack_that_grows_is_the_same_stack)
{
    struct stack_bounds bounds = {.now = {0, 0}};
    uintptr_t pages = make_pages();
    cr_assert_not(stack_bounds_enter(&bounds, pages + 6 * PAGE));
    cr_assert(stack_bounds_enter(&bounds, pages + 6 * PAGE + 64));
    cr_assert(stack_bounds_enter(&bounds, pages + 8));
    cr_assert(stack_bounds_has(&bounds, pages + 3 * PAGE));
}

Test(stack_bounds, stacks_that_take_turns_are_remembered)
{
    struct stack_bounds bounds = {.now = {0, 0}};
    uintptr_t stacks[3] = {make_pages(), make_pages(), make_pages()};
    for (int i = 0; i < 3; i++) {
        cr_assert_not(stack_bounds_enter(&bounds, stacks[i] + 64));
        cr_assert(stack_bounds_reach(&bounds, stacks[i] + 2 * PAGE));
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_not(stack_bounds_enter(&bounds, stacks[i] + 64), "another one than before");
        cr_assert(stack_bounds_has(&bounds, stacks[i] + 2 * PAGE), "known without asking");
        cr_assert(stack_bounds_knows(&bounds, stacks[(i + 1) % 3]));
    }
}

Test(stack_bounds, an_unreadable_stack_has_no_bytes)
{
    struct stack_bounds bounds = {.now = {0, 0}};
    cr_assert_not(stack_bounds_enter(&bounds, 64));
    cr_assert_not(stack_bounds_has(&bounds, 64));
    cr_assert_not(stack_bounds_reach(&bounds, 64));
}

/* All of it from here on can be read. */
static void check_home(struct stack_range home)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    cr_assert(here >= home.low && here < home.high);
    for (uintptr_t at = here & ~(uintptr_t)7; at < home.high;
         at += at + PAGE < home.high ? PAGE : 8) {
        cr_assert(stack_bounds_probe(at));
    }
}

/* context: the lowest address of the thread's stack. */
static void *check_own_home(void *context)
{
    struct stack_range home = stack_bounds_home(false);
    check_home(home);
    cr_assert_geq(home.low, (uintptr_t)context, "another's memory is none of it");
    return NULL;
}

/* Memory below a stack, and what is between the two. */
static void *make_stack(size_t stack_bytes)
{
    size_t below_bytes = 256 << 10;
    char *memory = mmap(NULL, below_bytes + PAGE + stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)memory, MAP_FAILED);
    cr_assert_eq(mprotect(memory + below_bytes, PAGE, PROT_NONE), 0);
    return memory + below_bytes + PAGE;
}

Test(stack_bounds, a_thread_s_home_is_its_own)
{
    check_home(stack_bounds_home(true));
    for (size_t pages = 4; pages <= 2048; pages *= 8) {
        void *stack = make_stack(pages * PAGE);
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        cr_assert_eq(pthread_attr_setstack(&attributes, stack, pages * PAGE), 0);
        cr_assert_eq(pthread_create(&thread, &attributes, check_own_home, stack), 0);
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attributes);
    }
}
