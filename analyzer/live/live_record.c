#include "live/live_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "live/live_beat.h"
#include "live/live_clock.h"
#include "live/live_elf.h"
#include "live/live_finish.h"
#include "live/live_launch.h"
#include "live/live_library.h"
#include "live/live_nap.h"
#include "live/live_process.h"
#include "live/live_recorder.h"
#include "live/live_say.h"
#include "live/live_signals.h"
#include "live/live_why.h"

static const uint64_t GRACE_NS = 20000000;
static const uint64_t LOOK_NS = 100000000;
static const uint64_t STILL_RUNNING_NS = 1000000000;
static const uint64_t STRANGER_NS = 250000000;
static const uint64_t NUMBERS_LAST_NS = 2000000000; /* until 32,768 of them can have gone around */

struct record {
    const struct live_record_options *options;
    char **argv;
    char *output;
    char *preload;
    struct live_elf program;
    struct live_signals signals;
    struct live_launch launch;
    struct live_dir dir;
    struct store *store;
    struct live_recorder *recorder;
    struct live_beat beat;
    uint64_t launched_ns;
    uint64_t host_ended_ns; /* 0: it runs */
    uint64_t strangers_ns;  /* when we last looked for them */
    bool has_said_running;
};

/* Closed standard descriptors would be given to files of ours, and written to as stderr. The child
 * sees them closed again: close-on-exec. */
static void fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

static char *default_output(const char *program, pid_t pid)
{
    const char *slash = strrchr(program, '/');
    return mem_format("alloctrap.%s.%d.atrap", slash == NULL ? program : slash + 1, (int)pid);
}

static int say_cannot_run(const char *program, int error)
{
    char *name = escape_terminal(program);
    live_say("cannot run '%s': %s", name, strerror(error));
    free(name);
    return live_launch_exec_status(error);
}

