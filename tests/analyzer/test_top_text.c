#include "view/top.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

/* A look at a session in which nothing has happened yet, but for what is set by hand. */
static char *printed(struct live_watch *watch, bool wants_help, unsigned width)
{
    char *text = NULL;
    size_t length = 0;
    struct session_control control = {0};
    struct top_view view = {.watch = watch, .wants_help = wants_help};
    watch->dir.control = &control;
    watch->names = profile_create();
    watch->looked_before_ns = 1000000000;
    watch->looked_ns = 3000000000;
    FILE *out = open_memstream(&text, &length);
    top_print(&view, out, width, 20);
    fclose(out);
    profile_destroy(watch->names);
    return text;
}

Test(top_text, every_key_has_a_name)
{
    enum live_watch_key key = LIVE_WATCH_ALLOCATIONS;
    cr_assert(top_key_parse("p99", &key));
    cr_assert_eq(key, LIVE_WATCH_P99);
    cr_assert(top_key_parse("bytes", &key));
    cr_assert_eq(key, LIVE_WATCH_BYTES);
    cr_assert_not(top_key_parse("peak", &key));
}

Test(top_text, rates_are_of_the_time_between_two_looks)
{
    struct live_watch watch = {.now = {.calls = 3000, .allocs = 3000, .bytes = 6 << 20, .ns = 2000},
                               .before = {.calls = 1000, .allocs = 1000, .bytes = 2 << 20},
                               .gauge = {1, 4096, 2, 8192, 1 << 20},
                               .processes = 1,
                               .threads = 2};
    char *text = printed(&watch, false, 100);
    cr_assert_not_null(strstr(text, "1,000 allocations/s   2.00 MiB/s"), "%s", text);
    cr_assert_not_null(strstr(text, "1.00 us each second in the allocator"), "%s", text);
    cr_assert_not_null(strstr(text, "4.00 KiB in 2 blocks   peak 8.00 KiB   resident 1.00 MiB"));
    cr_assert_not_null(strstr(text, "3,000 allocations   6.00 MiB   1 process, 2 threads"));
    cr_assert_not_null(strstr(text, "nothing lost"));
    free(text);
}

Test(top_text, losses_and_an_older_recorder_are_told)
{
    struct live_watch watch = {.lost = 1234};
    char *text = printed(&watch, false, 100);
    cr_assert_not_null(strstr(text, "LOST 1,234 events"));
    cr_assert_not_null(strstr(text, "not told by this recorder yet"));
    free(text);
}

Test(top_text, no_line_is_wider_than_the_screen)
{
    for (unsigned width = 20; width <= 100; width += 40) {
        struct live_watch watch = {.lost = 1};
        char *text = printed(&watch, true, width);
        size_t lines = 0;
        for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            cr_assert_leq(table_text_width(line), width, "%s", line);
            lines++;
        }
        cr_assert_gt(lines, TOP_HEAD_LINES);
        free(text);
    }
}
