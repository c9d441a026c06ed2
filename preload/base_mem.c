#include "base_mem.h"

#include "base_sys.h"

#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { PAGE_BYTES = 4096 };

void *mem_map(size_t bytes)
{
    long at = sys_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return sys_is_error(at) ? NULL : (void *)at;
}

void mem_unmap(void *at, size_t bytes)
{
    if (at != NULL) {
        (void)sys_call3(SYS_munmap, (long)at, (long)bytes, 0);
    }
}

bool mem_wipe_on_fork(void *at, size_t bytes)
{
    return sys_call3(SYS_madvise, (long)at, (long)bytes, MADV_WIPEONFORK) == 0;
}

long mem_populate(void *at, size_t bytes)
{
    uintptr_t start = (uintptr_t)at & ~(uintptr_t)(PAGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)at + bytes + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    return sys_call3(SYS_madvise, (long)start, (long)(end - start), MADV_POPULATE_WRITE);
}
