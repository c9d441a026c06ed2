#include "sample_profile.h"

#include <stdio.h>

static const uint8_t build_id[SESSION_BUILD_ID_BYTES] = {0xde, 0xad, 0xbe, 0xef, [19] = 7};

static void add_symbols(struct profile *p, uint32_t frame, uint32_t number)
{
    char name[64];
    snprintf(name, sizeof name, "inlined_%u", number % 500);
    p->frames.at[frame].symbol_first = (uint32_t)p->symbols.count;
    p->frames.at[frame].symbol_count = 2;
    *MEM_PUSH(&p->symbols) =
        (struct profile_symbol){.function = mem_strings_keep(p->strings, name),
                                .raw_name = "",
                                .file = mem_strings_keep(p->strings, "/src/parse.c"),
                                .line = number,
                                .is_inlined = true};
    snprintf(name, sizeof name, "function_%u(int)", number % 2000);
    *MEM_PUSH(&p->symbols) =
        (struct profile_symbol){.function = mem_strings_keep(p->strings, name),
                                .raw_name = mem_strings_keep(p->strings, "_Z8functioni"),
                                .file = "",
                                .line = 0};
}

/* Paths of three frames: main, one of a hundred callers, a call of its own. */
static uint32_t add_path(struct profile *p, uint32_t module, uint32_t number)
{
    uint32_t outer = profile_frame(p, module, 0x1000, 0);
    uint32_t middle = profile_frame(p, module, 0x2000 + number % 100, 0);
    uint32_t inner = profile_frame(p, module, 0x100000 + number, SESSION_NODE_GUESSED);
    if (p->frames.at[inner].symbol_count == 0) {
        add_symbols(p, inner, number);
    }
    uint32_t path = profile_path(p, 0, outer, number % 7 == 0);
    path = profile_path(p, path, middle, false);
    return profile_path(p, path, inner, false);
}

static void add_call(struct profile *p, uint32_t site, uint8_t call, uint64_t count)
{
    struct profile_site_call *row = profile_site_call(p, site, call);
    bool is_free = hook_call_effect(call) == HOOK_EFFECT_FREE;
    row->counts = (struct profile_calls){.calls = count,
                                         .allocs = is_free ? 0 : count,
                                         .frees = is_free ? count : 0,
                                         .bytes = is_free ? 0 : 32 * count,
                                         .ns = 40 * count,
                                         .ns_max = 900};
    for (uint16_t code = 30; code < 42; code++) {
        hist_add(&row->latency, (uint16_t)(code + site % 50), count / 12 + 1);
    }
    profile_calls_add(&p->calls[call], &row->counts);
    hist_merge(&p->call_latency[call], &row->latency);
}

static void add_site(struct profile *p, uint32_t module, uint32_t number)
{
    uint32_t id = profile_site(p, add_path(p, module, number));
    add_call(p, id, CALL_MALLOC, 100 + number % 1000);
    add_call(p, id, CALL_FREE, 90);
    struct profile_site *site = &p->sites.at[id];
    site->freed = 90;
    site->temporaries = number % 90;
    site->peak_bytes = 320;
    site->peak_blocks = 10;
    site->live_bytes = number % 3 == 0 ? 320 : 0;
    site->live_blocks = number % 3 == 0 ? 10 : 0;
    site->max_bytes = 640;
    site->max_blocks = 20;
    site->held_byte_us = 77000 + number;
    site->burst_frees = number % 64;
    site->bursts = number % 2;
    site->replaced = number % 5;
    site->live_in_quarter[number % PROFILE_QUARTERS] = site->live_blocks;
    hist_add(&site->size, loglin_code(32), 100);
    for (uint16_t i = 0; i < 8; i++) {
        hist_add(&site->life_ns, (uint16_t)(600 + 3 * i), 12);
        hist_add(&site->life_allocs, i, 12);
    }
    if (number % 10 == 0) {
        site->growth = (struct profile_growth){.chains = 3,
                                               .steps = 9,
                                               .steps_max = 4,
                                               .copied_bytes = 4096,
                                               .first_bytes = 48,
                                               .last_bytes = 2048,
                                               .by_copy_steps = 1,
                                               .geometric_steps = 8,
                                               .in_place_steps = 2,
                                               .in_place_bytes = 512,
                                               .longs = {1, 9, 900, 100, 16, 200, 3},
                                               .last_size = site->growth.last_size};
        hist_add(&site->growth.last_size, loglin_code(682), 3);
    }
    if (number % 2 == 0) {
        struct profile_pair *pair = profile_pair(p, id, number % 5 == 0 ? 0 : id);
        pair->count += 90;
        pair->bytes += 2880;
        pair->same_thread += 80;
        pair->same_frame += 70;
    }
}

