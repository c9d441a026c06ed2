#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "insight/site_callers.h"
#include "view/advise.h"
#include "view/report.h"
#include "view/site_notes.h"

static char *number_text(enum finding_unit unit, uint64_t value)
{
    switch (unit) {
    case FINDING_BYTES:
        return mem_text(units_bytes(value).s);
    case FINDING_NS:
        return mem_text(units_ns(value).s);
    case FINDING_PERMILLE:
        return mem_text(units_share(value, 1000).s);
    default:
        return mem_text(units_count(value).s);
    }
}

/* "A, B and C" as it grows. */
static char *also(char *text, char *more)
{
    if (text == NULL) {
        return more;
    }
    char *both = mem_format("%s, %s", text, more);
    free(text);
    free(more);
    return both;
}

static char *add_bytes(char *text, uint64_t bytes, uint64_t whole, const char *words,
                       const char *of_what)
{
    if (bytes == 0) {
        return text;
    }
    return also(text, mem_format("%s %s (%s of %s)", units_bytes(bytes).s, words,
                                 units_share(bytes, whole).s, of_what));
}

char *advise_saves_text(const struct finding_facts *facts, const struct finding_saves *saves)
{
    char *text = NULL;
    if (saves->calls != 0) {
        text = mem_format("%s allocations (%s)", units_count(saves->calls).s,
                          units_share(saves->calls, facts->allocs).s);
    }
    text = add_bytes(text, saves->copied_bytes, facts->bytes, "of copying", "all bytes asked for");
    text =
        add_bytes(text, saves->cleared_bytes, facts->bytes, "of clearing", "all bytes asked for");
    text = add_bytes(text, saves->memory_bytes, facts->peak_bytes, "of memory", "the peak");
    if (saves->ns != 0) {
        text = also(text, mem_format("%s in the allocator (%s of its time)", units_ns(saves->ns).s,
                                     units_share(saves->ns, facts->ns).s));
    }
    return text != NULL ? text : mem_text("nothing that was measured");
}

char *advise_nothing_text(const struct advice *advice)
{
    const struct finding_facts *facts = &advice->facts;
    if (advice->cannot_tell != NULL) {
        return mem_format("Nothing can be said: %s.", advice->cannot_tell);
    }
    char *what = mem_format("%s allocations took %s in the allocator, %s of the run",
                            units_count(facts->allocs).s, units_ns(facts->ns).s,
                            units_share(facts->ns, facts->duration_ns).s);
    char *text;
    if (facts->allocs < ADVISE_CALLS_MIN) {
        text = mem_format("Nothing worth doing: %s; there is too little to save.", what);
    } else if (advice->below == 0) {
        text = mem_format("Nothing worth doing: %s, and none of the %d kinds of findings fits any "
                          "of its call sites.",
                          what, FINDING_KINDS);
    } else {
        const struct finding *f = &advice->largest_below;
        char *saves = advise_saves_text(facts, &f->saves);
        text = mem_format("Nothing worth doing: %s; the largest of %" PRIu32
                          " findings (%s) would save %s.",
                          what, advice->below, finding_name(f->kind), saves);
        free(saves);
    }
    free(what);
    return text;
}

struct printing {
    const struct advise_view *view;
    const struct page *page;
    struct site_stack stack;
    size_t shown;
};

static void print_where(struct printing *p, const struct finding *f)
{
    static const struct table_column columns[] = {{"", TABLE_NAME}};
    const struct profile *profile = p->view->advice->facts.profile;
    struct table *table = table_create(columns, 1);
    struct site_callers_list callers = {0};
    site_callers_add(&callers, &p->stack, p->shown);
    char *label = p->stack.count != 0 ? site_label(&p->stack.at[p->shown])
                                      : mem_text("(calls whose call path was not kept)");
    table_add(table, label);
    site_notes_add(table, &callers, &p->stack, p->shown);
    if (f->sites > 1) {
        char *more = mem_format("and %" PRIu32 " more call sites that come here", f->sites - 1);
        table_note(table, more);
        free(more);
    }
    if (f->free_site != 0) {
        struct site_stack freeing = {0};
        site_stack_load(&freeing, profile, profile->sites.at[f->free_site].path);
        char *place = site_label(&freeing.at[site_stack_shown(&freeing, p->view->wrappers)]);
        char *freed = mem_format("freed by %s", place);
        table_note(table, freed);
        free(freed);
        free(place);
        site_stack_finish(&freeing);
    }
    page_table(p->page, table);
    free(label);
    site_callers_finish(&callers);
}

