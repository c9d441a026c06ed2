#include "command/record_runs.h"

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
#include <wordexp.h>

#include "base/escape.h"
#include "base/mem.h"

enum { FOLDERS_OPEN_MAX = 16 };

enum err_code record_runs_open(struct record_runs *runs, const char *keep, struct err *reterr)
{
    runs->is_kept = keep != NULL;
    if (keep != NULL) {
        if (mkdir(keep, 0700) != 0 && errno != EEXIST) {
            return err_set(reterr, ERR_SYSTEM, keep, "cannot make this folder: %s",
                           strerror(errno));
        }
        runs->folder = mem_text(keep);
        return ERR_NONE;
    }
    const char *base = getenv("TMPDIR");
    runs->folder =
        mem_format("%s/alloctrap-runs.XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(runs->folder) == NULL) {
        int cause = errno;
        enum err_code code = err_set(reterr, ERR_SYSTEM, runs->folder,
                                     "cannot make a temporary folder: %s; set TMPDIR or use --keep",
                                     strerror(cause));
        free(runs->folder);
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

void record_runs_close(struct record_runs *runs)
{
    if (!runs->is_kept) {
        nftw(runs->folder, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    }
    free(runs->folder);
    runs->folder = NULL;
}

/* Is there a program of this name? Else it may be a word of the shell's own, like cd. */
static bool is_program(const char *name)
{
    if (strchr(name, '/') != NULL) {
        return access(name, X_OK) == 0;
    }
    const char *path = getenv("PATH");
    bool is_found = false;
    while (path != NULL && *path != '\0' && !is_found) {
        size_t length = strcspn(path, ":");
        char *file = mem_format("%.*s/%s", (int)length, path, name);
        is_found = access(file, X_OK) == 0;
        free(file);
        path += length;
        path += *path == ':';
    }
    return is_found;
}

/* A plain command is its words; what needs a shell (pipes, settings, words of its own) is told by
 * false. A shell allocates too, and that is not what was to be measured. */
static bool split(const char *command, wordexp_t *ret)
{
    if (wordexp(command, ret, WRDE_NOCMD | WRDE_UNDEF) != 0) {
        return false;
    }
    if (ret->we_wordc > 0 && strchr(ret->we_wordv[0], '=') == NULL &&
        is_program(ret->we_wordv[0])) {
        return true;
    }
    wordfree(ret);
    return false;
}

static int spawn(char **arguments, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int cause = posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

static int spawn_recorder(const char *command, const char *file, const char *option, pid_t *ret_pid)
{
    MEM_ARRAY(char *) arguments = {0};
    const char *const before[] = {
        "alloctrap", "record", "--quiet", option != NULL ? option : "--quiet", "-o", file, "--"};
    const char *const shell[] = {"sh", "-c", command};
    wordexp_t words;
    bool is_plain = split(command, &words);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        *MEM_PUSH(&arguments) = mem_text(before[i]);
    }
    for (size_t i = 0; i < (is_plain ? words.we_wordc : 3); i++) {
        *MEM_PUSH(&arguments) = mem_text(is_plain ? words.we_wordv[i] : shell[i]);
    }
    *MEM_PUSH(&arguments) = NULL;
    int cause = spawn(arguments.at, ret_pid);
    for (size_t i = 0; i < arguments.count; i++) {
        free(arguments.at[i]);
    }
    free(arguments.at);
    if (is_plain) {
        wordfree(&words);
    }
    return cause;
}

char *record_runs_trouble(int status)
{
    if (WIFSIGNALED(status)) {
        return mem_format("was ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status) != 0 ? mem_format("ended with status %d", WEXITSTATUS(status))
                                    : NULL;
}

enum err_code record_runs_run(const char *command, const char *file, const char *option,
                              const char *what, int *ret_status, struct err *reterr)
{
    char *shown = escape_terminal(command);
    fprintf(stderr, "alloctrap: recording %s: %s\n", what, shown);
    pid_t pid = 0;
    int status = 0;
    int cause = spawn_recorder(command, file, option, &pid);
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
        *ret_status = status;
    }
    free(shown);
    return code;
}
