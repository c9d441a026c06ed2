#include "heap/heap_life.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "alloctrap/loglin.h"

enum { THREAD = 2, OTHER_THREAD = 3, SP = 7 };

/* Functions that allocate: two of one caller, the others of one each. */
enum { FIRST, SIBLING, ELSEWHERE, FAR_AWAY, PLACES };

#define BIRTHS_END (UINT64_C(1) << HEAP_BLOCK_BIRTH_BITS) /* numbers begin again there */

static struct profile *profile;
static struct heap *heap;
static struct heap_process *process;
static uint32_t paths[PLACES];

static uint32_t path_under(uint32_t parent, uint64_t offset)
{
    return profile_path(profile, parent, profile_frame(profile, 0, offset, 0), false);
}

/* A heap of one process that has begun, with no event yet. */
static void begin(void)
{
    profile = profile_create();
    (void)MEM_PUSH(&profile->processes);
    heap = heap_create(profile);
    heap_add(heap, NULL, 0);
    process = &heap->processes.at[0];
    heap_process_begin(process);
    uint32_t callers[] = {path_under(0, 1), path_under(0, 2), path_under(0, 3)};
    paths[FIRST] = path_under(callers[0], 10);
    paths[SIBLING] = path_under(callers[0], 11);
    paths[ELSEWHERE] = path_under(callers[1], 12);
    paths[FAR_AWAY] = path_under(callers[2], 13);
}

static void end(void)
{
    heap_destroy(heap);
    profile_destroy(profile);
}

TestSuite(heap_life, .init = begin, .fini = end);

/* --- one event at a time, with its number: what heap.c does, but for counting --- */

static struct heap_turn turn_of(const struct heap_event *event)
{
    uint32_t hash = heap_blocks_hash(&process->blocks, event->addr);
    heap->now_ns = event->time_ns > heap->now_ns ? event->time_ns : heap->now_ns;
    return (struct heap_turn){
        .event = event,
        .process = process,
        .hash = hash,
        .site = heap_life_site(heap, event->path),
        .likely = {.slot = heap_blocks_home(&process->blocks, hash)},
    };
}

static struct heap_block *live_at(uint64_t addr)
{
    uint32_t hash = heap_blocks_hash(&process->blocks, addr);
    return heap_blocks_find(&process->blocks, addr, hash).block;
}

static struct heap_block *make(uint64_t time_ns, uint64_t addr, uint64_t size, unsigned place)
{
    struct heap_event event = {.time_ns = time_ns,
                               .addr = addr,
                               .size = size,
                               .path = paths[place],
                               .sp = SP,
                               .thread = THREAD};
    struct heap_turn turn = turn_of(&event);
    return heap_life_begin(heap, &turn, process->births++);
}

static void drop_by(uint32_t thread, uint64_t time_ns, uint64_t addr, unsigned place)
{
    struct heap_event event = {.time_ns = time_ns,
                               .addr = addr,
                               .path = paths[place],
                               .sp = SP,
                               .thread = thread,
                               .call = CALL_FREE};
    struct heap_turn turn = turn_of(&event);
    heap_life_end(heap, &turn, heap_process_thread(process, thread));
}

static void drop(uint64_t time_ns, uint64_t addr)
{
    drop_by(THREAD, time_ns, addr, FIRST);
}

/* --- the same through the heap, which knows what a thread did last --- */

static void add(uint8_t call, uint8_t flags, uint64_t addr, uint64_t size, uint32_t path)
{
    struct heap_event event = {.time_ns = heap->now_ns + 10,
                               .addr = addr,
                               .size = size,
                               .path = path,
                               .sp = SP,
                               .thread = THREAD,
                               .call = call,
                               .flags = flags};
    heap_add(heap, &event, 1);
}

static void alloc(uint64_t addr, uint64_t size, unsigned place)
{
    add(CALL_MALLOC, 0, addr, size, paths[place]);
}

static void resize(uint64_t old, uint64_t addr, uint64_t size)
{
    add(CALL_REALLOC, SESSION_EVENT_OLD, old, 0, paths[FIRST]);
    add(CALL_REALLOC, 0, addr, size, paths[FIRST]);
}

