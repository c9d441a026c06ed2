#include "symbol/source_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static uint64_t changed_ns(const struct stat *info)
{
    enum { NS_PER_S = 1000000000 };
    return (uint64_t)info->st_mtim.tv_sec * NS_PER_S + (uint64_t)info->st_mtim.tv_nsec;
}

/* A program built again after the run says nothing about what the run was compiled from. */
static enum source_age age_of(const struct stat *source, const struct source_times *times)
{
    struct stat module;
    uint64_t source_ns = changed_ns(source);
    if (times->run_start_ns != 0 && source_ns > times->run_start_ns) {
        return SOURCE_AFTER_RUN;
    }
    if (times->module != NULL && stat(times->module, &module) == 0 &&
        source_ns > changed_ns(&module)) {
        return SOURCE_AFTER_BUILD;
    }
    return SOURCE_AS_BUILT;
}

/* As many bytes as the file had when it was asked; fewer where it shrank meanwhile. */
static char *read_whole(int fd, size_t size_bytes, size_t *ret_bytes)
{
    char *bytes = mem_zero(size_bytes + 1, 1);
    size_t count = 0;
    while (count < size_bytes) {
        ssize_t got = read(fd, bytes + count, size_bytes - count);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        count += (size_t)got;
    }
    *ret_bytes = count;
    return bytes;
}

static void list_lines(struct source_text *text, size_t count)
{
    MEM_ARRAY(size_t) starts = {0};
    *MEM_PUSH(&starts) = 0;
    for (size_t i = 0; i < count; i++) {
        if (text->bytes[i] == '\n') {
            *MEM_PUSH(&starts) = i + 1;
        }
    }
    if (starts.at[starts.count - 1] != count) {
        *MEM_PUSH(&starts) = count; /* a last line that nothing ends */
    }
    text->starts = starts.at;
    text->line_count = starts.count - 1;
}

static enum source_state load(int fd, const struct stat *info, struct source_text *text)
{
    size_t count = 0;
    if (info->st_size > SOURCE_BYTES_MAX) {
        return SOURCE_TOO_LARGE;
    }
    text->bytes = read_whole(fd, (size_t)info->st_size, &count);
    if (memchr(text->bytes, '\0', count) != NULL) {
        return SOURCE_BINARY;
    }
    list_lines(text, count);
    return SOURCE_FINE;
}

void source_text_load(const char *path, const struct source_times *times, struct source_text *ret)
{
    struct stat info;
    *ret = (struct source_text){.state = SOURCE_FINE};
    int fd = file_open_regular(path, 0, &info);
    if (fd < 0) {
        ret->error = errno;
        ret->state = fd == FILE_IRREGULAR ? SOURCE_NO_FILE : SOURCE_MISSING;
        return;
    }
    ret->age = age_of(&info, times);
    ret->state = load(fd, &info, ret);
    close(fd);
}

void source_text_finish(struct source_text *text)
{
    free(text->bytes);
    free(text->starts);
    *text = (struct source_text){.state = SOURCE_FINE};
}

/* Where a line of so many bytes is cut: never within a character. */
static size_t cut(const char *line, size_t bytes)
{
    if (bytes <= SOURCE_LINE_MAX) {
        return bytes;
    }
    bytes = SOURCE_LINE_MAX;
    while (bytes > 0 && ((unsigned char)line[bytes] & 0xc0) == 0x80) {
        bytes--;
    }
    return bytes;
}

char *source_text_line(const struct source_text *text, uint32_t line)
{
    if (text->state != SOURCE_FINE || line == 0 || line > text->line_count) {
        return mem_text("");
    }
    const char *from = text->bytes + text->starts[line - 1];
    size_t whole = text->starts[line] - text->starts[line - 1];
    while (whole > 0 && strchr("\r\n \t\f\v", from[whole - 1]) != NULL) {
        whole--;
    }
    size_t bytes = cut(from, whole);
    char *shown = mem_zero(bytes * SOURCE_TAB + sizeof "...", 1);
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++) {
        bool is_blank = strchr("\t\f\v", from[i]) != NULL;
        shown[count++] = is_blank ? ' ' : from[i];
        while (from[i] == '\t' && count % SOURCE_TAB != 0) {
            shown[count++] = ' ';
        }
    }
    memcpy(shown + count, "...", bytes < whole ? sizeof "..." : 0);
    return shown;
}

char *source_text_note(const struct source_text *text, const char *path, const char *module)
{
    switch (text->state) {
    case SOURCE_MISSING:
        return mem_format("%s: %s; --source-map=FROM=TO or --sysroot=DIR says where it is", path,
                          strerror(text->error));
    case SOURCE_NO_FILE:
        return mem_format("%s is not a regular file, so it is not shown", path);
    case SOURCE_TOO_LARGE:
        return mem_format("%s is larger than %d MiB, so it is not shown", path,
                          SOURCE_BYTES_MAX >> 20);
    case SOURCE_BINARY:
        return mem_format("%s is not text, so it is not shown", path);
    default:
        break;
    }
    if (text->age == SOURCE_AFTER_RUN) {
        return mem_format("%s was changed after the recording began: its lines may not be those "
                          "that ran",
                          path);
    }
    if (text->age == SOURCE_AFTER_BUILD) {
        return mem_format("%s is newer than %s: its lines may not be those that were compiled",
                          path, module);
    }
    return mem_text("");
}
