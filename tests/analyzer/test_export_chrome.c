/* Chrome's trace events: every event is whole, counters are the timeline, slow calls stand where
 * they were. */
#include <criterion/criterion.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

static struct profile *profile;
static json_t *root;
static json_t *events;

static void open_story(enum story story)
{
    profile = story_profile(story);
}

static void write_events(const struct export_job *asked)
{
    root = export_text_json("chrome", profile, asked);
    events = export_text_array(root, "traceEvents");
}

static void end(void)
{
    json_decref(root);
    profile_destroy(profile);
}

TestSuite(export_chrome, .fini = end);

static bool is_phase(const json_t *event, const char *phase)
{
    return strcmp(export_text_string(event, "ph"), phase) == 0;
}

/* The events of a phase and, unless NULL, a name. */
static size_t count(const char *phase, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        bool is_named = name == NULL || strcmp(export_text_string(event, "name"), name) == 0;
        found += is_phase(event, phase) && is_named;
    }
    return found;
}

/* Which of them it is, from 0. */
static const json_t *find(const char *phase, const char *name, size_t which)
{
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        bool is_named = strcmp(export_text_string(event, "name"), name) == 0;
        if (is_phase(event, phase) && is_named && which-- == 0) {
            return event;
        }
    }
    cr_assert_fail("no such event: %s", name);
    return NULL;
}

static double real(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    cr_assert(json_is_number(value), "'%s' is a number", key);
    return json_number_value(value);
}

static uint64_t argument(const json_t *event, const char *key)
{
    return export_text_number(json_object_get(event, "args"), key);
}

/* Two bins of 512 ms; resident memory was sampled in the second. */
static void add_bins(void)
{
    profile->bin_ns = 512000000;
    *MEM_PUSH(&profile->bins) =
        (struct profile_bin){.allocs = 1024, .live_bytes = 9000, .live_blocks = 30};
    *MEM_PUSH(&profile->bins) =
        (struct profile_bin){.allocs = 256, .live_bytes = 700, .live_blocks = 7, .rss_bytes = 4096};
}

Test(export_chrome, every_event_is_complete_in_itself)
{
    open_story(STORY_BEFORE);
    add_bins();
    write_events(NULL);
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        (void)export_text_number(event, "pid");
        cr_expect(json_is_object(json_object_get(event, "args")));
        cr_expect(is_phase(event, "M") || real(event, "ts") >= 0);
        cr_expect(!is_phase(event, "X") || real(event, "dur") > 0);
    }
    size_t all = count("M", "process_name") + count("C", NULL) + count("X", NULL);
    cr_expect_eq(all, json_array_size(events), "no event waits for its end");
    cr_expect_eq(count("M", "process_name"), 2);
    cr_expect_eq(count("X", NULL), 3);
}

Test(export_chrome, counters_are_the_timeline)
{
    open_story(STORY_BEFORE);
    add_bins();
    write_events(NULL);
    const json_t *second = find("C", "live bytes", 1);
    cr_expect_eq(argument(find("C", "live bytes", 0), "value"), 9000);
    cr_expect_eq(argument(second, "value"), 700);
    cr_expect_float_eq(real(second, "ts"), 512000.0, 1e-6, "in microseconds");
    cr_expect_eq(argument(find("C", "live blocks", 1), "value"), 7);
    cr_expect_eq(argument(find("C", "allocations per second", 0), "value"), 2000);
    cr_expect_eq(count("C", "resident bytes"), 1, "what was not sampled is not 0");
    cr_expect_eq(argument(find("C", "resident bytes", 0), "value"), 4096);
}

Test(export_chrome, a_slow_call_stands_on_its_thread_net_of_the_clock)
{
    open_story(STORY_BEFORE);
    write_events(NULL);
    const json_t *call = find("X", "calloc", 0); /* 840 us at 0.9 ms; a reading costs 10.5 ns */
    cr_expect_eq(export_text_number(call, "pid"), 4711);
    cr_expect_eq(export_text_number(call, "tid"), 4711);
    cr_expect_float_eq(real(call, "ts"), 900.0, 1e-6);
    cr_expect_float_eq(real(call, "dur"), 839.99, 1e-6);
    cr_expect_eq(argument(call, "size"), 4096);
    cr_expect_null(json_object_get(json_object_get(call, "args"), "cause"), "none was measured");
    const json_t *touch = find("X", "malloc", 0);
    const json_t *place = json_object_get(touch, "args");
    cr_expect_str_eq(export_text_string(place, "cause"), "first-touch");
    cr_expect_eq(argument(touch, "minor_faults"), 9);
    cr_expect_not_null(strstr(export_text_string(place, "site"), "concat_append"));
}

Test(export_chrome, slow_calls_are_those_of_the_chosen_sites)
{
    open_story(STORY_BEFORE);
    const struct export_job asked = {.rule = {.focus = "libgeo"}};
    write_events(&asked);
    cr_expect_eq(count("X", NULL), 1);
    cr_expect_eq(count("X", "calloc"), 1);
}

Test(export_chrome, hostile_names_stay_in_their_texts)
{
    open_story(STORY_HOSTILE);
    write_events(NULL);
    const json_t *place = json_object_get(find("X", "malloc", 0), "args");
    cr_expect_not_null(strstr(export_text_string(place, "site"), "\"\\'</script>"));
    cr_expect_eq(json_array_size(events), 3);
}
