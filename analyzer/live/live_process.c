#include "live/live_process.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int live_process_open(uint32_t pid)
{
    return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* close-on-exec by itself */
}

bool live_process_is_gone(uint32_t pid, int pid_fd)
{
    if (pid_fd >= 0) {
        struct pollfd one = {.fd = pid_fd, .events = POLLIN};
        return poll(&one, 1, 0) == 1;
    }
    return pid == 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

bool live_process_may_map(uint32_t pid, const char *file_name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/maps", pid);
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return errno != ENOENT;
    }
    char *line = NULL;
    size_t room = 0;
    bool is_mapped = false;
    bool has_lines = false;
    while (!is_mapped && getline(&line, &room, in) > 0) {
        has_lines = true;
        is_mapped = strstr(line, file_name) != NULL;
    }
    bool is_unknown = !has_lines && ferror(in) != 0;
    free(line);
    fclose(in);
    return is_mapped || is_unknown;
}

static bool read_file(uint32_t pid, const char *name, char *out, size_t out_bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/%s", pid, name);
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return false;
    }
    size_t got = fread(out, 1, out_bytes - 1, in);
    out[got] = '\0';
    fclose(in);
    return got > 0;
}

bool live_process_sample(uint32_t pid, uint64_t *ret_rss_bytes, uint64_t *ret_faults)
{
    char text[1024];
    uint64_t pages = 0;
    uint64_t minor = 0;
    uint64_t major = 0;
    if (!read_file(pid, "statm", text, sizeof text) || sscanf(text, "%*u %" SCNu64, &pages) != 1 ||
        !read_file(pid, "stat", text, sizeof text)) {
        return false;
    }
    const char *after_name = strrchr(text, ')'); /* names may hold anything, brackets too */
    if (after_name == NULL ||
        sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64, &minor,
               &major) != 2) {
        return false;
    }
    *ret_rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    *ret_faults = minor + major;
    return true;
}
