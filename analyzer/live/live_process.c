#include "live/live_process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NUMBERS_MAX = 256 }; /* that are asked for one by one */

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
    return pid == 0 || pid > INT32_MAX || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

/* The number that a process or thread of our namespace got last; 0: not known. */
static uint32_t last_number(void)
{
    FILE *in = fopen("/proc/loadavg", "re");
    uint32_t last = 0;
    if (in != NULL) {
        if (fscanf(in, "%*s %*s %*s %*s %" SCNu32, &last) != 1) {
            last = 0;
        }
        fclose(in);
    }
    return last;
}

static bool is_thread_of_ours(uint32_t number)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%" PRIu32, number);
    return access(path, F_OK) == 0;
}

bool live_process_any_since(uint32_t pid)
{
    uint32_t last = last_number();
    if (last < pid || last - pid > NUMBERS_MAX) {
        return true;
    }
    for (uint32_t number = pid + 1; number <= last; number++) {
        if (!live_process_is_gone(number, -1) && !is_thread_of_ours(number)) {
            return true;
        }
    }
    return false;
}

enum look { LOOK_MAPPED, LOOK_NOT_MAPPED, LOOK_EMPTY, LOOK_GONE, LOOK_UNKNOWN };

static enum look look_at_maps(const char *path, const char *file_name)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return errno == ENOENT || errno == ESRCH ? LOOK_GONE : LOOK_UNKNOWN;
    }
    char *line = NULL;
    size_t room = 0;
    enum look found = LOOK_EMPTY;
    while (found != LOOK_MAPPED && getline(&line, &room, in) > 0) {
        found = strstr(line, file_name) != NULL ? LOOK_MAPPED : LOOK_NOT_MAPPED;
    }
    if (found == LOOK_EMPTY && ferror(in) != 0) {
        found = LOOK_UNKNOWN;
    }
    free(line);
    fclose(in);
    return found;
}

/* A process whose first thread has ended shows its memory in the others. */
static enum look look_at_threads(uint32_t pid, const char *file_name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", pid);
    DIR *threads = opendir(path);
    enum look found = LOOK_EMPTY;
    struct dirent *entry;
    while (threads != NULL && found == LOOK_EMPTY && (entry = readdir(threads)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0])) {
            char maps[400];
            snprintf(maps, sizeof maps, "%s/%s/maps", path, entry->d_name);
            found = look_at_maps(maps, file_name);
            found = found == LOOK_GONE ? LOOK_EMPTY : found;
        }
    }
    if (threads != NULL) {
        closedir(threads);
    }
    return found;
}

static enum look look_at(uint32_t pid, const char *file_name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/maps", pid);
    enum look found = look_at_maps(path, file_name);
    return found == LOOK_EMPTY ? look_at_threads(pid, file_name) : found;
}

bool live_process_may_map(uint32_t pid, const char *file_name)
{
    enum look found = look_at(pid, file_name);
    return found == LOOK_MAPPED || found == LOOK_UNKNOWN;
}

static uint64_t namespace_of(const char *process)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%.20s/ns/pid", process);
    return stat(path, &status) == 0 ? (uint64_t)status.st_ino : 0;
}

/* The first process that has the file mapped, of this pid namespace (0: of any); 0 = none. */
static uint32_t find_by_map(uint64_t pid_namespace, const char *file_name)
{
    DIR *processes = opendir("/proc");
    uint32_t found = 0;
    struct dirent *entry;
    while (processes != NULL && found == 0 && (entry = readdir(processes)) != NULL) {
        uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
        bool is_wanted = pid != 0 && pid != (uint32_t)getpid() &&
                         (pid_namespace == 0 || namespace_of(entry->d_name) == pid_namespace);
        if (is_wanted && look_at(pid, file_name) == LOOK_MAPPED) {
            found = pid;
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
    return found;
}

uint32_t live_process_find(uint32_t pid, uint64_t pid_namespace, const char *file_name)
{
    bool is_told = pid != 0 && pid <= INT32_MAX;
    bool is_ours = pid_namespace == 0 || pid_namespace == namespace_of("self");
    return is_told && is_ours ? pid : find_by_map(pid_namespace, file_name);
}

bool live_process_any_maps(const char *file_name)
{
    return find_by_map(0, file_name) != 0;
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
