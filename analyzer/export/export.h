/*
 * export - a recording in the file formats of other programs. Each format is one file, a writer
 * that streams to what is open; what all of them need is in export_stacks and export_flame.
 * Not for: reports of our own (view/), choosing files and call sites (command/export).
 * Owner:   a job is the caller's, all in it borrowed.   Threads: one at a time.
 * Errors:  of writing, by the stream: writers leave ferror() to whoever opened it.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_H
#define ALLOCTRAP_EXPORT_EXPORT_H

#include <stdio.h>

#include "base/err.h"
#include "export/export_stacks.h"

/* One side of an export: a loaded recording, what of it was chosen, and its stacks. */
struct export_side {
    const char *path;
    const struct profile *profile;
    const struct selection *selection;
    const struct export_stacks *stacks;
};

/* Of a flame graph: the root below or on top; FITTING: below, unless it is deep. */
enum export_shape { EXPORT_SHAPE_FITTING, EXPORT_SHAPE_FLAME, EXPORT_SHAPE_ICICLE };

struct export_job {
    struct export_side side;
    struct export_side base; /* profile NULL: no comparison */
    struct select_rule rule; /* what chose, to say so */
    enum export_metric metric;
    const char *call; /* hgrm: of this function alone; NULL: all */
    size_t frames_max;
    bool is_inverted;
    enum export_shape shape;
    bool is_per_unit;
    FILE *out;
};

typedef enum err_code export_write(const struct export_job *job, struct err *reterr);

/* What --metric means to a format. */
enum export_takes {
    EXPORT_TAKES_ONE, /* shows this one */
    EXPORT_TAKES_FIRST /* carries several, and shows this one first */,
    EXPORT_TAKES_NONE /* carries what it carries */
};

/* X(name, writer, enum export_takes, can compare, what opens it, what it shows, what it cannot), in
 * the order of --list. */
#define EXPORT_TABLE(X)                                                                            \
    X("svg", export_svg, ONE, true, "any browser, Inkscape",                                       \
      "a flame graph of one metric: zoom, search, keyboard; a picture without scripts",            \
      "several metrics, time")                                                                     \
    X("folded", export_folded, ONE, true, "flamegraph.pl, inferno, speedscope, Firefox Profiler",  \
      "stacks and one metric, a line each; with --base two numbers, as difffolded.pl",             \
      "lines, files, libraries; ';' in names becomes ':'")                                         \
    X("pprof", export_pprof, FIRST, false, "pprof, Pyroscope, Parca, Grafana, speedscope",         \
      "stacks with lines and inlines, 9 metrics; labels and the median size as tags",              \
      "percentiles, timeline")                                                                     \
    X("speedscope", export_speedscope, FIRST, false, "speedscope.app",                             \
      "stacks of each metric as a profile of its own", "percentiles, timeline")                    \
    X("dhat", export_dhat, NONE, false, "Valgrind's dh_view.html, Firefox Profiler",               \
      "a program point for each call site: totals, peak, end, lifetimes",                          \
      "accesses; blocks at a site's own highest moment are estimated")                             \
    X("firefox", export_firefox, NONE, false, "profiler.firefox.com, profiler-cli",                \
      "a thread for each metric, live memory over time", "percentiles; single events")             \
    X("callgrind", export_callgrind, NONE, false, "callgrind_annotate, KCachegrind",               \
      "six metrics for each line, alone and with what it calls",                                   \
      "how often functions were called; recursion is folded")                                      \
    X("massif", export_massif, NONE, false, "ms_print, massif-visualizer",                         \
      "memory over time, with who holds it at the peak and at the end", "allocations, times")      \
    X("heaptrack", export_heaptrack, NONE, false, "heaptrack_print, heaptrack_gui",                \
      "every allocation and free in order; needs record --trace, and a name ending in .gz",        \
      "times of calls; --focus")                                                                   \
    X("chrome", export_chrome, NONE, false, "chrome://tracing, Perfetto UI, speedscope",           \
      "memory and rate as counters, the slowest calls on their threads", "stacks")                 \
    X("hgrm", export_hgrm, NONE, false, "HdrHistogram's plotter",                                  \
      "the percentiles of latency, of one function by --call or of all", "call sites")             \
    X("json", export_json, NONE, false, "jq, programs of your own",                                \
      "what report --json prints: alloctrap-report/1", "histograms")                               \
    X("csv", export_csv, NONE, false, "spreadsheets, sqlite3, R",                                  \
      "a row for each call site, all metrics and percentiles",                                     \
      "histograms; ';' in a stack's names becomes ':'")                                            \
    X("ndjson", export_ndjson, NONE, false, "DuckDB, ClickHouse, Spark, jq",                       \
      "a row for each call site, with labels and histograms that add up over runs",                \
      "pairs, timeline")

#define EXPORT_DECLARE(name, writer, takes, compares, opens, shows, cannot) export_write writer;
EXPORT_TABLE(EXPORT_DECLARE)
#undef EXPORT_DECLARE

struct export_format {
    const char *name;
    export_write *write;
    enum export_takes takes;
    bool can_compare;
    const char *opens;
    const char *shows;
    const char *cannot;
};

/* NULL when there is none of this name. */
const struct export_format *export_format_find(const char *name);

/* All formats in order; the last has no name. */
extern const struct export_format export_formats[];

#endif
