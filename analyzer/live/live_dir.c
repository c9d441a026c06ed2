#include "live/live_dir.h"

#include "live/live_clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, NEWS_BYTES = 4096, SCAN_NS = 100000000, SCAN_SHARE = 50 };

static enum err_code fail(struct err *reterr, const char *path, const char *what)
{
    return err_set(reterr, ERR_SYSTEM, path, "%s: %s", what, strerror(errno));
}

/* The directory stands beside the recording; hosts change their working directory, so absolute. */
static enum err_code name_dir(struct live_dir *dir, const char *output, struct err *reterr)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(output, '/');
    const char *base = slash == NULL ? output : slash + 1;
    int len = slash == NULL ? 1 : (int)(slash - output) + 1;
    snprintf(parent, sizeof parent, "%.*s", len, slash == NULL ? "." : output);
    char *real = realpath(parent, NULL);
    if (real == NULL) {
        return err_set(reterr, ERR_MISSING, output, "cannot write there: %s", strerror(errno));
    }
    int need = snprintf(dir->path, sizeof dir->path, "%s/%s" SESSION_SUFFIX, real, base);
    free(real);
    if (need < 0 || (size_t)need >= sizeof dir->path) {
        return err_set(reterr, ERR_USAGE, output, "the name is too long; use a shorter -o");
    }
    return ERR_NONE;
}

static enum err_code make_dir(struct live_dir *dir, struct err *reterr)
{
    if (mkdir(dir->path, 0700) == 0) {
        return ERR_NONE;
    }
    if (errno == EEXIST) {
        return err_set(
            reterr, ERR_USAGE, dir->path,
            "another recorder uses it, or was killed and left it: see `alloctrap recover "
            "DIR -o OUT`, then remove it with rm -r; or choose another -o");
    }
    return fail(reterr, dir->path, "cannot make the session directory");
}

static void fill_control(struct session_control *control, const struct live_settings *settings)
{
    memcpy(control->magic, SESSION_CONTROL_MAGIC, sizeof control->magic);
    control->version = SESSION_VERSION;
    control->depth_max = settings->depth_max;
    control->latency_on = settings->latency_on;
    control->causes_on = settings->causes_on;
    control->free_stacks_on = settings->free_stacks_on;
    control->on_full = (uint8_t)settings->on_full;
    control->follow_on = settings->follow_on;
    control->stacks_by = (uint8_t)settings->stacks_by;
    control->no_command = settings->is_command_left_out;
    live_clock_calibrate(&control->clock);
}

static enum err_code map_control(struct live_dir *dir, int flags, struct err *reterr)
{
    int fd = openat(dir->fd, SESSION_CONTROL_NAME, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set(reterr, ERR_MISSING, dir->path,
                       "no control file in it: not a session directory (%s)", strerror(errno));
    }
    bool is_new = (flags & O_CREAT) != 0;
    struct stat status;
    bool is_sized =
        is_new ? posix_fallocate(fd, 0, PAGE_BYTES) == 0
               : fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= PAGE_BYTES;
    int protection = (flags & O_ACCMODE) == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ;
    void *at = is_sized ? mmap(NULL, PAGE_BYTES, protection, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (at == MAP_FAILED) {
        return err_set(reterr, is_new ? ERR_SYSTEM : ERR_FORMAT, dir->path,
                       is_new ? "no room for the control file; free some disk space"
                              : "its control file is cut short");
    }
    dir->control = at;
    return ERR_NONE;
}

static enum err_code open_dir(struct live_dir *dir, struct err *reterr)
{
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0) {
        return err_set(reterr, ERR_MISSING, dir->path, "cannot open the session directory: %s",
                       strerror(errno));
    }
    return ERR_NONE;
}

static void watch(struct live_dir *dir)
{
    dir->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (dir->notify_fd >= 0 &&
        inotify_add_watch(dir->notify_fd, dir->path, IN_CREATE | IN_MOVED_TO) < 0) {
        close(dir->notify_fd);
        dir->notify_fd = -1;
    }
}

static void init(struct live_dir *dir)
{
    *dir = (struct live_dir){.fd = -1, .notify_fd = -1};
}

enum err_code live_dir_create(struct live_dir *dir, const char *output,
                              const struct live_settings *settings, struct err *reterr)
{
    init(dir);
    enum err_code code = name_dir(dir, output, reterr);
    if (code != ERR_NONE || (code = make_dir(dir, reterr)) != ERR_NONE) {
        return code;
    }
    if ((code = open_dir(dir, reterr)) != ERR_NONE ||
        (code = map_control(dir, O_RDWR | O_CREAT | O_EXCL, reterr)) != ERR_NONE) {
        live_dir_remove(dir);
        live_dir_close(dir);
        return code;
    }
    fill_control(dir->control, settings);
    dir->control->recorder_pid = (uint32_t)getpid();
    live_dir_beat(dir, SESSION_RECORDER_RUNNING);
    watch(dir);
    return ERR_NONE;
}

