#include "live/live_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/live_dir.h"
#include "session_image.h"

enum { BASE_NS = 1000, START_NS = 5000, NOBODY_PID = 0x7ffffff0, SPAN_S = 2 };

static const uint64_t NS_PER_S = 1000000000;

static char path[IMAGE_NAME_BYTES];
static struct session_image *image;
static uint32_t small; /* two nodes */
static uint32_t large;
static struct live_watch watch;
static struct err err;

static void begin(void)
{
    session_image_make_dir(path);
    session_image_write_control(path, BASE_NS);
    image = session_image_create(NOBODY_PID, 7, START_NS);
    small = session_image_node(image, 0, 0x10500);
    large = session_image_node(image, small, 0x20500);
    cr_assert_eq(live_watch_open(&watch, path, &err), ERR_NONE, "%s", err.message);
}

static void end(void)
{
    live_watch_close(&watch);
    session_image_destroy(image);
    session_image_remove_dir(path);
}

TestSuite(live_watch, .init = begin, .fini = end);

/* A look at what was written last. */
static void look(void)
{
    session_image_write(image, path);
    live_watch_look(&watch);
}

/* As if the look before had been so long ago, whatever the clock says. */
static void looked_before(uint64_t span_s)
{
    watch.looked_before_ns = watch.looked_ns - span_s * NS_PER_S;
}

static const struct live_watch_site *site_of(uint32_t node)
{
    for (size_t i = 0; i < watch.sites.count; i++) {
        if (watch.sites.at[i].node == node) {
            return &watch.sites.at[i];
        }
    }
    cr_assert_fail("no site of node %u", node);
    return NULL;
}

static uint64_t total(const struct live_watch_site *site, enum live_watch_key key)
{
    return live_watch_value(&watch, site, key, LIVE_WATCH_TOTAL);
}

static uint64_t rate(const struct live_watch_site *site, enum live_watch_key key)
{
    return live_watch_value(&watch, site, key, LIVE_WATCH_RATE);
}

Test(live_watch, what_is_no_session_is_an_error)
{
    struct live_watch other;
    cr_expect_neq(live_watch_open(&other, "no-such-dir", &err), ERR_NONE);
    cr_expect_neq(live_watch_open(&other, "/", &err), ERR_NONE);
}

Test(live_watch, an_empty_session_has_nothing_to_show)
{
    uint32_t *sites = NULL;
    live_watch_look(&watch);
    cr_expect_eq(watch.sites.count, 0);
    cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 0);
    cr_expect_eq(total(NULL, LIVE_WATCH_P99), 0);
    cr_expect_eq(live_watch_rank(&watch, LIVE_WATCH_BYTES, LIVE_WATCH_RATE, 10, &sites), 0);
    cr_expect_not_null(sites);
    cr_expect_not(watch.is_over);
    free(sites);
}

Test(live_watch, totals_are_the_exact_counters_by_path_and_together)
{
    session_image_row(image, 0, small, CALL_MALLOC, 10, 0, 160)->ns = 300;
    session_image_row(image, 0, small, CALL_FREE, 0, 8, 0)->ns = 100;
    session_image_row(image, 0, large, CALL_CALLOC, 2, 0, 9000)->ns = 5000;
    look();
    cr_expect_eq(watch.sites.count, 2, "of one path all functions are one site");
    cr_expect_eq(total(site_of(small), LIVE_WATCH_ALLOCATIONS), 10);
    cr_expect_eq(total(site_of(small), LIVE_WATCH_BYTES), 160);
    cr_expect_eq(total(site_of(small), LIVE_WATCH_TIME), 400);
    cr_expect_eq(total(site_of(large), LIVE_WATCH_ALLOCATIONS), 2);
    cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 12);
    cr_expect_eq(total(NULL, LIVE_WATCH_BYTES), 9160);
    cr_expect_eq(total(NULL, LIVE_WATCH_TIME), 5400);
}

Test(live_watch, equal_paths_of_two_processes_are_two_sites)
{
    struct session_image *other = session_image_create(NOBODY_PID + 1, 8, START_NS);
    (void)session_image_node(other, 0, 0x10500);
    session_image_row(other, 0, small, CALL_MALLOC, 5, 0, 50);
    session_image_row(image, 0, small, CALL_MALLOC, 10, 0, 160);
    session_image_write(other, path);
    look();
    cr_expect_eq(watch.sessions.count, 2);
    cr_expect_eq(watch.sites.count, 2);
    cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 15);
    session_image_destroy(other);
}

