/*
 * cases - a target with several cases: target NAME [ARGUMENT...]. What a case did and what it saw
 * of its process goes to standard output, without a stream and without a heap byte.
 */
#ifndef CASES_H
#define CASES_H

#include "counts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct target_case {
    const char *name;
    int (*run)(char **arguments);
};

static inline int cases_run(const struct target_case *cases, size_t count, char **argv)
{
    for (size_t i = 0; argv[1] != NULL && i < count; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            return cases[i].run(argv + 2);
        }
    }
    return 2;
}

static inline void *take(size_t size)
{
    return counts_block(malloc(size), size);
}

static inline void give(void *block)
{
    free(block);
    counts_free();
}

/* Pairs of blocks, one of them alive over the other's life. */
static inline void churn(int pairs)
{
    for (int i = 0; i < pairs; i++) {
        void *first = take((size_t)i % 200 + 1);
        give(take(24));
        give(first);
    }
}

static inline void tell(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0) {
        _exit(97);
    }
}

/* The highest open descriptor and how many there are, without the one that looks. */
static inline void cases_count_fds(int *ret_count, int *ret_highest)
{
    *ret_count = 0;
    *ret_highest = -1;
    for (int fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            *ret_count += 1;
            *ret_highest = fd;
        }
    }
}

/* A line of /proc/self/status, its name included. */
static inline void cases_status_line(const char *status, const char *name, char *out, size_t room)
{
    const char *at = strstr(status, name);
    size_t len = at == NULL ? 0 : strcspn(at, "\n");
    len = len < room ? len : room - 1;
    memcpy(out, at == NULL ? "" : at, len);
    out[len] = '\0';
}

static inline void cases_read_status(char *status, size_t room)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, status, room - 1);
    status[got > 0 ? got : 0] = '\0';
    close(fd);
}

/* A thread that was joined may be counted for a moment yet; one that stays is told. */
static inline void cases_read_settled_status(char *status, size_t room)
{
    char threads[64];
    for (int i = 0; i < 200; i++) {
        cases_read_status(status, room);
        cases_status_line(status, "Threads:", threads, sizeof threads);
        if (threads[0] == '\0' || strcmp(threads, "Threads:\t1") == 0) {
            return;
        }
        usleep(1000);
    }
}

/* What the process can see of itself: descriptors, threads, signals, children. */
static inline void tell_seen(void)
{
    static const char *const names[] = {"Threads:", "SigBlk:", "SigIgn:", "SigCgt:", "Seccomp:"};
    char status[4096] = "";
    int count;
    int highest;
    cases_count_fds(&count, &highest);
    cases_read_settled_status(status, sizeof status);
    char line[128];
    int len = snprintf(line, sizeof line, "descriptors %d highest %d children %d\n", count, highest,
                       waitpid(-1, NULL, WNOHANG | __WALL) >= 0);
    if (write(STDOUT_FILENO, line, (size_t)len) != len) {
        _exit(96);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cases_status_line(status, names[i], line, sizeof line);
        tell(line);
        tell("\n");
    }
}

/* Waits for a child; its status as a line. */
static inline void tell_child(pid_t child)
{
    int status = -1;
    char line[64];
    if (waitpid(child, &status, __WALL) != child) {
        tell("no such child\n");
        return;
    }
    snprintf(line, sizeof line, "child: %s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    tell(line);
}

#endif
