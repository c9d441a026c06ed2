#include "store/schema.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define AT(type, member) offsetof(struct type, member)
#define U8(type, member, name, limit)                                                              \
    {                                                                                              \
        name, ROW_U8, AT(type, member), limit, NULL                                                \
    }
#define U32(type, member, name, limit)                                                             \
    {                                                                                              \
        name, ROW_U32, AT(type, member), limit, NULL                                               \
    }
#define U64(type, member, name)                                                                    \
    {                                                                                              \
        name, ROW_U64, AT(type, member), ROW_ANY, NULL                                             \
    }
#define I32(type, member, name)                                                                    \
    {                                                                                              \
        name, ROW_I32, AT(type, member), ROW_ANY, NULL                                             \
    }
#define BOOL(type, member, name)                                                                   \
    {                                                                                              \
        name, ROW_BOOL, AT(type, member), ROW_ANY, NULL                                            \
    }
#define TEXT(type, member, name)                                                                   \
    {                                                                                              \
        name, ROW_TEXT, AT(type, member), ROW_ANY, NULL                                            \
    }
#define HIST(type, member, name)                                                                   \
    {                                                                                              \
        name, ROW_HIST, AT(type, member), ROW_ANY, NULL                                            \
    }
#define QUANTILE(type, member, name, q)                                                            \
    {                                                                                              \
        name, ROW_QUANTILE, AT(type, member), q, NULL                                              \
    }
#define LOWEST(type, member, name)                                                                 \
    {                                                                                              \
        name, ROW_LOWEST, AT(type, member), ROW_ANY, NULL                                          \
    }
#define HIGHEST(type, member, name)                                                                \
    {                                                                                              \
        name, ROW_HIGHEST, AT(type, member), ROW_ANY, NULL                                         \
    }
#define NAMED(name, of)                                                                            \
    {                                                                                              \
        name, ROW_NAME, 0, ROW_ANY, of                                                             \
    }

/* Quantiles in ten thousandths, as hist_quantile() takes them. */
enum { P50 = 5000, P90 = 9000, P99 = 9900, P999 = 9990 };

#define CALLS(type, member)                                                                        \
    U64(type, member.calls, "calls"), U64(type, member.allocs, "allocs"),                          \
        U64(type, member.frees, "frees"), U64(type, member.failed, "failed"),                      \
        U64(type, member.bytes, "bytes"), U64(type, member.ns, "ns"),                              \
        U64(type, member.ns_max, "ns_max")

#define QUANTILES(type, member)                                                                    \
    QUANTILE(type, member, "p50_ns", P50), QUANTILE(type, member, "p90_ns", P90),                  \
        QUANTILE(type, member, "p99_ns", P99), QUANTILE(type, member, "p999_ns", P999),            \
        HIGHEST(type, member, "slowest_ns")

#define LATENCY(type, member) QUANTILES(type, member), HIST(type, member, "latency")

#define TOTALS(type, member)                                                                       \
    U64(type, member.allocs, "allocs"), U64(type, member.frees, "frees"),                          \
        U64(type, member.bytes, "bytes"), U64(type, member.failed, "failed"),                      \
        U64(type, member.ns, "ns"), U64(type, member.temporaries, "temporaries"),                  \
        U64(type, member.peak_bytes, "peak_bytes"), U64(type, member.peak_blocks, "peak_blocks"),  \
        U64(type, member.peak_at_ns, "peak_at_ns"), U64(type, member.live_bytes, "live_bytes"),    \
        U64(type, member.live_blocks, "live_blocks"),                                              \
        U64(type, member.unknown_frees, "unknown_frees")

static const struct row_column module_columns[] = {
    TEXT(profile_module, path, "path"),
    {"build_id", ROW_BUILD_ID, 0, ROW_ANY, NULL},
};

static const struct row_column symbol_columns[] = {
    TEXT(profile_symbol, function, "function"),
    TEXT(profile_symbol, raw_name, "raw_name"),
    TEXT(profile_symbol, file, "file"),
    U32(profile_symbol, line, "line", ROW_ANY),
    BOOL(profile_symbol, is_inlined, "is_inlined"),
};

