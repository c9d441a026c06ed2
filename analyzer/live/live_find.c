#include "live/live_find.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloctrap/session.h"
#include "base/escape.h"
#include "base/mem.h"

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The first of the NUL-ended texts in a file that begins with start; free() it. */
static char *text_in(const char *file, const char *start)
{
    FILE *in = fopen(file, "re");
    char *line = NULL;
    size_t room = 0;
    char *found = NULL;
    while (in != NULL && found == NULL && getdelim(&line, &room, '\0', in) > 0) {
        if (strncmp(line, start, strlen(start)) == 0) {
            found = mem_text(line + strlen(start));
        }
    }
    free(line);
    if (in != NULL) {
        fclose(in);
    }
    return found;
}

/* The directory of the session file that a process has mapped; free() it. A process that another
 * program's environment started has it only here. */
static char *mapped_session(const char *maps)
{
    FILE *in = fopen(maps, "re");
    char *line = NULL;
    size_t room = 0;
    char *found = NULL;
    while (in != NULL && found == NULL && getline(&line, &room, in) > 0) {
        char *path = strchr(line, '/');
        char *end = path != NULL ? strrchr(path, '/') : NULL;
        if (end == NULL || strstr(end, SESSION_SUFFIX) == NULL) {
            continue;
        }
        *end = '\0';
        if (is_directory(path)) {
            found = mem_text(path);
        }
    }
    free(line);
    if (in != NULL) {
        fclose(in);
    }
    return found;
}

static enum err_code by_pid(const char *pid, char **ret_dir, struct err *reterr)
{
    char *environ_file = mem_format("/proc/%s/environ", pid);
    char *maps_file = mem_format("/proc/%s/maps", pid);
    char *dir = mapped_session(maps_file);
    if (dir == NULL) {
        dir = text_in(environ_file, SESSION_ENV "=");
    }
    free(environ_file);
    free(maps_file);
    if (dir == NULL || !is_directory(dir)) {
        free(dir);
        return err_set(reterr, ERR_MISSING, NULL,
                       "process %s is not being recorded (or is not yours to look at); record it "
                       "with: alloctrap record -- COMMAND",
                       pid);
    }
    *ret_dir = dir;
    return ERR_NONE;
}

/* How many sessions the current folder has; *ret_dir is the last one. */
static size_t sessions_here(char **ret_dir)
{
    size_t count = 0;
    DIR *here = opendir(".");
    for (struct dirent *entry; here != NULL && (entry = readdir(here)) != NULL;) {
        size_t length = strlen(entry->d_name);
        size_t suffix = sizeof SESSION_SUFFIX - 1;
        if (length > suffix && strcmp(entry->d_name + length - suffix, SESSION_SUFFIX) == 0 &&
            is_directory(entry->d_name)) {
            free(*ret_dir);
            *ret_dir = mem_text(entry->d_name);
            count++;
        }
    }
    if (here != NULL) {
        closedir(here);
    }
    return count;
}

enum err_code live_find(const char *what, char **ret_dir, struct err *reterr)
{
    if (what != NULL && what[0] != '\0' && strspn(what, "0123456789") == strlen(what)) {
        return by_pid(what, ret_dir, reterr);
    }
    if (what != NULL) {
        *ret_dir = mem_text(what);
        return ERR_NONE;
    }
    char *dir = NULL;
    size_t count = sessions_here(&dir);
    if (count != 1) {
        free(dir);
        return err_set(reterr, ERR_USAGE, NULL,
                       count == 0 ? "no recording is running in this folder; say which: a pid, or "
                                    "its NAME.atrap.session"
                                  : "%zu recordings are running in this folder; say which: a pid, "
                                    "or its NAME.atrap.session",
                       count);
    }
    *ret_dir = dir;
    return ERR_NONE;
}
