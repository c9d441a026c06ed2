#include "symbol/perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "symbol/demangle.h"

enum {
    FILE_BYTES_MAX = 256 << 20,
    NS_PER_S = 1000000000,
    /* A runtime writes its last lines while the kernel already counts it as ended; file times are
     * of the last clock tick, and may lie before the start. */
    SLACK_NS = 100000000
};

static FILE *open_own(const char *path, uint64_t start_ns, uint64_t end_ns)
{
    struct stat info;
    int fd = file_open_regular(path, O_NOFOLLOW, &info);
    if (fd < 0) {
        return NULL;
    }
    bool is_ours = info.st_uid == geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
                   info.st_size <= FILE_BYTES_MAX;
    uint64_t written_ns =
        is_ours ? (uint64_t)info.st_mtim.tv_sec * NS_PER_S + (uint64_t)info.st_mtim.tv_nsec : 0;
    if (!is_ours || written_ns + SLACK_NS < start_ns || written_ns > end_ns + SLACK_NS) {
        close(fd);
        return NULL;
    }
    return fdopen(fd, "r");
}

/* "START SIZE NAME", hexadecimal. False for any other line. */
static bool parse_line(char *line, uint64_t *ret_start, uint64_t *ret_end, char **ret_name)
{
    char *end = NULL;
    errno = 0;
    uint64_t start = strtoull(line, &end, 16);
    uint64_t size = *end == ' ' ? strtoull(end, &end, 16) : 0;
    if (errno != 0 || size == 0 || *end != ' ' || start + size < start) {
        return false;
    }
    end[1 + strcspn(end + 1, "\n")] = '\0';
    if (strlen(end + 1) > DEMANGLE_NAME_MAX) {
        strcpy(end + 1 + DEMANGLE_NAME_MAX - 3, "...");
    }
    *ret_start = start;
    *ret_end = start + size;
    *ret_name = end + 1;
    return end[1] != '\0';
}

static size_t first_from(const struct perf_map_name *names, size_t count, uint64_t address)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (names[middle].address < address) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

bool perf_map_read(const char *path, uint64_t start_ns, uint64_t end_ns,
                   struct perf_map_name *names, size_t count, struct mem_strings *strings)
{
    FILE *in = open_own(path, start_ns, end_ns);
    char *line = NULL;
    size_t room = 0;
    if (in == NULL) {
        return false;
    }
    while (getline(&line, &room, in) > 0) {
        uint64_t low;
        uint64_t high;
        char *name;
        if (!parse_line(line, &low, &high, &name)) {
            continue;
        }
        for (size_t i = first_from(names, count, low); i < count && names[i].address < high; i++) {
            bool is_first = names[i].name == NULL || strcmp(names[i].name, name) == 0;
            names[i].name = mem_strings_keep(strings, is_first ? name : "");
        }
    }
    free(line);
    fclose(in);
    return true;
}
