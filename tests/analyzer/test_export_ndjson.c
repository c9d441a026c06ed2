/* NDJSON: an object a line, numbers and buckets that add up, keys that outlive a build. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

/* What a reader makes of the lines, as an array of objects; json_decref() it. */
static json_t *read_rows(struct profile *p)
{
    char *text = export_text("ndjson", p, NULL);
    json_t *rows = json_array();
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        json_error_t error;
        cr_assert_not_null(end, "a line has an end");
        *end = '\0';
        json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        cr_assert(json_is_object(row), "%s: %s", error.text, line);
        json_array_append_new(rows, row);
        line = end + 1;
    }
    free(text);
    return rows;
}

static uint64_t sum(const json_t *rows, const char *key)
{
    uint64_t all = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        all += export_text_number(json_array_get(rows, i), key);
    }
    return all;
}

/* The counts of [value, count] pairs. */
static uint64_t counted(const json_t *row, const char *buckets)
{
    const json_t *pairs = export_text_array(row, buckets);
    uint64_t all = 0;
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        cr_assert_eq(json_array_size(pair), 2);
        all += (uint64_t)json_integer_value(json_array_get(pair, 1));
    }
    return all;
}

Test(export_ndjson, lines_add_up_to_the_recordings)
{
    struct profile *p = story_profile(STORY_BEFORE);
    json_t *rows = read_rows(p);
    cr_expect_eq(json_array_size(rows), p->sites.count - 1, "nothing happened at the remainder");
    cr_expect_eq(sum(rows, "allocations"), p->totals.allocs);
    cr_expect_eq(sum(rows, "bytes"), p->totals.bytes);
    cr_expect_eq(sum(rows, "frees"), p->totals.frees);
    cr_expect_eq(sum(rows, "live"), p->totals.live_bytes);
    json_decref(rows);
    profile_destroy(p);
}

Test(export_ndjson, buckets_hold_every_call_net_of_the_clock)
{
    struct profile *p = story_profile(STORY_BEFORE);
    json_t *rows = read_rows(p);
    uint64_t calls = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        calls += counted(json_array_get(rows, i), "latency_buckets");
        cr_expect_eq(counted(json_array_get(rows, i), "size_buckets"), 10);
    }
    uint64_t wanted = 0;
    for (size_t i = 0; i < p->sites.count; i++) {
        wanted += p->sites.at[i].latency.count;
    }
    cr_expect_eq(calls, wanted);
    json_decref(rows);
    struct profile *one = profile_create();
    one->run.clock_cost_ps = 20000;
    story_stack(one, (const char *const[]){"main", NULL}, 1, 8); /* of 50 ns, or nearly */
    profile_seal(one);
    rows = read_rows(one);
    const json_t *pairs = export_text_array(json_array_get(rows, 0), "latency_buckets");
    json_int_t ns = json_integer_value(json_array_get(json_array_get(pairs, 0), 0));
    cr_expect(ns >= 29 && ns <= 31, "%d ns", (int)ns);
    json_decref(rows);
    profile_destroy(one);
    profile_destroy(p);
}

Test(export_ndjson, each_line_says_which_run_it_is_of)
{
    struct profile *p = story_profile(STORY_BEFORE);
    p->run.labels = "env=prod,zone=eu";
    json_t *rows = read_rows(p);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *labels = json_object_get(row, "labels");
        cr_expect_str_eq(export_text_string(row, "run_id"), p->run.id);
        cr_expect_eq(export_text_number(row, "units"), 100000);
        cr_expect_str_eq(export_text_string(labels, "env"), "prod");
        cr_expect_str_eq(export_text_string(labels, "zone"), "eu");
    }
    json_decref(rows);
    profile_destroy(p);
}

/* The row of a call site of these functions; json_decref() it. */
static json_t *row_of(const char *module, const char *outer, const char *inner, uint32_t line)
{
    struct profile *p = profile_create();
    if (line > 50) {
        (void)story_frame(p, module, "other", "", 0, NULL); /* the others' addresses change */
    }
    uint32_t frames[] = {story_frame(p, module, outer, "/src/x.c", line, NULL),
                         story_frame(p, module, inner, "/src/x.c", line + 1, NULL), 0};
    story_calls(p, story_site(p, frames), CALL_MALLOC, 1, 8, 50);
    profile_seal(p);
    json_t *rows = read_rows(p);
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    profile_destroy(p);
    return row;
}

Test(export_ndjson, a_site_keeps_its_key_in_another_build)
{
    json_t *row = row_of("/bin/x", "main", "make", 10);
    json_t *rebuilt = row_of("/opt/bin/x", "main", "make", 90);
    json_t *turned = row_of("/bin/x", "make", "main", 10);
    const char *key = export_text_string(row, "site");
    cr_expect_eq(strlen(key), 16);
    cr_expect_str_eq(export_text_string(rebuilt, "site"), key);
    cr_expect_str_neq(export_text_string(turned, "site"), key);
    json_decref(row);
    json_decref(rebuilt);
    json_decref(turned);
}

Test(export_ndjson, a_line_shows_the_function_outside_the_wrappers)
{
    struct profile *p = profile_create();
    uint32_t path = profile_path(p, 0, story_frame(p, "/bin/x", "make", "/src/x.c", 7, NULL), true);
    path = profile_path(p, path, story_frame(p, "/lib/libc.so.6", "strdup", "", 0, NULL), false);
    story_calls(p, profile_site(p, path), CALL_MALLOC, 1, 8, 50);
    profile_seal(p);
    json_t *rows = read_rows(p);
    const json_t *row = json_array_get(rows, 0);
    const json_t *stack = export_text_array(row, "stack");
    cr_expect_str_eq(export_text_string(row, "function"), "make");
    cr_expect_eq(export_text_number(row, "line"), 7);
    cr_expect_str_eq(json_string_value(json_array_get(stack, json_array_size(stack) - 1)),
                     "strdup");
    json_decref(rows);
    profile_destroy(p);
}

Test(export_ndjson, hostile_names_stay_on_their_line)
{
    struct profile *p = story_profile(STORY_HOSTILE);
    json_t *rows = read_rows(p);
    cr_assert_eq(json_array_size(rows), 1);
    const char *function = export_text_string(json_array_get(rows, 0), "function");
    cr_expect_not_null(strstr(function, "\n# b"), "the name itself is whole");
    json_decref(rows);
    profile_destroy(p);
}