static const struct row_column frame_columns[] = {
    U32(profile_frame, module, "module", ROW_MODULES),
    U32(profile_frame, flags, "flags", ROW_FRAME_FLAGS),
    {"offset", ROW_BITS64, AT(profile_frame, offset), ROW_ANY, NULL},
    U32(profile_frame, symbol_first, "symbol_first", ROW_ANY),
    U32(profile_frame, symbol_count, "symbol_count", ROW_LINES),
};

static const struct row_column path_columns[] = {
    U32(profile_path, parent, "parent", ROW_PATHS),
    U32(profile_path, frame, "frame", ROW_FRAMES),
    U32(profile_path, depth, "depth", ROW_DEPTHS),
    BOOL(profile_path, is_cut, "is_cut"),
};

static const struct row_column site_columns[] = {
    U32(profile_site, path, "path", ROW_PATHS),
    U64(profile_site, allocs, "allocs"),
    U64(profile_site, bytes, "bytes"),
    U64(profile_site, freed, "freed"),
    U64(profile_site, free_calls, "free_calls"),
    U64(profile_site, failed, "failed"),
    U64(profile_site, ns, "ns"),
    U64(profile_site, temporaries, "temporaries"),
    U64(profile_site, peak_bytes, "peak_bytes"),
    U64(profile_site, peak_blocks, "peak_blocks"),
    U64(profile_site, live_bytes, "live_bytes"),
    U64(profile_site, live_blocks, "live_blocks"),
    U64(profile_site, max_bytes, "max_bytes"),
    U64(profile_site, max_blocks, "max_blocks"),
    U64(profile_site, held_byte_us, "held_byte_us"),
    U64(profile_site, burst_frees, "burst_frees"),
    U64(profile_site, bursts, "bursts"),
    U64(profile_site, replaced, "replaced"),
    U64(profile_site, live_in_quarter[0], "live_in_quarter_1"),
    U64(profile_site, live_in_quarter[1], "live_in_quarter_2"),
    U64(profile_site, live_in_quarter[2], "live_in_quarter_3"),
    U64(profile_site, live_in_quarter[3], "live_in_quarter_4"),
    QUANTILES(profile_site, latency), /* the histogram itself is the sum of its site_calls' */
    LOWEST(profile_site, size, "size_min"),
    QUANTILE(profile_site, size, "size_p50", P50),
    HIGHEST(profile_site, size, "size_max"),
    HIST(profile_site, size, "size"),
    QUANTILE(profile_site, life_ns, "life_p50_ns", P50),
    QUANTILE(profile_site, life_ns, "life_p99_ns", P99),
    HIST(profile_site, life_ns, "life"),
    QUANTILE(profile_site, life_allocs, "life_p50_allocs", P50),
    HIST(profile_site, life_allocs, "life_in_allocs"),
    U64(profile_site, growth.chains, "growth_chains"),
    U64(profile_site, growth.steps, "growth_steps"),
    U64(profile_site, growth.steps_max, "growth_steps_max"),
    U64(profile_site, growth.copied_bytes, "growth_copied_bytes"),
    U64(profile_site, growth.first_bytes, "growth_first_bytes"),
    U64(profile_site, growth.last_bytes, "growth_last_bytes"),
    U64(profile_site, growth.by_copy_steps, "growth_by_copy_steps"),
    U64(profile_site, growth.geometric_steps, "growth_geometric_steps"),
    U64(profile_site, growth.in_place_steps, "growth_in_place_steps"),
    U64(profile_site, growth.in_place_bytes, "growth_in_place_bytes"),
    U64(profile_site, growth.longs.chains, "long_chains"),
    U64(profile_site, growth.longs.steps, "long_steps"),
    U64(profile_site, growth.longs.copied_bytes, "long_copied_bytes"),
    U64(profile_site, growth.longs.in_place_bytes, "long_in_place_bytes"),
    U64(profile_site, growth.longs.first_bytes, "long_first_bytes"),
    U64(profile_site, growth.longs.last_bytes, "long_last_bytes"),
    U64(profile_site, growth.longs.geometric_steps, "long_geometric_steps"),
    HIST(profile_site, growth.last_size, "growth_last_size"),
};

