#include "live/live_say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"

enum { PIDS_MAX = 8, LINE_BYTES = 4096 };

/* One write for each line: hosts write to the same terminal. */
void live_say(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "alloctrap: %s\n", line);
}

static const char *loss_text(unsigned cause)
{
    static const char *const texts[] = {
#define LOSS_TEXT(id, name, text) text,
        SESSION_LOSS_TABLE(LOSS_TEXT)
#undef LOSS_TEXT
    };
    return texts[cause];
}

static uint64_t calls_of(const struct profile *profile)
{
    uint64_t calls = 0;
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        calls += profile->calls[call].calls;
    }
    return calls;
}

/* "12,000 not recorded (12,000: the recorder did not keep up; totals are exact)" */
static char *losses(const struct profile *profile)
{
    char *text = mem_format("%s not recorded (", units_count(profile_lost(profile)).s);
    const char *between = "";
    for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
        if (profile->lost[cause] > 0) {
            char *longer = mem_format("%s%s%s: %s", text, between,
                                      units_count(profile->lost[cause]).s, loss_text(cause));
            free(text);
            text = longer;
            between = "; ";
        }
    }
    char *whole = mem_format("%s)", text);
    free(text);
    return whole;
}

void live_say_done(const struct profile *profile, const char *output)
{
    char *name = escape_terminal(output);
    uint64_t calls = calls_of(profile);
    uint64_t allocs = profile->totals.allocs;
    char *numbers = mem_format("%s call%s (%s allocation%s)", units_count(calls).s, units_s(calls),
                               units_short(allocs).s, units_s(allocs));
    if (profile_lost(profile) > 0) {
        char *lost = losses(profile);
        live_say("%s: %s; %s; see it with: alloctrap report %s", name, lost, numbers, name);
        free(lost);
    } else if (calls > 0) {
        live_say("%s: %s, nothing lost; see it with: alloctrap report %s", name, numbers, name);
    } else {
        live_say("%s: %s, nothing lost", name, numbers);
    }
    free(numbers);
    free(name);
}

void live_say_warnings(const struct live_recorder *recorder)
{
    if (recorder->session_err.code != ERR_NONE) {
        char text[2048];
        err_format(&recorder->session_err, text, sizeof text);
        live_say("%" PRIu64 " session%s not recorded; the first: %s", recorder->never_ready,
                 recorder->never_ready == 1 ? " was" : "s were", text);
    }
    if (recorder->mismatches > 0) {
        live_say("warning: in %" PRIu64 " process%s the events seen and lost are not those that "
                 "were counted; the totals are the counters', please report this",
                 recorder->mismatches, recorder->mismatches == 1 ? "" : "es");
    }
}

void live_say_still_running(const struct live_recorder *recorder)
{
    char *pids = mem_text("");
    size_t count = recorder->sessions.count;
    for (size_t i = 0; i < count && i < PIDS_MAX; i++) {
        char *longer =
            mem_format("%s%s%" PRIu32, pids, i == 0 ? "" : ", ", recorder->sessions.at[i]->pid);
        free(pids);
        pids = longer;
    }
    live_say("the command has ended; still recording %zu process%s it started (%s%s); Ctrl-C "
             "finishes now",
             count, count == 1 ? "" : "es", pids, count > PIDS_MAX ? ", ..." : "");
    free(pids);
}

void live_say_nothing(const char *program, const char *why, bool is_refused)
{
    char *name = escape_terminal(program);
    live_say(is_refused ? "'%s' runs without being recorded: %s"
                        : "nothing was recorded of '%s': %s",
             name, why);
    free(name);
}
