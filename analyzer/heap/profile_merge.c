#include "heap/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/labels.h"
#include "heap/heap_growth.h"
#include "heap/heap_timeline.h"
#include "heap/profile_spans.h"

/* Ids of `from` -> ids of `into`. */
struct merge {
    struct profile *into;
    const struct profile *from;
    uint32_t *modules;
    uint32_t *frames;
    uint32_t *paths;
    uint32_t *sites;
};

/* Run ids tell a profile that holds a run from an empty one, which changes nothing. */
static bool has_run(const struct profile *p)
{
    return p->run.id[0] != '\0';
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t hash_frame(const struct profile *p, const struct profile_frame *frame)
{
    const struct profile_module *module = &p->modules.at[frame->module];
    uint64_t hash = mix(mix(0, frame->offset), frame->flags);
    for (uint8_t i = 0; i < module->build_id_len; i++) {
        hash = mix(hash, module->build_id[i]);
    }
    for (const char *c = module->path; *c != '\0'; c++) {
        hash = mix(hash, (uint8_t)*c);
    }
    return hash;
}

/* A number that stands for the sites' shares of the peak, whatever their ids. */
static uint64_t hash_shares(const struct profile *p)
{
    uint64_t *paths = mem_zero(p->paths.count, sizeof *paths);
    uint64_t shares = 0;
    for (size_t i = 1; i < p->paths.count; i++) {
        const struct profile_path *path = &p->paths.at[i];
        uint64_t frame = hash_frame(p, &p->frames.at[path->frame]);
        paths[i] = mix(mix(mix(1, paths[path->parent]), frame), path->is_cut);
    }
    for (size_t i = 0; i < p->sites.count; i++) {
        const struct profile_site *site = &p->sites.at[i];
        if (site->peak_blocks != 0) {
            shares += mix(mix(mix(2, paths[site->path]), site->peak_bytes), site->peak_blocks);
        }
    }
    free(paths);
    return shares;
}

/* Decided by what the peaks are, never by which side they stand on: that keeps merging
 * associative. Of equal peaks the one with more blocks, then the earlier one. */
static bool is_peak_of_from(const struct profile *into, const struct profile *from)
{
    const struct profile_totals *a = &into->totals;
    const struct profile_totals *b = &from->totals;
    if (a->peak_bytes != b->peak_bytes) {
        return b->peak_bytes > a->peak_bytes;
    }
    if (a->peak_blocks != b->peak_blocks) {
        return b->peak_blocks > a->peak_blocks;
    }
    if (a->peak_at_ns != b->peak_at_ns) {
        return b->peak_at_ns < a->peak_at_ns;
    }
    return hash_shares(from) > hash_shares(into);
}

static void take_peak(struct profile *into, const struct profile *from)
{
    into->totals.peak_bytes = from->totals.peak_bytes;
    into->totals.peak_blocks = from->totals.peak_blocks;
    into->totals.peak_at_ns = from->totals.peak_at_ns;
    for (size_t i = 0; i < into->sites.count; i++) {
        into->sites.at[i].peak_bytes = 0;
        into->sites.at[i].peak_blocks = 0;
    }
}

static void map_modules(struct merge *m)
{
    for (size_t i = 1; i < m->from->modules.count; i++) {
        const struct profile_module *module = &m->from->modules.at[i];
        m->modules[i] =
            profile_module(m->into, module->path, module->build_id, module->build_id_len);
    }
}

static void copy_symbols(struct merge *m, const struct profile_frame *from, uint32_t into)
{
    struct profile *p = m->into;
    if (p->frames.at[into].symbol_count != 0 || from->symbol_count == 0) {
        return;
    }
    p->frames.at[into].symbol_first = (uint32_t)p->symbols.count;
    p->frames.at[into].symbol_count = from->symbol_count;
    for (uint32_t i = 0; i < from->symbol_count; i++) {
        struct profile_symbol symbol = m->from->symbols.at[from->symbol_first + i];
        symbol.function = mem_strings_keep(p->strings, symbol.function);
        symbol.raw_name = mem_strings_keep(p->strings, symbol.raw_name);
        symbol.file = mem_strings_keep(p->strings, symbol.file);
        *MEM_PUSH(&p->symbols) = symbol;
    }
}

static void map_frames(struct merge *m)
{
    for (size_t i = 1; i < m->from->frames.count; i++) {
        const struct profile_frame *frame = &m->from->frames.at[i];
        m->frames[i] =
            profile_frame(m->into, m->modules[frame->module], frame->offset, frame->flags);
        copy_symbols(m, frame, m->frames[i]);
    }
}

static void map_paths_and_sites(struct merge *m)
{
    for (size_t i = 1; i < m->from->paths.count; i++) {
        const struct profile_path *path = &m->from->paths.at[i];
        m->paths[i] =
            profile_path(m->into, m->paths[path->parent], m->frames[path->frame], path->is_cut);
    }
    for (size_t i = 1; i < m->from->sites.count; i++) {
        m->sites[i] = profile_site(m->into, m->paths[m->from->sites.at[i].path]);
    }
}

/* What profile_seal() does not sum up from site_calls. */
static void add_site(struct profile_site *into, const struct profile_site *from, bool has_peak)
{
    into->freed += from->freed;
    into->temporaries += from->temporaries;
    into->live_bytes += from->live_bytes;
    into->live_blocks += from->live_blocks;
    into->max_bytes = larger(into->max_bytes, from->max_bytes);
    into->max_blocks = larger(into->max_blocks, from->max_blocks);
    into->held_byte_us = from->held_byte_us > UINT64_MAX - into->held_byte_us
                             ? UINT64_MAX
                             : into->held_byte_us + from->held_byte_us;
    into->burst_frees += from->burst_frees;
    into->bursts += from->bursts;
    into->replaced += from->replaced;
    for (unsigned i = 0; i < PROFILE_QUARTERS; i++) {
        into->live_in_quarter[i] += from->live_in_quarter[i];
    }
    hist_merge(&into->size, &from->size);
    hist_merge(&into->life_ns, &from->life_ns);
    hist_merge(&into->life_allocs, &from->life_allocs);
    heap_growth_add(&into->growth, &from->growth);
    if (has_peak) {
        into->peak_bytes += from->peak_bytes;
        into->peak_blocks += from->peak_blocks;
    }
}

static void add_site_calls(struct merge *m)
{
    for (size_t i = 0; i < m->from->site_calls.count; i++) {
        const struct profile_site_call *from = &m->from->site_calls.at[i];
        struct profile_site_call *into =
            profile_site_call(m->into, m->sites[from->site], from->call);
        profile_calls_add(&into->counts, &from->counts);
        hist_merge(&into->latency, &from->latency);
    }
}

static void add_pairs(struct merge *m)
{
    for (size_t i = 0; i < m->from->pairs.count; i++) {
        const struct profile_pair *from = &m->from->pairs.at[i];
        struct profile_pair *into =
            profile_pair_any(m->into, m->sites[from->alloc_site], m->sites[from->free_site]);
        into->count += from->count;
        into->bytes += from->bytes;
        into->same_thread += from->same_thread;
        into->same_frame += from->same_frame;
    }
}

/* Makes bins wider, in place: the first of each group takes the others in. */
static void widen_bins(struct profile *p, uint64_t bin_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < p->bins.count; i++) {
        size_t at = (size_t)(i * p->bin_ns / bin_ns);
        struct profile_bin bin = p->bins.at[i];
        if (at == count) {
            p->bins.at[count++] = bin;
        } else {
            heap_timeline_add_bin(&p->bins.at[at], &bin);
        }
    }
    p->bins.count = count;
    p->bin_ns = bin_ns;
}

