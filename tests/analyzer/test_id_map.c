#include "heap/id_map.h"

#include <criterion/criterion.h>

Test(id_map, finds_what_was_put_and_nothing_else)
{
    struct id_map map = {0};
    cr_assert_eq(id_map_find(&map, 1, 2), ID_MAP_NONE);
    for (uint32_t i = 0; i < 10000; i++) {
        id_map_put(&map, i / 100, i % 100, i);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        cr_assert_eq(id_map_find(&map, i / 100, i % 100), i);
    }
    cr_assert_eq(id_map_find(&map, 0, 100), ID_MAP_NONE);
    cr_assert_eq(id_map_find(&map, 100, 0), ID_MAP_NONE);
    id_map_finish(&map);
}

Test(id_map, a_second_put_replaces_the_id)
{
    struct id_map map = {0};
    id_map_put(&map, 7, 7, 1);
    id_map_put(&map, 7, 7, 2);
    cr_assert_eq(id_map_find(&map, 7, 7), 2);
    cr_assert_eq(map.used, 1);
    id_map_finish(&map);
}

Test(id_map, clear_forgets_all)
{
    struct id_map map = {0};
    id_map_put(&map, 0, 0, 0);
    id_map_clear(&map);
    cr_assert_eq(id_map_find(&map, 0, 0), ID_MAP_NONE);
    id_map_put(&map, 1, 1, 5);
    cr_assert_eq(id_map_find(&map, 1, 1), 5);
    id_map_finish(&map);
}
