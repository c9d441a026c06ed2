#include "story_profile.h"

#include <stdio.h>
#include <string.h>

#define EXE "/usr/bin/logparse"
#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define LIBXX "/lib/x86_64-linux-gnu/libstdc++.so.6"

static const uint8_t build_id[] = {0xca, 0xfe, 0xba, 0xbe};

static void add_symbol(struct profile *p, const char *function, const char *file, uint32_t line,
                       bool is_inlined)
{
    *MEM_PUSH(&p->symbols) =
        (struct profile_symbol){.function = mem_strings_keep(p->strings, function),
                                .raw_name = "",
                                .file = mem_strings_keep(p->strings, file),
                                .line = line,
                                .is_inlined = is_inlined};
}

uint32_t story_frame(struct profile *p, const char *module, const char *function, const char *file,
                     uint32_t line, const char *inlined_into)
{
    uint32_t in = profile_module(p, module, build_id, sizeof build_id);
    if (function == NULL) {
        return profile_frame(p, in, 0x10b0, 0);
    }
    uint32_t id = profile_frame(p, in, 0x1000 + 16 * p->frames.count, 0);
    p->frames.at[id].symbol_first = (uint32_t)p->symbols.count;
    p->frames.at[id].symbol_count = inlined_into != NULL ? 2 : 1;
    add_symbol(p, function, file, line, inlined_into != NULL);
    if (inlined_into != NULL) {
        add_symbol(p, inlined_into, file, line + 200, false);
    }
    return id;
}

uint32_t story_site(struct profile *p, const uint32_t *frames)
{
    uint32_t path = 0;
    for (; *frames != 0; frames++) {
        path = profile_path(p, path, *frames, false);
    }
    return profile_site(p, path);
}

void story_calls(struct profile *p, uint32_t site, uint8_t call, uint64_t count, uint64_t bytes,
                 uint64_t ns)
{
    struct profile_site_call *row = profile_site_call(p, site, call);
    bool is_free = hook_call_effect(call) == HOOK_EFFECT_FREE;
    bool is_realloc = hook_call_effect(call) == HOOK_EFFECT_REALLOC;
    uint64_t slow = count / 100;
    struct profile_calls counts = {.calls = count,
                                   .allocs = is_free ? 0 : count,
                                   .frees = is_free || is_realloc ? count : 0,
                                   .bytes = is_free ? 0 : bytes,
                                   .ns = (count - slow) * ns + slow * 10 * ns,
                                   .ns_max = slow != 0 ? 400 * ns : ns};
    hist_add(&row->latency, loglin_code(ns), count - slow);
    if (slow > 1) {
        hist_add(&row->latency, loglin_code(10 * ns), slow - 1);
        hist_add(&row->latency, loglin_code(400 * ns), 1);
    }
    profile_calls_add(&row->counts, &counts);
    profile_calls_add(&p->calls[call], &counts);
    hist_merge(&p->call_latency[call], &row->latency);
    p->totals.allocs += counts.allocs;
    p->totals.frees += counts.frees;
    p->totals.bytes += counts.bytes;
    p->totals.ns += counts.ns;
}

uint32_t story_stack(struct profile *p, const char *const *functions, uint64_t count,
                     uint64_t bytes)
{
    uint32_t path = 0;
    for (uint32_t line = 10; *functions != NULL; functions++, line++) {
        uint32_t frame = story_frame(p, EXE, *functions, "/src/stack.c", line, NULL);
        path = profile_path(p, path, frame, false);
    }
    uint32_t site = profile_site(p, path);
    story_calls(p, site, CALL_MALLOC, count, bytes, 50);
    return site;
}

/* What became of a site's blocks. */
static void add_lives(struct profile *p, uint32_t site, uint64_t temporaries, uint64_t peak_bytes,
                      uint64_t live_bytes)
{
    struct profile_site *s = &p->sites.at[site];
    s->temporaries = temporaries;
    s->peak_bytes = peak_bytes;
    s->peak_blocks = peak_bytes / 64;
    s->max_bytes = peak_bytes;
    s->live_bytes = live_bytes;
    s->live_blocks = live_bytes / 64;
    p->totals.temporaries += temporaries;
    p->totals.peak_bytes += peak_bytes;
    p->totals.peak_blocks += peak_bytes / 64;
    p->totals.live_bytes += live_bytes;
    p->totals.live_blocks += live_bytes / 64;
    hist_add(&s->size, loglin_code(40), 10);
    hist_add(&s->life_ns, loglin_code(700), 10);
    hist_add(&s->life_allocs, loglin_code(1), 10);
}

