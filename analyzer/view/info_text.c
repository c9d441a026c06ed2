#include "view/info.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/units.h"
#include "view/report.h"

/* Takes text. */
static void print_line(FILE *out, const char *title, char *text)
{
    char *shown = escape_terminal(text);
    fprintf(out, "%-11s %s\n", title, shown);
    free(shown);
    free(text);
}

static char *time_text(uint64_t realtime_ns)
{
    time_t seconds = (time_t)(realtime_ns / 1000000000U);
    struct tm parts;
    char text[64] = "unknown";
    if (realtime_ns != 0 && localtime_r(&seconds, &parts) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &parts);
    }
    return mem_text(text);
}

static char *runs_text(const struct profile_run *run)
{
    if (run->merged_runs > 1) {
        return mem_format("%" PRIu32 " recordings, merged; told here is the one that began first",
                          run->merged_runs);
    }
    return mem_format("%s", run->id[0] != '\0' ? run->id : "unknown");
}

static void print_run(const struct profile_run *run, FILE *out)
{
    print_line(out, "Command", report_command_text(run->command));
    print_line(out, "Host", mem_text(run->host[0] != '\0' ? run->host : "unknown"));
    if (run->service[0] != '\0') {
        print_line(out, "Service", mem_text(run->service));
    }
    if (run->build_id[0] != '\0') {
        print_line(out, "Build id", mem_text(run->build_id));
    }
    if (run->labels[0] != '\0') {
        print_line(out, "Labels", mem_text(run->labels));
    }
    print_line(out, "Started", time_text(run->start_realtime_ns));
    print_line(out, "Lasted", mem_text(units_ns(run->duration_ns).s));
    print_line(out, "End", report_exit_text(run->exit_kind, run->exit_code));
    print_line(out, "Run", runs_text(run));
    print_line(out, "Recorded by", mem_format("alloctrap %s", run->tool_version));
    print_line(out, "Settings", mem_text(run->settings));
    if (run->units != 0) {
        print_line(out, "Work done",
                   mem_format("%s %s(s)", units_count(run->units).s, run->unit_name));
    }
}

static void print_processes(const struct profile *p, FILE *out)
{
    print_line(out, "Processes", mem_text(units_count(p->processes.count).s));
    for (size_t i = 0; i < p->processes.count; i++) {
        const struct profile_process *process = &p->processes.at[i];
        char *command = report_command_text(process->command);
        char *end = report_exit_text(process->exit_kind, process->exit_code);
        print_line(out, "",
                   mem_format("%" PRIu32 " (parent %" PRIu32 ") %s: %s allocation%s, %s",
                              process->pid, process->parent_pid, command,
                              units_count(process->totals.allocs).s,
                              units_s(process->totals.allocs), end));
        free(end);
        free(command);
    }
}

static char *trace_text(const struct store_trace_size *trace)
{
    if (trace->events == 0) {
        return mem_text("none (record with --trace to keep every event)");
    }
    return mem_format("%s events in %s", units_count(trace->events).s, units_bytes(trace->bytes).s);
}

static void print_holdings(const struct info *info, FILE *out)
{
    const struct profile *p = info->profile;
    print_line(out, "Holds",
               mem_format("%s call sites, %s call paths, %s libraries, %s names",
                          units_count(p->sites.count - 1).s, units_count(p->paths.count - 1).s,
                          units_count(p->modules.count - 1).s, units_count(p->symbols.count).s));
    print_line(out, "Counted",
               mem_format("%s allocations of %s, %s frees", units_count(p->totals.allocs).s,
                          units_bytes(p->totals.bytes).s, units_count(p->totals.frees).s));
    print_line(out, "Trace", trace_text(&info->trace));
}

void info_print(const struct info *info, FILE *out)
{
    print_line(out, "Recording",
               mem_format("%s, format %d, %s", info->path, STORE_VERSION,
                          units_bytes(info->file_bytes).s));
    char *losses = report_loss_text(info->profile);
    print_line(out, "State", mem_text(losses[0] != '\0' ? losses : "complete, nothing was lost"));
    free(losses);
    print_run(&info->profile->run, out);
    print_processes(info->profile, out);
    print_holdings(info, out);
}
