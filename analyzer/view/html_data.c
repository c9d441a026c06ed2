#include "view/html_data.h"

#include <stdlib.h>

#include "base/mem.h"
#include "heap/id_map.h"
#include "insight/latency.h"
#include "insight/outline.h"
#include "insight/process_tree.h"
#include "insight/site_callers.h"
#include "insight/site_name.h"
#include "view/advise.h"
#include "view/json_profile.h"
#include "view/report_json.h"

enum { SITES_WITH_HISTOGRAMS = 500, FINDINGS_MAX = 50 };

/* Every text of the page once; columns hold its number. */
struct texts {
    struct mem_strings *kept;
    struct id_map ids; /* by address: equal texts have one */
    MEM_ARRAY(const char *) list;
};

struct writer {
    struct json json;
    struct texts texts;
    struct site_stack stack;
};

/* One side while it is written. */
struct side {
    struct writer *writer;
    const struct report *report;
    struct outline outline;
};

static uint32_t text_id(struct texts *texts, const char *text)
{
    const char *kept = mem_strings_keep(texts->kept, text);
    uint32_t id = id_map_find(&texts->ids, (uintptr_t)kept, 0);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)texts->list.count;
        *MEM_PUSH(&texts->list) = kept;
        id_map_put(&texts->ids, (uintptr_t)kept, 0, id);
    }
    return id;
}

static void write_texts(struct json *json, const struct texts *texts)
{
    json_array(json, "texts");
    for (size_t i = 0; i < texts->list.count; i++) {
        json_text(json, NULL, texts->list.at[i]);
    }
    json_end(json);
}

/* [code, count, code, count, ...] */
static void write_hist(struct json *json, const char *name, const struct hist *hist)
{
    json_array(json, name);
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        json_uint(json, NULL, hist->bins[i].code);
        json_uint(json, NULL, hist->bins[i].count);
    }
    json_end(json);
}

static void write_histograms(const struct side *side)
{
    struct json *json = &side->writer->json;
    json_object(json, "histograms");
    write_hist(json, "size", &side->outline.size);
    write_hist(json, "lifetime_ns", &side->outline.life_ns);
    write_hist(json, "lifetime_allocations", &side->outline.life_allocs);
    json_object(json, "calls");
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (side->report->selection->call_latency[i].count != 0) {
            write_hist(json, hook_call_name(i), &side->report->selection->call_latency[i]);
        }
    }
    json_end(json);
    json_end(json);
}

typedef uint64_t bin_value(const struct profile_bin *bin);

#define BIN_VALUE(member)                                                                          \
    static uint64_t bin_##member(const struct profile_bin *bin)                                    \
    {                                                                                              \
        return bin->member;                                                                        \
    }
BIN_VALUE(allocs)
BIN_VALUE(frees)
BIN_VALUE(bytes)
BIN_VALUE(ns)
BIN_VALUE(live_bytes)
BIN_VALUE(live_blocks)
BIN_VALUE(rss_bytes)
BIN_VALUE(faults)

static void write_timeline(const struct side *side)
{
    static const struct {
        const char *name;
        bin_value *value;
    } columns[] = {
        {"allocations", bin_allocs},       {"frees", bin_frees},
        {"allocated_bytes", bin_bytes},    {"allocator_time_ns", bin_ns},
        {"live_bytes", bin_live_bytes},    {"live_blocks", bin_live_blocks},
        {"resident_bytes", bin_rss_bytes}, {"page_faults", bin_faults},
    };
    struct json *json = &side->writer->json;
    const struct profile *p = side->report->profile;
    json_object(json, "timeline");
    json_uint(json, "bin_ns", p->bin_ns);
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        json_array(json, columns[c].name);
        for (size_t i = 0; i < p->bins.count; i++) {
            json_uint(json, NULL, columns[c].value(&p->bins.at[i]));
        }
        json_end(json);
    }
    json_end(json);
}

/* The lines of all frames, frame by frame: first one column, then the next. */
struct line {
    uint32_t function;
    uint32_t file;
    uint32_t module;
    uint32_t line;
    bool is_inlined;
    bool is_wrapper;
};

typedef MEM_ARRAY(struct line) lines_array;

