/* HdrHistogram's percentiles: they rise, end with all calls, and are of the function asked for. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

struct line {
    double value;
    double percentile;
    uint64_t count;
};

static struct {
    struct line last;
    size_t count;
    uint64_t total; /* as the foot says */
    double max;
} hgrm;

/* The lines of a text, each not below the one before it. */
static void read_lines(const struct profile *p, const char *call)
{
    const struct export_job asked = {.call = call};
    char *text = export_text("hgrm", p, &asked);
    char *rest = NULL;
    hgrm.count = 0;
    hgrm.last = (struct line){0, 0, 0};
    for (char *at = strtok_r(text, "\n", &rest); at != NULL; at = strtok_r(NULL, "\n", &rest)) {
        struct line line;
        if (sscanf(at, "#[Max = %lf, Total count = %" SCNu64, &hgrm.max, &hgrm.total) == 2 ||
            sscanf(at, "%lf %lf %" SCNu64, &line.value, &line.percentile, &line.count) != 3) {
            continue;
        }
        cr_expect_geq(line.value, hgrm.last.value);
        cr_expect(hgrm.count == 0 || line.percentile > hgrm.last.percentile);
        cr_expect_geq(line.count, hgrm.last.count);
        hgrm.last = line;
        hgrm.count++;
    }
    free(text);
}

static uint64_t calls_of(const struct profile *p, unsigned from, unsigned to)
{
    uint64_t calls = 0;
    for (unsigned i = from; i < to; i++) {
        calls += p->call_latency[i].count;
    }
    return calls;
}

Test(export_hgrm, percentiles_rise_to_all_calls)
{
    struct profile *p = story_profile(STORY_BEFORE);
    uint64_t calls = calls_of(p, 0, CALL_COUNT);
    read_lines(p, NULL);
    cr_expect_gt(hgrm.count, 10);
    cr_expect_eq(hgrm.last.percentile, 1.0);
    cr_expect_eq(hgrm.last.count, calls);
    cr_expect_eq(hgrm.total, calls);
    cr_expect_eq(hgrm.last.value, hgrm.max);
    profile_destroy(p);
}

Test(export_hgrm, one_function_is_asked_for_by_its_name)
{
    struct profile *p = story_profile(STORY_BEFORE);
    read_lines(p, "calloc");
    cr_expect_gt(hgrm.total, 0);
    cr_expect_eq(hgrm.total, calls_of(p, CALL_CALLOC, CALL_CALLOC + 1));
    read_lines(p, "operator new");
    cr_expect_eq(hgrm.total, 0, "was never called");
    cr_expect_eq(hgrm.count, 0);
    profile_destroy(p);
}

Test(export_hgrm, values_are_net_of_the_clock)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", NULL}, 1, 8); /* of 50 ns, or nearly */
    profile_seal(p);
    p->run.clock_cost_ps = 20000;
    read_lines(p, "malloc");
    cr_expect(hgrm.last.value >= 29 && hgrm.last.value <= 31, "%f", hgrm.last.value);
    profile_destroy(p);
}

Test(export_hgrm, a_function_that_is_none_is_told)
{
    const struct export_job asked = {.call = "main"};
    struct err err = {0};
    char *text = NULL;
    size_t length = 0;
    struct profile *p = story_profile(STORY_BEFORE);
    const struct export_format *format = export_format_find("hgrm");
    cr_expect_eq(export_text_try(format, p, &asked, &text, &length, &err), ERR_USAGE);
    cr_expect_not_null(strstr(err.message, "'operator new'"), "%s", err.message);
    cr_expect_eq(length, 0, "nothing was written");
    free(text);
    profile_destroy(p);
}