static void print_evidence(const struct page *page, const struct finding *f)
{
    static const struct table_column columns[] = {{"", TABLE_NUMBER}, {"", TABLE_REMARK}};
    struct table *table = table_create(columns, 2);
    for (size_t i = 0; i < f->number_count; i++) {
        char *value = number_text(f->numbers[i].unit, f->numbers[i].value);
        table_add(table, value);
        table_add(table, f->numbers[i].words);
        free(value);
    }
    page_say(page, "Evidence:");
    page_table(page, table);
}

static void print_silence(const struct printing *p, const struct finding *f)
{
    char *function = p->stack.count != 0 ? site_function(&p->stack.at[p->shown]) : mem_text("*");
    bool is_plain = strpbrk(function, " '\"<>()*&;|$`\\[]?") == NULL;
    char *option = strchr(function, '\'') != NULL
                       ? mem_format("--silence=%s", finding_name(f->kind))
                       : mem_format("--silence=%s%s:%s%s", is_plain ? "" : "'",
                                    finding_name(f->kind), function, is_plain ? "" : "'");
    page_command(p->page, option, 0, "leaves this finding out");
    free(option);
    free(function);
}

static void print_finding(struct printing *p, size_t number, const struct finding *f)
{
    const struct profile *profile = p->view->advice->facts.profile;
    site_stack_load(&p->stack, profile, profile->sites.at[f->site].path);
    p->shown = f->place;
    char *heading = mem_format("%zu. %s: %s", number, finding_name(f->kind), finding_line(f->kind));
    char *saves = advise_saves_text(&p->view->advice->facts, &f->saves);
    page_heading(p->page, heading);
    print_where(p, f);
    page_say(p->page, "Saves at most: %s.", saves);
    page_say(p->page, "Confidence %s: %s.", finding_confidence_name(f->confidence), f->reason);
    if (f->cause != NULL) {
        page_say(p->page, "Cause: %s.", f->cause);
    }
    print_evidence(p->page, f);
    page_say(p->page, "%s", finding_advice_of(f));
    page_code(p->page, finding_example_of(f));
    print_silence(p, f);
    free(saves);
    free(heading);
}

static void print_left_out(const struct advice *advice, size_t shown, const struct page *page)
{
    if (shown < advice->findings.count) {
        page_say(page, "%zu more with --top=0.", advice->findings.count - shown);
    }
    if (advice->below != 0 && advice->findings.count != 0) {
        page_say(page, "%" PRIu32 " more would change less than %s of any total and are left out.",
                 advice->below, units_share(advice->threshold_permille, 1000).s);
    }
    if (advice->silenced != 0) {
        page_say(page, "%" PRIu32 " silenced.", advice->silenced);
    }
}

static void print_summary(const struct advice *advice, size_t shown, const struct page *page)
{
    char *loss = report_loss_text(advice->facts.profile);
    if (loss[0] != '\0') {
        page_warn(page, "%s", loss);
    }
    free(loss);
    char *command = report_command_text(advice->facts.profile->run.command);
    page_say(page, "%s", command[0] != '\0' ? command : "(unknown command)");
    free(command);
    if (advice->findings.count == 0) {
        char *nothing = advise_nothing_text(advice);
        page_say(page, "%s", nothing);
        free(nothing);
        return;
    }
    page_say(page,
             "%s allocations, %s asked for, %s in the allocator (%s of the run). %zu finding%s; "
             "first what saves most and is surest.",
             units_count(advice->facts.allocs).s, units_bytes(advice->facts.bytes).s,
             units_ns(advice->facts.ns).s,
             units_share(advice->facts.ns, advice->facts.duration_ns).s, shown,
             shown == 1 ? "" : "s");
}

void advise_print(const struct advise_view *view, const struct page *page)
{
    const struct advice *advice = view->advice;
    struct printing p = {.view = view, .page = page};
    size_t shown =
        view->top != 0 && view->top < advice->findings.count ? view->top : advice->findings.count;
    print_summary(advice, shown, page);
    for (size_t i = 0; i < shown; i++) {
        print_finding(&p, i + 1, &advice->findings.at[i]);
    }
    print_left_out(advice, shown, page);
    site_stack_finish(&p.stack);
}