static const struct row_column site_call_columns[] = {
    U32(profile_site_call, site, "site", ROW_SITES),
    U8(profile_site_call, call, "call", ROW_CALLS),
    CALLS(profile_site_call, counts),
    LATENCY(profile_site_call, latency),
};

static const struct row_column pair_columns[] = {
    U32(profile_pair, alloc_site, "alloc_site", ROW_SITES),
    U32(profile_pair, free_site, "free_site", ROW_SITES),
    U64(profile_pair, count, "count"),
    U64(profile_pair, bytes, "bytes"),
    U64(profile_pair, same_thread, "same_thread"),
    U64(profile_pair, same_frame, "same_frame"),
};

static const struct row_column process_columns[] = {
    U32(profile_process, pid, "pid", ROW_ANY),
    U32(profile_process, parent_pid, "parent_pid", ROW_ANY),
    U32(profile_process, origin, "origin", ROW_ORIGINS),
    U32(profile_process, threads, "threads", ROW_ANY),
    U64(profile_process, start_ns, "start_ns"),
    U64(profile_process, end_ns, "end_ns"),
    U32(profile_process, exit_kind, "exit_kind", ROW_EXITS),
    I32(profile_process, exit_code, "exit_code"),
    TEXT(profile_process, command, "command"),
    TEXT(profile_process, allocator, "allocator"),
    TOTALS(profile_process, totals),
};

static const struct row_column run_columns[] = {
    TEXT(profile, run.id, "run_id"),
    TEXT(profile, run.command, "command"),
    TEXT(profile, run.host, "host"),
    TEXT(profile, run.service, "service"),
    TEXT(profile, run.build_id, "build_id"),
    TEXT(profile, run.labels, "labels"),
    TEXT(profile, run.tool_version, "tool_version"),
    TEXT(profile, run.settings, "settings"),
    U64(profile, run.start_realtime_ns, "start_realtime_ns"),
    U64(profile, run.duration_ns, "duration_ns"),
    U64(profile, run.clock_cost_ps, "clock_cost_ps"),
    U64(profile, run.units, "units"),
    TEXT(profile, run.unit_name, "unit_name"),
    U32(profile, run.exit_kind, "exit_kind", ROW_EXITS),
    I32(profile, run.exit_code, "exit_code"),
    BOOL(profile, run.is_complete, "is_complete"),
    BOOL(profile, run.counters_only, "counters_only"),
    U32(profile, run.merged_runs, "merged_runs", ROW_ANY),
    TOTALS(profile, totals),
    U64(profile, events_seen, "events_seen"),
    U64(profile, late_events, "late_events"),
    U64(profile, bin_ns, "bin_ns"),
};

static const char *call_name(size_t id)
{
    return hook_call_name((unsigned)id);
}

static const char *loss_name(size_t id)
{
    static const char *const names[] = {
#define LOSS_ROW(id, name, text) name,
        SESSION_LOSS_TABLE(LOSS_ROW)
#undef LOSS_ROW
    };
    return names[id];
}

static const char *loss_meaning(size_t id)
{
    static const char *const texts[] = {
#define LOSS_ROW(id, name, text) text,
        SESSION_LOSS_TABLE(LOSS_ROW)
#undef LOSS_ROW
    };
    return texts[id];
}

static const struct row_column call_total_columns[] = {
    NAMED("name", call_name),
    CALLS(schema_call_total, counts),
    LATENCY(schema_call_total, latency),
};

static const struct row_column loss_columns[] = {
    NAMED("cause", loss_name),
    NAMED("meaning", loss_meaning),
    {"events", ROW_U64, 0, ROW_ANY, NULL},
};

static const struct row_column bin_columns[] = {
    U64(profile_bin, allocs, "allocs"),         U64(profile_bin, frees, "frees"),
    U64(profile_bin, bytes, "bytes"),           U64(profile_bin, ns, "ns"),
    U64(profile_bin, live_bytes, "live_bytes"), U64(profile_bin, live_blocks, "live_blocks"),
    U64(profile_bin, rss_bytes, "rss_bytes"),   U64(profile_bin, faults, "faults"),
};

