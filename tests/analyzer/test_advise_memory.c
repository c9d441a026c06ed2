/* Kinds of findings about memory: zeroed, oversized, retained, and what looks like them. */
#include "insight/advise.h"

#include <criterion/criterion.h>

#include "advise_scene.h"

/* 200 buffers, one after the other. */
static struct advice *clear(struct scene *s, uint8_t call, uint64_t size, bool is_between)
{
    for (unsigned i = 0; i < 200; i++) {
        s->addr += 65536;
        uint64_t buffer = s->addr;
        add(s, call, buffer, size, HELPER);
        if (is_between) {
            drop(s, make(s, 100 + i, OTHER), OTHER);
        }
        drop(s, buffer, HELPER);
    }
    return finish(s);
}

Test(advise_memory, cleared_memory_that_goes_at_once_is_zeroed)
{
    struct scene s = set_up();
    struct advice *advice = clear(&s, CALL_CALLOC, 8192, false);
    const struct finding *f = of_kind(advice, FINDING_ZEROED);
    cr_assert_not_null(f);
    cr_assert_eq(f->saves.cleared_bytes, 200 * 8192);
    end(&s, advice);
}

Test(advise_memory, small_uncleared_or_kept_for_a_while_is_not_zeroed)
{
    static const struct {
        uint8_t call;
        uint64_t size;
        bool is_between;
    } cases[] = {{CALL_CALLOC, 256, false}, {CALL_MALLOC, 8192, false}, {CALL_CALLOC, 8192, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s = set_up();
        struct advice *advice = clear(&s, cases[i].call, cases[i].size, cases[i].is_between);
        cr_assert_null(of_kind(advice, FINDING_ZEROED), "case %zu", i);
        end(&s, advice);
    }
}

/* A structure that lives: many blocks of one size. */
static struct advice *hold(struct scene *s, const char *allocator, uint64_t size)
{
    s->p->processes.at[0].allocator = allocator;
    for (unsigned i = 0; i < 20000; i++) {
        make(s, size, LIST);
    }
    return finish(s);
}

Test(advise_memory, blocks_far_below_their_class_are_oversized)
{
    struct scene s = set_up();
    struct advice *advice = hold(&s, "/lib/libc.so.6", 9); /* glibc sets 24 bytes aside */
    const struct finding *f = of_kind(advice, FINDING_OVERSIZED);
    cr_assert_not_null(f);
    cr_assert_eq(f->confidence, FINDING_LOW, "computed, not measured");
    cr_assert_geq(number_of(f, "wasted_permille"), 1600);
    cr_assert_geq(f->saves.memory_bytes, 20000 * 14);
    end(&s, advice);
}

Test(advise_memory, blocks_that_fit_or_whose_classes_are_unknown_are_not_oversized)
{
    static const struct {
        const char *allocator;
        uint64_t size;
    } cases[] = {{"/lib/libc.so.6", 24}, {"/lib/libc.so.6", 120}, {"/lib/libmimalloc.so.2", 9}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s = set_up();
        struct advice *advice = hold(&s, cases[i].allocator, cases[i].size);
        cr_assert_null(of_kind(advice, FINDING_OVERSIZED), "case %zu", i);
        end(&s, advice);
    }
}

/* Large blocks, `alive` of them at a time, between small ones that make up most events. */
static struct advice *keep(struct scene *s, uint64_t size, unsigned alive)
{
    uint64_t kept[64] = {0};
    for (unsigned i = 0; i < 512; i++) {
        if (kept[i % alive] != 0) {
            drop(s, kept[i % alive], OTHER);
        }
        kept[i % alive] = make(s, size, HELPER);
        for (unsigned k = 0; k < 10; k++) {
            drop(s, make(s, 40 + k, LIST), LIST);
        }
    }
    return finish(s);
}

Test(advise_memory, large_blocks_that_live_long_are_retained)
{
    struct scene s = set_up();
    struct advice *advice = keep(&s, 1 << 20, 32);
    const struct finding *f = of_kind(advice, FINDING_RETAINED);
    cr_assert_not_null(f);
    cr_assert_eq(f->confidence, FINDING_LOW, "that little of them is needed, events cannot show");
    cr_assert_eq(number_of(f, "blocks_at_peak"), 32);
    cr_assert_geq(f->saves.memory_bytes, 32 << 20);
    end(&s, advice);
}

Test(advise_memory, few_small_or_passing_blocks_are_not_retained)
{
    static const struct {
        uint64_t size;
        unsigned alive;
    } cases[] = {{1 << 20, 3}, {1 << 15, 32}, {1 << 20, 16}, {70000, 14}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s = set_up();
        struct advice *advice = keep(&s, cases[i].size, cases[i].alive);
        cr_assert_null(of_kind(advice, FINDING_RETAINED), "case %zu", i);
        end(&s, advice);
    }
}

/* An arena's few chunks are held for the whole of a short run, however slow the machine is. */
Test(advise_memory, the_chunks_of_a_small_arena_are_not_retained)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 5; i++) {
        make(&s, 65552, HELPER);
        s.now_ns += 40000000;
    }
    struct advice *advice = finish(&s);
    cr_assert_null(of_kind(advice, FINDING_RETAINED));
    end(&s, advice);
}
