#include "store/load.h"

#include <string.h>

#include "store/schema.h"

/* No stack is deeper than the recorder makes it (live_paths.c). What is shown is call sites times
 * their depth: deeper ones would make hours and gigabytes of a small file. */
enum { LOAD_DEPTH_MAX = SESSION_DEPTH_MAX + 1 };

/*
 * The tables refer to each other by id, and ids are indexes. Each row is added by the profile's
 * own find-or-add: a row whose key was there before gets another id than its own and is refused,
 * and the profile's indexes are in order for merging.
 */
static bool take_module(void *context, size_t id, void *item)
{
    struct profile *p = context;
    const struct profile_module *row = item;
    return id < p->modules.count ||
           profile_module(p, row->path, row->build_id, row->build_id_len) == id;
}

static bool take_symbol(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->symbols) = *(struct profile_symbol *)item;
    return true;
}

static bool take_frame(void *context, size_t id, void *item)
{
    struct profile *p = context;
    const struct profile_frame *row = item;
    if ((uint64_t)row->symbol_first + row->symbol_count > p->symbols.count) {
        return false;
    }
    if (id >= p->frames.count && profile_frame(p, row->module, row->offset, row->flags) != id) {
        return false;
    }
    p->frames.at[id].symbol_first = row->symbol_first;
    p->frames.at[id].symbol_count = row->symbol_count;
    return true;
}

static bool take_path(void *context, size_t id, void *item)
{
    struct profile *p = context;
    const struct profile_path *row = item;
    if (id < p->paths.count) {
        return row->parent == 0 && row->depth == 0;
    }
    return row->parent < id && row->frame < p->frames.count &&
           row->depth == p->paths.at[row->parent].depth + 1 &&
           profile_path(p, row->parent, row->frame, row->is_cut) == id;
}

static bool take_site(void *context, size_t id, void *item)
{
    struct profile *p = context;
    struct profile_site *row = item;
    if (id >= p->sites.count && profile_site(p, row->path) != id) {
        return false;
    }
    if (id == 0 && row->path != 0) {
        return false;
    }
    p->sites.at[id] = *row;
    return true;
}

static bool take_site_call(void *context, size_t id, void *item)
{
    struct profile *p = context;
    struct profile_site_call *row = item;
    struct profile_site_call *kept = profile_site_call(p, row->site, row->call);
    if (p->site_calls.count != id + 1) {
        return false;
    }
    *kept = *row;
    return true;
}

static bool take_pair(void *context, size_t id, void *item)
{
    struct profile *p = context;
    const struct profile_pair *row = item;
    struct profile_pair *kept = profile_pair_any(p, row->alloc_site, row->free_site);
    if (p->pairs.count != id + 1) {
        return false;
    }
    *kept = *row;
    return true;
}

static bool take_process(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->processes) = *(struct profile_process *)item;
    return true;
}

static bool take_run(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    const struct profile *row = item;
    p->run = row->run;
    p->totals = row->totals;
    p->events_seen = row->events_seen;
    p->late_events = row->late_events;
    p->bin_ns = row->bin_ns;
    return true;
}

static bool take_call_total(void *context, size_t id, void *item)
{
    struct profile *p = context;
    const struct schema_call_total *row = item;
    p->calls[id] = row->counts;
    p->call_latency[id] = row->latency;
    return true;
}

static bool take_loss(void *context, size_t id, void *item)
{
    struct profile *p = context;
    memcpy(&p->lost[id], item, sizeof p->lost[id]);
    return true;
}

static bool take_bin(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    if (p->bin_ns == 0) {
        return false;
    }
    *MEM_PUSH(&p->bins) = *(struct profile_bin *)item;
    return true;
}

static bool take_slow_call(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->slow_calls) = *(struct profile_slow_call *)item;
    return true;
}

static bool take_slow_cause(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->slow_causes) = *(struct profile_slow_cause *)item;
    return true;
}

