/*
 * top - what a running program allocates now, as lines of text: rates, live memory, latencies, and
 * the call sites that come first. The same lines go on a screen and into a file.
 */
#ifndef ALLOCTRAP_VIEW_TOP_H
#define ALLOCTRAP_VIEW_TOP_H

#include <stdbool.h>
#include <stdio.h>

#include "insight/site_name.h"
#include "live/live_watch.h"

struct top_view {
    struct live_watch *watch; /* looked at; names of the sites shown are added */
    struct site_wrappers wrappers;
    enum live_watch_key key;
    enum live_watch_span span;
    unsigned interval_ms;
    size_t first; /* sites that are scrolled past */
    bool is_paused;
    bool wants_help;
};

enum { TOP_HEAD_LINES = 6 /* before the sites; the last of them has the titles */ };

/* The sort keys' names on the command line: "allocations", "bytes", "time", "p99". */
bool top_key_parse(const char *name, enum live_watch_key *ret);

/* `rows` lines of at most `width` columns, each ended by a newline. */
void top_print(struct top_view *view, FILE *out, unsigned width, unsigned rows);

#endif
