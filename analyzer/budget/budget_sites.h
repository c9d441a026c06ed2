/*
 * budget_sites - the call sites of a recording as budgets see them: which of them a policy's globs
 * mean, and the key by which a baseline knows each. A key is made of names alone, so that it stays
 * when lines and addresses move: "libproto.so.1!append < read_field < read_message < main".
 * Owner: the caller; the profile is borrowed. Threads: one at a time.
 */
#ifndef ALLOCTRAP_BUDGET_BUDGET_SITES_H
#define ALLOCTRAP_BUDGET_BUDGET_SITES_H

#include "budget/policy.h"
#include "heap/id_map.h"
#include "heap/profile.h"
#include "insight/site_name.h"

enum { BUDGET_KEY_CALLERS = 3 };

struct budget_site {
    const char *key; /* equal keys, equal pointers (within one struct budget_sites) */
    uint32_t function;
    uint32_t module;
    uint32_t file;
    uint32_t label;
    uint32_t line;
    uint32_t frame_first; /* its stack's functions are frames.at[frame_first ...] */
    uint32_t frame_count;
    bool is_ignored;
    bool is_leak_ignored;
};

/* By profile site id; site 0 is the remainder, with a key of its own. */
struct budget_sites {
    const struct profile *profile;
    struct mem_strings *strings;
    MEM_ARRAY(struct budget_site) at;
    MEM_ARRAY(const char *) names; /* what the numbers in a budget_site stand for */
    MEM_ARRAY(uint32_t) frames;
    struct id_map name_ids;
};

/* Also marks what the policy ignores. */
void budget_sites_make(struct budget_sites *sites, const struct profile *profile,
                       const struct policy *policy, const struct site_wrappers *wrappers);
void budget_sites_finish(struct budget_sites *sites);

/* Which sites a match means, one bool each; free() it. All NULL means all. */
bool *budget_sites_match(const struct budget_sites *sites, const struct policy_match *match);

#endif
