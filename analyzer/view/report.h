/*
 * report - a profile as a person or a program reads it. Nothing is computed here that insight/
 * could: these functions choose, order and print.
 */
#ifndef ALLOCTRAP_VIEW_REPORT_H
#define ALLOCTRAP_VIEW_REPORT_H

#include <stdio.h>

#include "heap/profile.h"
#include "insight/advise.h"
#include "insight/rank.h"
#include "insight/select.h"
#include "insight/site_name.h"
#include "insight/source_lines.h"
#include "insight/tree.h"
#include "symbol/source_path.h"
#include "view/json.h"
#include "view/page.h"

enum report_shape { REPORT_SITES, REPORT_TREE, REPORT_CALLERS, REPORT_SOURCE, REPORT_LATENCY };

/* All borrowed. */
struct report {
    const struct profile *profile;
    const struct selection *selection;
    struct select_rule rule; /* what selected, to say so */
    struct site_wrappers wrappers;
    const char *file; /* as given: for the commands to try next */
    enum report_shape shape;
    const struct advice *advice; /* of the whole recording, whatever is selected */
    enum rank_key key;
    size_t top;                        /* sites, branches of a node, or source files; 0 = all */
    const struct source_lines *source; /* of REPORT_SOURCE */
    struct source_places places;       /* where its files are */
};

/* Text or markdown, whatever the page is. */
void report_print(const struct report *report, const struct page *page);

/* The tree or the callers, with the numbers of the report's key; report_print() calls it. */
void report_print_tree(const struct report *report, const struct page *page);

/* Source files with numbers beside their lines; report_print() calls it. */
void report_print_source(const struct report *report, const struct page *page);

/* The same as the member "source" of the object that is open; report_json() calls it. */
void report_json_source(const struct report *report, struct json *json);

/* The functions that allocate most by the report's key, whoever called them; report_print() calls
 * it. */
void report_print_allocating(const struct report *report, const struct page *page);

/* A histogram of each function and of the sites with most time, and the slowest calls with their
 * callers; report_print() calls it. */
void report_print_latency(const struct report *report, const struct page *page);

/* The latencies of a function (NULL: all) as HdrHistogram's percentile format, in ns. */
void report_hgrm(const struct report *report, const char *function, FILE *out);

/* The findings in short, for who has not asked for advice; report_print() calls it. */
void report_print_findings(const struct report *report, const struct page *page);

/* How many of the calls just told of were free(NULL), if any. */
void report_say_null_frees(const struct report *report, const struct page *page);

/* What those do that come first by a key: "allocate most often". */
const char *report_key_words(enum rank_key key);

/* JSON "alloctrap-report/1"; with a tree where the shape is one. */
void report_json(const struct report *report, FILE *out);

/* What was lost, one sentence a cause, and whether the recording is whole: "" when all is well.
 * free() it. */
char *report_loss_text(const struct profile *profile);

/* "exited with status 0", "killed by signal 9 (Killed)", ...; free() it. */
char *report_exit_text(enum profile_exit kind, int32_t code);

/* A command line as one reads it, arguments parted by spaces; free() it. */
char *report_command_text(const char *command);

#endif
