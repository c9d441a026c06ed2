#include "insight/process_tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void add(struct profile *p, uint32_t pid, uint32_t parent, uint64_t start_ns,
                enum session_origin origin)
{
    struct profile_process *process = MEM_PUSH(&p->processes);
    process->pid = pid;
    process->parent_pid = parent;
    process->start_ns = start_ns;
    process->origin = origin;
}

static void check(const struct profile *p, const struct process_place *expected, size_t count)
{
    size_t found;
    struct process_place *places = process_tree(p, &found);
    cr_assert_eq(found, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(places[i].process, expected[i].process, "place %zu", i);
        cr_assert_eq(places[i].depth, expected[i].depth, "depth of place %zu", i);
    }
    free(places);
}

Test(process_tree, children_follow_their_parent_whatever_the_order_of_the_list)
{
    struct profile *p = profile_create();
    add(p, 12, 10, 30, SESSION_BY_START); /* exec of the second child */
    add(p, 10, 1, 0, SESSION_BY_START);
    add(p, 11, 10, 10, SESSION_BY_FORK);
    add(p, 12, 10, 20, SESSION_BY_FORK);
    add(p, 13, 11, 25, SESSION_BY_FORK); /* later than 12, but 11's child */
    static const struct process_place expected[] = {{1, 0}, {2, 1}, {4, 2}, {3, 1}, {0, 1}};
    check(p, expected, 5);
    profile_destroy(p);
}

Test(process_tree, a_reused_pid_is_another_process)
{
    struct profile *p = profile_create();
    add(p, 10, 1, 0, SESSION_BY_START);
    add(p, 11, 10, 10, SESSION_BY_FORK);
    add(p, 11, 10, 20, SESSION_BY_FORK);
    static const struct process_place expected[] = {{0, 0}, {1, 1}, {2, 1}};
    check(p, expected, 3);
    profile_destroy(p);
}

Test(process_tree, its_own_parent_or_a_ring_of_parents_is_no_harm)
{
    struct profile *p = profile_create();
    add(p, 10, 10, 0, SESSION_BY_FORK);
    add(p, 20, 30, 0, SESSION_BY_FORK);
    add(p, 30, 20, 0, SESSION_BY_FORK);
    static const struct process_place expected[] = {{0, 0}, {1, 0}, {2, 1}};
    check(p, expected, 3);
    profile_destroy(p);
}

Test(process_tree, no_processes_make_no_places)
{
    struct profile *p = profile_create();
    check(p, NULL, 0);
    profile_destroy(p);
}
