/* The baseline file: what is written is read again; strangers are refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget/baseline.h"

static char path[64];

static void prepare(void)
{
    snprintf(path, sizeof path, "/tmp/test_baseline-%d.json", getpid());
}

static void clear(void)
{
    unlink(path);
}

TestSuite(baseline, .init = prepare, .fini = clear);

static struct baseline *sample(uint64_t allocs)
{
    struct baseline *b = baseline_create();
    struct baseline_variant *v = baseline_renew(b, "debian12");
    v->libc = "glibc 2.36";
    struct baseline_entry *site = baseline_add(b, &v->sites, "z!last < main");
    site->has[METRIC_ALLOCS] = true;
    site->of[METRIC_ALLOCS] = allocs;
    site = baseline_add(b, &v->sites, "a!\"first\"");
    site->has[METRIC_BYTES] = true;
    site->of[METRIC_BYTES] = 7;
    struct baseline_entry *budget = baseline_add(b, &v->budgets, "whole");
    budget->has[METRIC_PEAK] = true;
    budget->of[METRIC_PEAK] = 1 << 20;
    budget->units = 500;
    return b;
}

static void write_text(const char *text)
{
    struct err err = {0};
    cr_assert_eq(baseline_write(path, text, &err), ERR_NONE, "%s", err.message);
}

Test(baseline, what_is_written_is_read_again)
{
    struct baseline *b = sample(3);
    struct baseline *again = NULL;
    struct err err = {0};
    char *text = baseline_text(b);
    write_text(text);
    cr_assert_eq(baseline_load(path, &again, &err), ERR_NONE, "%s", err.message);
    const struct baseline_variant *v = baseline_find(again, "debian12");
    cr_assert_not_null(v);
    cr_assert_null(baseline_find(again, "default"));
    cr_assert_eq(baseline_entry(v->sites, "z!last < main")->of[METRIC_ALLOCS], 3);
    cr_assert_eq(baseline_entry(v->budgets, "whole")->units, 500);
    cr_assert_null(baseline_entry(v->sites, "nobody"));
    char *text_again = baseline_text(again);
    cr_assert_str_eq(text, text_again);
    free(text_again);
    free(text);
    baseline_destroy(again);
    baseline_destroy(b);
}

Test(baseline, lines_are_sorted_and_one_site_each)
{
    struct baseline *b = sample(3);
    char *text = baseline_text(b);
    const char *first = strstr(text, "        {\"key\": \"a!\\\"first\\\"\", \"bytes\": 7},\n");
    const char *last = strstr(text, "        {\"key\": \"z!last < main\", \"allocs\": 3}\n");
    cr_assert(first != NULL && last != NULL && first < last, "%s", text);
    free(text);
    baseline_destroy(b);
}

Test(baseline, renewing_one_variant_keeps_the_others)
{
    struct baseline *b = sample(3);
    baseline_renew(b, "arm");
    baseline_renew(b, "arm");
    cr_assert_eq(b->variants.count, 2);
    cr_assert_not_null(baseline_entry(baseline_find(b, "debian12")->sites, "z!last < main"));
    baseline_renew(b, "debian12");
    cr_assert_null(baseline_find(b, "debian12")->sites);
    baseline_destroy(b);
}

static void refused(const char *text)
{
    struct baseline *b = NULL;
    struct err err = {0};
    write_text(text);
    cr_assert_eq(baseline_load(path, &b, &err), ERR_FORMAT, "%s", text);
    cr_assert_not_null(strstr(err.message, "--update-baseline"), "%s", err.message);
}

Test(baseline, strangers_are_refused)
{
    struct baseline *b = NULL;
    struct err err = {0};
    unlink(path);
    cr_assert_eq(baseline_load(path, &b, &err), ERR_MISSING);
    refused("");
    refused("<<<<<<< HEAD\n{}");
    refused("[]");
    refused("{\"format\": \"alloctrap-baseline/2\", \"variants\": []}");
    refused("{\"format\": \"alloctrap-baseline/1\", \"variants\": [{\"variant\": \"\"}]}");
    refused(
        "{\"format\": \"alloctrap-baseline/1\", \"variants\": [{\"variant\": \"x\", \"budgets\": 1,"
        "\"sites\": []}]}");
    refused("{\"format\": \"alloctrap-baseline/1\", \"variants\": [{\"variant\": \"x\", "
            "\"budgets\": [],"
            "\"sites\": [{\"key\": \"a\", \"allocs\": -1}]}]}");
    refused("{\"format\": \"alloctrap-baseline/1\", \"variants\": [{\"variant\": \"x\", "
            "\"budgets\": [],"
            "\"sites\": [{\"key\": \"a\"}, {\"key\": \"a\"}]}]}");
}

/* Refused with these words about why and where. */
static void refused_for(const char *text, const char *words)
{
    struct baseline *b = NULL;
    struct err err = {0};
    write_text(text);
    cr_assert_eq(baseline_load(path, &b, &err), ERR_FORMAT, "%s", text);
    cr_expect_not_null(strstr(err.message, words), "%s", err.message);
    cr_expect_null(b);
}

