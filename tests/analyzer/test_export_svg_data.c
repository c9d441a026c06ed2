/* A flame graph's names, colours and data: no byte of it can end the element it stands in. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "export/export_svg_data.h"
#include "story_profile.h"

static struct profile *profile;
static struct selection selection;
static struct export_stacks *stacks;
static struct export_flame *flame;
static struct export_job job;

static void open_story(enum story story)
{
    const struct select_rule all = {0};
    profile = story_profile(story);
    cr_assert_eq(select_sites(profile, &all, &selection, NULL), ERR_NONE);
    stacks = export_stacks_create(profile, &selection);
    struct export_flame_plan plan = {.stacks = stacks, .metric = EXPORT_BYTES};
    flame = export_flame_create(&plan);
    job = (struct export_job){.side = {"x", profile, &selection, stacks}, .metric = EXPORT_BYTES};
}

static void end(void)
{
    export_flame_destroy(flame);
    export_stacks_destroy(stacks);
    select_finish(&selection);
    profile_destroy(profile);
}

TestSuite(export_svg_data, .fini = end);

static const char *class_of(const char *function)
{
    for (size_t i = 1; i < flame->nodes.count; i++) {
        if (strcmp(flame->nodes.at[i].frame.function, function) == 0) {
            return export_svg_class(&job, flame, i);
        }
    }
    return "?";
}

Test(export_svg_data, colours_tell_whose_code_it_is)
{
    open_story(STORY_BEFORE);
    cr_expect_eq(class_of("main")[0], 'p');
    cr_expect_eq(class_of("strdup")[0], 's');
    cr_expect_eq(class_of("libgeo.so.2+0x10b0")[0], 'l');
    cr_expect_str_eq(export_svg_class(&job, flame, 0), "n");
}

Test(export_svg_data, labels_are_short)
{
    open_story(STORY_BEFORE);
    char *label = export_svg_label("std::vector<int, std::allocator<int> >::push_back(int const&)");
    cr_expect_str_eq(label, "std::vector<...>::push_back(int const&)");
    free(label);
    char *name = export_svg_name(flame, 0);
    cr_expect_str_eq(name, "all");
    free(name);
}

Test(export_svg_data, hostile_names_stay_inside)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    open_story(STORY_HOSTILE);
    export_svg_data(&job, flame, false, out);
    fclose(out);
    char *inside = strchr(text, '>') + 1;
    cr_expect_eq(strcspn(inside, "<>&"), strlen(inside) - strlen("</script>\n"));
    cr_expect_not_null(strstr(inside, "\\u003c/script\\u003e"));
    free(text);
}
