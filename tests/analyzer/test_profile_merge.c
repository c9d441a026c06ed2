#include "heap/profile.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t roll(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

static uint32_t random_site(struct profile *p, uint64_t *r)
{
    static const char *const modules[] = {"/bin/a", "/lib/b.so", ""};
    uint32_t path = 0;
    uint64_t depth = roll(r, 4);
    for (uint64_t i = 0; i < depth; i++) {
        uint8_t build = (uint8_t)roll(r, 2);
        uint32_t module = profile_module(p, modules[roll(r, 3)], &build, 1);
        path = profile_path(p, path, profile_frame(p, module, roll(r, 3), 0), false);
    }
    return profile_site(p, path);
}

static void random_hist(struct hist *hist, uint64_t *r)
{
    for (uint64_t i = roll(r, 4); i > 0; i--) {
        hist_add(hist, (uint16_t)roll(r, 300), 1 + roll(r, 50));
    }
}

static void fill_site(struct profile *p, uint64_t *r)
{
    uint32_t id = random_site(p, r);
    struct profile_site *site = &p->sites.at[id];
    site->freed = roll(r, 100);
    site->temporaries = roll(r, 100);
    site->live_bytes = roll(r, 100);
    site->max_bytes = roll(r, 1000);
    site->peak_bytes = roll(r, 3);
    site->peak_blocks = 1 + roll(r, 3);
    site->growth.chains += 1;
    site->growth.steps_max = roll(r, 9);
    random_hist(&site->size, r);
    random_hist(&site->life_ns, r);
    random_hist(&site->growth.last_size, r);
}

static void fill_call_and_pair(struct profile *p, uint64_t *r)
{
    uint32_t site = random_site(p, r);
    struct profile_site_call *call = profile_site_call(p, site, (uint8_t)roll(r, CALL_COUNT));
    call->counts.calls += roll(r, 100);
    call->counts.allocs += roll(r, 100);
    call->counts.ns_max = roll(r, 1000);
    random_hist(&call->latency, r);
    uint32_t free_site = random_site(p, r);
    profile_pair(p, site, free_site)->count += 1 + roll(r, 9);
}

static void fill_timeline(struct profile *p, uint64_t *r)
{
    p->bin_ns = UINT64_C(1000000) << roll(r, 4);
    for (uint64_t i = roll(r, 40); i > 0; i--) {
        struct profile_bin *bin = MEM_PUSH(&p->bins);
        bin->allocs = roll(r, 10);
        bin->live_bytes = roll(r, 4);
        bin->live_blocks = roll(r, 4);
        bin->rss_bytes = roll(r, 100);
    }
}

static void fill_run(struct profile *p, uint64_t *r, uint64_t seed)
{
    char id[32];
    snprintf(id, sizeof id, "run%" PRIu64, seed);
    p->run.id = mem_strings_keep(p->strings, id);
    p->run.command = p->run.id;
    p->run.unit_name = roll(r, 3) == 0 ? "line" : "";
    p->run.units = roll(r, 100);
    p->run.start_realtime_ns = roll(r, 3);
    p->run.duration_ns = roll(r, 1000);
    p->run.exit_kind = (enum profile_exit)roll(r, 4);
    p->run.exit_code = (int32_t)roll(r, 3);
    p->run.is_complete = roll(r, 2) == 0;
    p->totals.allocs = roll(r, 1000);
    p->totals.peak_bytes = 1 + roll(r, 2); /* ties are the hard case */
    p->totals.peak_blocks = roll(r, 2);
    p->totals.peak_at_ns = roll(r, 2);
    p->lost[LOSS_RING_FULL] = roll(r, 5);
    MEM_PUSH(&p->processes)->command = p->run.id;
}

static struct profile *generate(uint64_t seed)
{
    uint64_t r = seed * 977 + 5;
    struct profile *p = profile_create();
    for (uint64_t i = 2 + roll(&r, 20); i > 0; i--) {
        fill_site(p, &r);
        fill_call_and_pair(p, &r);
    }
    for (uint64_t i = roll(&r, PROFILE_SLOW_CALLS); i > 0; i--) {
        uint32_t site = random_site(p, &r);
        *MEM_PUSH(&p->slow_calls) = (struct profile_slow_call){
            .ns = roll(&r, 1000), .at_ns = roll(&r, 1000000000), .size = i, .site = site};
        *MEM_PUSH(&p->slow_causes) = (struct profile_slow_cause){
            site, (uint8_t)(1 + roll(&r, PROFILE_CAUSES - 1)), i, roll(&r, 9), i, 1, 2, 3};
    }
    fill_timeline(p, &r);
    fill_run(p, &r, seed);
    for (size_t i = 0; i < p->processes.count; i++) {
        p->processes.at[i].allocator = "";
    }
    profile_seal(p);
    return p;
}