static struct profile_site *site_of_path(uint32_t path)
{
    heap_settle(heap);
    return &profile->sites.at[profile->paths.at[path].site];
}

static struct profile_site *site(unsigned place)
{
    return site_of_path(paths[place]);
}

/* --- sites --- */

Test(heap_life, a_path_has_one_site_which_both_tables_reach)
{
    uint32_t first = heap_life_site(heap, paths[FIRST]);
    cr_assert_neq(first, 0);
    cr_assert_eq(heap_life_site(heap, paths[FIRST]), first);
    cr_assert_neq(heap_life_site(heap, paths[SIBLING]), first);
    cr_assert_lt(first, heap->sites.site_count);
    cr_assert_eq(heap->sites.sites[first].path, paths[FIRST]);
    uint32_t of_profile = profile_site(profile, paths[ELSEWHERE]); /* the heap has not seen it */
    cr_assert_eq(heap_life_site(heap, paths[ELSEWHERE]), of_profile);
    cr_assert_lt(of_profile, heap->sites.site_count);
}

Test(heap_life, no_path_and_one_that_the_profile_has_not_are_the_remainder)
{
    cr_assert_eq(heap_life_site(heap, 0), 0);
    cr_assert_eq(heap_life_site(heap, (uint32_t)profile->paths.count), 0);
    cr_assert_eq(heap_life_site(heap, UINT32_MAX), 0);
}

/* --- a life --- */

Test(heap_life, a_block_holds_the_largest_of_everything)
{
    const struct heap_event event = {.time_ns = UINT64_MAX - 1,
                                     .addr = SESSION_LOW48,
                                     .size = SESSION_LOW48,
                                     .path = paths[FIRST],
                                     .sp = UINT32_MAX,
                                     .thread = UINT32_MAX};
    struct heap_turn turn = turn_of(&event);
    struct heap_block *block = heap_life_begin(heap, &turn, BIRTHS_END - 1);
    cr_assert_not_null(block);
    cr_assert_eq(block, live_at(SESSION_LOW48));
    cr_assert_eq(block->size, SESSION_LOW48);
    cr_assert_eq(block->birth, BIRTHS_END - 1);
    cr_assert_eq(block->born_ns, UINT64_MAX - 1);
    cr_assert_eq(block->sp, UINT32_MAX);
    cr_assert_eq(block->chain, 0);
    cr_assert_eq(heap_block_thread(block), UINT32_MAX);
    cr_assert_eq(heap->sites.live_bytes, SESSION_LOW48);
    cr_assert_eq(process->totals.peak_bytes, SESSION_LOW48);
}

/* What is told of a size that no block can have is what its block can hold, so that it ends as it
 * began. */
Test(heap_life, what_begins_to_live_is_what_ends)
{
    cr_assert_not_null(make(10, 64, UINT64_MAX, FIRST));
    cr_assert_eq(heap->sites.live_bytes, SESSION_LOW48);
    cr_assert_not_null(make(20, 128, 0, FIRST));
    cr_assert_eq(process->totals.live_blocks, 2);
    drop(30, 64);
    drop(40, 128);
    cr_assert_eq(heap->sites.live_bytes, 0);
    cr_assert_eq(heap->sites.live_blocks, 0);
    cr_assert_eq(process->totals.live_bytes, 0);
    cr_assert_eq(process->totals.live_blocks, 0);
    cr_assert_null(live_at(64));
    cr_assert_eq(site(FIRST)->freed, 2);
    cr_assert_eq(site(FIRST)->peak_bytes, SESSION_LOW48);
}

Test(heap_life, a_lifetime_in_allocations_goes_on_where_numbers_begin_again)
{
    process->births = BIRTHS_END - 2;
    cr_assert_eq(make(10, 64, 8, FIRST)->birth, BIRTHS_END - 2);
    cr_assert_eq(make(20, 128, 8, ELSEWHERE)->birth, BIRTHS_END - 1);
    cr_assert_eq(make(30, 192, 8, ELSEWHERE)->birth, 0);
    cr_assert_eq(make(40, 256, 8, ELSEWHERE)->birth, 1);
    drop(50, 64);
    drop(60, 192);
    cr_assert_eq(hist_max(&site(ELSEWHERE)->life_allocs), 1);
    cr_assert_eq(site(FIRST)->life_allocs.count, 1);
    cr_assert_eq(hist_max(&site(FIRST)->life_allocs), 3, "those between its birth and its end");
    cr_assert_eq(hist_max(&site(FIRST)->life_ns), 40);
}

