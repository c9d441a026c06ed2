#include <stdlib.h>

#include "base/mem.h"
#include "base/units.h"
#include "view/advise.h"
#include "view/report.h"

enum { FINDINGS_SHOWN = 5 };

static void add_finding(struct table *table, const struct report *r, struct site_stack *stack,
                        const struct finding *f)
{
    site_stack_load(stack, r->profile, r->profile->sites.at[f->site].path);
    char *label = stack->count != 0 ? site_label(&stack->at[f->place])
                                    : mem_text("(calls whose call path was not kept)");
    table_add(table, finding_name(f->kind));
    table_add(table, finding_confidence_name(f->confidence));
    table_add(table, units_share(f->effect_permille, 1000).s);
    table_add(table, units_count(f->saves.calls).s);
    table_add(table, units_ns(f->saves.ns).s);
    table_add(table, label);
    free(label);
}

void report_print_findings(const struct report *report, const struct page *page)
{
    static const struct table_column columns[] = {
        {"kind", TABLE_WORD},          {"confidence", TABLE_WORD}, {"effect", TABLE_NUMBER},
        {"allocations", TABLE_NUMBER}, {"time", TABLE_NUMBER},     {"where", TABLE_NAME}};
    const struct advice *advice = report->advice;
    page_heading(page, "Findings");
    if (advice->findings.count == 0) {
        char *nothing = advise_nothing_text(advice);
        page_say(page, "%s", nothing);
        free(nothing);
        return;
    }
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    struct site_stack stack = {0};
    for (size_t i = 0; i < advice->findings.count && i < FINDINGS_SHOWN; i++) {
        add_finding(table, report, &stack, &advice->findings.at[i]);
    }
    site_stack_finish(&stack);
    page_say(
        page,
        "%zu of the whole recording%s, with what a fix would save at most; effect: its largest "
        "share of allocations, bytes, time or peak.",
        advice->findings.count, advice->findings.count > FINDINGS_SHOWN ? ", 5 shown" : "");
    page_table(page, table);
}
