#include "json_line.h"

#include "malloc_gate.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct builder_kind *const kinds[] = {&builder_concat, &builder_pooled};
static struct log_line line;
static char out[4096];

static bool keep(void *context, const char *bytes, size_t count)
{
    (void)context;
    cr_assert_lt(count, sizeof out);
    memcpy(out, bytes, count);
    out[count] = '\0';
    return true;
}

/* With both builders, so every expectation here is one of their sameness too. */
static void expect(const char *text, size_t bytes, const char *json)
{
    for (size_t i = 0; i < 2; i++) {
        enum log_defect defect = log_parse(text, bytes, &line);
        bool is_fine = defect == LOG_FINE
                           ? json_line_fields(kinds[i], &line, keep, NULL)
                           : json_line_malformed(kinds[i], defect, text, bytes, keep, NULL);
        cr_assert(is_fine);
        cr_assert_str_eq(out, json, "%s: %s", kinds[i]->name, out);
        kinds[i]->end_thread();
    }
}

static void expect_text(const char *text, const char *json)
{
    expect(text, strlen(text), json);
}

Test(json_line, names_the_fields_of_an_access_log)
{
    expect_text("::1 - bob [10/Oct/2026:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326 "
                "\"http://x/\" \"curl \\\"8\\\"\"",
                "{\"host\":\"::1\",\"ident\":\"-\",\"user\":\"bob\","
                "\"time\":\"10/Oct/2026:13:55:36 -0700\",\"method\":\"GET\",\"target\":\"/a\","
                "\"protocol\":\"HTTP/1.0\",\"status\":200,\"bytes\":2326,"
                "\"referer\":\"http://x/\",\"agent\":\"curl \\\"8\\\"\"}");
}

Test(json_line, keeps_a_request_that_is_none_and_fields_beyond_the_last_name)
{
    expect_text("h - - [10/Oct/2026:13:55:36 -0700] \"-\" 408 - \"-\" \"-\" 0.1",
                "{\"host\":\"h\",\"ident\":\"-\",\"user\":\"-\","
                "\"time\":\"10/Oct/2026:13:55:36 -0700\",\"request\":\"-\",\"status\":408,"
                "\"bytes\":null,\"referer\":\"-\",\"agent\":\"-\",\"f10\":\"0.1\"}");
}

Test(json_line, writes_odd_numbers_as_text)
{
    expect_text("h - - [10/Oct/2026:13:55:36 -0700] \"-\" 099 007",
                "{\"host\":\"h\",\"ident\":\"-\",\"user\":\"-\","
                "\"time\":\"10/Oct/2026:13:55:36 -0700\",\"request\":\"-\",\"status\":\"099\","
                "\"bytes\":\"007\"}");
}

Test(json_line, numbers_the_fields_of_any_other_log)
{
    expect_text("Jun 14 [a b] C:\\temp", "{\"f1\":\"Jun\",\"f2\":\"14\",\"f3\":\"a b\","
                                         "\"f4\":\"C:\\\\temp\"}");
}

Test(json_line, escapes_control_bytes_and_bytes_that_are_not_utf8)
{
    expect_text("\x01\x1b[0m\x7f", "{\"f1\":\"\\u0001\\u001b[0m\\u007f\"}");
    expect_text("caf\xc3\xa9 caf\xe9", "{\"f1\":\"caf\xc3\xa9\",\"f2\":\"caf\\u00e9\"}");
    expect_text("\xf0\x9f\x98\x80\xf0\x9f\x98",
                "{\"f1\":\"\xf0\x9f\x98\x80\\u00f0\\u009f\\u0098\"}");
    expect_text("\xed\xa0\x80 \xc0\xaf \xf5", "{\"f1\":\"\\u00ed\\u00a0\\u0080\","
                                              "\"f2\":\"\\u00c0\\u00af\",\"f3\":\"\\u00f5\"}");
}

Test(json_line, keeps_a_malformed_line_as_it_was)
{
    expect("a\0\t\"b\r", 6,
           "{\"malformed\":true,\"reason\":\"binary\",\"raw\":\"a\\u0000\\t\\\"b\\r\"}");
    expect_text("", "{\"malformed\":true,\"reason\":\"empty\",\"raw\":\"\"}");
    expect_text("x [y", "{\"malformed\":true,\"reason\":\"open_bracket\",\"raw\":\"x [y\"}");
}

Test(json_line, joins_the_parts_of_a_long_line)
{
    cr_assert(
        json_line_malformed_part(&builder_pooled, LOG_TOO_LONG, "ab", 2, true, false, keep, NULL));
    cr_assert_str_eq(out, "{\"malformed\":true,\"reason\":\"too_long\",\"raw\":\"ab");
    cr_assert(json_line_malformed_part(&builder_pooled, LOG_TOO_LONG, "c\"", 2, false, false, keep,
                                       NULL));
    cr_assert_str_eq(out, "c\\\"");
    cr_assert(
        json_line_malformed_part(&builder_pooled, LOG_TOO_LONG, "", 0, false, true, keep, NULL));
    cr_assert_str_eq(out, "\"}");
    builder_pooled.end_thread();
}

/* Every allocation of a line is made to fail once: no crash, no leak, nothing handed over. */
Test(json_line, reports_each_allocation_that_fails)
{
    static const char text[] = "one \"t\\\"wo\" [three] caf\xe9";
    for (size_t i = 0; i < 2; i++) {
        unsigned long nth = 0;
        for (bool is_fine = false; !is_fine; nth++) {
            cr_assert_eq(log_parse(text, strlen(text), &line), LOG_FINE);
            out[0] = '\0';
            malloc_gate_fail_after(nth);
            is_fine = json_line_fields(kinds[i], &line, keep, NULL);
            bool has_failed = malloc_gate_calls() > nth;
            malloc_gate_open();
            cr_assert_eq(is_fine, !has_failed, "%s, allocation %lu", kinds[i]->name, nth);
            cr_assert_eq(out[0] == '{', is_fine);
            kinds[i]->end_thread();
        }
        cr_assert_gt(nth, 3, "%s allocates", kinds[i]->name);
    }
}

static unsigned long allocations_for(const struct builder_kind *kind, int lines)
{
    static const char text[] = "h - - [10/Oct/2026:13:55:36 -0700] \"GET /a\\\"b HTTP/1.1\" 200 1";
    malloc_gate_open();
    for (int i = 0; i < lines; i++) {
        cr_assert_eq(log_parse(text, strlen(text), &line), LOG_FINE);
        cr_assert(json_line_fields(kind, &line, keep, NULL));
    }
    unsigned long calls = malloc_gate_calls();
    kind->end_thread();
    return calls;
}

Test(json_line, pooled_allocates_as_much_for_10000_lines_as_for_1000)
{
    unsigned long few = allocations_for(&builder_pooled, 1000);
    cr_assert_eq(allocations_for(&builder_pooled, 10000), few);
    cr_assert_leq(few, 8, "a handful of buffers, made once: %lu", few);
}

Test(json_line, concat_allocates_the_same_for_every_line)
{
    unsigned long one = allocations_for(&builder_concat, 1);
    cr_assert_gt(one, 50);
    cr_assert_eq(allocations_for(&builder_concat, 1000), 1000 * one);
}
