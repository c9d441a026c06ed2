#include "link_session.h"
#include "memory_session.h"
#include "site_count.h"

#include <criterion/criterion.h>

static struct session_thread *place_in(struct session_head *head)
{
    return link_at(head, link_alloc(head, sizeof(struct session_thread)));
}

Test(site_count, a_call_adds_to_its_row)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct site_table table;
    site_init(&table, head, place_in(head));
    cr_assert_null(site_find(&table, 77));
    struct site_entry *entry = site_add(&table, 77, 5, CALL_CALLOC);
    cr_assert_eq(site_find(&table, 77), entry);
    struct session_row *row = site_row(&table, entry);
    site_count(row, &(struct site_sum){.allocs = 1, .bytes = 10, .ns = 30});
    site_count(row, &(struct site_sum){.failed = 1, .ns = 20});
    site_count_shared(row, &(struct site_sum){.frees = 1, .ns = 25});
    cr_assert_eq(row->path, 5);
    cr_assert_eq(row->call, CALL_CALLOC);
    cr_assert_eq(row->calls, 3);
    cr_assert_eq(row->allocs, 1);
    cr_assert_eq(row->frees, 1);
    cr_assert_eq(row->failed, 1);
    cr_assert_eq(row->bytes, 10);
    cr_assert_eq(row->ns, 75);
    cr_assert_eq(row->ns_max, 30);
    free(head);
}

/* Keys are hashes. */
static uint64_t key_of(uint64_t i)
{
    return i * UINT64_C(0x9E3779B97F4A7C15);
}

Test(site_count, many_sites_survive_the_growth_of_the_index)
{
    struct session_head *head = memory_session_create(64 << 20);
    struct session_thread *place = place_in(head);
    struct site_table table;
    site_init(&table, head, place);
    for (uint64_t i = 1; i <= 50000; i++) {
        struct site_entry *entry = site_add(&table, key_of(i), (uint32_t)i, CALL_MALLOC);
        site_count(site_row(&table, entry), &(struct site_sum){.bytes = i});
    }
    cr_assert_eq(place->row_count, 50000);
    for (uint64_t i = 1; i <= 50000; i++) {
        struct site_entry *entry = site_find(&table, key_of(i));
        cr_assert_eq(entry->path, i);
        cr_assert_eq(site_row(&table, entry)->bytes, i);
    }
    free(head);
}

Test(site_count, the_next_owner_finds_the_rows_of_the_last)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct session_thread *place = place_in(head);
    struct site_table first;
    struct site_table second;
    site_init(&first, head, place);
    for (uint64_t key = 1; key <= 100; key++) {
        (void)site_add(&first, key, (uint32_t)key, CALL_FREE);
    }
    site_init(&second, head, place);
    cr_assert_eq(second.used, 100);
    cr_assert_eq(site_find(&second, 42)->path, 42);
    free(head);
}

Test(site_count, a_table_left_by_a_jump_is_taken_up_as_the_place_has_it)
{
    struct session_head *head = memory_session_create(1 << 20);
    struct session_thread *place = place_in(head);
    struct site_table table;
    site_init(&table, head, place);
    struct site_table before = table;
    (void)site_add(&table, key_of(1), 1, CALL_MALLOC);
    table.mask = before.mask; /* the new index with the old one's mask: a search without an end */
    table.used = before.used;
    site_init(&table, head, place);
    cr_assert_eq(site_find(&table, key_of(1))->path, 1);
    cr_assert_null(site_find(&table, key_of(2)));
    cr_assert_eq(table.used, 1);
    for (uint64_t i = 2; i <= 200; i++) { /* beyond the first index */
        (void)site_add(&table, key_of(i), (uint32_t)i, CALL_MALLOC);
    }
    table.index = before.index;
    site_init(&table, head, place);
    for (uint64_t i = 1; i <= 200; i++) {
        cr_assert_eq(site_find(&table, key_of(i))->path, i);
    }
    cr_assert_eq(table.used, 200);
    free(head);
}

Test(site_count, without_room_there_is_no_row_and_no_overrun)
{
    struct session_head *head = memory_session_create(64 << 10);
    struct site_table table;
    site_init(&table, head, place_in(head));
    uint64_t added = 0;
    while (site_add(&table, added + 1, 1, CALL_MALLOC) != NULL) {
        added++;
    }
    cr_assert_gt(added, 100);
    cr_assert_null(site_find(&table, added + 1));
    cr_assert_not_null(site_find(&table, added));
    cr_assert_leq(head->used_bytes, 64 << 10);
    free(head);
}
