#include "insight/site_name.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "story_profile.h"

static void check_label(struct site_frame frame, const char *expected)
{
    char *label = site_label(&frame);
    cr_assert_str_eq(label, expected);
    free(label);
}

Test(site_name, sees_through_wrappers)
{
    static const char *const yes[] = {"malloc",
                                      "operator new(unsigned long)",
                                      "operator new[](unsigned long, std::align_val_t)",
                                      "strdup",
                                      "__GI___strdup",
                                      "__GI___getdelim",
                                      "alloc::raw_vec::RawVec<T,A>::allocate_in",
                                      "<alloc::raw_vec::RawVec<u8>>::grow_amortized",
                                      "xmalloc",
                                      "xmalloc.constprop.0",
                                      "PyMem_RawMalloc",
                                      "__libc_calloc",
                                      "g_malloc0",
                                      "std::__new_allocator<int>::allocate(unsigned long)"};
    static const char *const no[] = {
        "", "main", "my_malloc", "std::vector<int>::reserve", "operator+", "strdup_all"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        cr_assert(site_is_wrapper(yes[i], NULL), "%s", yes[i]);
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        cr_assert_not(site_is_wrapper(no[i], NULL), "%s", no[i]);
    }
}

Test(site_name, takes_more_wrappers)
{
    const char *globs[] = {"my_*"};
    struct site_wrappers more = {globs, 1};
    cr_assert(site_is_wrapper("my_malloc", &more));
    cr_assert_not(site_is_wrapper("your_malloc", &more));
}

Test(site_name, wrappers_may_begin_with_anything)
{
    static const char *const globs[] = {"*_get_memory", "?our_malloc", "[xy]our_malloc",
                                        "\\your_malloc", "your*"};
    for (size_t i = 0; i < sizeof globs / sizeof globs[0]; i++) {
        const char *one[] = {globs[i]};
        struct site_wrappers more = {one, 1};
        cr_assert_eq(site_is_wrapper("your_malloc", &more), i > 0, "%s", globs[i]);
        cr_assert_eq(site_is_wrapper("pool_get_memory", &more), i == 0, "%s", globs[i]);
    }
}

Test(site_name, stack_is_innermost_first_with_inlines_on_top)
{
    struct profile *p = profile_create();
    uint32_t frames[] = {story_frame(p, "/bin/x", "main", "/s/main.c", 10, NULL),
                         story_frame(p, "/bin/x", "inner", "/s/a.c", 20, "outer"),
                         story_frame(p, "/lib/c.so", "strdup", "", 0, NULL), 0};
    uint32_t site = story_site(p, frames);
    struct site_stack stack = {0};
    site_stack_load(&stack, p, p->sites.at[site].path);
    cr_assert_eq(stack.count, 4);
    cr_assert_str_eq(stack.at[0].function, "strdup");
    cr_assert_str_eq(stack.at[1].function, "inner");
    cr_assert(stack.at[1].is_inlined);
    cr_assert_str_eq(stack.at[2].function, "outer");
    cr_assert_str_eq(stack.at[3].function, "main");
    cr_assert_eq(site_stack_shown(&stack, NULL), 1);
    site_stack_finish(&stack);
    profile_destroy(p);
}

Test(site_name, a_stack_of_wrappers_shows_the_innermost)
{
    struct profile *p = profile_create();
    uint32_t frames[] = {story_frame(p, "/bin/x", "xmalloc", "", 0, NULL), 0};
    uint32_t site = story_site(p, frames);
    struct site_stack stack = {0};
    site_stack_load(&stack, p, p->sites.at[site].path);
    cr_assert_eq(site_stack_shown(&stack, NULL), 0);
    site_stack_load(&stack, p, 0);
    cr_assert_eq(stack.count, 0);
    site_stack_finish(&stack);
    profile_destroy(p);
}

Test(site_name, labels_say_what_is_known)
{
    struct site_frame frame = {
        .function = "f", .file = "/s/dir/a.c", .module = "/l/x.so", .line = 7};
    check_label(frame, "f at a.c:7");
    frame.is_inlined = true;
    check_label(frame, "f at a.c:7 (inlined)");
    frame.is_inlined = false;
    frame.line = 0;
    check_label(frame, "f at a.c");
    frame.file = "";
    check_label(frame, "f in x.so");
    frame.function = "x.so+0x77";
    check_label(frame, "x.so+0x77");
    frame.function = "";
    frame.offset = 0x1234;
    check_label(frame, "x.so+0x1234");
    frame.module = "";
    check_label(frame, "0x1234 (code without a file)");
}

Test(site_name, a_wrapper_is_known_by_either_of_its_names)
{
    const char *globs[] = {"_ZN3app4take*"};
    struct site_wrappers more = {globs, 1};
    struct site_frame frames[] = {
        {.module = "app", .function = "_Znwm", .other_name = "operator new(unsigned long)"},
        {.module = "app", .function = "app::take(int)", .other_name = "_ZN3app4takeEi"},
        {.module = "app", .function = "main", .other_name = ""}};
    struct site_stack stack = {.at = frames, .count = 3};
    cr_assert_eq(site_stack_shown(&stack, NULL), 1);
    cr_assert_eq(site_stack_shown(&stack, &more), 2);
}

Test(site_name, wrappers_are_added_one_by_one)
{
    struct site_wrappers more = {0};
    site_wrappers_add(&more, "pool_*");
    site_wrappers_add(&more, "take");
    cr_assert(site_is_wrapper("take", &more) && site_is_wrapper("pool_get", &more));
    cr_assert_not(site_is_wrapper("give", &more));
    free(more.globs);
}
