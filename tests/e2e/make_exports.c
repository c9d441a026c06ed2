/*
 * make_exports - writes the recordings that exports are tested with: make_exports KIND OUT [N]
 *   tiny     two call sites
 *   hostile  C++ with inlines and templates, and names that try to end what they are written into
 *   large    N call sites, 100,000 unless said otherwise, below 1,000 functions
 *   after    tiny, one run later: one site gone, one new, one grown; twice the work
 *   lake     OUT is a folder: N runs, 10,000 unless said otherwise, of five services on eight hosts
 *            in ten days; "search" is slow, and in the last five days "pay" has a call site more
 * Equal arguments, equal recordings. All numbers add up: totals are the sums over call sites.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "export/export_lake.h"
#include "store/store.h"
#include "story_profile.h"

#define EXE "/usr/bin/shop"
#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define LIB "/usr/lib/libwares.so.3"

enum {
    LARGE_SITES = 100000,
    LARGE_FUNCTIONS = 1000,
    LARGE_DEPTH = 12,
    LONG_NAME = 10000,
    LAKE_RUNS = 10000
};

/* What became of the blocks of a site. */
static void add_lives(struct profile *p, uint32_t site, uint64_t count, uint64_t live,
                      uint64_t each)
{
    struct profile_site *s = &p->sites.at[site];
    uint64_t peak = live + (count - live) / 2;
    s->freed = count - live;
    s->temporaries = count / 4;
    s->peak_blocks = peak;
    s->peak_bytes = peak * each;
    s->max_bytes = peak * each;
    s->live_blocks = live;
    s->live_bytes = live * each;
    hist_add(&s->size, loglin_code(each), count);
    hist_add(&s->life_ns, loglin_code(5000), s->freed);
    p->totals.temporaries += s->temporaries;
    p->totals.peak_bytes += s->peak_bytes;
    p->totals.peak_blocks += s->peak_blocks;
    p->totals.live_bytes += s->live_bytes;
    p->totals.live_blocks += s->live_blocks;
}

/* As story_calls(), whose histogram leaves out the slow call where there is but one. */
static void add_calls(struct profile *p, uint32_t site, uint8_t call, uint64_t count,
                      uint64_t bytes, uint64_t ns)
{
    story_calls(p, site, call, count, bytes, ns);
    if (count / 100 == 1) {
        hist_add(&profile_site_call(p, site, call)->latency, loglin_code(10 * ns), 1);
        hist_add(&p->call_latency[call], loglin_code(10 * ns), 1);
    }
}

static void add_site(struct profile *p, const uint32_t *frames, uint64_t count, uint64_t each,
                     uint64_t live)
{
    uint32_t site = story_site(p, frames);
    add_calls(p, site, CALL_MALLOC, count, count * each, 40 + each % 100);
    add_calls(p, site, CALL_FREE, count - live, 0, 25);
    add_lives(p, site, count, live, each);
}

static void add_run(struct profile *p, const char *id, const char *command, uint64_t units)
{
    p->run.id = mem_strings_keep(p->strings, id);
    p->run.command = mem_strings_keep(p->strings, command);
    p->run.host = mem_strings_keep(p->strings, "build-7");
    p->run.service = mem_strings_keep(p->strings, "shop");
    p->run.build_id = mem_strings_keep(p->strings, "cafebabe");
    p->run.labels = mem_strings_keep(p->strings, "env=prod,zone=eu-1");
    p->run.tool_version = mem_strings_keep(p->strings, "0.1.0");
    p->run.settings = mem_strings_keep(p->strings, "depth=512 latency=on");
    p->run.start_realtime_ns = UINT64_C(1790000000000000000);
    p->run.duration_ns = 2000000000;
    p->run.clock_cost_ps = 0; /* times add up to the last ns */
    p->run.units = units;
    p->run.unit_name = mem_strings_keep(p->strings, "order");
    p->run.is_complete = true;
    p->run.merged_runs = 1;
    p->totals.peak_at_ns = 1000000000;
    p->bin_ns = UINT64_C(1) << 27;
    for (uint64_t i = 0; i < 15; i++) {
        uint64_t live = p->totals.peak_bytes * (i < 8 ? i : 14 - i) / 7;
        *MEM_PUSH(&p->bins) = (struct profile_bin){.allocs = p->totals.allocs / 15,
                                                   .frees = p->totals.frees / 15,
                                                   .bytes = p->totals.bytes / 15,
                                                   .live_bytes = live,
                                                   .live_blocks = live / 64,
                                                   .rss_bytes = (4 << 20) + live};
    }
    *MEM_PUSH(&p->processes) =
        (struct profile_process){.pid = 4711,
                                 .parent_pid = 1,
                                 .origin = SESSION_BY_START,
                                 .threads = 1,
                                 .end_ns = 2000000000,
                                 .command = p->run.command,
                                 .allocator = mem_strings_keep(p->strings, LIBC),
                                 .totals = p->totals};
    *MEM_PUSH(&p->slow_calls) =
        (struct profile_slow_call){20800, 2000000, 160, 1, 0, 4711, 0, PROFILE_CAUSE_NONE, {0}};
    *MEM_PUSH(&p->slow_calls) = (struct profile_slow_call){
        19200, 812345678, 40, 1, 0, 4712, CALL_FREE, PROFILE_CAUSE_LOCK, {0, 0, 2, 1}};
}

