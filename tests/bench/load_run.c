#include "load_run.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    SIZE_MIN = 16,
    SIZE_MASK = 255,
    BATCH_BLOCKS = 1024,
    GROW_STEP = 16,
    GROW_END = 1024,
    NS_PER_S = 1000000000,
};

/*
 * A phase is the loop over all pairs: first without allocations, then with them. The one between is
 * shorter and is not looked at: a tool that is still starting would slow it down.
 */
enum phase { PHASE_LOOP, PHASE_WARM_UP, PHASE_PAIRS, PHASE_COUNT };

struct span {
    int64_t start_ns;
    int64_t end_ns;
    int64_t cpu_ns;
};

/* A batch is handed over as a whole: full is the producer's turn to wait, empty the consumer's. */
struct queue {
    _Alignas(64) atomic_uint_fast64_t batches_in;  /* written by the producer */
    _Alignas(64) atomic_uint_fast64_t batches_out; /* written by the consumer */
    _Alignas(64) void *blocks[BATCH_BLOCKS];
};

struct load_worker {
    _Alignas(64) const struct load *load;
    struct queue *queue; /* cross: shared with the neighbour */
    pthread_barrier_t *all;
    const uint64_t *turns; /* one word for each call path */
    void **kept;           /* the live blocks */
    uint64_t random;
    uint64_t counts[PHASE_COUNT]; /* pairs to do in each phase */
    uint64_t checksum;
    size_t size; /* of the next block */
    uint64_t place;
    uint64_t handed; /* cross: blocks pushed or popped */
    unsigned index;
    cpu_set_t cores; /* where the process may run */
    struct span spans[PHASE_COUNT];
};

_Noreturn static void fail(const char *what, int error)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