static const struct row_column slow_call_columns[] = {
    U64(profile_slow_call, ns, "ns"),
    U64(profile_slow_call, at_ns, "at_ns"),
    U64(profile_slow_call, size, "size"),
    U32(profile_slow_call, site, "site", ROW_SITES),
    U32(profile_slow_call, process, "process", ROW_PROCESSES),
    U32(profile_slow_call, thread, "thread", ROW_ANY),
    U8(profile_slow_call, call, "call", ROW_CALLS),
    U8(profile_slow_call, cause, "cause", ROW_CAUSES),
    U32(profile_slow_call, usage.minor_faults, "minor_faults", ROW_ANY),
    U32(profile_slow_call, usage.major_faults, "major_faults", ROW_ANY),
    U32(profile_slow_call, usage.voluntary, "voluntary", ROW_ANY),
    U32(profile_slow_call, usage.involuntary, "involuntary", ROW_ANY),
};

static const struct row_column slow_cause_columns[] = {
    U32(profile_slow_cause, site, "site", ROW_SITES),
    U8(profile_slow_cause, cause, "cause", ROW_CAUSES),
    U64(profile_slow_cause, calls, "calls"),
    U64(profile_slow_cause, ns, "ns"),
    U64(profile_slow_cause, minor_faults, "minor_faults"),
    U64(profile_slow_cause, major_faults, "major_faults"),
    U64(profile_slow_cause, voluntary, "voluntary"),
    U64(profile_slow_cause, involuntary, "involuntary"),
};

static const struct row_column span_columns[] = {
    U32(profile_span, kind, "kind", ROW_SPAN_KINDS),
    TEXT(profile_span, name, "name"),
    U64(profile_span, at_ns, "at_ns"),
    U64(profile_span, times, "times"),
    U64(profile_span, ns, "ns"),
    U64(profile_span, units, "units"),
};

static const struct row_column span_call_columns[] = {
    U32(profile_span_call, span, "span", ROW_SPANS),
    U32(profile_span_call, site, "site", ROW_SITES),
    U8(profile_span_call, call, "call", ROW_CALLS),
    CALLS(profile_span_call, counts),
    LATENCY(profile_span_call, latency),
};

static const struct row_column note_columns[] = {
    {"name", ROW_TEXT, 0, ROW_ANY, NULL},
};

#define TABLE(name, columns, item_bytes, rows_max)                                                 \
    {                                                                                              \
        name, columns, COUNT_OF(columns), item_bytes, rows_max                                     \
    }

const struct row_table schema_tables[SCHEMA_TABLE_COUNT] = {
    [SCHEMA_MODULE] = TABLE("module", module_columns, sizeof(struct profile_module), UINT32_MAX),
    [SCHEMA_SYMBOL] = TABLE("symbol", symbol_columns, sizeof(struct profile_symbol), UINT32_MAX),
    [SCHEMA_FRAME] = TABLE("frame", frame_columns, sizeof(struct profile_frame), UINT32_MAX),
    [SCHEMA_PATH] = TABLE("path", path_columns, sizeof(struct profile_path), UINT32_MAX),
    [SCHEMA_SITE] = TABLE("site", site_columns, sizeof(struct profile_site), UINT32_MAX),
    [SCHEMA_SITE_CALL] =
        TABLE("site_call", site_call_columns, sizeof(struct profile_site_call), UINT32_MAX),
    [SCHEMA_PAIR] = TABLE("pair", pair_columns, sizeof(struct profile_pair), UINT32_MAX),
    [SCHEMA_PROCESS] =
        TABLE("process", process_columns, sizeof(struct profile_process), UINT32_MAX),
    [SCHEMA_RUN] = TABLE("run", run_columns, sizeof(struct profile), 1),
    [SCHEMA_CALL_TOTAL] =
        TABLE("call_total", call_total_columns, sizeof(struct schema_call_total), CALL_COUNT),
    [SCHEMA_LOSS] = TABLE("loss", loss_columns, sizeof(uint64_t), LOSS_COUNT),
    [SCHEMA_BIN] =
        TABLE("timeline_bin", bin_columns, sizeof(struct profile_bin), PROFILE_TIMELINE_BINS),
    [SCHEMA_SLOW_CALL] =
        TABLE("slow_call", slow_call_columns, sizeof(struct profile_slow_call), PROFILE_SLOW_CALLS),
    [SCHEMA_SLOW_CAUSE] =
        TABLE("slow_cause", slow_cause_columns, sizeof(struct profile_slow_cause), UINT32_MAX),
    [SCHEMA_SPAN] = TABLE("span", span_columns, sizeof(struct profile_span), UINT32_MAX),
    [SCHEMA_SPAN_CALL] =
        TABLE("span_call", span_call_columns, sizeof(struct profile_span_call), UINT32_MAX),
    [SCHEMA_NOTE] = TABLE("note", note_columns, sizeof(const char *), UINT32_MAX),
};