/* Lines that name things by what they are, sorted: equal for equal profiles, whatever their ids. */
struct lines {
    MEM_ARRAY(char *) at;
};

static char *path_name(const struct profile *p, uint32_t path)
{
    char *name = mem_text("");
    for (; path != 0; path = p->paths.at[path].parent) {
        const struct profile_frame *f = &p->frames.at[p->paths.at[path].frame];
        const struct profile_module *m = &p->modules.at[f->module];
        unsigned build = m->build_id_len != 0 ? m->build_id[0] : 99U;
        char *longer = mem_format("%s/%s.%u+%" PRIu64, name, m->path, build, f->offset);
        free(name);
        name = longer;
    }
    return name;
}

static char *hist_name(const struct hist *hist)
{
    char *name = mem_format("n%" PRIu64, hist->count);
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        char *longer = mem_format("%s,%u:%" PRIu64, name, hist->bins[i].code, hist->bins[i].count);
        free(name);
        name = longer;
    }
    return name;
}

static void render_sites(struct lines *lines, const struct profile *p)
{
    for (size_t i = 0; i < p->sites.count; i++) {
        const struct profile_site *s = &p->sites.at[i];
        char *path = path_name(p, s->path);
        char *size = hist_name(&s->size);
        char *life = hist_name(&s->life_ns);
        char *last = hist_name(&s->growth.last_size);
        char *latency = hist_name(&s->latency);
        *MEM_PUSH(&lines->at) = mem_format(
            "site %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
            " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s %s %s",
            path, s->allocs, s->freed, s->temporaries, s->live_bytes, s->max_bytes, s->peak_bytes,
            s->peak_blocks, s->growth.chains, s->growth.steps_max, size, life, last, latency);
        free(path);
        free(size);
        free(life);
        free(last);
        free(latency);
    }
}

static void render_calls_and_pairs(struct lines *lines, const struct profile *p)
{
    for (size_t i = 0; i < p->site_calls.count; i++) {
        const struct profile_site_call *c = &p->site_calls.at[i];
        char *path = path_name(p, p->sites.at[c->site].path);
        char *latency = hist_name(&c->latency);
        *MEM_PUSH(&lines->at) =
            mem_format("call %s %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %s", path, c->call,
                       c->counts.calls, c->counts.allocs, c->counts.ns_max, latency);
        free(path);
        free(latency);
    }
    for (size_t i = 0; i < p->pairs.count; i++) {
        char *from = path_name(p, p->sites.at[p->pairs.at[i].alloc_site].path);
        char *to = path_name(p, p->sites.at[p->pairs.at[i].free_site].path);
        *MEM_PUSH(&lines->at) =
            mem_format("pair %s -> %s %" PRIu64, from, to, p->pairs.at[i].count);
        free(from);
        free(to);
    }
}

