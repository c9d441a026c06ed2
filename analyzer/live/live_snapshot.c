#include "live/live_snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/live_clock.h"
#include "live/live_counts.h"
#include "live/live_dir.h"
#include "live/live_process.h"
#include "store/store.h"
#include "symbol/symbol.h"

struct snapshot {
    struct live_dir dir;
    struct profile *profile;
    MEM_ARRAY(struct live_session *) sessions;
};

/* "run.atrap.session" is beside "run.atrap". */
static char *recording_of(const struct live_dir *dir)
{
    size_t length = strlen(dir->path);
    size_t suffix = sizeof SESSION_SUFFIX - 1;
    bool is_named = length > suffix && strcmp(dir->path + length - suffix, SESSION_SUFFIX) == 0;
    return is_named ? mem_format("%.*s", (int)(length - suffix), dir->path) : mem_text("");
}

/* The last checkpoint, or what a profile has before the first. A recording is renamed into its
 * place whole, so it can be read while its recorder goes on. */
static enum err_code load_checkpoint(struct snapshot *s, struct err *reterr)
{
    char *recording = recording_of(&s->dir);
    enum err_code code = ERR_NONE;
    if (recording[0] != '\0' && access(recording, F_OK) == 0) {
        code = store_load(recording, &s->profile, reterr);
    } else {
        s->profile = profile_create();
        s->profile->run.counters_only = true;
        s->profile->run.merged_runs = 1;
    }
    free(recording);
    return code;
}

static uint64_t since_start(const struct snapshot *s, uint64_t ns)
{
    uint64_t base_ns = s->dir.control->clock.base_ns;
    return ns > base_ns ? ns - base_ns : 0;
}

/* The process of a session in the checkpoint, or a new one. */
static uint32_t process_of(struct snapshot *s, const struct live_session *session)
{
    uint64_t start_ns = since_start(s, session->head->start_ns);
    for (uint32_t i = 0; i < s->profile->processes.count; i++) {
        const struct profile_process *process = &s->profile->processes.at[i];
        if (process->pid == session->pid && process->start_ns == start_ns) {
            return i;
        }
    }
    char command[SESSION_COMMAND_BYTES + 1];
    live_session_command(session, command, sizeof command);
    uint32_t id = (uint32_t)s->profile->processes.count;
    struct profile_process *process = MEM_PUSH(&s->profile->processes);
    process->pid = session->pid;
    process->parent_pid = session->head->ppid;
    process->origin = session->head->origin == SESSION_BY_FORK ? SESSION_BY_FORK : SESSION_BY_START;
    process->start_ns = start_ns;
    process->exit_code = -1;
    process->command = mem_strings_keep(s->profile->strings, command);
    process->allocator = "";
    return id;
}

static void meet(void *context, const char *name)
{
    struct snapshot *s = context;
    struct live_session *session = NULL;
    struct err err;
    if (live_session_open(s->dir.fd, name, false, false, &session, &err) != LIVE_SESSION_OPEN) {
        return; /* one that is being set up has counted nothing yet */
    }
    live_session_refresh(session);
    session->process = process_of(s, session);
    struct profile_process *process = &s->profile->processes.at[session->process];
    if (!live_process_is_gone(session->pid, -1) &&
        live_process_may_map(session->pid, session->name)) {
        process->exit_kind = PROFILE_RUNNING;
        process->end_ns = since_start(s, live_clock_by(&s->dir.control->clock));
    }
    *MEM_PUSH(&s->sessions) = session;
}

/* Counts of every session file: those of processes that have ended are still there. */
static void count(struct snapshot *s)
{
    struct live_counts none = {0};
    uint64_t events_seen = s->profile->events_seen;
    live_dir_scan(&s->dir, true, meet, s);
    live_counts_apply(&none, s->profile, s->sessions.at, s->sessions.count);
    s->profile->events_seen = events_seen;
}

static void describe(struct snapshot *s)
{
    struct profile_run *run = &s->profile->run;
    const struct session_clock *clock = &s->dir.control->clock;
    uint64_t now_ns = live_clock_by(clock);
    if (run->command[0] == '\0' && s->profile->processes.count != 0) {
        run->command = s->profile->processes.at[0].command;
    }
    run->clock_cost_ps = clock->cost_ns;
    run->duration_ns = since_start(s, now_ns);
    run->start_realtime_ns = live_clock_realtime_ns() - run->duration_ns;
    run->exit_kind = PROFILE_RUNNING;
    run->is_complete = false;
    run->is_running = true;
}

static void finish(struct snapshot *s)
{
    for (size_t i = 0; i < s->sessions.count; i++) {
        live_session_close(s->sessions.at[i]);
    }
    free(s->sessions.at);
    live_dir_close(&s->dir);
}

enum err_code live_snapshot(const char *dir, struct profile **ret, struct err *reterr)
{
    struct snapshot s = {0};
    enum err_code code = live_dir_open(&s.dir, dir, false, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = load_checkpoint(&s, reterr);
    if (code == ERR_NONE) {
        struct symbol_options options = {0};
        struct symbol_notes notes;
        count(&s);
        describe(&s);
        symbol_resolve(s.profile, &options, &notes);
        symbol_notes_finish(&notes);
        *ret = s.profile;
    }
    finish(&s);
    return code;
}
