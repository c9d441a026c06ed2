/*
 * note_api - the in-process side of alloctrap.h: what the program tells about itself, and what it
 * may ask.
 * Threads: any.   Signals: a handler's note inside our bookkeeping is lost and counted.
 * Memory:  the session's head.   Errno: kept.
 */
#include "hook_event.h"
#include "hook_export.h"
#include "link_session.h"
#include "ring_wait.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

EXPORT void alloctrap_note_units(uint64_t count, const char *unit_name)
{
    struct session_head *head = life_session();
    if (head == NULL) {
        return;
    }
    /* Two first tellers at once write one after the other; each leaves room for the NUL. */
    if (head->unit_name[0] == '\0' && unit_name != NULL) {
        memcpy(head->unit_name, unit_name, strnlen(unit_name, sizeof head->unit_name - 1));
    }
    link_add(&head->units, count);
}

static bool is_name(const struct session_note_name *note, const char *name, size_t length)
{
    /* Acquire; pairs with the release in take_name(). */
    return atomic_load_explicit(&note->is_ready, memory_order_acquire) != 0 &&
           memcmp(note->name, name, length) == 0 && note->name[length] == '\0';
}

/* Two first tellers of a name may take a place each: the recorder joins equal names. */
static uint32_t take_name(struct session_head *head, const char *name, size_t length)
{
    /* Relaxed: the number is all that is shared here. */
    uint32_t at = atomic_fetch_add_explicit(&head->note_count, 1, memory_order_relaxed);
    if (at >= SESSION_NOTES_MAX) {
        atomic_store_explicit(&head->note_count, SESSION_NOTES_MAX, memory_order_relaxed);
        return SESSION_NOTES_MAX;
    }
    memcpy(head->notes[at].name, name, length);
    /* Release; pairs with is_name() and with the recorder. */
    atomic_store_explicit(&head->notes[at].is_ready, 1, memory_order_release);
    return at;
}

/* The name's place; SESSION_NOTES_MAX: none is left. */
static uint32_t find_name(struct session_head *head, const char *name)
{
    size_t length = strnlen(name, SESSION_NOTE_BYTES - 1);
    uint32_t count = atomic_load_explicit(&head->note_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count && i < SESSION_NOTES_MAX; i++) {
        if (is_name(&head->notes[i], name, length)) {
            return i;
        }
    }
    return take_name(head, name, length);
}

static bool push(struct hook_scratch *scratch, const struct session_event *event)
{
    while (!ring_push(&scratch->ring, event, 1)) {
        if (ring_wait(&scratch->ring, link_now.control) != RING_WAIT_ROOM) {
            return false;
        }
    }
    return true;
}

static bool tell(const struct hook_now *now, uint32_t kind, const char *name)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    uint32_t at = find_name(scratch->head, name);
    struct session_event event = {
        .stamp_ns = clock_to_ns(now->start_ticks),
        .word1 = at,
        .word2 = kind | (uint64_t)SESSION_EVENT_NOTE << 56,
        /* Relaxed: this thread's own units are there. */
        .word3 = atomic_load_explicit(&scratch->head->units, memory_order_relaxed)};
    return at < SESSION_NOTES_MAX && push(scratch, &event);
}

/* As a call of free() begins: with the guard up and the clock read. False: not recorded. */
static bool enter(struct hook_now *now, const void *frame)
{
    hook_begin(now, CALL_FREE, frame);
    if (hook_way(now) == HOOK_PASS) {
        return false;
    }
    hook_guard_phase(HOOK_IN_OURS);
    return true;
}

/* This thread has a place of its own, and nothing of ours was interrupted. */
static bool has_place(const struct hook_now *now)
{
    return hook_way(now) == HOOK_RECORD && life_is_current();
}

static void leave(const struct hook_now *now)
{
    if (hook_way(now) == HOOK_NESTED) {
        hook_guard_phase((enum hook_phase)hook_detail(now));
    } else {
        hook_guard_leave();
    }
}

EXPORT void alloctrap_note(uint32_t kind, const char *name)
{
    int host_errno = errno;
    struct hook_now now;
    if (enter(&now, __builtin_frame_address(0))) {
        bool is_told = has_place(&now) && tell(&now, kind, name != NULL ? name : "");
        if (!is_told && link_head() != NULL) {
            link_add(&link_head()->lost[LOSS_NOTES], 1);
        }
        leave(&now);
    }
    errno = host_errno;
}

static void add_row(const struct session_row *row, uint64_t sums[3])
{
    /* Relaxed: this thread's own, or added to by its handlers alone. */
    sums[0] += atomic_load_explicit(&row->allocs, memory_order_relaxed);
    sums[1] += atomic_load_explicit(&row->frees, memory_order_relaxed);
    sums[2] += atomic_load_explicit(&row->bytes, memory_order_relaxed);
}

static void add_rows(struct session_head *head, const struct session_thread *place,
                     uint64_t sums[3])
{
    uint32_t count = atomic_load_explicit(&place->row_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t within = 0;
        unsigned chunk = session_chunk_of(i, SESSION_ROW_CHUNK_FIRST, &within);
        uint64_t off = atomic_load_explicit(&place->row_chunk_off[chunk], memory_order_relaxed);
        const struct session_row *rows = link_at(head, off);
        add_row(&rows[within], sums);
    }
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        add_row(&place->rest[call], sums);
    }
}

EXPORT bool alloctrap_thread_counts(uint64_t counts[3])
{
    int host_errno = errno;
    struct hook_now now;
    uint64_t sums[3] = {0};
    bool is_known = false;
    if (enter(&now, __builtin_frame_address(0))) {
        is_known = has_place(&now);
        if (is_known) {
            add_rows(hook_tls.scratch->head, hook_tls.scratch->place, sums);
            memcpy(counts, sums, sizeof sums);
        }
        leave(&now);
    }
    errno = host_errno;
    return is_known;
}