static enum err_code prepare(struct record *record, struct err *reterr)
{
    pid_t pid = record->launch.pid;
    record->output = record->options->output == NULL ? default_output(record->argv[0], pid)
                                                     : mem_text(record->options->output);
    enum err_code code =
        live_dir_create(&record->dir, record->output, &record->options->settings, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = store_create(record->output, &record->store, reterr);
    if (code != ERR_NONE) {
        live_dir_remove(&record->dir);
        live_dir_close(&record->dir);
        return code;
    }
    record->recorder = live_recorder_create(&record->dir, record->store, record->options->is_trace);
    record->recorder->units_given = record->options->units;
    record->recorder->unit_name_given = record->options->unit_name;
    record->recorder->mark_at_ns = record->options->mark_at_ns;
    char *name_alone[] = {record->argv[0], NULL};
    bool is_left_out = record->options->settings.is_command_left_out;
    char *command = live_finish_join(is_left_out ? name_alone : record->argv);
    live_finish_describe(record->recorder, command);
    free(command);
    return ERR_NONE;
}

static void note_host_end(struct record *record)
{
    if (record->host_ended_ns == 0 && live_launch_poll(&record->launch)) {
        record->host_ended_ns = live_clock_ns();
        record->strangers_ns = record->host_ended_ns;
    }
}

/* The host is gone: so are processes that ended unseen. Says once that others go on. */
static void look_after_host(struct record *record)
{
    uint64_t now_ns = live_clock_ns();
    if (record->host_ended_ns == 0) {
        return;
    }
    if (now_ns - record->strangers_ns > STRANGER_NS) {
        record->strangers_ns = now_ns;
        live_recorder_drop_strangers(record->recorder);
    }
    if (!record->has_said_running && now_ns - record->host_ended_ns > STILL_RUNNING_NS &&
        record->recorder->sessions.count > 0) {
        record->has_said_running = true;
        if (!record->options->is_quiet) {
            live_say_still_running(record->recorder);
        }
    }
}

/* A child of the host that has made no call yet gets a moment to show itself, unless there is
 * none. */
static bool may_have_child(const struct record *record)
{
    uint64_t now_ns = live_clock_ns();
    return now_ns - record->host_ended_ns <= GRACE_NS &&
           (record->host_ended_ns - record->launched_ns > NUMBERS_LAST_NS ||
            live_process_any_since((uint32_t)record->launch.pid));
}

static bool is_over(const struct record *record)
{
    return record->signals.is_ending ||
           (record->host_ended_ns != 0 && live_recorder_is_idle(record->recorder) &&
            !may_have_child(record));
}

static enum err_code run_loop(struct record *record, struct err *reterr)
{
    while (!is_over(record)) {
        if (!record->recorder->is_quiet) {
            live_signals_read(&record->signals,
                              record->host_ended_ns == 0 ? record->launch.pid : 0);
            note_host_end(record);
        }
        live_recorder_pass(record->recorder);
        look_after_host(record);
        enum err_code code = live_recorder_checkpoint(record->recorder, reterr);
        if (code != ERR_NONE) {
            return code;
        }
        live_nap(record->recorder, record->signals.fd);
    }
    return ERR_NONE;
}

static void set_end(struct record *record)
{
    struct profile *profile = record->recorder->profile;
    struct profile_run *run = &profile->run;
    int status = record->launch.wait_status;
    run->is_complete = true;
    run->exit_kind = PROFILE_RUNNING;
    if (record->launch.has_ended) {
        run->exit_kind = WIFSIGNALED(status) ? PROFILE_SIGNALED : PROFILE_EXITED;
        run->exit_code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }
    for (size_t i = profile->processes.count; record->launch.has_ended && i-- > 0;) {
        if (profile->processes.at[i].pid == (uint32_t)record->launch.pid) {
            profile->processes.at[i].exit_kind = run->exit_kind; /* its last image */
            profile->processes.at[i].exit_code = run->exit_code;
            return;
        }
    }
}

static void say_end(const struct record *record)
{
    const struct profile *profile = record->recorder->profile;
    bool has_calls = profile->totals.allocs + profile->totals.frees + profile->totals.failed > 0;
    enum live_why why = live_why_of(&record->program);
    bool is_recorded = profile->processes.count > 0;
    if (record->preload != NULL && !has_calls && (!is_recorded || why != LIVE_WHY_UNKNOWN)) {
        live_say_nothing(record->program.path, live_why_text(why), false);
    }
    live_say_warnings(record->recorder);
    if (!record->options->is_quiet) {
        live_say_done(profile, record->output);
    }
}

/* Resolving names may take long and the host may still run: hosts are told first. */
static enum err_code save_end(struct record *record, struct err *reterr)
{
    live_recorder_take_all(record->recorder);
    live_beat_stop(&record->beat);
    live_dir_beat(&record->dir, SESSION_RECORDER_CLOSED);
    live_recorder_take_all(record->recorder);
    set_end(record);
    enum err_code code = live_finish_save(record->recorder, reterr);
    if (code == ERR_NONE) {
        say_end(record);
    }
    return code;
}

static enum err_code finish(struct record *record, enum err_code code, struct err *reterr)
{
    live_beat_stop(&record->beat);
    live_dir_beat(&record->dir, SESSION_RECORDER_CLOSED);
    if (code == ERR_NONE) {
        code = store_close(record->store, reterr);
    } else {
        (void)!store_close(record->store, NULL);
    }
    live_recorder_leave(record->recorder);
    if (code == ERR_NONE) {
        live_dir_remove(&record->dir);
    }
    live_dir_close(&record->dir);
    return code;
}

/* Our own failure must not cost the command its end: it goes on unrecorded, and its status stays
 * its own. */
static void await_host(struct record *record)
{
    while (!live_launch_poll(&record->launch) && !record->signals.is_ending) {
        (void)live_nap_for(record->recorder, LOOK_NS, record->signals.fd);
        live_signals_read(&record->signals, record->launch.pid);
    }
}

/* A recording that was there before stays as it was. */
static void abandon(struct record *record, int exec_errno, int *ret_status)
{
    (void)!store_close(record->store, NULL);
    live_recorder_destroy(record->recorder);
    live_dir_remove(&record->dir);
    live_dir_close(&record->dir);
    *ret_status = say_cannot_run(record->argv[0], exec_errno);
}

static enum err_code run_host(struct record *record, int *ret_status, struct err *reterr)
{
    int error =
        live_launch_release(&record->launch, record->preload == NULL ? NULL : record->dir.path);
    if (error != 0) {
        abandon(record, error, ret_status);
        return ERR_NONE;
    }
    record->launched_ns = live_clock_ns();
    record->recorder->host_pid = (uint32_t)record->launch.pid;
    live_beat_start(&record->beat, &record->dir);
    enum err_code code = run_loop(record, reterr);
    if (code == ERR_NONE) {
        code = save_end(record, reterr);
    }
    if (code != ERR_NONE) {
        live_beat_stop(&record->beat);
        live_dir_beat(&record->dir, SESSION_RECORDER_CLOSED);
        char text[2048];
        err_format(reterr, text, sizeof text);
        char *dir = escape_terminal(record->dir.path);
        live_say("%s; the program goes on unrecorded; what was counted is in %s", text, dir);
        free(dir);
        await_host(record);
        (void)finish(record, code, reterr);
        code = ERR_NONE;
    } else {
        code = finish(record, code, reterr);
    }
    *ret_status = record->launch.has_ended ? live_launch_exit_status(&record->launch) : 0;
    return code;
}

/* Sanitizers abort behind a preload, and musl's loader refuses a library of glibc's: such programs
 * run without us. */
static enum err_code choose_preload(struct record *record, struct err *reterr)
{
    enum live_why why = live_why_of(&record->program);
    if (why == LIVE_WHY_SANITIZED || why == LIVE_WHY_MUSL) {
        live_say_nothing(record->program.path, live_why_text(why), true);
        return ERR_NONE;
    }
    return live_library_preload(&record->program, &record->preload, reterr);
}

static enum err_code launch(struct record *record, int *ret_status, struct err *reterr)
{
    if (!live_signals_block(&record->signals)) {
        live_signals_restore(&record->signals);
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot watch signals: %s", strerror(errno));
    }
    enum err_code code =
        live_launch_fork(&record->launch, record->argv, record->preload, &record->signals, reterr);
    if (code == ERR_NONE) {
        code = prepare(record, reterr);
        if (code != ERR_NONE) {
            live_launch_cancel(&record->launch);
        } else {
            code = run_host(record, ret_status, reterr);
        }
    }
    live_signals_finish(&record->signals);
    return code;
}

enum err_code live_record(const struct live_record_options *options, char **argv, int *ret_status,
                          struct err *reterr)
{
    struct record record = {.options = options, .argv = argv};
    char path[PATH_MAX];
    fill_standard_descriptors();
    if (!live_launch_find(argv[0], path, sizeof path)) {
        *ret_status = say_cannot_run(argv[0], errno);
        return ERR_NONE;
    }
    live_elf_read(path, &record.program);
    enum err_code code = choose_preload(&record, reterr);
    if (code == ERR_NONE) {
        code = launch(&record, ret_status, reterr);
    }
    free(record.preload);
    free(record.output);
    return code;
}
