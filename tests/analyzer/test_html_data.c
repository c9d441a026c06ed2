#include "view/html_data.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "insight/advise.h"
#include "story_profile.h"

struct scene {
    struct profile *p;
    struct selection selection;
    struct advice *advice;
    struct report report;
};

static void set_up(struct scene *s, enum story story)
{
    struct select_rule rule = {0};
    s->p = story_profile(story);
    cr_assert_eq(select_sites(s->p, &rule, &s->selection, NULL), ERR_NONE);
    s->advice = advise_profile(s->p, &(struct advise_options){.threshold_permille = 10});
    s->report = (struct report){.profile = s->p,
                                .selection = &s->selection,
                                .advice = s->advice,
                                .file = "a.atrap",
                                .top = 50};
}

static void tear_down(struct scene *s)
{
    advise_destroy(s->advice);
    select_finish(&s->selection);
    profile_destroy(s->p);
}

/* Criterion runs each test in a process of its own: each has its own text. */
static char *text;
static size_t text_bytes;

static const char *written(const struct html_page *page)
{
    FILE *out = open_memstream(&text, &text_bytes);
    html_data_write(page, out);
    fclose(out);
    return text;
}

/* The sum of the numbers of a column, which must be there. */
static uint64_t column_sum(const char *json, const char *inside, const char *name)
{
    const char *from = strstr(json, inside);
    cr_assert_not_null(from, "%s is there", inside);
    char *key = mem_format("\"%s\": [", name);
    const char *at = strstr(from, key);
    cr_assert_not_null(at, "%s is there", name);
    at += strlen(key);
    free(key);
    uint64_t sum = 0;
    while (*at != ']') {
        char *end = NULL;
        sum += strtoull(at, &end, 10);
        cr_assert_neq(end, at);
        at = end + strspn(end, ", ");
    }
    return sum;
}

Test(html_data, columns_add_up_to_the_totals)
{
    struct scene s;
    set_up(&s, STORY_BEFORE);
    const char *json = written(&(struct html_page){.sides = {&s.report}});
    cr_assert_eq(column_sum(json, "\"sites\": {", "allocations"), s.p->totals.allocs);
    cr_assert_eq(column_sum(json, "\"sites\": {", "allocated_bytes"), s.p->totals.bytes);
    cr_assert_eq(column_sum(json, "\"sites\": {", "peak_bytes"), s.p->totals.peak_bytes);
    cr_assert_eq(column_sum(json, "\"sites\": {", "temporary_allocations"),
                 s.p->totals.temporaries);
    cr_assert_not_null(strstr(json, "\"format\": \"alloctrap-page/1\""));
    cr_assert_null(strstr(json, "\"comparison\""));
    free(text);
    tear_down(&s);
}

Test(html_data, a_text_stands_there_once)
{
    struct scene s;
    set_up(&s, STORY_BEFORE);
    const char *json = written(&(struct html_page){.sides = {&s.report}});
    const char *texts = strstr(json, "\"texts\": [");
    cr_assert_not_null(texts);
    const char *first = strstr(texts, "\"parse_line\"");
    cr_assert_not_null(first);
    cr_assert_null(strstr(first + 1, "\"parse_line\""));
    free(text);
    tear_down(&s);
}

Test(html_data, hostile_names_are_valid_json)
{
    struct scene s;
    set_up(&s, STORY_HOSTILE);
    const char *json = written(&(struct html_page){.sides = {&s.report}});
    cr_assert_not_null(strstr(json, "\\u001b[2J"));
    cr_assert_not_null(strstr(json, "\\ufffd"));
    for (const char *c = json; *c != '\0'; c++) {
        cr_assert(*c == '\n' || (unsigned char)*c >= 0x20, "a control character at %zu",
                  (size_t)(c - json));
    }
    free(text);
    tear_down(&s);
}

Test(html_data, a_comparison_carries_both_sides_and_its_rows)
{
    struct scene before;
    struct scene after;
    set_up(&before, STORY_BEFORE);
    set_up(&after, STORY_AFTER);
    struct comparison *c = compare_profiles(before.p, after.p, 0, NULL);
    struct compare_view view = {.comparison = c, .before = "a", .after = "b", .top = 50};
    const char *json =
        written(&(struct html_page){.sides = {&before.report, &after.report}, .compare = &view});
    const char *rows = strstr(json, "\"rows\": [");
    cr_assert_not_null(rows);
    size_t count = 0;
    const char *end = strstr(rows, "\"texts\"");
    for (const char *at = rows + strlen("\"rows\": ["); (at = strchr(at, '[')) != NULL && at < end;
         at++) {
        count++;
    }
    cr_assert_eq(count, c->sites.count);
    free(text);
    compare_destroy(c);
    tear_down(&before);
    tear_down(&after);
}
