#include "base/err.h"

#include <criterion/criterion.h>
#include <string.h>

Test(err, says_path_offset_and_message)
{
    struct err err;
    char text[256];
    enum err_code code = err_at(&err, ERR_FORMAT, "run.atrap", 8192, "claims %d bytes", 9000);
    err_format(&err, text, sizeof text);
    cr_assert_eq(code, ERR_FORMAT);
    cr_assert_str_eq(text, "run.atrap: at byte 8192: claims 9000 bytes");
}

Test(err, leaves_out_what_it_does_not_know)
{
    struct err err;
    char text[256];
    (void)err_set(&err, ERR_USAGE, NULL, "no command");
    err_format(&err, text, sizeof text);
    cr_assert_str_eq(text, "no command");
}

Test(err, is_one_line_without_a_terminals_sequences)
{
    struct err err;
    char text[256];
    (void)err_set(&err, ERR_FORMAT, "a\x1b[2J\nb", "no \"%s\"; escaped before: \\x1b",
                  "\x07\u202e");
    err_format(&err, text, sizeof text);
    cr_assert_str_eq(text, "a\\x1b[2J\\x0ab: no \"\\x07\\xe2\\x80\\xae\"; escaped before: \\x1b");
}

Test(err, cuts_a_long_message)
{
    struct err err;
    char long_text[4000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    (void)err_set(&err, ERR_SYSTEM, long_text, "%s", long_text);
    cr_assert_eq(strlen(err.path), sizeof err.path - 1);
    cr_assert_eq(strlen(err.message), sizeof err.message - 1);
}

Test(err, maps_codes_to_exit_statuses)
{
    cr_assert_eq(err_exit_status(ERR_NONE), 0);
    cr_assert_eq(err_exit_status(ERR_USAGE), 2);
    cr_assert_eq(err_exit_status(ERR_MISSING), 3);
    cr_assert_eq(err_exit_status(ERR_FORMAT), 3);
    cr_assert_eq(err_exit_status(ERR_SYSTEM), 3);
}
