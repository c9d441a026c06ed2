/*
 * export_heaptrack - heaptrack's own format, version 3, gzipped, for heaptrack_print and
 * heaptrack_gui: every allocation and free in order, so it needs a recording with a trace. All
 * processes are one heap here; blocks are told apart by process and address.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/packed.h"
#include "export/export.h"
#include "heap/id_map.h"
#include "store/store.h"
#include "view/report.h"

enum { VERSION = 0x10400, FORMAT = 3, NS_PER_MS = 1000000 };

#define NOT_LIVE (UINT32_MAX - 1) /* no info has this number */

struct heaptrack {
    const struct export_job *job;
    FILE *out;
    struct mem_strings *texts;
    struct id_map strings; /* kept text -> number, from 1 */
    uint32_t string_count;
    uint32_t *frame_ids; /* for each frame of the profile; 0: not written yet */
    uint32_t frame_count;
    uint32_t *path_ids; /* for each path */
    uint32_t path_count;
    struct id_map infos; /* (size, path) -> number, from 0 */
    uint32_t info_count;
    struct id_map live; /* (process, address) -> info; NOT_LIVE once freed */
    uint64_t said_ms;
};

/* Writes "s LEN TEXT" at the first time. */
static uint32_t string_id(struct heaptrack *h, const char *text)
{
    if (text[0] == '\0') {
        return 0;
    }
    const char *kept = mem_strings_keep(h->texts, text);
    uint32_t id = id_map_find(&h->strings, (uintptr_t)kept, 0);
    if (id == ID_MAP_NONE) {
        char *visible = escape_terminal(text); /* a line feed would end the line */
        id = ++h->string_count;
        id_map_put(&h->strings, (uintptr_t)kept, 0, id);
        fprintf(h->out, "s %zx %s\n", strlen(visible), visible);
        free(visible);
    }
    return id;
}

static uint32_t frame_id(struct heaptrack *h, uint32_t frame)
{
    const struct profile *p = h->job->side.profile;
    if (h->frame_ids[frame] != 0) {
        return h->frame_ids[frame];
    }
    struct site_stack loaded = {0};
    site_stack_load_frame(&loaded, p, frame);
    uint32_t module = string_id(h, p->modules.at[p->frames.at[frame].module].path);
    for (size_t i = 0; i < loaded.count; i++) {
        char *name = site_function(&loaded.at[i]);
        (void)string_id(h, name);
        (void)string_id(h, loaded.at[i].file);
        free(name);
    }
    fprintf(h->out, "i %" PRIx64 " %" PRIx32, p->frames.at[frame].offset, module);
    for (size_t i = 0; i < loaded.count; i++) {
        char *name = site_function(&loaded.at[i]);
        fprintf(h->out, " %" PRIx32, string_id(h, name));
        if (loaded.at[i].file[0] != '\0' || i + 1 < loaded.count) {
            fprintf(h->out, " %" PRIx32 " %" PRIx32, string_id(h, loaded.at[i].file),
                    loaded.at[i].line);
        }
        free(name);
    }
    fputc('\n', h->out);
    site_stack_finish(&loaded);
    h->frame_ids[frame] = ++h->frame_count;
    return h->frame_count;
}

/* Parents first: they have lower numbers, here and there. */
static uint32_t path_id(struct heaptrack *h, uint32_t path)
{
    const struct profile *p = h->job->side.profile;
    MEM_ARRAY(uint32_t) missing = {0};
    for (uint32_t at = path; at != 0 && h->path_ids[at] == 0; at = p->paths.at[at].parent) {
        *MEM_PUSH(&missing) = at;
    }
    while (missing.count > 0) {
        uint32_t at = missing.at[--missing.count];
        uint32_t frame = frame_id(h, p->paths.at[at].frame);
        fprintf(h->out, "t %" PRIx32 " %" PRIx32 "\n", frame, h->path_ids[p->paths.at[at].parent]);
        h->path_ids[at] = ++h->path_count;
    }
    free(missing.at);
    return h->path_ids[path];
}

