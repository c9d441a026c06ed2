/* The Firefox Profiler's tables: as long as they say, no number points outside, weights add up. */
#include <criterion/criterion.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

static struct profile *profile;
static json_t *root;
static json_t *shared;
static json_t *threads;

static void write_tables(struct profile *p)
{
    profile = p;
    root = export_text_json("firefox", profile, NULL);
    shared = json_object_get(root, "shared");
    threads = export_text_array(root, "threads");
}

static void end(void)
{
    json_decref(root);
    profile_destroy(profile);
}

TestSuite(export_firefox, .fini = end);

static json_t *column(const json_t *owner, const char *table, const char *name)
{
    return export_text_array(json_object_get(owner, table), name);
}

static size_t length(const char *table)
{
    return export_text_number(json_object_get(shared, table), "length");
}

/* Of a table, an object with a length, all arrays have it. Returns how many tables there were. */
static size_t check_lengths(json_t *value)
{
    const json_t *wanted = json_object_get(value, "length");
    size_t tables = wanted != NULL;
    const char *key;
    json_t *member;
    size_t i;
    json_object_foreach(value, key, member)
    {
        cr_expect(wanted == NULL || !json_is_array(member) ||
                      (json_int_t)json_array_size(member) == json_integer_value(wanted),
                  "%s", key);
        tables += check_lengths(member);
    }
    json_array_foreach(value, i, member)
    {
        tables += check_lengths(member);
    }
    return tables;
}

/* Every number of a column is below count; null, where may_be_null, is none. */
static void check_numbers(const json_t *numbers, size_t count, bool may_be_null)
{
    cr_assert_gt(json_array_size(numbers), 0);
    for (size_t i = 0; i < json_array_size(numbers); i++) {
        const json_t *number = json_array_get(numbers, i);
        json_int_t value = json_integer_value(number);
        bool is_in = json_is_integer(number) && value >= 0 && (size_t)value < count;
        cr_expect(is_in || (may_be_null && json_is_null(number)), "%d of %zu", (int)value, count);
    }
}

static const json_t *thread_named(const char *name)
{
    for (size_t i = 0; i < json_array_size(threads); i++) {
        const json_t *thread = json_array_get(threads, i);
        if (strcmp(export_text_string(thread, "name"), name) == 0) {
            return thread;
        }
    }
    cr_assert_fail("no thread '%s'", name);
    return NULL;
}

static void add_bins(struct profile *p)
{
    const uint64_t live[] = {500, 2000, 300};
    p->bin_ns = 1000000;
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
        *MEM_PUSH(&p->bins) = (struct profile_bin){.live_bytes = live[i]};
    }
}

Test(export_firefox, tables_are_as_long_as_they_say)
{
    struct profile *p = story_profile(STORY_BEFORE);
    add_bins(p);
    write_tables(p);
    cr_expect_geq(check_lengths(root), 6 + 6 * 2, "shared ones, and two for each thread");
    json_decref(root);
    profile_destroy(profile);
    write_tables(story_profile(STORY_HOSTILE));
    (void)check_lengths(root);
}

Test(export_firefox, no_number_points_outside_its_table)
{
    write_tables(story_profile(STORY_BEFORE));
    size_t texts = json_array_size(export_text_array(shared, "stringArray"));
    check_numbers(column(shared, "stackTable", "frame"), length("frameTable"), false);
    check_numbers(column(shared, "frameTable", "func"), length("funcTable"), false);
    check_numbers(column(shared, "funcTable", "name"), texts, false);
    check_numbers(column(shared, "funcTable", "source"), length("sources"), true);
    check_numbers(column(shared, "sources", "filename"), texts, false);
    for (size_t i = 0; i < json_array_size(threads); i++) {
        const json_t *thread = json_array_get(threads, i);
        bool is_memory = json_object_get(thread, "nativeAllocations") != NULL;
        check_numbers(column(thread, is_memory ? "nativeAllocations" : "samples", "stack"),
                      length("stackTable"), true);
    }
}

Test(export_firefox, a_stack_comes_after_what_it_hangs_on)
{
    write_tables(story_profile(STORY_BEFORE));
    const json_t *prefixes = column(shared, "stackTable", "prefix");
    size_t roots = 0;
    for (size_t i = 0; i < json_array_size(prefixes); i++) {
        const json_t *prefix = json_array_get(prefixes, i);
        roots += json_is_null(prefix);
        cr_expect(json_is_null(prefix) || json_integer_value(prefix) < (json_int_t)i);
    }
    cr_expect_eq(roots, 1, "all of this program begins in one function");
}

Test(export_firefox, weights_add_up_to_the_recordings)
{
    write_tables(story_profile(STORY_BEFORE));
    const struct profile_totals *wanted = &profile->totals;
    const json_t *bytes = thread_named("bytes allocated");
    cr_expect_eq(export_text_sum(column(bytes, "nativeAllocations", "weight")), wanted->bytes);
    const json_t *peak = thread_named("bytes live at the peak");
    cr_expect_eq(export_text_sum(column(peak, "nativeAllocations", "weight")), wanted->peak_bytes);
    const json_t *live = thread_named("bytes live at the end");
    cr_expect_eq(export_text_sum(column(live, "nativeAllocations", "weight")), wanted->live_bytes);
    const json_t *count = thread_named("allocations");
    cr_expect_eq(export_text_sum(column(count, "samples", "weight")), wanted->allocs);
}

Test(export_firefox, a_counter_changes_by_as_much_as_live_memory)
{
    struct profile *p = story_profile(STORY_BEFORE);
    add_bins(p);
    write_tables(p);
    const json_t *counter = json_array_get(export_text_array(root, "counters"), 0);
    const json_t *changes = column(counter, "samples", "count");
    json_int_t live = 0;
    cr_assert_eq(json_array_size(changes), p->bins.count);
    for (size_t i = 0; i < json_array_size(changes); i++) {
        live += json_integer_value(json_array_get(changes, i));
        cr_expect_eq(live, (json_int_t)p->bins.at[i].live_bytes, "bin %zu", i);
    }
}

Test(export_firefox, a_thread_spans_the_whole_run)
{
    write_tables(story_profile(STORY_BEFORE));
    for (size_t i = 0; i < json_array_size(threads); i++) {
        const json_t *thread = json_array_get(threads, i);
        bool is_memory = json_object_get(thread, "nativeAllocations") != NULL;
        const json_t *times = column(thread, is_memory ? "nativeAllocations" : "samples", "time");
        size_t last = json_array_size(times) - 1;
        cr_expect_float_eq(json_number_value(json_array_get(times, last)), 4120.0, 1e-9, "in ms");
    }
}
