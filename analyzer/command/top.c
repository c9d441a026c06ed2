/*
 * top - `alloctrap top`: what a program that is being recorded allocates now.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/escape.h"
#include "base/options.h"
#include "command/command.h"
#include "live/live_clock.h"
#include "live/live_find.h"
#include "symbol/symbol.h"
#include "view/page.h"
#include "view/top_screen.h"

enum {
    INTERVAL_MS = 1000,
    INTERVAL_MIN_MS = 100,
    INTERVAL_MAX_MS = 60000,
    ONCE_ROWS = 30,
    NS_PER_MS = 1000000
};

static const char help[] =
    "usage: alloctrap top [PID|SESSION] [OPTION...]\n"
    "\n"
    "Shows what a program that is being recorded allocates now: rates, live memory, latencies, "
    "and\n"
    "the call sites that come first. It only reads: neither the program nor its recorder notice.\n"
    "SESSION is the folder NAME.atrap.session; without it, the only one in the current folder.\n"
    "Press h for the keys.\n"
    "\n"
    "  --sort=KEY     allocations (default), bytes, time, p99\n"
    "  --total        numbers since the start, not for each second\n"
    "  --interval=MS  look so often (default: 1000)\n"
    "  --once         one look of one interval, as text on standard output\n"
    "  --wrapper=GLOB\n"
    "                 functions to see through, like xmalloc; may be given again\n"
    "  -h, --help     this text\n"
    "\n"
    "examples:\n"
    "  alloctrap top 4711\n"
    "  alloctrap top run.atrap.session --once --sort=bytes\n";

enum { OPT_SORT = 256, OPT_TOTAL, OPT_INTERVAL, OPT_ONCE, OPT_WRAPPER };

struct choices {
    struct top_view view;
    const char *what; /* NULL: look in the current folder */
    uint64_t interval_ms;
    bool is_once;
    bool wants_help;
};

static enum err_code parse_key(const char *text, enum live_watch_key *ret, struct err *reterr)
{
    if (top_key_parse(text, ret)) {
        return ERR_NONE;
    }
    char *shown = escape_terminal(text);
    enum err_code code =
        err_set(reterr, ERR_USAGE, NULL,
                "--sort of top takes allocations, bytes, time or p99, not '%s'", shown);
    free(shown);
    return code;
}

