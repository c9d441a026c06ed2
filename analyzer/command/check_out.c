#include "command/check_out.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"

struct kind {
    const char *name;
    check_print *print;
};

static const struct kind kinds[] = {
#define KIND_ROW(name, function) {name, function},
    CHECK_KIND_TABLE(KIND_ROW)
#undef KIND_ROW
};

enum err_code check_out_parse(const char *text, struct check_out *ret, struct err *reterr)
{
    size_t length = strcspn(text, "=");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, text, length) == 0) {
            bool has_file = text[length] == '=' && text[length + 1] != '\0';
            *ret = (struct check_out){kinds[i].print, has_file ? text + length + 1 : NULL};
            return ERR_NONE;
        }
    }
    char *shown = escape_terminal(text);
    enum err_code code =
        err_set(reterr, ERR_USAGE, NULL,
                "--report knows no kind '%s'; it knows text, json, junit, github, markdown, "
                "gitlab, sarif, bench-json, each with =FILE or without",
                shown);
    free(shown);
    return code;
}

static enum err_code print_file(const struct check_view *view, check_print *print, const char *file,
                                const char *mode, struct err *reterr)
{
    FILE *out = fopen(file, mode);
    bool is_written = out != NULL;
    if (is_written) {
        print(view, out);
        is_written = !ferror(out);
        is_written = fclose(out) == 0 && is_written;
    }
    return is_written
               ? ERR_NONE
               : err_set(reterr, ERR_SYSTEM, file, "cannot write this report: %s", strerror(errno));
}

static bool has_kind(const struct check_out *outs, size_t count, check_print *print)
{
    for (size_t i = 0; i < count; i++) {
        if (outs[i].print == print) {
            return true;
        }
    }
    return false;
}

/* Unless the user asked for them in his own way. */
static enum err_code print_for_github(const struct check_view *view, const struct check_out *outs,
                                      size_t count, bool is_text, struct err *reterr)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    const char *summary = getenv("GITHUB_STEP_SUMMARY");
    if (actions == NULL || strcmp(actions, "true") != 0) {
        return ERR_NONE;
    }
    if (is_text && !has_kind(outs, count, check_github)) {
        check_github(view, stdout);
    }
    if (summary != NULL && summary[0] != '\0' && !has_kind(outs, count, check_markdown)) {
        return print_file(view, check_markdown, summary, "ae", reterr);
    }
    return ERR_NONE;
}

enum err_code check_out_print(const struct check_view *view, const struct check_out *outs,
                              size_t count, struct err *reterr)
{
    enum err_code code = ERR_NONE;
    bool is_text = true;
    for (size_t i = 0; i < count; i++) {
        is_text = is_text && (outs[i].file != NULL || outs[i].print == check_text);
    }
    if (is_text && !has_kind(outs, count, check_text)) {
        check_text(view, stdout);
    }
    for (size_t i = 0; i < count && code == ERR_NONE; i++) {
        if (outs[i].file == NULL) {
            outs[i].print(view, stdout);
        } else {
            code = print_file(view, outs[i].print, outs[i].file, "we", reterr);
        }
    }
    return code == ERR_NONE ? print_for_github(view, outs, count, is_text, reterr) : code;
}

/* An argument as a shell wants it. */
static void put_argument(FILE *out, const char *argument)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_=+:,./@%";
    if (argument[0] != '\0' && strspn(argument, plain) == strlen(argument)) {
        fputs(argument, out);
        return;
    }
    fputc('\'', out);
    for (; *argument != '\0'; argument++) {
        fputs(*argument == '\'' ? "'\\''" : (char[]){*argument, '\0'}, out);
    }
    fputc('\'', out);
}

char *check_out_command(char *const *arguments)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; arguments[i] != NULL; i++) {
        fputs(i > 0 ? " " : "", out);
        put_argument(out, arguments[i]);
    }
    fclose(out);
    return text;
}

char *check_out_again(int argc, char **argv)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    fputs("alloctrap check --update-baseline", out);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--report", 8) != 0 && strcmp(argv[i], "--update-baseline") != 0 &&
            strcmp(argv[i], "--print-patch") != 0) {
            fputc(' ', out);
            put_argument(out, argv[i]);
        } else if (strcmp(argv[i], "--report") == 0) {
            i += 1;
        }
    }
    fclose(out);
    return text;
}

char *check_out_what(const char *command, char *const *files, size_t count)
{
    if (command != NULL) {
        return mem_format("%zu run%s of `%s`", count, count == 1 ? "" : "s", command);
    }
    return count == 1 ? mem_text(files[0]) : mem_format("%s and %zu more", files[0], count - 1);
}

char *check_out_workspace(void)
{
    static const char *const names[] = {"GITHUB_WORKSPACE", "CI_PROJECT_DIR"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *folder = getenv(names[i]);
        if (folder != NULL && folder[0] == '/') {
            return mem_text(folder);
        }
    }
    char *here = getcwd(NULL, 0);
    return here != NULL ? here : mem_text("");
}
