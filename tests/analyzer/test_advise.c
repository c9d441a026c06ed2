/* Kinds of findings on events made up for them: each definition, and what looks like it. */
#include "insight/advise.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "advise_scene.h"

static void grow(struct scene *s, uint64_t steps, uint64_t (*next)(uint64_t size))
{
    uint64_t size = 8;
    uint64_t block = make(s, size, HELPER);
    for (uint64_t i = 0; i < steps; i++) {
        size = next(size);
        uint64_t longer = make(s, size, HELPER);
        drop(s, block, OTHER);
        block = longer;
    }
    drop(s, block, OTHER);
}

static uint64_t plus_eight(uint64_t size)
{
    return size + 8;
}

static uint64_t twice(uint64_t size)
{
    return size * 2;
}

static uint64_t plus_an_eighth(uint64_t size)
{
    return size + size / 8 + 6; /* CPython's lists */
}

Test(advise, growth_is_additive)
{
    struct scene s = set_up();
    grow(&s, 400, plus_eight);
    struct advice *advice = finish(&s);
    cr_assert_eq(advice->findings.count, 1);
    const struct finding *f = &advice->findings.at[0];
    cr_assert_eq(f->kind, FINDING_GROWTH);
    cr_assert_eq(f->confidence, FINDING_HIGH);
    cr_assert_eq(number_of(f, "steps"), 400);
    cr_assert_eq(number_of(f, "copies_of_final_size"), 8 * 400 * 401 / 2 / (8 * 401));
    cr_assert_eq(f->saves.calls, 400 - 9, "8 doubles 9 times to hold 3208");
    end(&s, advice);
}

Test(advise, short_growth_beside_long_is_saved_too)
{
    struct scene s = set_up();
    grow(&s, 400, plus_eight);
    for (unsigned i = 0; i < 20; i++) {
        grow(&s, 3, plus_eight);
    }
    struct advice *advice = finish(&s);
    cr_assert_eq(advice->findings.count, 1);
    const struct finding *f = &advice->findings.at[0];
    cr_assert_eq(f->kind, FINDING_GROWTH);
    cr_assert_eq(number_of(f, "steps"), 400);
    cr_assert_eq(number_of(f, "short_steps"), 60);
    cr_assert_eq(f->saves.calls, 400 - 9 + 60);
    cr_assert_eq(f->saves.copied_bytes, 8 * 400 * 401 / 2 - 8 * 401 + 20 * 8 * (1 + 2 + 3));
    end(&s, advice);
}

Test(advise, geometric_growth_is_right)
{
    for (unsigned way = 0; way < 2; way++) {
        struct scene s = set_up();
        for (unsigned i = 0; i < 40; i++) { /* to sizes that differ */
            grow(&s, way == 0 ? 2 + i % 9 : 20 + i, way == 0 ? twice : plus_an_eighth);
        }
        struct advice *advice = finish(&s);
        cr_assert_null(of_kind(advice, FINDING_GROWTH));
        cr_assert_null(of_kind(advice, FINDING_PRESIZE));
        end(&s, advice);
    }
}

Test(advise, presize_ends_at_one_size)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 50; i++) {
        grow(&s, i == 7 ? 3 : 6, twice); /* one of fifty is shorter */
    }
    struct advice *advice = finish(&s);
    const struct finding *f = of_kind(advice, FINDING_PRESIZE);
    cr_assert_not_null(f);
    cr_assert_eq(f->confidence, FINDING_HIGH);
    cr_assert_eq(number_of(f, "same_size_permille"), 980);
    cr_assert_eq(f->saves.calls, 49 * 6 + 3);
    end(&s, advice);
}

Test(advise, many_steps_add_little_each)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 100; i++) {
        uint64_t size = 60;
        uint64_t block = make(&s, size, HELPER);
        for (unsigned step = 0; step < 3; step++) {
            uint64_t longer = make(&s, size += 5 + (i + step) % 4, HELPER);
            drop(&s, block, HELPER);
            block = longer;
        }
        drop(&s, block, OTHER);
    }
    struct advice *advice = finish(&s);
    cr_assert_eq(advice->findings.count, 1);
    cr_assert_eq(advice->findings.at[0].kind, FINDING_MANY_STEPS);
    cr_assert_eq(advice->findings.at[0].saves.calls, 300);
    end(&s, advice);
}

