#include "insight/finding_place.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "story_profile.h"

enum { CALLERS = 12 };

/* work() allocates through layer(), of which there are `callers`; or through helper(), with two. */
static size_t place_with(unsigned callers, uint64_t by_copy_steps)
{
    struct profile *p = profile_create();
    struct mem_strings *names = mem_strings_create();
    struct finding_places places = {.names = names};
    struct site_stack stack = {0};
    uint32_t layer = story_frame(p, "/bin/app", "layer", "app.c", 1, NULL);
    uint32_t path = 0;
    for (unsigned i = 0; i < callers; i++) {
        char name[16];
        snprintf(name, sizeof name, "work_%u", i);
        uint32_t caller = story_frame(p, "/bin/app", name, "app.c", 100 + i, NULL);
        path = profile_path(p, profile_path(p, 0, caller, false), layer, false);
        site_stack_load(&stack, p, path);
        finding_places_add(
            &places, &stack, 0,
            &(struct profile_site){.allocs = 100, .growth = {.by_copy_steps = by_copy_steps}});
    }
    size_t place = finding_places_of(&places, &stack, 0);
    site_stack_finish(&stack);
    finding_places_finish(&places);
    mem_strings_destroy(names);
    profile_destroy(p);
    return place;
}

Test(finding_place, a_function_with_many_callers_is_a_layer)
{
    cr_assert_eq(place_with(CALLERS, 0), 1, "its caller is what to talk about");
    cr_assert_eq(place_with(FINDING_PLACE_CALLERS_MIN - 1, 0), 0);
}

Test(finding_place, a_function_that_appends_stays_however_many_call_it)
{
    cr_assert_eq(place_with(CALLERS, 90), 0);
    cr_assert_eq(place_with(CALLERS, 10), 1);
}
