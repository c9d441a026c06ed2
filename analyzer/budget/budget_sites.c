#include "budget/budget_sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_glob.h"

static uint32_t name_id(struct budget_sites *sites, const char *name)
{
    const char *kept = mem_strings_keep(sites->strings, name);
    uint64_t address = (uint64_t)(uintptr_t)kept;
    uint32_t id = id_map_find(&sites->name_ids, 0, address);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)sites->names.count;
        *MEM_PUSH(&sites->names) = kept;
        id_map_put(&sites->name_ids, 0, address, id);
    }
    return id;
}

/* "libproto.so.1.2.3" is libproto.so.1: a patch release is the same library. */
static int module_length(const char *name)
{
    const char *so = strstr(name, ".so.");
    return (int)(so != NULL ? (size_t)(so - name) + 4 + strcspn(so + 4, ".") : strlen(name));
}

/* "module!function"; a frame without a name is its module's "?". */
static char *key_part(const struct site_frame *frame, bool has_module)
{
    const char *module = site_basename(frame->module);
    const char *function = site_has_name(frame) ? frame->function : "?";
    int length = site_plain_length(function);
    return has_module ? mem_format("%.*s!%.*s", module_length(module), module, length, function)
                      : mem_format("%.*s", length, function);
}

static const char *key_of(struct budget_sites *sites, const struct site_stack *stack, size_t shown)
{
    char *key = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&key, &length);
    char *last = mem_text("");
    unsigned parts = 0;
    for (size_t i = shown; i < stack->count && parts <= BUDGET_KEY_CALLERS; i++) {
        const struct site_frame *frame = &stack->at[i];
        bool is_other_module = i == shown || strcmp(frame->module, stack->at[i - 1].module) != 0;
        bool has_module =
            is_other_module || (!site_has_name(frame) && site_has_name(&stack->at[i - 1]));
        char *name = key_part(frame, false);
        bool is_again = !is_other_module && strcmp(name, last) == 0;
        if (!is_again) { /* recursion, or one more step inside code without names */
            char *part = key_part(frame, has_module);
            fprintf(out, "%s%s", parts > 0 ? " < " : "", part);
            free(part);
            parts += 1;
        }
        free(last);
        last = name;
    }
    free(last);
    fclose(out);
    const char *kept = mem_strings_keep(sites->strings, key[0] != '\0' ? key : "(remainder)");
    free(key);
    return kept;
}

static void add_site(struct budget_sites *sites, const struct site_stack *stack,
                     const struct site_wrappers *wrappers)
{
    struct budget_site site = {.frame_first = (uint32_t)sites->frames.count,
                               .frame_count = (uint32_t)stack->count};
    struct site_frame none = {.function = "", .file = "", .module = ""};
    size_t shown = stack->count > 0 ? site_stack_shown(stack, wrappers) : 0;
    const struct site_frame *frame = stack->count > 0 ? &stack->at[shown] : &none;
    char *label = stack->count > 0 ? site_function(frame) : mem_text("(remainder)");
    site.key = key_of(sites, stack, shown);
    site.function = name_id(sites, frame->function);
    site.module = name_id(sites, frame->module);
    site.file = name_id(sites, frame->file);
    site.label = name_id(sites, label);
    site.line = frame->line;
    free(label);
    for (size_t i = 0; i < stack->count; i++) {
        *MEM_PUSH(&sites->frames) = name_id(sites, stack->at[i].function);
    }
    *MEM_PUSH(&sites->at) = site;
}

static void mark_ignored(struct budget_sites *sites, const struct policy *policy)
{
    for (size_t i = 0; i < policy->ignores.count; i++) {
        const struct policy_ignore *ignore = &policy->ignores.at[i];
        bool *is_meant = budget_sites_match(sites, &ignore->match);
        for (size_t k = 1; k < sites->at.count; k++) {
            struct budget_site *site = &sites->at.at[k];
            site->is_ignored = site->is_ignored || (is_meant[k] && !ignore->leaks_only);
            site->is_leak_ignored = site->is_leak_ignored || is_meant[k];
        }
        free(is_meant);
    }
}

void budget_sites_make(struct budget_sites *sites, const struct profile *profile,
                       const struct policy *policy, const struct site_wrappers *wrappers)
{
    *sites = (struct budget_sites){.profile = profile, .strings = mem_strings_create()};
    struct site_stack stack = {0};
    for (size_t i = 0; i < profile->sites.count; i++) {
        site_stack_load(&stack, profile, profile->sites.at[i].path);
        add_site(sites, &stack, wrappers);
    }
    site_stack_finish(&stack);
    mark_ignored(sites, policy);
}

void budget_sites_finish(struct budget_sites *sites)
{
    free(sites->at.at);
    free(sites->names.at);
    free(sites->frames.at);
    id_map_finish(&sites->name_ids);
    mem_strings_destroy(sites->strings);
    *sites = (struct budget_sites){0};
}

/* A glob over names that come again and again: each name is matched once. */
struct memo {
    const struct budget_sites *sites;
    const char *pattern; /* NULL: all match */
    bool (*matches)(const char *pattern, const char *name);
    signed char *known; /* 0 = not asked yet */
};

static struct memo memo_for(const struct budget_sites *sites, const char *pattern,
                            bool (*matches)(const char *pattern, const char *name))
{
    return (struct memo){sites, pattern, matches,
                         pattern != NULL ? mem_zero(sites->names.count + 1, 1) : NULL};
}

static bool memo_ask(struct memo *memo, uint32_t name)
{
    if (memo->pattern == NULL) {
        return true;
    }
    if (memo->known[name] == 0) {
        bool is_match = memo->matches(memo->pattern, memo->sites->names.at[name]);
        memo->known[name] = is_match ? 1 : -1;
    }
    return memo->known[name] > 0;
}

/* A library by its file name or by its path. */
static bool matches_module(const char *pattern, const char *module)
{
    return budget_glob_matches(pattern, site_basename(module)) ||
           budget_glob_matches_path(pattern, module);
}

static bool is_under(struct memo *under, const struct budget_site *site)
{
    bool is_found = under->pattern == NULL;
    for (uint32_t i = 0; i < site->frame_count && !is_found; i++) {
        is_found = memo_ask(under, under->sites->frames.at[site->frame_first + i]);
    }
    return is_found;
}

bool *budget_sites_match(const struct budget_sites *sites, const struct policy_match *match)
{
    bool *is_meant = mem_zero(sites->at.count + 1, sizeof *is_meant);
    struct memo function = memo_for(sites, match->function, budget_glob_matches_function);
    struct memo module = memo_for(sites, match->module, matches_module);
    struct memo file = memo_for(sites, match->file, budget_glob_matches_path);
    struct memo label = memo_for(sites, match->site, budget_glob_matches_function);
    struct memo under = memo_for(sites, match->under, budget_glob_matches_function);
    for (size_t i = 0; i < sites->at.count; i++) {
        const struct budget_site *site = &sites->at.at[i];
        is_meant[i] = memo_ask(&function, site->function) && memo_ask(&module, site->module) &&
                      memo_ask(&file, site->file) && memo_ask(&label, site->label) &&
                      is_under(&under, site);
    }
    free(function.known);
    free(module.known);
    free(file.known);
    free(label.known);
    free(under.known);
    return is_meant;
}
