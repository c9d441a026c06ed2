#include "view/report.h"

#include <stdlib.h>

#include "insight/latency.h"
#include "symbol/source_text.h"
#include "view/json_profile.h"

static void write_values(struct json *json, const uint64_t *values)
{
    json_uint(json, "allocations", values[RANK_ALLOCATIONS]);
    json_uint(json, "allocated_bytes", values[RANK_BYTES]);
    json_uint(json, "temporary_allocations", values[RANK_TEMPORARIES]);
    json_uint(json, "peak_bytes", values[RANK_PEAK]);
    json_uint(json, "live_at_end_bytes", values[RANK_LIVE]);
    json_uint(json, "allocator_time_ns", values[RANK_TIME]);
}

static void write_numbers(struct json *json, const char *name, const struct source_numbers *numbers,
                          uint64_t clock_cost_ps)
{
    struct latency l = latency_of(&numbers->calls, &numbers->latency, clock_cost_ps);
    json_object(json, name);
    write_values(json, numbers->values);
    json_latency(json, "latency", &l);
    json_end(json);
}

static void write_line(struct json *json, const struct report *r, const struct source_line *line,
                       const struct source_text *text)
{
    json_object(json, NULL);
    json_uint(json, "line", line->line);
    json_text(json, "function", line->function);
    if (text->state == SOURCE_FINE && line->line != 0 && line->line <= text->line_count) {
        char *shown = source_text_line(text, line->line);
        json_text(json, "text", shown);
        free(shown);
    } else {
        json_null(json, "text");
    }
    write_numbers(json, "self", &line->self, r->profile->run.clock_cost_ps);
    write_numbers(json, "total", &line->total, r->profile->run.clock_cost_ps);
    json_end(json);
}

static void write_file(struct json *json, const struct report *r, const struct source_file *file)
{
    struct source_text text;
    char *path = source_places_find(&r->places, file->path);
    char *module = source_places_find(&r->places, file->module);
    struct source_times times = {module, r->profile->run.start_realtime_ns};
    source_text_load(path, &times, &text);
    char *note = source_text_note(&text, path, file->module);
    json_object(json, NULL);
    json_text(json, "file", file->path);
    json_text(json, "module", file->module);
    json_text(json, "shown", text.state == SOURCE_FINE ? path : "");
    json_text(json, "note", note);
    json_object(json, "self");
    write_values(json, file->self);
    json_end(json);
    json_object(json, "total");
    write_values(json, file->total);
    json_end(json);
    json_array(json, "lines");
    for (size_t i = 0; i < file->count; i++) {
        write_line(json, r, &r->source->lines.at[file->first + i], &text);
    }
    json_end(json);
    json_end(json);
    free(note);
    source_text_finish(&text);
    free(module);
    free(path);
}

void report_json_source(const struct report *report, struct json *json)
{
    const struct source_lines *s = report->source;
    size_t count = report->top != 0 && report->top < s->files.count ? report->top : s->files.count;
    json_array(json, "source");
    for (size_t i = 0; i < count; i++) {
        write_file(json, report, &s->files.at[i]);
    }
    json_end(json);
}