const char schema_trace_table[] =
    "CREATE TABLE trace_chunk(seq INTEGER PRIMARY KEY, events INTEGER NOT NULL, "
    "raw_bytes INTEGER NOT NULL, data BLOB NOT NULL)";

/* The name of a table's cause; NULL = not measured. enum profile_cause, as asserted below. */
_Static_assert(PROFILE_CAUSE_FIRST_TOUCH == 1 && PROFILE_CAUSE_MMAP == 2 &&
                   PROFILE_CAUSE_LOCK == 3 && PROFILE_CAUSE_PREEMPTION == 4 &&
                   PROFILE_CAUSE_CONSOLIDATION == 5,
               "the view below");
#define CAUSE_OF(table)                                                                            \
    "CASE " table ".cause WHEN 1 THEN 'first-touch' WHEN 2 THEN 'mmap-threshold'"                  \
    " WHEN 3 THEN 'lock' WHEN 4 THEN 'preemption' WHEN 5 THEN 'consolidation' END"

/* A site is shown at its innermost frame outside the allocator's wrappers, at most 8 frames up. */
static const char *const views[] = {
    "CREATE VIEW frame_name AS SELECT frame.id AS frame,"
    " coalesce(symbol.function, printf('%s+0x%x',"
    "  CASE module.path WHEN '' THEN 'jit' ELSE module.path END, frame.offset)) AS function,"
    " coalesce(symbol.file, '') AS file, coalesce(symbol.line, 0) AS line, module.path AS module"
    " FROM frame JOIN module ON module.id = frame.module LEFT JOIN symbol"
    "  ON symbol.id = frame.symbol_first AND frame.symbol_count > 0",

    "CREATE VIEW site_name AS SELECT shown.site, coalesce(frame_name.function, '(remainder)')"
    "  AS function, coalesce(frame_name.file, '') AS file, coalesce(frame_name.line, 0) AS line,"
    " coalesce(frame_name.module, '') AS module FROM ("
    "SELECT site.id AS site, coalesce(("
    " WITH RECURSIVE up(path, step) AS (SELECT site.path, 0 UNION ALL"
    "  SELECT path.parent, step + 1 FROM up JOIN path ON path.id = up.path"
    "  WHERE path.parent <> 0 AND step < 7)"
    " SELECT path.frame FROM up JOIN path ON path.id = up.path"
    "  JOIN frame_name AS f ON f.frame = path.frame"
    "  WHERE f.function NOT GLOB 'operator new*' AND f.function NOT GLOB 'operator delete*'"
    "  AND f.function NOT GLOB 'std::allocator*' AND f.function NOT GLOB '*new_allocator*'"
    "  AND f.function NOT GLOB 'x[mcr]*alloc' AND f.function NOT GLOB 'g_*alloc*'"
    "  AND f.function NOT GLOB '__libc_*alloc*'"
    "  LIMIT 1), path.frame) AS frame FROM site JOIN path ON path.id = site.path) AS shown"
    " LEFT JOIN frame_name ON frame_name.frame = shown.frame AND shown.site <> 0",

    "CREATE VIEW top_sites AS SELECT site.id AS site, site.allocs, site.bytes, site.temporaries,"
    " site.peak_bytes, site.live_bytes, site.ns, site.p50_ns, site.p99_ns, site.slowest_ns,"
    " site_name.function, site_name.file, site_name.line, site_name.module"
    " FROM site JOIN site_name ON site_name.site = site.id"
    " WHERE site.allocs > 0 ORDER BY site.allocs DESC, site.id",

    "CREATE VIEW leaks AS SELECT site.id AS site, site.live_bytes, site.live_blocks, site.allocs,"
    " site_name.function, site_name.file, site_name.line, site_name.module"
    " FROM site JOIN site_name ON site_name.site = site.id"
    " WHERE site.live_blocks > 0 ORDER BY site.live_bytes DESC, site.id",

    "CREATE VIEW temporaries AS SELECT site.id AS site, site.temporaries, site.allocs,"
    " round(100.0 * site.temporaries / site.allocs, 1) AS percent, site.size_p50,"
    " site_name.function, site_name.file, site_name.line, site_name.module"
    " FROM site JOIN site_name ON site_name.site = site.id"
    " WHERE site.temporaries > 0 ORDER BY site.temporaries DESC, site.id",

    "CREATE VIEW timeline AS SELECT timeline_bin.id * run.bin_ns / 1e9 AS at_s,"
    " run.bin_ns / 1e9 AS width_s, timeline_bin.allocs, timeline_bin.frees, timeline_bin.bytes,"
    " timeline_bin.ns, timeline_bin.live_bytes, timeline_bin.live_blocks, timeline_bin.rss_bytes,"
    " timeline_bin.faults FROM timeline_bin, run ORDER BY timeline_bin.id",

    "CREATE VIEW slow_calls AS SELECT slow_call.ns, call_total.name AS call, slow_call.size,"
    " slow_call.at_ns / 1e9 AS at_s, process.pid, slow_call.thread, slow_call.site,"
    " site_name.function, site_name.file, site_name.line, " CAUSE_OF(
        "slow_call") " AS cause,"
                     " iif(slow_call.cause = 0, NULL, slow_call.minor_faults) AS minor_faults,"
                     " iif(slow_call.cause = 0, NULL, slow_call.major_faults) AS major_faults,"
                     " iif(slow_call.cause = 0, NULL, slow_call.voluntary) AS voluntary,"
                     " iif(slow_call.cause = 0, NULL, slow_call.involuntary) AS involuntary"
                     " FROM slow_call JOIN call_total ON call_total.id = slow_call.call"
                     " LEFT JOIN process ON process.id = slow_call.process"
                     " JOIN site_name ON site_name.site = slow_call.site ORDER BY slow_call.id",

    "CREATE VIEW slow_causes AS SELECT slow_cause.calls, slow_cause.ns,"
    " " CAUSE_OF("slow_cause") " AS cause, slow_cause.minor_faults, slow_cause.major_faults,"
                               " slow_cause.voluntary, slow_cause.involuntary, slow_cause.site, "
                               "site_name.function,"
                               " site_name.file, site_name.line FROM slow_cause"
                               " JOIN site_name ON site_name.site = slow_cause.site ORDER BY "
                               "slow_cause.ns DESC, slow_cause.id",

    "CREATE VIEW functions AS SELECT name, calls, allocs, frees, failed, bytes, ns, p50_ns, p90_ns,"
    " p99_ns, p999_ns, ns_max FROM call_total WHERE calls > 0 ORDER BY calls DESC",

    "CREATE VIEW pairs AS SELECT pair.count, pair.bytes, pair.same_thread, pair.same_frame,"
    " born.function AS allocated_in, died.function AS freed_in, pair.alloc_site, pair.free_site"
    " FROM pair JOIN site_name AS born ON born.site = pair.alloc_site"
    " JOIN site_name AS died ON died.site = pair.free_site ORDER BY pair.count DESC, pair.id",

    "CREATE VIEW stacks AS WITH RECURSIVE up(site, path, step) AS ("
    " SELECT id, path, 0 FROM site WHERE path <> 0 UNION ALL"
    " SELECT up.site, path.parent, up.step + 1 FROM up JOIN path ON path.id = up.path"
    "  WHERE path.parent <> 0)"
    " SELECT up.site, up.step, coalesce(symbol.function, frame_name.function) AS function,"
    " coalesce(symbol.file, '') AS file, coalesce(symbol.line, 0) AS line, frame_name.module,"
    " coalesce(symbol.is_inlined, 0) AS is_inlined FROM up JOIN path ON path.id = up.path"
    " JOIN frame ON frame.id = path.frame JOIN frame_name ON frame_name.frame = frame.id"
    " LEFT JOIN symbol ON symbol.id >= frame.symbol_first"
    "  AND symbol.id < frame.symbol_first + frame.symbol_count"
    " ORDER BY up.site, up.step, symbol.id",

    "CREATE VIEW marks AS SELECT span.id AS mark, span.name, span.at_ns / 1e9 AS at_s,"
    " coalesce(sum(span_call.allocs), 0) AS allocs, coalesce(sum(span_call.frees), 0) AS frees,"
    " coalesce(sum(span_call.bytes), 0) AS bytes, coalesce(sum(span_call.ns), 0) AS ns"
    " FROM span LEFT JOIN span_call ON span_call.span = span.id WHERE span.kind < 2"
    " GROUP BY span.id ORDER BY span.id",

    "CREATE VIEW phases AS SELECT span.id AS phase, CASE span.kind WHEN 2 THEN 'phase'"
    "  WHEN 3 THEN 'pause' ELSE 'forbidden zone' END AS kind, span.name, span.times,"
    " span.ns / 1e9 AS seconds, coalesce(sum(span_call.allocs), 0) AS allocs,"
    " coalesce(sum(span_call.frees), 0) AS frees, coalesce(sum(span_call.bytes), 0) AS bytes,"
    " coalesce(sum(span_call.ns), 0) AS allocator_ns"
    " FROM span LEFT JOIN span_call ON span_call.span = span.id WHERE span.kind >= 2"
    " GROUP BY span.id ORDER BY span.id",

    "CREATE VIEW losses AS SELECT cause, events, meaning FROM loss WHERE events > 0"
    " ORDER BY events DESC",
};

