/* Hosts that close, exhaust and reuse descriptors; what they write to their own files is theirs. */
#include "grow.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { FILES = 16 };

/* Unlinked files with a known byte each; anything else in them is somebody else's writing. */
static void open_files(int *fds)
{
    for (int i = 0; i < FILES; i++) {
        char name[] = "hazard.XXXXXX";
        fds[i] = mkstemp(name);
        unlink(name);
        if (fds[i] < 0 || write(fds[i], "x", 1) != 1) {
            _exit(95);
        }
    }
}

static void check_files(const int *fds)
{
    for (int i = 0; i < FILES; i++) {
        struct stat status;
        char line[64];
        if (fstat(fds[i], &status) != 0 || status.st_size != 1) {
            snprintf(line, sizeof line, "file %d has %lld bytes, errno %d\n", i,
                     (long long)status.st_size, errno);
            tell(line);
        }
    }
}

static int close_from(char **arguments)
{
    int fds[FILES];
    (void)arguments;
    churn(10);
    closefrom(3);
    open_files(fds);
    grow_in_threads();
    check_files(fds);
    counts_tell();
    tell_seen();
    return 0;
}

/* 0, 1 and 2 become files of the host's too. */
static int take_standard(char **arguments)
{
    int fds[FILES];
    (void)arguments;
    int out = dup(STDOUT_FILENO);
    churn(10);
    for (int fd = 0; fd < 3; fd++) {
        close(fd);
    }
    open_files(fds);
    grow_in_threads();
    check_files(fds);
    dup2(out, STDOUT_FILENO);
    counts_tell();
    return 0;
}

static int use_all(char **arguments)
{
    const struct rlimit few = {64, 64};
    int last = 0;
    (void)arguments;
    setrlimit(RLIMIT_NOFILE, &few);
    while (last >= 0) {
        last = open("/dev/null", O_RDONLY);
    }
    tell(errno == EMFILE ? "no descriptor is left\n" : "?\n");
    grow_in_threads();
    pid_t child = fork();
    if (child == 0) {
        counts_reset();
        churn(10);
        counts_tell();
        _exit(0);
    }
    tell_child(child);
    counts_tell();
    tell_seen();
    return 0;
}

static const struct target_case cases[] = {
    {"closefrom", close_from},
    {"standard", take_standard},
    {"use_all", use_all},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
