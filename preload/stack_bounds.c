#include "stack_bounds.h"

#include "base_sys.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

enum { BOUNDS_HOME_FIRST_BYTES = 1 << 20, BOUNDS_HOME_BYTES = 64 << 10 };

bool stack_bounds_probe(uintptr_t addr)
{
    if (!sys_may_call()) {
        return false;
    }
    long result = SYS_rt_sigprocmask;
    register long size __asm__("r10") = 8;
    /* Not through libc: errno is the host's, and no function of ours may be seen in between. */
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(-1L), "S"(addr), "d"(0L), "r"(size)
                     : "rcx", "r11", "memory");
    return result != -EFAULT && addr != 0; /* no set at all is not looked at */
}

static uintptr_t page_of(uintptr_t addr)
{
    return addr & ~(uintptr_t)(STACK_BOUNDS_PAGE - 1);
}

/* True when every page of [from, to) can be read; both are page-aligned. */
static bool probe_pages(uintptr_t from, uintptr_t to)
{
    if (to - from > (uintptr_t)STACK_BOUNDS_GAP_PAGES * STACK_BOUNDS_PAGE) {
        return false;
    }
    for (uintptr_t page = from; page < to; page += STACK_BOUNDS_PAGE) {
        if (!stack_bounds_probe(page)) {
            return false;
        }
    }
    return true;
}

/* Down from `high` to where memory ends, at most to `low`: below a thread's stack is its guard. */
static uintptr_t lowest_page(uintptr_t high, uintptr_t low)
{
    uintptr_t page = page_of(high);
    while (page > low && stack_bounds_probe(page - STACK_BOUNDS_PAGE)) {
        page -= STACK_BOUNDS_PAGE;
    }
    return page;
}

struct stack_range stack_bounds_home(bool is_first)
{
    uintptr_t high;
    if (is_first) {
        /* The kernel's, above main's frame; below the stack it keeps 128 MiB free. */
        high = getauxval(AT_RANDOM) & ~(uintptr_t)7;
        return high > BOUNDS_HOME_FIRST_BYTES
                   ? (struct stack_range){high - BOUNDS_HOME_FIRST_BYTES, high}
                   : (struct stack_range){0, 0};
    }
    __asm__("mov %%fs:0, %0" : "=r"(high)); /* glibc's, on top of the stack, in its mapping */
    return high > BOUNDS_HOME_BYTES
               ? (struct stack_range){lowest_page(high, high - BOUNDS_HOME_BYTES), high}
               : (struct stack_range){0, 0};
}

static bool contains(const struct stack_range *range, uintptr_t addr)
{
    return addr >= range->low && addr < range->high;
}

static void swap(struct stack_range *a, struct stack_range *b)
{
    struct stack_range was = *a;
    *a = *b;
    *b = was;
}

static bool find_other(struct stack_bounds *bounds, uintptr_t sp)
{
    for (unsigned i = 0; i < STACK_BOUNDS_OTHERS; i++) {
        if (contains(&bounds->others[i], sp)) {
            swap(&bounds->now, &bounds->others[i]);
            return true;
        }
    }
    return false;
}

bool stack_bounds_enter_other(struct stack_bounds *bounds, uintptr_t sp)
{
    if (find_other(bounds, sp)) {
        return false;
    }
    uintptr_t page = page_of(sp);
    if (page < bounds->now.low && probe_pages(page, bounds->now.low)) {
        bounds->now.low = page; /* the stack has grown */
        return true;
    }
    bounds->others[bounds->next] = bounds->now;
    bounds->next = (bounds->next + 1) % STACK_BOUNDS_OTHERS;
    bounds->now.low = page;
    bounds->now.high = stack_bounds_probe(page) ? page + STACK_BOUNDS_PAGE : page;
    return false;
}

bool stack_bounds_reach(struct stack_bounds *bounds, uintptr_t addr)
{
    if (addr < bounds->now.low || addr > UINTPTR_MAX - 2 * STACK_BOUNDS_PAGE) {
        return false;
    }
    uintptr_t high = page_of(addr + 7) + STACK_BOUNDS_PAGE;
    if (high > bounds->now.high) {
        if (!probe_pages(bounds->now.high, high)) {
            return false;
        }
        bounds->now.high = high;
    }
    return true;
}

bool stack_bounds_knows(const struct stack_bounds *bounds, uintptr_t addr)
{
    if (stack_bounds_has(bounds, addr)) {
        return true;
    }
    for (unsigned i = 0; i < STACK_BOUNDS_OTHERS; i++) {
        const struct stack_range *range = &bounds->others[i];
        if (contains(range, addr) && range->high - addr >= 8) {
            return true;
        }
    }
    return false;
}
