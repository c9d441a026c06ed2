#include "view/compare.h"

#include <stdlib.h>

#include "base/mem.h"
#include "insight/site_name.h"
#include "view/json.h"
#include "view/json_profile.h"

static void write_side(struct json *json, const char *name, const char *file,
                       const struct compare_side *side)
{
    json_object(json, name);
    json_text(json, "file", file);
    json_run(json, side->profile);
    json_totals(json, "totals", &side->profile->totals, side->ns);
    if (side->units != 0) {
        json_object(json, "per_unit_of");
        json_uint(json, "count", side->units);
        json_text(json, "name", side->unit_name);
        json_end(json);
    }
    json_end(json);
}

static void write_functions(struct json *json, const struct comparison *c)
{
    json_object(json, "functions");
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (c->before.calls[i].count != 0 || c->after.calls[i].count != 0) {
            json_object(json, hook_call_name(i));
            json_latency(json, "before", &c->before.calls[i]);
            json_latency(json, "after", &c->after.calls[i]);
            json_end(json);
        }
    }
    json_end(json);
}

static void write_counts(struct json *json, const char *name, const struct compare_counts *counts)
{
    json_object(json, name);
    json_uint(json, "sites", counts->sites);
    json_uint(json, "allocations", counts->allocs);
    json_uint(json, "allocated_bytes", counts->bytes);
    json_uint(json, "temporary_allocations", counts->temporaries);
    json_uint(json, "peak_bytes", counts->peak_bytes);
    json_uint(json, "live_at_end_bytes", counts->live_bytes);
    json_uint(json, "allocator_time_ns", counts->ns);
    json_end(json);
}

static void write_chain(struct json *json, const struct site_stack *stack)
{
    json_array(json, "stack");
    for (size_t i = 0; i < stack->count; i++) {
        char *function = site_function(&stack->at[i]);
        json_object(json, NULL);
        json_text(json, "function", function);
        json_text(json, "file", stack->at[i].file);
        json_uint(json, "line", stack->at[i].line);
        json_text(json, "module", stack->at[i].module);
        json_bool(json, "inlined", stack->at[i].is_inlined);
        json_end(json);
        free(function);
    }
    json_end(json);
}

/* A function has no chain of its own: those who call it differ. */
enum chain_kind { WITH_CHAIN, WITHOUT_CHAIN };

static void write_site(struct json *json, const struct comparison *c, struct site_stack *stack,
                       const struct compare_site *site, enum chain_kind chain)
{
    static const char *const changes[] = {[COMPARE_VANISHED] = "vanished",
                                          [COMPARE_APPEARED] = "appeared",
                                          [COMPARE_SHRANK] = "shrank",
                                          [COMPARE_GREW] = "grew",
                                          [COMPARE_SAME] = "same"};
    bool is_gone = site->after.sites == 0;
    const struct profile *p = is_gone ? c->before.profile : c->after.profile;
    uint32_t id = is_gone ? site->before.site : site->after.site;
    site_stack_load(stack, p, p->sites.at[id].path);
    size_t shown = site_stack_shown(stack, c->wrappers);
    char *function = stack->count != 0 ? site_function(&stack->at[shown]) : mem_text("(remainder)");
    json_object(json, NULL);
    json_text(json, "change", changes[site->change]);
    json_text(json, "function", function);
    write_counts(json, "before", &site->before);
    write_counts(json, "after", &site->after);
    if (chain == WITH_CHAIN) {
        write_chain(json, stack);
    }
    json_end(json);
    free(function);
}

static void write_sites(struct json *json, const char *name, const struct compare_view *view,
                        const compare_sites *sites, enum chain_kind chain)
{
    struct site_stack stack = {0};
    json_array(json, name);
    size_t count = view->top != 0 && view->top < sites->count ? view->top : sites->count;
    for (size_t i = 0; i < count; i++) {
        write_site(json, view->comparison, &stack, &sites->at[i], chain);
    }
    json_end(json);
    site_stack_finish(&stack);
}

void compare_json(const struct compare_view *view, FILE *out)
{
    const struct comparison *c = view->comparison;
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "format", "alloctrap-compare/1");
    write_side(&json, "before", view->before, &c->before);
    write_side(&json, "after", view->after, &c->after);
    json_bool(&json, "changed", c->has_change);
    write_functions(&json, c);
    write_sites(&json, "allocating_functions", view, &c->functions, WITHOUT_CHAIN);
    write_sites(&json, "sites", view, &c->sites, WITH_CHAIN);
    json_end(&json);
}
