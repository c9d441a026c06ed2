/*
 * export_csv - RFC 4180: a heading and a row for each call site; the stack in one field, root
 * first, functions parted by ";", which in their names becomes ":".
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "export/export.h"
#include "insight/latency.h"

/* Texts are quoted always; one that a spreadsheet would take for a formula gets a space before. */
static void write_text(FILE *out, const char *text)
{
    char *visible = escape_terminal(text);
    bool is_formula = visible[0] != '\0' && strchr("=+-@", visible[0]) != NULL;
    fputs(is_formula ? "\" " : "\"", out);
    for (const char *c = visible; *c != '\0'; c++) {
        fputs(*c == '"' ? "\"" : "", out);
        fputc(*c, out);
    }
    fputc('"', out);
    free(visible);
}

static char *name_in_stack(const struct site_frame *frame)
{
    char *name = escape_terminal(frame->function);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == ';' ? ':' : *c;
    }
    return name;
}

static char *stack_text(const struct export_stacks *stacks, const struct export_stack *stack)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (uint32_t i = 0; out != NULL && i < stack->count; i++) {
        char *name = name_in_stack(&stacks->frames.at[stack->frames[i]].at);
        fprintf(out, "%s%s", i > 0 ? ";" : "", name);
        free(name);
    }
    if (out == NULL || fclose(out) != 0) {
        return mem_text("");
    }
    return text;
}

static void write_row(const struct export_job *job, const struct export_stack *stack,
                      struct site_stack *loaded)
{
    const struct profile *p = job->side.profile;
    const struct profile_site *site = &p->sites.at[stack->site];
    struct site_frame none = {.function = "(remainder)", .file = "", .module = ""};
    site_stack_load(loaded, p, site->path);
    const struct site_frame *shown =
        loaded->count > 0 ? &loaded->at[site_stack_shown(loaded, NULL)] : &none;
    char *function = site_function(shown);
    fprintf(job->out, "%" PRIu32 ",", stack->site);
    write_text(job->out, function);
    fputc(',', job->out);
    write_text(job->out, shown->file);
    fprintf(job->out, ",%" PRIu32 ",", shown->line);
    write_text(job->out, shown->module);
    for (size_t i = 0; i < EXPORT_METRICS; i++) {
        fprintf(job->out, ",%" PRIu64, stack->values[i]);
    }
    struct latency l = latency_of(&job->side.selection->site_totals[stack->site], &site->latency,
                                  p->run.clock_cost_ps);
    fprintf(job->out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", l.p50_ns,
            l.p90_ns, l.p99_ns, l.p999_ns, l.max_ns);
    char *text = stack_text(job->side.stacks, stack);
    write_text(job->out, text);
    fputs("\r\n", job->out);
    free(text);
    free(function);
}

enum err_code export_csv(const struct export_job *job, struct err *reterr)
{
    const struct export_stacks *stacks = job->side.stacks;
    struct site_stack loaded = {0};
    fputs("site,function,file,line,module", job->out);
    for (size_t i = 0; i < EXPORT_METRICS; i++) {
        char *name = export_metric_column((enum export_metric)i);
        fprintf(job->out, ",%s", name);
        free(name);
    }
    fputs(",p50_ns,p90_ns,p99_ns,p999_ns,max_ns,stack\r\n", job->out);
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        write_row(job, &stacks->stacks.at[i], &loaded);
    }
    site_stack_finish(&loaded);
    (void)reterr;
    return ERR_NONE;
}
