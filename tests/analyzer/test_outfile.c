/* Output files: whole or not at all, and never in a recording's place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/outfile.h"
#include "sample_profile.h"
#include "store/store.h"

static char folder[] = "/tmp/test_outfile-XXXXXX";

static void begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void end(void)
{
    char *command = mem_format("rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
    free(command);
}

TestSuite(outfile, .init = begin, .fini = end);

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

Test(outfile, appears_when_it_is_whole)
{
    struct outfile file;
    cr_assert_eq(outfile_open("out", &file, NULL), ERR_NONE);
    fputs("text", file.stream);
    cr_expect_not(exists("out"));
    cr_assert_eq(outfile_close(&file, ERR_NONE, NULL), ERR_NONE);
    struct stat info;
    cr_assert_eq(stat("out", &info), 0);
    cr_expect_eq(info.st_size, 4);
}

Test(outfile, what_failed_leaves_the_old_file)
{
    struct outfile file;
    cr_assert_eq(outfile_open("out", &file, NULL), ERR_NONE);
    cr_assert_eq(outfile_close(&file, ERR_NONE, NULL), ERR_NONE);
    cr_assert_eq(outfile_open("out", &file, NULL), ERR_NONE);
    fputs("half", file.stream);
    cr_expect_eq(outfile_close(&file, ERR_FORMAT, NULL), ERR_FORMAT);
    struct stat info;
    cr_assert_eq(stat("out", &info), 0);
    cr_expect_eq(info.st_size, 0);
    cr_expect_eq(system("test $(ls | wc -l) = 1"), 0, "no half file stays");
}

Test(outfile, a_recording_is_refused)
{
    struct store *store = NULL;
    struct profile *p = sample_profile(1);
    cr_assert_eq(store_create("run.atrap", &store, NULL), ERR_NONE);
    cr_assert_eq(store_save(store, p, NULL), ERR_NONE);
    cr_assert_eq(store_close(store, NULL), ERR_NONE);
    profile_destroy(p);
    struct outfile file;
    struct err err;
    cr_expect_eq(outfile_open("run.atrap", &file, &err), ERR_USAGE);
}

Test(outfile, a_device_is_written_as_it_is)
{
    struct outfile file;
    struct err err;
    cr_assert_eq(outfile_open("/dev/full", &file, NULL), ERR_NONE);
    fputs("text", file.stream);
    cr_expect_eq(outfile_close(&file, ERR_NONE, &err), ERR_SYSTEM);
    cr_expect_eq(outfile_open(".", &file, &err), ERR_SYSTEM);
    cr_expect_eq(outfile_open("no/such/folder", &file, &err), ERR_SYSTEM);
}
