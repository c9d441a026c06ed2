#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "view/check.h"

enum { LINES_MAX = 30, LINES_OF_END = 8, SITES_MAX = 3, LINES_OF_BUDGET = 4, WIDTH = 160 };

/* At most LINES_MAX lines are printed, whatever there is to say. */
struct writer {
    const struct check_view *view;
    FILE *out;
    size_t lines;
    size_t left_out; /* budgets */
};

static const char *const tags[CHECK_VERDICTS] = {[CHECK_OK] = "ok",
                                                 [CHECK_IMPROVED] = "improved",
                                                 [CHECK_SKIPPED] = "skipped",
                                                 [CHECK_UNMATCHED] = "none",
                                                 [CHECK_WARNED] = "WARNING",
                                                 [CHECK_RATCHET] = "BETTER",
                                                 [CHECK_NO_BASELINE] = "NO BASE",
                                                 [CHECK_INCONCLUSIVE] = "UNKNOWN",
                                                 [CHECK_BROKEN] = "BROKEN"};

/* One line, escaped, cut to a readable width; raw is freed. */
static void say(struct writer *w, const char *lead, char *raw)
{
    char *escaped = escape_terminal(raw);
    char *line = mem_format("%s%s", lead, escaped);
    char *cut = table_cut(line, WIDTH);
    fprintf(w->out, "%s\n", cut);
    w->lines += 1;
    free(cut);
    free(line);
    free(escaped);
    free(raw);
}

static void say_site(struct writer *w, const struct check_budget *b, const struct check_site *site)
{
    char *where = check_site_text(w->view, site);
    char *now = check_value_text(b->moved_by, (struct budget_ratio){site->now, 1});
    char *before = check_value_text(b->moved_by, (struct budget_ratio){site->before, 1});
    char *change = site->is_new       ? mem_format("%s  new", now)
                   : site->has_before ? mem_format("%s  was %s", now, before)
                                      : mem_text(now);
    say(w, "            ", mem_format("%s  %s", change, where));
    free(change);
    free(before);
    free(now);
    free(where);
}

static void say_budget(struct writer *w, const struct check_budget *b)
{
    const struct check *check = w->view->check;
    size_t said = 0;
    size_t left_out = 0;
    say(w, "", mem_format("%-8s  %s", tags[b->verdict], b->policy->name));
    for (size_t i = 0; i < b->line_count; i++) {
        const struct check_line *line = &check->lines.at[b->line_first + i];
        bool is_again = line->verdict == CHECK_INCONCLUSIVE && said > 0; /* one reason for all */
        if (line->verdict == CHECK_OK || is_again) {
            continue;
        }
        if (said++ == LINES_OF_BUDGET - 1 || w->lines + LINES_OF_END >= LINES_MAX) {
            left_out += 1;
            continue;
        }
        say(w, "            ",
            line->verdict == CHECK_INCONCLUSIVE ? mem_text(line->why)
                                                : check_line_text(check, line));
    }
    if (b->verdict == CHECK_UNMATCHED) {
        say(w, "            ",
            mem_text("matches no call site: right if it never allocates; a "
                     "misspelt name looks the same"));
    }
    if (left_out > 0) {
        say(w, "            ", mem_format("... and %zu more limit%s", left_out, units_s(left_out)));
    }
    for (size_t i = 0; i < b->moved_count && i < SITES_MAX && w->lines + LINES_OF_END < LINES_MAX;
         i++) {
        say_site(w, b, &b->moved[i]);
    }
}

/* Budgets of one verdict, in the policy's order. */
static void say_budgets(struct writer *w, enum check_verdict verdict)
{
    const struct check *check = w->view->check;
    for (size_t i = 0; i < check->budgets.count; i++) {
        const struct check_budget *b = &check->budgets.at[i];
        if (b->verdict != verdict) {
            continue;
        }
        if (w->lines + LINES_OF_END + 2 >= LINES_MAX) {
            w->left_out += 1;
        } else {
            say_budget(w, b);
        }
    }
}

static void say_good(struct writer *w)
{
    const struct check *check = w->view->check;
    char *names = mem_text("");
    for (size_t i = 0; i < check->budgets.count; i++) {
        const struct check_budget *b = &check->budgets.at[i];
        if (b->verdict == CHECK_OK) {
            char *longer =
                mem_format("%s%s%s", names, names[0] != '\0' ? ", " : "", b->policy->name);
            free(names);
            names = longer;
        }
    }
    if (names[0] != '\0') {
        say(w, "", mem_format("%-8s  %s", tags[CHECK_OK], names));
    }
    free(names);
}

static bool wants_baseline(const struct check *check)
{
    for (size_t i = 0; i < check->lines.count; i++) {
        const struct check_line *line = &check->lines.at[i];
        if (line->is_relative && check_is_finding(line->verdict) &&
            line->verdict != CHECK_INCONCLUSIVE) {
            return true;
        }
    }
    return false;
}

/* What to type next. */
static void say_next(struct writer *w)
{
    const struct check_view *view = w->view;
    const struct check *check = view->check;
    if (check->status == 0) {
        return;
    }
    say(w, "", mem_text(""));
    if (view->recording != NULL) {
        say(w, "next:  ",
            mem_format("alloctrap report %s    # who allocates, and where", view->recording));
    } else {
        say(w, "next:  ",
            mem_text("--keep DIR keeps the recording, to look into with alloctrap "
                     "report"));
    }
    if (view->page_file != NULL) {
        say(w, "       ", mem_format("open %s in a browser", view->page_file));
    }
    if (wants_baseline(check)) {
        say(w, "       ", mem_format("%s    # when this is how it should be", view->again));
    }
}

void check_text(const struct check_view *view, FILE *out)
{
    static const enum check_verdict order[] = {CHECK_BROKEN,  CHECK_INCONCLUSIVE, CHECK_NO_BASELINE,
                                               CHECK_RATCHET, CHECK_WARNED,       CHECK_UNMATCHED,
                                               CHECK_SKIPPED, CHECK_IMPROVED};
    struct writer w = {.view = view, .out = out};
    char *headline = check_headline(view->check);
    char *ignored = check_ignored_text(view->check);
    say(&w, "", mem_format("%s (%s; %s)", headline, view->policy_file, view->what));
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        say_budgets(&w, order[i]);
    }
    if (w.left_out > 0) {
        say(&w, "", mem_format("... and %zu more budgets; --report=json tells all", w.left_out));
    }
    say_good(&w);
    if (ignored[0] != '\0') {
        say(&w, "", mem_text(ignored));
    }
    if (view->check->note != NULL) {
        say(&w, "note: ", mem_text(view->check->note));
    }
    say_next(&w);
    free(ignored);
    free(headline);
}