/* Two blocks for two purposes, of which the larger one stays a little longer. */
Test(advise, two_blocks_in_a_row_are_no_growth)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 100; i++) {
        uint64_t name = make(&s, 12, HELPER);
        uint64_t value = make(&s, 100, HELPER);
        drop(&s, name, HELPER);
        drop(&s, value, HELPER);
    }
    struct advice *advice = finish(&s);
    cr_assert_null(of_kind(advice, FINDING_PRESIZE));
    cr_assert_null(of_kind(advice, FINDING_MANY_STEPS));
    end(&s, advice);
}

/* A value that is replaced now and then, by one of any size. */
Test(advise, replaced_values_are_no_steps)
{
    struct scene s = set_up();
    uint64_t random = 1;
    uint64_t block = make(&s, 100, HELPER);
    for (unsigned i = 0; i < 2000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        uint64_t next = make(&s, 1 + (random >> 33) % 1000, HELPER);
        drop(&s, block, HELPER);
        block = next;
    }
    struct advice *advice = finish(&s);
    cr_assert_null(of_kind(advice, FINDING_GROWTH));
    cr_assert_null(of_kind(advice, FINDING_MANY_STEPS));
    cr_assert_null(of_kind(advice, FINDING_PRESIZE));
    end(&s, advice);
}

Test(advise, scratch_stays_in_its_activation_and_temporary_leaves_it)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 200; i++) {
        uint64_t block = make(&s, 48, HELPER);
        uint64_t inner = make(&s, 48, OTHER);
        s.sp = 9; /* freed by the caller */
        drop(&s, inner, ELSEWHERE);
        s.sp = 7;
        drop(&s, block, HELPER);
    }
    struct advice *advice = finish(&s);
    cr_assert_eq(advice->findings.count, 2);
    const struct finding *scratch = of_kind(advice, FINDING_SCRATCH);
    cr_assert_not_null(scratch);
    cr_assert_eq(scratch->confidence, FINDING_HIGH);
    cr_assert_eq(scratch->saves.calls, 200);
    cr_assert_eq(scratch->saves.ns, 200 * 80, "each malloc and each free took 40 ns");
    cr_assert_not_null(of_kind(advice, FINDING_TEMPORARY));
    end(&s, advice);
}

Test(advise, an_arena_dies_in_a_burst_and_a_list_is_no_scratch)
{
    struct scene s = set_up();
    uint64_t blocks[600];
    for (unsigned i = 0; i < 600; i++) {
        blocks[i] = make(&s, 48, LIST);
    }
    for (unsigned i = 0; i < 600; i++) {
        drop(&s, blocks[i], LIST);
    }
    struct advice *advice = finish(&s);
    cr_assert_eq(advice->findings.count, 1);
    cr_assert_eq(advice->findings.at[0].kind, FINDING_ARENA);
    cr_assert_eq(number_of(&advice->findings.at[0], "bursts"), 1);
    end(&s, advice);
}

Test(advise, a_queue_is_no_arena)
{
    struct scene s = set_up();
    uint64_t blocks[600];
    for (unsigned i = 0; i < 600; i++) {
        blocks[i] = make(&s, 48 + i % 97 * 16, LIST);
        if (i >= 300) {
            drop(&s, blocks[i - 300], ELSEWHERE);
        }
    }
    struct advice *advice = finish(&s);
    cr_assert_null(of_kind(advice, FINDING_ARENA));
    cr_assert_null(of_kind(advice, FINDING_POOL), "half of them are alive at once");
    end(&s, advice);
}

/* Two blocks alive at once, again and again; and the same where each lives through many others. */
Test(advise, a_pool_would_serve_and_a_cold_one_does_not)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 400; i++) {
        uint64_t one = make(&s, 4000, HELPER);
        uint64_t two = make(&s, 4000, HELPER);
        drop(&s, one, ELSEWHERE);
        drop(&s, two, ELSEWHERE);
    }
    for (unsigned i = 0; i < 120; i++) {
        uint64_t kept = make(&s, 2048, OTHER);
        for (unsigned k = 0; k < 80; k++) {
            (void)make(&s, 16 + 16 * k, LIST); /* what goes on meanwhile, of many sizes */
        }
        drop(&s, kept, ELSEWHERE);
    }
    struct advice *advice = finish(&s);
    const struct finding *pool = of_kind(advice, FINDING_POOL);
    cr_assert_not_null(pool);
    cr_assert_eq(number_of(pool, "pool_blocks"), 2);
    cr_assert_eq(pool->saves.calls, 798);
    const struct finding *cold = of_kind(advice, FINDING_COLD_POOL);
    cr_assert_not_null(cold);
    cr_assert_eq(cold->confidence, FINDING_LOW);
    cr_assert_eq(cold->saves.calls, 119);
    end(&s, advice);
}