static void add_timeline(struct profile *into, const struct profile *from)
{
    if (from->bins.count == 0 || from->bin_ns == 0) {
        return;
    }
    if (into->bins.count == 0) {
        into->bin_ns = from->bin_ns; /* without bins there is no width to keep */
    }
    if (into->bin_ns < from->bin_ns) {
        widen_bins(into, from->bin_ns);
    }
    for (size_t i = 0; i < from->bins.count; i++) {
        size_t at = (size_t)(i * from->bin_ns / into->bin_ns);
        while (into->bins.count <= at) {
            (void)MEM_PUSH(&into->bins);
        }
        heap_timeline_add_bin(&into->bins.at[at], &from->bins.at[i]);
    }
}

static void add_slow_calls(struct merge *m, uint32_t process_first)
{
    for (size_t i = 0; i < m->from->slow_calls.count; i++) {
        struct profile_slow_call call = m->from->slow_calls.at[i];
        call.site = m->sites[call.site];
        call.process += process_first;
        *MEM_PUSH(&m->into->slow_calls) = call;
    }
    for (size_t i = 0; i < m->from->slow_causes.count; i++) {
        struct profile_slow_cause cause = m->from->slow_causes.at[i];
        cause.site = m->sites[cause.site];
        *MEM_PUSH(&m->into->slow_causes) = cause; /* profile_seal() joins them */
    }
}

static void add_processes(struct profile *into, const struct profile *from)
{
    for (size_t i = 0; i < from->processes.count; i++) {
        struct profile_process process = from->processes.at[i];
        process.command = mem_strings_keep(into->strings, process.command);
        process.allocator = mem_strings_keep(into->strings, process.allocator);
        *MEM_PUSH(&into->processes) = process;
    }
}

static void add_totals(struct profile_totals *into, const struct profile_totals *from)
{
    into->allocs += from->allocs;
    into->frees += from->frees;
    into->bytes += from->bytes;
    into->failed += from->failed;
    into->ns += from->ns;
    into->temporaries += from->temporaries;
    into->live_bytes += from->live_bytes;
    into->live_blocks += from->live_blocks;
    into->unknown_frees += from->unknown_frees;
}

