/*
 * export_firefox - the Firefox Profiler's processed format, in a version that it brings up to date
 * by itself: a thread for each metric, and live memory over time as a counter. Memory metrics are
 * native allocations, so that its memory views open; counts and times are weighted samples.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "export/export.h"
#include "heap/id_map.h"
#include "view/json.h"
#include "view/report.h"

enum { FORMAT_VERSION = 60, NS_PER_US = 1000 };

static const enum export_metric metrics[] = {EXPORT_BYTES, EXPORT_PEAK,        EXPORT_LIVE,
                                             EXPORT_TIME,  EXPORT_ALLOCATIONS, EXPORT_TEMPORARIES};

enum { METRICS = sizeof metrics / sizeof metrics[0] };

/* Stacks as a tree of (parent, frame), shared by all threads' tables. */
struct firefox {
    const struct export_job *job;
    struct json json;
    struct id_map nodes;
    MEM_ARRAY(uint32_t) parents; /* node + 1; 0 = none */
    MEM_ARRAY(uint32_t) frames;
    uint32_t *leaves; /* for each stack */
    MEM_ARRAY(const char *) texts;
    struct id_map text_ids;
    MEM_ARRAY(uint32_t) sources; /* files, as numbers of texts */
    struct id_map source_ids;
    struct mem_strings *kept;
};

static uint32_t text_id(struct firefox *f, const char *text)
{
    const char *kept = mem_strings_keep(f->kept, text);
    uint32_t id = id_map_find(&f->text_ids, (uintptr_t)kept, 0);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)f->texts.count;
        *MEM_PUSH(&f->texts) = kept;
        id_map_put(&f->text_ids, (uintptr_t)kept, 0, id);
    }
    return id;
}

static void collect(struct firefox *f)
{
    const struct export_stacks *stacks = f->job->side.stacks;
    f->leaves = mem_zero(stacks->stacks.count, sizeof *f->leaves);
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        uint32_t at = 0;
        for (uint32_t k = 0; k < stacks->stacks.at[i].count; k++) {
            uint32_t frame = stacks->stacks.at[i].frames[k];
            uint32_t id = id_map_find(&f->nodes, at, frame);
            if (id == ID_MAP_NONE) {
                *MEM_PUSH(&f->parents) = at;
                *MEM_PUSH(&f->frames) = frame;
                id = (uint32_t)f->frames.count;
                id_map_put(&f->nodes, at, frame, id);
            }
            at = id;
        }
        f->leaves[i] = at - 1;
    }
}

typedef void write_cell(struct firefox *f, size_t row);

static void column(struct firefox *f, const char *name, size_t count, write_cell *cell)
{
    json_array(&f->json, name);
    for (size_t i = 0; i < count; i++) {
        cell(f, i);
    }
    json_end(&f->json);
}

static void cell_null(struct firefox *f, size_t row)
{
    (void)row;
    json_null(&f->json, NULL);
}

static void cell_zero(struct firefox *f, size_t row)
{
    (void)row;
    json_uint(&f->json, NULL, 0);
}

static void cell_minus_one(struct firefox *f, size_t row)
{
    (void)row;
    json_int(&f->json, NULL, -1);
}

static void cell_false(struct firefox *f, size_t row)
{
    (void)row;
    json_bool(&f->json, NULL, false);
}

static void cell_row(struct firefox *f, size_t row)
{
    json_uint(&f->json, NULL, row);
}

static const struct site_frame *frame_at(const struct firefox *f, size_t row)
{
    return &f->job->side.stacks->frames.at[row].at;
}

static void cell_line(struct firefox *f, size_t row)
{
    if (frame_at(f, row)->line == 0) {
        json_null(&f->json, NULL);
    } else {
        json_uint(&f->json, NULL, frame_at(f, row)->line);
    }
}

static void cell_name(struct firefox *f, size_t row)
{
    json_uint(&f->json, NULL, text_id(f, frame_at(f, row)->function));
}

static uint32_t source_id(struct firefox *f, uint32_t text)
{
    uint32_t id = id_map_find(&f->source_ids, text, 0);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)f->sources.count;
        *MEM_PUSH(&f->sources) = text;
        id_map_put(&f->source_ids, text, 0, id);
    }
    return id;
}

static void cell_source(struct firefox *f, size_t row)
{
    json_uint(&f->json, NULL, f->sources.at[row]);
}

static void cell_file(struct firefox *f, size_t row)
{
    const struct site_frame *frame = frame_at(f, row);
    const char *file = frame->file[0] != '\0' ? frame->file : frame->module;
    if (file[0] == '\0') {
        json_null(&f->json, NULL);
    } else {
        json_uint(&f->json, NULL, source_id(f, text_id(f, file)));
    }
}