Test(heap_life, a_temporary_is_one_where_numbers_begin_again)
{
    process->births = BIRTHS_END - 1;
    alloc(64, 8, FIRST);
    add(CALL_FREE, 0, 64, 0, paths[FIRST]); /* the last number's */
    alloc(64, 8, FIRST);
    add(CALL_FREE, 0, 64, 0, paths[FIRST]); /* number 0's */
    alloc(64, 8, SIBLING);
    alloc(128, 8, SIBLING);
    add(CALL_FREE, 0, 64, 0, paths[FIRST]);
    cr_assert_eq(site(FIRST)->temporaries, 2);
    cr_assert_eq(site(SIBLING)->temporaries, 0);
}

Test(heap_life, threads_are_told_apart_by_all_of_their_bits)
{
    static const uint32_t others[] = {THREAD | 1U << 16, THREAD | 1U << 31, THREAD ^ 1U};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        make(10, 64, 8, FIRST);
        drop_by(others[i], 20, 64, FIRST);
    }
    make(30, 64, 8, FIRST);
    drop_by(THREAD, 40, 64, FIRST);
    heap_settle(heap);
    cr_assert_eq(profile->pairs.count, 1);
    cr_assert_eq(profile->pairs.at[0].count, 4);
    cr_assert_eq(profile->pairs.at[0].same_thread, 1);
    cr_assert_eq(profile->pairs.at[0].same_frame, 1);
}

/* --- what comes too early --- */

Test(heap_life, an_end_without_a_beginning_waits_and_counts_nowhere)
{
    drop(20, 64);
    cr_assert_eq(process->late.waiting, 1);
    cr_assert(heap->has_late);
    cr_assert_eq(process->totals.unknown_frees, 0);
    cr_assert_eq(heap->late_events, 0);
    make(20, 64, 8, FIRST); /* stamped alike: it may be the one that was meant */
    cr_assert_eq(process->late.waiting, 0);
    cr_assert_eq(heap->late_events, 1);
    cr_assert_null(live_at(64));
    cr_assert_eq(site(FIRST)->freed, 1);
    cr_assert_eq(site(FIRST)->max_bytes, 0, "it never was live as far as we counted");
    drop(30, 64);
    make(31, 64, 8, FIRST);
    cr_assert_not_null(live_at(64), "the free before it was another's");
}

/* The thread is gone; its slot has another owner by then. */
Test(heap_life, a_life_of_an_unknown_thread_is_told_and_is_no_temporary)
{
    drop(20, 64);
    (void)heap_process_new_thread(process, THREAD + HEAP_THREAD_SLOT_MASK + 1);
    make(10, 64, 8, FIRST);
    cr_assert_eq(site(FIRST)->freed, 1);
    cr_assert_eq(site(FIRST)->temporaries, 0);
    cr_assert_eq(hist_max(&site(FIRST)->life_ns), 10);
}

/* The life before the one that is live, if its beginning comes. */
Test(heap_life, a_free_stamped_before_what_lives_there_is_of_an_earlier_life)
{
    make(30, 64, 100, FIRST);
    drop(20, 64);
    cr_assert_not_null(live_at(64));
    cr_assert_eq(process->late.waiting, 1);
    make(10, 64, 8, SIBLING);
    cr_assert_eq(live_at(64)->size, 100);
    cr_assert_eq(process->late.waiting, 0);
    cr_assert_eq(site(SIBLING)->freed, 1);
    cr_assert_eq(hist_max(&site(SIBLING)->life_ns), 10);
    cr_assert_eq(site(FIRST)->freed, 0);
}