/* A table that is kept to the end, and blocks of which every eighth is forgotten. */
static void forget(struct scene *s, uint64_t table_bytes)
{
    for (unsigned i = 0; i < 30; i++) {
        (void)make(s, table_bytes / 30, OTHER);
    }
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t block = make(s, 64, HELPER);
        if (i % 8 != 0) {
            drop(s, block, ELSEWHERE);
        }
    }
}

Test(advise, a_leak_comes_all_along_and_a_table_at_the_start)
{
    struct scene s = set_up();
    forget(&s, 1920);
    struct advice *advice = finish(&s);
    const struct finding *leak = of_kind(advice, FINDING_LEAK);
    cr_assert_not_null(leak);
    cr_assert_eq(leak->confidence, FINDING_HIGH);
    cr_assert_eq(leak->saves.memory_bytes, 500 * 64);
    for (size_t i = 0; i < advice->findings.count; i++) {
        cr_assert_neq(s.p->sites.at[advice->findings.at[i].site].path, s.path[OTHER]);
    }
    end(&s, advice);
}

Test(advise, who_leaves_much_to_the_system_may_keep_the_rest_on_purpose)
{
    struct scene s = set_up();
    forget(&s, 60000);
    struct advice *advice = finish(&s);
    const struct finding *leak = of_kind(advice, FINDING_LEAK);
    cr_assert_not_null(leak);
    cr_assert_eq(leak->confidence, FINDING_LOW);
    end(&s, advice);
}

Test(advise, small_blocks_that_come_and_go_are_no_boxes)
{
    for (unsigned alive = 2000; alive != 0; alive = alive == 2000 ? 120 : 0) {
        struct scene s = set_up();
        uint64_t blocks[2000];
        for (unsigned i = 0; i < 4000; i++) {
            if (i >= alive) {
                drop(&s, blocks[(i - alive) % 2000], LIST);
            }
            blocks[i % 2000] = make(&s, 8, LIST);
        }
        struct advice *advice = finish(&s);
        cr_assert_eq(of_kind(advice, FINDING_BOXED) != NULL, alive == 2000, "%u alive", alive);
        end(&s, advice);
    }
}

Test(advise, blocks_that_wander_between_threads_at_a_price)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t block = make(&s, 64 + i % 50 * 64, HELPER);
        s.thread = 1;
        s.now_ns += 1000;
        struct heap_event event = {.time_ns = s.now_ns,
                                   .addr = block,
                                   .path = s.path[ELSEWHERE],
                                   .thread = 1,
                                   .latency = loglin_code(900),
                                   .call = CALL_FREE};
        heap_add(s.heap, &event, 1);
        s.thread = 0;
        for (unsigned k = 0; k < 2; k++) { /* the usual free takes 40 ns */
            uint64_t usual = make(&s, 64 + i % 50 * 64, OTHER);
            drop(&s, usual, OTHER);
        }
    }
    struct advice *advice = finish(&s);
    const struct finding *f = of_kind(advice, FINDING_PING_PONG);
    cr_assert_not_null(f);
    cr_assert_eq(number_of(f, "blocks"), 3000);
    cr_assert_gt(f->saves.ns, 3000 * 800);
    cr_assert_eq(s.p->sites.at[f->site].path, s.path[HELPER]);
    end(&s, advice);
}

/* 20 of 4000 calls take a thousand times as long as the others. */
static struct advice *tail_of(struct scene *s, uint64_t size, bool is_together)
{
    for (unsigned i = 0; i < 4000; i++) {
        bool is_slow = i % 200 == 7;
        s->addr += 4096;
        s->now_ns += 100000;
        for (uint32_t thread = 0; thread < (is_slow && is_together ? 2U : 1U); thread++) {
            struct heap_event event = {.time_ns = s->now_ns,
                                       .addr = s->addr + 64 * thread,
                                       .size = size + i % 50 * 64,
                                       .path = s->path[HELPER],
                                       .thread = thread,
                                       .tid = 70 + thread,
                                       .latency = loglin_code(is_slow ? 90000 : 40),
                                       .call = CALL_MALLOC};
            heap_add(s->heap, &event, 1);
        }
    }
    return finish(s);
}

