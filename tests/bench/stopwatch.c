/*
 * stopwatch - runs a program and writes how long it lived and what it used.
 *   stopwatch FILE CMD [ARG...]
 * It stands between a tool's launcher and the program, so that the program's own slow-down can be
 * told from what the tool does before and after. Linked statically: a preload cannot reach it, so
 * tools that follow only the first process they see follow the program. Exit status: the program's
 * own, 128 + signal when it was killed, 127 when it could not be run.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_NO_PROGRAM = 127, EXIT_SIGNAL = 128 };

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int wait_for(pid_t child, struct rusage *ret_usage)
{
    int status;
    while (wait4(child, &status, 0, ret_usage) < 0) {
        if (errno != EINTR) {
            perror("stopwatch: wait4");
            exit(EXIT_FAILURE);
        }
    }
    return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static void write_result(const char *path, double wall_s, const struct rusage *usage)
{
    FILE *out = fopen(path, "we");
    if (!out) {
        fprintf(stderr, "stopwatch: %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    fprintf(out, "{\"wall_s\": %.6f, \"cpu_s\": %.6f, \"peak_kib\": %ld}\n", wall_s,
            seconds(usage->ru_utime) + seconds(usage->ru_stime), usage->ru_maxrss);
    fclose(out);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: stopwatch FILE CMD [ARG...]\n", stderr);
        return 2;
    }
    double start_s = now_s();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "stopwatch: %s: %s\n", argv[2], strerror(errno));
        _exit(EXIT_NO_PROGRAM);
    }
    if (child < 0) {
        perror("stopwatch: fork");
        return EXIT_FAILURE;
    }
    struct rusage usage;
    int status = wait_for(child, &usage);
    write_result(argv[1], now_s() - start_s, &usage);
    return status;
}
