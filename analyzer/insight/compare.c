#include "insight/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "insight/frame_key.h"
#include "insight/site_name.h"

/* Sites of one chain, both sides. */
struct match {
    UT_hash_handle hh;
    struct compare_counts side[2];
    char key[];
};

struct matcher;
typedef char *match_key(struct matcher *m, const char *program); /* of the stack that is loaded */

struct matcher {
    match_key *by;
    struct match *all;
    struct mem_strings *names;
    struct site_stack stack;
    MEM_ARRAY(const char *) chain;
};

/* The frame's key as a kept string: one pointer for one text. */
static const char *frame_name(struct matcher *m, const struct site_frame *frame,
                              const char *program)
{
    char *name = frame_key(frame, program);
    const char *kept = mem_strings_keep(m->names, name);
    free(name);
    return kept;
}

static bool is_in_chain(const struct matcher *m, const char *name)
{
    for (size_t i = 0; i < m->chain.count; i++) {
        if (m->chain.at[i] == name) {
            return true;
        }
    }
    return false;
}

/* The key of a site: its chain, one name a line. */
static char *chain_key(struct matcher *m, const char *program)
{
    m->chain.count = 0;
    for (size_t i = 0; i < m->stack.count; i++) {
        const char *name = frame_name(m, &m->stack.at[i], program);
        if (!is_in_chain(m, name)) {
            *MEM_PUSH(&m->chain) = name;
        }
    }
    char *key = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&key, &length);
    for (size_t i = 0; out != NULL && i < m->chain.count; i++) {
        fprintf(out, "%s\n", m->chain.at[i]);
    }
    if (out == NULL || fclose(out) != 0) {
        return mem_text("");
    }
    return key;
}

/* The key of the site's allocating function. */
static char *function_key(struct matcher *m, const char *program)
{
    if (m->stack.count == 0) {
        return mem_text("");
    }
    size_t shown = site_stack_shown(&m->stack, NULL);
    return mem_text(frame_name(m, &m->stack.at[shown], program));
}

static struct match *find_or_add(struct matcher *m, const char *key)
{
    struct match *match = NULL;
    size_t length = strlen(key);
    HASH_FIND(hh, m->all, key, length, match);
    if (match == NULL) {
        match = mem_zero(1, sizeof *match + length + 1);
        memcpy(match->key, key, length + 1);
        HASH_ADD_KEYPTR(hh, m->all, match->key, length, match);
    }
    return match;
}

static void add_counts(struct compare_counts *into, const struct profile_site *site, uint32_t id,
                       const struct profile *p, uint64_t net_ns)
{
    if (into->sites == 0 || site->allocs > p->sites.at[into->site].allocs) {
        into->site = id;
    }
    into->sites += 1;
    into->allocs += site->allocs;
    into->bytes += site->bytes;
    into->temporaries += site->temporaries;
    into->peak_bytes += site->peak_bytes;
    into->live_bytes += site->live_bytes;
    into->ns += net_ns;
}

/* Calls at each site, for the clock's cost. */
static uint64_t *calls_by_site(const struct profile *p)
{
    uint64_t *calls = mem_zero(p->sites.count, sizeof *calls);
    for (size_t i = 0; i < p->site_calls.count; i++) {
        calls[p->site_calls.at[i].site] += p->site_calls.at[i].counts.calls;
    }
    return calls;
}

static void match_side(struct matcher *m, const struct profile *p, int side)
{
    char *program = frame_key_program(p);
    uint64_t *calls = calls_by_site(p);
    for (uint32_t i = 0; i < p->sites.count; i++) {
        const struct profile_site *site = &p->sites.at[i];
        if (site->allocs == 0) {
            continue;
        }
        site_stack_load(&m->stack, p, site->path);
        char *key = m->by(m, program);
        struct match *match = find_or_add(m, key);
        free(key);
        add_counts(&match->side[side], site, i, p,
                   latency_net(site->ns, calls[i], p->run.clock_cost_ps));
    }
    free(calls);
    free(program);
}

