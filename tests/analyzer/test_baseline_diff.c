/* The difference of two baselines: a patch with what vanished and what appeared. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget/baseline.h"
#include "budget/baseline_diff.h"

static char folder[] = "/tmp/test_baseline_diff-XXXXXX";
static const char path[] = "baseline.json";

static void begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void end(void)
{
    unlink(path);
    unlink("-u.json");
    rmdir(folder);
}

TestSuite(baseline_diff, .init = begin, .fini = end);

/* The text of a baseline of these call sites, a letter each; free() it. */
static char *text_of(const char *sites, uint64_t allocs)
{
    struct baseline *b = baseline_create();
    struct baseline_variant *v = baseline_renew(b, BASELINE_VARIANT);
    for (; *sites != '\0'; sites++) {
        const char key[] = {*sites, '\0'};
        struct baseline_entry *entry = baseline_add(b, &v->sites, key);
        entry->has[METRIC_ALLOCS] = true;
        entry->of[METRIC_ALLOCS] = allocs;
    }
    char *text = baseline_text(b);
    baseline_destroy(b);
    return text;
}

/* The patch from what file holds, NULL for no file, to text; takes both. */
static char *patch_of(const char *file, char *old_text, char *text)
{
    struct err err = {0};
    char *patch = NULL;
    if (old_text != NULL) {
        cr_assert_eq(baseline_write(file, old_text, &err), ERR_NONE, "%s", err.message);
    }
    cr_assert_eq(baseline_diff(file, text, &patch, &err), ERR_NONE, "%s", err.message);
    free(old_text);
    free(text);
    return patch;
}

static size_t count_lines(const char *patch, char sign)
{
    size_t count = 0;
    for (const char *at = strchr(patch, '\n'); at != NULL; at = strchr(at + 1, '\n')) {
        count += at[1] == sign && at[2] != sign; /* the heads have three of them */
    }
    return count;
}

Test(baseline_diff, equal_baselines_have_none)
{
    char *patch = patch_of(path, text_of("abc", 3), text_of("abc", 3));
    cr_expect_str_eq(patch, "");
    free(patch);
}

Test(baseline_diff, a_site_that_vanished_and_one_that_appeared_are_a_line_each)
{
    char *patch = patch_of(path, text_of("abcf", 3), text_of("acdf", 3));
    cr_expect_not_null(strstr(patch, "\n-        {\"key\": \"b\", \"allocs\": 3},\n"));
    cr_expect_not_null(strstr(patch, "\n+        {\"key\": \"d\", \"allocs\": 3},\n"));
    cr_expect_eq(count_lines(patch, '-'), 1);
    cr_expect_eq(count_lines(patch, '+'), 1);
    free(patch);
}

Test(baseline_diff, its_heads_are_what_patch_takes)
{
    char *patch = patch_of(path, text_of("a", 3), text_of("a", 4));
    cr_expect_eq(strncmp(patch, "--- a/baseline.json\n+++ b/baseline.json\n@@ ", 42), 0, "%s",
                 patch);
    free(patch);
}

Test(baseline_diff, from_no_file_all_lines_are_new)
{
    char *text = text_of("ab", 3);
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    char *patch = patch_of(path, NULL, text);
    cr_expect_eq(strncmp(patch, "--- /dev/null\n+++ b/baseline.json\n", 34), 0, "%s", patch);
    cr_expect_eq(count_lines(patch, '+'), lines);
    cr_expect_eq(count_lines(patch, '-'), 0);
    free(patch);
}

Test(baseline_diff, a_file_that_looks_like_an_option_is_a_file)
{
    char *patch = patch_of("-u.json", text_of("a", 3), text_of("a", 4));
    cr_expect_eq(strncmp(patch, "--- a/-u.json\n", 14), 0, "%s", patch);
    free(patch);
}

Test(baseline_diff, without_the_program_diff_it_says_so)
{
    struct err err = {0};
    char *patch = NULL;
    cr_assert_eq(setenv("PATH", "/nonexistent", 1), 0);
    cr_assert_eq(baseline_diff(path, "{}\n", &patch, &err), ERR_SYSTEM);
    cr_expect_not_null(strstr(err.message, "package diffutils"), "%s", err.message);
    cr_expect_null(patch);
}
