#include "live/live_session.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session_image.h"

static char dir[IMAGE_NAME_BYTES];
static int dir_fd;
static struct session_image *image;
static struct live_session *session;
static struct err err;

static void begin(void)
{
    session_image_make_dir(dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    image = session_image_create(123, 0xabc, 1000);
}

static void end(void)
{
    live_session_close(session);
    session_image_destroy(image);
    close(dir_fd);
    session_image_remove_dir(dir);
}

static enum live_session_found open_it(bool is_writable, bool is_any_state)
{
    session_image_write(image, dir);
    return live_session_open(dir_fd, image->name, is_writable, is_any_state, &session, &err);
}

static void open_good(void)
{
    cr_assert_eq(open_it(true, false), LIVE_SESSION_OPEN);
    live_session_refresh(session);
}

/* Truncates the written file and opens it. */
static enum live_session_found open_cut(off_t bytes)
{
    session_image_write(image, dir);
    char path[2 * IMAGE_NAME_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, image->name);
    cr_assert_eq(truncate(path, bytes), 0);
    return live_session_open(dir_fd, image->name, true, true, &session, &err);
}

struct rows {
    uint64_t visits;
    uint64_t allocs;
    uint64_t bytes;
};

static void add_row(void *context, const struct session_row *row)
{
    struct rows *rows = context;
    rows->visits++;
    rows->allocs += row->allocs;
    rows->bytes += row->bytes;
}

TestSuite(live_session, .init = begin, .fini = end);

Test(live_session, a_session_is_opened_by_what_its_head_says)
{
    open_good();
    cr_assert_eq(session->pid, 123);
    cr_assert_eq(session->id, 0xabc);
    cr_assert_eq(session->ring_count, 1);
    cr_assert_eq(session->rings[0].tid, 123);
    char command[64];
    live_session_command(session, command, sizeof command);
    cr_assert_str_eq(command, "host\x1f--option");
    char cut[7];
    live_session_command(session, cut, sizeof cut);
    cr_assert_str_eq(cut, "host\x1f-");
}

Test(live_session, one_that_is_set_up_is_tried_again_or_taken_as_it_is)
{
    image->head->state = SESSION_SETTING_UP;
    cr_assert_eq(open_it(true, false), LIVE_SESSION_RETRY);
    cr_assert_eq(open_it(false, true), LIVE_SESSION_OPEN);
}

Test(live_session, heads_of_others_are_refused_with_a_reason)
{
    image->head->version = 2;
    cr_assert_eq(open_it(true, false), LIVE_SESSION_BAD);
    cr_assert_not_null(strstr(err.message, "session version 2"));
    cr_assert_eq(err.offset, 8);
    image->head->version = 1;
    image->head->call_count = CALL_COUNT + 1;
    cr_assert_eq(open_it(true, false), LIVE_SESSION_BAD);
    image->head->call_count = CALL_COUNT - 3;
    cr_assert_eq(open_it(true, false), LIVE_SESSION_OPEN, "fewer functions are an older library's");
    live_session_close(session);
    session = NULL;
    memcpy(image->head->magic, "SOMETHNG", 8);
    cr_assert_eq(open_it(true, false), LIVE_SESSION_BAD);
    cr_assert_eq(err.code, ERR_FORMAT);
}

Test(live_session, what_is_no_plain_file_is_refused_without_waiting)
{
    session_image_write(image, dir);
    cr_assert_eq(mkfifoat(dir_fd, "1.0000000000000001.session", 0600), 0);
    cr_assert_eq(symlinkat(image->name, dir_fd, "1.0000000000000002.session"), 0);
    static const char *const names[] = {"1.0000000000000001.session", "1.0000000000000002.session"};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(live_session_open(dir_fd, names[i], true, true, &session, &err),
                     LIVE_SESSION_BAD);
    }
    cr_assert_eq(
        live_session_open(dir_fd, "1.0000000000000003.session", true, true, &session, &err),
        LIVE_SESSION_WITHDRAWN, "taken back by a child that needed it no more");
}

Test(live_session, files_cut_anywhere_are_never_read_beyond_their_end)
{
    uint32_t path = session_image_node(image, 0, 0x1000);
    for (int i = 0; i < 100; i++) {
        session_image_malloc(image, 0, 2000, 0x5000, 10, path);
    }
    cr_assert_eq(open_cut(sizeof(struct session_head) - 1), LIVE_SESSION_RETRY);
    for (size_t bytes = sizeof(struct session_head); bytes < image->head->used_bytes;
         bytes += 1777) {
        cr_assert_eq(open_cut((off_t)bytes), LIVE_SESSION_OPEN);
        struct rows rows = {0};
        uint64_t lost[LOSS_COUNT];
        live_session_refresh(session);
        live_session_rows(session, add_row, &rows);
        live_session_lost(session, lost);
        cr_assert_leq(rows.allocs, 100);
        live_session_close(session);
        session = NULL;
    }
}

