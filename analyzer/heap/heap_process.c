#include "heap/heap_process.h"

#include <stdlib.h>

enum { SLOT_BITS = 12, SLOT_MASK = (1 << SLOT_BITS) - 1 };

void heap_process_begin(struct heap_process *process)
{
    heap_blocks_init(&process->blocks);
    process->is_begun = true;
}

struct heap_thread *heap_process_thread(struct heap_process *process, uint32_t thread)
{
    uint32_t slot = thread & SLOT_MASK;
    while (process->threads.count <= slot) {
        MEM_PUSH(&process->threads)->id = thread;
    }
    struct heap_thread *t = &process->threads.at[slot];
    if (t->id != thread) {
        *t = (struct heap_thread){.id = thread};
    }
    return t;
}

const struct heap_thread *heap_process_known_thread(const struct heap_process *process,
                                                    uint32_t thread)
{
    uint32_t slot = thread & SLOT_MASK;
    bool is_known = slot < process->threads.count && process->threads.at[slot].id == thread;
    return is_known ? &process->threads.at[slot] : NULL;
}

struct profile_totals heap_process_totals(const struct heap_process *process)
{
    struct profile_totals totals = process->totals;
    totals.live_bytes += process->ended_bytes;
    totals.live_blocks += process->ended_blocks;
    totals.unknown_frees += heap_late_frees(&process->late);
    return totals;
}

void heap_process_finish(struct heap_process *process)
{
    heap_blocks_finish(&process->blocks);
    heap_late_finish(&process->late);
    free(process->threads.at);
    *process = (struct heap_process){0};
}
