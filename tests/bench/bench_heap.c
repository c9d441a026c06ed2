/*
 * bench_heap - what the aggregator costs: events a second with many live blocks, and memory for
 * each live block. Usage: bench_heap [LIVE_BLOCKS [EVENTS [CALL_SITES]]]
 */
#include "heap/heap.h"
#include "heap/heap_blocks.h"
#include "live/live_recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH = LIVE_RECORDER_BATCH,
    SITES = 400, /* half of them free */
    BYTES_MAX = 1000,
    LATENCY_FROM = 15,
    LATENCY_SPAN = 60
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct profile *make_profile(uint32_t sites)
{
    struct profile *p = profile_create();
    (void)MEM_PUSH(&p->processes);
    for (uint32_t i = 1; i <= sites; i++) {
        profile_path(p, 0, profile_frame(p, 0, i, 0), false);
    }
    return p;
}

struct source {
    uint64_t random;
    uint64_t now_ns;
    uint64_t begun; /* blocks allocated at first */
    uint64_t live;
    uint32_t sites;
    uint64_t free_place; /* the block that was freed last, allocated again next */
    bool is_free_next;
};

/* First `live` allocations, then in turn a free of a random block and a malloc in its place. */
static struct heap_event next_event(struct source *s)
{
    uint64_t r = next_random(&s->random);
    bool is_alloc = s->begun < s->live || !s->is_free_next;
    s->now_ns += 30;
    if (s->begun < s->live) {
        s->free_place = s->begun++;
        s->is_free_next = true;
    } else if (s->is_free_next) {
        s->free_place = next_random(&s->random) % s->live;
        s->is_free_next = false;
    } else {
        s->is_free_next = true;
    }
    uint32_t site = (uint32_t)(s->free_place * 7 % (s->sites / 2));
    return (struct heap_event){
        .time_ns = s->now_ns,
        .addr = UINT64_C(0x550000000000) + s->free_place * 48,
        .size = is_alloc ? 16 + s->free_place % BYTES_MAX : 0,
        .path = 1 + site + (is_alloc ? 0 : s->sites / 2),
        .call = is_alloc ? CALL_MALLOC : CALL_FREE,
        .latency = (uint16_t)(LATENCY_FROM + r % LATENCY_SPAN),
    };
}

static void run_events(uint64_t live, uint64_t events, uint32_t sites)
{
    struct profile *p = make_profile(sites);
    struct heap *heap = heap_create(p);
    struct source source = {.random = 1, .live = live, .sites = sites};
    struct heap_event *batch = malloc(BATCH * sizeof *batch);
    double seconds = 0;
    for (uint64_t done = 0; done < live + events; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            batch[i] = next_event(&source);
        }
        double start = seconds_now();
        heap_add(heap, batch, BATCH);
        seconds += done >= live ? seconds_now() - start : 0;
    }
    double start = seconds_now();
    heap_settle(heap);
    printf("%" PRIu64 " live blocks, %" PRIu32
           " sites: %.1f million events/s, settle %.2f ms (check: %" PRIu64 " live)\n",
           live, sites, (double)events / seconds / 1e6, (seconds_now() - start) * 1e3,
           p->totals.live_blocks);
    heap_destroy(heap);
    profile_destroy(p);
    free(batch);
}

static void run_memory(uint64_t live)
{
    struct heap_blocks blocks;
    heap_blocks_init(&blocks);
    double worst = 0;
    for (uint64_t i = 1; i <= live; i++) {
        uint64_t addr = UINT64_C(0x550000000000) + i * 32;
        struct heap_block *block = heap_blocks_put(&blocks, addr, heap_blocks_hash(&blocks, addr));
        *block = (struct heap_block){.addr = addr & SESSION_LOW48};
        double bytes = (double)heap_blocks_bytes(&blocks) / (double)i;
        worst = i > live / 4 && bytes > worst ? bytes : worst;
    }
    printf("%" PRIu64 " live blocks: %.1f bytes a block, at worst on the way %.1f\n", live,
           (double)heap_blocks_bytes(&blocks) / (double)live, worst);
    heap_blocks_finish(&blocks);
}

int main(int argc, char **argv)
{
    uint64_t live = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
    uint32_t sites = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : SITES;
    run_events(live, events, sites);
    run_memory(live);
    return 0;
}
