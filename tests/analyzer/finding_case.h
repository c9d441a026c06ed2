/*
 * finding_case - the sums of one group, set by hand, for the tests of single kinds: their limits
 * to the block, which events made up for a program (advise_scene.h) do not reach.
 * Owner: case_finish() ends what case_create() began.
 */
#ifndef ALLOCTRAP_TESTS_FINDING_CASE_H
#define ALLOCTRAP_TESTS_FINDING_CASE_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "alloctrap/loglin.h"
#include "insight/finding.h"

struct finding_case {
    struct finding_facts facts;
    struct finding_group group;
    struct profile *profile; /* what facts.profile is */
    struct finding found;    /* by the last case_finds() that did */
};

static inline struct finding_case case_create(void)
{
    struct finding_case c = {.profile = profile_create()};
    c.facts.profile = c.profile;
    return c;
}

static inline void case_finish(struct finding_case *c)
{
    hist_finish(&c->group.size);
    hist_finish(&c->group.life_ns);
    hist_finish(&c->group.life_allocs);
    hist_finish(&c->group.latency);
    hist_finish(&c->group.growth.last_size);
    profile_destroy(c->profile);
}

static inline bool case_finds(struct finding_case *c, finding_detector *detector)
{
    c->found = (struct finding){0};
    return detector(&c->facts, &c->group, &c->found);
}

/* One value so many times, and no other. */
static inline void case_fill(struct hist *hist, uint64_t value, uint64_t count)
{
    hist_finish(hist);
    hist_add(hist, loglin_code(value), count);
}

/* Where a kind ends: with one value of a number the group is a case of it, with the other, which
 * is next to it, not. */
struct finding_edge {
    const char *what;
    size_t offset; /* of the number in a struct finding_case */
    uint64_t yes;
    uint64_t no;
};

#define CASE_EDGE(number, yes, no)                                                                 \
    {                                                                                              \
#number, offsetof(struct finding_case, number), yes, no                                    \
    }

/* Each edge alone, on a new case each. */
static inline void case_edges(struct finding_case (*make)(void), finding_detector *detector,
                              const struct finding_edge *edges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct finding_case c = make();
        memcpy((char *)&c + edges[i].offset, &edges[i].yes, sizeof edges[i].yes);
        cr_expect(case_finds(&c, detector), "%s of %" PRIu64 " is enough", edges[i].what,
                  edges[i].yes);
        memcpy((char *)&c + edges[i].offset, &edges[i].no, sizeof edges[i].no);
        cr_expect_not(case_finds(&c, detector), "%s of %" PRIu64 " is not", edges[i].what,
                      edges[i].no);
        case_finish(&c);
    }
}

#define CASE_EDGES(make, detector, edges)                                                          \
    case_edges(make, detector, edges, sizeof(edges) / sizeof(edges)[0])

static inline uint64_t number_of(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->number_count; i++) {
        if (strcmp(finding->numbers[i].name, name) == 0) {
            return finding->numbers[i].value;
        }
    }
    cr_assert_fail("no number %s", name);
    return 0;
}

#endif