static void add_process(struct profile *p, uint32_t pid, uint32_t parent, const char *command,
                        struct profile_totals totals)
{
    *MEM_PUSH(&p->processes) =
        (struct profile_process){.pid = pid,
                                 .parent_pid = parent,
                                 .origin = SESSION_BY_START,
                                 .threads = 1,
                                 .start_ns = 1000000,
                                 .end_ns = 4000000000,
                                 .command = mem_strings_keep(p->strings, command),
                                 .allocator = mem_strings_keep(p->strings, LIBC),
                                 .totals = totals};
}

static void add_run(struct profile *p, const char *command, uint64_t duration_ns)
{
    p->run.id = mem_strings_keep(p->strings, "00112233445566778899aabbccddeeff");
    p->run.command = mem_strings_keep(p->strings, command);
    p->run.host = mem_strings_keep(p->strings, "build-7");
    p->run.tool_version = mem_strings_keep(p->strings, "0.1.0");
    p->run.settings = mem_strings_keep(p->strings, "depth=512 latency=on");
    p->run.start_realtime_ns = UINT64_C(1790000000000000000);
    p->run.duration_ns = duration_ns;
    p->run.clock_cost_ps = 10500;
    p->run.units = 100000;
    p->run.unit_name = mem_strings_keep(p->strings, "line");
    p->run.exit_kind = PROFILE_EXITED;
    p->run.exit_code = 0;
    p->run.is_complete = true;
    p->run.merged_runs = 1;
    p->totals.peak_at_ns = 1230000000;
}

/* The frames that both programs share. */
struct cast {
    uint32_t start;
    uint32_t main;
    uint32_t run;
    uint32_t line;
};

static struct cast add_cast(struct profile *p)
{
    return (struct cast){
        story_frame(p, LIBC, "__libc_start_call_main", "", 0, NULL),
        story_frame(p, EXE, "main", "/src/logparse/main.c", 61, NULL),
        story_frame(p, EXE, "parse_stream", "/src/logparse/parse.c", 88, NULL),
        story_frame(p, EXE, "parse_line", "/src/logparse/parse.c", 42, NULL),
    };
}

static uint32_t site_below(struct profile *p, const struct cast *c, uint32_t one, uint32_t two)
{
    uint32_t frames[] = {c->start, c->main, c->run, c->line, one, two, 0};
    return story_site(p, frames);
}

static void add_buffer(struct profile *p, const struct cast *c)
{
    uint32_t frames[] = {c->start, c->main, c->run, story_frame(p, LIBC, "getline", "", 0, NULL),
                         0};
    uint32_t site = story_site(p, frames);
    story_calls(p, site, CALL_MALLOC, 1, 120, 900);
    story_calls(p, site, CALL_REALLOC, 5, 4000, 1200);
    add_lives(p, site, 0, 4096, 0);
}

static void add_before(struct profile *p, const struct cast *c)
{
    uint32_t append =
        story_frame(p, EXE, "concat_append", "/src/logparse/concat.c", 31, "json_field");
    uint32_t copy = story_frame(p, EXE, "concat_copy", "/src/logparse/concat.c", 55, NULL);
    uint32_t dup = story_frame(p, LIBC, "strdup", "", 0, NULL);
    uint32_t map = story_frame(
        p, LIBXX,
        "std::_Hashtable<std::__cxx11::basic_string<char>, std::pair<std::__cxx11::basic_string<"
        "char> const, int>, std::allocator<std::pair<std::__cxx11::basic_string<char> const, int> "
        "> >::_M_insert_unique_node(unsigned long, unsigned long)",
        "/usr/include/c++/12/bits/hashtable.h", 2115, NULL);
    uint32_t new = story_frame(p, LIBXX, "operator new(unsigned long)", "", 0, NULL);
    uint32_t a = site_below(p, c, append, 0);
    story_calls(p, a, CALL_MALLOC, 5100000, UINT64_C(820000000), 52);
    story_calls(p, a, CALL_FREE, 5100000, 0, 31);
    add_lives(p, a, 5080000, 2048, 0);
    uint32_t b = site_below(p, c, copy, dup);
    story_calls(p, b, CALL_MALLOC, 910000, 36400000, 48);
    story_calls(p, b, CALL_FREE, 909000, 0, 29);
    add_lives(p, b, 300000, 640000, 64000);
    uint32_t d = site_below(p, c, map, new);
    story_calls(p, d, CALL_MALLOC, 1200, 76800, 95);
    add_lives(p, d, 0, 76800, 76800);
    uint32_t unknown = story_frame(p, "/opt/vendor/libgeo.so.2", NULL, NULL, 0, NULL);
    uint32_t e = site_below(p, c, unknown, 0);
    story_calls(p, e, CALL_CALLOC, 300, 1228800, 2100);
    add_lives(p, e, 0, 1228800, 0);
    *MEM_PUSH(&p->slow_calls) = (struct profile_slow_call){
        20800, 2000000, 160, a, 0, 4711, 0, PROFILE_CAUSE_FIRST_TOUCH, {9, 0, 0, 0}};
    *MEM_PUSH(&p->slow_calls) = (struct profile_slow_call){
        19200, 812345678, 40, b, 0, 4711, 0, PROFILE_CAUSE_LOCK, {0, 0, 2, 1}};
    *MEM_PUSH(&p->slow_calls) = (struct profile_slow_call){
        840000, 900000, 4096, e, 0, 4711, CALL_CALLOC, PROFILE_CAUSE_NONE, {0}};
    add_run(p,
            EXE "\x1f--builder=concat\x1f"
                "access.log",
            UINT64_C(4120000000));
}

