#include "heap/heap_process.h"

#include <stdlib.h>

void heap_process_begin(struct heap_process *process)
{
    heap_blocks_init(&process->blocks);
    process->is_begun = true;
}

struct heap_thread *heap_process_new_thread(struct heap_process *process, uint32_t thread)
{
    uint32_t slot = thread & HEAP_THREAD_SLOT_MASK;
    while (process->threads.count <= slot) {
        (void)MEM_PUSH(&process->threads);
    }
    process->threads.at[slot] = (struct heap_thread){.id = thread};
    return &process->threads.at[slot];
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
