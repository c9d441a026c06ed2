/*
 * baseline - `alloctrap-baseline.json`: what budgets and call sites measured when somebody last
 * said that this is right. Machine-written; sorted, one budget or site a line, names but no
 * addresses, lines or times, so that its difference reads well in a review.
 * A file holds a baseline for each variant (platform): writing one keeps the others.
 * Owner: baseline_destroy() frees all. Hostile until loaded: sizes and kinds are checked.
 */
#ifndef ALLOCTRAP_BUDGET_BASELINE_H
#define ALLOCTRAP_BUDGET_BASELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <uthash.h>

#include "base/err.h"
#include "base/mem.h"
#include "budget/budget_metric.h"
#include "budget/policy.h"

#define BASELINE_FORMAT "alloctrap-baseline/1"
#define BASELINE_VARIANT "default"

enum { BASELINE_BYTES_MAX = 256 << 20, BASELINE_VARIANTS_MAX = 256 };

/* A budget's or a site's numbers. */
struct baseline_entry {
    UT_hash_handle hh;
    const char *name; /* a budget's name, baseline_part_name(), or a site's key */
    bool has[METRIC_COUNT];
    uint64_t of[METRIC_COUNT];
    uint64_t units; /* of a budget with `per`, also over each site; 0 = none */
};

struct baseline_variant {
    const char *name;
    const char *tool; /* version of alloctrap that wrote it */
    const char *machine;
    const char *libc;
    const char *allocator;
    struct baseline_entry *budgets; /* uthash tables by name */
    struct baseline_entry *sites;
};

struct baseline {
    struct mem_strings *strings;
    MEM_ARRAY(struct baseline_variant) variants;
};

struct baseline *baseline_create(void);
void baseline_destroy(struct baseline *baseline);

/* ERR_MISSING when there is no such file. */
ERR_CHECKED enum err_code baseline_load(const char *path, struct baseline **ret,
                                        struct err *reterr);

/* NULL when there is none. */
const struct baseline_variant *baseline_find(const struct baseline *baseline, const char *variant);
const struct baseline_entry *baseline_entry(const struct baseline_entry *table, const char *name);

/* What the numbers of one site are kept by, among the budgets, where a budget over each site looks
 * at a part of what they do; free() it. */
char *baseline_part_name(const struct policy_budget *budget, const char *site);

size_t baseline_site_count(const struct baseline_variant *variant);

/* An empty variant in place of the one of that name. The pointer dies at the next call. */
struct baseline_variant *baseline_renew(struct baseline *baseline, const char *variant);

/* Find-or-add. */
struct baseline_entry *baseline_add(struct baseline *baseline, struct baseline_entry **table,
                                    const char *name);

/* The file's text; free() it. Equal baselines, equal texts. */
char *baseline_text(const struct baseline *baseline);

/* Writes the text beside path and renames it there. */
ERR_CHECKED enum err_code baseline_write(const char *path, const char *text, struct err *reterr);

#endif
