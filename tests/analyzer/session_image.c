#include "session_image.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, CONTROL_BYTES = 192 };

/* The next piece of the file, on a cache line. */
static uint64_t take(struct session_image *image, uint64_t bytes)
{
    uint64_t off = image->head->used_bytes;
    image->head->used_bytes = off + (bytes + SESSION_LINE - 1) / SESSION_LINE * SESSION_LINE;
    assert(image->head->used_bytes <= image->size_bytes);
    return off;
}

static void *at(const struct session_image *image, uint64_t off)
{
    return image->bytes + off;
}

static void fill_head(struct session_image *image, uint32_t pid, uint64_t id, uint64_t start_ns)
{
    struct session_head *head = image->head;
    memcpy(head->magic, "ATRAPSES", 8);
    head->version = 1;
    head->pid = pid;
    head->ppid = 1;
    head->call_count = CALL_COUNT;
    head->id = id;
    head->start_ns = start_ns;
    head->start_realtime_ns = 1700000000000000000 + start_ns;
    head->map_bytes = image->size_bytes;
    head->used_bytes = (sizeof *head + SESSION_LINE - 1) / SESSION_LINE * SESSION_LINE;
    head->backed_bytes = image->size_bytes;
    head->node_count = 1;
    static const char command[] = "host\0--option";
    memcpy(head->command, command, sizeof command);
    head->command_len = sizeof command;
    memcpy(head->allocator, "/lib/libc.so.6", sizeof "/lib/libc.so.6");
}

struct session_image *session_image_create(uint32_t pid, uint64_t id, uint64_t start_ns)
{
    struct session_image *image = calloc(1, sizeof *image);
    assert(image != NULL);
    image->size_bytes = 512 << 10;
    image->bytes = aligned_alloc(PAGE_BYTES, image->size_bytes);
    assert(image->bytes != NULL);
    memset(image->bytes, 0, image->size_bytes);
    image->head = (struct session_head *)(void *)image->bytes;
    fill_head(image, pid, id, start_ns);
    snprintf(image->name, sizeof image->name, "%" PRIu32 ".%016" PRIx64 ".session", pid, id);
    image->head->node_chunk_off[0] =
        take(image, SESSION_NODE_CHUNK_FIRST * sizeof(struct session_node));
    image->nodes = at(image, image->head->node_chunk_off[0]);
    image->head->module_off = take(image, IMAGE_MODULES_MAX * sizeof(struct session_module));
    image->modules = at(image, image->head->module_off);
    (void)session_image_thread(image, pid);
    image->head->state = SESSION_READY;
    return image;
}

void session_image_destroy(struct session_image *image)
{
    free(image->bytes);
    free(image);
}

uint32_t session_image_thread(struct session_image *image, uint32_t tid)
{
    uint32_t slot = image->head->thread_count;
    assert(slot < IMAGE_THREADS_MAX);
    image->head->thread_off[slot] = take(image, sizeof(struct session_thread));
    struct session_thread *thread = at(image, image->head->thread_off[slot]);
    thread->tid = tid;
    thread->ring_off = take(image, IMAGE_RING_EVENTS * sizeof(struct session_event));
    thread->ring_events = IMAGE_RING_EVENTS;
    thread->row_chunk_off[0] = take(image, IMAGE_ROWS_MAX * sizeof(struct session_row));
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        thread->rest[call].call = (uint8_t)call;
    }
    image->threads[slot] = thread;
    image->rings[slot] = at(image, thread->ring_off);
    image->rows[slot] = at(image, thread->row_chunk_off[0]);
    image->head->thread_count = slot + 1;
    return slot;
}

uint32_t session_image_node(struct session_image *image, uint32_t parent, uint64_t addr)
{
    uint32_t id = image->head->node_count;
    assert(id < SESSION_NODE_CHUNK_FIRST);
    uint32_t depth = parent == 0 ? 1 : image->nodes[parent].depth + 1;
    image->nodes[id] = (struct session_node){.addr = addr, .parent = parent, .depth = depth};
    image->head->node_count = id + 1;
    return id;
}