static struct profile *tiny(bool is_after)
{
    struct profile *p = profile_create();
    uint32_t start = story_frame(p, EXE, "_start", "", 0, NULL);
    uint32_t main_id = story_frame(p, EXE, "main", "/src/shop/main.c", 12, NULL);
    uint32_t basket = story_frame(p, EXE, "basket_add", "/src/shop/basket.c", 30, NULL);
    uint32_t order = story_frame(p, EXE, "order_send", "/src/shop/order.c", 77, NULL);
    uint32_t print = story_frame(p, LIBC, "asprintf", "", 0, NULL);
    if (!is_after) {
        add_site(p, (const uint32_t[]){start, main_id, basket, 0}, 1000, 64, 10);
        add_site(p, (const uint32_t[]){start, main_id, order, print, 0}, 40, 4096, 0);
    } else {
        add_site(p, (const uint32_t[]){start, main_id, basket, 0}, 3000, 64, 10);
        add_site(p, (const uint32_t[]){start, main_id, order, 0}, 2, 8192, 2);
    }
    add_run(p, is_after ? "0000000000000000000000000000000b" : "0000000000000000000000000000000a",
            EXE "\x1f--serve", is_after ? 200 : 100);
    return p;
}

/* Ends of strings, elements, comments, lines and scripts; bytes that are not UTF-8; no end. */
static struct profile *hostile(void)
{
    static const char *const names[] = {
        "std::map<std::string, std::vector<int, std::allocator<int> > >::operator[](int const&)",
        "operator new(unsigned long)",
        "boost::spirit::parse<char const*, rule<\"a;b\"> >(char const*, {lambda(auto:1&&)#1}&&)",
        "semi;colon; and spaces ",
        "</title></script><img src=x onerror=alert(1)>]]>&amp;<!--",
        "new\nline\ttab\r\x1b[31mred",
        "\xff\xfe not UTF-8 \xc3",
        "quote\" back\\slash ' `tick` $(dollar) %s %n",
        "=SUM(A1:A9)",
        "(1) fn=(2) 7 +3 -4",
        "\xe2\x80\xae turned \xe2\x80\xa8 line \xef\xbf\xbe",
        "0x1234: in (disguise:12)",
    };
    struct profile *p = profile_create();
    uint32_t main_id = story_frame(p, EXE, "main", "/src/shop/main.cpp", 9, NULL);
    char *long_name = mem_zero(LONG_NAME + 1, 1);
    for (size_t i = 0; i + 4 < LONG_NAME; i += 4) {
        memcpy(long_name + i, i < LONG_NAME / 2 ? "a<b " : "c>::", 4);
    }
    uint32_t endless = story_frame(p, LIB, long_name, "/src/\"<long>.h", 1, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t plain = story_frame(p, LIB, names[i], "/src/a b\"<&;.cpp", 40, NULL);
        uint32_t inlined = story_frame(p, EXE, names[i], "/src/in\nline.h", 3, "caller<T>::run()");
        add_site(p, (const uint32_t[]){main_id, plain, 0}, 100 + i, 32, 0);
        add_site(p, (const uint32_t[]){main_id, inlined, plain, 0}, 10 + i, 48, 3);
        add_site(p, (const uint32_t[]){main_id, endless, plain, 0}, 4, 1000, 1);
    }
    uint32_t unnamed = story_frame(p, "/opt/a b;c/libx \"y\".so", NULL, NULL, 0, NULL);
    add_site(p, (const uint32_t[]){main_id, unnamed, 0}, 5, 16, 0);
    /* Recursion: inclusive numbers must not count it twice. */
    uint32_t walk = story_frame(p, EXE, "walk", "/src/walk.cpp", 5, NULL);
    uint32_t step = story_frame(p, EXE, "step", "/src/walk.cpp", 8, NULL);
    add_site(p, (const uint32_t[]){main_id, walk, step, walk, step, walk, 0}, 50, 24, 0);
    add_run(p, "0000000000000000000000000000000c",
            EXE "\x1f</script>\x1f;\"\x1f\xff\x1f"
                "a\nb",
            0);
    free(long_name);
    return p;
}

