#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/test_file-XXXXXX";

static void make(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    int fd = open("plain", O_WRONLY | O_CREAT | O_EXCL, 0600);
    cr_assert_eq(write(fd, "text", 4), 4);
    close(fd);
    cr_assert_eq(symlink("plain", "link"), 0);
    cr_assert_eq(mkfifo("pipe", 0600), 0);
}

static void clean(void)
{
    unlink("plain");
    unlink("link");
    unlink("pipe");
    rmdir(folder);
}

TestSuite(file, .init = make, .fini = clean);

Test(file, a_regular_file_is_opened_and_described)
{
    struct stat info;
    int fd = file_open_regular("plain", 0, &info);
    cr_assert_geq(fd, 0);
    cr_assert_eq(info.st_size, 4);
    close(fd);
    fd = file_open_regular("link", 0, &info);
    cr_assert_geq(fd, 0);
    close(fd);
}

Test(file, what_is_not_there_leaves_errno)
{
    struct stat info;
    cr_assert_eq(file_open_regular("missing", 0, &info), FILE_UNOPENED);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(file_open_regular("link", O_NOFOLLOW, &info), FILE_UNOPENED);
    cr_assert_eq(errno, ELOOP);
}

/* A pipe that nobody writes to would hold an open() for ever. */
Test(file, folders_pipes_and_devices_are_refused_at_once, .timeout = 10)
{
    struct stat info;
    cr_assert_eq(file_open_regular(".", 0, &info), FILE_IRREGULAR);
    cr_assert_eq(file_open_regular("pipe", 0, &info), FILE_IRREGULAR);
    cr_assert_eq(file_open_regular("/dev/zero", 0, &info), FILE_IRREGULAR);
}
