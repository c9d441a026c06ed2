/*
 * check - the verdicts on budgets as people and as build servers read them, one file for each kind.
 * Nothing is judged here: budget_check has done that; these functions choose, order and print.
 * Kinds for machines do not change from run to run of the same numbers: no times, no temporary
 * names.
 */
#ifndef ALLOCTRAP_VIEW_CHECK_H
#define ALLOCTRAP_VIEW_CHECK_H

#include <stdio.h>

#include "budget/budget_check.h"
#include "view/page.h"

/* All borrowed. */
struct check_view {
    const struct check *check;
    const char *policy_file;   /* as given */
    const char *baseline_file; /* as given */
    const char *workspace;     /* absolute folder that source files are told relative to */
    const char *what;          /* "3 runs of `./prog`", or the recordings' names */
    const char *recording;     /* one to look at next; NULL = none was kept */
    const char *page_file;     /* its HTML page; NULL = none */
    const char *again;         /* the command to type to accept what is now */
};

/* X(kind on the command line, function). */
#define CHECK_KIND_TABLE(X)                                                                        \
    X("text", check_text)                                                                          \
    X("json", check_json)                                                                          \
    X("junit", check_junit)                                                                        \
    X("github", check_github)                                                                      \
    X("markdown", check_markdown)                                                                  \
    X("gitlab", check_gitlab)                                                                      \
    X("sarif", check_sarif)                                                                        \
    X("bench-json", check_bench)

typedef void check_print(const struct check_view *view, FILE *out);
#define CHECK_KIND_DECLARE(kind, function) check_print function;
CHECK_KIND_TABLE(CHECK_KIND_DECLARE)
#undef CHECK_KIND_DECLARE

/* What the kinds share. Texts are raw: the caller escapes them for where they go; free() them. */

/* "84.3", "512 B", "250 ns". */
char *check_value_text(enum budget_metric metric, struct budget_ratio value);

/* "84.3 allocations per line, limit 3", with what a reader needs to know beside it. */
char *check_line_text(const struct check *check, const struct check_line *line);

/* "concat_append at src/concat.c:31 < json_field < parse_line". */
char *check_site_text(const struct check_view *view, const struct check_site *site);

/* A source file relative to the workspace, "a/../b" made "b"; absolute where it lies outside. */
char *check_path(const struct check_view *view, const char *file);

/* Where a line points: the worst site, or the first one that moved; NULL = only the policy. */
const struct check_site *check_line_site(const struct check *check, const struct check_line *line);

/* "alloctrap.broken.parser-stays-lean": stays the same whatever the numbers and lines are. */
char *check_rule_id(const struct check *check, const struct check_line *line);

/* True for what a build server should show as a finding. */
bool check_is_finding(enum check_verdict verdict);

/* Lines in the order of how much they matter: indexes into check->lines; free() it. */
size_t *check_order(const struct check *check);

/* "2 of 5 budgets broken", "all 5 budgets hold", ... */
char *check_headline(const struct check *check);

/* What the ignore rules left out: "" = nothing. */
char *check_ignored_text(const struct check *check);

#endif
