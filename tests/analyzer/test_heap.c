#include "heap/heap.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A profile with one process, a main frame and leaf paths under it (and one under another frame);
 * the event under construction. */
struct scene {
    struct profile *p;
    struct heap *heap;
    uint32_t path[4]; /* 0..2 under main, 3 under other */
    uint64_t now_ns;
};

static struct scene set_up(uint32_t processes)
{
    struct scene s = {.p = profile_create()};
    for (uint32_t i = 0; i < processes; i++) {
        MEM_PUSH(&s.p->processes)->pid = 100 + i;
    }
    uint32_t main_path = profile_path(s.p, 0, profile_frame(s.p, 0, 1, 0), false);
    uint32_t other = profile_path(s.p, 0, profile_frame(s.p, 0, 2, 0), false);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t parent = i < 3 ? main_path : other;
        s.path[i] = profile_path(s.p, parent, profile_frame(s.p, 0, 10 + i, 0), false);
    }
    s.heap = heap_create(s.p);
    return s;
}

static void tear_down(struct scene *s)
{
    heap_destroy(s->heap);
    profile_destroy(s->p);
}

static struct heap_event event_at(struct scene *s, uint8_t call, uint64_t addr, uint64_t size,
                                  unsigned path)
{
    s->now_ns += 10;
    return (struct heap_event){.time_ns = s->now_ns,
                               .addr = addr,
                               .size = size,
                               .path = s->path[path],
                               .sp = 7,
                               .latency = 20,
                               .call = call};
}

static void add(struct scene *s, struct heap_event event)
{
    heap_add(s->heap, &event, 1);
}

static void alloc(struct scene *s, uint64_t addr, uint64_t size, unsigned path)
{
    add(s, event_at(s, CALL_MALLOC, addr, size, path));
}

static void end(struct scene *s, uint64_t addr, unsigned path)
{
    add(s, event_at(s, CALL_FREE, addr, 0, path));
}

static void resize(struct scene *s, uint64_t old, uint64_t addr, uint64_t size, unsigned path)
{
    struct heap_event half = event_at(s, CALL_REALLOC, old, 0, path); /* as the hooks write it */
    half.latency = 0;
    half.flags = SESSION_EVENT_OLD;
    add(s, half);
    add(s, event_at(s, CALL_REALLOC, addr, size, path));
}

static const struct profile_site *site(const struct scene *s, unsigned path)
{
    return &s->p->sites.at[s->p->paths.at[s->path[path]].site];
}

Test(heap, a_malloc_and_a_free_add_up)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 100, 0);
    alloc(&s, 32, 50, 1);
    end(&s, 16, 2);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.allocs, 2);
    cr_assert_eq(s.p->totals.frees, 1);
    cr_assert_eq(s.p->totals.bytes, 150);
    cr_assert_eq(s.p->totals.peak_bytes, 150);
    cr_assert_eq(s.p->totals.peak_blocks, 2);
    cr_assert_eq(s.p->totals.peak_at_ns, 20);
    cr_assert_eq(s.p->totals.live_bytes, 50);
    cr_assert_eq(s.p->totals.live_blocks, 1);
    cr_assert_eq(s.p->totals.ns, 60);
    cr_assert_eq(s.p->events_seen, 3);
    cr_assert_eq(site(&s, 0)->peak_bytes, 100);
    cr_assert_eq(site(&s, 0)->live_bytes, 0);
    cr_assert_eq(site(&s, 0)->freed, 1);
    cr_assert_eq(hist_max(&site(&s, 0)->life_ns), 20);
    cr_assert_eq(hist_max(&site(&s, 0)->life_allocs), 1);
    cr_assert_eq(site(&s, 2)->free_calls, 1);
    cr_assert_eq(s.p->calls[CALL_MALLOC].calls, 2);
    cr_assert_eq(s.p->call_latency[CALL_MALLOC].count, 2);
    tear_down(&s);
}

