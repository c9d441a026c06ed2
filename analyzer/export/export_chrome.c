/*
 * export_chrome - Chrome's trace events as JSON: live memory, resident memory and rate as counters
 * over time, and the slowest calls on the threads that made them.
 */
#include <stdlib.h>

#include "export/export.h"
#include "heap/slow_cause.h"
#include "insight/latency.h"
#include "view/json.h"
#include "view/report.h"

enum { NS_PER_S = 1000000000 };

static uint32_t pid_of(const struct profile *p, uint32_t process)
{
    return process < p->processes.count ? p->processes.at[process].pid : 0;
}

static void begin_event(struct json *json, const char *phase, const char *name, uint32_t pid)
{
    json_object(json, NULL);
    json_text(json, "ph", phase);
    json_text(json, "name", name);
    json_uint(json, "pid", pid);
}

static void write_names(struct json *json, const struct profile *p)
{
    for (size_t i = 0; i < p->processes.count; i++) {
        char *command = report_command_text(p->processes.at[i].command);
        begin_event(json, "M", "process_name", p->processes.at[i].pid);
        json_object(json, "args");
        json_text(json, "name", command);
        json_end(json);
        json_end(json);
        free(command);
    }
}

static void write_counter(struct json *json, const struct profile *p, size_t bin, const char *name,
                          uint64_t value)
{
    begin_event(json, "C", name, pid_of(p, 0));
    json_thousandths(json, "ts", bin * p->bin_ns);
    json_object(json, "args");
    json_uint(json, "value", value);
    json_end(json);
    json_end(json);
}

static void write_counters(struct json *json, const struct profile *p)
{
    for (size_t i = 0; i < p->bins.count; i++) {
        const struct profile_bin *bin = &p->bins.at[i];
        double seconds = (double)p->bin_ns / NS_PER_S;
        write_counter(json, p, i, "live bytes", bin->live_bytes);
        write_counter(json, p, i, "live blocks", bin->live_blocks);
        write_counter(json, p, i, "allocations per second",
                      seconds > 0 ? (uint64_t)((double)bin->allocs / seconds) : 0);
        if (bin->rss_bytes != 0) {
            write_counter(json, p, i, "resident bytes", bin->rss_bytes);
        }
    }
}

static void write_slow_call(struct json *json, const struct profile *p,
                            const struct profile_slow_call *slow, struct site_stack *loaded)
{
    site_stack_load(loaded, p, p->sites.at[slow->site].path);
    char *label = loaded->count > 0 ? site_label(&loaded->at[site_stack_shown(loaded, NULL)])
                                    : mem_text("(remainder)");
    begin_event(json, "X", hook_call_name(slow->call), pid_of(p, slow->process));
    json_text(json, "cat", "slow call");
    json_uint(json, "tid", slow->thread);
    json_thousandths(json, "ts", slow->at_ns);
    json_thousandths(json, "dur", latency_net(slow->ns, 1, p->run.clock_cost_ps));
    json_object(json, "args");
    json_uint(json, "size", slow->size);
    json_text(json, "site", label);
    if (slow->cause != PROFILE_CAUSE_NONE) {
        json_text(json, "cause", slow_cause_name((enum profile_cause)slow->cause));
        json_uint(json, "minor_faults", slow->usage.minor_faults);
        json_uint(json, "major_faults", slow->usage.major_faults);
        json_uint(json, "voluntary_switches", slow->usage.voluntary);
        json_uint(json, "involuntary_switches", slow->usage.involuntary);
    }
    json_end(json);
    json_end(json);
    free(label);
}

enum err_code export_chrome(const struct export_job *job, struct err *reterr)
{
    const struct profile *p = job->side.profile;
    struct json json = json_on(job->out);
    struct site_stack loaded = {0};
    json_object(&json, NULL);
    json_text(&json, "displayTimeUnit", "ns");
    json_array(&json, "traceEvents");
    write_names(&json, p);
    write_counters(&json, p);
    for (size_t i = 0; i < p->slow_calls.count; i++) {
        if (job->side.selection->is_kept[p->slow_calls.at[i].site]) {
            write_slow_call(&json, p, &p->slow_calls.at[i], &loaded);
        }
    }
    json_end(&json);
    json_end(&json);
    site_stack_finish(&loaded);
    (void)reterr;
    return ERR_NONE;
}
