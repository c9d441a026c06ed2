#include "session_sums.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what)
{
    fprintf(stderr, "session: %s: %s\n", what, strerror(errno));
    exit(2);
}

void session_make(const char *dir, const struct session_control *settings)
{
    static union {
        struct session_control control;
        char page[4096];
    } image;
    image.control = *settings;
    memcpy(image.control.magic, SESSION_CONTROL_MAGIC, sizeof image.control.magic);
    image.control.version = SESSION_VERSION;
    image.control.depth_max = SESSION_DEPTH_MAX;
    image.control.on_full = SESSION_FULL_DROP;
    char path[512];
    snprintf(path, sizeof path, "%s/" SESSION_CONTROL_NAME, dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write(fd, &image, sizeof image) != (ssize_t)sizeof image) {
        fail(path);
    }
    close(fd);
}

static const void *at(const struct session_head *head, uint64_t off)
{
    return (const char *)head + off;
}

static uint64_t addr_of_path(const struct session_head *head, uint32_t path)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(path, SESSION_NODE_CHUNK_FIRST, &within);
    const struct session_node *nodes = at(head, head->node_chunk_off[chunk]);
    return nodes[within].addr;
}

static uint32_t epoch_of_path(const struct session_head *head, uint32_t path)
{
    uint32_t within;
    unsigned chunk = session_chunk_of(path, SESSION_NODE_CHUNK_FIRST, &within);
    const struct session_node *nodes = at(head, head->node_chunk_off[chunk]);
    return nodes[within].epoch;
}

static bool is_of_target(const struct session_head *head, uint32_t path)
{
    if (path == 0) {
        return true;
    }
    const struct session_module *modules = at(head, head->module_off);
    uint64_t addr = addr_of_path(head, path);
    for (uint32_t i = 0; i < head->module_count; i++) {
        if (addr >= modules[i].start && addr < modules[i].end &&
            modules[i].epoch == epoch_of_path(head, path)) {
            return strstr(modules[i].path, "/tests/targets/") != NULL &&
                   modules[i].build_id_len > 0;
        }
    }
    return false;
}

static void sum_row(struct session_sums *seen, const struct session_head *head,
                    const struct session_row *row)
{
    seen->all_calls += row->calls;
    seen->all_events += row->allocs + row->frees + row->failed;
    seen->ns += row->ns;
    if (is_of_target(head, row->path)) {
        seen->target.allocs += row->allocs;
        seen->target.frees += row->frees;
        seen->target.bytes += row->bytes;
    }
}

static void sum_ring(struct session_sums *seen, const struct session_head *head,
                     const struct session_thread *thread)
{
    const struct session_event *events = at(head, thread->ring_off);
    for (uint64_t i = 0; i < thread->ring_tail; i++) {
        unsigned flags = session_event_flags(&events[i]);
        bool is_call = (flags & (SESSION_EVENT_THREAD | SESSION_EVENT_USAGE)) == 0;
        seen->measured_calls += (flags & SESSION_EVENT_USAGE) != 0;
        seen->ring_events += is_call;
    }
}

static void sum_lost(struct session_sums *seen, const _Atomic uint64_t *lost)
{
    seen->lost += lost[LOSS_RING_FULL] + lost[LOSS_NO_RING] + lost[LOSS_NO_THREAD] +
                  lost[LOSS_NESTED] + lost[LOSS_EARLY] + lost[LOSS_BESIDE];
}

static void sum_thread(struct session_sums *seen, const struct session_head *head,
                       const struct session_thread *thread)
{
    for (uint32_t i = 0; i < thread->row_count; i++) {
        uint32_t within;
        unsigned chunk = session_chunk_of(i, SESSION_ROW_CHUNK_FIRST, &within);
        const struct session_row *rows = at(head, thread->row_chunk_off[chunk]);
        sum_row(seen, head, &rows[within]);
    }
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        sum_row(seen, head, &thread->rest[call]);
    }
    sum_ring(seen, head, thread);
    sum_lost(seen, thread->lost);
}

static void sum_session(struct session_sums *seen, const struct session_head *head)
{
    seen->sessions++;
    seen->bad_heads += memcmp(head->magic, SESSION_MAGIC, sizeof head->magic) != 0 ||
                       head->state != SESSION_READY || head->command_len == 0 ||
                       strstr(head->command, "target_") == NULL ||
                       strstr(head->allocator, "libc.so.6") == NULL;
    seen->units += head->units;
    seen->bad_heads += head->units != 0 && strcmp(head->unit_name, "line") != 0;
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        sum_row(seen, head, &head->early[call]);
    }
    for (uint32_t i = 0; i < head->thread_count; i++) {
        sum_thread(seen, head, at(head, head->thread_off[i]));
    }
    sum_lost(seen, head->lost);
}

static void sum_file(struct session_sums *seen, const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || (status.st_mode & 0777) != 0600) {
        fail(path);
    }
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        fail(path);
    }
    sum_session(seen, map);
    munmap(map, (size_t)status.st_size);
}

struct session_sums session_sum_dir(const char *dir)
{
    struct session_sums seen = {0};
    DIR *entries = opendir(dir);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (strstr(entry->d_name, SESSION_SUFFIX) != NULL) {
            sum_file(&seen, path);
        }
        if (entry->d_name[0] != '.') {
            unlink(path);
        }
    }
    closedir(entries);
    rmdir(dir);
    return seen;
}
