#include "insight/finding_group.h"

#include <criterion/criterion.h>

#include "heap/heap.h"
#include "story_profile.h"

/* Sites of one function and line are one group, with the time of their blocks' frees. */
Test(finding_group, sites_of_one_line_add_up_and_frees_are_priced_where_they_happen)
{
    struct profile *p = profile_create();
    MEM_PUSH(&p->processes)->allocator = "/usr/lib/libjemalloc.so.2";
    uint32_t make = story_frame(p, "/bin/app", "make", "app.c", 10, NULL);
    uint32_t paths[3];
    for (unsigned i = 0; i < 3; i++) {
        uint32_t caller = story_frame(p, "/bin/app", i == 0 ? "one" : "two", "app.c", 50 + i, NULL);
        uint32_t outer = profile_path(p, 0, caller, false);
        uint32_t inner = i < 2 ? make : story_frame(p, "/bin/app", "drop", "app.c", 20, NULL);
        paths[i] = profile_path(p, outer, inner, false);
    }
    struct heap *heap = heap_create(p);
    for (uint64_t i = 1; i <= 10; i++) {
        struct heap_event born = {.time_ns = 100 * i,
                                  .addr = 16 * i,
                                  .size = 32,
                                  .path = paths[i % 2],
                                  .latency = loglin_code(20),
                                  .call = CALL_MALLOC};
        struct heap_event died = {.time_ns = 100 * i + 50,
                                  .addr = 16 * i,
                                  .path = paths[2],
                                  .latency = loglin_code(50),
                                  .thread = i == 10,
                                  .call = CALL_FREE};
        heap_add(heap, &born, 1);
        heap_add(heap, &died, 1);
    }
    heap_settle(heap);
    struct finding_groups groups;
    finding_groups_load(p, NULL, FINDING_BY_PLACE, &groups);
    cr_assert_eq(groups.groups.count, 1);
    const struct finding_group *g = &groups.groups.at[0];
    cr_assert_eq(g->sites, 2);
    cr_assert_eq(g->allocs, 10);
    cr_assert_eq(g->bytes, 320);
    cr_assert_eq(g->alloc_ns, 200);
    cr_assert_eq(g->free_ns, 500);
    cr_assert_eq(g->cross_free_ns, 50, "one was freed by another thread");
    cr_assert_eq(g->same_thread, 9);
    cr_assert_eq(g->size.count, 10);
    cr_assert_eq(finding_ns_of(g, 5), 350);
    cr_assert_eq(groups.facts.allocs, 10);
    cr_assert(groups.facts.is_jemalloc && !groups.facts.is_glibc);
    finding_groups_finish(&groups);
    heap_destroy(heap);
    profile_destroy(p);
}
