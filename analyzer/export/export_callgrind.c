/*
 * export_callgrind - Callgrind's format, for callgrind_annotate and KCachegrind: what each line
 * allocates itself, and what comes by its calls. A function that a stack has twice is taken back to
 * its first place there, since inclusive numbers would count it twice. How often a function was
 * called is not known: `calls` says how many allocations came by.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/escape.h"
#include "export/export.h"
#include "heap/id_map.h"
#include "view/report.h"

static const struct {
    const char *event;
    const char *title;
    enum export_metric metric;
} events[] = {
    {"Allocs", "allocations", EXPORT_ALLOCATIONS},
    {"Bytes", "bytes allocated", EXPORT_BYTES},
    {"Temps", "temporary allocations", EXPORT_TEMPORARIES},
    {"Peak", "bytes live at the peak", EXPORT_PEAK},
    {"Live", "bytes live at the end", EXPORT_LIVE},
    {"Time", "ns in the allocator", EXPORT_TIME},
};

enum { EVENTS = sizeof events / sizeof events[0] };

#define NO_CALLEE UINT32_MAX

struct function {
    const char *name;
    const char *file;
    const char *module;
};

/* Costs of a line of a function: its own, or by calls of one other function. */
struct cost {
    uint32_t function;
    uint32_t callee; /* NO_CALLEE: its own */
    uint32_t line;
    uint64_t values[EVENTS];
};

struct callgrind {
    const struct export_stacks *stacks;
    FILE *out;
    struct mem_strings *texts;
    struct id_map function_ids; /* (name, module), file */
    MEM_ARRAY(struct function) functions;
    struct id_map cost_ids; /* (function, line), callee */
    MEM_ARRAY(struct cost) costs;
    uint32_t *function_of; /* for each frame */
    struct id_map names;   /* (kind, kept text): numbers of name compression */
    uint32_t name_counts[3];
};

static uint32_t function_id(struct callgrind *c, const struct site_frame *frame)
{
    struct function f = {.name = mem_strings_keep(c->texts, frame->function),
                         .file = mem_strings_keep(c->texts, frame->file),
                         .module = mem_strings_keep(c->texts, frame->module)};
    /* Two look-ups: three texts do not fit into a key. */
    uint32_t pair = id_map_find(&c->names, (uintptr_t)f.file, (uintptr_t)f.module);
    if (pair == ID_MAP_NONE) {
        pair = (uint32_t)c->names.used;
        id_map_put(&c->names, (uintptr_t)f.file, (uintptr_t)f.module, pair);
    }
    uint32_t id = id_map_find(&c->function_ids, (uintptr_t)f.name, pair);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)c->functions.count;
        *MEM_PUSH(&c->functions) = f;
        id_map_put(&c->function_ids, (uintptr_t)f.name, pair, id);
    }
    return id;
}

static void add_cost(struct callgrind *c, uint32_t function, uint32_t line, uint32_t callee,
                     const uint64_t *values)
{
    uint64_t place = (uint64_t)function << 32 | line;
    uint32_t id = id_map_find(&c->cost_ids, place, callee);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)c->costs.count;
        *MEM_PUSH(&c->costs) = (struct cost){.function = function, .callee = callee, .line = line};
        id_map_put(&c->cost_ids, place, callee, id);
    }
    for (size_t i = 0; i < EVENTS; i++) {
        c->costs.at[id].values[i] += values[events[i].metric];
    }
}

/* frames without what lies between two places of one function; returns how many. */
static uint32_t without_recursion(const struct callgrind *c, const struct export_stack *stack,
                                  uint32_t *frames)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < stack->count; i++) {
        uint32_t frame = stack->frames[i];
        for (uint32_t before = 0; before < count; before++) {
            if (c->function_of[frames[before]] == c->function_of[frame]) {
                count = before;
                break;
            }
        }
        frames[count++] = frame;
    }
    return count;
}

static void add_stack(struct callgrind *c, const struct export_stack *stack)
{
    uint32_t *frames = mem_zero(stack->count, sizeof *frames);
    uint32_t count = without_recursion(c, stack, frames);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t callee = i + 1 < count ? c->function_of[frames[i + 1]] : NO_CALLEE;
        add_cost(c, c->function_of[frames[i]], c->stacks->frames.at[frames[i]].at.line, callee,
                 stack->values);
    }
    free(frames);
}

static int by_place(const void *a, const void *b)
{
    const struct cost *x = a;
    const struct cost *y = b;
    if (x->function != y->function) {
        return x->function < y->function ? -1 : 1;
    }
    if ((x->callee == NO_CALLEE) != (y->callee == NO_CALLEE)) {
        return x->callee == NO_CALLEE ? -1 : 1; /* its own first */
    }
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return x->callee < y->callee ? -1 : x->callee > y->callee;
}

