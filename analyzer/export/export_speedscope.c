/*
 * export_speedscope - speedscope's own JSON: one table of frames, one sampled profile for each
 * metric that has a value. Its schema: https://www.speedscope.app/file-format-schema.json
 */
#include "export/export.h"
#include "view/json.h"

static const enum export_metric metrics[] = {
    EXPORT_BYTES,       EXPORT_ALLOCATIONS, EXPORT_PEAK,      EXPORT_LIVE,
    EXPORT_TEMPORARIES, EXPORT_TIME,        EXPORT_FREE_TIME,
};

enum { METRICS = sizeof metrics / sizeof metrics[0] };

static void write_frames(struct json *json, const struct export_stacks *stacks)
{
    json_object(json, "shared");
    json_array(json, "frames");
    for (size_t i = 0; i < stacks->frames.count; i++) {
        const struct site_frame *frame = &stacks->frames.at[i].at;
        json_object(json, NULL);
        json_text(json, "name", frame->function);
        if (frame->file[0] != '\0' || frame->module[0] != '\0') {
            json_text(json, "file", frame->file[0] != '\0' ? frame->file : frame->module);
        }
        if (frame->line != 0) {
            json_uint(json, "line", frame->line);
        }
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static void write_profile(struct json *json, const struct export_stacks *stacks,
                          enum export_metric metric)
{
    static const char *const units[] = {[EXPORT_UNIT_COUNT] = "none",
                                        [EXPORT_UNIT_BYTES] = "bytes",
                                        [EXPORT_UNIT_NS] = "nanoseconds"};
    json_object(json, NULL);
    json_text(json, "type", "sampled");
    json_text(json, "name", export_metrics[metric].title);
    json_text(json, "unit", units[export_metrics[metric].unit]);
    json_uint(json, "startValue", 0);
    json_uint(json, "endValue", stacks->totals[metric]);
    json_array(json, "samples");
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        const struct export_stack *stack = &stacks->stacks.at[i];
        if (stack->values[metric] == 0) {
            continue;
        }
        json_array(json, NULL);
        for (uint32_t frame = 0; frame < stack->count; frame++) {
            json_uint(json, NULL, stack->frames[frame]);
        }
        json_end(json);
    }
    json_end(json);
    json_array(json, "weights");
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        if (stacks->stacks.at[i].values[metric] != 0) {
            json_uint(json, NULL, stacks->stacks.at[i].values[metric]);
        }
    }
    json_end(json);
    json_end(json);
}

/* A profile of nothing makes speedscope refuse the file: only an empty recording has one. */
static bool is_written(const struct export_stacks *stacks, size_t i)
{
    return stacks->totals[metrics[i]] != 0 || (i == 0 && stacks->totals[EXPORT_ALLOCATIONS] == 0);
}

enum err_code export_speedscope(const struct export_job *job, struct err *reterr)
{
    const struct export_stacks *stacks = job->side.stacks;
    struct json json = json_on(job->out);
    uint64_t active = 0;
    uint64_t written = 0;
    json_object(&json, NULL);
    json_text(&json, "$schema", "https://www.speedscope.app/file-format-schema.json");
    json_text(&json, "exporter", "alloctrap");
    json_text(&json, "name", site_basename(job->side.path));
    write_frames(&json, stacks);
    json_array(&json, "profiles");
    for (size_t i = 0; i < METRICS; i++) {
        if (is_written(stacks, i)) {
            write_profile(&json, stacks, metrics[i]);
            active = metrics[i] == job->metric ? written : active;
            written++;
        }
    }
    json_end(&json);
    json_uint(&json, "activeProfileIndex", active);
    json_end(&json);
    (void)reterr;
    return ERR_NONE;
}