static void *map(uint64_t size)
{
    void *memory = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        fail("mmap", errno);
    }
    return memory;
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static uint64_t xorshift(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* The high half of a product: below `limit` without a division. */
static uint64_t draw(uint64_t random, uint64_t limit)
{
    return (random >> 32) * limit >> 32;
}

static void *must(void *block)
{
    if (!block) {
        fail("out of memory", ENOMEM);
    }
    return block;
}

/* Volatile, so that no compiler drops the block: it is written and read, as a program would. */
static uint64_t touch(void *block, uint64_t value)
{
    volatile uint64_t *word = block;
    *word = value;
    return *word;
}

static uint64_t leaf_nothing(struct load_worker *worker)
{
    return touch(&worker->place, worker->size);
}

static uint64_t leaf_pair(struct load_worker *worker)
{
    void *block = must(malloc(worker->size));
    uint64_t seen = touch(block, worker->size);
    free(block);
    return seen;
}

static uint64_t leaf_live(struct load_worker *worker)
{
    void **kept = &worker->kept[worker->place];
    free(*kept);
    *kept = must(malloc(worker->size));
    return touch(*kept, worker->size);
}

static void step(struct load_worker *worker, load_leaf *leaf)
{
    const struct load *load = worker->load;
    uint64_t random = xorshift(&worker->random);
    worker->size = SIZE_MIN + (random & SIZE_MASK);
    worker->place = draw(random << 16, load->live);
    uint64_t turns = worker->turns[draw(random, load->sites)];
    worker->checksum += load_tree_call(leaf, worker, turns, load->depth - LOAD_DEPTH_MIN);
}

static void do_paths(struct load_worker *worker, enum phase phase)
{
    load_leaf *leaf = worker->load->live ? leaf_live : leaf_pair;
    if (phase == PHASE_LOOP || worker->load->mode == LOAD_EMPTY) {
        leaf = leaf_nothing;
    }
    for (uint64_t i = 0; i < worker->counts[phase]; i++) {
        step(worker, leaf);
    }
}

static void wait_turn(struct queue *queue, uint64_t batches_ahead)
{
    /* Acquire; both pair with the release in queue_push and queue_pop: a batch and its places. */
    while (atomic_load_explicit(&queue->batches_in, memory_order_acquire) -
               atomic_load_explicit(&queue->batches_out, memory_order_acquire) !=
           batches_ahead) {
        sched_yield();
    }
}

static void queue_push(struct load_worker *worker, void *block)
{
    uint64_t place = worker->handed++ % BATCH_BLOCKS;
    if (place == 0) {
        wait_turn(worker->queue, 0);
    }
    worker->queue->blocks[place] = block;
    if (place == BATCH_BLOCKS - 1) {
        atomic_fetch_add_explicit(&worker->queue->batches_in, 1, memory_order_release);
    }
}

static void *queue_pop(struct load_worker *worker)
{
    uint64_t place = worker->handed++ % BATCH_BLOCKS;
    if (place == 0) {
        wait_turn(worker->queue, 1);
    }
    void *block = worker->queue->blocks[place];
    if (place == BATCH_BLOCKS - 1) {
        atomic_fetch_add_explicit(&worker->queue->batches_out, 1, memory_order_release);
    }
    return block;
}

static uint64_t leaf_push(struct load_worker *worker)
{
    void *block = must(malloc(worker->size));
    uint64_t seen = touch(block, worker->size);
    queue_push(worker, block);
    return seen;
}

static uint64_t leaf_push_nothing(struct load_worker *worker)
{
    uint64_t seen = leaf_nothing(worker);
    queue_push(worker, worker);
    return seen;
}

static uint64_t leaf_pop(struct load_worker *worker)
{
    free(queue_pop(worker));
    return 0;
}

static uint64_t leaf_pop_nothing(struct load_worker *worker)
{
    return touch(&worker->place, queue_pop(worker) == NULL);
}

static void do_cross(struct load_worker *worker, enum phase phase)
{
    static load_leaf *const leaves[2][PHASE_COUNT] = {
        {leaf_push_nothing, leaf_push, leaf_push},
        {leaf_pop_nothing, leaf_pop, leaf_pop},
    };
    load_leaf *leaf = leaves[worker->index % 2][phase];
    for (uint64_t i = 0; i < worker->counts[phase]; i++) {
        step(worker, leaf);
    }
}

/* Two blocks grow in turn, so that a block can seldom grow where it is. */
static uint64_t leaf_grow(struct load_worker *worker)
{
    void **block = &worker->kept[worker->place & 1];
    *block = must(realloc(*block, worker->size));
    return touch(*block, worker->size);
}

static void do_realloc(struct load_worker *worker, enum phase phase)
{
    load_leaf *leaf = phase == PHASE_LOOP ? leaf_nothing : leaf_grow;
    for (uint64_t i = 0; i < worker->counts[phase]; i++) {
        uint64_t grown = (i / 2 + 1) * GROW_STEP % GROW_END;
        uint64_t turns = worker->turns[draw(xorshift(&worker->random), worker->load->sites)];
        worker->size = grown ? grown : GROW_END;
        worker->place = i;
        worker->checksum +=
            load_tree_call(leaf, worker, turns, worker->load->depth - LOAD_DEPTH_MIN);
        if (!grown) {
            free(worker->kept[i & 1]);
            worker->kept[i & 1] = NULL;
        }
    }
}

static void keep_live(struct load_worker *worker)
{
    for (uint64_t i = 0; worker->load->mode == LOAD_PATHS && i < worker->load->live; i++) {
        worker->place = i;
        worker->size = SIZE_MIN + (xorshift(&worker->random) & SIZE_MASK);
        worker->checksum += leaf_live(worker);
    }
}

static void free_kept(struct load_worker *worker)
{
    uint64_t kept = worker->load->live > 2 ? worker->load->live : 2;
    for (uint64_t i = 0; i < kept; i++) {
        free(worker->kept[i]);
    }
}

static size_t core_at(const cpu_set_t *cores, unsigned place)
{
    size_t core = 0;
    for (unsigned left = place % (unsigned)CPU_COUNT(cores) + 1; left > 0; core++) {
        left -= CPU_ISSET(core, cores) != 0;
    }
    return core - 1;
}

/*
 * Several threads share the cores evenly from the start. Left alone, the kernel wakes threads that
 * waited for each other on one core and takes longer than a short run to spread them.
 */
static void stay_on_core(const struct load_worker *worker)
{
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(core_at(&worker->cores, worker->index), &own);
    if (worker->load->threads > 1) {
        sched_setaffinity(0, sizeof own, &own);
    }
}

static void *work(void *context)
{
    static void (*const loops[])(struct load_worker *, enum phase) = {
        [LOAD_PATHS] = do_paths,
        [LOAD_CROSS] = do_cross,
        [LOAD_REALLOC] = do_realloc,
        [LOAD_EMPTY] = do_paths,
    };
    struct load_worker *worker = context;
    stay_on_core(worker);
    for (int phase = PHASE_LOOP; phase < PHASE_COUNT; phase++) {
        if (phase == PHASE_WARM_UP) {
            keep_live(worker);
        }
        pthread_barrier_wait(worker->all);
        struct span *span = &worker->spans[phase];
        int64_t cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
        span->start_ns = now_ns(CLOCK_MONOTONIC);
        loops[worker->load->mode](worker, (enum phase)phase);
        span->end_ns = now_ns(CLOCK_MONOTONIC);
        span->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
    }
    free_kept(worker);
    return NULL;
}

static unsigned cores_used(const struct load_worker *workers)
{
    if (workers[0].load->mode == LOAD_CROSS) {
        return 1; /* producer and consumer take turns */
    }
    unsigned cores = (unsigned)CPU_COUNT(&workers[0].cores);
    return cores < workers[0].load->threads ? cores : workers[0].load->threads;
}

/* Wall time from the first start to the last end, times the cores in use. */
static double phase_wall_ns(const struct load_worker *workers, unsigned threads, enum phase phase)
{
    int64_t start_ns = workers[0].spans[phase].start_ns;
    int64_t end_ns = workers[0].spans[phase].end_ns;
    for (unsigned i = 1; i < threads; i++) {
        const struct span *span = &workers[i].spans[phase];
        start_ns = span->start_ns < start_ns ? span->start_ns : start_ns;
        end_ns = span->end_ns > end_ns ? span->end_ns : end_ns;
    }
    return (double)(end_ns - start_ns) * cores_used(workers);
}

static double phase_cpu_ns(const struct load_worker *workers, unsigned threads, enum phase phase)
{
    int64_t sum_ns = 0;
    for (unsigned i = 0; i < threads; i++) {
        sum_ns += workers[i].spans[phase].cpu_ns;
    }
    return (double)sum_ns;
}

static void sum_up(const struct load *load, const struct load_worker *workers,
                   struct load_result *ret_result)
{
    /* In cross, two threads make one pair. */
    unsigned makers = load->mode == LOAD_CROSS ? load->threads / 2 : load->threads;
    uint64_t pairs = makers * workers[0].counts[PHASE_PAIRS];
    uint64_t checksum = 0;
    for (unsigned i = 0; i < load->threads; i++) {
        checksum += workers[i].checksum;
    }
    double loop_ns = phase_wall_ns(workers, load->threads, PHASE_LOOP);
    double cpu_ns = phase_cpu_ns(workers, load->threads, PHASE_PAIRS) -
                    phase_cpu_ns(workers, load->threads, PHASE_LOOP);
    *ret_result = (struct load_result){
        .pairs = pairs,
        .checksum = checksum,
        .ns_per_pair =
            (phase_wall_ns(workers, load->threads, PHASE_PAIRS) - loop_ns) / (double)pairs,
        .cpu_ns_per_pair = cpu_ns / (double)pairs,
        .loop_ns_per_pair = loop_ns / (double)pairs,
    };
}

static uint64_t *make_turns(const struct load *load)
{
    uint64_t *turns = map(load->sites * sizeof *turns);
    for (uint64_t i = 0; i < load->sites; i++) {
        turns[i] = load_tree_turns(load->branch, i, load->sites, load->depth - LOAD_DEPTH_MIN);
    }
    return turns;
}

/* What each thread does; a producer and its consumer do it together, in whole batches. */
static uint64_t share_of(const struct load *load, uint64_t pairs)
{
    if (load->mode == LOAD_CROSS) {
        uint64_t batch = (uint64_t)load->threads / 2 * BATCH_BLOCKS;
        return (pairs + batch - 1) / batch * BATCH_BLOCKS;
    }
    return (pairs + load->threads - 1) / load->threads;
}

static cpu_set_t usable_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
        fail("sched_getaffinity", errno);
    }
    return cores;
}

