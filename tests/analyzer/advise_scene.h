/*
 * advise_scene - events made up for a program with a few functions, and the advice on them.
 * Owner: end() ends what set_up() began.
 */
#ifndef ALLOCTRAP_TESTS_ADVISE_SCENE_H
#define ALLOCTRAP_TESTS_ADVISE_SCENE_H

#include <criterion/criterion.h>
#include <string.h>

#include "finding_case.h"
#include "heap/heap.h"
#include "insight/advise.h"
#include "story_profile.h"

enum { HELPER, OTHER, LIST, ELSEWHERE, FRAMES };

/* A program with four functions under main; the events so far make its profile. */
struct scene {
    struct profile *p;
    struct heap *heap;
    uint32_t path[FRAMES];
    uint64_t now_ns;
    uint64_t addr;
    uint32_t sp;
    uint32_t thread;
};

static inline struct scene set_up(void)
{
    static const char *const names[] = {"helper", "other", "list", "elsewhere"};
    struct scene s = {.p = profile_create(), .sp = 7, .addr = 4096};
    MEM_PUSH(&s.p->processes)->allocator = "/lib/libc.so.6";
    uint32_t main_path =
        profile_path(s.p, 0, story_frame(s.p, "/bin/app", "main", "app.c", 9, NULL), false);
    uint32_t far = main_path;
    for (unsigned i = 0; i < 4; i++) {
        far = profile_path(s.p, far, story_frame(s.p, "/bin/app", "deep", "app.c", 20 + i, NULL),
                           false);
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        uint32_t frame = story_frame(s.p, "/bin/app", names[i], "app.c", 100 + i, NULL);
        s.path[i] = profile_path(s.p, i == ELSEWHERE ? far : main_path, frame, false);
    }
    s.heap = heap_create(s.p);
    return s;
}

static inline void add(struct scene *s, uint8_t call, uint64_t addr, uint64_t size, unsigned at)
{
    s->now_ns += 1000;
    struct heap_event event = {.time_ns = s->now_ns,
                               .addr = addr,
                               .size = size,
                               .path = s->path[at],
                               .sp = s->sp,
                               .thread = s->thread,
                               .latency = loglin_code(40),
                               .call = call};
    heap_add(s->heap, &event, 1);
}

static inline uint64_t make(struct scene *s, uint64_t size, unsigned at)
{
    s->addr += 4096;
    add(s, CALL_MALLOC, s->addr, size, at);
    return s->addr;
}

static inline void drop(struct scene *s, uint64_t addr, unsigned at)
{
    add(s, CALL_FREE, addr, 0, at);
}

/* The advice on all that happened; ends the scene but for the profile, which is in *ret. */
static inline struct advice *finish(struct scene *s)
{
    heap_process_ended(s->heap, 0);
    heap_settle(s->heap);
    heap_destroy(s->heap);
    s->p->run.duration_ns = s->now_ns;
    return advise_profile(
        s->p, &(struct advise_options){.threshold_permille = ADVISE_THRESHOLD_PERMILLE});
}

static inline void end(struct scene *s, struct advice *advice)
{
    advise_destroy(advice);
    profile_destroy(s->p);
}

static inline const struct finding *of_kind(const struct advice *advice, enum finding_kind kind)
{
    for (size_t i = 0; i < advice->findings.count; i++) {
        if (advice->findings.at[i].kind == kind) {
            return &advice->findings.at[i];
        }
    }
    return NULL;
}

#endif