static enum err_code parse_interval(const char *text, uint64_t *ret, struct err *reterr)
{
    enum err_code code = options_number("--interval", text, INTERVAL_MAX_MS, ret, reterr);
    if (code == ERR_NONE && *ret < INTERVAL_MIN_MS) {
        return err_set(reterr, ERR_USAGE, NULL, "--interval wants %d to %d milliseconds",
                       INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    }
    return code;
}

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_SORT:
        return parse_key(optarg, &c->view.key, reterr);
    case OPT_TOTAL:
        c->view.span = LIVE_WATCH_TOTAL;
        break;
    case OPT_INTERVAL:
        return parse_interval(optarg, &c->interval_ms, reterr);
    case OPT_ONCE:
        c->is_once = true;
        break;
    case OPT_WRAPPER:
        site_wrappers_add(&c->view.wrappers, optarg);
        break;
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    static const struct option longs[] = {{"sort", required_argument, NULL, OPT_SORT},
                                          {"total", no_argument, NULL, OPT_TOTAL},
                                          {"interval", required_argument, NULL, OPT_INTERVAL},
                                          {"once", no_argument, NULL, OPT_ONCE},
                                          {"wrapper", required_argument, NULL, OPT_WRAPPER},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    enum err_code code = options_each(argc, argv, ":h", longs, take_option, c, reterr);
    if (code != ERR_NONE || c->wants_help) {
        return code;
    }
    if (argc - optind > 1) {
        return err_set(reterr, ERR_USAGE, NULL, "top shows one recording at a time, not %d",
                       argc - optind);
    }
    c->what = argv[optind];
    c->view.interval_ms = (unsigned)c->interval_ms;
    return ERR_NONE;
}

/* Names of the call sites that were shown without. True when there were any. */
static bool find_names(struct live_watch *watch)
{
    size_t named = watch->names->symbols.count;
    struct symbol_options options = {0};
    struct symbol_notes notes;
    symbol_resolve(watch->names, &options, &notes);
    symbol_notes_finish(&notes);
    return watch->names->symbols.count != named;
}

/* Numbers first, names when they are found. */
static void draw(struct top_view *view)
{
    top_screen_draw(view);
    if (find_names(view->watch)) {
        top_screen_draw(view);
    }
}

/* False to end. */
static bool obey(struct top_view *view, enum top_key key)
{
    switch (key) {
    case TOP_QUIT:
        return false;
    case TOP_PAUSE:
        view->is_paused = !view->is_paused;
        break;
    case TOP_HELP:
        view->wants_help = !view->wants_help;
        break;
    case TOP_SPAN:
        view->span = view->span == LIVE_WATCH_RATE ? LIVE_WATCH_TOTAL : LIVE_WATCH_RATE;
        break;
    case TOP_FASTER:
        view->interval_ms =
            view->interval_ms / 2 > INTERVAL_MIN_MS ? view->interval_ms / 2 : INTERVAL_MIN_MS;
        break;
    case TOP_SLOWER:
        view->interval_ms =
            view->interval_ms * 2 < INTERVAL_MAX_MS ? view->interval_ms * 2 : INTERVAL_MAX_MS;
        break;
    case TOP_UP:
        view->first -= view->first > 0;
        break;
    case TOP_DOWN:
        view->first += view->first + 1 < view->watch->sites.count;
        break;
    case TOP_SORT_ALLOCATIONS:
    case TOP_SORT_BYTES:
    case TOP_SORT_TIME:
    case TOP_SORT_P99:
        view->key = (enum live_watch_key)(key - TOP_SORT_ALLOCATIONS);
        view->first = 0;
        break;
    case TOP_RESIZED:
    case TOP_NONE:
        break;
    }
    return true;
}

static enum err_code run_screen(struct top_view *view, struct err *reterr)
{
    enum err_code code = top_screen_open(reterr);
    if (code != ERR_NONE) {
        return code;
    }
    live_watch_look(view->watch);
    bool goes_on = true;
    while (goes_on && !view->watch->is_over) {
        draw(view);
        uint64_t due_ns = view->watch->looked_ns + (uint64_t)view->interval_ms * NS_PER_MS;
        uint64_t now_ns = live_clock_ns();
        int wait_ms = due_ns > now_ns ? (int)((due_ns - now_ns) / NS_PER_MS) : 0;
        enum top_key key = top_screen_key(view->is_paused ? -1 : wait_ms);
        goes_on = obey(view, key);
        if (!view->is_paused && key == TOP_NONE) {
            live_watch_look(view->watch);
        }
    }
    top_screen_close();
    if (view->watch->is_over) {
        puts("alloctrap top: the recording has ended");
    }
    return ERR_NONE;
}

static enum err_code run_once(struct top_view *view, struct err *reterr)
{
    struct timespec interval = {.tv_sec = view->interval_ms / 1000,
                                .tv_nsec = (long)(view->interval_ms % 1000) * NS_PER_MS};
    struct page page = page_on(stdout, PAGE_TEXT);
    FILE *nowhere = fopen("/dev/null", "we");
    live_watch_look(view->watch);
    nanosleep(&interval, NULL);
    live_watch_look(view->watch);
    if (nowhere != NULL) { /* once unseen: then it is known whose names are wanted */
        top_print(view, nowhere, page.width, ONCE_ROWS);
        fclose(nowhere);
        (void)find_names(view->watch);
    }
    top_print(view, stdout, page.width, ONCE_ROWS);
    return page_flush(stdout, reterr);
}

static enum err_code watch(struct choices *c, struct err *reterr)
{
    char *dir = NULL;
    struct live_watch watch;
    enum err_code code = live_find(c->what, &dir, reterr);
    if (code == ERR_NONE) {
        code = live_watch_open(&watch, dir, reterr);
    }
    if (code == ERR_NONE) {
        c->view.watch = &watch;
        code = c->is_once ? run_once(&c->view, reterr) : run_screen(&c->view, reterr);
        live_watch_close(&watch);
    }
    free(dir);
    return code;
}

enum err_code command_top(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices choices = {.interval_ms = INTERVAL_MS};
    enum err_code code = parse(argc, argv, &choices, reterr);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
        code = page_flush(stdout, reterr);
    } else if (code == ERR_NONE) {
        code = watch(&choices, reterr);
    }
    free(choices.view.wrappers.globs);
    if (code == ERR_NONE) {
        *ret_status = 0;
    }
    return code;
}
