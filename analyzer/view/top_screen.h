/*
 * top_screen - the lines of view/top.h on a terminal, by ncurses, and the keys that are pressed.
 * Owner: `alloctrap top`; one at a time, since a terminal is.   Threads: one.
 */
#ifndef ALLOCTRAP_VIEW_TOP_SCREEN_H
#define ALLOCTRAP_VIEW_TOP_SCREEN_H

#include "base/err.h"
#include "view/top.h"

enum top_key {
    TOP_NONE,
    TOP_QUIT,
    TOP_PAUSE,
    TOP_HELP,
    TOP_SPAN,
    TOP_FASTER,
    TOP_SLOWER,
    TOP_UP,
    TOP_DOWN,
    TOP_RESIZED,
    TOP_SORT_ALLOCATIONS, /* in the order of enum live_watch_key */
    TOP_SORT_BYTES,
    TOP_SORT_TIME,
    TOP_SORT_P99
};

/* Takes the terminal; an error when standard output or TERM is none. */
ERR_CHECKED enum err_code top_screen_open(struct err *reterr);

/* Gives it back as it was. */
void top_screen_close(void);
void top_screen_draw(struct top_view *view);

/* Waits for a key, at most so long. */
enum top_key top_screen_key(int timeout_ms);

#endif