static void render_rest(struct lines *lines, const struct profile *p)
{
    for (size_t i = 0; i < p->bins.count; i++) {
        const struct profile_bin *b = &p->bins.at[i];
        *MEM_PUSH(&lines->at) =
            mem_format("bin %zu of %" PRIu64 ": %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, i,
                       p->bin_ns, b->allocs, b->live_bytes, b->live_blocks, b->rss_bytes);
    }
    for (size_t i = 0; i < p->slow_calls.count; i++) {
        const struct profile_slow_call *c = &p->slow_calls.at[i];
        char *path = path_name(p, p->sites.at[c->site].path);
        *MEM_PUSH(&lines->at) =
            mem_format("slow %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s", c->ns, c->at_ns, c->size,
                       path, p->processes.at[c->process].command);
        free(path);
    }
    for (size_t i = 0; i < p->slow_causes.count; i++) {
        const struct profile_slow_cause *c = &p->slow_causes.at[i];
        char *path = path_name(p, p->sites.at[c->site].path);
        *MEM_PUSH(&lines->at) = mem_format("cause %u of %s: %" PRIu64 " %" PRIu64 " %" PRIu64
                                           " %" PRIu64 " %" PRIu64 " %" PRIu64,
                                           c->cause, path, c->calls, c->ns, c->minor_faults,
                                           c->major_faults, c->voluntary, c->involuntary);
        free(path);
    }
    for (size_t i = 0; i < p->processes.count; i++) {
        *MEM_PUSH(&lines->at) = mem_format("process %s", p->processes.at[i].command);
    }
    *MEM_PUSH(&lines->at) =
        mem_format("run %s %s %s %" PRIu64 " %" PRIu64 " %d %d %d %u; %" PRIu64 " %" PRIu64
                   " %" PRIu64 " %" PRIu64 " %" PRIu64,
                   p->run.id, p->run.command, p->run.unit_name, p->run.units, p->run.duration_ns,
                   p->run.exit_kind, p->run.exit_code, p->run.is_complete, p->run.merged_runs,
                   p->totals.allocs, p->totals.peak_bytes, p->totals.peak_blocks,
                   p->totals.peak_at_ns, profile_lost(p));
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static char *render(const struct profile *p)
{
    struct lines lines = {0};
    render_sites(&lines, p);
    render_calls_and_pairs(&lines, p);
    render_rest(&lines, p);
    qsort(lines.at.at, lines.at.count, sizeof(char *), by_text);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (size_t i = 0; i < lines.at.count; i++) {
        fprintf(out, "%s\n", lines.at.at[i]);
        free(lines.at.at[i]);
    }
    fclose(out);
    free(lines.at.at);
    return text;
}

static struct profile *merged(struct profile *into, struct profile *from)
{
    profile_merge(into, from);
    profile_destroy(from);
    return into;
}

static void check_same(struct profile *a, struct profile *b, const char *what, uint64_t seed)
{
    char *left = render(a);
    char *right = render(b);
    size_t same = 0; /* up to the start of the first line that differs */
    for (size_t at = 0; left[at] != '\0' && left[at] == right[at]; at++) {
        same = left[at] == '\n' ? at + 1 : same;
    }
    cr_assert_eq(strcmp(left, right), 0, "%s, seed %" PRIu64 ": %.300s | %.300s", what, seed,
                 left + same, right + same);
    free(left);
    free(right);
    profile_destroy(a);
    profile_destroy(b);
}

enum { SEEDS = 300 };

Test(profile_merge, the_order_of_two_does_not_matter)
{
    for (uint64_t s = 1; s <= SEEDS; s++) {
        check_same(merged(generate(s), generate(s + 1000)), merged(generate(s + 1000), generate(s)),
                   "commutative", s);
    }
}

Test(profile_merge, the_grouping_of_three_does_not_matter)
{
    for (uint64_t s = 1; s <= SEEDS; s++) {
        check_same(merged(merged(generate(s), generate(s + 1000)), generate(s + 2000)),
                   merged(generate(s), merged(generate(s + 1000), generate(s + 2000))),
                   "associative", s);
    }
}

Test(profile_merge, nothing_added_changes_nothing)
{
    for (uint64_t s = 1; s <= 20; s++) {
        check_same(merged(generate(s), profile_create()), generate(s), "from nothing", s);
        check_same(merged(profile_create(), generate(s)), generate(s), "into nothing", s);
    }
    check_same(merged(profile_create(), profile_create()), profile_create(), "of nothing", 0);
}

Test(profile_merge, the_higher_peak_brings_its_shares)
{
    struct profile *low = generate(1);
    struct profile *high = generate(2);
    low->totals.peak_bytes = 10;
    high->totals.peak_bytes = 11;
    uint64_t shares = 0;
    for (size_t i = 0; i < high->sites.count; i++) {
        shares += high->sites.at[i].peak_bytes;
    }
    cr_assert_neq(shares, 0);
    profile_merge(low, high);
    for (size_t i = 0; i < low->sites.count; i++) {
        shares -= low->sites.at[i].peak_bytes;
    }
    cr_assert_eq(low->totals.peak_bytes, 11);
    cr_assert_eq(shares, 0);
    profile_destroy(low);
    profile_destroy(high);
}

Test(profile_merge, symbols_come_along)
{
    struct profile *named = profile_create();
    uint32_t frame = profile_frame(named, profile_module(named, "/bin/a", NULL, 0), 64, 0);
    struct profile_symbol *symbol = MEM_PUSH(&named->symbols);
    *symbol = (struct profile_symbol){
        .function = "parse_line", .raw_name = "", .file = "parse.c", .line = 12};
    named->frames.at[frame].symbol_count = 1;
    struct profile *into = generate(3);
    profile_merge(into, named);
    profile_destroy(named);
    frame = profile_frame(into, profile_module(into, "/bin/a", NULL, 0), 64, 0);
    cr_assert_eq(into->frames.at[frame].symbol_count, 1);
    symbol = &into->symbols.at[into->frames.at[frame].symbol_first];
    cr_assert_str_eq(symbol->function, "parse_line");
    cr_assert_eq(symbol->line, 12);
    profile_destroy(into);
}

Test(profile_merge, units_of_different_kinds_are_unknown)
{
    struct profile *a = generate(4);
    struct profile *b = generate(5);
    a->run.unit_name = "line";
    a->run.units = 10;
    b->run.unit_name = "line";
    b->run.units = 5;
    profile_merge(a, b);
    cr_assert_eq(a->run.units, 15);
    b->run.unit_name = "request";
    profile_merge(a, b);
    cr_assert_eq(a->run.units, 0);
    cr_assert_str_eq(a->run.unit_name, PROFILE_UNITS_MIXED);
    profile_destroy(a);
    profile_destroy(b);
}
