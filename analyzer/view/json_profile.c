#include "view/json_profile.h"

#include <stdlib.h>

static void write_loss(struct json *json, const struct profile *p)
{
    static const char *const names[] = {
#define LOSS_ROW(id, name, text) name,
        SESSION_LOSS_TABLE(LOSS_ROW)
#undef LOSS_ROW
    };
    json_object(json, "loss");
    json_uint(json, "events", profile_lost(p));
    json_object(json, "causes");
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        if (p->lost[i] != 0) {
            json_uint(json, names[i], p->lost[i]);
        }
    }
    json_end(json);
    json_end(json);
}

void json_exit(struct json *json, const char *name, enum profile_exit kind, int32_t code)
{
    static const char *const kinds[] = {[PROFILE_EXITED] = "exited",
                                        [PROFILE_SIGNALED] = "signaled",
                                        [PROFILE_RUNNING] = "running",
                                        [PROFILE_LOST] = "lost"};
    json_object(json, name);
    json_text(json, "kind", (unsigned)kind <= PROFILE_LOST ? kinds[kind] : "lost");
    json_int(json, "code", code);
    json_end(json);
}

static void write_units(struct json *json, const struct profile_run *run)
{
    if (run->units == 0) {
        return;
    }
    json_object(json, "units");
    json_uint(json, "count", run->units);
    json_text(json, "name", run->unit_name);
    json_end(json);
}

void json_run(struct json *json, const struct profile *profile)
{
    const struct profile_run *run = &profile->run;
    json_command(json, "command", run->command);
    json_exit(json, "exit", run->exit_kind, run->exit_code);
    json_uint(json, "duration_ns", run->duration_ns);
    write_loss(json, profile);
    json_bool(json, "complete", run->is_complete);
    json_bool(json, "counters_only", run->counters_only);
    json_text(json, "run_id", run->id);
    json_text(json, "host", run->host);
    json_text(json, "service", run->service);
    json_text(json, "build_id", run->build_id);
    json_labels(json, "labels", run->labels);
    json_text(json, "tool_version", run->tool_version);
    json_text(json, "settings", run->settings);
    json_uint(json, "merged_runs", run->merged_runs);
    json_uint(json, "start_realtime_ns", run->start_realtime_ns);
    json_uint(json, "clock_cost_ps", run->clock_cost_ps);
    json_uint(json, "events_seen", profile->events_seen);
    write_units(json, run);
}

void json_totals(struct json *json, const char *name, const struct profile_totals *totals,
                 uint64_t ns)
{
    json_object(json, name);
    json_uint(json, "allocations", totals->allocs);
    json_uint(json, "frees", totals->frees);
    json_uint(json, "allocated_bytes", totals->bytes);
    json_uint(json, "peak_bytes", totals->peak_bytes);
    json_uint(json, "peak_blocks", totals->peak_blocks);
    json_uint(json, "peak_at_ns", totals->peak_at_ns);
    json_uint(json, "live_at_end_bytes", totals->live_bytes);
    json_uint(json, "live_at_end_blocks", totals->live_blocks);
    json_uint(json, "temporary_allocations", totals->temporaries);
    json_uint(json, "failed_calls", totals->failed);
    json_uint(json, "unknown_frees", totals->unknown_frees);
    json_uint(json, "allocator_time_ns", ns);
    json_end(json);
}

void json_latency(struct json *json, const char *name, const struct latency *latency)
{
    json_object(json, name);
    json_uint(json, "count", latency->count);
    json_uint(json, "total_ns", latency->total_ns);
    json_uint(json, "p50_ns", latency->p50_ns);
    json_uint(json, "p90_ns", latency->p90_ns);
    json_uint(json, "p99_ns", latency->p99_ns);
    json_uint(json, "p999_ns", latency->p999_ns);
    json_uint(json, "max_ns", latency->max_ns);
    json_end(json);
}

void json_frame(struct json *json, const struct site_frame *frame)
{
    char *function = site_function(frame);
    json_text(json, "function", function);
    json_text(json, "file", frame->file);
    json_uint(json, "line", frame->line);
    json_text(json, "module", frame->module);
    free(function);
}

void json_stack(struct json *json, const struct site_stack *stack)
{
    json_array(json, "stack");
    for (size_t i = 0; i < stack->count; i++) {
        json_object(json, NULL);
        json_frame(json, &stack->at[i]);
        json_bool(json, "inlined", stack->at[i].is_inlined);
        json_end(json);
    }
    json_end(json);
    json_bool(json, "stack_is_cut", stack->is_cut);
}