static void add_line(lines_array *lines, const struct side *side, const struct site_frame *frame)
{
    struct texts *texts = &side->writer->texts;
    const struct site_wrappers *wrappers = &side->report->wrappers;
    bool has_other = frame->other_name != NULL && frame->other_name[0] != '\0';
    char *function = site_function(frame);
    *MEM_PUSH(lines) = (struct line){
        .function = text_id(texts, function),
        .file = text_id(texts, frame->file),
        .module = text_id(texts, frame->module),
        .line = frame->line,
        .is_inlined = frame->is_inlined,
        .is_wrapper = site_is_wrapper(frame->function, wrappers) ||
                      (has_other && site_is_wrapper(frame->other_name, wrappers)),
    };
    free(function);
}

static void write_lines(struct json *json, const lines_array *lines)
{
    json_object(json, "lines");
#define LINE_COLUMN(name, member)                                                                  \
    json_array(json, name);                                                                        \
    for (size_t i = 0; i < lines->count; i++) {                                                    \
        json_uint(json, NULL, lines->at[i].member);                                                \
    }                                                                                              \
    json_end(json);
    LINE_COLUMN("function", function)
    LINE_COLUMN("file", file)
    LINE_COLUMN("module", module)
    LINE_COLUMN("line", line)
    LINE_COLUMN("inlined", is_inlined)
    LINE_COLUMN("wrapper", is_wrapper)
#undef LINE_COLUMN
    json_end(json);
}

static void write_frames(const struct side *side)
{
    struct json *json = &side->writer->json;
    struct site_stack *stack = &side->writer->stack;
    lines_array lines = {0};
    json_array(json, "frame_first_line");
    for (size_t i = 0; i < side->outline.frames.count; i++) {
        json_uint(json, NULL, lines.count);
        site_stack_load_frame(stack, side->report->profile, side->outline.frames.at[i]);
        for (size_t k = 0; k < stack->count; k++) {
            add_line(&lines, side, &stack->at[k]);
        }
    }
    json_uint(json, NULL, lines.count);
    json_end(json);
    write_lines(json, &lines);
    free(lines.at);
}

static void write_paths(const struct side *side)
{
    struct json *json = &side->writer->json;
    const struct profile *p = side->report->profile;
    const struct outline *o = &side->outline;
    json_object(json, "paths");
    json_array(json, "parent");
    for (size_t i = 0; i < o->paths.count; i++) {
        json_uint(json, NULL, o->place_of_path[p->paths.at[o->paths.at[i]].parent]);
    }
    json_end(json);
    json_array(json, "frame"); /* of the root: 0, which says nothing */
    for (size_t i = 0; i < o->paths.count; i++) {
        uint32_t place = o->place_of_frame[p->paths.at[o->paths.at[i]].frame];
        json_uint(json, NULL, i == 0 || place == 0 ? 0 : place - 1);
    }
    json_end(json);
    json_array(json, "cut");
    for (size_t i = 0; i < o->paths.count; i++) {
        if (p->paths.at[o->paths.at[i]].is_cut) {
            json_uint(json, NULL, i);
        }
    }
    json_end(json);
    json_end(json);
}

/* A site's numbers, worked out once. */
struct site_numbers {
    const struct profile_site *site;
    const struct profile_calls *sum;
    struct latency latency;
    struct site_callers callers; /* that tell it from the other sites */
    uint32_t id;
    uint32_t path;
    uint32_t shown;
};

static uint32_t load_stack(const struct side *side, const struct profile_site *site)
{
    struct site_stack *stack = &side->writer->stack;
    site_stack_load(stack, side->report->profile, site->path);
    return (uint32_t)site_stack_shown(stack, &side->report->wrappers);
}

static void tell_apart(const struct side *side, struct site_numbers *numbers, size_t count)
{
    const struct site_stack *stack = &side->writer->stack;
    struct site_callers_list list = {0};
    for (size_t i = 0; i < count; i++) {
        numbers[i].shown = load_stack(side, numbers[i].site);
        site_callers_add(&list, stack, numbers[i].shown);
    }
    for (size_t i = 0; i < count; i++) {
        (void)load_stack(side, numbers[i].site);
        numbers[i].callers = site_callers_of(&list, stack, numbers[i].shown);
    }
    site_callers_finish(&list);
}

