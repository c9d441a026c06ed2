#include "site_count.h"

#include "link_session.h"

enum { INDEX_FIRST_SLOTS = 256 };

/* Every table's before its first row: nothing is ever written there. */
static struct site_entry no_entry;

void site_init(struct site_table *table, struct session_head *head, struct session_thread *place)
{
    *table = (struct site_table){.head = head, .place = place, .index = &no_entry};
    uint64_t index = atomic_load_explicit(&place->index, memory_order_relaxed);
    if (index == 0) {
        return;
    }
    table->index = link_at(head, index / SESSION_LINE * SESSION_LINE);
    table->mask = (UINT64_C(1) << index % SESSION_LINE) - 1;
    for (uint64_t i = 0; i <= table->mask; i++) {
        table->used += table->index[i].key != 0;
    }
}

/* At half full the index doubles; when there is no room for that it may fill to 7/8. */
static bool make_room(struct site_table *table)
{
    uint64_t slots = table->index == &no_entry ? 0 : table->mask + 1;
    if (table->used * 2 < slots) {
        return true;
    }
    uint64_t fresh_slots = slots == 0 ? INDEX_FIRST_SLOTS : slots * 2;
    uint64_t off = link_alloc(table->head, fresh_slots * sizeof(struct site_entry));
    if (off == 0) {
        return table->used < slots - slots / 8;
    }
    struct site_entry *fresh = link_at(table->head, off);
    for (uint64_t i = 0; i < slots; i++) {
        if (table->index[i].key != 0) {
            *site_slot(fresh, fresh_slots - 1, table->index[i].key) = table->index[i];
        }
    }
    /* Release, for a handler that jumps away, from here or in the middle of the rest: what it
     * leaves is either index, and site_init() takes it up again. */
    atomic_store_explicit(&table->place->index, off | (uint64_t)__builtin_ctzll(fresh_slots),
                          memory_order_release);
    table->index = fresh;
    table->mask = fresh_slots - 1;
    return true;
}

/* The offset of a fresh row, not yet published; 0 when there is no room. */
static uint64_t row_space(struct site_table *table, uint32_t row)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(row, SESSION_ROW_CHUNK_FIRST, &within);
    if (chunk >= SESSION_ROW_CHUNKS) {
        return 0;
    }
    _Atomic uint64_t *off_at = &table->place->row_chunk_off[chunk];
    uint64_t off = atomic_load_explicit(off_at, memory_order_relaxed);
    if (off == 0) {
        off = link_alloc(table->head,
                         ((uint64_t)SESSION_ROW_CHUNK_FIRST << chunk) * sizeof(struct session_row));
        atomic_store_explicit(off_at, off, memory_order_relaxed);
    }
    return off == 0 ? 0 : off + within * sizeof(struct session_row);
}

struct site_entry *site_add(struct site_table *table, uint64_t key, uint32_t path, unsigned call)
{
    uint32_t count = atomic_load_explicit(&table->place->row_count, memory_order_relaxed);
    uint64_t off = make_room(table) ? row_space(table, count) : 0;
    if (off == 0) {
        return NULL;
    }
    struct session_row *row = link_at(table->head, off);
    row->path = path;
    row->call = (uint8_t)call;
    /* Release; pairs with the recorder's acquire: path, call and chunk before the count. */
    atomic_store_explicit(&table->place->row_count, count + 1, memory_order_release);
    struct site_entry *slot = site_slot(table->index, table->mask, key);
    slot->row_line = (uint32_t)(off / SESSION_LINE);
    slot->path = path;
    /* A handler that jumps away before the key is set leaves a row without calls behind. */
    atomic_signal_fence(memory_order_release);
    slot->key = key;
    table->used++;
    return slot;
}

void site_count_shared(struct session_row *row, const struct site_sum *sum)
{
    link_add(&row->calls, 1);
    link_add(&row->allocs, sum->allocs);
    link_add(&row->frees, sum->frees);
    link_add(&row->failed, sum->failed);
    link_add(&row->bytes, sum->bytes);
    link_add(&row->ns, sum->ns);
    uint64_t max = atomic_load_explicit(&row->ns_max, memory_order_relaxed);
    while (sum->ns > max &&
           !atomic_compare_exchange_weak_explicit(&row->ns_max, &max, sum->ns, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}