static void add_process(struct profile *p, uint32_t pid)
{
    *MEM_PUSH(&p->processes) = (struct profile_process){
        .pid = pid,
        .parent_pid = pid - 1,
        .origin = SESSION_BY_FORK,
        .threads = 3,
        .start_ns = 5,
        .end_ns = 6000000000,
        .exit_kind = PROFILE_SIGNALED,
        .exit_code = 9,
        .command = mem_strings_keep(p->strings, "parser\x1f--fast\x1f\xff\xfe"),
        .allocator = mem_strings_keep(p->strings, "libc.so.6"),
        .totals = {.allocs = 11, .peak_bytes = 12, .unknown_frees = 13}};
}

static void add_run(struct profile *p)
{
    p->run.id = mem_strings_keep(p->strings, "00112233445566778899aabbccddeeff");
    p->run.command = mem_strings_keep(p->strings, "parser\x1f--fast");
    p->run.host = mem_strings_keep(p->strings, "build-7");
    p->run.tool_version = mem_strings_keep(p->strings, "0.1.0");
    p->run.settings = mem_strings_keep(p->strings, "depth=512 latency=on");
    p->run.start_realtime_ns = 1790000000000000000;
    p->run.duration_ns = 6100000000;
    p->run.clock_cost_ps = 12345;
    p->run.units = 1000;
    p->run.unit_name = mem_strings_keep(p->strings, "line");
    p->run.exit_kind = PROFILE_EXITED;
    p->run.exit_code = -1;
    p->run.is_complete = true;
    p->run.merged_runs = 1;
}

struct profile *sample_profile(uint32_t sites)
{
    struct profile *p = profile_create();
    uint32_t module = profile_module(p, "/usr/bin/parser", build_id, sizeof build_id);
    add_run(p);
    add_process(p, 100);
    add_process(p, 101);
    for (uint32_t i = 0; i < sites; i++) {
        add_site(p, module, i);
    }
    p->totals = (struct profile_totals){.allocs = 100ULL * sites, .peak_bytes = 77, .failed = 1};
    p->events_seen = 12345;
    p->late_events = 3;
    p->lost[LOSS_RING_FULL] = 42;
    p->bin_ns = 1000000;
    for (uint64_t i = 0; i < 20; i++) {
        *MEM_PUSH(&p->bins) = (struct profile_bin){i, i, 32 * i, 50 * i, 1000 + i, 9, 4096, 2};
    }
    for (uint64_t i = 0; i < 10; i++) {
        *MEM_PUSH(&p->slow_calls) = (struct profile_slow_call){
            .ns = 1000 - i, .at_ns = i, .size = 64, .site = 1, .process = 1, .thread = 4242};
    }
    p->slow_calls.at[2].cause = PROFILE_CAUSE_LOCK;
    p->slow_calls.at[2].usage = (struct session_usage){1, 2, 3, 4};
    *MEM_PUSH(&p->slow_causes) =
        (struct profile_slow_cause){1, PROFILE_CAUSE_FIRST_TOUCH, 3, 90000, 30, 1, 2, 4};
    *MEM_PUSH(&p->slow_causes) =
        (struct profile_slow_cause){1, PROFILE_CAUSE_LOCK, 7, 5000000, 0, 0, 9, 1};
    *MEM_PUSH(&p->notes) = mem_strings_keep(p->strings, "warm");
    *MEM_PUSH(&p->spans) =
        (struct profile_span){PROFILE_MARK, mem_strings_keep(p->strings, "warm"), 7, 1, 0, 0};
    *MEM_PUSH(&p->spans) =
        (struct profile_span){PROFILE_PHASE, mem_strings_keep(p->strings, "parse"), 9, 3, 500, 0};
    struct profile_span_call *call = MEM_PUSH(&p->span_calls);
    *call = (struct profile_span_call){
        .span = 1, .site = 1, .counts = {.calls = 2, .allocs = 2, .bytes = 64, .ns = 100}};
    hist_add(&call->latency, 50, 2);
    profile_seal(p);
    return p;
}
