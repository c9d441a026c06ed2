#include "memory_session.h"
#include "path_table.h"

#include <criterion/criterion.h>

static const struct session_node *node_of(const struct session_head *head, uint32_t id)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(id, SESSION_NODE_CHUNK_FIRST, &within);
    const char *base = (const char *)head + head->node_chunk_off[chunk];
    return (const struct session_node *)base + within;
}

Test(path_table, a_node_is_found_again)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct path_key main_key = {.addr = 0x1000};
    cr_assert_eq(path_find(head, &main_key), 0);
    uint32_t outer = path_add(head, &main_key);
    struct path_key inner_key = {.addr = 0x2000, .parent = outer, .epoch = 3, .flags = 2};
    uint32_t inner = path_add(head, &inner_key);
    cr_assert_eq(path_find(head, &main_key), outer);
    cr_assert_eq(path_find(head, &inner_key), inner);
    cr_assert_eq(path_add(head, &inner_key), inner);
    cr_assert_lt(outer, inner);
    cr_assert_eq(node_of(head, inner)->depth, 2);
    cr_assert_eq(node_of(head, inner)->parent, outer);
    cr_assert_eq(node_of(head, inner)->addr, 0x2000);
    free(head);
}

Test(path_table, parent_epoch_and_flags_keep_nodes_apart)
{
    struct session_head *head = memory_session_create(1 << 20);
    uint32_t root = path_add(head, &(struct path_key){.addr = 1});
    struct path_key keys[] = {{.addr = 2},
                              {.addr = 2, .parent = root},
                              {.addr = 2, .epoch = 1},
                              {.addr = 2, .flags = SESSION_NODE_CUT}};
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(path_find(head, &keys[i]), 0);
        cr_assert_neq(path_add(head, &keys[i]), 0);
    }
    cr_assert_eq(head->node_count, 6);
    free(head);
}

Test(path_table, a_hundred_thousand_nodes_cross_chunks_and_levels)
{
    struct session_head *head = memory_session_create(64 << 20);
    for (uint64_t i = 0; i < 100000; i++) {
        struct path_key key = {.addr = 0x400000 + i * 5};
        cr_assert_eq(path_add(head, &key), i + 1);
    }
    for (uint64_t i = 0; i < 100000; i++) {
        struct path_key key = {.addr = 0x400000 + i * 5};
        cr_assert_eq(path_find(head, &key), i + 1);
    }
    cr_assert_geq(head->node_index_level, 1);
    free(head);
}

Test(path_table, a_full_table_refuses_and_stays_whole)
{
    struct session_head *head = memory_session_create(128 << 10);
    uint32_t last = 0;
    uint64_t added = 0;
    while ((last = path_add(head, &(struct path_key){.addr = 1 + added})) != 0) {
        added++;
    }
    cr_assert_gt(added, SESSION_NODE_CHUNK_FIRST / 2);
    cr_assert_eq(path_find(head, &(struct path_key){.addr = 1}), 1);
    cr_assert_leq(head->used_bytes, 128 << 10);
    free(head);
}