Test(advise, slow_calls_say_what_events_hint_at)
{
    static const struct {
        uint64_t size;
        bool is_together;
        const char *cause;
    } cases[] = {
        {64, false, "not known"}, {64, true, "other threads"}, {200000, false, "the size"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s = set_up();
        struct advice *advice = tail_of(&s, cases[i].size, cases[i].is_together);
        const struct finding *f = of_kind(advice, FINDING_SLOW_CALLS);
        cr_assert_not_null(f);
        cr_assert_eq(f->confidence, FINDING_LOW);
        cr_assert_not_null(strstr(f->cause, cases[i].cause), "%s", f->cause);
        cr_assert_geq(number_of(f, "slow_calls"), 20);
        end(&s, advice);
    }
}

/* What was measured within the calls is more than a hint. */
Test(advise, slow_calls_name_the_cause_that_was_measured)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 15; i++) {
        struct heap_event met = {.time_ns = s.now_ns,
                                 .addr = 64,
                                 .size = 30,
                                 .path = s.path[HELPER],
                                 .latency = loglin_code(90000),
                                 .call = CALL_MALLOC,
                                 .flags = SESSION_EVENT_USAGE};
        heap_add(s.heap, &met, 1);
    }
    struct advice *advice = tail_of(&s, 64, true);
    const struct finding *f = of_kind(advice, FINDING_SLOW_CALLS);
    cr_assert_not_null(f);
    cr_assert_eq(f->cause_kind, PROFILE_CAUSE_FIRST_TOUCH);
    cr_assert_eq(f->confidence, FINDING_MEDIUM);
    cr_assert_eq(number_of(f, "measured_calls"), 15);
    cr_assert_eq(number_of(f, "page_faults"), 15 * 30);
    end(&s, advice);
}

Test(advise, one_call_that_met_the_scheduler_is_no_tail)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 2000; i++) {
        s.now_ns += 1000;
        struct heap_event event = {.time_ns = s.now_ns,
                                   .addr = 4096 + 64 * i,
                                   .size = 64 + i % 50 * 64,
                                   .path = s.path[HELPER],
                                   .latency = loglin_code(i % 700 == 3 ? 4000000 : 40),
                                   .call = CALL_MALLOC};
        heap_add(s.heap, &event, 1);
    }
    struct advice *advice = finish(&s);
    cr_assert_null(of_kind(advice, FINDING_SLOW_CALLS));
    end(&s, advice);
}

Test(advise, silence_and_threshold_leave_out)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 200; i++) {
        drop(&s, make(&s, 48, HELPER), HELPER);
    }
    advise_destroy(finish(&s));
    const struct {
        struct advise_silence silence;
        uint32_t findings;
    } cases[] = {{{FINDING_SCRATCH, NULL}, 0},
                 {{FINDING_SCRATCH, "help*"}, 0},
                 {{FINDING_SCRATCH, "helpers"}, 1},
                 {{FINDING_LEAK, NULL}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct advice *advice = advise_profile(
            s.p, &(struct advise_options){.silences = &cases[i].silence, .silence_count = 1});
        cr_assert_eq(advice->findings.count, cases[i].findings, "case %zu", i);
        cr_assert_eq(advice->silenced, 1 - cases[i].findings);
        advise_destroy(advice);
    }
    end(&s, advise_profile(s.p, &(struct advise_options){.threshold_permille = 1001}));
}

/* A recording is a file that anyone may have made. */
Test(advise, numbers_that_cannot_be_do_no_harm)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 200; i++) {
        drop(&s, make(&s, 48, HELPER), HELPER);
    }
    advise_destroy(finish(&s));
    struct profile_site *site = &s.p->sites.at[s.p->paths.at[s.path[HELPER]].site];
    const uint64_t odd[] = {0, 1, 64, UINT64_MAX};
    for (unsigned i = 0; i < 256; i++) {
        uint64_t a = odd[i & 3];
        uint64_t b = odd[i >> 2 & 3];
        uint64_t c = odd[i >> 4 & 3];
        site->growth.chains = a;
        site->growth.steps = b;
        site->growth.by_copy_steps = c;
        site->growth.longs = (struct profile_long){odd[i >> 6 & 3], b, c, a, b, c, a};
        site->replaced = site->max_blocks = a;
        site->live_blocks = site->live_bytes = b;
        site->burst_frees = site->held_byte_us = c;
        site->freed = odd[i >> 6 & 3];
        advise_destroy(advise_profile(s.p, &(struct advise_options){.threshold_permille = 0}));
    }
    profile_destroy(s.p);
}

Test(advise, counters_alone_tell_nothing)
{
    struct scene s = set_up();
    for (unsigned i = 0; i < 200; i++) {
        drop(&s, make(&s, 48, HELPER), HELPER);
    }
    s.p->run.counters_only = true;
    struct advice *advice = finish(&s);
    cr_assert_eq(advice->findings.count, 0);
    cr_assert_not_null(advice->cannot_tell);
    end(&s, advice);
}