static enum err_code create_one(const struct sql *sql, const struct row_table *table,
                                struct err *reterr)
{
    char *text = rows_create_text(table);
    enum err_code code = sql_run(sql, text, reterr);
    free(text);
    return code;
}

enum err_code schema_create(const struct sql *sql, struct err *reterr)
{
    enum err_code code = sql_run(sql, schema_trace_table, reterr);
    for (size_t i = 0; i < SCHEMA_TABLE_COUNT && code == ERR_NONE; i++) {
        code = create_one(sql, &schema_tables[i], reterr);
    }
    return code;
}

enum err_code schema_create_views(const struct sql *sql, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    for (size_t i = 0; i < COUNT_OF(views) && code == ERR_NONE; i++) {
        code = sql_run(sql, views[i], reterr);
    }
    return code;
}

/* What sqlite_schema holds under a name must be our own text, to the letter. */
static enum err_code check_one(const struct sql *sql, sqlite3_stmt *statement, const char *name,
                               const char *text, struct err *reterr)
{
    bool has_row = false;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    enum err_code code = sql_step(sql, statement, &has_row, reterr);
    if (code == ERR_NONE) {
        const char *found = has_row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        if (found == NULL) {
            code = sql_damaged(sql, reterr, "it has no table %s", name);
        } else if (strcmp(found, text) != 0) {
            code = sql_damaged(sql, reterr, "table %s is not as format %d has it", name, 1);
        }
    }
    sqlite3_reset(statement);
    return code;
}

enum err_code schema_check(const struct sql *sql, struct err *reterr)
{
    sqlite3_stmt *statement = NULL;
    enum err_code code = sql_prepare(
        sql, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", &statement, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = check_one(sql, statement, "trace_chunk", schema_trace_table, reterr);
    for (size_t i = 0; i < SCHEMA_TABLE_COUNT && code == ERR_NONE; i++) {
        char *text = rows_create_text(&schema_tables[i]);
        code = check_one(sql, statement, schema_tables[i].name, text, reterr);
        free(text);
    }
    sqlite3_finalize(statement);
    return code;
}