void session_image_module(struct session_image *image, uint64_t start, uint64_t end, uint64_t bias,
                          const char *path)
{
    uint32_t index = image->head->module_count;
    assert(index < IMAGE_MODULES_MAX);
    struct session_module *module = &image->modules[index];
    *module = (struct session_module){.start = start, .end = end, .bias = bias};
    module->build_id_len = 2;
    module->build_id[0] = 0xab;
    module->build_id[1] = (uint8_t)index;
    snprintf(module->path, sizeof module->path, "%s", path);
    image->head->module_count = index + 1;
}

void session_image_event(struct session_image *image, uint32_t slot, uint64_t stamp_ns,
                         uint64_t addr, uint64_t size, unsigned call, unsigned flags, uint32_t path)
{
    struct session_thread *thread = image->threads[slot];
    struct session_event *event = &image->rings[slot][thread->ring_tail % IMAGE_RING_EVENTS];
    event->stamp_ns = stamp_ns;
    event->word1 = addr;
    event->word2 = size | (uint64_t)call << 48 | (uint64_t)flags << 56;
    event->word3 = path;
    thread->ring_tail++;
}

struct session_row *session_image_row(struct session_image *image, uint32_t slot, uint32_t path,
                                      unsigned call, uint64_t allocs, uint64_t frees,
                                      uint64_t bytes)
{
    struct session_thread *thread = image->threads[slot];
    assert(thread->row_count < IMAGE_ROWS_MAX);
    struct session_row *row = &image->rows[slot][thread->row_count++];
    row->path = path;
    row->call = (uint8_t)call;
    row->calls = allocs > frees ? allocs : frees;
    row->allocs = allocs;
    row->frees = frees;
    row->bytes = bytes;
    return row;
}

void session_image_malloc(struct session_image *image, uint32_t slot, uint64_t stamp_ns,
                          uint64_t addr, uint64_t size, uint32_t path)
{
    session_image_event(image, slot, stamp_ns, addr, size, CALL_MALLOC, 0, path);
    session_image_row(image, slot, path, CALL_MALLOC, 1, 0, size);
}

void session_image_free(struct session_image *image, uint32_t slot, uint64_t stamp_ns,
                        uint64_t addr, uint32_t path)
{
    session_image_event(image, slot, stamp_ns, addr, 0, CALL_FREE, 0, path);
    session_image_row(image, slot, path, CALL_FREE, 0, 1, 0);
}

static void write_file(const char *dir, const char *name, const void *bytes, size_t count)
{
    char path[2 * IMAGE_NAME_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t written = write(fd, bytes, count);
    assert(written == (ssize_t)count);
    (void)written;
    close(fd);
}

void session_image_write(const struct session_image *image, const char *dir)
{
    write_file(dir, image->name, image->bytes, image->size_bytes);
}

void session_image_write_control(const char *dir, uint64_t base_ns)
{
    static uint8_t page[PAGE_BYTES];
    struct session_control control = {.version = 1,
                                      .depth_max = 512,
                                      .latency_on = 1,
                                      .free_stacks_on = 1,
                                      .follow_on = 1,
                                      .clock = {.base_ns = base_ns}};
    assert(sizeof control == CONTROL_BYTES);
    memcpy(control.magic, "ATRAPCTL", 8);
    memcpy(page, &control, sizeof control);
    write_file(dir, "control", page, sizeof page);
}

void session_image_make_dir(char dir[IMAGE_NAME_BYTES])
{
    snprintf(dir, IMAGE_NAME_BYTES, "test_live.XXXXXX");
    char *made = mkdtemp(dir);
    assert(made != NULL);
    (void)made;
}

void session_image_remove_dir(const char *dir)
{
    DIR *stream = opendir(dir);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        unlinkat(dirfd(stream), entry->d_name, 0);
    }
    if (stream != NULL) {
        closedir(stream);
    }
    rmdir(dir);
}
