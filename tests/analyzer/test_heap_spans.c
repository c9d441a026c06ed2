/* Marks, phases and pauses: what belongs to which. */
#include <criterion/criterion.h>
#include <string.h>

#include "heap/heap.h"

static struct profile *profile;
static struct heap *heap;
static uint32_t path;

static void prepare(void)
{
    static const char *const names[] = {"warm", "done", "parse", "paused"};
    profile = profile_create();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *MEM_PUSH(&profile->notes) = mem_strings_keep(profile->strings, names[i]);
    }
    (void)MEM_PUSH(&profile->processes);
    uint32_t frame = profile_frame(profile, 0, 16, 0);
    path = profile_path(profile, 0, frame, false);
    heap = heap_create(profile);
}

static void clear(void)
{
    heap_destroy(heap);
    profile_destroy(profile);
}

TestSuite(heap_spans, .init = prepare, .fini = clear);

enum { WARM, DONE, PARSE, PAUSED };

static void note(uint64_t time_ns, uint32_t thread, uint64_t kind, uint64_t name)
{
    struct heap_event event = {.time_ns = time_ns,
                               .addr = name,
                               .size = kind,
                               .thread = thread,
                               .flags = SESSION_EVENT_NOTE};
    heap_add(heap, &event, 1);
}

static void alloc(uint64_t time_ns, uint32_t thread)
{
    static uint64_t addr = 4096;
    addr += 64;
    struct heap_event event = {.time_ns = time_ns,
                               .addr = addr,
                               .size = 10,
                               .path = path,
                               .thread = thread,
                               .latency = 30};
    heap_add(heap, &event, 1);
}

/* Allocations in a span of this kind and name, all sites. */
static uint64_t allocs_in(uint32_t kind, const char *name)
{
    uint64_t allocs = 0;
    heap_settle(heap);
    for (size_t i = 0; i < profile->span_calls.count; i++) {
        const struct profile_span_call *call = &profile->span_calls.at[i];
        const struct profile_span *span = &profile->spans.at[call->span];
        if (span->kind == kind && strcmp(span->name, name) == 0) {
            allocs += call->counts.allocs;
            cr_assert_eq(call->latency.count, call->counts.calls);
            cr_assert_eq(call->counts.bytes, 10 * call->counts.allocs);
        }
    }
    return allocs;
}

Test(heap_spans, a_program_without_marks_has_none)
{
    alloc(1, 0);
    heap_settle(heap);
    cr_assert(profile->spans.count == 0 && profile->span_calls.count == 0);
}

Test(heap_spans, events_belong_to_the_mark_before_their_time)
{
    alloc(5, 0);
    note(10, 0, SESSION_NOTE_MARK, WARM);
    alloc(11, 0);
    alloc(9, 1); /* late: it was before the mark */
    alloc(12, 1);
    note(20, 1, SESSION_NOTE_MARK, DONE);
    alloc(19, 0);
    alloc(21, 0);
    cr_assert_eq(allocs_in(PROFILE_MARK, "warm"), 3);
    cr_assert_eq(allocs_in(PROFILE_MARK, "done"), 1);
    cr_assert_eq(allocs_in(PROFILE_MARK, "done"), 1, "settling again changes nothing");
}

Test(heap_spans, a_phase_is_its_threads_own_and_counts_once)
{
    note(1, 0, SESSION_NOTE_PHASE_BEGIN, PARSE);
    alloc(2, 0);
    alloc(2, 1);
    note(3, 0, SESSION_NOTE_PHASE_BEGIN, PARSE);
    alloc(4, 0);
    note(5, 0, SESSION_NOTE_PHASE_END, PARSE);
    alloc(6, 0);
    note(7, 0, SESSION_NOTE_PHASE_END, PARSE);
    note(7, 0, SESSION_NOTE_PHASE_END, PARSE); /* once too often */
    alloc(8, 0);
    cr_assert_eq(allocs_in(PROFILE_PHASE, "parse"), 3);
    cr_assert_eq(profile->spans.at[0].times, 2);
    cr_assert_eq(profile->spans.at[0].ns, 6 + 2);
}

Test(heap_spans, a_pause_is_in_no_other_span)
{
    note(1, 0, SESSION_NOTE_MARK, WARM);
    note(1, 0, SESSION_NOTE_PHASE_BEGIN, PARSE);
    note(2, 0, SESSION_NOTE_PAUSE, PAUSED);
    alloc(3, 0);
    alloc(3, 1);
    note(4, 0, SESSION_NOTE_RESUME, PAUSED);
    alloc(5, 0);
    cr_assert_eq(allocs_in(PROFILE_PAUSE, "paused"), 1);
    cr_assert_eq(allocs_in(PROFILE_PHASE, "parse"), 1);
    cr_assert_eq(allocs_in(PROFILE_MARK, "warm"), 2);
}

Test(heap_spans, marks_and_open_phases_are_bounded)
{
    for (uint64_t i = 0; i < 2 * PROFILE_MARKS_MAX; i++) {
        note(i, 0, SESSION_NOTE_MARK, WARM);
        alloc(i, 0);
    }
    cr_assert_eq(allocs_in(PROFILE_MARK, "warm"), PROFILE_MARKS_MAX - 1);
    cr_assert_eq(allocs_in(PROFILE_MARK_REST, "warm"), PROFILE_MARKS_MAX + 1);
    for (int i = 0; i < 100; i++) {
        note(5000, 0, SESSION_NOTE_PHASE_BEGIN, PARSE);
    }
    for (int i = 0; i < 100; i++) {
        note(5001, 0, SESSION_NOTE_PHASE_END, PARSE);
    }
    alloc(5002, 0);
    cr_assert_eq(allocs_in(PROFILE_PHASE, "parse"), 0);
}

Test(heap_spans, notes_of_no_name_and_no_kind_do_no_harm)
{
    note(1, 0, 99, WARM);
    note(1, 0, SESSION_NOTE_PHASE_BEGIN, 1000000);
    note(2, 7, SESSION_NOTE_FORBID_END, DONE);
    alloc(3, 0);
    cr_assert_eq(allocs_in(PROFILE_PHASE, ""), 1);
}
