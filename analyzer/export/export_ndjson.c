/*
 * export_ndjson - a JSON object a line for each call site, complete in itself: which run, where,
 * with which labels, the stack, all metrics, and the histograms as [value, count] pairs, which add
 * up over runs: percentiles of many machines come from added counts, never from percentiles.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/fnv.h"
#include "export/export.h"
#include "insight/frame_key.h"
#include "insight/latency.h"
#include "view/json.h"

/* For each frame the hash of what a rebuild keeps of it. */
static uint64_t *hash_frames(const struct export_stacks *stacks)
{
    uint64_t *hashes = mem_zero(stacks->frames.count, sizeof *hashes);
    char *program = frame_key_program(stacks->profile);
    for (size_t i = 0; i < stacks->frames.count; i++) {
        char *key = frame_key(&stacks->frames.at[i].at, program);
        hashes[i] = fnv_text(key);
        free(key);
    }
    free(program);
    return hashes;
}

static void write_site_key(struct json *json, const struct export_stack *stack,
                           const uint64_t *hashes)
{
    uint64_t hash = FNV_START;
    for (uint32_t i = 0; i < stack->count; i++) {
        hash = fnv_number(hash, hashes[stack->frames[i]]);
    }
    char *text = mem_format("%016" PRIx64, hash);
    json_text(json, "site", text);
    free(text);
}

static void write_run(struct json *json, const struct profile_run *run)
{
    json_text(json, "run_id", run->id);
    json_uint(json, "started_ns", run->start_realtime_ns);
    json_text(json, "service", run->service);
    json_text(json, "host", run->host);
    json_text(json, "build_id", run->build_id);
    json_labels(json, "labels", run->labels);
    json_uint(json, "duration_ns", run->duration_ns);
    json_uint(json, "merged_runs", run->merged_runs);
    json_uint(json, "units", run->units);
    json_text(json, "unit_name", run->unit_name);
}

static void write_stack(struct json *json, const struct export_job *job,
                        const struct export_stack *stack, struct site_stack *loaded)
{
    const struct profile *p = job->side.profile;
    const struct export_stacks *stacks = job->side.stacks;
    site_stack_load(loaded, p, p->sites.at[stack->site].path);
    /* Frames of a stack are those of the profile, behind one for what was cut. */
    size_t shown = loaded->count > 0 ? stack->count - 1 - site_stack_shown(loaded, NULL) : 0;
    const struct site_frame *frame = &stacks->frames.at[stack->frames[shown]].at;
    json_text(json, "function", frame->function);
    json_text(json, "file", frame->file);
    json_uint(json, "line", frame->line);
    json_text(json, "module", frame->module);
    json_array(json, "stack");
    for (uint32_t i = 0; i < stack->count; i++) {
        json_text(json, NULL, stacks->frames.at[stack->frames[i]].at.function);
    }
    json_end(json);
}

static void write_metrics(struct json *json, const struct export_stack *stack)
{
    for (size_t i = 0; i < EXPORT_METRICS; i++) {
        char *name = export_metric_column((enum export_metric)i);
        json_uint(json, name, stack->values[i]);
        free(name);
    }
}

static void write_buckets(struct json *json, const char *name, const struct hist *hist,
                          uint64_t clock_cost_ps)
{
    json_array(json, name);
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        json_array(json, NULL);
        json_uint(json, NULL, latency_net(loglin_value(hist->bins[i].code), 1, clock_cost_ps));
        json_uint(json, NULL, hist->bins[i].count);
        json_end(json);
    }
    json_end(json);
}

static void write_row(const struct export_job *job, const struct export_stack *stack,
                      const uint64_t *hashes, struct site_stack *loaded)
{
    const struct profile *p = job->side.profile;
    const struct profile_site *site = &p->sites.at[stack->site];
    struct json json = json_on_line(job->out);
    json_object(&json, NULL);
    write_run(&json, &p->run);
    write_site_key(&json, stack, hashes);
    write_stack(&json, job, stack, loaded);
    write_metrics(&json, stack);
    struct latency l = latency_of(&job->side.selection->site_totals[stack->site], &site->latency,
                                  p->run.clock_cost_ps);
    json_uint(&json, "p50_ns", l.p50_ns);
    json_uint(&json, "p99_ns", l.p99_ns);
    json_uint(&json, "max_ns", l.max_ns);
    write_buckets(&json, "latency_buckets", &site->latency, p->run.clock_cost_ps);
    write_buckets(&json, "size_buckets", &site->size, 0);
    write_buckets(&json, "lifetime_buckets", &site->life_ns, 0);
    json_end(&json);
}

enum err_code export_ndjson(const struct export_job *job, struct err *reterr)
{
    const struct export_stacks *stacks = job->side.stacks;
    uint64_t *hashes = hash_frames(stacks);
    struct site_stack loaded = {0};
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        write_row(job, &stacks->stacks.at[i], hashes, &loaded);
    }
    site_stack_finish(&loaded);
    free(hashes);
    (void)reterr;
    return ERR_NONE;
}