/* A lives 10 to 20, B 30 to 40, C from 50 on; the events came as A+, C+, B+, B-, A-. */
Test(heap_life, a_life_that_waited_from_end_to_end_is_told_and_never_was_live)
{
    make(10, 64, 100, FIRST);
    cr_assert_null(make(50, 64, 7, ELSEWHERE));
    cr_assert_null(make(30, 64, 5, SIBLING));
    cr_assert_eq(heap->sites.live_bytes, 100);
    drop(40, 64);
    cr_assert_eq(heap->sites.live_bytes, 100, "A's end is still to come");
    drop(20, 64);
    cr_assert_eq(live_at(64)->size, 7);
    cr_assert_eq(heap->sites.live_blocks, 1);
    cr_assert_eq(process->late.waiting, 0);
    cr_assert_eq(hist_max(&site(FIRST)->life_ns), 10);
    cr_assert_eq(hist_max(&site(SIBLING)->life_ns), 10);
    cr_assert_eq(site(SIBLING)->max_bytes, 0);
}

Test(heap_life, of_those_that_wait_for_an_address_the_earliest_begins)
{
    make(10, 64, 1, FIRST);
    cr_assert_null(make(70, 64, 7, FIRST));
    cr_assert_null(make(30, 64, 3, FIRST));
    cr_assert_null(make(50, 64, 5, FIRST));
    drop(20, 64);
    cr_assert_eq(live_at(64)->size, 3);
    drop(40, 64);
    cr_assert_eq(live_at(64)->size, 5);
    drop(60, 64);
    cr_assert_eq(live_at(64)->size, 7);
    cr_assert_eq(live_at(64)->born_ns, 70);
    cr_assert_eq(process->late.waiting, 0);
    cr_assert_eq(heap->late_events, 3);
    cr_assert_eq(site(FIRST)->freed, 3);
}

/* Frees come first on a tie. */
Test(heap_life, a_free_stamped_like_a_waiting_allocation_is_the_one_before_it)
{
    make(10, 64, 1, FIRST);
    cr_assert_null(make(20, 64, 2, FIRST));
    drop(20, 64);
    cr_assert_not_null(live_at(64));
    cr_assert_eq(live_at(64)->size, 2);
    cr_assert_eq(process->late.waiting, 0);
}

Test(heap_life, a_free_at_the_very_start_means_what_began_there)
{
    make(0, 64, 1, FIRST);
    cr_assert_null(make(5, 64, 2, FIRST));
    drop(0, 64);
    cr_assert_eq(live_at(64)->size, 2);
    cr_assert_eq(hist_max(&site(FIRST)->life_ns), 0);
    cr_assert_eq(site(FIRST)->freed, 1);
}

/* --- what nobody comes for --- */

/* The event that has waited longest; there must be one. */
static void give_up_oldest(void)
{
    struct heap_late_event late;
    cr_assert(heap_late_take_oldest(&process->late, UINT64_MAX, &late));
    heap_life_give_up(heap, process, &late);
}

Test(heap_life, a_free_given_up_is_of_an_unknown_block)
{
    drop(20, 64);
    give_up_oldest();
    cr_assert_eq(process->totals.unknown_frees, 1);
    cr_assert_eq(heap->late_events, 0, "nothing was put right");
    cr_assert_eq(site(FIRST)->freed, 0);
    make(10, 64, 8, FIRST);
    cr_assert_not_null(live_at(64), "too late for it");
}

Test(heap_life, an_allocation_given_up_ends_the_life_before_it_and_its_chain)
{
    alloc(64, 100, FIRST);
    resize(64, 64, 200);
    alloc(64, 8, ELSEWHERE); /* the free between the two was lost */
    cr_assert_null(make(heap->now_ns + 10, 64, 16, SIBLING));
    give_up_oldest();
    cr_assert_eq(live_at(64)->size, 8);
    cr_assert_eq(live_at(64)->chain, 0);
    cr_assert_eq(heap->sites.live_bytes, 8);
    cr_assert_eq(site(FIRST)->growth.chains, 1);
    cr_assert_eq(heap->growth.chains.at[heap->growth.free_chain].steps, 0, "it is no open one");
    cr_assert_neq(heap->growth.free_chain, 0);
    cr_assert_eq(site(FIRST)->freed, 2, "the block that grew, and the one that it grew to");
    cr_assert_eq(site(FIRST)->life_ns.count, 1);
    give_up_oldest();
    cr_assert_eq(live_at(64)->size, 16);
    cr_assert_eq(heap->late_events, 2);
    cr_assert_eq(site(ELSEWHERE)->freed, 1);
}