enum name_kind { NAME_OBJECT, NAME_FILE, NAME_FUNCTION };

/* "fn=(3) name" at the first time, "fn=(3)" then. */
static void write_name(struct callgrind *c, const char *key, enum name_kind kind, uint64_t id,
                       const char *text)
{
    uint32_t number = id_map_find(&c->names, UINT64_MAX - kind, id);
    fprintf(c->out, "%s=", key);
    if (number != ID_MAP_NONE) {
        fprintf(c->out, "(%" PRIu32 ")\n", number);
        return;
    }
    number = ++c->name_counts[kind];
    id_map_put(&c->names, UINT64_MAX - kind, id, number);
    char *visible = escape_terminal(text[0] != '\0' ? text : "???");
    fprintf(c->out, "(%" PRIu32 ") %s\n", number, visible);
    free(visible);
}

static void write_values(struct callgrind *c, uint32_t line, const uint64_t *values)
{
    fprintf(c->out, "%" PRIu32, line);
    for (size_t i = 0; i < EVENTS; i++) {
        fprintf(c->out, " %" PRIu64, values[i]);
    }
    fputc('\n', c->out);
}

static void write_place(struct callgrind *c, uint32_t id, bool is_callee)
{
    const struct function *f = &c->functions.at[id];
    write_name(c, is_callee ? "cob" : "ob", NAME_OBJECT, (uintptr_t)f->module, f->module);
    write_name(c, is_callee ? "cfi" : "fl", NAME_FILE, (uintptr_t)f->file, f->file);
    write_name(c, is_callee ? "cfn" : "fn", NAME_FUNCTION, id, f->name);
}

static void write_costs(struct callgrind *c)
{
    uint32_t function = NO_CALLEE;
    for (size_t i = 0; i < c->costs.count; i++) {
        const struct cost *cost = &c->costs.at[i];
        if (cost->function != function) {
            function = cost->function;
            fputc('\n', c->out);
            write_place(c, function, false);
        }
        if (cost->callee != NO_CALLEE) {
            write_place(c, cost->callee, true);
            fprintf(c->out, "calls=%" PRIu64 " 0\n", cost->values[0] > 0 ? cost->values[0] : 1);
        }
        write_values(c, cost->line, cost->values);
    }
}

static void write_head(struct callgrind *c, const struct profile *p)
{
    char *command = report_command_text(p->run.command);
    char *visible = escape_terminal(command);
    fprintf(c->out,
            "# callgrind format\nversion: 1\ncreator: alloctrap\npid: %" PRIu32
            "\ncmd: %s\npositions: line\n",
            p->processes.count > 0 ? p->processes.at[0].pid : 0, visible);
    for (size_t i = 0; i < EVENTS; i++) {
        fprintf(c->out, "event: %s : %s\n", events[i].event, events[i].title);
    }
    fputs("events:", c->out);
    for (size_t i = 0; i < EVENTS; i++) {
        fprintf(c->out, " %s", events[i].event);
    }
    fputs("\nsummary:", c->out);
    for (size_t i = 0; i < EVENTS; i++) {
        fprintf(c->out, " %" PRIu64, c->stacks->totals[events[i].metric]);
    }
    fputc('\n', c->out);
    free(visible);
    free(command);
}

static void collect(struct callgrind *c)
{
    const struct export_stacks *stacks = c->stacks;
    c->function_of = mem_zero(stacks->frames.count, sizeof *c->function_of);
    for (size_t i = 0; i < stacks->frames.count; i++) {
        c->function_of[i] = function_id(c, &stacks->frames.at[i].at);
    }
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        if (stacks->stacks.at[i].values[EXPORT_ALLOCATIONS] != 0 ||
            stacks->stacks.at[i].values[EXPORT_TIME] != 0) {
            add_stack(c, &stacks->stacks.at[i]);
        }
    }
    if (c->costs.count > 1) {
        qsort(c->costs.at, c->costs.count, sizeof *c->costs.at, by_place);
    }
}

enum err_code export_callgrind(const struct export_job *job, struct err *reterr)
{
    struct callgrind c = {
        .stacks = job->side.stacks, .out = job->out, .texts = mem_strings_create()};
    collect(&c);
    write_head(&c, job->side.profile);
    write_costs(&c);
    free(c.function_of);
    free(c.functions.at);
    free(c.costs.at);
    id_map_finish(&c.function_ids);
    id_map_finish(&c.cost_ids);
    id_map_finish(&c.names);
    mem_strings_destroy(c.texts);
    (void)reterr;
    return ERR_NONE;
}