static struct profile *large(uint32_t sites)
{
    struct profile *p = profile_create();
    uint32_t *functions = mem_zero(LARGE_FUNCTIONS, sizeof *functions);
    for (uint32_t i = 0; i < LARGE_FUNCTIONS; i++) {
        char name[64];
        snprintf(name, sizeof name, "module_%u::function_%u(int)", i / 100, i);
        functions[i] = story_frame(p, i % 3 == 0 ? LIB : EXE, name, "/src/large.cpp", i + 1, NULL);
    }
    uint64_t state = 1;
    for (uint32_t i = 0; i < sites; i++) {
        uint32_t frames[LARGE_DEPTH + 1] = {0};
        uint32_t number = i;
        for (uint32_t at = 0; at < LARGE_DEPTH; at++) {
            frames[at] = functions[(at * 83 + number % 10) % LARGE_FUNCTIONS];
            number = at % 2 == 1 ? number / 10 : number;
        }
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        frames[LARGE_DEPTH - 1] = functions[i % LARGE_FUNCTIONS];
        add_site(p, frames, 4 + (state >> 58), 16 + (state >> 50) % 64, i % 50 == 0);
    }
    add_run(p, "0000000000000000000000000000000d", EXE "\x1f--large", 0);
    free(functions);
    return p;
}

/* Run n of a fleet. */
static struct profile *fleet_run(uint32_t n)
{
    static const char *const services[] = {"cart", "mail", "pay", "search", "web"};
    const char *service = services[n % 5];
    uint32_t day = n / 40 % 10;
    struct profile *p = profile_create();
    uint32_t main_id = story_frame(p, EXE, "main", "/src/main.c", 9, NULL);
    uint32_t handle = story_frame(p, EXE, "handle_request", "/src/handle.c", 50, NULL);
    uint32_t parse = story_frame(p, EXE, "parse_body", "/src/parse.c", 21, NULL);
    uint32_t audit = story_frame(p, EXE, "audit_log", "/src/audit.c", 7, NULL);
    add_site(p, (const uint32_t[]){main_id, handle, 0}, 200 + n % 7, 64, 0);
    add_site(p, (const uint32_t[]){main_id, handle, parse, 0}, 100, 512 + n % 10 * 16, 1);
    if (day >= 5 && strcmp(service, "pay") == 0) {
        add_site(p, (const uint32_t[]){main_id, handle, audit, 0}, 300, 4096, 30);
    }
    if (strcmp(service, "search") == 0) {
        story_calls(p, 1, CALL_CALLOC, 20, 20 * 64, 900000);
    }
    char id[40];
    snprintf(id, sizeof id, "%032x", n);
    add_run(p, id, EXE "\x1f--fleet", 100);
    char host[16];
    snprintf(host, sizeof host, "host-%u", n / 5 % 8);
    p->run.service = mem_strings_keep(p->strings, service);
    p->run.host = mem_strings_keep(p->strings, host);
    p->run.build_id = mem_strings_keep(p->strings, day < 5 ? "aaaa0001" : "bbbb0002");
    p->run.start_realtime_ns += day * UINT64_C(86400000000000);
    profile_seal(p);
    return p;
}

static enum err_code write_lake(const char *folder, uint32_t runs, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    for (uint32_t n = 0; n < runs && code == ERR_NONE; n++) {
        const struct select_rule all = {0};
        struct profile *p = fleet_run(n);
        struct selection selection;
        code = select_sites(p, &all, &selection, reterr);
        if (code == ERR_NONE) {
            struct export_stacks *stacks = export_stacks_create(p, &selection);
            const struct export_job job = {.side = {folder, p, &selection, stacks}};
            code = export_lake_add(&job, folder, reterr);
            export_stacks_destroy(stacks);
            select_finish(&selection);
        }
        profile_destroy(p);
    }
    return code;
}

static struct profile *make(const char *kind, const char *number)
{
    if (strcmp(kind, "tiny") == 0 || strcmp(kind, "after") == 0) {
        return tiny(strcmp(kind, "after") == 0);
    }
    if (strcmp(kind, "hostile") == 0) {
        return hostile();
    }
    return strcmp(kind, "large") == 0
               ? large(number != NULL ? (uint32_t)strtoul(number, NULL, 10) : LARGE_SITES)
               : NULL;
}

int main(int argc, char **argv)
{
    struct err err = {.offset = ERR_PLACE_NONE, .message = "make_exports KIND OUT [N]"};
    if (argc > 2 && strcmp(argv[1], "lake") == 0) {
        uint32_t runs = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : LAKE_RUNS;
        if (write_lake(argv[2], runs, &err) != ERR_NONE) {
            fprintf(stderr, "make_exports: %s\n", err.message);
            return 1;
        }
        return 0;
    }
    struct profile *p = argc > 2 ? make(argv[1], argv[3]) : NULL;
    struct store *store = NULL;
    enum err_code code = p == NULL ? ERR_USAGE : store_create(argv[2], &store, &err);
    if (code == ERR_NONE) {
        profile_seal(p);
        code = store_save(store, p, &err);
        enum err_code closed = store_close(store, code == ERR_NONE ? &err : NULL);
        code = code != ERR_NONE ? code : closed;
    }
    if (p != NULL) {
        profile_destroy(p);
    }
    if (code != ERR_NONE) {
        fprintf(stderr, "make_exports: %s\n", err.message);
    }
    return code != ERR_NONE;
}