static void cell_prefix(struct firefox *f, size_t row)
{
    if (f->parents.at[row] == 0) {
        json_null(&f->json, NULL);
    } else {
        json_uint(&f->json, NULL, f->parents.at[row] - 1);
    }
}

static void cell_frame(struct firefox *f, size_t row)
{
    json_uint(&f->json, NULL, f->frames.at[row]);
}

static void begin_table(struct firefox *f, const char *name, size_t count)
{
    json_object(&f->json, name);
    json_uint(&f->json, "length", count);
}

static void write_frame_table(struct firefox *f)
{
    size_t count = f->job->side.stacks->frames.count;
    begin_table(f, "frameTable", count);
    column(f, "address", count, cell_minus_one);
    column(f, "inlineDepth", count, cell_zero);
    column(f, "category", count, cell_zero);
    column(f, "subcategory", count, cell_zero);
    column(f, "func", count, cell_row);
    column(f, "nativeSymbol", count, cell_null);
    column(f, "innerWindowID", count, cell_null);
    column(f, "line", count, cell_line);
    column(f, "column", count, cell_null);
    json_end(&f->json);
    begin_table(f, "funcTable", count);
    column(f, "isJS", count, cell_false);
    column(f, "relevantForJS", count, cell_false);
    column(f, "name", count, cell_name);
    column(f, "resource", count, cell_minus_one);
    column(f, "source", count, cell_file);
    column(f, "lineNumber", count, cell_null);
    column(f, "columnNumber", count, cell_null);
    json_end(&f->json);
}

static void write_stack_table(struct firefox *f)
{
    size_t count = f->frames.count;
    begin_table(f, "stackTable", count);
    column(f, "frame", count, cell_frame);
    column(f, "prefix", count, cell_prefix);
    json_end(&f->json);
}

static void write_empty_table(struct firefox *f, const char *name, const char *const *columns)
{
    begin_table(f, name, 0);
    for (size_t i = 0; columns[i] != NULL; i++) {
        column(f, columns[i], 0, cell_null);
    }
    json_end(&f->json);
}

static void write_shared(struct firefox *f)
{
    static const char *const resources[] = {"lib", "name", "host", "type", NULL};
    static const char *const symbols[] = {"libIndex", "address", "name", "functionSize", NULL};
    json_object(&f->json, "shared");
    write_frame_table(f);
    write_stack_table(f);
    write_empty_table(f, "resourceTable", resources);
    write_empty_table(f, "nativeSymbols", symbols);
    begin_table(f, "sources", f->sources.count);
    column(f, "id", f->sources.count, cell_null);
    column(f, "filename", f->sources.count, cell_source);
    json_end(&f->json);
    json_array(&f->json, "stringArray");
    for (size_t i = 0; i < f->texts.count; i++) {
        json_text(&f->json, NULL, f->texts.at[i]);
    }
    json_end(&f->json);
    json_end(&f->json);
}

static void write_weights(struct firefox *f, enum export_metric metric)
{
    const struct export_stacks *stacks = f->job->side.stacks;
    json_array(&f->json, "weight");
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        uint64_t value = stacks->stacks.at[i].values[metric];
        if (value != 0 && metric == EXPORT_TIME) {
            json_millionths(&f->json, NULL, value); /* ms of ns */
        } else if (value != 0) {
            json_uint(&f->json, NULL, value);
        }
    }
    json_uint(&f->json, NULL, 0);
    json_end(&f->json);
}

/* One row for each call site with a value, all at the run's start, and one without stack and weight
 * at its end, so that the profile spans the run. */
static void write_rows(struct firefox *f, enum export_metric metric, const char *weight_type)
{
    const struct export_stacks *stacks = f->job->side.stacks;
    size_t count = 1;
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        count += stacks->stacks.at[i].values[metric] != 0;
    }
    json_uint(&f->json, "length", count);
    json_text(&f->json, "weightType", weight_type);
    json_array(&f->json, "time");
    for (size_t i = 0; i + 1 < count; i++) {
        json_uint(&f->json, NULL, 0);
    }
    json_thousandths(&f->json, NULL, f->job->side.profile->run.duration_ns / NS_PER_US);
    json_end(&f->json);
    write_weights(f, metric);
    json_array(&f->json, "stack");
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        if (stacks->stacks.at[i].values[metric] != 0) {
            json_uint(&f->json, NULL, f->leaves[i]);
        }
    }
    json_null(&f->json, NULL);
    json_end(&f->json);
}

