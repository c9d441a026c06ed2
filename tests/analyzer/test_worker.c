#include "symbol/worker.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

static char *target(void)
{
    const char *folder = getenv("ALLOCTRAP_TEST_TARGETS");
    cr_assert_not_null(folder, "meson test sets ALLOCTRAP_TEST_TARGETS");
    return mem_format("%s/symbols_c", folder);
}

static uint64_t start_of_main(const char *path)
{
    char *command = mem_format("nm %s | grep ' T main$'", path);
    FILE *pipe = popen(command, "r");
    uint64_t address = 0;
    cr_assert_eq(fscanf(pipe, "%" SCNx64, &address), 1);
    pclose(pipe);
    free(command);
    return address;
}

static void count_main(void *context, const struct worker_answer *answer)
{
    size_t *visits = context;
    cr_assert_eq(answer->index, *visits, "once each, in order");
    cr_assert_str_eq(answer->lines[answer->count - 1].function, "main");
    *visits += 1;
}

Test(worker, every_address_is_visited_in_order)
{
    uint64_t addresses[300];
    size_t visits = 0;
    char *path = target();
    uint64_t start = start_of_main(path);
    for (size_t i = 0; i < 300; i++) {
        addresses[i] = start + (i & 1);
    }
    cr_assert_eq(
        worker_find(&(struct object_wish){.path = path}, addresses, 300, count_main, &visits),
        OBJECT_FINE);
    cr_assert_eq(visits, 300);
    free(path);
}

/*
 * The worker alone reads the addresses; a page that cannot be read kills it there, as a damaged
 * file would. What stands before is answered nevertheless, and there is an end to the retries.
 */
Test(worker, a_dying_worker_costs_only_what_it_did_not_do, .timeout = 60)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t readable = page / sizeof(uint64_t);
    size_t visits = 0;
    char *path = target();
    uint64_t *addresses =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(addresses, MAP_FAILED);
    uint64_t start = start_of_main(path);
    for (size_t i = 0; i < readable; i++) {
        addresses[i] = start;
    }
    cr_assert_eq(mprotect((char *)addresses + page, page, PROT_NONE), 0);
    cr_assert_eq(worker_find(&(struct object_wish){.path = path}, addresses, 2 * readable,
                             count_main, &visits),
                 OBJECT_DAMAGED);
    cr_assert_eq(visits, readable);
    munmap(addresses, 2 * page);
    free(path);
}

Test(worker, no_address_is_no_visit)
{
    size_t visits = 0;
    char *path = target();
    uint64_t nowhere = UINT64_MAX - 5;
    cr_assert_eq(worker_find(&(struct object_wish){.path = path}, NULL, 0, count_main, &visits),
                 OBJECT_FINE);
    cr_assert_eq(worker_find(&(struct object_wish){.path = path}, &nowhere, 1, count_main, &visits),
                 OBJECT_FINE);
    cr_assert_eq(visits, 0);
    free(path);
}
