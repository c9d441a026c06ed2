#include "live/live_finish.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/labels.h"
#include "live/live_build.h"
#include "live/live_clock.h"
#include "live/live_say.h"
#include "symbol/symbol.h"

enum { PROGRESS_AFTER_NS = 1000000000, PROGRESS_STEP_NS = 200000000, HOST_BYTES = 256 };

char *live_finish_join(char *const *argv)
{
    size_t len = 1;
    for (char *const *arg = argv; *arg != NULL; arg++) {
        len += strlen(*arg) + 1;
    }
    char *joined = mem_zero(len, 1);
    char *end = joined;
    for (char *const *arg = argv; *arg != NULL; arg++) {
        end = stpcpy(end, *arg);
        *end++ = 0x1f;
    }
    if (end > joined) {
        end[-1] = '\0';
    }
    return joined;
}

static const char *stacks_name(uint8_t stacks_by)
{
    static const char *const names[] = {"walk", "unwind", "compare", "none"};
    return stacks_by < sizeof names / sizeof names[0] ? names[stacks_by] : "?";
}

static char *settings_text(const struct session_control *control)
{
    return mem_format("depth=%" PRIu32
                      " latency=%s slow-causes=%s free-stacks=%s on-full=%s follow=%s stacks=%s "
                      "clock=%s",
                      control->depth_max, control->latency_on ? "on" : "off",
                      control->causes_on && control->latency_on ? "on" : "off",
                      control->free_stacks_on ? "on" : "off",
                      control->on_full == SESSION_FULL_DROP ? "drop" : "wait",
                      control->follow_on ? "all" : "none", stacks_name(control->stacks_by),
                      control->clock.kind == SESSION_CLOCK_TSC ? "tsc" : "monotonic");
}

static void keep(struct live_recorder *recorder, const char **field, char *text)
{
    *field = mem_strings_keep(recorder->profile->strings, text);
    free(text);
}

/* The recorder's own environment, never one that crossed into a set-uid program. */
static void describe_labels(struct live_recorder *recorder)
{
    struct profile_run *run = &recorder->profile->run;
    const char *given = secure_getenv(LIVE_FINISH_LABELS_ENV);
    size_t refused = 0;
    char *labels = labels_canonical(given != NULL ? given : "", &refused);
    char *service = labels_value(labels, "service");
    if (refused > 0) {
        live_say(LIVE_FINISH_LABELS_ENV " wants key=value,key=value; %zu of them left out",
                 refused);
    }
    if (service == NULL) {
        char *first = mem_format("%.*s", (int)strcspn(run->command, "\x1f"), run->command);
        const char *slash = strrchr(first, '/');
        service = mem_text(slash != NULL ? slash + 1 : first);
        free(first);
    }
    keep(recorder, &run->service, service);
    keep(recorder, &run->labels, labels);
}

/* The program's build id: that of the executable, where the outermost frames are. */
static void describe_build(struct live_recorder *recorder)
{
    struct profile *p = recorder->profile;
    char text[2 * SESSION_BUILD_ID_BYTES + 1] = "";
    for (size_t i = 1; i < p->paths.count && text[0] == '\0'; i++) {
        const struct profile_module *module =
            &p->modules.at[p->frames.at[p->paths.at[i].frame].module];
        if (p->paths.at[i].parent != 0 || strstr(module->path, ".so") != NULL) {
            continue;
        }
        for (size_t byte = 0; byte < module->build_id_len; byte++) {
            sprintf(text + 2 * byte, "%02x", module->build_id[byte]);
        }
    }
    keep(recorder, &p->run.build_id, mem_text(text));
}

void live_finish_describe(struct live_recorder *recorder, const char *command)
{
    struct profile *profile = recorder->profile;
    struct profile_run *run = &profile->run;
    uint64_t random[2] = {live_clock_realtime_ns(), recorder->base_ns};
    char host[HOST_BYTES] = "";
    (void)!getrandom(random, sizeof random, 0);
    (void)gethostname(host, sizeof host - 1);
    keep(recorder, &run->id, mem_format("%016" PRIx64 "%016" PRIx64, random[0], random[1]));
    keep(recorder, &run->host, mem_text(host));
    keep(recorder, &run->tool_version, mem_text(LIVE_BUILD_VERSION));
    keep(recorder, &run->settings, settings_text(recorder->dir->control));
    if (command == NULL) {
        command = profile->processes.count > 0 ? profile->processes.at[0].command : "";
    }
    run->command = mem_strings_keep(profile->strings, command);
    describe_labels(recorder);
}

struct progress {
    uint64_t start_ns;
    uint64_t said_ns;
};

static void say_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    uint64_t now_ns = live_clock_ns();
    if (now_ns - progress->start_ns < PROGRESS_AFTER_NS ||
        now_ns - progress->said_ns < PROGRESS_STEP_NS) {
        return;
    }
    progress->said_ns = now_ns;
    fprintf(stderr, "\ralloctrap: looking up names: %" PRIu64 " of %" PRIu64, done, total);
}

/* One line for all files whose functions have no names, so that nobody takes offsets for a bug. */
static void say_troubles(const struct profile *profile, const struct symbol_notes *notes)
{
    if (notes->troubles.count == 0) {
        return;
    }
    char *raw = symbol_trouble_text(profile, &notes->troubles.at[0]);
    char *text = escape_terminal(raw);
    if (notes->troubles.count == 1) {
        live_say("%s", text);
    } else {
        live_say("%s (and %zu more; `alloctrap symbolize` lists them)", text,
                 notes->troubles.count - 1);
    }
    free(text);
    free(raw);
}

static void resolve(struct profile *profile)
{
    struct progress progress = {.start_ns = live_clock_ns()};
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    struct symbol_options options = {.progress = is_terminal ? say_progress : NULL,
                                     .context = &progress};
    struct symbol_notes notes;
    symbol_resolve(profile, &options, &notes);
    if (progress.said_ns != 0) {
        fputs("\r\033[K", stderr);
    }
    say_troubles(profile, &notes);
    symbol_notes_finish(&notes);
}

enum err_code live_finish_save(struct live_recorder *recorder, struct err *reterr)
{
    live_recorder_settle(recorder);
    describe_build(recorder);
    resolve(recorder->profile);
    enum err_code code = store_save(recorder->store, recorder->profile, reterr);
    if (code == ERR_NONE && recorder->trace_err.code != ERR_NONE) {
        *reterr = recorder->trace_err;
        code = reterr->code;
    }
    return code;
}
