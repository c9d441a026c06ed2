/*
 * Random histories of several processes and threads, given to the heap and to a model that is slow
 * and plain: an array of blocks, looked through from end to end. What both say must be equal.
 */
#include "heap/heap.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES = 3, THREADS = 3, PATHS = 5, ADDRESSES = 40, STEPS = 3000, SEEDS = 60 };

struct block {
    bool is_live;
    uint64_t size;
    unsigned path;
    unsigned thread;
    uint64_t number; /* of the allocation */
};

struct model {
    struct block blocks[PROCESSES][ADDRESSES];
    uint64_t last[PROCESSES][THREADS]; /* number of the thread's latest allocation */
    uint64_t allocs;
    uint64_t frees;
    uint64_t bytes;
    uint64_t temporaries;
    uint64_t peak_bytes;
    uint64_t peak_shares[PATHS];
    uint64_t pairs[PATHS][PATHS];
    uint64_t same_thread[PATHS][PATHS];
};

struct history {
    struct model model;
    uint64_t random;
    uint64_t now_ns;
    MEM_ARRAY(struct heap_event) events;
};

static uint64_t roll(struct history *h, uint64_t below)
{
    h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (h->random >> 33) % below;
}

static uint64_t live_bytes(const struct model *m, uint64_t *shares)
{
    uint64_t sum = 0;
    for (unsigned p = 0; p < PROCESSES; p++) {
        for (unsigned a = 0; a < ADDRESSES; a++) {
            const struct block *b = &m->blocks[p][a];
            sum += b->is_live ? b->size : 0;
            shares[b->path] += b->is_live ? b->size : 0;
        }
    }
    return sum;
}

static void model_begin(struct model *m, unsigned process, unsigned addr, const struct block *block)
{
    m->allocs += 1;
    m->bytes += block->size;
    m->blocks[process][addr] = *block;
    m->blocks[process][addr].number = m->allocs;
    m->blocks[process][addr].is_live = true;
    m->last[process][block->thread] = m->allocs;
    uint64_t shares[PATHS] = {0};
    uint64_t bytes = live_bytes(m, shares);
    if (bytes > m->peak_bytes) {
        m->peak_bytes = bytes;
        memcpy(m->peak_shares, shares, sizeof shares);
    }
}

static void model_end(struct model *m, unsigned process, unsigned addr, unsigned thread,
                      unsigned path)
{
    struct block *block = &m->blocks[process][addr];
    bool is_same = block->thread == thread;
    m->frees += 1;
    m->temporaries += is_same && m->last[process][thread] == block->number;
    m->pairs[block->path][path] += 1;
    m->same_thread[block->path][path] += is_same;
    block->is_live = false;
}

static void push(struct history *h, uint8_t call, uint8_t flags, unsigned process, unsigned thread,
                 unsigned addr, uint64_t size, unsigned path)
{
    h->now_ns += 10;
    *MEM_PUSH(&h->events) = (struct heap_event){.time_ns = h->now_ns,
                                                .addr = UINT64_C(16) * (addr + 1),
                                                .size = size,
                                                .path = path + 1,
                                                .process = process,
                                                .thread = thread,
                                                .call = call,
                                                .flags = flags};
}

static void begin(struct history *h, uint8_t call, unsigned process, unsigned addr,
                  struct block block)
{
    push(h, call, 0, process, block.thread, addr, block.size, block.path);
    model_begin(&h->model, process, addr, &block);
}

/* One step: a malloc where the address is free; else a free, or a realloc to another address. */
static void step(struct history *h)
{
    unsigned process = (unsigned)roll(h, PROCESSES);
    unsigned addr = (unsigned)roll(h, ADDRESSES);
    struct block next = {.size = 1 + roll(h, 1000),
                         .path = (unsigned)roll(h, PATHS),
                         .thread = (unsigned)roll(h, THREADS)};
    if (!h->model.blocks[process][addr].is_live) {
        begin(h, CALL_MALLOC, process, addr, next);
        return;
    }
    unsigned to = (unsigned)roll(h, ADDRESSES);
    if (roll(h, 3) != 0 || (to != addr && h->model.blocks[process][to].is_live)) {
        push(h, CALL_FREE, 0, process, next.thread, addr, 0, next.path);
        model_end(&h->model, process, addr, next.thread, next.path);
        return;
    }
    push(h, CALL_REALLOC, SESSION_EVENT_OLD, process, next.thread, addr, 0, next.path);
    model_end(&h->model, process, addr, next.thread, next.path);
    begin(h, CALL_REALLOC, process, to, next);
}