Test(live_session, offsets_outside_or_out_of_step_give_nothing)
{
    open_good();
    uint64_t limit = session->limit_bytes;
    cr_assert_eq(limit, image->size_bytes);
    cr_assert_not_null(live_session_at(session, limit - 64, 64, 64));
    cr_assert_null(live_session_at(session, limit - 64, 65, 64));
    cr_assert_null(live_session_at(session, limit - 60, 8, 8));
    cr_assert_null(live_session_at(session, 0, 8, 8), "the head is no place for tables");
    cr_assert_null(live_session_at(session, UINT64_MAX - 63, 128, 64));
    cr_assert_null(live_session_at(session, limit / 2, UINT64_MAX, 64));
}

Test(live_session, new_threads_and_new_tails_are_seen_at_each_refresh)
{
    image->threads[0]->ring_off = 0;
    open_good();
    cr_assert_null(session->rings[0].events, "no ring yet");
    struct session_thread *place = session->rings[0].place;
    place->ring_off = (uint64_t)((uint8_t *)image->rings[0] - image->bytes);
    place->ring_tail = 5;
    live_session_refresh(session);
    cr_assert_eq(session->rings[0].tail, 5);
    cr_assert_eq(session->rings[0].mask, IMAGE_RING_EVENTS - 1);
}

Test(live_session, rings_that_cannot_be_are_never_read)
{
    for (int i = 0; i < 3; i++) {
        session_image_thread(image, 200 + (uint32_t)i);
    }
    image->threads[0]->ring_events = 63;
    image->threads[1]->ring_off = image->size_bytes - 64;
    image->threads[2]->ring_tail = IMAGE_RING_EVENTS + 1;
    image->head->thread_off[3] = 7;
    open_good();
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert(session->rings[i].is_bad, "ring %u", i);
    }
    cr_assert_eq(session->rings[2].tail, session->rings[2].head);
    image->head->thread_count = UINT32_MAX;
    live_session_close(session);
    open_good();
    cr_assert_eq(session->ring_count, SESSION_THREADS_MAX);
}

Test(live_session, all_rows_are_visited_once_with_the_rest_and_the_early_ones)
{
    session_image_thread(image, 200);
    session_image_row(image, 0, 1, CALL_MALLOC, 3, 0, 30);
    session_image_row(image, 1, 2, CALL_CALLOC, 5, 0, 50);
    image->threads[1]->rest[CALL_MALLOC].allocs = 7;
    image->head->early[CALL_MALLOC].allocs = 11;
    open_good();
    struct rows rows = {0};
    live_session_rows(session, add_row, &rows);
    cr_assert_eq(rows.visits, 2 + 3 * CALL_COUNT);
    cr_assert_eq(rows.allocs, 3 + 5 + 7 + 11);
    cr_assert_eq(rows.bytes, 80);
}

/* A thousand threads that all claim the same rows must not take for ever. */
Test(live_session, rows_beyond_what_the_file_can_hold_are_not_visited)
{
    image->threads[0]->row_count = UINT32_MAX;
    open_good();
    struct rows rows = {0};
    live_session_rows(session, add_row, &rows);
    cr_assert_leq(rows.visits, session->limit_bytes / sizeof(struct session_row) + 2 * CALL_COUNT);
}

Test(live_session, losses_of_the_head_and_of_all_threads_add_up)
{
    session_image_thread(image, 200);
    image->head->lost[LOSS_EARLY] = 1;
    image->threads[0]->lost[LOSS_RING_FULL] = 10;
    image->threads[1]->lost[LOSS_RING_FULL] = 100;
    open_good();
    uint64_t lost[LOSS_COUNT];
    live_session_lost(session, lost);
    cr_assert_eq(lost[LOSS_EARLY], 1);
    cr_assert_eq(lost[LOSS_RING_FULL], 110);
    cr_assert_eq(lost[LOSS_NESTED], 0);
}

Test(live_session, shrinking_gives_rings_back_and_keeps_the_counters)
{
    session_image_row(image, 0, 1, CALL_MALLOC, 3, 0, 30);
    for (int i = 0; i < IMAGE_RING_EVENTS; i++) {
        session_image_event(image, 0, 1, 2, 3, CALL_MALLOC, 0, 1);
    }
    open_good();
    live_session_shrink(session, dir_fd);
    live_session_close(session);
    cr_assert_eq(live_session_open(dir_fd, image->name, false, false, &session, &err),
                 LIVE_SESSION_OPEN);
    live_session_refresh(session);
    struct rows rows = {0};
    live_session_rows(session, add_row, &rows);
    cr_assert_eq(rows.allocs, 3);
}
