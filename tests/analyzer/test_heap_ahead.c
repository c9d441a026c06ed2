#include "heap/heap_ahead.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS = 3 * HEAP_AHEAD_SITES_MANY, EVENTS = 60000, PLACES = 500, BATCH = 512 };

static struct heap_event events[EVENTS];

/* Mallocs and frees of some addresses at many sites, with paths, processes and functions that do
 * not exist, odd events, and what is no call. */
static void make_events(void)
{
    bool is_live[PLACES] = {false};
    srand(11);
    for (unsigned i = 0; i < EVENTS; i++) {
        bool is_usage = i % 50 == 0;
        bool is_strangers = i % 50 == 1;
        bool is_no_function = i % 50 == 2;
        unsigned place = (unsigned)rand() % PLACES;
        bool is_free = is_live[place];
        is_live[place] = is_live[place] == (is_usage || is_strangers || is_no_function);
        events[i] = (struct heap_event){
            .time_ns = 1000 + i * 40,
            .addr = 0x10000 + (uint64_t)place * 64,
            .size = is_free ? 0 : (uint64_t)(rand() % 4000),
            .path = i % 37 == 0 ? UINT32_MAX : 1 + (uint32_t)(rand() % PATHS),
            .process = is_strangers ? 7 : 0,
            .call = is_no_function ? CALL_COUNT
                    : is_free      ? CALL_FREE
                                   : CALL_MALLOC,
            .latency = (uint16_t)(20 + rand() % 300),
            .flags = is_usage ? SESSION_EVENT_USAGE : 0,
        };
    }
}

static struct profile *profile_of(size_t batch)
{
    struct profile *p = profile_create();
    (void)MEM_PUSH(&p->processes);
    for (uint32_t i = 1; i <= PATHS; i++) {
        profile_path(p, i / 3, profile_frame(p, 0, i, 0), false);
    }
    struct heap *heap = heap_create(p);
    for (size_t at = 0; at < EVENTS; at += batch) {
        heap_add(heap, events + at, at + batch < EVENTS ? batch : EVENTS - at);
    }
    heap_settle(heap);
    heap_destroy(heap);
    return p;
}

static void check_hist(const struct hist *a, const struct hist *b)
{
    cr_assert_eq(a->count, b->count);
    cr_assert_eq(a->bin_count, b->bin_count);
    cr_assert(a->bin_count == 0 || memcmp(a->bins, b->bins, a->bin_count * sizeof *a->bins) == 0);
}

static void check_sites(const struct profile *a, const struct profile *b)
{
    cr_assert_eq(a->sites.count, b->sites.count);
    for (size_t i = 0; i < a->sites.count; i++) {
        const struct profile_site *x = &a->sites.at[i];
        const struct profile_site *y = &b->sites.at[i];
        cr_assert(x->path == y->path && x->allocs == y->allocs && x->freed == y->freed &&
                  x->bytes == y->bytes && x->peak_bytes == y->peak_bytes &&
                  x->temporaries == y->temporaries && x->held_byte_us == y->held_byte_us);
        check_hist(&x->latency, &y->latency);
        check_hist(&x->size, &y->size);
        check_hist(&x->life_ns, &y->life_ns);
        check_hist(&x->life_allocs, &y->life_allocs);
    }
}

static void check_same(const struct profile *a, const struct profile *b)
{
    check_sites(a, b);
    cr_assert_eq(a->pairs.count, b->pairs.count);
    cr_assert_eq(memcmp(a->pairs.at, b->pairs.at, a->pairs.count * sizeof *a->pairs.at), 0);
    cr_assert_eq(memcmp(&a->totals, &b->totals, sizeof a->totals), 0);
}

Test(heap_ahead, looking_ahead_changes_nothing)
{
    make_events();
    struct profile *one_by_one = profile_of(1); /* nothing lies ahead */
    struct profile *in_batches = profile_of(BATCH);
    struct profile *at_once = profile_of(EVENTS); /* while the heap knows no site: never far */
    cr_assert_gt(one_by_one->sites.count, HEAP_AHEAD_SITES_MANY);
    cr_assert_gt(one_by_one->pairs.count, HEAP_AHEAD_SITES_MANY);
    check_same(one_by_one, in_batches);
    check_same(one_by_one, at_once);
    profile_destroy(one_by_one);
    profile_destroy(in_batches);
    profile_destroy(at_once);
}
