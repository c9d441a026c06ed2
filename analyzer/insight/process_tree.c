#include "insight/process_tree.h"

#include <stdlib.h>

#include "heap/id_map.h"

#define NONE UINT32_MAX

/* A process by its place in the order of starts. */
struct node {
    uint64_t start_ns;
    uint32_t process;
    uint32_t depth;
    uint32_t first_child; /* NONE = none; children are chained last one first */
    uint32_t next;
};

static int by_start(const void *a, const void *b)
{
    const struct node *x = a;
    const struct node *y = b;
    if (x->start_ns != y->start_ns) {
        return x->start_ns < y->start_ns ? -1 : 1;
    }
    return x->process < y->process ? -1 : 1;
}

static struct node *nodes_by_start(const struct profile *p, size_t count)
{
    struct node *nodes = mem_zero(count + 1, sizeof *nodes);
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = (struct node){p->processes.at[i].start_ns, i, 0, NONE, NONE};
    }
    qsort(nodes, count, sizeof *nodes, by_start);
    return nodes;
}

/* The node that node i came from: the same process before its exec, else the parent; NONE. */
static uint32_t origin_of(const struct id_map *latest, const struct profile_process *process,
                          bool *ret_is_exec)
{
    uint32_t before = id_map_find(latest, process->pid, 0);
    *ret_is_exec = process->origin == SESSION_BY_START && before != ID_MAP_NONE;
    return *ret_is_exec ? before : id_map_find(latest, process->parent_pid, 0);
}

/* Links every node to its parent; roots hang on the extra node at the end. */
static void link_nodes(const struct profile *p, struct node *nodes, size_t count)
{
    struct id_map latest = {0}; /* pid -> its newest node so far */
    nodes[count].first_child = NONE;
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_process *process = &p->processes.at[nodes[i].process];
        bool is_exec;
        uint32_t origin = origin_of(&latest, process, &is_exec);
        bool is_root = origin == ID_MAP_NONE;
        nodes[i].depth = is_root ? 0 : nodes[origin].depth + !is_exec;
        struct node *parent = &nodes[is_root ? count : origin];
        nodes[i].next = parent->first_child;
        parent->first_child = i;
        id_map_put(&latest, process->pid, 0, i);
    }
    id_map_finish(&latest);
}

/* Before what came of it by exec stand the children that it had: all are older. A list is last one
 * first, so pushing it as it is leaves the oldest on top. */
static size_t push_list(uint32_t *stack, size_t depth, const struct node *nodes, uint32_t first)
{
    for (uint32_t i = first; i != NONE; i = nodes[i].next) {
        stack[depth++] = i;
    }
    return depth;
}

struct process_place *process_tree(const struct profile *profile, size_t *ret_count)
{
    size_t count = profile->processes.count;
    struct node *nodes = nodes_by_start(profile, count);
    link_nodes(profile, nodes, count);
    struct process_place *places = mem_zero(count + 1, sizeof *places);
    uint32_t *stack = mem_zero(count + 1, sizeof *stack);
    size_t depth = push_list(stack, 0, nodes, nodes[count].first_child);
    size_t used = 0;
    while (depth > 0) {
        uint32_t i = stack[--depth];
        places[used++] = (struct process_place){nodes[i].process, nodes[i].depth};
        depth = push_list(stack, depth, nodes, nodes[i].first_child);
    }
    free(stack);
    free(nodes);
    *ret_count = used;
    return places;
}