static enum compare_change change_of(const struct compare_counts *before,
                                     const struct compare_counts *after)
{
    if (before->sites == 0 || after->sites == 0) {
        return before->sites == 0 ? COMPARE_APPEARED : COMPARE_VANISHED;
    }
    if (before->allocs != after->allocs) {
        return after->allocs > before->allocs ? COMPARE_GREW : COMPARE_SHRANK;
    }
    if (before->bytes != after->bytes) {
        return after->bytes > before->bytes ? COMPARE_GREW : COMPARE_SHRANK;
    }
    return COMPARE_SAME;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static int by_effect(const void *a, const void *b)
{
    const struct compare_site *x = a;
    const struct compare_site *y = b;
    uint64_t of_x = distance(x->before.allocs, x->after.allocs);
    uint64_t of_y = distance(y->before.allocs, y->after.allocs);
    if (of_x == of_y) {
        of_x = distance(x->before.bytes, x->after.bytes);
        of_y = distance(y->before.bytes, y->after.bytes);
    }
    if (of_x != of_y) {
        return of_x > of_y ? -1 : 1;
    }
    return x->change != y->change             ? (x->change < y->change ? -1 : 1)
           : x->before.site != y->before.site ? (x->before.site < y->before.site ? -1 : 1)
           : x->after.site < y->after.site    ? -1
                                              : 1;
}

static void collect(struct matcher *m, compare_sites *ret_sites)
{
    struct match *match;
    struct match *next;
    HASH_ITER (hh, m->all, match, next) {
        enum compare_change change = change_of(&match->side[0], &match->side[1]);
        *MEM_PUSH(ret_sites) = (struct compare_site){change, match->side[0], match->side[1]};
        HASH_DEL(m->all, match);
        free(match);
    }
    if (ret_sites->count > 1) {
        qsort(ret_sites->at, ret_sites->count, sizeof *ret_sites->at, by_effect);
    }
}

static void match_sites(match_key *by, const struct profile *before, const struct profile *after,
                        compare_sites *ret_sites)
{
    struct matcher m = {.by = by, .names = mem_strings_create()};
    match_side(&m, before, 0);
    match_side(&m, after, 1);
    collect(&m, ret_sites);
    mem_strings_destroy(m.names);
    site_stack_finish(&m.stack);
    free(m.chain.at);
}

static struct compare_side side_of(const struct profile *p, uint64_t units, const char *unit_name)
{
    struct compare_side side = {.profile = p, .units = units != 0 ? units : p->run.units};
    uint64_t calls = 0;
    for (size_t i = 0; i < CALL_COUNT; i++) {
        side.calls[i] = latency_of(&p->calls[i], &p->call_latency[i], p->run.clock_cost_ps);
        calls += p->calls[i].calls;
    }
    side.ns = latency_net(p->totals.ns, calls, p->run.clock_cost_ps);
    side.unit_name = unit_name != NULL ? unit_name : p->run.unit_name;
    if (side.unit_name == NULL) {
        side.unit_name = "";
    }
    return side;
}

struct comparison *compare_profiles(const struct profile *before, const struct profile *after,
                                    uint64_t units, const char *unit_name)
{
    struct comparison *c = mem_zero(1, sizeof *c);
    c->before = side_of(before, units, unit_name);
    c->after = side_of(after, units, unit_name);
    c->has_change = before->totals.allocs != after->totals.allocs ||
                    before->totals.bytes != after->totals.bytes;
    c->is_certain = before->run.is_complete && after->run.is_complete &&
                    before->lost[LOSS_NO_SESSION] == 0 && after->lost[LOSS_NO_SESSION] == 0;
    match_sites(chain_key, before, after, &c->sites);
    match_sites(function_key, before, after, &c->functions);
    for (size_t i = 0; i < c->sites.count; i++) {
        c->counts[c->sites.at[i].change] += 1;
    }
    return c;
}

void compare_destroy(struct comparison *comparison)
{
    if (comparison != NULL) {
        free(comparison->functions.at);
        free(comparison->sites.at);
        free(comparison);
    }
}
