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

struct taken {
    uint64_t top;
    size_t count;
    int flag;
};

static enum err_code take(int option, void *choices, struct err *reterr)
{
    struct taken *taken = choices;
    taken->count++;
    cr_assert_eq(option, 't');
    return options_number("--top", optarg, 100, &taken->top, reterr);
}

Test(options, gives_each_option_and_leaves_the_operands)
{
    struct taken taken = {0};
    struct err err;
    const struct option known[] = {
        {"top", required_argument, NULL, 't'}, {"flag", no_argument, &taken.flag, 7}, {0}};
    char words[][8] = {"report", "--flag", "a", "--top=5", "b", "--top=6"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], words[5], NULL};
    for (int scan = 1; scan <= 2; scan++) { /* the second starts anew */
        cr_assert_eq(options_each(6, argv, ":", known, take, &taken, &err), ERR_NONE);
        cr_assert_eq(taken.count, 2 * (size_t)scan, "a flag sets itself");
        cr_assert_eq(taken.top, 6);
        cr_assert_eq(taken.flag, 7);
        cr_assert_eq(optind, 4);
        cr_assert_str_eq(argv[optind + 1], "b");
    }
}

Test(options, stops_at_the_first_error)
{
    struct taken taken = {0};
    struct err err;
    char words[][8] = {"report", "--top=x", "--top=6"};
    char *argv[] = {words[0], words[1], words[2], NULL};
    cr_assert_eq(options_each(3, argv, ":", longs, take, &taken, &err), ERR_USAGE);
    cr_assert_eq(taken.count, 1);
    cr_assert_not_null(strstr(err.message, "--top wants"));
}

static const char *refused(int argc, char **argv)
{
    static struct err err;
    struct taken taken = {0};
    cr_assert_eq(options_each(argc, argv, ":", longs, take, &taken, &err), ERR_USAGE);
    cr_assert_eq(taken.count, 0);
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