Test(heap, peak_shares_are_those_of_the_moment)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 100, 0);
    alloc(&s, 32, 70, 1);
    end(&s, 16, 0);
    alloc(&s, 48, 60, 1);
    alloc(&s, 64, 39, 2);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.peak_bytes, 170);
    cr_assert_eq(site(&s, 0)->peak_bytes, 100);
    cr_assert_eq(site(&s, 1)->peak_bytes, 70);
    cr_assert_eq(site(&s, 2)->peak_bytes, 0);
    cr_assert_eq(site(&s, 1)->max_bytes, 130);
    tear_down(&s);
}

Test(heap, temporary_is_freed_before_its_thread_allocates_again)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 1, 0);
    end(&s, 16, 0); /* temporary */
    alloc(&s, 16, 1, 0);
    alloc(&s, 32, 1, 0);
    end(&s, 16, 0); /* not: allocated again */
    struct heap_event elsewhere = event_at(&s, CALL_FREE, 32, 0, 0);
    elsewhere.thread = 1;
    add(&s, elsewhere); /* not: another thread */
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.temporaries, 1);
    cr_assert_eq(site(&s, 0)->temporaries, 1);
    tear_down(&s);
}

Test(heap, failed_and_null_calls_end_nothing)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    struct heap_event failed = event_at(&s, CALL_REALLOC, 16, 1000, 0);
    failed.flags = SESSION_EVENT_FAILED;
    add(&s, failed);
    struct heap_event null = event_at(&s, CALL_FREE, 0, 0, 0);
    null.flags = SESSION_EVENT_NULL;
    add(&s, null);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.allocs, 1);
    cr_assert_eq(s.p->totals.frees, 0);
    cr_assert_eq(s.p->totals.failed, 1);
    cr_assert_eq(s.p->totals.unknown_frees, 0);
    cr_assert_eq(s.p->calls[CALL_FREE].calls, 1);
    cr_assert_eq(s.p->calls[CALL_REALLOC].failed, 1);
    cr_assert_eq(s.p->totals.live_bytes, 10);
    tear_down(&s);
}

Test(heap, a_realloc_is_one_call_one_allocation_and_one_free)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    resize(&s, 16, 32, 30, 1);
    struct heap_event to_zero = event_at(&s, CALL_REALLOC, 32, 0, 1);
    to_zero.flags = SESSION_EVENT_OLD | SESSION_EVENT_NULL;
    add(&s, to_zero);
    heap_settle(s.heap);
    cr_assert_eq(s.p->calls[CALL_REALLOC].calls, 2);
    cr_assert_eq(s.p->calls[CALL_REALLOC].allocs, 1);
    cr_assert_eq(s.p->calls[CALL_REALLOC].frees, 2);
    cr_assert_eq(s.p->call_latency[CALL_REALLOC].count, 2, "halves of a call have one time");
    cr_assert_eq(s.p->totals.bytes, 40);
    cr_assert_eq(s.p->totals.live_blocks, 0);
    cr_assert_eq(s.p->totals.peak_bytes, 30, "the old block ends before the new one begins");
    tear_down(&s);
}

Test(heap, realloc_chains_belong_to_their_latest_site)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    resize(&s, 16, 32, 20, 0);
    resize(&s, 32, 32, 15, 0); /* shrinks: no step, the chain goes on */
    resize(&s, 32, 48, 40, 1);
    heap_settle(s.heap);
    cr_assert_eq(site(&s, 1)->growth.chains, 1, "a chain that still stands is told");
    end(&s, 48, 2);
    heap_settle(s.heap);
    const struct profile_growth *g = &site(&s, 1)->growth;
    cr_assert_eq(g->chains, 1);
    cr_assert_eq(g->steps, 2);
    cr_assert_eq(g->steps_max, 2);
    cr_assert_eq(g->copied_bytes, 25);
    cr_assert_eq(g->first_bytes, 10);
    cr_assert_eq(g->last_bytes, 40);
    cr_assert_eq(g->by_copy_steps, 0);
    cr_assert_eq(g->geometric_steps, 2);
    cr_assert_eq(g->in_place_steps, 0, "both moved");
    cr_assert_eq(g->longs.chains, 0, "two steps are no long chain");
    cr_assert_eq(g->last_size.count, 1);
    cr_assert_eq(site(&s, 0)->growth.chains, 0);
    tear_down(&s);
}