static enum err_code check_control(const struct live_dir *dir, struct err *reterr)
{
    const struct session_control *control = dir->control;
    if (memcmp(control->magic, SESSION_CONTROL_MAGIC, sizeof control->magic) != 0) {
        return err_set(reterr, ERR_FORMAT, dir->path, "its control file is not one of alloctrap's");
    }
    if (control->version != SESSION_VERSION) {
        return err_set(reterr, ERR_FORMAT, dir->path,
                       "made by session version %u, this alloctrap knows %d; use the one that made "
                       "it",
                       control->version, SESSION_VERSION);
    }
    return ERR_NONE;
}

enum err_code live_dir_open(struct live_dir *dir, const char *path, bool is_recorder,
                            struct err *reterr)
{
    init(dir);
    char *real = realpath(path, NULL);
    if (real == NULL) {
        return err_set(reterr, ERR_MISSING, path, "cannot open it: %s", strerror(errno));
    }
    snprintf(dir->path, sizeof dir->path, "%s", real);
    free(real);
    enum err_code code = open_dir(dir, reterr);
    if (code != ERR_NONE ||
        (code = map_control(dir, is_recorder ? O_RDWR : O_RDONLY, reterr)) != ERR_NONE ||
        (code = check_control(dir, reterr)) != ERR_NONE) {
        live_dir_close(dir);
        return code;
    }
    if (is_recorder) {
        dir->control->recorder_pid = (uint32_t)getpid();
        live_dir_beat(dir, SESSION_RECORDER_RUNNING);
        watch(dir);
    }
    return ERR_NONE;
}

static bool is_session_name(const char *name)
{
    size_t len = strlen(name);
    size_t suffix = sizeof SESSION_SUFFIX - 1;
    return len > suffix && strcmp(name + len - suffix, SESSION_SUFFIX) == 0;
}

/* Visits what inotify tells of; false when that may not be all. */
static bool visit_news(const struct live_dir *dir, live_dir_visit visit, void *context)
{
    _Alignas(struct inotify_event) char news[NEWS_BYTES];
    bool is_all = dir->notify_fd >= 0;
    ssize_t bytes = 0;
    while (dir->notify_fd >= 0 && (bytes = read(dir->notify_fd, news, sizeof news)) > 0) {
        for (ssize_t at = 0; at < bytes;) {
            const struct inotify_event *event = (const void *)(news + at);
            if ((event->mask & IN_Q_OVERFLOW) != 0) {
                is_all = false;
            } else if (event->len > 0 && is_session_name(event->name)) {
                visit(context, event->name);
            }
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return is_all;
}

static void visit_all(const struct live_dir *dir, live_dir_visit visit, void *context)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (is_session_name(entry->d_name)) {
            visit(context, entry->d_name);
        }
    }
    closedir(stream);
}

void live_dir_scan(struct live_dir *dir, bool is_forced, live_dir_visit visit, void *context)
{
    bool knows_all = is_forced || visit_news(dir, visit, context);
    uint64_t now_ns = live_clock_ns();
    uint64_t pause_ns = SCAN_SHARE * dir->scan_cost_ns;
    pause_ns = pause_ns > SCAN_NS ? pause_ns : SCAN_NS;
    bool is_due =
        now_ns - dir->scanned_ns > pause_ns; /* file systems may keep news to themselves */
    bool has_overflowed = !knows_all && dir->notify_fd >= 0;
    if (is_forced || is_due || has_overflowed) {
        dir->scanned_ns = now_ns;
        visit_all(dir, visit, context);
        dir->scan_cost_ns = live_clock_ns() - now_ns;
    }
}

void live_dir_beat(const struct live_dir *dir, enum session_recorder_state state)
{
    /* Release and relaxed: hosts read single values and order nothing by them. */
    atomic_store_explicit(&dir->control->beat_ns, live_clock_ns(), memory_order_relaxed);
    atomic_store_explicit(&dir->control->recorder_state, (uint32_t)state, memory_order_release);
}

void live_dir_close(struct live_dir *dir)
{
    if (dir->control != NULL) {
        munmap(dir->control, PAGE_BYTES);
    }
    if (dir->fd >= 0) {
        close(dir->fd);
    }
    if (dir->notify_fd >= 0) {
        close(dir->notify_fd);
    }
    char path[PATH_MAX];
    memcpy(path, dir->path, sizeof path);
    init(dir);
    memcpy(dir->path, path, sizeof path);
}

static void remove_one(void *context, const char *name)
{
    const struct live_dir *dir = context;
    unlinkat(dir->fd, name, 0);
}

void live_dir_remove(const struct live_dir *dir)
{
    struct live_dir copy = *dir;
    if (copy.fd >= 0) {
        live_dir_scan(&copy, true, remove_one, &copy);
        unlinkat(copy.fd, SESSION_CONTROL_NAME, 0);
    }
    rmdir(dir->path);
}
