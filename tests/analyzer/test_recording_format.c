/* docs/recording-format.md is checked against a recording: its queries run, its tables are all. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "sample_profile.h"
#include "store/store.h"

static char recording[64];
static char *document;

static char *read_document(void)
{
    const char *path = getenv("ALLOCTRAP_FORMAT_DOC");
    cr_assert_not_null(path, "meson test sets ALLOCTRAP_FORMAT_DOC");
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in);
    char *text = mem_zero(1 << 20, 1);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, in), 0);
    fclose(in);
    return text;
}

static void prepare(void)
{
    struct err err = {0};
    struct store *store = NULL;
    struct profile *profile = sample_profile(200);
    snprintf(recording, sizeof recording, "/tmp/test_format-%d.atrap", getpid());
    cr_assert_eq(store_create(recording, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    profile_destroy(profile);
    document = read_document();
}

static void clear(void)
{
    unlink(recording);
    free(document);
}

TestSuite(recording_format, .init = prepare, .fini = clear);

/* What the sqlite3 program prints for a query; it must succeed. */
static char *ask(const char *query)
{
    char name[] = "/tmp/test_format-XXXXXX";
    FILE *file = fdopen(mkstemp(name), "w");
    fputs(query, file);
    fclose(file);
    char *command = mem_format("sqlite3 -readonly -bail %s < %s 2>&1", recording, name);
    FILE *pipe = popen(command, "r");
    char *answer = mem_zero(1 << 20, 1);
    size_t length = fread(answer, 1, (1 << 20) - 1, pipe);
    answer[length] = '\0';
    cr_assert_eq(pclose(pipe), 0, "%s\n%s", query, answer);
    unlink(name);
    free(command);
    return answer;
}

Test(recording_format, every_query_of_the_document_gives_rows)
{
    static const char fence[] = "```sql\n";
    unsigned queries = 0;
    for (char *at = strstr(document, fence); at != NULL; at = strstr(at, fence)) {
        at += strlen(fence);
        char *end = strstr(at, "```");
        cr_assert_not_null(end);
        char *query = strndup(at, (size_t)(end - at));
        char *answer = ask(query);
        cr_assert_gt(strlen(answer), 3, "no rows: %s", query);
        free(answer);
        free(query);
        at = end + 3;
        queries++;
    }
    cr_assert_gt(queries, 10);
}

Test(recording_format, every_table_and_column_is_described)
{
    char *names = ask("SELECT t.name FROM sqlite_schema AS t WHERE t.type = 'table' UNION "
                      "SELECT c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c "
                      "WHERE t.type = 'table'");
    unsigned count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        char *quoted = mem_format("`%s`", name);
        char *heading = mem_format("### %s:", name);
        cr_assert(strstr(document, quoted) != NULL || strstr(document, heading) != NULL,
                  "%s is not described", name);
        free(quoted);
        free(heading);
        count++;
    }
    cr_assert_gt(count, 60);
    free(names);
}

Test(recording_format, every_view_can_be_read)
{
    char *names = ask("SELECT name FROM sqlite_schema WHERE type = 'view'");
    unsigned count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        char *query = mem_format("SELECT count(*) FROM %s;", name);
        char *answer = ask(query);
        cr_assert_gt(atoi(answer), 0, "%s is empty", name);
        free(answer);
        free(query);
        count++;
    }
    cr_assert_geq(count, 11);
    free(names);
}

Test(recording_format, a_stack_runs_from_the_call_to_the_root)
{
    char *answer = ask("SELECT step, function FROM stacks WHERE site = 5;");
    cr_assert_str_eq(answer, "0|inlined_4\n0|function_4(int)\n"
                             "1|/usr/bin/parser+0x2004\n2|/usr/bin/parser+0x1000\n");
    free(answer);
}