Test(heap_life, an_allocation_given_up_before_the_one_that_lives_has_ended_itself)
{
    make(20, 64, 100, FIRST);
    cr_assert_null(make(10, 64, 8, ELSEWHERE));
    give_up_oldest();
    cr_assert_eq(live_at(64)->size, 100, "the later one is live");
    cr_assert_eq(heap->sites.live_blocks, 1);
    cr_assert_eq(site(ELSEWHERE)->freed, 1);
    cr_assert_eq(site(ELSEWHERE)->life_ns.count, 0, "nobody knows how long it lived");
    cr_assert_eq(site(FIRST)->freed, 0);
}

/* Finding its site may move the tables of sites: memory checkers see who holds on to the old ones.
 */
Test(heap_life, what_is_given_up_may_be_of_a_site_not_seen_before)
{
    enum { SITES = 300 };
    make(1000000, 64, 100, FIRST);
    for (uint32_t i = 0; i < SITES; i++) {
        uint32_t path = path_under(paths[FIRST], 1000 + i);
        struct heap_late_event late = {.event = {.time_ns = 10, .addr = 64, .path = path},
                                       .is_alloc = true};
        heap_life_give_up(heap, process, &late);
        uint32_t its_site = profile->paths.at[path].site;
        cr_assert_neq(its_site, 0);
        cr_assert_eq(heap->sites.rests.at[its_site].ended_untold, 1);
    }
}

Test(heap_life, when_too_many_wait_the_oldest_is_given_up_for_the_newest)
{
    enum { MORE = 3 };
    for (uint64_t i = 1; i <= HEAP_LATE_MAX + MORE; i++) {
        drop(1000, 64 * i);
    }
    cr_assert_eq(process->late.waiting, HEAP_LATE_MAX);
    cr_assert_eq(process->totals.unknown_frees, MORE);
    make(10, 64 * MORE, 8, FIRST);
    cr_assert_not_null(live_at(64 * MORE), "its free was given up");
    make(10, 64 * (MORE + 1), 8, FIRST);
    cr_assert_null(live_at(64 * (MORE + 1)), "its free still waited");
}

/* --- chains --- */

Test(heap_life, a_chain_ends_where_the_new_half_of_a_realloc_does_not_live)
{
    alloc(64, 100, FIRST);
    alloc(128, 100, ELSEWHERE);
    resize(64, 192, 200);
    resize(192, 128, 300); /* an address that is live: the free of 128 is late */
    const struct profile_growth *told = &site(FIRST)->growth;
    cr_assert_eq(told->chains, 1);
    cr_assert_eq(told->steps, 1);
    cr_assert_eq(told->last_bytes, 200);
    cr_assert_neq(heap->growth.free_chain, 0, "its number is free");
    cr_assert_not(heap_process_known_thread(process, THREAD)->is_in_realloc);
    cr_assert_eq(process->late.waiting, 1);
}

Test(heap_life, folding_tells_a_chain_at_its_site_once)
{
    alloc(64, 100, FIRST);
    resize(64, 64, 200);
    struct heap_block *block = live_at(64);
    uint32_t chain = block->chain;
    cr_assert_neq(chain, 0);
    heap_life_end_chain(heap, 0); /* none */
    cr_assert_eq(heap->growth.chains.at[chain].steps, 1, "it stands");
    heap_life_fold_chain(heap, chain);
    block->chain = 0;
    cr_assert_eq(heap->sites.rests.at[block->site].growth.chains, 1);
    cr_assert_eq(site(FIRST)->growth.chains, 1);
}

Test(heap_life, a_copy_is_followed_where_numbers_begin_again)
{
    process->births = BIRTHS_END - 2;
    alloc(64, 10, FIRST);
    for (uint64_t i = 1; i <= 4; i++) {
        alloc(64 + 64 * i, 10 + 10 * i, FIRST);
        add(CALL_FREE, 0, 64 * i, 0, paths[FIRST]);
    }
    cr_assert_eq(site(FIRST)->growth.chains, 1);
    cr_assert_eq(site(FIRST)->growth.steps, 4);
    cr_assert_eq(site(FIRST)->growth.by_copy_steps, 4);
}

