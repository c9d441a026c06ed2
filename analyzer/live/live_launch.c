#include "live/live_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloctrap/session.h"

static bool is_program(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        errno = EACCES;
        return false;
    }
    return access(path, X_OK) == 0;
}

static bool find_in(const char *dirs, const char *name, char *out, size_t out_bytes)
{
    int error = ENOENT;
    for (const char *dir = dirs;;) {
        size_t len = strcspn(dir, ":");
        int need = snprintf(out, out_bytes, "%.*s%s%s", (int)len, dir, len == 0 ? "" : "/", name);
        if (need > 0 && (size_t)need < out_bytes) {
            if (is_program(out)) {
                return true;
            }
            error = errno == EACCES ? EACCES : error;
        }
        if (dir[len] == '\0') {
            errno = error;
            return false;
        }
        dir += len + 1;
    }
}

bool live_launch_find(const char *name, char *out, size_t out_bytes)
{
    if (strchr(name, '/') != NULL) {
        snprintf(out, out_bytes, "%s", name);
        return is_program(name);
    }
    if (name[0] == '\0') {
        errno = ENOENT;
        return false;
    }
    const char *dirs = getenv("PATH");
    return find_in(dirs == NULL ? "/bin:/usr/bin" : dirs, name, out, out_bytes);
}

int live_launch_exec_status(int exec_errno)
{
    return exec_errno == ENOENT ? LIVE_LAUNCH_NOT_FOUND : LIVE_LAUNCH_NOT_RUNNABLE;
}

/* Waits for the directory's name; nothing at all means: do not start. */
static bool await_release(int fd, char *dir, size_t dir_bytes)
{
    size_t used = 0;
    while (used < dir_bytes) {
        ssize_t got = read(fd, dir + used, dir_bytes - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        used += (size_t)got;
        if (dir[used - 1] == '\0') {
            return true;
        }
    }
    return false;
}

__attribute__((noreturn)) static void be_host(char **argv, const char *preload, int release_fd,
                                              int failure_fd, const struct live_signals *signals)
{
    char dir[PATH_MAX];
    if (!await_release(release_fd, dir, sizeof dir)) {
        _exit(LIVE_LAUNCH_NOT_FOUND);
    }
    if (dir[0] != '\0' && preload != NULL) {
        setenv("LD_PRELOAD", preload, true);
        setenv(SESSION_ENV, dir, true);
    }
    live_signals_restore(signals);
    execvp(argv[0], argv);
    int error = errno;
    (void)!write(failure_fd, &error, sizeof error);
    _exit(live_launch_exec_status(error));
}

enum err_code live_launch_fork(struct live_launch *launch, char **argv, const char *preload,
                               const struct live_signals *signals, struct err *reterr)
{
    int release[2];
    int failure[2];
    *launch = (struct live_launch){.release_fd = -1, .failure_fd = -1};
    if (pipe2(release, O_CLOEXEC) != 0) {
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot make a pipe: %s", strerror(errno));
    }
    if (pipe2(failure, O_CLOEXEC) != 0) {
        close(release[0]);
        close(release[1]);
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot make a pipe: %s", strerror(errno));
    }
    launch->pid = fork();
    if (launch->pid == 0) {
        close(release[1]); /* else our own end would keep it open when the recorder dies */
        be_host(argv, preload, release[0], failure[1], signals);
    }
    close(release[0]);
    close(failure[1]);
    launch->release_fd = release[1];
    launch->failure_fd = failure[0];
    if (launch->pid < 0) {
        close(release[1]);
        close(failure[0]);
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot start a process: %s", strerror(errno));
    }
    return ERR_NONE;
}

static void await_end(struct live_launch *launch)
{
    while (waitpid(launch->pid, &launch->wait_status, 0) < 0 && errno == EINTR) {
    }
    launch->has_ended = true;
}

int live_launch_release(struct live_launch *launch, const char *session_dir)
{
    const char *dir = session_dir == NULL ? "" : session_dir;
    (void)!write(launch->release_fd, dir, strlen(dir) + 1);
    close(launch->release_fd);
    int error = 0;
    ssize_t got;
    while ((got = read(launch->failure_fd, &error, sizeof error)) < 0 && errno == EINTR) {
    }
    close(launch->failure_fd);
    if (got == (ssize_t)sizeof error) {
        await_end(launch);
        return error;
    }
    return 0;
}

void live_launch_cancel(struct live_launch *launch)
{
    close(launch->release_fd);
    close(launch->failure_fd);
    await_end(launch);
}

bool live_launch_poll(struct live_launch *launch)
{
    if (launch->has_ended) {
        return true;
    }
    pid_t ended = waitpid(launch->pid, &launch->wait_status, WNOHANG);
    if (ended < 0 && errno != EINTR) { /* it can be known no more: no waiting for ever */
        launch->wait_status = W_EXITCODE(LIVE_LAUNCH_LOST, 0);
    }
    launch->has_ended = ended == launch->pid || (ended < 0 && errno != EINTR);
    return launch->has_ended;
}

int live_launch_exit_status(const struct live_launch *launch)
{
    int status = launch->wait_status;
    return WIFSIGNALED(status) ? LIVE_LAUNCH_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}
