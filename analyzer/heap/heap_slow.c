#include "heap/heap_slow.h"

#include <stdlib.h>

#include "alloctrap/loglin.h"
#include "heap/slow_cause.h"

static void find_fastest(struct heap_slow *slow)
{
    slow->fastest = 0;
    for (unsigned i = 1; i < slow->count; i++) {
        const struct profile_slow_call *best = &slow->calls[slow->fastest];
        const struct profile_slow_call *one = &slow->calls[i];
        if (one->ns < best->ns || (one->ns == best->ns && one->at_ns > best->at_ns)) {
            slow->fastest = i;
        }
    }
    slow->from_ns = slow->calls[slow->fastest].ns + 1;
}

void heap_slow_add(struct heap_slow *slow, const struct profile_slow_call *call)
{
    if (slow->count < PROFILE_SLOW_CALLS) {
        slow->calls[slow->count++] = *call;
    } else {
        slow->calls[slow->fastest] = *call;
    }
    if (slow->count == PROFILE_SLOW_CALLS) {
        find_fastest(slow);
    }
}

static struct profile_slow_cause *cause_at(struct heap_slow *slow, uint32_t site, uint8_t cause)
{
    uint32_t found = id_map_find(&slow->cause_map, site, cause);
    if (found == ID_MAP_NONE) {
        found = (uint32_t)slow->causes.count;
        struct profile_slow_cause *fresh = MEM_PUSH(&slow->causes);
        fresh->site = site;
        fresh->cause = cause;
        id_map_put(&slow->cause_map, site, cause, found);
    }
    return &slow->causes.at[found];
}

void heap_slow_met(struct heap_slow *slow, const struct heap_event *event, uint32_t site,
                   uint64_t size)
{
    struct session_usage usage = session_usage_of(event->size, event->sp);
    uint64_t ns = loglin_value(event->latency);
    uint8_t cause = (uint8_t)slow_cause_of(&usage, size, hook_call_effect(event->call), ns);
    struct profile_slow_cause *sum = cause_at(slow, site, cause);
    sum->calls += 1;
    sum->ns += ns;
    sum->minor_faults += usage.minor_faults;
    sum->major_faults += usage.major_faults;
    sum->voluntary += usage.voluntary;
    sum->involuntary += usage.involuntary;
    slow->waiting[slow->next_waiting++ % HEAP_SLOW_WAITING] =
        (struct heap_slow_met){.process = event->process,
                               .thread = event->thread,
                               .path = event->path,
                               .latency = event->latency,
                               .call = event->call,
                               .cause = cause,
                               .usage = usage};
}

void heap_slow_take(struct heap_slow *slow, const struct heap_event *event,
                    struct profile_slow_call *call)
{
    for (unsigned i = 0; i < HEAP_SLOW_WAITING; i++) {
        struct heap_slow_met *met = &slow->waiting[i];
        if (met->latency != 0 && met->latency == event->latency && met->thread == event->thread &&
            met->process == event->process && met->path == event->path &&
            met->call == event->call) {
            call->cause = met->cause;
            call->usage = met->usage;
            met->latency = 0;
            return;
        }
    }
}

void heap_slow_finish(struct heap_slow *slow)
{
    free(slow->causes.at);
    id_map_finish(&slow->cause_map);
    *slow = (struct heap_slow){0};
}