/* A path at the end of so many helpers of a function. */
static uint32_t helped(uint32_t function, unsigned helpers, uint64_t offset)
{
    uint32_t path = function;
    for (unsigned i = 0; i < helpers; i++) {
        path = path_under(path, offset + i);
    }
    return path_under(path, offset + 50);
}

/* Whether a larger block made behind `alloc_helpers` helpers of a function replaces one that is
 * freed behind `free_helpers` others of it. */
static bool is_followed(unsigned alloc_helpers, unsigned free_helpers)
{
    static uint64_t addr = 1 << 20;
    uint32_t function = path_under(path_under(0, 5), addr);
    uint32_t next = helped(function, alloc_helpers, 100);
    addr += 4096;
    add(CALL_MALLOC, 0, addr, 10, paths[ELSEWHERE]);
    add(CALL_MALLOC, 0, addr + 64, 20, next);
    add(CALL_FREE, 0, addr, 0, helped(function, free_helpers, 200));
    return site_of_path(next)->growth.chains != 0;
}

/* docs/advice.md: their callers meet within four frames of each. */
Test(heap_life, a_copy_is_followed_when_callers_meet_within_four_frames)
{
    enum { NEAR = 3 };
    cr_assert(is_followed(0, 0));
    cr_assert(is_followed(NEAR, 0));
    cr_assert(is_followed(0, NEAR));
    cr_assert(is_followed(NEAR, NEAR));
    cr_assert_not(is_followed(NEAR + 1, 0));
    cr_assert_not(is_followed(0, NEAR + 1));
}

Test(heap_life, that_all_code_has_one_root_makes_no_two_places_near)
{
    uint32_t next = path_under(0, 300);
    alloc(64, 10, FIRST);
    add(CALL_MALLOC, 0, 128, 20, next);
    add(CALL_FREE, 0, 64, 0, path_under(0, 301));
    cr_assert_eq(site_of_path(next)->growth.chains, 0);
}

Test(heap_life, a_burst_is_one_where_numbers_begin_again)
{
    enum { BLOCKS = PROFILE_BURST_FREES + 10 };
    process->births = BIRTHS_END - BLOCKS / 2;
    for (uint64_t i = 1; i <= BLOCKS; i++) {
        alloc(64 * i, 8, FIRST);
    }
    for (uint64_t i = 1; i <= BLOCKS; i++) {
        add(CALL_FREE, 0, 64 * i, 0, paths[FAR_AWAY]);
    }
    cr_assert_eq(site(FIRST)->bursts, 1);
    cr_assert_eq(site(FIRST)->burst_frees, BLOCKS - PROFILE_BURST_FREES + 1);
}

Test(heap_life, a_consumer_is_no_burst_where_numbers_begin_again)
{
    process->births = BIRTHS_END;
    for (uint64_t i = 1; i <= 2 * PROFILE_BURST_FREES; i++) {
        make(2 * i, 64, 8, FIRST);
        drop_by(OTHER_THREAD, 2 * i + 1, 64, FIRST);
    }
    cr_assert_eq(site(FIRST)->freed, 2 * PROFILE_BURST_FREES);
    cr_assert_eq(site(FIRST)->burst_frees, 0);
}

/* Its second half will not come. */
Test(heap_life, a_thread_that_goes_amid_a_realloc_leaves_no_open_chain)
{
    alloc(64, 100, FIRST);
    resize(64, 128, 200);
    add(CALL_REALLOC, SESSION_EVENT_OLD, 128, 0, paths[FIRST]);
    cr_assert_eq(heap->growth.free_chain, 0, "it is open until then");
    struct heap_event next_owner = {.time_ns = heap->now_ns,
                                    .thread = THREAD + HEAP_THREAD_SLOT_MASK + 1,
                                    .flags = SESSION_EVENT_THREAD};
    heap_add(heap, &next_owner, 1);
    cr_assert_neq(heap->growth.free_chain, 0);
    cr_assert_eq(site(FIRST)->growth.chains, 1);
    cr_assert_eq(site(FIRST)->growth.steps, 1);
}
