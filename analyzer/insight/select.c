#include "insight/select.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "insight/latency.h"

static enum err_code compile(regex_t *regex, const char *option, const char *text,
                             struct err *reterr)
{
    int code = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
    if (code == 0) {
        return ERR_NONE;
    }
    char why[256];
    regerror(code, regex, why, sizeof why);
    char *shown = escape_terminal(text);
    enum err_code result =
        err_set(reterr, ERR_USAGE, NULL,
                "%s='%s' is no extended regular expression: %s; write a backslash before a sign "
                "that stands for itself",
                option, shown, why);
    free(shown);
    return result;
}

static bool matches(const regex_t *regex, const char *text)
{
    return text != NULL && text[0] != '\0' && regexec(regex, text, 0, NULL, 0) == 0;
}

static bool frame_matches(const struct profile *p, const struct profile_frame *frame,
                          const regex_t *regex)
{
    if (matches(regex, p->modules.at[frame->module].path)) {
        return true;
    }
    for (uint32_t i = 0; i < frame->symbol_count; i++) {
        const struct profile_symbol *symbol = &p->symbols.at[frame->symbol_first + i];
        if (matches(regex, symbol->function) || matches(regex, symbol->file)) {
            return true;
        }
    }
    return false;
}

/* One verdict for each path: each frame is looked at once, and a path matches where its parent or
 * its own frame does (a parent's id is always lower). */
static bool *match_paths(const struct profile *p, const regex_t *regex)
{
    bool *frames = mem_zero(p->frames.count, sizeof *frames);
    for (size_t i = 1; i < p->frames.count; i++) {
        frames[i] = frame_matches(p, &p->frames.at[i], regex);
    }
    bool *paths = mem_zero(p->paths.count, sizeof *paths);
    for (size_t i = 1; i < p->paths.count; i++) {
        paths[i] = paths[p->paths.at[i].parent] || frames[p->paths.at[i].frame];
    }
    free(frames);
    return paths;
}

static enum err_code filter(const struct profile *p, const char *option, const char *text,
                            bool keeps, struct selection *s, struct err *reterr)
{
    if (text == NULL) {
        return ERR_NONE;
    }
    regex_t regex;
    enum err_code code = compile(&regex, option, text, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    bool *paths = match_paths(p, &regex);
    for (size_t i = 0; i < p->sites.count; i++) {
        s->is_kept[i] = s->is_kept[i] && paths[p->sites.at[i].path] == keeps;
    }
    s->is_filtered = true;
    free(paths);
    regfree(&regex);
    return ERR_NONE;
}

static void add_site(struct selection *s, const struct profile_site *site,
                     const struct profile_calls *sum)
{
    s->kept += 1;
    s->totals.allocs += sum->allocs;
    s->totals.frees += sum->frees;
    s->totals.bytes += sum->bytes;
    s->totals.failed += sum->failed;
    s->totals.ns += sum->ns;
    s->totals.temporaries += site->temporaries;
    s->totals.peak_bytes += site->peak_bytes;
    s->totals.peak_blocks += site->peak_blocks;
    s->totals.live_bytes += site->live_bytes;
    s->totals.live_blocks += site->live_blocks;
}

static void sum_sites(const struct profile *p, struct selection *s)
{
    for (size_t i = 0; i < p->site_calls.count; i++) {
        const struct profile_site_call *sc = &p->site_calls.at[i];
        profile_calls_add(&s->site_totals[sc->site], &sc->counts);
        if (s->is_filtered && s->is_kept[sc->site]) {
            profile_calls_add(&s->calls[sc->call], &sc->counts);
            hist_merge(&s->call_latency[sc->call], &sc->latency);
        }
    }
    for (size_t i = 0; i < p->sites.count; i++) {
        bool is_used = s->site_totals[i].calls != 0;
        s->all += is_used;
        if (is_used && s->is_kept[i]) {
            add_site(s, &p->sites.at[i], &s->site_totals[i]);
        }
    }
}

static void take_whole(const struct profile *p, struct selection *s)
{
    s->totals = p->totals;
    memcpy(s->calls, p->calls, sizeof s->calls);
    for (size_t i = 0; i < CALL_COUNT; i++) {
        hist_merge(&s->call_latency[i], &p->call_latency[i]);
    }
}

enum err_code select_sites(const struct profile *profile, const struct select_rule *rule,
                           struct selection *ret, struct err *reterr)
{
    struct selection s = {0};
    s.is_kept = mem_zero(profile->sites.count, sizeof *s.is_kept);
    memset(s.is_kept, true, profile->sites.count);
    s.site_totals = mem_zero(profile->sites.count, sizeof *s.site_totals);
    enum err_code code = filter(profile, "--focus", rule->focus, true, &s, reterr);
    if (code == ERR_NONE) {
        code = filter(profile, "--ignore", rule->ignore, false, &s, reterr);
    }
    if (code != ERR_NONE) {
        select_finish(&s);
        return code;
    }
    sum_sites(profile, &s);
    if (s.is_filtered) {
        s.totals.peak_at_ns = profile->totals.peak_at_ns;
    } else {
        take_whole(profile, &s);
    }
    *ret = s;
    return ERR_NONE;
}

uint64_t select_net_ns(const struct selection *selection, const struct profile *profile)
{
    uint64_t calls = 0;
    for (size_t i = 0; i < CALL_COUNT; i++) {
        calls += selection->calls[i].calls;
    }
    return latency_net(selection->totals.ns, calls, profile->run.clock_cost_ps);
}

bool select_is_timed(const struct profile *profile)
{
    bool has_calls = false;
    for (size_t i = 0; i < CALL_COUNT; i++) {
        has_calls = has_calls || profile->calls[i].calls != 0;
    }
    return profile->totals.ns != 0 || !has_calls;
}

uint64_t select_null_frees(const struct selection *selection)
{
    uint64_t count = 0;
    for (size_t i = 0; i < CALL_COUNT; i++) {
        const struct profile_calls *c = &selection->calls[i];
        if (hook_call_effect((unsigned)i) == HOOK_EFFECT_FREE && c->calls > c->frees) {
            count += c->calls - c->frees;
        }
    }
    return count;
}

void select_finish(struct selection *selection)
{
    for (size_t i = 0; i < CALL_COUNT; i++) {
        hist_finish(&selection->call_latency[i]);
    }
    free(selection->is_kept);
    free(selection->site_totals);
    *selection = (struct selection){0};
}