Test(live_watch, rates_are_what_came_since_the_last_look_a_second)
{
    struct session_row *row = session_image_row(image, 0, small, CALL_MALLOC, 100, 0, 1600);
    look();
    row->calls = row->allocs = 105;
    row->bytes = 1680;
    row->ns = 90;
    look();
    looked_before(SPAN_S);
    cr_expect_eq(live_watch_span_ns(&watch), SPAN_S * NS_PER_S);
    cr_expect_eq(rate(site_of(small), LIVE_WATCH_ALLOCATIONS), 3, "5 in 2 s, rounded");
    cr_expect_eq(rate(site_of(small), LIVE_WATCH_BYTES), 40);
    cr_expect_eq(rate(NULL, LIVE_WATCH_TIME), 45);
    cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 105);
    look();
    looked_before(SPAN_S);
    cr_expect_eq(rate(NULL, LIVE_WATCH_ALLOCATIONS), 0, "nothing came since");
    cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 105);
}

Test(live_watch, the_first_look_is_of_the_time_since_the_start)
{
    look();
    cr_expect_eq(watch.looked_before_ns, BASE_NS);
    cr_expect_eq(live_watch_span_ns(&watch), watch.looked_ns - BASE_NS);
    watch.looked_before_ns = watch.looked_ns;
    cr_expect_eq(live_watch_span_ns(&watch), 1, "never 0: it is divided by");
}

/* Files are as hostile as to the recorder. */
Test(live_watch, counters_that_go_back_are_no_rate)
{
    struct session_row *row = session_image_row(image, 0, small, CALL_MALLOC, 100, 0, 1600);
    look();
    row->calls = row->allocs = 1;
    row->bytes = 1;
    look();
    looked_before(SPAN_S);
    cr_expect_eq(rate(NULL, LIVE_WATCH_ALLOCATIONS), 0);
    cr_expect_eq(rate(NULL, LIVE_WATCH_BYTES), 0);
}

/* An event with a latency, the next in the ring. */
static void call_took(uint64_t ns, unsigned call, unsigned flags, uint32_t node)
{
    uint64_t addr = 0x1000 | (uint64_t)loglin_code(ns) << 48;
    session_image_event(image, 0, START_NS + 10, addr, 16, call, flags, node);
}

Test(live_watch, percentiles_are_of_the_calls_since_the_last_look)
{
    for (unsigned i = 0; i < 20; i++) {
        call_took(40, CALL_MALLOC, 0, small);
        call_took(60, CALL_FREE, 0, large);
    }
    look();
    cr_expect_eq(watch.latency.count, 40);
    cr_expect_eq(total(site_of(small), LIVE_WATCH_P99), 40);
    cr_expect_eq(total(site_of(large), LIVE_WATCH_P99), 60);
    cr_expect_eq(rate(NULL, LIVE_WATCH_P99), 60, "of whatever span: those seen");
    cr_expect_eq(live_watch_latency(&watch, &watch.latency, 5000), 40);
    call_took(20, CALL_MALLOC, 0, small);
    look();
    cr_expect_eq(watch.latency.count, 1);
    cr_expect_eq(total(site_of(small), LIVE_WATCH_P99), 20);
    cr_expect_eq(total(site_of(large), LIVE_WATCH_P99), 0, "none since");
}

Test(live_watch, each_call_is_seen_once_and_what_is_no_call_never)
{
    static const struct {
        unsigned call;
        unsigned flags;
        bool is_call;
    } cases[] = {{CALL_MALLOC, 0, true},
                 {CALL_FREE, 0, true},
                 {CALL_REALLOC, SESSION_EVENT_OLD, false}, /* its new half is the call */
                 {CALL_REALLOC, SESSION_EVENT_OLD | SESSION_EVENT_NULL, true},
                 {CALL_MALLOC, SESSION_EVENT_FAILED, true},
                 {CALL_MALLOC, SESSION_EVENT_THREAD, false},
                 {CALL_MALLOC, SESSION_EVENT_NOTE, false},
                 {CALL_MALLOC, SESSION_EVENT_USAGE, false},
                 {CALL_COUNT, 0, false}}; /* of a newer library, or of nobody */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call_took(40, cases[i].call, cases[i].flags, small);
        look();
        cr_expect_eq(watch.latency.count, cases[i].is_call, "case %zu", i);
    }
}