static struct load_worker *make_workers(const struct load *load, pthread_barrier_t *all)
{
    struct load_worker *workers = map(load->threads * sizeof *workers);
    struct queue *queues = map((load->threads + 1) / 2 * sizeof *queues);
    uint64_t *turns = make_turns(load);
    uint64_t pairs = share_of(load, load->pairs);
    for (unsigned i = 0; i < load->threads; i++) {
        workers[i] = (struct load_worker){
            .load = load,
            .queue = &queues[i / 2],
            .all = all,
            .turns = turns,
            .kept = map((load->live + 2) * sizeof(void *)),
            .random = (i + 1) * UINT64_C(0x9e3779b97f4a7c15),
            .counts = {pairs, share_of(load, load->warm_up), pairs},
            .index = i,
            .cores = usable_cores(),
        };
    }
    return workers;
}

void load_run(const struct load *load, struct load_result *ret_result)
{
    pthread_barrier_t all;
    pthread_barrier_init(&all, NULL, load->threads);
    struct load_worker *workers = make_workers(load, &all);
    pthread_t *threads = map(load->threads * sizeof *threads);
    for (unsigned i = 1; i < load->threads; i++) {
        int error = pthread_create(&threads[i], NULL, work, &workers[i]);
        if (error) {
            fail("cannot make that many threads", error);
        }
    }
    work(&workers[0]);
    for (unsigned i = 1; i < load->threads; i++) {
        pthread_join(threads[i], NULL);
    }
    sum_up(load, workers, ret_result);
}
