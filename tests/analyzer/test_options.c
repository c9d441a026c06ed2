#include "base/options.h"

#include <criterion/criterion.h>
#include <string.h>

Test(options, reads_whole_numbers)
{
    uint64_t value = 7;
    struct err err;
    cr_assert_eq(options_number("--top", "42", 100, &value, &err), ERR_NONE);
    cr_assert_eq(value, 42);
}

Test(options, refuses_what_is_no_number)
{
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1x", "101", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t value = 7;
        struct err err;
        cr_assert_eq(options_number("--top", wrong[i], 100, &value, &err), ERR_USAGE);
        cr_assert_eq(value, 7);
        cr_assert_not_null(strstr(err.message, "--top wants a whole number from 0 to 100"));
    }
}

static const struct option longs[] = {{"top", required_argument, NULL, 't'}, {0}};

static const char *refused(int argc, char **argv)
{
    static struct err err;
    options_start();
    int option = getopt_long(argc, argv, ":", longs, NULL);
    cr_assert_eq(options_refuse(argv, option, &err), ERR_USAGE);
    return err.message;
}

Test(options, names_the_option_that_is_wrong)
{
    char command[] = "report";
    char unknown[] = "--nope";
    char missing[] = "--top";
    char *argv1[] = {command, unknown, NULL};
    char *argv2[] = {command, missing, NULL};
    cr_assert_str_eq(refused(2, argv1), "no option '--nope'; `alloctrap report --help` lists them");
    cr_assert_str_eq(refused(2, argv2),
                     "option '--top' needs a value; `alloctrap report --help` shows them");
}
