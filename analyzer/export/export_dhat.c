/*
 * export_dhat - Valgrind's DHAT, format 2, for dh_view.html and the Firefox Profiler. One program
 * point for each call site that allocates. Blocks at a site's own highest moment were not counted:
 * they are its bytes then by its mean size.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "export/export.h"
#include "view/json.h"
#include "view/report.h"

enum { SHORT_LIVED_US = 500, NS_PER_US = 1000 };

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Of blocks that ended; within 1.6 %, as histograms are. */
static uint64_t lifetime_us(const struct profile_site *site)
{
    uint64_t sum_ns = 0;
    for (uint32_t i = 0; i < site->life_ns.bin_count; i++) {
        const struct hist_bin *bin = &site->life_ns.bins[i];
        uint64_t part_ns = 0;
        if (__builtin_mul_overflow(loglin_value(bin->code), bin->count, &part_ns) ||
            __builtin_add_overflow(sum_ns, part_ns, &sum_ns)) {
            return UINT64_MAX / NS_PER_US;
        }
    }
    return sum_ns / NS_PER_US;
}

static uint64_t blocks_at_own_peak(const struct profile_site *site, const uint64_t *values)
{
    double mean = values[EXPORT_BYTES] > 0
                      ? (double)values[EXPORT_ALLOCATIONS] / (double)values[EXPORT_BYTES]
                      : 0;
    uint64_t blocks = (uint64_t)((double)site->max_bytes * mean + 0.5);
    blocks = blocks > values[EXPORT_ALLOCATIONS] ? values[EXPORT_ALLOCATIONS] : blocks;
    blocks = larger(blocks, larger(values[EXPORT_PEAK_BLOCKS], values[EXPORT_LIVE_BLOCKS]));
    return larger(blocks, site->max_bytes > 0);
}

static void write_point(struct json *json, const struct export_job *job,
                        const struct export_stack *stack)
{
    const struct profile_site *site = &job->side.profile->sites.at[stack->site];
    const uint64_t *values = stack->values;
    json_object(json, NULL);
    json_uint(json, "tb", values[EXPORT_BYTES]);
    json_uint(json, "tbk", values[EXPORT_ALLOCATIONS]);
    json_uint(json, "tl", lifetime_us(site));
    json_uint(json, "mb",
              larger(site->max_bytes, larger(values[EXPORT_PEAK], values[EXPORT_LIVE])));
    json_uint(json, "mbk", blocks_at_own_peak(site, values));
    json_uint(json, "gb", values[EXPORT_PEAK]);
    json_uint(json, "gbk", values[EXPORT_PEAK_BLOCKS]);
    json_uint(json, "eb", values[EXPORT_LIVE]);
    json_uint(json, "ebk", values[EXPORT_LIVE_BLOCKS]);
    json_array(json, "fs");
    for (uint32_t i = stack->count; i-- > 0;) {
        json_uint(json, NULL, stack->frames[i] + 1); /* 0 is the root */
    }
    json_end(json);
    json_end(json);
}

/* "0x10b0: parse (parse.c:12)", "0x10b0: parse (in /lib/libc.so.6)". */
static void write_frame(struct json *json, const struct site_frame *frame)
{
    char *text;
    if (frame->file[0] != '\0') {
        text = mem_format("0x%" PRIx64 ": %s (%s:%" PRIu32 ")", frame->offset, frame->function,
                          frame->file, frame->line);
    } else {
        text = mem_format("0x%" PRIx64 ": %s (in %s)", frame->offset, frame->function,
                          frame->module[0] != '\0' ? frame->module : "???");
    }
    json_text(json, NULL, text);
    free(text);
}

static void write_head(struct json *json, const struct profile *p)
{
    char *command = report_command_text(p->run.command);
    json_uint(json, "dhatFileVersion", 2);
    json_text(json, "mode", "heap");
    json_text(json, "verb", "Allocated");
    json_bool(json, "bklt", true);
    json_bool(json, "bkacc", false);
    json_text(json, "tu", "µs");
    json_text(json, "Mtu", "s");
    json_uint(json, "tuth", SHORT_LIVED_US);
    json_text(json, "cmd", command);
    json_uint(json, "pid", p->processes.count > 0 ? p->processes.at[0].pid : 0);
    json_uint(json, "te", p->run.duration_ns / NS_PER_US);
    json_uint(json, "tg", p->totals.peak_at_ns / NS_PER_US);
    free(command);
}

enum err_code export_dhat(const struct export_job *job, struct err *reterr)
{
    const struct export_stacks *stacks = job->side.stacks;
    struct json json = json_on(job->out);
    json_object(&json, NULL);
    write_head(&json, job->side.profile);
    json_array(&json, "pps");
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        if (stacks->stacks.at[i].values[EXPORT_ALLOCATIONS] != 0) {
            write_point(&json, job, &stacks->stacks.at[i]);
        }
    }
    json_end(&json);
    json_array(&json, "ftbl");
    json_text(&json, NULL, "[root]");
    for (size_t i = 0; i < stacks->frames.count; i++) {
        write_frame(&json, &stacks->frames.at[i].at);
    }
    json_end(&json);
    json_end(&json);
    (void)reterr;
    return ERR_NONE;
}
