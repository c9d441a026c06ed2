#include "live/live_recover.h"

#include <stdlib.h>

#include "base/escape.h"
#include "live/live_clock.h"
#include "live/live_finish.h"
#include "live/live_process.h"
#include "live/live_recorder.h"
#include "live/live_say.h"

/* After a restart of the machine CLOCK_MONOTONIC tells nothing of the past: the wall clock of the
 * first session does. */
static void set_start(struct live_recorder *recorder)
{
    const struct session_head *head = recorder->sessions.at[0]->head;
    recorder->base_realtime_ns = head->start_realtime_ns - (head->start_ns - recorder->base_ns);
}

static void mark_processes(struct live_recorder *recorder)
{
    for (size_t i = 0; i < recorder->sessions.count; i++) {
        const struct live_session *session = recorder->sessions.at[i];
        bool is_running = !live_process_is_gone(session->seen_pid, -1) &&
                          live_process_may_map(session->seen_pid, session->name);
        recorder->profile->processes.at[session->process].exit_kind =
            is_running ? PROFILE_RUNNING : PROFILE_LOST;
    }
}

static void mark_run(struct live_recorder *recorder)
{
    struct profile *profile = recorder->profile;
    profile->run.counters_only = true;
    profile->run.is_complete = false;
    profile->run.exit_kind = PROFILE_LOST;
    for (size_t i = 0; i < profile->processes.count; i++) {
        if (profile->processes.at[i].exit_kind == PROFILE_RUNNING) {
            profile->run.exit_kind = PROFILE_RUNNING;
        }
    }
}

static void say_recovered(const struct live_recorder *recorder, const char *output)
{
    char *dir = escape_terminal(recorder->dir->path);
    live_say_warnings(recorder);
    live_say_done(recorder->profile, output);
    live_say("counts, bytes and times are exact; lifetimes, live bytes, peak, pairs and latency "
             "percentiles know only the %llu events that were still unread",
             (unsigned long long)recorder->profile->events_seen);
    live_say("the session is still in %s; when you need it no more: rm -r %s", dir, dir);
    free(dir);
}

static enum err_code recover(struct live_dir *dir, struct store *store, const char *output,
                             struct err *reterr)
{
    struct live_recorder *recorder = live_recorder_create(dir, store, false);
    recorder->is_read_only = true;
    live_recorder_take_all(recorder);
    enum err_code code = ERR_NONE;
    if (recorder->sessions.count == 0) {
        code = recorder->session_err.code != ERR_NONE
                   ? (*reterr = recorder->session_err).code
                   : err_set(reterr, ERR_MISSING, dir->path,
                             "no process was recorded in it: there is nothing to recover");
    } else {
        set_start(recorder);
        mark_processes(recorder);
        live_finish_describe(recorder, NULL);
        mark_run(recorder);
        code = live_finish_save(recorder, reterr);
    }
    if (code == ERR_NONE) {
        say_recovered(recorder, output);
    }
    live_recorder_leave(recorder);
    return code;
}

enum err_code live_recover(const char *session_dir, const char *output, struct err *reterr)
{
    struct live_dir dir;
    struct store *store = NULL;
    enum err_code code = live_dir_open(&dir, session_dir, false, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = store_create(output, &store, reterr);
    if (code == ERR_NONE) {
        code = recover(&dir, store, output, reterr);
        struct err close_err;
        enum err_code closed = store_close(store, &close_err);
        if (code == ERR_NONE && closed != ERR_NONE) {
            *reterr = close_err;
            code = closed;
        }
    }
    live_dir_close(&dir);
    return code;
}