Test(heap, malloc_copy_free_is_a_chain_too)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    for (uint64_t i = 1; i <= 5; i++) { /* s += piece */
        alloc(&s, 16 + 16 * i, 10 + 10 * i, 0);
        end(&s, 16 * i, 0);
    }
    alloc(&s, 1600, 500, 3);
    end(&s, 96, 0); /* after foreign code allocated: the end of the chain */
    heap_settle(s.heap);
    const struct profile_growth *g = &site(&s, 0)->growth;
    cr_assert_eq(g->chains, 1);
    cr_assert_eq(g->steps, 5);
    cr_assert_eq(g->by_copy_steps, 5);
    cr_assert_eq(g->copied_bytes, 10 + 20 + 30 + 40 + 50);
    cr_assert_eq(g->first_bytes, 10);
    cr_assert_eq(g->last_bytes, 60);
    tear_down(&s);
}

/* f appends at two places: url = join(url, port); url = join(url, path). */
Test(heap, a_chain_goes_on_at_another_site_of_the_same_function)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    alloc(&s, 32, 20, 1);
    end(&s, 16, 2);
    alloc(&s, 48, 30, 0);
    end(&s, 32, 2);
    end(&s, 48, 3);
    heap_settle(s.heap);
    cr_assert_eq(site(&s, 0)->growth.chains, 1, "told at its last block's site");
    cr_assert_eq(site(&s, 0)->growth.steps, 2);
    cr_assert_eq(site(&s, 0)->growth.first_bytes, 10);
    cr_assert_eq(site(&s, 0)->replaced, 1);
    cr_assert_eq(site(&s, 1)->replaced, 1);
    cr_assert_eq(site(&s, 1)->growth.chains, 0);
    tear_down(&s);
}

/* s = s + x: a copy of s grows, then s goes. */
Test(heap, of_two_chains_that_meet_the_longer_one_goes_on)
{
    struct scene s = set_up(1);
    uint64_t text = 16;
    alloc(&s, text, 100, 0);
    for (uint64_t i = 1; i <= 50; i++) {
        uint64_t copy = 16 + 64 * i;
        alloc(&s, copy, 99 + 2 * i, 1);
        alloc(&s, copy + 32, 100 + 2 * i, 0);
        end(&s, copy, 2);
        end(&s, text, 2);
        text = copy + 32;
    }
    end(&s, text, 3);
    heap_settle(s.heap);
    cr_assert_eq(site(&s, 0)->growth.steps_max, 50);
    cr_assert_eq(site(&s, 0)->growth.longs.chains, 1);
    cr_assert_eq(site(&s, 0)->growth.longs.steps, 50);
    tear_down(&s);
}

Test(heap, a_block_that_grows_in_place_is_not_copied)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 1600, 0);
    resize(&s, 16, 16, 1700, 0);
    resize(&s, 16, 16, 1701, 0);
    resize(&s, 16, 32, 1800, 0);
    heap_settle(s.heap);
    const struct profile_growth *g = &site(&s, 0)->growth;
    cr_assert_eq(g->steps, 3);
    cr_assert_eq(g->in_place_steps, 2);
    cr_assert_eq(g->in_place_bytes, 1600 + 1700);
    cr_assert_eq(g->copied_bytes - g->in_place_bytes, 1701);
    cr_assert_eq(g->geometric_steps, 1, "1600 + 100 is; 1700 + 1 and 1701 + 99 are not");
    tear_down(&s);
}

Test(heap, a_smaller_or_a_foreign_block_is_no_growth)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 100, 0);
    alloc(&s, 32, 50, 0);
    end(&s, 16, 0); /* replaced by a smaller one */
    alloc(&s, 48, 80, 3);
    end(&s, 32, 0); /* by one that code elsewhere made */
    alloc(&s, 64, 90, 3);
    struct heap_event elsewhere = event_at(&s, CALL_FREE, 48, 0, 3);
    elsewhere.thread = 1;
    add(&s, elsewhere); /* larger, of the same site; but another thread frees */
    heap_settle(s.heap);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(site(&s, i)->growth.chains, 0);
    }
    tear_down(&s);
}

