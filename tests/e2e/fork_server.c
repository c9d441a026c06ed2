/*
 * fork_server - preloaded into a program, runs its main() many times, each in a fresh fork, so that
 * a run costs no start of the program and of its sanitizers: ten times as many in an hour.
 * Standard input: a line for each run, its arguments (the program's name first) joined by US
 * (0x1f). Standard output: "STATUS CPU_MS RSS_KIB" for each: the exit status, or 128 + N for signal
 * N. What the run prints is in the files `stdout` and `stderr` of the current folder. A run ends by
 * SIGALRM after WALL_S. Threads: one.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WALL_S = 300, ARGUMENTS_MAX = 64, LINE_BYTES = 65536 };

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *main, int argc, char **argv, void (*init)(void),
                           void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

start_function __libc_start_main;

static main_function *real_main;

static void redirect(int fd, const char *path, int flags)
{
    int opened = open(path, flags, 0600);
    if (opened < 0 || dup2(opened, fd) < 0) {
        _exit(127);
    }
    close(opened);
}

static int run(char *line, char **environment)
{
    char *argv[ARGUMENTS_MAX + 1] = {0};
    int argc = 0;
    for (char *word; argc < ARGUMENTS_MAX && (word = strsep(&line, "\x1f")) != NULL;) {
        argv[argc++] = word;
    }
    redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
    redirect(STDOUT_FILENO, "stdout", O_WRONLY | O_CREAT | O_TRUNC);
    redirect(STDERR_FILENO, "stderr", O_WRONLY | O_CREAT | O_TRUNC);
    alarm(WALL_S);
    return real_main(argc, argv, environment);
}

static int serve(int argc, char **argv, char **environment)
{
    static char line[LINE_BYTES];
    (void)argc;
    (void)argv;
    unsetenv("LD_PRELOAD"); /* what a run starts is not ours */
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        pid_t child = fork();
        if (child == 0) {
            return run(line, environment);
        }
        int status = 0;
        struct rusage usage = {0};
        if (child < 0 || wait4(child, &status, 0, &usage) != child) {
            return 1;
        }
        long cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                      (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
        printf("%d %ld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
               cpu_ms, usage.ru_maxrss);
        fflush(stdout);
    }
    return 0;
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    start_function *next = NULL;
    void *found = dlsym(RTLD_NEXT, "__libc_start_main");
    memcpy(&next, &found, sizeof next);
    real_main = main;
    return next(serve, argc, argv, init, fini, rtld_fini, stack_end);
}
