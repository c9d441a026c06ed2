#include "symbol/perf_map.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char path[] = "/tmp/test_perf_map-XXXXXX";
static struct mem_strings *strings;
static struct perf_map_name names[3];
static const uint64_t second_ns = 1000000000;

static void make(void)
{
    close(mkstemp(path));
    strings = mem_strings_create();
    memset(names, 0, sizeof names);
    names[0].address = 0x1000;
    names[1].address = 0x10ff;
    names[2].address = 0xffffffffff600000;
}

static void clean(void)
{
    unlink(path);
    mem_strings_destroy(strings);
}

TestSuite(perf_map, .init = make, .fini = clean);

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static bool read_text(const char *text, uint64_t start_ns, uint64_t end_ns)
{
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
    return perf_map_read(path, start_ns, end_ns, names, 3, strings);
}

Test(perf_map, names_by_range)
{
    uint64_t now = now_ns();
    cr_assert(read_text("1000 ff LazyCompile:*go app.js:1\n10ff 1 stub of two words\n"
                        "ffffffffff600000 10 high\n",
                        now, now + second_ns));
    cr_assert_str_eq(names[0].name, "LazyCompile:*go app.js:1");
    cr_assert_str_eq(names[1].name, "stub of two words");
    cr_assert_str_eq(names[2].name, "high");
}

Test(perf_map, a_page_used_twice_has_no_name)
{
    uint64_t now = now_ns();
    cr_assert(read_text("1000 100 first\n1000 80 second\n10f0 20 first\n", now, now + second_ns));
    cr_assert_str_eq(names[0].name, "");
    cr_assert_str_eq(names[1].name, "first", "twice the same is the same");
    cr_assert_null(names[2].name);
}

Test(perf_map, lines_that_are_none_are_passed_over)
{
    uint64_t now = now_ns();
    cr_assert(read_text("\nnonsense\n1000\n1000 0 empty\n1000 zz bad\n1000 ff \n"
                        "1000 ffffffffffffffff wraps\n99999999999999999999 1 huge\n1000 1 good",
                        now, now + second_ns));
    cr_assert_str_eq(names[0].name, "good");
    cr_assert_null(names[1].name);
}

Test(perf_map, long_names_are_cut)
{
    static char text[100000];
    uint64_t now = now_ns();
    int head = snprintf(text, sizeof text, "1000 ff ");
    memset(text + head, 'n', sizeof text - 1 - (size_t)head);
    cr_assert(read_text(text, now, now + second_ns));
    cr_assert_lt(strlen(names[0].name), 40000);
}

Test(perf_map, a_file_of_another_time_is_not_used)
{
    uint64_t now = now_ns();
    cr_assert_not(read_text("1000 ff old\n", now + 5 * second_ns, now + 9 * second_ns));
    cr_assert_not(read_text("1000 ff new\n", now - 9 * second_ns, now - 5 * second_ns));
    cr_assert_null(names[0].name);
}

Test(perf_map, a_file_of_anybody_else_is_not_used)
{
    uint64_t now = now_ns();
    uint64_t end = now + 5 * second_ns;
    cr_assert(read_text("1000 ff mine\n", now, end));
    cr_assert_eq(chmod(path, 0622), 0);
    cr_assert_not(perf_map_read(path, now, end, names, 3, strings));
    cr_assert_eq(chmod(path, 0600), 0);
    if (geteuid() == 0 && chown(path, 12345, 12345) == 0) {
        cr_assert_not(perf_map_read(path, now, end, names, 3, strings));
    }
    unlink(path);
    cr_assert_eq(symlink("/proc/self/maps", path), 0);
    cr_assert_not(perf_map_read(path, now, end, names, 3, strings));
}