Test(heap, deaths_in_a_row_are_a_burst)
{
    struct scene s = set_up(1);
    for (uint64_t i = 1; i <= 100; i++) {
        alloc(&s, 16 * i, 8, 0);
    }
    for (uint64_t i = 1; i <= 100; i++) {
        end(&s, 16 * i, 0);
    }
    for (uint64_t i = 1; i <= 1000; i++) { /* one born between: no burst */
        alloc(&s, 16, 8, 1);
        end(&s, 16, 1);
    }
    heap_settle(s.heap);
    cr_assert_eq(site(&s, 0)->burst_frees, 100 - PROFILE_BURST_FREES + 1);
    cr_assert_eq(site(&s, 0)->bursts, 1);
    cr_assert_eq(site(&s, 0)->max_blocks, 100);
    cr_assert_eq(site(&s, 1)->burst_frees, 0);
    cr_assert_eq(site(&s, 1)->max_blocks, 1);
    tear_down(&s);
}

/* One thread makes, another frees and never allocates: it takes nothing apart. */
Test(heap, a_consumer_is_no_burst)
{
    struct scene s = set_up(1);
    for (uint64_t i = 1; i <= 1000; i++) {
        alloc(&s, 16 * i, 8, 0);
        if (i > 10) {
            struct heap_event died = event_at(&s, CALL_FREE, 16 * (i - 10), 0, 0);
            died.thread = 1;
            add(&s, died);
        }
    }
    heap_settle(s.heap);
    cr_assert_eq(site(&s, 0)->freed, 990);
    cr_assert_eq(site(&s, 0)->burst_frees, 0);
    tear_down(&s);
}

Test(heap, what_is_never_freed_tells_when_it_was_born_and_how_long_it_was_held)
{
    struct scene s = set_up(1);
    for (uint64_t i = 1; i <= 40; i++) {
        alloc(&s, 16 * i, 8, i <= 10 ? 0 : 1);
        if (i % 10 != 0) {
            end(&s, 16 * i, 0);
        }
    }
    s.now_ns += 1000000;
    alloc(&s, 16, 1000, 2);
    s.now_ns += 7000000 - 10;
    end(&s, 16, 2);
    heap_process_ended(s.heap, 0);
    heap_settle(s.heap);
    cr_assert_eq(site(&s, 0)->live_in_quarter[0], 1);
    cr_assert_eq(site(&s, 1)->live_blocks, 3);
    cr_assert_eq(site(&s, 1)->live_in_quarter[0], 0);
    cr_assert_eq(site(&s, 1)->live_in_quarter[1] + site(&s, 1)->live_in_quarter[2] +
                     site(&s, 1)->live_in_quarter[3],
                 3);
    cr_assert_eq(site(&s, 2)->held_byte_us, 1000 * 7000);
    cr_assert_geq(site(&s, 1)->held_byte_us, 3 * 8 * 8000);
    tear_down(&s);
}

Test(heap, pairs_tell_thread_and_frame)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    end(&s, 16, 1); /* same thread, same caller chain, same stack position */
    alloc(&s, 16, 10, 0);
    struct heap_event deeper = event_at(&s, CALL_FREE, 16, 0, 1);
    deeper.sp = 8;
    add(&s, deeper);
    alloc(&s, 16, 10, 0);
    struct heap_event elsewhere = event_at(&s, CALL_FREE, 16, 0, 1);
    elsewhere.thread = 3;
    add(&s, elsewhere);
    alloc(&s, 16, 10, 0);
    end(&s, 16, 3); /* freed under another function */
    heap_settle(s.heap);
    cr_assert_eq(s.p->pairs.count, 2);
    cr_assert_eq(s.p->pairs.at[0].count, 3);
    cr_assert_eq(s.p->pairs.at[0].bytes, 30);
    cr_assert_eq(s.p->pairs.at[0].same_thread, 2);
    cr_assert_eq(s.p->pairs.at[0].same_frame, 1);
    cr_assert_eq(s.p->pairs.at[1].same_frame, 0);
    tear_down(&s);
}

