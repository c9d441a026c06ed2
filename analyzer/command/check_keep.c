#include "command/check_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static enum err_code write_verdict(const struct check_view *view, const char *file,
                                   struct err *reterr)
{
    FILE *out = fopen(file, "we");
    bool is_written = out != NULL;
    if (is_written) {
        check_json(view, out);
        is_written = !ferror(out);
        is_written = fclose(out) == 0 && is_written;
    }
    return is_written ? ERR_NONE
                      : err_set(reterr, ERR_SYSTEM, file, "cannot write this: %s", strerror(errno));
}

/* Runs this very program's `html`; false when it gives no page. */
static bool make_page(const char *recording, const char *verdict, const char *page)
{
    char *arguments[] = {mem_text("alloctrap"),
                         mem_text("html"),
                         mem_text(recording),
                         mem_text("-o"),
                         mem_text(page),
                         mem_format("--check=%s", verdict),
                         NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int cause = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; arguments[i] != NULL; i++) {
        free(arguments[i]);
    }
    while (cause == 0 && waitpid(pid, &status, 0) < 0) {
        cause = errno == EINTR ? 0 : errno;
    }
    return cause == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && access(page, R_OK) == 0;
}

enum err_code check_keep(const struct check_view *view, const char *folder, char **ret_page,
                         struct err *reterr)
{
    char *verdict = mem_format("%s/check.json", folder);
    char *page = mem_format("%s/check.html", folder);
    enum err_code code = write_verdict(view, verdict, reterr);
    *ret_page = NULL;
    if (code == ERR_NONE && make_page(view->recording, verdict, page)) {
        *ret_page = page;
        page = NULL;
    }
    free(page);
    free(verdict);
    return code;
}