static void add_counts(struct profile *into, const struct profile *from)
{
    add_totals(&into->totals, &from->totals);
    for (size_t i = 0; i < CALL_COUNT; i++) {
        profile_calls_add(&into->calls[i], &from->calls[i]);
        hist_merge(&into->call_latency[i], &from->call_latency[i]);
    }
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        into->lost[i] += from->lost[i];
    }
    into->events_seen += from->events_seen;
    into->late_events += from->late_events;
}

/* The run that began first names the merged one; of the same moment, the lower id. */
static bool is_named_by_from(const struct profile_run *into, const struct profile_run *from)
{
    if (into->start_realtime_ns != from->start_realtime_ns) {
        return from->start_realtime_ns < into->start_realtime_ns;
    }
    return strcmp(from->id, into->id) < 0;
}

static void keep_names(struct profile *into, struct profile_run *run)
{
    run->id = mem_strings_keep(into->strings, run->id);
    run->command = mem_strings_keep(into->strings, run->command);
    run->host = mem_strings_keep(into->strings, run->host);
    run->service = mem_strings_keep(into->strings, run->service);
    run->build_id = mem_strings_keep(into->strings, run->build_id);
    run->labels = mem_strings_keep(into->strings, run->labels);
    run->tool_version = mem_strings_keep(into->strings, run->tool_version);
    run->settings = mem_strings_keep(into->strings, run->settings);
    run->unit_name = mem_strings_keep(into->strings, run->unit_name);
}

/* How badly a run ended, as one number: a merged run ended as its worst one. */
static uint64_t badness(const struct profile_run *run)
{
    static const uint8_t kinds[] = {
        [PROFILE_EXITED] = 0, [PROFILE_RUNNING] = 1, [PROFILE_LOST] = 2, [PROFILE_SIGNALED] = 3};
    return (uint64_t)kinds[run->exit_kind] << 32 | (uint32_t)run->exit_code;
}

static const char *same_or_mixed(const char *a, const char *b)
{
    return strcmp(a, b) == 0 ? a : PROFILE_RUNS_MIXED;
}

static void add_run(struct profile *into, const struct profile *from)
{
    struct profile_run a = into->run;
    struct profile_run b = from->run;
    struct profile_run sum = is_named_by_from(&a, &b) ? b : a;
    bool has_one_unit = strcmp(a.unit_name, b.unit_name) == 0;
    sum.unit_name = has_one_unit ? a.unit_name : PROFILE_UNITS_MIXED;
    sum.units = has_one_unit ? a.units + b.units : 0;
    sum.service = same_or_mixed(a.service, b.service);
    sum.build_id = same_or_mixed(a.build_id, b.build_id);
    char *labels = labels_common(a.labels, b.labels);
    sum.labels = labels;
    sum.duration_ns = larger(a.duration_ns, b.duration_ns);
    sum.clock_cost_ps = larger(a.clock_cost_ps, b.clock_cost_ps);
    const struct profile_run *worse = badness(&b) > badness(&a) ? &b : &a;
    sum.exit_kind = worse->exit_kind;
    sum.exit_code = worse->exit_code;
    sum.is_complete = a.is_complete && b.is_complete;
    sum.counters_only = a.counters_only || b.counters_only;
    sum.merged_runs = a.merged_runs + b.merged_runs;
    keep_names(into, &sum);
    free(labels);
    into->run = sum;
}

static void merge_run(struct profile *into, const struct profile *from)
{
    if (has_run(into) && has_run(from)) {
        add_run(into, from);
    } else if (has_run(from)) {
        into->run = from->run;
        keep_names(into, &into->run);
    }
}

static void merge_tables(struct merge *m)
{
    map_modules(m);
    map_frames(m);
    map_paths_and_sites(m);
    bool has_peak = is_peak_of_from(m->into, m->from);
    if (has_peak) {
        take_peak(m->into, m->from);
    }
    for (size_t i = 0; i < m->from->sites.count; i++) {
        add_site(&m->into->sites.at[m->sites[i]], &m->from->sites.at[i], has_peak);
    }
    add_site_calls(m);
    add_pairs(m);
    add_slow_calls(m, (uint32_t)m->into->processes.count);
    profile_spans_merge(m->into, m->from, m->sites);
}

void profile_merge(struct profile *into, const struct profile *from)
{
    struct merge m = {
        .into = into,
        .from = from,
        .modules = mem_zero(from->modules.count, sizeof(uint32_t)),
        .frames = mem_zero(from->frames.count, sizeof(uint32_t)),
        .paths = mem_zero(from->paths.count, sizeof(uint32_t)),
        .sites = mem_zero(from->sites.count, sizeof(uint32_t)),
    };
    merge_tables(&m);
    free(m.modules);
    free(m.frames);
    free(m.paths);
    free(m.sites);
    add_timeline(into, from);
    add_processes(into, from);
    add_counts(into, from);
    merge_run(into, from);
    profile_seal(into);
    if (into->slow_calls.count > PROFILE_SLOW_CALLS) {
        into->slow_calls.count = PROFILE_SLOW_CALLS;
    }
}
