#include "insight/site_callers.h"

#include <string.h>

enum {
    CALLERS_LEAST = 2,
    /* Chains that are equal this far look the same in any list that a person reads. */
    CALLERS_LOOKED_AT = 40,
    ONE = 1,
    SEVERAL = 0
};

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_STEP UINT64_C(0x100000001b3)

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ at[i]) * HASH_STEP;
    }
    return hash;
}

/* Of what site_label() shows. */
static uint64_t hash_frame(uint64_t hash, const struct site_frame *frame)
{
    if (!site_has_name(frame)) {
        hash = hash_bytes(hash, frame->module, strlen(frame->module) + 1);
        return hash_bytes(hash, &frame->offset, sizeof frame->offset);
    }
    hash = hash_bytes(hash, frame->function, strlen(frame->function) + 1);
    hash = hash_bytes(hash, frame->file, strlen(frame->file) + 1);
    return hash_bytes(hash, &frame->line, sizeof frame->line);
}

/* A compiler may split a function and put the halves together again: two frames, one function. */
static bool is_same_function(const struct site_frame *inner, const struct site_frame *outer)
{
    return inner->is_inlined && inner->function[0] != '\0' &&
           strcmp(inner->function, outer->function) == 0 && strcmp(inner->file, outer->file) == 0;
}

/* The next caller outwards that says something new; stack->count when there is none. */
static size_t next_caller(const struct site_stack *stack, size_t at)
{
    size_t next = at + 1;
    while (next < stack->count && is_same_function(&stack->at[next - 1], &stack->at[next])) {
        next++;
    }
    return next;
}

void site_callers_add(struct site_callers_list *list, const struct site_stack *stack, size_t shown)
{
    uint64_t hash = HASH_START;
    size_t at = shown;
    for (uint64_t i = 0; i <= CALLERS_LOOKED_AT && at < stack->count; i++) {
        hash = hash_frame(hash, &stack->at[at]);
        uint32_t seen = id_map_find(&list->once, hash, i) == ID_MAP_NONE ? ONE : SEVERAL;
        id_map_put(&list->once, hash, i, seen);
        at = next_caller(stack, at);
    }
}

/* How many callers it takes until no other site of the list looks the same; 0 when none do. */
static size_t callers_needed(const struct site_callers_list *list, const struct site_stack *stack,
                             size_t shown)
{
    uint64_t hash = HASH_START;
    size_t at = shown;
    for (uint64_t i = 0; i <= CALLERS_LOOKED_AT && at < stack->count; i++) {
        hash = hash_frame(hash, &stack->at[at]);
        if (id_map_find(&list->once, hash, i) == ONE) {
            return (size_t)i;
        }
        at = next_caller(stack, at);
    }
    return 0;
}

/* How many callers it takes until a name is among what is shown. */
static size_t callers_to_a_name(const struct site_stack *stack, size_t shown)
{
    size_t at = shown;
    for (size_t i = 0; i <= SITE_CALLERS_MAX && at < stack->count; i++) {
        if (site_has_name(&stack->at[at])) {
            return i;
        }
        at = next_caller(stack, at);
    }
    return 0;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

struct site_callers site_callers_of(const struct site_callers_list *list,
                                    const struct site_stack *stack, size_t shown)
{
    struct site_callers callers = {0};
    size_t wanted = larger(larger(callers_needed(list, stack, shown), CALLERS_LEAST),
                           callers_to_a_name(stack, shown));
    size_t at = next_caller(stack, shown);
    for (size_t i = 1; i <= wanted && at < stack->count; i++) {
        /* "... 2 more" takes the line of one of them. */
        bool is_left_out = wanted > SITE_CALLERS_MAX && i >= SITE_CALLERS_MAX - 1 && i < wanted;
        if (is_left_out) {
            callers.left_out++;
        } else {
            callers.at[callers.count++] = at;
        }
        at = next_caller(stack, at);
    }
    return callers;
}

void site_callers_finish(struct site_callers_list *list)
{
    id_map_finish(&list->once);
    *list = (struct site_callers_list){0};
}
