#include "heap/heap_late.h"

#include <stdlib.h>

#include "base/mem.h"

/* A ring in order of arrival, and buckets by address through it. */
struct heap_late_table {
    struct heap_late_event ring[HEAP_LATE_MAX];
    uint16_t buckets[HEAP_LATE_BUCKETS]; /* place in the ring + 1; 0 = empty */
    uint64_t head;                       /* oldest kept, counts up; place = head % HEAP_LATE_MAX */
    uint64_t tail;
};

static unsigned bucket_of(uint64_t addr)
{
    return (unsigned)(addr * UINT64_C(0x9e3779b97f4a7c15) >> 54) % HEAP_LATE_BUCKETS;
}

static void unlink_event(struct heap_late_table *table, unsigned place)
{
    uint16_t *link = &table->buckets[bucket_of(table->ring[place].event.addr)];
    while (*link != place + 1) {
        link = &table->ring[*link - 1].next;
    }
    *link = table->ring[place].next;
}

bool heap_late_is_full(const struct heap_late *late)
{
    return late->table != NULL && late->table->tail - late->table->head == HEAP_LATE_MAX;
}

void heap_late_park(struct heap_late *late, const struct heap_late_event *event)
{
    if (late->table == NULL) {
        late->table = mem_zero(1, sizeof *late->table);
    }
    struct heap_late_table *table = late->table;
    unsigned place = (unsigned)(table->tail % HEAP_LATE_MAX);
    uint16_t *bucket = &table->buckets[bucket_of(event->event.addr)];
    table->ring[place] = *event;
    table->ring[place].is_waiting = true;
    table->ring[place].next = *bucket;
    *bucket = (uint16_t)(place + 1);
    table->tail += 1;
    late->waiting += 1;
}

void heap_late_release(struct heap_late *late, struct heap_late_event *event)
{
    unlink_event(late->table, (unsigned)(event - late->table->ring));
    event->is_waiting = false;
    late->waiting -= 1;
}

bool heap_late_take_oldest(struct heap_late *late, uint64_t before_ns, struct heap_late_event *ret)
{
    struct heap_late_table *table = late->table;
    while (table != NULL && table->head != table->tail) {
        struct heap_late_event *oldest = &table->ring[table->head % HEAP_LATE_MAX];
        if (oldest->is_waiting && oldest->parked_ns >= before_ns) {
            return false;
        }
        table->head += 1;
        if (oldest->is_waiting) {
            *ret = *oldest;
            heap_late_release(late, oldest);
            return true;
        }
    }
    return false;
}

static struct heap_late_event *first_of(const struct heap_late *late, uint64_t addr)
{
    if (late->waiting == 0) {
        return NULL;
    }
    unsigned place = late->table->buckets[bucket_of(addr)];
    return place == 0 ? NULL : &late->table->ring[place - 1];
}

static struct heap_late_event *next_of(const struct heap_late *late,
                                       const struct heap_late_event *event)
{
    return event->next == 0 ? NULL : &late->table->ring[event->next - 1];
}

/* The earliest of its kind at addr, stamped at or after time_ns. */
static struct heap_late_event *earliest(const struct heap_late *late, uint64_t addr, bool is_alloc,
                                        uint64_t time_ns)
{
    struct heap_late_event *best = NULL;
    for (struct heap_late_event *e = first_of(late, addr); e != NULL; e = next_of(late, e)) {
        if (e->event.addr == addr && e->is_alloc == is_alloc && e->event.time_ns >= time_ns &&
            (best == NULL || e->event.time_ns < best->event.time_ns)) {
            best = e;
        }
    }
    return best;
}

static bool take(struct heap_late *late, struct heap_late_event *event, struct heap_late_event *ret)
{
    if (event == NULL) {
        return false;
    }
    *ret = *event;
    heap_late_release(late, event);
    return true;
}

bool heap_late_take_free(struct heap_late *late, uint64_t addr, uint64_t time_ns,
                         struct heap_late_event *ret)
{
    return take(late, earliest(late, addr, false, time_ns), ret);
}

bool heap_late_take_alloc(struct heap_late *late, uint64_t addr, uint64_t time_ns,
                          struct heap_late_event *ret)
{
    return take(late, earliest(late, addr, true, time_ns), ret);
}

struct heap_late_event *heap_late_alloc(const struct heap_late *late, uint64_t addr,
                                        uint64_t from_ns, uint64_t until_ns)
{
    struct heap_late_event *best = NULL;
    for (struct heap_late_event *e = first_of(late, addr); e != NULL; e = next_of(late, e)) {
        if (e->event.addr == addr && e->is_alloc && e->event.time_ns >= from_ns &&
            e->event.time_ns <= until_ns &&
            (best == NULL || e->event.time_ns > best->event.time_ns)) {
            best = e;
        }
    }
    return best;
}

uint64_t heap_late_frees(const struct heap_late *late)
{
    uint64_t frees = 0;
    for (unsigned i = 0; late->waiting != 0 && i < HEAP_LATE_MAX; i++) {
        const struct heap_late_event *e = &late->table->ring[i];
        frees += e->is_waiting && !e->is_alloc;
    }
    return frees;
}

void heap_late_finish(struct heap_late *late)
{
    free(late->table);
    *late = (struct heap_late){0};
}