static struct site_numbers *number_sites(const struct side *side)
{
    const struct profile *p = side->report->profile;
    const struct outline *o = &side->outline;
    struct site_numbers *numbers = mem_zero(o->site_count + 1, sizeof *numbers);
    for (size_t i = 0; i < o->site_count; i++) {
        struct site_numbers *n = &numbers[i];
        n->id = o->sites[i];
        n->site = &p->sites.at[n->id];
        n->sum = &side->report->selection->site_totals[n->id];
        n->latency = latency_of(n->sum, &n->site->latency, p->run.clock_cost_ps);
        n->path = o->place_of_path[n->site->path];
    }
    tell_apart(side, numbers, o->site_count);
    return numbers;
}

typedef uint64_t site_value(const struct site_numbers *n);

#define SITE_VALUES(X)                                                                             \
    X("id", id, n->id)                                                                             \
    X("path", path, n->path)                                                                       \
    X("shown", shown, n->shown)                                                                    \
    X("allocations", allocs, n->sum->allocs)                                                       \
    X("allocated_bytes", bytes, n->sum->bytes)                                                     \
    X("frees", freed, n->site->freed)                                                              \
    X("free_calls", free_calls, n->sum->frees)                                                     \
    X("failed_calls", failed, n->sum->failed)                                                      \
    X("temporary_allocations", temporaries, n->site->temporaries)                                  \
    X("peak_bytes", peak_bytes, n->site->peak_bytes)                                               \
    X("peak_blocks", peak_blocks, n->site->peak_blocks)                                            \
    X("own_peak_bytes", max_bytes, n->site->max_bytes)                                             \
    X("live_at_end_bytes", live_bytes, n->site->live_bytes)                                        \
    X("live_at_end_blocks", live_blocks, n->site->live_blocks)                                     \
    X("calls", calls, n->latency.count)                                                            \
    X("timed_calls", timed, n->site->latency.count)                                                \
    X("allocator_time_ns", ns, n->latency.total_ns)                                                \
    X("p50_ns", p50, n->latency.p50_ns)                                                            \
    X("p90_ns", p90, n->latency.p90_ns)                                                            \
    X("p99_ns", p99, n->latency.p99_ns)                                                            \
    X("p999_ns", p999, n->latency.p999_ns)                                                         \
    X("max_ns", max, n->latency.max_ns)                                                            \
    X("size_min", size_min, hist_min(&n->site->size))                                              \
    X("size_p50", size_p50, hist_quantile(&n->site->size, 5000))                                   \
    X("size_max", size_max, hist_max(&n->site->size))                                              \
    X("lifetime_p50_ns", life_p50, hist_quantile(&n->site->life_ns, 5000))                         \
    X("lifetime_p99_ns", life_p99, hist_quantile(&n->site->life_ns, 9900))                         \
    X("growth_chains", chains, n->site->growth.chains)                                             \
    X("growth_steps", steps, n->site->growth.steps)                                                \
    X("growth_copied_bytes", copied, n->site->growth.copied_bytes)

#define SITE_VALUE(name, id, value)                                                                \
    static uint64_t site_##id(const struct site_numbers *n)                                        \
    {                                                                                              \
        return value;                                                                              \
    }
SITE_VALUES(SITE_VALUE)

static void write_site_histograms(struct json *json, const struct site_numbers *numbers,
                                  size_t count)
{
    count = count < SITES_WITH_HISTOGRAMS ? count : SITES_WITH_HISTOGRAMS;
    json_object(json, "histograms");
    json_array(json, "latency");
    for (size_t i = 0; i < count; i++) {
        write_hist(json, NULL, &numbers[i].site->latency);
    }
    json_end(json);
    json_array(json, "size");
    for (size_t i = 0; i < count; i++) {
        write_hist(json, NULL, &numbers[i].site->size);
    }
    json_end(json);
    json_array(json, "lifetime_ns");
    for (size_t i = 0; i < count; i++) {
        write_hist(json, NULL, &numbers[i].site->life_ns);
    }
    json_end(json);
    json_end(json);
}

