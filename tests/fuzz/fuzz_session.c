/*
 * fuzz_session - a damaged session directory, as `recover` or the recorder itself finds it: either
 * ends in a recording that loads, or in one line that says why not.
 * A real session is large and mostly holes, so the input is not the file: it is a list of patches
 * over a small whole one, and mutations hit what is read.
 *   byte 0          bit 0: the recorder, bit 2: `recover` as a whole, neither: what `recover`
 * reads, not saved (SQLite takes nine tenths of the time); bit 1: a second session, a forked
 * child's then patches    kind (low nibble; bit 4: of the second session), item, offset (2 bytes,
 *                   little-endian), length - 1 (5 bits), the bytes
 * Owner: the fuzzer, or the corpus test.   Threads: one.
 * Memory: one folder of its own for each process, in memory where /dev/shm is; removed at exit.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live/live_dir.h"
#include "live/live_recorder.h"
#include "live/live_recover.h"
#include "session_image.h"
#include "store/store.h"

enum {
    HOST_PID = 0x7ffffff0, /* above pid_max: nobody's */
    START_NS = 5000,
    BASE_NS = 1000,
    CONTROL_PAGE_BYTES = 4096,
    PATCH_HEAD_BYTES = 5,
    PATCH_BYTES_MAX = 32,
    SESSIONS = 2
};

enum mode { MODE_RECORDER = 1, MODE_CHILD = 2, MODE_SAVE = 4 };

enum patch_kind {
    PATCH_HEAD,
    PATCH_NODE,
    PATCH_MODULE,
    PATCH_THREAD,
    PATCH_EVENT,
    PATCH_ROW,
    PATCH_CONTROL,
    PATCH_ANYWHERE, /* item: bits 16 to 23 of the offset */
    PATCH_LENGTH,   /* the file ends at item << 16 | offset */
    PATCH_KINDS
};

static char folder[IMAGE_NAME_BYTES];
static char output[2 * IMAGE_NAME_BYTES];
static uint8_t control[CONTROL_PAGE_BYTES];
static uint8_t *whole[SESSIONS]; /* without patches */
static struct session_image *images[SESSIONS];
static size_t whole_bytes;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void fill(struct session_image *image)
{
    session_image_module(image, 0x10000, 0x20000, 0x10000, "bin/host");
    session_image_module(image, 0x30000, 0x40000, 0x30000, "lib/libsome.so.1");
    uint32_t outer = session_image_node(image, 0, 0x10500);
    uint32_t inner = session_image_node(image, outer, 0x30500);
    uint32_t leaf = session_image_node(image, inner, 0x30600);
    session_image_malloc(image, 0, 6000, 0x1000, 64, leaf);
    session_image_malloc(image, 0, 6100, 0x2000, 1000, inner);
    session_image_free(image, 0, 6200, 0x1000, outer);
    session_image_event(image, 0, 6300, 0x2000, 0, CALL_REALLOC, SESSION_EVENT_OLD, leaf);
    session_image_event(image, 0, 6400, 0x3000, 2000, CALL_REALLOC, 0, leaf);
    session_image_row(image, 0, leaf, CALL_REALLOC, 1, 1, 2000);
    uint32_t slot = session_image_thread(image, HOST_PID + 5);
    session_image_event(image, slot, 6150, HOST_PID + 6, 0, 0, SESSION_EVENT_THREAD, 0);
    session_image_event(image, slot, 6160, 0, SESSION_NOTE_PHASE_BEGIN, 0, SESSION_EVENT_NOTE, 0);
    session_image_malloc(image, slot, 6170, 0x4000, 8, leaf);
    session_image_free(image, slot, 6500, 0x3000, leaf);
    session_image_event(image, slot, 6600, 0, SESSION_NOTE_PHASE_END, 0, SESSION_EVENT_NOTE, 0);
    image->head->notes[0].is_ready = 1;
    memcpy(image->head->notes[0].name, "phase", sizeof "phase");
    image->head->note_count = 1;
    image->head->units = 3;
    memcpy(image->head->unit_name, "line", sizeof "line");
}

static void read_control(void)
{
    char path[2 * IMAGE_NAME_BYTES];
    snprintf(path, sizeof path, "%s/" SESSION_CONTROL_NAME, folder);
    session_image_write_control(folder, BASE_NS);
    FILE *in = fopen(path, "re");
    if (in == NULL || fread(control, 1, sizeof control, in) != sizeof control) {
        abort();
    }
    fclose(in);
}

static void clean_up(void)
{
    session_image_remove_dir(folder);
    for (size_t i = 0; i < SESSIONS; i++) {
        session_image_destroy(images[i]);
        free(whole[i]);
    }
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "%s/fuzz_session.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    snprintf(output, sizeof output, "%s/out.atrap", folder);
    read_control();
    for (uint32_t i = 0; i < SESSIONS; i++) {
        images[i] = session_image_create(HOST_PID + i, 7 + i, START_NS + 100 * i);
        images[i]->head->origin = i == 0 ? SESSION_BY_START : SESSION_BY_FORK;
        images[i]->head->parent_id = i == 0 ? 0 : 7;
        fill(images[i]);
        whole_bytes = images[i]->size_bytes;
        whole[i] = malloc(whole_bytes);
        memcpy(whole[i], images[i]->bytes, whole_bytes);
    }
    atexit(clean_up);
}