Test(heap, an_allocation_waits_for_the_free_before_it)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    struct heap_event late = event_at(&s, CALL_FREE, 16, 0, 1);
    alloc(&s, 16, 20, 0);
    add(&s, late);
    end(&s, 16, 1);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.live_blocks, 0);
    cr_assert_eq(s.p->totals.unknown_frees, 0);
    cr_assert_eq(s.p->late_events, 1);
    cr_assert_eq(s.p->pairs.at[0].count, 2);
    cr_assert_eq(s.p->pairs.at[0].bytes, 30);
    cr_assert_eq(s.p->totals.peak_bytes, 20);
    tear_down(&s);
}

Test(heap, a_free_waits_for_its_allocation)
{
    struct scene s = set_up(1);
    struct heap_event late = event_at(&s, CALL_MALLOC, 16, 10, 0);
    end(&s, 16, 1);
    alloc(&s, 16, 20, 0);
    add(&s, late);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.live_bytes, 20, "the later life is the live one");
    cr_assert_eq(s.p->totals.unknown_frees, 0);
    cr_assert_eq(s.p->late_events, 1);
    cr_assert_eq(site(&s, 0)->freed, 1);
    tear_down(&s);
}

Test(heap, a_life_whose_free_was_lost_ends_with_the_next)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    alloc(&s, 16, 20, 1);
    s.now_ns += UINT64_C(6000000000);
    alloc(&s, 32, 1, 2);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.live_bytes, 21);
    cr_assert_eq(site(&s, 0)->freed, 1);
    cr_assert_eq(site(&s, 0)->life_ns.count, 0, "nobody knows how long it lived");
    cr_assert_eq(s.p->late_events, 1);
    tear_down(&s);
}

Test(heap, a_forked_childs_inherited_frees_are_unknown)
{
    struct scene s = set_up(1);
    for (uint64_t i = 1; i <= 5000; i++) {
        end(&s, 16 * i, 0);
    }
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.unknown_frees, 5000);
    alloc(&s, 16 * 5000, 8, 0);
    end(&s, 16 * 5000, 0);
    heap_process_ended(s.heap, 0);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.unknown_frees, 5000);
    cr_assert_eq(site(&s, 0)->freed, 1);
    tear_down(&s);
}

Test(heap, an_ended_process_leaves_the_peak_but_stays_live_at_end)
{
    struct scene s = set_up(2);
    alloc(&s, 16, 100, 0);
    heap_process_ended(s.heap, 0);
    struct heap_event second = event_at(&s, CALL_MALLOC, 16, 90, 0);
    second.process = 1;
    add(&s, second);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.peak_bytes, 100, "the two never lived at once");
    cr_assert_eq(s.p->totals.live_bytes, 190);
    cr_assert_eq(site(&s, 0)->live_bytes, 190);
    cr_assert_eq(site(&s, 0)->peak_bytes, 100);
    cr_assert_eq(s.p->processes.at[0].totals.live_bytes, 100);
    cr_assert_eq(s.p->processes.at[1].totals.peak_bytes, 90);
    tear_down(&s);
}

Test(heap, a_new_thread_in_a_slot_starts_afresh)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    add(&s, (struct heap_event){.addr = 4242, .thread = 1 << 12, .flags = SESSION_EVENT_THREAD});
    struct heap_event by_new = event_at(&s, CALL_FREE, 16, 0, 0);
    by_new.thread = 1 << 12;
    add(&s, by_new);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.temporaries, 0);
    cr_assert_eq(s.p->totals.frees, 1);
    cr_assert_eq(s.p->events_seen, 2);
    tear_down(&s);
}

