/*
 * fuzz_store - arbitrary bytes as a recording: every load must end in a profile or an error.
 * The bytes are opened in memory; what is checked before SQLite sees a file is not in the way.
 */
#include <stdint.h>
#include <string.h>

#include <sqlite3.h>

#include "heap/profile.h"
#include "store/load.h"
#include "store/trace.h"

static enum err_code use_events(void *context, const struct heap_event *events, size_t count,
                                struct err *reterr)
{
    (void)reterr;
    uint64_t *sum = context;
    for (size_t i = 0; i < count; i++) {
        *sum += events[i].size;
    }
    return ERR_NONE;
}

/* What reports walk: paths to the root, frames' symbols, texts. */
static uint64_t walk(const struct profile *p)
{
    uint64_t sum = 0;
    for (size_t i = 1; i < p->sites.count; i++) {
        for (uint32_t path = p->sites.at[i].path; path != 0; path = p->paths.at[path].parent) {
            const struct profile_frame *frame = &p->frames.at[p->paths.at[path].frame];
            sum += strlen(p->modules.at[frame->module].path);
            for (uint32_t k = 0; k < frame->symbol_count; k++) {
                sum += strlen(p->symbols.at[frame->symbol_first + k].function);
            }
        }
        sum += hist_quantile(&p->sites.at[i].size, 9900);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sql sql = {.path = "fuzz"};
    struct err err;
    volatile uint64_t sum = 0;
    uint64_t traced = 0;
    if (len == 0 || sqlite3_open(":memory:", &sql.db) != SQLITE_OK) {
        return 0;
    }
    uint8_t *copy = sqlite3_malloc64(len);
    memcpy(copy, bytes, len);
    sql_distrust(sql.db);
    if (sqlite3_deserialize(sql.db, "main", copy, (sqlite3_int64)len, (sqlite3_int64)len,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) ==
        SQLITE_OK) {
        struct profile *profile = NULL;
        if (load_profile(&sql, &profile, &err) == ERR_NONE) {
            sum = walk(profile);
            profile_destroy(profile);
            (void)!trace_read(&sql, use_events, &traced, &err);
        }
    }
    sql_close(&sql);
    (void)sum;
    return 0;
}