static bool take_span(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->spans) = *(struct profile_span *)item;
    return true;
}

static bool take_span_call(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->span_calls) = *(struct profile_span_call *)item;
    return true;
}

static bool take_note(void *context, size_t id, void *item)
{
    (void)id;
    struct profile *p = context;
    *MEM_PUSH(&p->notes) = *(const char **)item;
    return true;
}

static row_take *const takers[SCHEMA_TABLE_COUNT] = {
    [SCHEMA_MODULE] = take_module,
    [SCHEMA_SYMBOL] = take_symbol,
    [SCHEMA_FRAME] = take_frame,
    [SCHEMA_PATH] = take_path,
    [SCHEMA_SITE] = take_site,
    [SCHEMA_SITE_CALL] = take_site_call,
    [SCHEMA_PAIR] = take_pair,
    [SCHEMA_PROCESS] = take_process,
    [SCHEMA_RUN] = take_run,
    [SCHEMA_CALL_TOTAL] = take_call_total,
    [SCHEMA_LOSS] = take_loss,
    [SCHEMA_BIN] = take_bin,
    [SCHEMA_SLOW_CALL] = take_slow_call,
    [SCHEMA_SLOW_CAUSE] = take_slow_cause,
    [SCHEMA_SPAN] = take_span,
    [SCHEMA_SPAN_CALL] = take_span_call,
    [SCHEMA_NOTE] = take_note,
};

/* What ids may refer to: the tables read so far. A path's parent is take_path()'s to check. */
static void set_limits(struct row_reader *reader, const struct profile *p, size_t table)
{
    uint64_t *limits = reader->limits;
    limits[ROW_MODULES] = p->modules.count;
    limits[ROW_FRAMES] = p->frames.count > 0 ? p->frames.count : 1;
    limits[ROW_PATHS] = table == SCHEMA_PATH ? UINT32_MAX : p->paths.count;
    limits[ROW_SITES] = p->sites.count;
    limits[ROW_PROCESSES] = p->processes.count > 0 ? p->processes.count : 1;
    limits[ROW_CALLS] = CALL_COUNT;
    limits[ROW_EXITS] = PROFILE_LOST + 1;
    limits[ROW_ORIGINS] = SESSION_BY_FORK + 1;
    limits[ROW_FRAME_FLAGS] = (SESSION_NODE_EXACT_PC | SESSION_NODE_CUT | SESSION_NODE_GUESSED) + 1;
    limits[ROW_DEPTHS] = LOAD_DEPTH_MAX + 1;
    limits[ROW_LINES] = PROFILE_LINES_MAX + 1;
    limits[ROW_SPANS] = p->spans.count;
    limits[ROW_SPAN_KINDS] = PROFILE_SPAN_KINDS;
    limits[ROW_CAUSES] = PROFILE_CAUSES;
}

static enum err_code load_tables(const struct sql *sql, struct profile *p, struct err *reterr)
{
    struct row_reader reader = {.sql = sql, .strings = p->strings};
    for (size_t i = 0; i < SCHEMA_TABLE_COUNT; i++) {
        set_limits(&reader, p, i);
        enum err_code code = rows_load(&reader, &schema_tables[i], takers[i], p, reterr);
        if (code != ERR_NONE) {
            return code;
        }
    }
    uint64_t runs = 0;
    enum err_code code = sql_number(sql, "SELECT count(*) FROM run", &runs, reterr);
    if (code == ERR_NONE && runs == 0) {
        return sql_damaged(sql, reterr, "its table run is empty");
    }
    return code;
}

enum err_code load_profile(const struct sql *sql, struct profile **ret, struct err *reterr)
{
    enum err_code code = schema_check(sql, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    struct profile *profile = profile_create();
    code = load_tables(sql, profile, reterr);
    if (code != ERR_NONE) {
        profile_destroy(profile);
        return code;
    }
    profile_seal(profile);
    *ret = profile;
    return ERR_NONE;
}