Test(heap, the_slowest_calls_are_kept_slowest_first)
{
    struct scene s = set_up(1);
    for (uint16_t i = 0; i < 200; i++) {
        struct heap_event event = event_at(&s, CALL_MALLOC, 16 + UINT64_C(16) * i, 8, 0);
        event.latency = (uint16_t)(i * 7 % 100); /* each of 100 latencies twice */
        event.tid = 77;
        add(&s, event);
    }
    heap_settle(s.heap);
    cr_assert_eq(s.p->slow_calls.count, PROFILE_SLOW_CALLS);
    for (unsigned i = 0; i < PROFILE_SLOW_CALLS; i++) {
        cr_assert_eq(s.p->slow_calls.at[i].ns, 99 - i / 2);
        cr_assert_eq(s.p->slow_calls.at[i].thread, 77);
    }
    tear_down(&s);
}

/* The size is looked up while the block still lives; what the kernel counted is no call. */
Test(heap, a_measured_free_has_the_size_of_its_block)
{
    struct scene s = set_up(1);
    alloc(&s, 4096, 1 << 20, 0);
    struct heap_event freed = event_at(&s, CALL_FREE, 4096, 0, 1);
    freed.latency = loglin_code(60000);
    struct heap_event met = freed;
    met.flags = SESSION_EVENT_USAGE;
    met.sp = 0;
    add(&s, met);
    add(&s, freed);
    heap_settle(s.heap);
    cr_assert_eq(s.p->events_seen, 2);
    cr_assert_eq(s.p->totals.frees, 1);
    cr_assert_eq(s.p->slow_calls.at[0].size, 1 << 20);
    cr_assert_eq(s.p->slow_calls.at[0].cause, PROFILE_CAUSE_MMAP);
    cr_assert_eq(s.p->slow_causes.count, 1);
    cr_assert_eq(s.p->slow_causes.at[0].site, s.p->slow_calls.at[0].site);
    tear_down(&s);
}

Test(heap, settling_twice_changes_nothing_and_events_go_on)
{
    struct scene s = set_up(1);
    alloc(&s, 16, 10, 0);
    heap_settle(s.heap);
    heap_settle(s.heap);
    resize(&s, 16, 32, 20, 0);
    heap_settle(s.heap);
    heap_settle(s.heap);
    cr_assert_eq(s.p->totals.allocs, 2);
    cr_assert_eq(s.p->calls[CALL_MALLOC].calls, 1);
    cr_assert_eq(site(&s, 0)->growth.steps, 1);
    cr_assert_eq(site(&s, 0)->size.count, 2);
    cr_assert_eq(site(&s, 0)->latency.count, 2);
    cr_assert_eq(s.p->bins.count, 1);
    tear_down(&s);
}

Test(heap, events_of_nowhere_do_no_harm)
{
    struct scene s = set_up(1);
    struct heap_event event = event_at(&s, CALL_MALLOC, UINT64_MAX, UINT64_MAX, 0);
    event.path = 999999;
    event.latency = UINT16_MAX;
    event.thread = UINT32_MAX;
    add(&s, event);
    event.process = 5;
    add(&s, event);
    event.process = 0;
    event.call = 255;
    add(&s, event);
    heap_settle(s.heap);
    cr_assert_eq(s.p->events_seen, 1);
    cr_assert_eq(s.p->sites.at[0].allocs, 1, "an unknown path counts for the remainder");
    tear_down(&s);
}

Test(heap, samples_add_up_over_processes)
{
    struct scene s = set_up(2);
    heap_sample(s.heap, 10, 0, 4096, 7);
    heap_sample(s.heap, 20, 1, 8192, 1);
    heap_sample(s.heap, 30, 0, 4096, 9);
    heap_process_ended(s.heap, 1);
    heap_sample(s.heap, 5000000, 0, 4096, 9);
    heap_settle(s.heap);
    cr_assert_eq(s.p->bins.at[0].rss_bytes, 12288);
    cr_assert_eq(s.p->bins.at[0].faults, 10, "faults are told as totals so far");
    cr_assert_eq(s.p->bins.at[5].rss_bytes, 4096);
    tear_down(&s);
}
