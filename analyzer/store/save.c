#include "store/save.h"

#include "store/schema.h"
#include "store/store.h"

struct source {
    const void *items;
    size_t count;
};

static void find_sources(const struct profile *p, const struct schema_call_total *calls,
                         struct source *ret)
{
    ret[SCHEMA_MODULE] = (struct source){p->modules.at, p->modules.count};
    ret[SCHEMA_SYMBOL] = (struct source){p->symbols.at, p->symbols.count};
    ret[SCHEMA_FRAME] = (struct source){p->frames.at, p->frames.count};
    ret[SCHEMA_PATH] = (struct source){p->paths.at, p->paths.count};
    ret[SCHEMA_SITE] = (struct source){p->sites.at, p->sites.count};
    ret[SCHEMA_SITE_CALL] = (struct source){p->site_calls.at, p->site_calls.count};
    ret[SCHEMA_PAIR] = (struct source){p->pairs.at, p->pairs.count};
    ret[SCHEMA_PROCESS] = (struct source){p->processes.at, p->processes.count};
    ret[SCHEMA_RUN] = (struct source){p, 1};
    ret[SCHEMA_CALL_TOTAL] = (struct source){calls, CALL_COUNT};
    ret[SCHEMA_LOSS] = (struct source){p->lost, LOSS_COUNT};
    ret[SCHEMA_BIN] = (struct source){p->bins.at, p->bins.count};
    ret[SCHEMA_SLOW_CALL] = (struct source){p->slow_calls.at, p->slow_calls.count};
    ret[SCHEMA_SLOW_CAUSE] = (struct source){p->slow_causes.at, p->slow_causes.count};
    ret[SCHEMA_SPAN] = (struct source){p->spans.at, p->spans.count};
    ret[SCHEMA_SPAN_CALL] = (struct source){p->span_calls.at, p->span_calls.count};
    ret[SCHEMA_NOTE] = (struct source){p->notes.at, p->notes.count};
}

static enum err_code mark_file(const struct sql *sql, struct err *reterr)
{
    char text[128];
    sqlite3_snprintf(sizeof text, text, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     STORE_APPLICATION_ID, STORE_VERSION);
    return sql_run(sql, text, reterr);
}

enum err_code save_profile(const struct sql *sql, const struct profile *profile, struct err *reterr)
{
    struct schema_call_total calls[CALL_COUNT];
    for (size_t i = 0; i < CALL_COUNT; i++) {
        calls[i] = (struct schema_call_total){profile->calls[i], profile->call_latency[i]};
    }
    struct source sources[SCHEMA_TABLE_COUNT];
    find_sources(profile, calls, sources);
    enum err_code code = mark_file(sql, reterr);
    if (code == ERR_NONE) {
        code = schema_create(sql, reterr);
    }
    for (size_t i = 0; i < SCHEMA_TABLE_COUNT && code == ERR_NONE; i++) {
        code = rows_save(sql, &schema_tables[i], sources[i].items, sources[i].count, reterr);
    }
    return code != ERR_NONE ? code : schema_create_views(sql, reterr);
}
