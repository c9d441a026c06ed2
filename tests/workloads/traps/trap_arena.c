/*
 * arena - thousands of nodes that are made one by one and are of no use one without the other.
 * Naive: a block for each, and at the end a walk through all of them to free them.
 * Fixed: an arena: nodes side by side in a few large blocks, which are freed at the end.
 */
#include "trap.h"

#include <stdlib.h>

enum { CHUNK_NODES = 4096 };

struct node {
    struct node *next;
    uint64_t value;
};

struct chunk {
    struct chunk *next;
    size_t used;
    struct node nodes[CHUNK_NODES];
};

static uint64_t mix_list(const struct node *list)
{
    uint64_t result = TRAP_RESULT_START;
    for (; list != NULL; list = list->next) {
        result = trap_mix(result, &list->value, sizeof list->value);
    }
    return result;
}

bool trap_arena_naive(uint64_t n, uint64_t *ret_result)
{
    struct node *list = NULL;
    for (uint64_t i = 0; i < n; i++) {
        struct node *node = malloc(sizeof *node);
        if (node == NULL) {
            return false;
        }
        *node = (struct node){list, i};
        list = node;
    }
    *ret_result = mix_list(list);
    while (list != NULL) {
        struct node *next = list->next;
        free(list);
        list = next;
    }
    return true;
}

static struct node *arena_take(struct chunk **arena)
{
    if (*arena == NULL || (*arena)->used == CHUNK_NODES) {
        struct chunk *chunk = malloc(sizeof *chunk);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->next = *arena;
        chunk->used = 0;
        *arena = chunk;
    }
    return &(*arena)->nodes[(*arena)->used++];
}

bool trap_arena_fixed(uint64_t n, uint64_t *ret_result)
{
    struct chunk *arena = NULL;
    struct node *list = NULL;
    for (uint64_t i = 0; i < n; i++) {
        struct node *node = arena_take(&arena);
        if (node == NULL) {
            return false;
        }
        *node = (struct node){list, i};
        list = node;
    }
    *ret_result = mix_list(list);
    while (arena != NULL) {
        struct chunk *next = arena->next;
        free(arena);
        arena = next;
    }
    return true;
}