static void add_after(struct profile *p, const struct cast *c)
{
    uint32_t grow = story_frame(p, EXE, "pool_grow.constprop.0", "/src/logparse/pool.c", 77, NULL);
    uint32_t copy = story_frame(p, EXE, "concat_copy", "/src/logparse/concat.c", 58, NULL);
    uint32_t dup = story_frame(p, LIBC, "strdup", "", 0, NULL);
    uint32_t unknown = story_frame(p, "/opt/vendor/libgeo.so.2", NULL, NULL, 0, NULL);
    uint32_t a = site_below(p, c, grow, 0);
    story_calls(p, a, CALL_REALLOC, 420, 860160, 310);
    add_lives(p, a, 0, 65536, 65536);
    uint32_t b = site_below(p, c, copy, dup);
    story_calls(p, b, CALL_MALLOC, 98000, 3920000, 47);
    story_calls(p, b, CALL_FREE, 98000, 0, 28);
    add_lives(p, b, 90000, 320000, 0);
    uint32_t e = site_below(p, c, unknown, 0);
    story_calls(p, e, CALL_CALLOC, 301, 1232896, 2100);
    add_lives(p, e, 0, 1232896, 0);
    add_run(p,
            EXE "\x1f--builder=pooled\x1f"
                "access.log",
            UINT64_C(910000000));
}

/* Terminal sequences (C0, C1, DEL), bytes that are not UTF-8, text that turns round, quotes,
 * markup, the beginning of another line. */
#define NASTY "a\x1b[2J\x07\x7f\xc2\x9b\xff\xc3\u202e\"\\'</script>|`*_[x](y)\n# b"

static struct profile *hostile(void)
{
    struct profile *p = profile_create();
    uint32_t frames[] = {story_frame(p, "/lib/" NASTY ".so", NASTY, "/src/" NASTY, 7, NASTY), 0};
    uint32_t site = story_site(p, frames);
    story_calls(p, site, CALL_MALLOC, 10, 640, 50);
    add_lives(p, site, 3, 640, 640);
    add_run(p, NASTY "\x1f" NASTY, 1000000);
    p->run.host = mem_strings_keep(p->strings, NASTY);
    p->run.unit_name = mem_strings_keep(p->strings, NASTY);
    add_process(p, 1, 0, NASTY, p->totals);
    add_process(p, 2, 1, NASTY, p->totals);
    *MEM_PUSH(&p->slow_calls) =
        (struct profile_slow_call){20800, 2000000, 160, site, 0, 1, 0, PROFILE_CAUSE_NONE, {0}};
    profile_seal(p);
    return p;
}

struct profile *story_profile(enum story story)
{
    if (story == STORY_HOSTILE) {
        return hostile();
    }
    struct profile *p = profile_create();
    struct cast cast = add_cast(p);
    add_buffer(p, &cast);
    if (story == STORY_BEFORE) {
        add_before(p, &cast);
    } else {
        add_after(p, &cast);
    }
    add_process(p, 4711, 1, p->run.command, p->totals);
    if (story == STORY_BEFORE) {
        add_process(p, 4712, 4711,
                    "gzip\x1f-d\x1f-c\x1f"
                    "access.log.gz",
                    (struct profile_totals){.allocs = 12, .bytes = 34567, .peak_bytes = 20000});
        p->lost[LOSS_RING_FULL] = 1234;
    }
    profile_seal(p);
    return p;
}
