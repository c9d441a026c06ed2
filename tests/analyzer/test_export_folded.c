/* Folded stacks: a line is a stack and a number, whatever names are in it; numbers add up. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

enum { LINES_MAX = 32 };

/* Lines as their readers take them apart: the last space parts stack and number. */
static struct {
    char *text;
    char *stacks[LINES_MAX];
    uint64_t numbers[LINES_MAX];
    size_t count;
} folded;

static void read_lines(const struct profile *p, const struct export_job *asked)
{
    char *rest = NULL;
    folded.text = export_text("folded", p, asked);
    for (char *line = strtok_r(folded.text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *space = strrchr(line, ' ');
        char *end = NULL;
        cr_assert_not_null(space, "%s", line);
        cr_assert_lt(folded.count, LINES_MAX);
        folded.stacks[folded.count] = line;
        folded.numbers[folded.count++] = strtoull(space + 1, &end, 10);
        cr_assert(end > space + 1 && *end == '\0', "a number ends a line: %s", line);
        *space = '\0';
    }
}

static void end(void)
{
    free(folded.text);
}

TestSuite(export_folded, .fini = end);

static uint64_t sum(void)
{
    uint64_t all = 0;
    for (size_t i = 0; i < folded.count; i++) {
        all += folded.numbers[i];
    }
    return all;
}

static void adds_up(enum export_metric metric, uint64_t wanted)
{
    struct profile *p = story_profile(STORY_BEFORE);
    const struct export_job asked = {.metric = metric};
    read_lines(p, &asked);
    cr_expect_gt(wanted, 0);
    cr_expect_eq(sum(), wanted, "%s", export_metrics[metric].name);
    free(folded.text);
    folded.text = NULL;
    folded.count = 0;
    profile_destroy(p);
}

Test(export_folded, every_metric_adds_up_to_the_recordings)
{
    struct profile *p = story_profile(STORY_BEFORE);
    adds_up(EXPORT_ALLOCATIONS, p->totals.allocs);
    adds_up(EXPORT_BYTES, p->totals.bytes);
    adds_up(EXPORT_PEAK, p->totals.peak_bytes);
    adds_up(EXPORT_LIVE, p->totals.live_bytes);
    adds_up(EXPORT_TEMPORARIES, p->totals.temporaries);
    adds_up(EXPORT_FREES, p->totals.frees);
    profile_destroy(p);
}

Test(export_folded, semicolons_and_line_feeds_in_names_end_nothing)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "f<[u8; 4]>\nmain;forged 9", "leaf", NULL}, 5, 50);
    profile_seal(p);
    read_lines(p, NULL);
    cr_assert_eq(folded.count, 1);
    cr_expect_str_eq(folded.stacks[0], "main;f<[u8: 4]>\\x0amain:forged 9;leaf");
    cr_expect_eq(folded.numbers[0], 50);
    profile_destroy(p);
}

Test(export_folded, lines_of_one_function_are_one_stack)
{
    struct profile *p = profile_create();
    for (int i = 0; i < 3; i++) {
        uint32_t frames[] = {story_frame(p, "/bin/x", "main", "/src/x.c", 10 + (uint32_t)i, NULL),
                             0};
        story_calls(p, story_site(p, frames), CALL_MALLOC, 2, 20, 50);
    }
    profile_seal(p);
    read_lines(p, NULL);
    cr_expect_eq(folded.count, 1);
    cr_expect_eq(sum(), 60);
    profile_destroy(p);
}

Test(export_folded, a_function_that_allocates_and_calls_has_a_line_for_itself)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "make", NULL}, 1, 30);
    story_stack(p, (const char *const[]){"main", "make", "copy", NULL}, 1, 12);
    profile_seal(p);
    read_lines(p, NULL);
    cr_assert_eq(folded.count, 2);
    cr_expect_str_eq(folded.stacks[0], "main;make");
    cr_expect_eq(folded.numbers[0], 30, "without what it calls");
    cr_expect_str_eq(folded.stacks[1], "main;make;copy");
    cr_expect_eq(folded.numbers[1], 12);
    profile_destroy(p);
}

Test(export_folded, inverted_stacks_begin_with_the_function_that_allocates)
{
    struct profile *p = profile_create();
    const struct export_job asked = {.metric = EXPORT_BYTES, .is_inverted = true};
    story_stack(p, (const char *const[]){"main", "make", "copy", NULL}, 1, 12);
    profile_seal(p);
    read_lines(p, &asked);
    cr_assert_eq(folded.count, 1);
    cr_expect_str_eq(folded.stacks[0], "copy;make;main");
    profile_destroy(p);
}

Test(export_folded, with_a_base_a_line_has_both_numbers)
{
    struct profile *before = profile_create();
    struct profile *after = profile_create();
    story_stack(before, (const char *const[]){"main", "gone", NULL}, 1, 7);
    story_stack(before, (const char *const[]){"main", "kept", NULL}, 1, 20);
    story_stack(after, (const char *const[]){"main", "kept", NULL}, 1, 30);
    story_stack(after, (const char *const[]){"main", "new", NULL}, 1, 9);
    profile_seal(before);
    profile_seal(after);
    const struct export_job asked = {.metric = EXPORT_BYTES, .base = {.profile = before}};
    char *text = export_text("folded", after, &asked);
    cr_expect_str_eq(text, "main;gone 7 0\nmain;kept 20 30\nmain;new 0 9\n");
    free(text);
    profile_destroy(before);
    profile_destroy(after);
}
