/* A lake's places: partitions by day, service and host, whatever their names are. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "export/export_lake.h"
#include "story_profile.h"

static char folder[] = "/tmp/test_lake-XXXXXX";

static bool add(const char *service, const char *host, const char *wanted)
{
    const struct select_rule all = {0};
    struct selection selection;
    struct err err = {0};
    struct profile *p = story_profile(STORY_AFTER);
    p->run.service = service;
    p->run.host = host;
    cr_assert_eq(select_sites(p, &all, &selection, NULL), ERR_NONE);
    struct export_stacks *stacks = export_stacks_create(p, &selection);
    struct export_job job = {.side = {"x", p, &selection, stacks}};
    cr_expect_eq(export_lake_add(&job, folder, &err), ERR_NONE, "%s", err.message);
    export_stacks_destroy(stacks);
    select_finish(&selection);
    profile_destroy(p);
    struct stat info;
    char *path = mem_format("%s/dt=2026-09-21/%s/00112233445566778899aabbccddeeff.ndjson.zst",
                            folder, wanted);
    bool is_there = stat(path, &info) == 0 && info.st_size > 100;
    free(path);
    return is_there;
}

Test(export_lake, a_run_has_its_place)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_expect(add("shop", "web-1.example", "service=shop/host=web-1.example"));
    cr_expect(add("shop", "web-1.example", "service=shop/host=web-1.example"), "and again");
    cr_expect(add("", "..", "service=unknown/host=%2E."));
    cr_expect(add("../a b=c", "h\n", "service=%2E.%2Fa%20b%3Dc/host=h%0A"));
    char *command = mem_format("rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
    free(command);
}

Test(export_lake, a_folder_that_cannot_be_made_is_told)
{
    const struct select_rule all = {0};
    struct selection selection;
    struct err err;
    struct profile *p = story_profile(STORY_AFTER);
    cr_assert_eq(select_sites(p, &all, &selection, NULL), ERR_NONE);
    struct export_stacks *stacks = export_stacks_create(p, &selection);
    struct export_job job = {.side = {"x", p, &selection, stacks}};
    cr_expect_eq(export_lake_add(&job, "/dev/null/lake", &err), ERR_SYSTEM);
    export_stacks_destroy(stacks);
    select_finish(&selection);
    profile_destroy(p);
}
