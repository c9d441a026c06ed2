/*
 * export_massif - the output of Valgrind's massif, for ms_print and massif-visualizer: the timeline
 * as snapshots, with trees of who holds what at the peak and at the end.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/escape.h"
#include "export/export.h"
#include "export/export_flame.h"
#include "view/report.h"

enum { NS_PER_MS = 1000000, SMALL_PART = 100 /* below a hundredth: one line for all */ };

struct massif {
    const struct export_job *job;
    unsigned snapshots;
};

struct place {
    const struct export_flame *flame;
    uint64_t small; /* bytes below which nodes are put together */
};

static void write_snapshot(struct massif *m, uint64_t at_ns, uint64_t bytes, const char *tree)
{
    fprintf(m->job->out,
            "#-----------\nsnapshot=%u\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRIu64
            "\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
            m->snapshots++, at_ns / NS_PER_MS, bytes, tree);
}

static void write_name(FILE *out, const struct site_frame *frame)
{
    char *function = escape_terminal(frame->function);
    char *file = escape_terminal(frame->file);
    char *module = escape_terminal(frame->module);
    fprintf(out, "0x%" PRIX64 ": %s (", frame->offset, function);
    if (file[0] != '\0') {
        fprintf(out, "%s:%" PRIu32 ")\n", site_basename(file), frame->line);
    } else {
        fprintf(out, "in %s)\n", module[0] != '\0' ? module : "???");
    }
    free(function);
    free(file);
    free(module);
}

/* The children that get a line, and what the others hold. children end where depth falls. */
static unsigned count_children(const struct place *p, size_t id, unsigned *ret_small,
                               uint64_t *ret_small_bytes)
{
    const struct export_flame_node *nodes = p->flame->nodes.at;
    unsigned large = 0;
    *ret_small = 0;
    *ret_small_bytes = 0;
    for (size_t i = id + 1; i < p->flame->nodes.count && nodes[i].depth > nodes[id].depth; i++) {
        bool is_child = nodes[i].depth == nodes[id].depth + 1;
        bool is_small = nodes[i].value < p->small;
        large += is_child && !is_small;
        *ret_small += is_child && is_small;
        *ret_small_bytes += is_child && is_small ? nodes[i].value : 0;
    }
    return large;
}

static void write_node(FILE *out, const struct place *p, size_t id)
{
    const struct export_flame_node *node = &p->flame->nodes.at[id];
    unsigned small = 0;
    uint64_t small_bytes = 0;
    unsigned large = count_children(p, id, &small, &small_bytes);
    fprintf(out, "%*sn%u: %" PRIu64 " ", (int)node->depth, "", large + (small > 0), node->value);
    if (id == 0) {
        fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n", out);
    } else {
        write_name(out, &node->frame);
    }
}

/* Siblings are sorted: the small ones are a node's last children. */
static void write_small(FILE *out, const struct place *p, size_t id)
{
    unsigned small = 0;
    uint64_t bytes = 0;
    (void)count_children(p, id, &small, &bytes);
    if (small > 0) {
        fprintf(out, "%*sn0: %" PRIu64 " in %u place%s below massif's threshold (01.00%%)\n",
                (int)p->flame->nodes.at[id].depth + 1, "", bytes, small,
                small == 1 ? "," : "s, all");
    }
}

static void write_below(FILE *out, const struct place *p)
{
    const struct export_flame_node *nodes = p->flame->nodes.at;
    uint32_t *open = mem_zero(p->flame->depth_max + 2, sizeof *open); /* nodes around, by depth */
    uint32_t count = 0;
    for (size_t i = 0; i <= p->flame->nodes.count; i++) {
        uint32_t depth = i < p->flame->nodes.count ? nodes[i].depth : 0;
        if (i < p->flame->nodes.count && nodes[i].value < p->small) {
            continue;
        }
        while (count > depth) {
            write_small(out, p, open[--count]);
        }
        if (i < p->flame->nodes.count) {
            write_node(out, p, i);
            open[count++] = (uint32_t)i;
        }
    }
    free(open);
}

static void write_tree(const struct massif *m, enum export_metric metric)
{
    struct export_flame *flame = export_flame_create(&(struct export_flame_plan){
        .stacks = m->job->side.stacks, .metric = metric, .is_inverted = true});
    struct place place = {flame, flame->nodes.at[0].value / SMALL_PART};
    write_below(m->job->out, &place);
    export_flame_destroy(flame);
}

static void write_peak(struct massif *m)
{
    write_snapshot(m, m->job->side.selection->totals.peak_at_ns,
                   m->job->side.stacks->totals[EXPORT_PEAK], "peak");
    write_tree(m, EXPORT_PEAK);
}

/* The highest of each bin, and the peak at its own moment. What was chosen has no timeline. */
static void write_snapshots(struct massif *m)
{
    const struct profile *p = m->job->side.profile;
    uint64_t peak_at_ns = p->totals.peak_at_ns;
    bool has_peak = false;
    size_t bins = m->job->side.selection->is_filtered ? 0 : p->bins.count;
    write_snapshot(m, 0, 0, "empty");
    for (size_t i = 0; i < bins; i++) {
        uint64_t end_ns = (i + 1) * p->bin_ns;
        if (!has_peak && peak_at_ns < end_ns) {
            write_peak(m);
            has_peak = true;
        } else if (end_ns < p->run.duration_ns) {
            write_snapshot(m, end_ns, p->bins.at[i].live_bytes, "empty");
        }
    }
    if (!has_peak) {
        write_peak(m);
    }
    uint64_t end_ns = p->run.duration_ns > peak_at_ns ? p->run.duration_ns : peak_at_ns;
    write_snapshot(m, end_ns, m->job->side.stacks->totals[EXPORT_LIVE], "detailed");
    write_tree(m, EXPORT_LIVE);
}

enum err_code export_massif(const struct export_job *job, struct err *reterr)
{
    struct massif m = {.job = job};
    char *command = report_command_text(job->side.profile->run.command);
    char *shown = escape_terminal(command);
    fprintf(job->out, "desc: alloctrap\ncmd: %s\ntime_unit: ms\n", shown);
    write_snapshots(&m);
    free(shown);
    free(command);
    (void)reterr;
    return ERR_NONE;
}
