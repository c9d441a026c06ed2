#include "store/trace.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sample_profile.h"
#include "store/store.h"

static char name[64];

static void make_name(void)
{
    snprintf(name, sizeof name, "/tmp/test_trace-%d.atrap", getpid());
}

static void remove_name(void)
{
    unlink(name);
}

TestSuite(trace, .init = make_name, .fini = remove_name);

static struct heap_event event_at(size_t i)
{
    return (struct heap_event){.time_ns = i * 50 - (i % 3) * 70 + 1000,
                               .addr = 0x7f0000000000 + (i * 4000) % 65536,
                               .size = i % 300,
                               .path = (uint32_t)(i % 10),
                               .sp = (uint32_t)i,
                               .process = (uint32_t)(i % 2),
                               .thread = (uint32_t)(i % 5),
                               .tid = 100,
                               .latency = (uint16_t)(i % LOGLIN_CODES),
                               .call = (uint8_t)(i % CALL_COUNT),
                               .flags = (uint8_t)(i % 8)};
}

static struct heap_event *make_events(size_t count)
{
    struct heap_event *events = mem_zero(count, sizeof *events);
    for (size_t i = 0; i < count; i++) {
        events[i] = event_at(i);
    }
    return events;
}

Test(trace, unpacked_events_are_those_that_were_packed)
{
    static const size_t counts[] = {1, 2, 77, TRACE_CHUNK_EVENTS};
    for (size_t i = 0; i < 4; i++) {
        struct heap_event *events = make_events(counts[i]);
        struct heap_event *again = mem_zero(counts[i], sizeof *again);
        uint8_t *bytes = NULL;
        size_t len = 0;
        trace_pack(events, counts[i], &bytes, &len);
        cr_assert(trace_unpack(bytes, len, counts[i], again));
        cr_assert_arr_eq((char *)events, (char *)again, counts[i] * sizeof *events);
        free(bytes);
        free(again);
        free(events);
    }
}

Test(trace, a_chunk_of_another_size_is_refused)
{
    struct heap_event *events = make_events(100);
    uint8_t *bytes = NULL;
    size_t len = 0;
    trace_pack(events, 100, &bytes, &len);
    cr_assert_not(trace_unpack(bytes, len, 99, events));
    cr_assert_not(trace_unpack(bytes, len - 1, 100, events));
    cr_assert_not(trace_unpack(bytes, 0, 100, events));
    free(bytes);
    free(events);
}

struct seen {
    size_t count;
    size_t chunks;
};

static enum err_code check_events(void *context, const struct heap_event *events, size_t count,
                                  struct err *reterr)
{
    struct seen *seen = context;
    (void)reterr;
    for (size_t i = 0; i < count; i++) {
        struct heap_event expected = event_at(seen->count + i);
        cr_assert_arr_eq((const char *)&events[i], (const char *)&expected, sizeof expected);
    }
    seen->count += count;
    seen->chunks++;
    return ERR_NONE;
}

static void save_trace(size_t before, size_t after)
{
    struct err err = {0};
    struct store *store = NULL;
    struct profile *profile = sample_profile(20);
    struct heap_event *events = make_events(before + after);
    cr_assert_eq(store_create(name, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_trace(store, events, before, &err), ERR_NONE, "%s", err.message);
    profile->run.is_complete = false;
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_trace(store, events + before, after, &err), ERR_NONE, "%s", err.message);
    profile->run.is_complete = true;
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    free(events);
    profile_destroy(profile);
}

Test(trace, all_events_come_back_in_order)
{
    struct seen seen = {0, 0};
    struct err err = {0};
    save_trace(100000, 150001);
    cr_assert_eq(store_trace_each(name, check_events, &seen, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(seen.count, 250001);
    cr_assert_eq(seen.chunks, 5);
}

/* The profile goes. */
static void save_alone(struct profile *profile)
{
    struct err err = {0};
    struct store *store = NULL;
    cr_assert_eq(store_create(name, &store, &err), ERR_NONE);
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    profile_destroy(profile);
}

Test(trace, a_recording_without_one_says_so)
{
    struct seen seen = {0, 0};
    struct err err = {0};
    save_alone(sample_profile(2));
    cr_assert_eq(store_trace_each(name, check_events, &seen, &err), ERR_MISSING);
    cr_assert_not_null(strstr(err.message, "--trace"));
}

Test(trace, of_no_calls_there_is_one)
{
    struct seen seen = {0, 0};
    struct err err = {0};
    save_alone(profile_create());
    cr_assert_eq(store_trace_each(name, check_events, &seen, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(seen.count, 0);
}

static enum err_code refuse(void *context, const struct heap_event *events, size_t count,
                            struct err *reterr)
{
    (void)context;
    (void)events;
    (void)count;
    return err_set(reterr, ERR_USAGE, NULL, "enough");
}

Test(trace, the_visitor_can_end_the_reading)
{
    struct err err = {0};
    save_trace(10, 10);
    cr_assert_eq(store_trace_each(name, refuse, NULL, &err), ERR_USAGE);
    cr_assert_str_eq(err.message, "enough");
}

static const char *const damages[] = {
    "UPDATE trace_chunk SET events = 70000, raw_bytes = 3360000",
    "UPDATE trace_chunk SET events = 0",
    "UPDATE trace_chunk SET raw_bytes = 1",
    "UPDATE trace_chunk SET data = x'28b52ffd'",
    "UPDATE trace_chunk SET data = 'text'",
    "UPDATE trace_chunk SET seq = 3",
    "DELETE FROM path WHERE id > 4",
    "DELETE FROM process WHERE id = 1",
};

Test(trace, damage_is_said)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct err err = {0};
        sqlite3 *db = NULL;
        save_trace(1000, 0);
        cr_assert_eq(sqlite3_open(name, &db), SQLITE_OK);
        cr_assert_eq(sqlite3_exec(db, damages[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        struct seen seen = {0, 0};
        cr_assert_eq(store_trace_each(name, check_events, &seen, &err), ERR_FORMAT, "%s",
                     damages[i]);
        cr_assert_not_null(strstr(err.message, "trace chunk"), "%s", err.message);
    }
}