/* For each site its callers' places in the stack; -N before the last: N were left out there. */
static void write_callers(struct json *json, const struct site_numbers *numbers, size_t count)
{
    json_array(json, "callers");
    for (size_t i = 0; i < count; i++) {
        const struct site_callers *callers = &numbers[i].callers;
        json_array(json, NULL);
        for (size_t k = 0; k < callers->count; k++) {
            if (callers->left_out != 0 && k + 1 == callers->count) {
                json_int(json, NULL, -(int64_t)callers->left_out);
            }
            json_uint(json, NULL, callers->at[k]);
        }
        json_end(json);
    }
    json_end(json);
}

static void write_sites(const struct side *side)
{
    static const struct {
        const char *name;
        site_value *value;
    } columns[] = {
#define SITE_COLUMN(name, id, value) {name, site_##id},
        SITE_VALUES(SITE_COLUMN)};
    struct json *json = &side->writer->json;
    size_t count = side->outline.site_count;
    struct site_numbers *numbers = number_sites(side);
    json_object(json, "sites");
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        json_array(json, columns[c].name);
        for (size_t i = 0; i < count; i++) {
            json_uint(json, NULL, columns[c].value(&numbers[i]));
        }
        json_end(json);
    }
    write_callers(json, numbers, count);
    write_site_histograms(json, numbers, count);
    json_end(json);
    free(numbers);
}

static void write_pairs(const struct side *side)
{
    struct json *json = &side->writer->json;
    const struct outline *o = &side->outline;
    json_array(json, "pairs"); /* [allocating site, freeing site, ...]: places, not ids */
    for (size_t i = 0; i < o->pairs.count; i++) {
        const struct profile_pair *pair = &side->report->profile->pairs.at[o->pairs.at[i]];
        json_array(json, NULL);
        json_uint(json, NULL, o->place_of_site[pair->alloc_site] - 1);
        json_uint(json, NULL, o->place_of_site[pair->free_site] - 1);
        json_uint(json, NULL, pair->count);
        json_uint(json, NULL, pair->bytes);
        json_uint(json, NULL, pair->same_thread);
        json_uint(json, NULL, pair->same_frame);
        json_end(json);
    }
    json_end(json);
}

/* [[process, depth], ...] in the order of a tree. */
static void write_process_tree(const struct side *side)
{
    struct json *json = &side->writer->json;
    size_t count = 0;
    struct process_place *places = process_tree(side->report->profile, &count);
    json_array(json, "process_tree");
    for (size_t i = 0; i < count; i++) {
        json_array(json, NULL);
        json_uint(json, NULL, places[i].process);
        json_uint(json, NULL, places[i].depth);
        json_end(json);
    }
    json_end(json);
    free(places);
}

static void write_rest(const struct side *side)
{
    struct json *json = &side->writer->json;
    const struct outline_rest *rest = &side->outline.rest;
    json_object(json, "left_out");
    json_uint(json, "sites", rest->sites);
    json_uint(json, "allocations", rest->counts.allocs);
    json_uint(json, "allocated_bytes", rest->counts.bytes);
    json_uint(json, "frees", rest->freed);
    json_uint(json, "free_calls", rest->counts.frees);
    json_uint(json, "failed_calls", rest->counts.failed);
    json_uint(json, "calls", rest->counts.calls);
    json_uint(json, "temporary_allocations", rest->temporaries);
    json_uint(json, "peak_bytes", rest->peak_bytes);
    json_uint(json, "live_at_end_bytes", rest->live_bytes);
    json_uint(json, "live_at_end_blocks", rest->live_blocks);
    json_uint(json, "allocator_time_ns", rest->ns);
    json_uint(json, "pairs", rest->pairs);
    json_uint(json, "pair_blocks", rest->pair_blocks);
    json_end(json);
}

static void write_run(const struct side *side)
{
    struct json *json = &side->writer->json;
    const struct report *r = side->report;
    char *loss = report_loss_text(r->profile);
    char *exit = report_exit_text(r->profile->run.exit_kind, r->profile->run.exit_code);
    json_text(json, "file", r->file);
    json_run(json, r->profile);
    json_text(json, "loss_text", loss);
    json_text(json, "exit_text", exit);
    report_json_filter(json, r);
    json_totals(json, "totals", &r->selection->totals, select_net_ns(r->selection, r->profile));
    free(exit);
    free(loss);
}

