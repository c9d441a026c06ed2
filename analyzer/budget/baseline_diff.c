#include "budget/baseline_diff.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

enum { STATUS_TROUBLE = 2 };

/* A file without a name that holds text; -1 when there is no memory for it. */
static int file_of(const char *text)
{
    int fd = memfd_create("alloctrap-baseline", 0);
    size_t left = strlen(text);
    while (fd >= 0 && left > 0) {
        ssize_t written = write(fd, text, left);
        if (written <= 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        text += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
    return fd;
}

static int spawn_diff(const char *path, int new_fd, int out_fd, pid_t *ret_pid)
{
    bool is_there = access(path, R_OK) == 0;
    char *name = mem_format("--label=%s%s", is_there ? "a/" : "", is_there ? path : "/dev/null");
    char *new_name = mem_format("--label=b/%s", path);
    char *new_file = mem_format("/dev/fd/%d", new_fd);
    char *old_file = mem_text(is_there ? path : "/dev/null");
    char diff[] = "diff";
    char unified[] = "-u";
    char end[] = "--";
    char *arguments[] = {diff, unified, name, new_name, end, old_file, new_file, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    int cause = posix_spawnp(ret_pid, diff, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    free(old_file);
    free(new_file);
    free(new_name);
    free(name);
    return cause;
}

static char *read_all(int fd)
{
    char *text = NULL;
    size_t length = 0;
    char bytes[4096];
    FILE *out = open_memstream(&text, &length);
    for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) != 0;) {
        if (got < 0 && errno != EINTR) {
            break;
        }
        fwrite(bytes, 1, got > 0 ? (size_t)got : 0, out);
    }
    fclose(out);
    return text;
}

static enum err_code run_diff(const char *path, int new_fd, char **ret_patch, struct err *reterr)
{
    int ends[2];
    pid_t pid = 0;
    int status = 0;
    if (pipe(ends) != 0) {
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot make a pipe: %s", strerror(errno));
    }
    int cause = spawn_diff(path, new_fd, ends[1], &pid);
    close(ends[1]);
    char *patch = read_all(ends[0]);
    close(ends[0]);
    while (cause == 0 && waitpid(pid, &status, 0) < 0) {
        cause = errno == EINTR ? 0 : errno;
    }
    if (cause != 0 || !WIFEXITED(status) || WEXITSTATUS(status) >= STATUS_TROUBLE) {
        free(patch);
        return err_set(reterr, ERR_SYSTEM, path,
                       "--print-patch needs the program 'diff' (package diffutils)%s%s",
                       cause != 0 ? ": " : "", cause != 0 ? strerror(cause) : "");
    }
    *ret_patch = patch;
    return ERR_NONE;
}

enum err_code baseline_diff(const char *path, const char *text, char **ret_patch,
                            struct err *reterr)
{
    int new_fd = file_of(text);
    if (new_fd < 0) {
        return err_set(reterr, ERR_SYSTEM, NULL, "no memory for the new baseline: %s",
                       strerror(errno));
    }
    enum err_code code = run_diff(path, new_fd, ret_patch, reterr);
    close(new_fd);
    return code;
}