Test(live_watch, events_that_cannot_be_are_not_seen)
{
    uint64_t no_latency = (uint64_t)LOGLIN_CODES << 48;
    session_image_event(image, 0, 0, 0x1000, 16, CALL_MALLOC, 0, small);
    session_image_event(image, 0, START_NS, 0x1000 | no_latency, 16, CALL_MALLOC, 0, small);
    look();
    cr_expect_eq(watch.latency.count, 0);
    cr_expect_eq(watch.sites.count, 0);
}

enum { PUSHED = 100, IN_FLIGHT = 2 };

/* The recorder has read all; the oldest two of what is left may be written over while one looks. */
Test(live_watch, of_a_full_ring_the_latest_are_seen_whether_the_recorder_has_read_them_or_not)
{
    for (uint64_t i = 0; i < PUSHED; i++) {
        call_took(1000 + 20 * i, CALL_MALLOC, 0, small);
    }
    image->threads[0]->ring_head = PUSHED;
    look();
    uint64_t oldest = PUSHED - IMAGE_RING_EVENTS + IN_FLIGHT;
    cr_expect_eq(watch.latency.count, IMAGE_RING_EVENTS - IN_FLIGHT);
    cr_expect_eq(hist_min(&watch.latency), loglin_value(loglin_code(1000 + 20 * oldest)));
    cr_expect_eq(hist_max(&watch.latency), loglin_value(loglin_code(1000 + 20 * (PUSHED - 1))));
}

/* More than the ring holds, in two parts. */
Test(live_watch, a_ring_that_the_recorder_empties_between_two_looks_is_followed)
{
    for (unsigned part = 0; part < 2; part++) {
        for (unsigned i = 0; i < PUSHED / 2; i++) {
            call_took(40, CALL_MALLOC, 0, small);
        }
        look();
        cr_expect_eq(watch.latency.count, PUSHED / 2, "part %u", part);
        image->threads[0]->ring_head = PUSHED / 2;
    }
}

Test(live_watch, a_tail_beyond_the_ring_is_not_followed)
{
    call_took(40, CALL_MALLOC, 0, small);
    image->threads[0]->ring_tail = IMAGE_RING_EVENTS + 1; /* and nothing was read */
    look();
    cr_expect_eq(watch.latency.count, 0);
}

enum { CLOCK_COST_NS = 15, COST_UNITS = 1000 };

Test(live_watch, times_are_net_of_the_clock)
{
    struct session_row *row = session_image_row(image, 0, small, CALL_MALLOC, 10, 0, 160);
    row->ns = 400;
    call_took(40, CALL_MALLOC, 0, small);
    struct live_dir dir;
    cr_assert_eq(live_dir_open(&dir, path, true, &err), ERR_NONE);
    dir.control->clock.cost_ns = CLOCK_COST_NS * COST_UNITS;
    look();
    cr_expect_eq(total(NULL, LIVE_WATCH_TIME), 400 - 10 * CLOCK_COST_NS);
    cr_expect_eq(total(NULL, LIVE_WATCH_P99), 40 - CLOCK_COST_NS);
    live_dir_close(&dir);
}

Test(live_watch, sites_are_ranked_by_the_key_and_the_largest_comes_first)
{
    uint32_t other = session_image_node(image, 0, 0x30500);
    uint32_t *sites = NULL;
    session_image_row(image, 0, small, CALL_MALLOC, 10, 0, 160);
    session_image_row(image, 0, large, CALL_MALLOC, 2, 0, 9000);
    session_image_row(image, 0, other, CALL_MALLOC, 11, 0, 160);
    look();
    static const enum live_watch_key keys[] = {LIVE_WATCH_ALLOCATIONS, LIVE_WATCH_BYTES};
    const uint32_t wanted[][3] = {{other, small, large}, {large, other, small}};
    for (size_t k = 0; k < 2; k++) {
        cr_assert_eq(live_watch_rank(&watch, keys[k], LIVE_WATCH_TOTAL, 10, &sites), 3);
        for (size_t i = 0; i < 3; i++) {
            cr_expect_eq(watch.sites.at[sites[i]].node, wanted[k][i], "key %zu, rank %zu", k, i);
        }
        free(sites);
    }
    cr_expect_eq(live_watch_rank(&watch, LIVE_WATCH_BYTES, LIVE_WATCH_TOTAL, 1, &sites), 1);
    cr_expect_eq(watch.sites.at[sites[0]].node, large, "at most so many");
    free(sites);
}