static void write_findings(const struct side *side)
{
    struct json *json = &side->writer->json;
    const struct advice *advice = side->report->advice;
    json_findings(json, advice, &side->report->wrappers, FINDINGS_MAX);
    if (advice->findings.count == 0) {
        char *nothing = advise_nothing_text(advice);
        json_text(json, "nothing_because", nothing);
        free(nothing);
    }
}

static void write_side(struct side *side)
{
    struct json *json = &side->writer->json;
    json_object(json, NULL);
    write_run(side);
    report_json_calls(json, side->report);
    report_json_processes(json, side->report->profile);
    write_process_tree(side);
    report_json_slow_calls(json, side->report);
    write_timeline(side);
    write_histograms(side);
    write_frames(side);
    write_paths(side);
    write_sites(side);
    write_pairs(side);
    write_rest(side);
    write_findings(side);
    json_end(json);
}

/* A row of a comparison stands in the page when the site that names it does. */
static bool is_carried(const struct compare_counts *counts, const struct side *side)
{
    return counts->sites == 0 || side->outline.place_of_site[counts->site] != 0;
}

static void write_counts(struct json *json, const struct compare_counts *counts,
                         const struct side *side)
{
    uint32_t place = counts->sites != 0 ? side->outline.place_of_site[counts->site] : 0;
    json_int(json, NULL, (int64_t)place - 1);
    json_uint(json, NULL, counts->sites);
    json_uint(json, NULL, counts->allocs);
    json_uint(json, NULL, counts->bytes);
    json_uint(json, NULL, counts->temporaries);
    json_uint(json, NULL, counts->peak_bytes);
    json_uint(json, NULL, counts->live_bytes);
    json_uint(json, NULL, counts->ns);
}

/* [change, before's 8 numbers, after's]; the first of them is the site's place, -1 = none. */
static void write_rows(struct json *json, const char *name, const compare_sites *rows,
                       const struct side sides[2])
{
    json_array(json, name);
    for (size_t i = 0; i < rows->count; i++) {
        const struct compare_site *row = &rows->at[i];
        if (!is_carried(&row->before, &sides[0]) || !is_carried(&row->after, &sides[1])) {
            continue;
        }
        json_array(json, NULL);
        json_uint(json, NULL, row->change);
        write_counts(json, &row->before, &sides[0]);
        write_counts(json, &row->after, &sides[1]);
        json_end(json);
    }
    json_end(json);
}

static void write_comparison(struct json *json, const struct compare_view *view,
                             const struct side sides[2])
{
    const struct comparison *c = view->comparison;
    json_object(json, "comparison");
    json_text(json, "before", view->before);
    json_text(json, "after", view->after);
    json_bool(json, "changed", c->has_change);
    json_bool(json, "certain", c->is_certain);
    json_uint(json, "before_units", c->before.units);
    json_uint(json, "after_units", c->after.units);
    json_text(json, "unit_name", c->after.unit_name);
    json_uint(json, "rows_all", c->sites.count);
    write_rows(json, "functions", &c->functions, sides);
    write_rows(json, "rows", &c->sites, sides);
    json_end(json);
}

void html_data_write(const struct html_page *page, FILE *out)
{
    struct writer writer = {.json = json_on(out), .texts.kept = mem_strings_create()};
    struct side sides[2] = {0};
    size_t count = page->compare != NULL ? 2 : 1;
    json_object(&writer.json, NULL);
    json_text(&writer.json, "format", "alloctrap-page/1");
    json_array(&writer.json, "sides");
    for (size_t i = 0; i < count; i++) {
        const struct report *r = page->sides[i];
        sides[i] =
            (struct side){&writer, r, outline_make(r->profile, r->selection, page->sites_max)};
        write_side(&sides[i]);
    }
    json_end(&writer.json);
    if (page->compare != NULL) {
        write_comparison(&writer.json, page->compare, sides);
    }
    if (page->verdict != NULL) {
        json_text(&writer.json, "check", page->verdict);
    }
    write_texts(&writer.json, &writer.texts);
    json_end(&writer.json);
    for (size_t i = 0; i < count; i++) {
        outline_finish(&sides[i].outline);
    }
    site_stack_finish(&writer.stack);
    id_map_finish(&writer.texts.ids);
    mem_strings_destroy(writer.texts.kept);
    free(writer.texts.list.at);
}
