#include "insight/finding_place.h"

#include <inttypes.h>
#include <stdlib.h>

/* A function, or where the name is unknown the place in the code. */
static uintptr_t key_of(const struct finding_places *places, const struct site_frame *frame)
{
    bool has_name = site_has_name(frame);
    char *key = mem_format("%s\x1f%s\x1f%" PRIx64, has_name ? frame->function : "", frame->module,
                           has_name ? 0 : frame->offset);
    const char *kept = mem_strings_keep(places->names, key);
    free(key);
    return (uintptr_t)kept;
}

static struct finding_place_function *function_at(struct finding_places *places, uintptr_t key)
{
    uint32_t id = id_map_find(&places->functions, key, 0);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)places->all.count;
        (void)MEM_PUSH(&places->all);
        id_map_put(&places->functions, key, 0, id);
    }
    return &places->all.at[id];
}

void finding_places_add(struct finding_places *places, const struct site_stack *stack, size_t shown,
                        const struct profile_site *site)
{
    for (size_t i = shown; i < stack->count && i < shown + FINDING_PLACE_STEPS_MAX; i++) {
        uintptr_t key = key_of(places, &stack->at[i]);
        struct finding_place_function *function = function_at(places, key);
        if (i == shown) {
            function->allocs += site->allocs;
            function->by_copy_steps += site->growth.by_copy_steps;
        }
        uintptr_t caller = i + 1 < stack->count ? key_of(places, &stack->at[i + 1]) : key;
        if (caller != key && id_map_find(&places->calls, key, caller) == ID_MAP_NONE) {
            id_map_put(&places->calls, key, caller, 0);
            function->callers += 1;
        }
    }
}

static bool is_layer(const struct finding_places *places, const struct site_frame *frame)
{
    uint32_t id = id_map_find(&places->functions, key_of(places, frame), 0);
    if (id == ID_MAP_NONE) {
        return false;
    }
    const struct finding_place_function *function = &places->all.at[id];
    return function->callers >= FINDING_PLACE_CALLERS_MIN &&
           function->by_copy_steps <= function->allocs / 2;
}

size_t finding_places_of(const struct finding_places *places, const struct site_stack *stack,
                         size_t shown)
{
    size_t place = shown;
    while (place + 1 < stack->count && place < shown + FINDING_PLACE_STEPS_MAX &&
           is_layer(places, &stack->at[place])) {
        place += 1;
    }
    return place;
}

void finding_places_finish(struct finding_places *places)
{
    id_map_finish(&places->functions);
    id_map_finish(&places->calls);
    free(places->all.at);
    *places = (struct finding_places){0};
}
