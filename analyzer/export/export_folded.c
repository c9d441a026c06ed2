/*
 * export_folded - "root;...;leaf N", a line for each distinct chain of functions, sorted; with a
 * base "root;...;leaf BASE N", as difffolded.pl has it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/escape.h"
#include "export/export.h"
#include "export/export_flame.h"

/* ';' parts frames and a line is a stack: neither may be in a name. */
static char *frame_text(const struct site_frame *frame)
{
    char *text = escape_terminal(frame->function);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == ';' ? ':' : *c;
    }
    return text;
}

static void write_line(const struct export_job *job, char *const *names,
                       const struct export_flame_node *node)
{
    for (uint32_t i = 1; i <= node->depth; i++) {
        fprintf(job->out, "%s%s", i > 1 ? ";" : "", names[i]);
    }
    if (job->base.profile != NULL) {
        fprintf(job->out, " %" PRIu64, node->base_self);
    }
    fprintf(job->out, " %" PRIu64 "\n", node->self);
}

enum err_code export_folded(const struct export_job *job, struct err *reterr)
{
    struct export_flame *flame =
        export_flame_create(&(struct export_flame_plan){.stacks = job->side.stacks,
                                                        .base = job->base.stacks,
                                                        .metric = job->metric,
                                                        .is_inverted = job->is_inverted,
                                                        .is_per_unit = job->is_per_unit,
                                                        .is_by_name = true});
    char **names = mem_zero(flame->depth_max + 1, sizeof *names);
    for (size_t i = 1; i < flame->nodes.count; i++) {
        const struct export_flame_node *node = &flame->nodes.at[i];
        free(names[node->depth]);
        names[node->depth] = frame_text(&node->frame);
        if (node->self != 0 || node->base_self != 0) {
            write_line(job, names, node);
        }
    }
    for (uint32_t i = 0; i <= flame->depth_max; i++) {
        free(names[i]);
    }
    free(names);
    export_flame_destroy(flame);
    (void)reterr;
    return ERR_NONE;
}
