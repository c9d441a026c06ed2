#include "view/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "heap/slow_cause.h"
#include "insight/latency.h"
#include "view/advise.h"
#include "view/json.h"
#include "view/json_profile.h"
#include "view/report_json.h"

static void write_histograms(struct json *json, const struct profile_site *site)
{
    json_object(json, "size");
    json_uint(json, "min", hist_min(&site->size));
    json_uint(json, "p50", hist_quantile(&site->size, 5000));
    json_uint(json, "max", hist_max(&site->size));
    json_end(json);
    json_object(json, "lifetime");
    json_uint(json, "p50_ns", hist_quantile(&site->life_ns, 5000));
    json_uint(json, "p99_ns", hist_quantile(&site->life_ns, 9900));
    json_uint(json, "p50_allocations", hist_quantile(&site->life_allocs, 5000));
    json_uint(json, "p99_allocations", hist_quantile(&site->life_allocs, 9900));
    json_end(json);
}

static void write_growth(struct json *json, const struct profile_growth *growth)
{
    json_object(json, "growth");
    json_uint(json, "chains", growth->chains);
    json_uint(json, "steps", growth->steps);
    json_uint(json, "longest_chain_steps", growth->steps_max);
    json_uint(json, "copied_bytes", growth->copied_bytes);
    json_uint(json, "steps_by_copy", growth->by_copy_steps);
    json_end(json);
}

static void write_shown(struct json *json, const struct report *r, const struct site_stack *stack)
{
    static const struct site_frame remainder = {
        .function = "(remainder)", .file = "", .module = ""};
    size_t shown = site_stack_shown(stack, &r->wrappers);
    json_frame(json, stack->count != 0 ? &stack->at[shown] : &remainder);
    json_stack(json, stack);
}

static void write_site(struct json *json, const struct report *r, struct site_stack *stack,
                       uint32_t id)
{
    const struct profile_site *site = &r->profile->sites.at[id];
    const struct profile_calls *sum = &r->selection->site_totals[id];
    json_object(json, NULL);
    json_uint(json, "id", id);
    site_stack_load(stack, r->profile, site->path);
    write_shown(json, r, stack);
    json_uint(json, "allocations", sum->allocs);
    json_uint(json, "allocated_bytes", sum->bytes);
    json_uint(json, "frees", site->freed);
    json_uint(json, "free_calls", sum->frees);
    json_uint(json, "failed_calls", sum->failed);
    json_uint(json, "temporary_allocations", site->temporaries);
    json_uint(json, "peak_bytes", site->peak_bytes);
    json_uint(json, "peak_blocks", site->peak_blocks);
    json_uint(json, "own_peak_bytes", site->max_bytes);
    json_uint(json, "live_at_end_bytes", site->live_bytes);
    json_uint(json, "live_at_end_blocks", site->live_blocks);
    struct latency l = latency_of(sum, &site->latency, r->profile->run.clock_cost_ps);
    json_latency(json, "latency", &l);
    write_histograms(json, site);
    if (site->growth.chains != 0) {
        write_growth(json, &site->growth);
    }
    json_end(json);
}

static void write_sites(struct json *json, const struct report *r)
{
    uint32_t *sites = NULL;
    size_t count = rank_sites(r->profile, r->selection, r->key, true, &sites);
    size_t shown = r->top != 0 && r->top < count ? r->top : count;
    struct site_stack stack = {0};
    json_array(json, "sites");
    for (size_t i = 0; i < shown; i++) {
        write_site(json, r, &stack, sites[i]);
    }
    json_end(json);
    site_stack_finish(&stack);
    free(sites);
}

void report_json_calls(struct json *json, const struct report *r)
{
    json_object(json, "calls");
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (r->selection->calls[i].calls != 0) {
            struct latency l = latency_of(&r->selection->calls[i], &r->selection->call_latency[i],
                                          r->profile->run.clock_cost_ps);
            json_latency(json, hook_call_name(i), &l);
        }
    }
    json_end(json);
    json_uint(json, "null_frees", select_null_frees(r->selection));
}

static uint64_t process_calls(const struct profile_totals *t)
{
    /* What a process has no count of, its calls, is near enough: one for each block begun or
     * ended, and each failure. */
    return t->allocs + t->frees + t->failed;
}

void report_json_processes(struct json *json, const struct profile *p)
{
    json_array(json, "processes");
    for (size_t i = 0; i < p->processes.count; i++) {
        const struct profile_process *process = &p->processes.at[i];
        json_object(json, NULL);
        json_uint(json, "pid", process->pid);
        json_uint(json, "parent_pid", process->parent_pid);
        json_command(json, "command", process->command);
        json_text(json, "origin", process->origin == SESSION_BY_FORK ? "fork" : "start");
        json_exit(json, "exit", process->exit_kind, process->exit_code);
        json_uint(json, "threads", process->threads);
        json_uint(json, "start_ns", process->start_ns);
        json_uint(json, "end_ns", process->end_ns);
        json_text(json, "allocator", process->allocator);
        json_totals(
            json, "totals", &process->totals,
            latency_net(process->totals.ns, process_calls(&process->totals), p->run.clock_cost_ps));
        json_end(json);
    }
    json_end(json);
}