#define ONE_VARIANT(tables)                                                                        \
    "{\"format\": \"alloctrap-baseline/1\", \"variants\": [{\"variant\": \"x\", " tables "}]}"

Test(baseline, damage_is_told_with_its_line_and_reason)
{
    struct baseline *b = sample(3);
    char *text = baseline_text(b);
    char *colon = strstr(text, "\"tool\":") + strlen("\"tool\"");
    cr_assert_eq(*colon, ':');
    *colon = ';'; /* in the sixth line */
    refused_for(text, "line 6, column ");
    refused_for(text, "':' expected");
    free(text);
    baseline_destroy(b);
    refused_for(ONE_VARIANT("\"budgets\": [], \"sites\": [{\"key\": \"a\"}, {\"key\": \"a\"}]"),
                "an entry is there twice");
    refused_for(ONE_VARIANT("\"budgets\": [{\"allocs\": 1}], \"sites\": []"),
                "an entry has no name");
    refused_for(ONE_VARIANT("\"budgets\": [{\"name\": \"a\", \"allocs\": 1.5}], \"sites\": []"),
                "an entry holds what is no number");
    refused_for(ONE_VARIANT("\"budgets\": []"), "a list is missing");
}

Test(baseline, every_metric_and_text_comes_back)
{
    struct baseline *b = baseline_create();
    struct baseline_variant *v = baseline_renew(b, "x");
    struct baseline *again = NULL;
    struct err err = {0};
    v->tool = "0.1.0";
    v->machine = "x86_64";
    v->libc = "glibc 2.36";
    v->allocator = "lib\"jemalloc\".so";
    struct baseline_entry *entry = baseline_add(b, &v->budgets, "a\n<b> \xc3\xa9");
    for (int m = 0; m < METRIC_COUNT; m++) {
        entry->has[m] = m % 3 != 0;
        entry->of[m] = m % 3 == 2 ? INT64_MAX - (uint64_t)m : 0; /* a 0 is a number, too */
    }
    char *text = baseline_text(b);
    write_text(text);
    free(text);
    cr_assert_eq(baseline_load(path, &again, &err), ERR_NONE, "%s", err.message);
    const struct baseline_variant *w = baseline_find(again, "x");
    cr_expect_str_eq(w->tool, v->tool);
    cr_expect_str_eq(w->machine, v->machine);
    cr_expect_str_eq(w->libc, v->libc);
    cr_expect_str_eq(w->allocator, v->allocator);
    const struct baseline_entry *read = baseline_entry(w->budgets, "a\n<b> \xc3\xa9");
    cr_assert_not_null(read);
    cr_expect_arr_eq(read->has, entry->has, sizeof entry->has);
    cr_expect_arr_eq(read->of, entry->of, sizeof entry->of);
    baseline_destroy(again);
    baseline_destroy(b);
}