static void write_thread_head(struct firefox *f, enum export_metric metric, uint64_t tid)
{
    struct json *json = &f->json;
    const struct profile *p = f->job->side.profile;
    json_text(json, "name", export_metrics[metric].title);
    json_text(json, "processName", site_basename(f->job->side.path));
    json_text(json, "processType", "default");
    json_uint(json, "processStartupTime", 0);
    json_null(json, "processShutdownTime");
    json_uint(json, "registerTime", 0);
    json_null(json, "unregisterTime");
    json_array(json, "pausedRanges");
    json_end(json);
    json_bool(json, "isMainThread", tid == 0);
    json_bool(json, "showMarkersInTimeline", false);
    char *pid = mem_format("%" PRIu32, p->processes.count > 0 ? p->processes.at[0].pid : 0);
    json_text(json, "pid", pid);
    json_uint(json, "tid", tid);
    free(pid);
}

static void write_thread(struct firefox *f, enum export_metric metric, uint64_t tid)
{
    static const char *const markers[] = {"data",     "name",  "startTime", "endTime",
                                          "category", "phase", NULL};
    static const char *const samples[] = {"time", "weight", "stack", NULL};
    bool is_memory = export_metrics[metric].unit == EXPORT_UNIT_BYTES;
    json_object(&f->json, NULL);
    write_thread_head(f, metric, tid);
    if (is_memory) {
        write_empty_table(f, "samples", samples); /* else they are what is shown first */
        json_object(&f->json, "nativeAllocations");
        write_rows(f, metric, "bytes");
    } else {
        json_object(&f->json, "samples");
        write_rows(f, metric, metric == EXPORT_TIME ? "tracing-ms" : "samples");
    }
    json_end(&f->json);
    write_empty_table(f, "markers", markers);
    json_end(&f->json);
}

static void write_meta(struct firefox *f)
{
    struct json *json = &f->json;
    const struct profile_run *run = &f->job->side.profile->run;
    char *command = report_command_text(run->command);
    json_object(json, "meta");
    json_uint(json, "version", 24);
    json_uint(json, "preprocessedProfileVersion", FORMAT_VERSION);
    json_uint(json, "interval", 1);
    json_uint(json, "processType", 0);
    json_text(json, "product", command);
    json_text(json, "importedFrom", "alloctrap");
    json_thousandths(json, "startTime", run->start_realtime_ns / NS_PER_US);
    json_uint(json, "stackwalk", 0);
    json_bool(json, "debug", false);
    json_bool(json, "symbolicated", true);
    json_array(json, "markerSchema");
    json_end(json);
    json_array(json, "categories");
    json_object(json, NULL);
    json_text(json, "name", "Other");
    json_text(json, "color", "grey");
    json_array(json, "subcategories");
    json_text(json, NULL, "Other");
    json_end(json);
    json_end(json);
    json_end(json);
    json_end(json);
    free(command);
}

static void cell_bin_time(struct firefox *f, size_t row)
{
    json_thousandths(&f->json, NULL, row * f->job->side.profile->bin_ns / NS_PER_US);
}

/* A counter's rows are changes. */
static void cell_bin_change(struct firefox *f, size_t row)
{
    const struct profile_bin *bins = f->job->side.profile->bins.at;
    uint64_t before = row > 0 ? bins[row - 1].live_bytes : 0;
    json_int(&f->json, NULL, (int64_t)bins[row].live_bytes - (int64_t)before);
}

static void write_counters(struct firefox *f)
{
    const struct profile *p = f->job->side.profile;
    json_array(&f->json, "counters");
    json_object(&f->json, NULL);
    json_text(&f->json, "name", "malloc");
    json_text(&f->json, "category", "Memory");
    json_text(&f->json, "description", "live bytes");
    char *pid = mem_format("%" PRIu32, p->processes.count > 0 ? p->processes.at[0].pid : 0);
    json_text(&f->json, "pid", pid);
    free(pid);
    json_uint(&f->json, "mainThreadIndex", 0);
    begin_table(f, "samples", p->bins.count);
    column(f, "time", p->bins.count, cell_bin_time);
    column(f, "count", p->bins.count, cell_bin_change);
    json_end(&f->json);
    json_end(&f->json);
    json_end(&f->json);
}

enum err_code export_firefox(const struct export_job *job, struct err *reterr)
{
    struct firefox f = {.job = job, .json = json_on(job->out), .kept = mem_strings_create()};
    collect(&f);
    json_object(&f.json, NULL);
    write_meta(&f);
    json_array(&f.json, "libs");
    json_end(&f.json);
    json_array(&f.json, "pages");
    json_end(&f.json);
    write_shared(&f);
    write_counters(&f);
    json_array(&f.json, "threads");
    for (size_t i = 0; i < METRICS; i++) {
        write_thread(&f, metrics[i], i);
    }
    json_end(&f.json);
    json_end(&f.json);
    id_map_finish(&f.nodes);
    id_map_finish(&f.text_ids);
    free(f.parents.at);
    free(f.frames.at);
    free(f.leaves);
    free(f.texts.at);
    free(f.sources.at);
    id_map_finish(&f.source_ids);
    mem_strings_destroy(f.kept);
    (void)reterr;
    return ERR_NONE;
}