static uint32_t info_id(struct heaptrack *h, const struct heap_event *event)
{
    uint32_t path = event->path < h->job->side.profile->paths.count ? event->path : 0;
    uint32_t id = id_map_find(&h->infos, event->size, path);
    if (id == ID_MAP_NONE) {
        uint32_t trace = path_id(h, path);
        id = h->info_count++;
        id_map_put(&h->infos, event->size, path, id);
        fprintf(h->out, "a %" PRIx64 " %" PRIx32 "\n", event->size, trace);
    }
    return id;
}

static void end_block(struct heaptrack *h, const struct heap_event *event)
{
    uint32_t info = id_map_find(&h->live, event->process, event->addr);
    if (info != ID_MAP_NONE && info != NOT_LIVE) {
        fprintf(h->out, "- %" PRIx32 "\n", info);
        id_map_put(&h->live, event->process, event->addr, NOT_LIVE);
    }
}

static void write_event(struct heaptrack *h, const struct heap_event *event)
{
    const unsigned no_block =
        SESSION_EVENT_FAILED | SESSION_EVENT_THREAD | SESSION_EVENT_NOTE | SESSION_EVENT_USAGE;
    uint64_t now_ms = event->time_ns / NS_PER_MS;
    if (now_ms > h->said_ms) {
        h->said_ms = now_ms;
        fprintf(h->out, "c %" PRIx64 "\n", now_ms);
    }
    bool is_end = (event->flags & SESSION_EVENT_OLD) != 0 ||
                  (event->call < CALL_COUNT && hook_call_effect(event->call) == HOOK_EFFECT_FREE);
    if ((event->flags & no_block) != 0 || event->call >= CALL_COUNT ||
        (!is_end && (event->flags & SESSION_EVENT_NULL) != 0)) {
        return;
    }
    end_block(h, event); /* an address that comes anew has ended its last life */
    if (!is_end) {
        uint32_t info = info_id(h, event);
        fprintf(h->out, "+ %" PRIx32 "\n", info);
        id_map_put(&h->live, event->process, event->addr, info);
    }
}

static enum err_code write_events(void *context, const struct heap_event *events, size_t count,
                                  struct err *reterr)
{
    (void)reterr;
    for (size_t i = 0; i < count; i++) {
        write_event(context, &events[i]);
    }
    return ERR_NONE;
}

static enum err_code write_all(struct heaptrack *h, struct err *reterr)
{
    const struct profile *p = h->job->side.profile;
    char *command = report_command_text(p->run.command);
    char *visible = escape_terminal(command);
    fprintf(h->out, "v %x %x\nX %s\nI %lx %x\n", (unsigned)VERSION, (unsigned)FORMAT, visible,
            (unsigned long)sysconf(_SC_PAGESIZE), 0U);
    free(visible);
    free(command);
    enum err_code code = store_trace_each(h->job->side.path, write_events, h, reterr);
    if (code == ERR_MISSING) {
        return err_set(reterr, ERR_MISSING, h->job->side.path,
                       "has no trace, which heaptrack needs; record with --trace");
    }
    fprintf(h->out, "c %" PRIx64 "\n", p->run.duration_ns / NS_PER_MS);
    return code;
}

enum err_code export_heaptrack(const struct export_job *job, struct err *reterr)
{
    struct heaptrack h = {.job = job, .out = packed_gzip(job->out), .texts = mem_strings_create()};
    if (h.out == NULL) {
        mem_strings_destroy(h.texts);
        return err_set(reterr, ERR_SYSTEM, NULL, "no memory to compress");
    }
    h.frame_ids = mem_zero(job->side.profile->frames.count, sizeof *h.frame_ids);
    h.path_ids = mem_zero(job->side.profile->paths.count, sizeof *h.path_ids);
    enum err_code code = write_all(&h, reterr);
    if (fclose(h.out) != 0 && code == ERR_NONE) {
        code = err_set(reterr, ERR_SYSTEM, NULL, "the profile was not written");
    }
    free(h.frame_ids);
    free(h.path_ids);
    id_map_finish(&h.strings);
    id_map_finish(&h.infos);
    id_map_finish(&h.live);
    mem_strings_destroy(h.texts);
    return code;
}