/* Where a patch begins; what is beyond the file is left out by put(). */
static size_t place_of(const struct session_image *image, unsigned kind, size_t item, size_t off)
{
    const struct session_image *i = image;
    const uint8_t *starts[] = {i->bytes,
                               (const uint8_t *)&i->nodes[item % 8],
                               (const uint8_t *)&i->modules[item % IMAGE_MODULES_MAX],
                               (const uint8_t *)i->threads[item % 2],
                               (const uint8_t *)&i->rings[item / 16 % 2][item % 16],
                               (const uint8_t *)&i->rows[item / 16 % 2][item % 16]};
    const size_t sizes[] = {sizeof *i->head,       sizeof *i->nodes,    sizeof *i->modules,
                            sizeof *i->threads[0], sizeof *i->rings[0], sizeof *i->rows[0]};
    return kind < PATCH_CONTROL ? (size_t)(starts[kind] - i->bytes) + off % sizes[kind]
                                : item << 16 | off;
}

static void put(uint8_t *to, size_t room, size_t off, const uint8_t *bytes, size_t len)
{
    if (off < room) {
        memcpy(to + off, bytes, len < room - off ? len : room - off);
    }
}

static void patch(uint8_t page[CONTROL_PAGE_BYTES], const uint8_t *bytes, size_t len)
{
    while (len > PATCH_HEAD_BYTES) {
        unsigned kind = (bytes[0] & 15U) % PATCH_KINDS;
        struct session_image *image = images[bytes[0] >> 4 & 1];
        size_t off = (size_t)bytes[2] | (size_t)bytes[3] << 8;
        size_t count = 1 + bytes[4] % PATCH_BYTES_MAX;
        count = count < len - PATCH_HEAD_BYTES ? count : len - PATCH_HEAD_BYTES;
        const uint8_t *data = bytes + PATCH_HEAD_BYTES;
        size_t at = place_of(image, kind, bytes[1], off);
        if (kind == PATCH_CONTROL) {
            put(page, sizeof(struct session_control), off, data, count);
        } else if (kind == PATCH_LENGTH) {
            image->size_bytes = at < whole_bytes ? at : whole_bytes;
        } else {
            put(image->bytes, whole_bytes, at, data, count);
        }
        bytes += PATCH_HEAD_BYTES + count;
        len -= PATCH_HEAD_BYTES + count;
    }
}

static void write_control(const uint8_t page[CONTROL_PAGE_BYTES])
{
    char path[2 * IMAGE_NAME_BYTES];
    snprintf(path, sizeof path, "%s/" SESSION_CONTROL_NAME, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (write(fd, page, CONTROL_PAGE_BYTES) != CONTROL_PAGE_BYTES) {
        abort();
    }
    close(fd);
}

static void need_one_line(const struct err *err)
{
    if (err->message[0] == '\0' || strchr(err->message, '\n') != NULL) {
        abort();
    }
}

static void recover(void)
{
    struct err err = {.code = ERR_NONE};
    struct profile *profile = NULL;
    if (live_recover(folder, output, &err) != ERR_NONE) {
        need_one_line(&err);
        return;
    }
    if (store_load(output, &profile, &err) != ERR_NONE) {
        fprintf(stderr, "fuzz_session: what was recovered does not load: %s\n", err.message);
        abort();
    }
    profile_destroy(profile);
    unlink(output);
}

/* As the recorder meets it while it records, or `recover` reads it; nothing is saved. */
static void read_all(bool is_recorder)
{
    struct live_dir dir;
    struct err err = {.code = ERR_NONE};
    if (live_dir_open(&dir, folder, is_recorder, &err) != ERR_NONE) {
        need_one_line(&err);
        return;
    }
    struct live_recorder *recorder = live_recorder_create(&dir, NULL, false);
    recorder->is_read_only = !is_recorder;
    if (is_recorder) {
        live_recorder_pass(recorder);
        live_recorder_settle(recorder);
        live_recorder_drop_strangers(recorder);
    }
    live_recorder_take_all(recorder);
    live_recorder_settle(recorder);
    live_recorder_destroy(recorder);
    live_dir_close(&dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t page[CONTROL_PAGE_BYTES];
    if (len == 0) {
        return 0;
    }
    if (folder[0] == '\0') {
        set_up();
    }
    memcpy(page, control, sizeof page);
    size_t count = (bytes[0] & MODE_CHILD) != 0 ? SESSIONS : 1;
    for (size_t i = 0; i < SESSIONS; i++) {
        memcpy(images[i]->bytes, whole[i], whole_bytes);
        images[i]->size_bytes = whole_bytes;
    }
    patch(page, bytes + 1, len - 1);
    write_control(page);
    for (size_t i = 0; i < count; i++) {
        session_image_write(images[i], folder);
    }
    bool is_recorder = (bytes[0] & MODE_RECORDER) != 0;
    if (!is_recorder && (bytes[0] & MODE_SAVE) != 0) {
        recover();
    } else {
        read_all(is_recorder);
    }
    for (size_t i = 0; i < count; i++) {
        char path[2 * IMAGE_NAME_BYTES];
        snprintf(path, sizeof path, "%s/%s", folder, images[i]->name);
        unlink(path);
    }
    return 0;
}