static struct history *generate(uint64_t seed)
{
    struct history *h = mem_zero(1, sizeof *h);
    h->random = seed * 7919;
    for (unsigned i = 0; i < STEPS; i++) {
        step(h);
    }
    return h;
}

/* Events that are neighbours and of different threads change places, as rings may deliver them. */
static void shuffle(struct history *h)
{
    for (size_t i = 0; i + 1 < h->events.count; i++) {
        struct heap_event *a = &h->events.at[i];
        bool is_one_thread = a[0].process == a[1].process && a[0].thread == a[1].thread;
        if (!is_one_thread && roll(h, 4) == 0) {
            struct heap_event kept = a[0];
            a[0] = a[1];
            a[1] = kept;
        }
    }
}

static struct profile *run(const struct history *h)
{
    struct profile *p = profile_create();
    for (unsigned i = 0; i < PROCESSES; i++) {
        (void)MEM_PUSH(&p->processes);
    }
    for (uint32_t i = 1; i <= PATHS; i++) {
        profile_site(p, profile_path(p, 0, profile_frame(p, 0, i, 0), false));
    }
    struct heap *heap = heap_create(p);
    heap_add(heap, h->events.at, h->events.count);
    for (unsigned i = 0; i < PROCESSES; i++) {
        heap_process_ended(heap, i);
    }
    heap_settle(heap);
    heap_destroy(heap);
    return p;
}

static void check_totals(const struct history *h, const struct profile *p, uint64_t seed)
{
    uint64_t live[PATHS] = {0};
    uint64_t bytes = live_bytes(&h->model, live);
    cr_assert_eq(p->totals.allocs, h->model.allocs);
    cr_assert_eq(p->totals.frees, h->model.frees);
    cr_assert_eq(p->totals.bytes, h->model.bytes);
    cr_assert_eq(p->totals.unknown_frees, 0, "seed %" PRIu64, seed);
    cr_assert_eq(p->totals.live_bytes, bytes, "seed %" PRIu64, seed);
    for (unsigned i = 0; i < PATHS; i++) {
        cr_assert_eq(p->sites.at[i + 1].live_bytes, live[i], "seed %" PRIu64, seed);
    }
}

static void check_pairs(const struct history *h, struct profile *p, uint64_t seed)
{
    for (uint32_t a = 0; a < PATHS; a++) {
        for (uint32_t f = 0; f < PATHS; f++) {
            const struct profile_pair *pair = profile_pair(p, a + 1, f + 1);
            cr_assert_eq(pair->count, h->model.pairs[a][f], "seed %" PRIu64, seed);
            cr_assert_eq(pair->same_thread, h->model.same_thread[a][f], "seed %" PRIu64, seed);
        }
    }
}

Test(heap_model, histories_in_order_agree_in_everything)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct history *h = generate(seed);
        struct profile *p = run(h);
        check_totals(h, p, seed);
        check_pairs(h, p, seed);
        cr_assert_eq(p->totals.temporaries, h->model.temporaries);
        cr_assert_eq(p->totals.peak_bytes, h->model.peak_bytes);
        for (unsigned i = 0; i < PATHS; i++) {
            cr_assert_eq(p->sites.at[i + 1].peak_bytes, h->model.peak_shares[i]);
        }
        cr_assert_eq(p->late_events, 0);
        profile_destroy(p);
        free(h->events.at);
        free(h);
    }
}

Test(heap_model, late_events_find_their_partners)
{
    uint64_t late = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct history *h = generate(seed);
        shuffle(h);
        struct profile *p = run(h);
        check_totals(h, p, seed);
        check_pairs(h, p, seed);
        late += p->late_events;
        profile_destroy(p);
        free(h->events.at);
        free(h);
    }
    cr_assert_gt(late, 100, "the shuffle must have parted some");
}