/* A place that only frees has no allocations to show, and takes time. */
Test(live_watch, who_only_frees_is_ranked_by_time_alone)
{
    uint32_t *sites = NULL;
    session_image_row(image, 0, small, CALL_FREE, 0, 10, 0)->ns = 400;
    look();
    for (unsigned key = 0; key < LIVE_WATCH_KEYS; key++) {
        size_t count =
            live_watch_rank(&watch, (enum live_watch_key)key, LIVE_WATCH_TOTAL, 10, &sites);
        cr_expect_eq(count, key == LIVE_WATCH_TIME, "key %u", key);
        free(sites);
    }
}

Test(live_watch, a_sites_path_is_the_hosts_and_one_that_cannot_be_is_none)
{
    session_image_row(image, 0, large, CALL_MALLOC, 2, 0, 9000);
    session_image_row(image, 0, 0xffffff, CALL_MALLOC, 2, 0, 9000);
    session_image_module(image, 0x20000, 0x30000, 0x20000, "/bin/app");
    look();
    uint32_t at = live_watch_path(&watch, (uint32_t)(site_of(large) - watch.sites.at));
    cr_assert_eq(watch.names->paths.at[at].depth, 2);
    const struct profile_frame *frame = &watch.names->frames.at[watch.names->paths.at[at].frame];
    cr_expect_eq(frame->offset, 0x500);
    cr_expect_str_eq(watch.names->modules.at[frame->module].path, "/bin/app");
    cr_expect_eq(live_watch_path(&watch, (uint32_t)(site_of(0xffffff) - watch.sites.at)), 0);
}

Test(live_watch, processes_and_threads_are_those_that_run)
{
    struct session_image *own = session_image_create((uint32_t)getpid(), 8, START_NS);
    (void)session_image_thread(own, 200);
    session_image_row(image, 0, small, CALL_MALLOC, 10, 0, 160);
    session_image_write(own, path);
    for (unsigned i = 0; i < 2; i++) { /* the same at each look */
        look();
        cr_expect_eq(watch.processes, 1);
        cr_expect_eq(watch.threads, 2);
        cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 10, "what ended ones counted stays");
    }
    session_image_destroy(own);
}

Test(live_watch, a_process_that_comes_later_or_becomes_ready_later_is_met_then)
{
    image->head->state = SESSION_SETTING_UP;
    session_image_row(image, 0, small, CALL_MALLOC, 10, 0, 160);
    look();
    cr_expect_eq(watch.sessions.count, 0);
    image->head->state = SESSION_READY;
    look();
    look();
    cr_expect_eq(watch.sessions.count, 1, "and once");
    cr_expect_eq(total(NULL, LIVE_WATCH_ALLOCATIONS), 10);
}

Test(live_watch, losses_of_all_causes_and_threads_add_up_anew_at_each_look)
{
    image->head->lost[LOSS_EARLY] = 1;
    image->threads[0]->lost[LOSS_RING_FULL] = 10;
    for (unsigned i = 0; i < 2; i++) {
        look();
        cr_expect_eq(watch.lost, 11);
    }
}

Test(live_watch, what_the_recorder_tells_is_passed_on)
{
    struct live_dir dir;
    cr_assert_eq(live_dir_open(&dir, path, true, &err), ERR_NONE);
    live_gauge_write(&dir, &(struct live_gauge){1, 2, 3, 4, 5});
    live_dir_beat(&dir, SESSION_RECORDER_RUNNING);
    look();
    cr_expect_eq(watch.gauge.live_bytes, 2);
    cr_expect_eq(watch.gauge.peak_bytes, 4);
    cr_expect_not(watch.is_over);
    live_dir_beat(&dir, SESSION_RECORDER_CLOSED);
    look();
    cr_expect(watch.is_over);
    live_dir_close(&dir);
}

Test(live_watch, neither_host_nor_recorder_notice)
{
    char file[2 * IMAGE_NAME_BYTES];
    uint8_t *after = calloc(1, image->size_bytes);
    session_image_malloc(image, 0, START_NS + 10, 0x1000, 100, small);
    look();
    look();
    snprintf(file, sizeof file, "%s/%s", path, image->name);
    FILE *in = fopen(file, "rb");
    cr_assert_eq(fread(after, 1, image->size_bytes, in), image->size_bytes);
    cr_expect_eq(memcmp(after, image->bytes, image->size_bytes), 0);
    fclose(in);
    free(after);
}
