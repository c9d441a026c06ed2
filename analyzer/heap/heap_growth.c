#include "heap/heap_growth.h"

#include <stdlib.h>

#include "alloctrap/loglin.h"
#include "heap/heap_blocks.h"

static uint32_t open_chain(struct heap_growth *growth, uint64_t first_bytes)
{
    if (growth->chains.count == 0) {
        (void)MEM_PUSH(&growth->chains);
    }
    uint32_t chain = growth->free_chain;
    if (chain != 0) {
        growth->free_chain = growth->chains.at[chain].site;
    } else if (growth->chains.count <= HEAP_BLOCK_CHAIN_MAX) {
        chain = (uint32_t)growth->chains.count;
        (void)MEM_PUSH(&growth->chains);
    } else {
        growth->refused += 1;
        return 0;
    }
    growth->chains.at[chain] = (struct heap_chain){.first_bytes = first_bytes};
    return chain;
}

uint32_t heap_growth_step(struct heap_growth *growth, uint32_t chain, uint32_t site,
                          uint64_t old_bytes, uint64_t new_bytes, enum heap_growth_way way)
{
    if (chain == 0) {
        chain = open_chain(growth, old_bytes);
    }
    if (chain != 0) {
        struct heap_chain *c = &growth->chains.at[chain];
        c->site = site;
        c->steps += 1;
        c->by_copy_steps += way == HEAP_GROWTH_BY_COPY;
        c->in_place_steps += way == HEAP_GROWTH_IN_PLACE;
        c->in_place_bytes += way == HEAP_GROWTH_IN_PLACE ? old_bytes : 0;
        c->geometric_steps += new_bytes - old_bytes >= old_bytes / PROFILE_GEOMETRIC_DIVISOR;
        c->copied_bytes += old_bytes;
        c->last_bytes = new_bytes;
    }
    return chain;
}

void heap_growth_keep(struct heap_growth *growth, uint32_t chain, uint32_t site, uint64_t new_bytes)
{
    growth->chains.at[chain].site = site;
    growth->chains.at[chain].last_bytes = new_bytes;
}

void heap_growth_add_longs(struct profile_long *into, const struct profile_long *from)
{
    into->chains += from->chains;
    into->steps += from->steps;
    into->copied_bytes += from->copied_bytes;
    into->in_place_bytes += from->in_place_bytes;
    into->first_bytes += from->first_bytes;
    into->last_bytes += from->last_bytes;
    into->geometric_steps += from->geometric_steps;
}

void heap_growth_add(struct profile_growth *into, const struct profile_growth *from)
{
    into->chains += from->chains;
    into->steps += from->steps;
    into->steps_max = into->steps_max > from->steps_max ? into->steps_max : from->steps_max;
    into->copied_bytes += from->copied_bytes;
    into->first_bytes += from->first_bytes;
    into->last_bytes += from->last_bytes;
    into->by_copy_steps += from->by_copy_steps;
    into->geometric_steps += from->geometric_steps;
    into->in_place_steps += from->in_place_steps;
    into->in_place_bytes += from->in_place_bytes;
    heap_growth_add_longs(&into->longs, &from->longs);
    hist_merge(&into->last_size, &from->last_size);
}

void heap_growth_fold(const struct heap_chain *chain, struct profile_growth *into)
{
    into->chains += 1;
    into->steps += chain->steps;
    into->steps_max = into->steps_max > chain->steps ? into->steps_max : chain->steps;
    into->copied_bytes += chain->copied_bytes;
    into->first_bytes += chain->first_bytes;
    into->last_bytes += chain->last_bytes;
    into->by_copy_steps += chain->by_copy_steps;
    into->geometric_steps += chain->geometric_steps;
    into->in_place_steps += chain->in_place_steps;
    into->in_place_bytes += chain->in_place_bytes;
    if (chain->steps > PROFILE_LONG_STEPS) {
        heap_growth_add_longs(&into->longs,
                              &(struct profile_long){.chains = 1,
                                                     .steps = chain->steps,
                                                     .copied_bytes = chain->copied_bytes,
                                                     .in_place_bytes = chain->in_place_bytes,
                                                     .first_bytes = chain->first_bytes,
                                                     .last_bytes = chain->last_bytes,
                                                     .geometric_steps = chain->geometric_steps});
    }
    hist_add(&into->last_size, loglin_code(chain->last_bytes), 1);
}

void heap_growth_drop(struct heap_growth *growth, uint32_t chain)
{
    growth->chains.at[chain].steps = 0;
    growth->chains.at[chain].site = growth->free_chain;
    growth->free_chain = chain;
}

void heap_growth_finish(struct heap_growth *growth)
{
    free(growth->chains.at);
    *growth = (struct heap_growth){0};
}
