#include "command/record_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/mem.h"

enum { FOLDERS_OPEN_MAX = 16 };

enum err_code record_pair_open(struct record_pair *pair, const char *keep, struct err *reterr)
{
    pair->is_kept = keep != NULL;
    if (keep != NULL) {
        if (mkdir(keep, 0700) != 0 && errno != EEXIST) {
            return err_set(reterr, ERR_SYSTEM, keep, "cannot make this folder: %s",
                           strerror(errno));
        }
        pair->folder = mem_text(keep);
        return ERR_NONE;
    }
    const char *base = getenv("TMPDIR");
    pair->folder =
        mem_format("%s/alloctrap-compare.XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(pair->folder) == NULL) {
        int cause = errno;
        enum err_code code = err_set(reterr, ERR_SYSTEM, pair->folder,
                                     "cannot make a temporary folder: %s; set TMPDIR or use --keep",
                                     strerror(cause));
        free(pair->folder);
        return code;
    }
    return ERR_NONE;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void record_pair_close(struct record_pair *pair)
{
    if (!pair->is_kept) {
        nftw(pair->folder, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    }
    free(pair->folder);
    pair->folder = NULL;
}

static int spawn_recorder(const char *command, const char *file, pid_t *ret_pid)
{
    char *arguments[] = {mem_text("alloctrap"), mem_text("record"),
                         mem_text("--quiet"),   mem_text("-o"),
                         mem_text(file),        mem_text("--"),
                         mem_text("sh"),        mem_text("-c"),
                         mem_text(command),     NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int cause = posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; arguments[i] != NULL; i++) {
        free(arguments[i]);
    }
    return cause;
}

static void tell_status(const char *shown, int status)
{
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "alloctrap: '%s' was ended by signal %d; compared all the same\n", shown,
                WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        fprintf(stderr, "alloctrap: '%s' ended with status %d; compared all the same\n", shown,
                WEXITSTATUS(status));
    }
}

enum err_code record_pair_run(const char *command, const char *file, int number, struct err *reterr)
{
    char *shown = escape_terminal(command);
    fprintf(stderr, "alloctrap: recording %d of 2: %s\n", number, shown);
    pid_t pid = 0;
    int status = 0;
    int cause = spawn_recorder(command, file, &pid);
    while (cause == 0 && waitpid(pid, &status, 0) < 0) {
        cause = errno == EINTR ? 0 : errno;
    }
    enum err_code code = ERR_NONE;
    if (cause != 0) {
        code = err_set(reterr, ERR_SYSTEM, NULL, "cannot record '%s': %s", shown, strerror(cause));
    } else if (access(file, R_OK) != 0) {
        code = err_set(reterr, ERR_MISSING, NULL,
                       "'%s' gave no recording; what went wrong is said above", shown);
    } else {
        tell_status(shown, status);
    }
    free(shown);
    return code;
}
