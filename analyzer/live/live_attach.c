#include "live/live_attach.h"

#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "live/live_beat.h"
#include "live/live_clock.h"
#include "live/live_finish.h"
#include "live/live_nap.h"
#include "live/live_process.h"
#include "live/live_recorder.h"
#include "live/live_say.h"
#include "live/live_signals.h"

static const uint64_t GRACE_NS = 20000000;
static const uint64_t STRANGER_NS = 250000000;

struct attach {
    struct live_dir dir;
    struct live_recorder *recorder;
    struct live_signals signals;
    uint32_t pid;
    int pid_fd;
    uint64_t idle_since_ns; /* 0: something is being recorded */
    uint64_t strangers_ns;
};

/* Nothing left, for a moment; a signal sent to us ends it as well. */
static bool is_over(struct attach *attach)
{
    uint64_t now_ns = live_clock_ns();
    if (!live_recorder_is_idle(attach->recorder) ||
        !live_process_is_gone(attach->pid, attach->pid_fd)) {
        attach->idle_since_ns = 0;
    } else if (attach->idle_since_ns == 0) {
        attach->idle_since_ns = now_ns;
    }
    return attach->signals.is_ending ||
           (attach->idle_since_ns != 0 && now_ns - attach->idle_since_ns > GRACE_NS);
}

static enum err_code run_loop(struct attach *attach, struct err *reterr)
{
    while (!is_over(attach)) {
        if (!attach->recorder->is_quiet) {
            live_signals_read(&attach->signals, 0);
        }
        live_recorder_pass(attach->recorder);
        uint64_t now_ns = live_clock_ns();
        if (now_ns - attach->strangers_ns > STRANGER_NS &&
            live_process_is_gone(attach->pid, attach->pid_fd)) {
            attach->strangers_ns = now_ns;
            live_recorder_drop_strangers(attach->recorder);
        }
        enum err_code code = live_recorder_checkpoint(attach->recorder, reterr);
        if (code != ERR_NONE) {
            return code;
        }
        live_nap(attach->recorder, attach->signals.fd);
    }
    return ERR_NONE;
}

static enum err_code record_all(struct attach *attach, const char *output, struct err *reterr)
{
    struct live_beat beat = {0};
    live_beat_start(&beat, &attach->dir);
    enum err_code code = run_loop(attach, reterr);
    if (code == ERR_NONE) {
        live_recorder_take_all(attach->recorder);
    }
    live_beat_stop(&beat);
    live_dir_beat(&attach->dir, SESSION_RECORDER_CLOSED);
    if (code != ERR_NONE) {
        return code;
    }
    live_recorder_take_all(attach->recorder);
    struct profile *profile = attach->recorder->profile;
    live_finish_describe(attach->recorder, NULL);
    profile->run.is_complete = true;
    profile->run.exit_kind =
        attach->recorder->sessions.count > 0 ? PROFILE_RUNNING : PROFILE_EXITED;
    code = live_finish_save(attach->recorder, reterr);
    if (code == ERR_NONE) {
        live_say_warnings(attach->recorder);
        live_say_done(profile, output);
    }
    return code;
}

static enum err_code with_store(struct attach *attach, struct store *store, const char *output,
                                struct err *reterr)
{
    attach->recorder = live_recorder_create(&attach->dir, store, false);
    attach->pid_fd = live_process_open(attach->pid);
    enum err_code code = record_all(attach, output, reterr);
    live_recorder_leave(attach->recorder);
    if (attach->pid_fd >= 0) {
        close(attach->pid_fd);
    }
    return code;
}

enum err_code live_attach(const char *session_dir, uint32_t pid, const char *output,
                          struct err *reterr)
{
    struct attach attach = {.pid = pid, .pid_fd = -1};
    struct store *store = NULL;
    enum err_code code = live_dir_open(&attach.dir, session_dir, true, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    (void)live_signals_block(&attach.signals);
    code = store_create(output, &store, reterr);
    if (code == ERR_NONE) {
        code = with_store(&attach, store, output, reterr);
    }
    live_dir_beat(&attach.dir, SESSION_RECORDER_CLOSED);
    if (code == ERR_NONE) {
        code = store_close(store, reterr);
    } else {
        (void)!store_close(store, NULL);
    }
    if (code == ERR_NONE) {
        live_dir_remove(&attach.dir);
    }
    live_dir_close(&attach.dir);
    live_signals_finish(&attach.signals);
    return code;
}
