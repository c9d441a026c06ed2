#include <stdlib.h>

#include "base/mem.h"
#include "heap/slow_cause.h"
#include "view/advise.h"
#include "view/json_profile.h"

static void write_numbers(struct json *json, const struct finding *f)
{
    json_object(json, "evidence");
    for (size_t i = 0; i < f->number_count; i++) {
        json_uint(json, f->numbers[i].name, f->numbers[i].value);
    }
    json_end(json);
    json_object(json, "saves");
    json_uint(json, "allocations", f->saves.calls);
    json_uint(json, "copied_bytes", f->saves.copied_bytes);
    json_uint(json, "cleared_bytes", f->saves.cleared_bytes);
    json_uint(json, "memory_bytes", f->saves.memory_bytes);
    json_uint(json, "allocator_time_ns", f->saves.ns);
    json_end(json);
}

static void write_place(struct json *json, const struct advice *advice,
                        const struct site_wrappers *wrappers, const struct finding *f)
{
    const struct profile *p = advice->facts.profile;
    struct site_stack stack = {0};
    site_stack_load(&stack, p, p->sites.at[f->site].path);
    if (stack.count != 0) {
        const struct site_frame *shown = &stack.at[f->place];
        char *function = site_function(shown);
        char *silence = mem_format("%s:%s", finding_name(f->kind), function);
        json_frame(json, shown);
        json_text(json, "silence", silence);
        free(silence);
        free(function);
    }
    json_stack(json, &stack);
    if (f->free_site != 0) {
        site_stack_load(&stack, p, p->sites.at[f->free_site].path);
        json_object(json, "freed_by");
        json_uint(json, "site", f->free_site);
        json_frame(json, &stack.at[site_stack_shown(&stack, wrappers)]);
        json_end(json);
    }
    site_stack_finish(&stack);
}

static void write_finding(struct json *json, const struct advice *advice,
                          const struct site_wrappers *wrappers, const struct finding *f)
{
    json_object(json, NULL);
    json_text(json, "kind", finding_name(f->kind));
    json_text(json, "summary", finding_line(f->kind));
    json_uint(json, "site", f->site);
    json_uint(json, "call_sites", f->sites);
    json_text(json, "confidence", finding_confidence_name(f->confidence));
    json_text(json, "reason", f->reason);
    if (f->cause != NULL) {
        json_text(json, "cause", f->cause);
        json_text(json, "cause_kind", slow_cause_name(f->cause_kind));
    }
    json_uint(json, "effect_permille", f->effect_permille);
    write_numbers(json, f);
    json_text(json, "advice", finding_advice_of(f));
    json_text(json, "example", finding_example_of(f));
    write_place(json, advice, wrappers, f);
    json_end(json);
}

void json_findings(struct json *json, const struct advice *advice,
                   const struct site_wrappers *wrappers, size_t top)
{
    json_array(json, "findings");
    for (size_t i = 0; i < advice->findings.count && (top == 0 || i < top); i++) {
        write_finding(json, advice, wrappers, &advice->findings.at[i]);
    }
    json_end(json);
}

void advise_json(const struct advise_view *view, FILE *out)
{
    const struct advice *advice = view->advice;
    const struct profile *p = advice->facts.profile;
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "format", "alloctrap-advice/1");
    json_run(&json, p);
    json_totals(&json, "totals", &p->totals, advice->facts.ns);
    json_findings(&json, advice, view->wrappers, view->top);
    json_uint(&json, "threshold_permille", advice->threshold_permille);
    json_uint(&json, "below_threshold", advice->below);
    json_uint(&json, "silenced", advice->silenced);
    if (advice->findings.count == 0) {
        char *nothing = advise_nothing_text(advice);
        json_text(&json, "nothing_because", nothing);
        free(nothing);
    }
    json_end(&json);
}
