#include "view/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"

static const struct {
    const char *name;
    const char *text;
} losses[] = {
#define LOSS_ROW(id, name, text) {name, text},
    SESSION_LOSS_TABLE(LOSS_ROW)
#undef LOSS_ROW
};

static char *append(char *text, const char *more)
{
    char *joined = mem_format("%s%s%s", text, text[0] != '\0' ? " " : "", more);
    free(text);
    return joined;
}

char *report_loss_text(const struct profile *profile)
{
    char *text = mem_text("");
    if (profile->run.is_running) {
        text = append(text, profile->run.counters_only
                                ? "RUNNING: a look at a program that goes on; there is no "
                                  "checkpoint yet, so there are its counters alone: peak, live "
                                  "memory, temporaries and percentiles are unknown."
                                : "RUNNING: a look at a program that goes on; counts, bytes and "
                                  "total times are as of now, the rest is as of its recorder's "
                                  "last checkpoint.");
    } else if (profile->run.counters_only) {
        text = append(text, "COUNTERS ONLY: recovered from a session; calls, bytes and total times "
                            "are exact, but peak, live memory, temporaries and percentiles are "
                            "unknown.");
    } else if (!profile->run.is_complete) {
        text = append(text, "INCOMPLETE: the recorder ended before the program did; this is what "
                            "it had saved last.");
    }
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        if (profile->lost[i] != 0) {
            char *one = mem_format("LOST %s events (%s): %s.", units_count(profile->lost[i]).s,
                                   losses[i].name, losses[i].text);
            text = append(text, one);
            free(one);
        }
    }
    return text;
}

char *report_exit_text(enum profile_exit kind, int32_t code)
{
    switch (kind) {
    case PROFILE_EXITED:
        return code < 0 ? mem_text("exited") : mem_format("exited with status %" PRId32, code);
    case PROFILE_SIGNALED: {
        const char *name = sigabbrev_np(code);
        return name != NULL ? mem_format("killed by SIG%s", name)
                            : mem_format("killed by signal %" PRId32, code);
    }
    case PROFILE_RUNNING:
        return mem_text("still running");
    case PROFILE_LOST:
        break;
    }
    return mem_text("end not seen");
}

const char *report_key_words(enum rank_key key)
{
    static const char *const words[] = {[RANK_ALLOCATIONS] = "allocate most often",
                                        [RANK_BYTES] = "allocate most bytes",
                                        [RANK_PEAK] = "hold the peak",
                                        [RANK_LIVE] = "hold what is live at the end",
                                        [RANK_TEMPORARIES] = "make most temporaries",
                                        [RANK_TIME] = "spend most time in the allocator",
                                        [RANK_P99] = "have the slowest calls (p99)"};
    return words[key];
}

char *report_command_text(const char *command)
{
    char *text = mem_text(command != NULL ? command : "");
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\x1f' ? ' ' : *c;
    }
    return text;
}

void report_say_null_frees(const struct report *report, const struct page *page)
{
    uint64_t null_frees = select_null_frees(report->selection);
    if (null_frees != 0) {
        page_say(page,
                 "%s of these calls had nothing to free: free(NULL). They free no block and are "
                 "in no percentile.",
                 units_count(null_frees).s);
    }
}
