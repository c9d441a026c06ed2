#include "path_table.h"

#include "link_session.h"

enum {
    PROBES_MAX =
        4, /* of one index level; a node beyond goes to the next level, four times larger */
    /* A slot: the node's id below, and above it some of its key's hash: of 256 other nodes one is
     * looked at. */
    SLOT_ID_BITS = 24
};

_Static_assert(SESSION_MAP_BYTES / sizeof(struct session_node) < 1 << SLOT_ID_BITS,
               "every id fits in a slot");

static uint64_t hash_of(const struct path_key *key)
{
    uint64_t h = key->addr * UINT64_C(0x9E3779B97F4A7C15);
    h ^= ((uint64_t)key->parent << 32 | key->epoch) + key->flags;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 29;
}

/* PURE. Bits of the hash that no level's place is told by. */
static uint32_t slot_of(uint64_t hash, uint32_t id)
{
    return (uint32_t)(hash >> 56) << SLOT_ID_BITS | id;
}

static uint32_t slot_id(uint32_t slot)
{
    return slot & ((1U << SLOT_ID_BITS) - 1);
}

static uint64_t level_slots(unsigned level)
{
    return (uint64_t)SESSION_NODE_INDEX_FIRST << 2 * level;
}

static struct session_node *node_at(struct session_head *head, uint32_t id)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(id, SESSION_NODE_CHUNK_FIRST, &within);
    /* Acquire; pairs with the exchange in chunk_with_room(). */
    uint64_t off = atomic_load_explicit(&head->node_chunk_off[chunk], memory_order_acquire);
    return (struct session_node *)link_at(head, off) + within;
}

static bool is_node(const struct session_node *node, const struct path_key *key)
{
    return node->addr == key->addr && node->parent == key->parent && node->epoch == key->epoch &&
           node->flags == key->flags;
}

/* Looks along one level's probes. Returns the id, or 0 with *ret_free the free slot met, if any. */
static uint32_t probe(struct session_head *head, uint64_t index_off, unsigned level, uint64_t hash,
                      const struct path_key *key, _Atomic uint32_t **ret_free)
{
    _Atomic uint32_t *slots = link_at(head, index_off);
    uint64_t mask = level_slots(level) - 1;
    *ret_free = NULL;
    for (uint64_t i = 0; i < PROBES_MAX; i++) {
        _Atomic uint32_t *slot = &slots[(hash + i) & mask];
        /* Acquire; pairs with the exchange in publish(): the node under the id is whole. */
        uint32_t found = atomic_load_explicit(slot, memory_order_acquire);
        if (found == 0) {
            *ret_free = slot;
            return 0;
        }
        uint32_t id = slot_id(found);
        if (found == slot_of(hash, id) && is_node(node_at(head, id), key)) {
            return id;
        }
    }
    return 0;
}

static uint64_t index_at(struct session_head *head, unsigned level)
{
    /* Acquire; pairs with the exchange in index_with_room(). */
    return atomic_load_explicit(&head->node_index_off[level], memory_order_acquire);
}

uint32_t path_find(struct session_head *head, const struct path_key *key)
{
    uint64_t hash = hash_of(key);
    for (unsigned level = 0; level < SESSION_NODE_INDEXES; level++) {
        uint64_t index_off = index_at(head, level);
        if (index_off == 0) {
            return 0;
        }
        _Atomic uint32_t *free_slot;
        uint32_t id = probe(head, index_off, level, hash, key, &free_slot);
        if (id != 0) {
            return id;
        }
        if (free_slot != NULL) {
            return 0; /* a node goes to the first level that has a free slot for it */
        }
    }
    return 0;
}

/* Space at *off_at, made by whoever comes first; 0 when there is none. The loser of a race leaves
 * its piece unused. */
static uint64_t space_at(struct session_head *head, _Atomic uint64_t *off_at, uint64_t bytes)
{
    uint64_t off = atomic_load_explicit(off_at, memory_order_acquire);
    if (off != 0) {
        return off;
    }
    uint64_t fresh = link_alloc(head, bytes);
    if (fresh == 0) {
        return 0;
    }
    /* Release; pairs with the acquires of node_at() and index_at(). */
    if (atomic_compare_exchange_strong_explicit(off_at, &off, fresh, memory_order_acq_rel,
                                                memory_order_acquire)) {
        return fresh;
    }
    return off;
}

static uint32_t take_node(struct session_head *head)
{
    uint32_t id = atomic_load_explicit(&head->node_count, memory_order_relaxed);
    do {
        uint32_t within;
        unsigned chunk = session_chunk_of(id, SESSION_NODE_CHUNK_FIRST, &within);
        if (chunk >= SESSION_NODE_CHUNKS || space_at(head, &head->node_chunk_off[chunk],
                                                     ((uint64_t)SESSION_NODE_CHUNK_FIRST << chunk) *
                                                         sizeof(struct session_node)) == 0) {
            return 0;
        }
        /* Release: the chunk's offset is set before the count covers its nodes. */
    } while (!atomic_compare_exchange_weak_explicit(&head->node_count, &id, id + 1,
                                                    memory_order_release, memory_order_relaxed));
    return id;
}

static uint32_t make_node(struct session_head *head, const struct path_key *key)
{
    uint32_t id = take_node(head);
    if (id != 0) {
        uint32_t depth = key->parent == 0 ? 1 : node_at(head, key->parent)->depth + 1;
        *node_at(head, id) = (struct session_node){.addr = key->addr,
                                                   .parent = key->parent,
                                                   .epoch = key->epoch,
                                                   .depth = depth,
                                                   .flags = key->flags};
    }
    return id;
}

/* The level's index, and the level known to the recorder; 0 when there is no room. */
static uint64_t index_with_room(struct session_head *head, unsigned level)
{
    uint64_t off =
        space_at(head, &head->node_index_off[level], level_slots(level) * sizeof(_Atomic uint32_t));
    uint32_t known = atomic_load_explicit(&head->node_index_level, memory_order_relaxed);
    if (off != 0 && known < level) {
        atomic_store_explicit(&head->node_index_level, level, memory_order_relaxed);
    }
    return off;
}

/* Puts an id into a free slot; when another thread was faster, looks on from there. */
static uint32_t publish(struct session_head *head, uint64_t index_off, unsigned level,
                        const struct path_key *key, uint32_t id)
{
    uint64_t hash = hash_of(key);
    for (;;) {
        _Atomic uint32_t *slot;
        uint32_t other = probe(head, index_off, level, hash, key, &slot);
        if (other != 0 || slot == NULL) {
            return other;
        }
        uint32_t none = 0;
        /* Release; pairs with the acquire in probe(). */
        if (atomic_compare_exchange_strong_explicit(slot, &none, slot_of(hash, id),
                                                    memory_order_release, memory_order_relaxed)) {
            return id;
        }
    }
}

uint32_t path_add(struct session_head *head, const struct path_key *key)
{
    uint32_t id = make_node(head, key);
    for (unsigned level = 0; id != 0 && level < SESSION_NODE_INDEXES; level++) {
        uint64_t index_off = index_with_room(head, level);
        if (index_off == 0) {
            return id; /* found no more, but named by the row that asked for it */
        }
        uint32_t published = publish(head, index_off, level, key, id);
        if (published != 0) {
            return published;
        }
    }
    return id;
}