/* What a measured call met; one that was not has none of these members. */
static void json_met(struct json *json, const struct profile_slow_call *slow)
{
    json_text(json, "cause", slow_cause_name((enum profile_cause)slow->cause));
    json_uint(json, "minor_faults", slow->usage.minor_faults);
    json_uint(json, "major_faults", slow->usage.major_faults);
    json_uint(json, "voluntary_switches", slow->usage.voluntary);
    json_uint(json, "involuntary_switches", slow->usage.involuntary);
}

/* The sums of a site's measured slow calls. */
static void write_slow_causes(struct json *json, const struct report *r)
{
    const struct profile *p = r->profile;
    json_array(json, "slow_causes");
    for (size_t i = 0; i < p->slow_causes.count; i++) {
        const struct profile_slow_cause *sum = &p->slow_causes.at[i];
        if (!r->selection->is_kept[sum->site]) {
            continue;
        }
        json_object(json, NULL);
        json_uint(json, "site", sum->site);
        json_text(json, "cause", slow_cause_name((enum profile_cause)sum->cause));
        json_uint(json, "calls", sum->calls);
        json_uint(json, "total_ns", latency_net(sum->ns, sum->calls, p->run.clock_cost_ps));
        json_uint(json, "minor_faults", sum->minor_faults);
        json_uint(json, "major_faults", sum->major_faults);
        json_uint(json, "voluntary_switches", sum->voluntary);
        json_uint(json, "involuntary_switches", sum->involuntary);
        json_end(json);
    }
    json_end(json);
}

void report_json_slow_calls(struct json *json, const struct report *r)
{
    const struct profile *p = r->profile;
    json_array(json, "slow_calls");
    for (size_t i = 0; i < p->slow_calls.count; i++) {
        const struct profile_slow_call *slow = &p->slow_calls.at[i];
        if (!r->selection->is_kept[slow->site]) {
            continue;
        }
        json_object(json, NULL);
        json_text(json, "call", hook_call_name(slow->call));
        json_uint(json, "ns", latency_net(slow->ns, 1, p->run.clock_cost_ps));
        json_uint(json, "at_ns", slow->at_ns);
        json_uint(json, "size", slow->size);
        json_uint(json, "site", slow->site);
        json_uint(json, "process", slow->process);
        json_uint(json, "thread", slow->thread);
        if (slow->cause != PROFILE_CAUSE_NONE) {
            json_met(json, slow);
        }
        json_end(json);
    }
    json_end(json);
}

void report_json_filter(struct json *json, const struct report *r)
{
    if (!r->selection->is_filtered) {
        return;
    }
    json_object(json, "filter");
    if (r->rule.focus != NULL) {
        json_text(json, "focus", r->rule.focus);
    }
    if (r->rule.ignore != NULL) {
        json_text(json, "ignore", r->rule.ignore);
    }
    json_uint(json, "sites_matched", r->selection->kept);
    json_uint(json, "sites_all", r->selection->all);
    json_end(json);
}

static void write_tree(struct json *json, const struct report *r)
{
    static const char *const names[TREE_VALUES] = {
        "allocations",       "allocated_bytes",       "peak_bytes",
        "live_at_end_bytes", "temporary_allocations", "allocator_time_ns"};
    if (r->shape != REPORT_TREE && r->shape != REPORT_CALLERS) {
        return;
    }
    struct tree *tree = tree_build(r->profile, r->selection, &r->wrappers,
                                   r->shape == REPORT_TREE ? TREE_FROM_MAIN : TREE_FROM_SITE);
    json_array(json, r->shape == REPORT_TREE ? "tree" : "callers");
    for (size_t i = 0; i < tree->nodes.count; i++) {
        const struct tree_node *node = &tree->nodes.at[i];
        json_object(json, NULL);
        json_uint(json, "id", i);
        if (i == 0) {
            json_null(json, "parent");
        } else {
            json_uint(json, "parent", node->parent);
            json_frame(json, &node->frame);
            json_bool(json, "inlined", node->frame.is_inlined);
        }
        for (size_t v = 0; v < TREE_VALUES; v++) {
            json_uint(json, names[v], node->values[v]);
        }
        json_end(json);
    }
    json_end(json);
    tree_destroy(tree);
}

void report_json(const struct report *report, FILE *out)
{
    const struct profile *p = report->profile;
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "format", "alloctrap-report/1");
    json_run(&json, p);
    report_json_filter(&json, report);
    json_totals(&json, "totals", &report->selection->totals, select_net_ns(report->selection, p));
    report_json_calls(&json, report);
    report_json_processes(&json, p);
    write_sites(&json, report);
    write_tree(&json, report);
    if (report->shape == REPORT_SOURCE) {
        report_json_source(report, &json);
    }
    report_json_slow_calls(&json, report);
    write_slow_causes(&json, report);
    json_findings(&json, report->advice, &report->wrappers, 0);
    json_end(&json);
}
