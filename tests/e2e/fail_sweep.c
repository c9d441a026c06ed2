/*
 * fail_sweep - records a target again and again, and lets the N-th system call of the library or of
 * the recorder fail, for N = 1, 2, ... until none is reached; once, or for ever after. The target's
 * output and status are what they were, and what is missing in the recording is said.
 *
 * fail_sweep ALLOCTRAP LIBRARY_FILE_NAME TARGET WHO HOW [--step=N] [--first=N]
 *   WHO  shim (calls made from the library's code) or recorder (all of its first thread's from the
 *        host's start on that do not start or end a process; before, it refuses aloud)
 *   HOW  once; or ever: all calls from there on. A recorder to which every call fails may die of
 *        that, but the host may not.
 *   --step=N   each N-th call alone; --first=N: from the N-th on
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TRACEES_MAX = 64,
    TEXT_BYTES = 1 << 16,
    RUN_LIMIT_S = 60,
    WRONG_SHOWN = 8,
    STATUS_NONE = -1
};

/* EINTR is last: for ever, it only asks the recorder to go on trying. */
static const int ERRORS[] = {ENOMEM, ENOSPC, EMFILE, EPERM, EINTR};

struct sweep {
    const char *alloctrap;
    const char *library;
    const char *target;
    bool is_shim;
    bool is_for_ever;
    char dir[32]; /* of one run: everything in it goes with the run */
};

struct tracee {
    pid_t tid;
    bool is_failing; /* its call was turned into none; the result is set when it comes out */
};

struct run {
    const struct sweep *sweep;
    uint32_t fail_at; /* 0 = never */
    int error;
    pid_t recorder;
    pid_t host;      /* the recorder's first child */
    bool is_host_up; /* it is the target now */
    uint32_t calls;
    uint64_t code_start;
    uint64_t code_end;
    struct tracee tracees[TRACEES_MAX];
    size_t tracee_count;
    int host_status;
    int recorder_status;
    long last_call; /* the number of the one that failed */
};

struct result {
    char output[TEXT_BYTES];
    char said[TEXT_BYTES];
    uint64_t allocs; /* of the report; 0 = there is none */
    bool is_loss_told;
};

static volatile sig_atomic_t is_over;

static void on_alarm(int number)
{
    (void)number;
    is_over = 1;
}

static void fail(const char *what)
{
    fprintf(stderr, "fail_sweep: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void redirect(const char *dir, const char *name, int to)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || dup2(fd, to) < 0) {
        _exit(125);
    }
    close(fd);
}

static void start(const struct sweep *sweep)
{
    char file[64];
    snprintf(file, sizeof file, "%s/run.atrap", sweep->dir);
    redirect(sweep->dir, "output", STDOUT_FILENO);
    redirect(sweep->dir, "said", STDERR_FILENO);
    setenv("ALLOCTRAP_SYMBOL_CACHE", "off", 1);
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execl(sweep->alloctrap, sweep->alloctrap, "record", "-q", "-o", file, "--", sweep->target,
          NULL);
    _exit(126);
}

static struct tracee *tracee_of(struct run *run, pid_t tid)
{
    for (size_t i = 0; i < run->tracee_count; i++) {
        if (run->tracees[i].tid == tid) {
            return &run->tracees[i];
        }
    }
    if (run->tracee_count == TRACEES_MAX) {
        fprintf(stderr, "fail_sweep: more than %d threads\n", TRACEES_MAX);
        exit(2);
    }
    run->tracees[run->tracee_count] = (struct tracee){.tid = tid};
    return &run->tracees[run->tracee_count++];
}

static void find_code(struct run *run, pid_t tid)
{
    char name[64];
    char line[1024];
    snprintf(name, sizeof name, "/proc/%d/maps", (int)tid);
    FILE *maps = fopen(name, "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        uint64_t from;
        uint64_t to;
        if (strstr(line, run->sweep->library) != NULL && strstr(line, "r-xp") != NULL &&
            sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2) {
            run->code_start = from;
            run->code_end = to;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

/* Calls that begin or end a process are the host's way into being; without them there is none. brk
 * and futex have no such errors. */
static bool can_fail(uint64_t number)
{
    switch (number) {
    case SYS_clone:
    case SYS_clone3:
    case SYS_fork:
    case SYS_vfork:
    case SYS_execve:
    case SYS_exit:
    case SYS_exit_group:
    case SYS_rt_sigreturn:
    case SYS_brk:
    case SYS_futex:
        return false;
    default:
        return true;
    }
}

static bool is_meant(struct run *run, pid_t tid, const struct __ptrace_syscall_info *info)
{
    if (!can_fail(info->entry.nr)) {
        return false;
    }
    if (!run->sweep->is_shim) {
        return tid == run->recorder && run->is_host_up;
    }
    if (tid == run->recorder) {
        return false;
    }
    if (run->code_end == 0) {
        find_code(run, tid);
    }
    return info->instruction_pointer > run->code_start &&
           info->instruction_pointer <= run->code_end;
}

static void at_entry(struct run *run, struct tracee *tracee,
                     const struct __ptrace_syscall_info *info)
{
    if (!is_meant(run, tracee->tid, info)) {
        return;
    }
    run->calls += 1;
    bool is_due = run->fail_at != 0 && (run->sweep->is_for_ever ? run->calls >= run->fail_at
                                                                : run->calls == run->fail_at);
    if (is_due) {
        if (run->calls == run->fail_at) {
            run->last_call = (long)info->entry.nr;
        }
        tracee->is_failing = true;
        if (info->entry.nr != SYS_close) { /* which closes even when it tells of an error */
            ptrace(PTRACE_POKEUSER, tracee->tid, offsetof(struct user, regs.orig_rax), -1L);
        }
    }
}

static void at_exit(const struct run *run, struct tracee *tracee)
{
    if (tracee->is_failing) {
        tracee->is_failing = false;
        ptrace(PTRACE_POKEUSER, tracee->tid, offsetof(struct user, regs.rax), (long)-run->error);
    }
}

static void at_call(struct run *run, pid_t tid)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) <= 0) {
        return;
    }
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        at_entry(run, tracee_of(run, tid), &info);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        at_exit(run, tracee_of(run, tid));
    }
}

static void at_fork(struct run *run, pid_t tid)
{
    unsigned long child = 0;
    if (tid == run->recorder && run->host == 0 &&
        ptrace(PTRACE_GETEVENTMSG, tid, NULL, &child) == 0) {
        run->host = (pid_t)child;
    }
}

/* What a stop hands on to the tracee. */
static int see_stop(struct run *run, pid_t tid, int status)
{
    int signal = WSTOPSIG(status);
    int event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) {
        at_call(run, tid);
        return 0;
    }
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        at_fork(run, tid);
    }
    run->is_host_up = run->is_host_up || (event == PTRACE_EVENT_EXEC && tid == run->host);
    return signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

static void see_end(struct run *run, pid_t tid, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (tid == run->host) {
        run->host_status = code;
    } else if (tid == run->recorder) {
        run->recorder_status = code;
    }
}

/* Runs it to its end; false when that did not come in time. */
static bool drive(struct run *run)
{
    int status;
    run->recorder = fork();
    if (run->recorder == 0) {
        start(run->sweep);
    }
    if (waitpid(run->recorder, &status, 0) != run->recorder || !WIFSTOPPED(status)) {
        fail("the recorder did not start");
    }
    ptrace(PTRACE_SETOPTIONS, run->recorder, NULL,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
               PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SYSCALL, run->recorder, NULL, NULL);
    is_over = 0;
    alarm(RUN_LIMIT_S);
    pid_t tid;
    while ((tid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFSTOPPED(status)) {
            ptrace(PTRACE_SYSCALL, tid, NULL, see_stop(run, tid, status));
        } else {
            see_end(run, tid, status);
        }
    }
    bool is_in_time = is_over == 0;
    alarm(0);
    for (size_t i = 0; !is_in_time && i < run->tracee_count; i++) {
        kill(run->tracees[i].tid, SIGKILL);
    }
    while (waitpid(-1, &status, __WALL) > 0) {
    }
    return is_in_time;
}

static void read_file(const char *dir, const char *name, char *ret)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *in = fopen(path, "r");
    size_t len = in == NULL ? 0 : fread(ret, 1, TEXT_BYTES - 1, in);
    ret[len] = '\0';
    if (in != NULL) {
        fclose(in);
    }
}

static uint64_t member(const char *json, const char *name)
{
    const char *at = strstr(json, name);
    uint64_t value = 0;
    return at != NULL && sscanf(at + strlen(name), "%" SCNu64, &value) == 1 ? value : 0;
}

static void look(const struct sweep *sweep, struct result *ret)
{
    static char report[TEXT_BYTES];
    char command[256];
    read_file(sweep->dir, "output", ret->output);
    read_file(sweep->dir, "said", ret->said);
    snprintf(command, sizeof command,
             "%s report %s/run.atrap --json --top=1 >%s/report 2>/dev/null", sweep->alloctrap,
             sweep->dir, sweep->dir);
    int status = system(command);
    read_file(sweep->dir, "report", report);
    ret->allocs = status == 0 ? member(report, "\"allocations\": ") : 0;
    ret->is_loss_told = status == 0 && member(report, "\"events\": ") != 0;
}

static void remove_dir(const char *dir)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0) {
        fail(dir);
    }
}

static bool run_once(struct sweep *sweep, struct run *run, struct result *ret)
{
    snprintf(sweep->dir, sizeof sweep->dir, "fail_sweep.XXXXXX");
    if (mkdtemp(sweep->dir) == NULL) {
        fail("mkdtemp");
    }
    run->sweep = sweep;
    run->host_status = STATUS_NONE;
    run->recorder_status = STATUS_NONE;
    bool is_in_time = drive(run);
    look(sweep, ret);
    remove_dir(sweep->dir);
    return is_in_time;
}

/* NULL when all is well. */
static const char *trouble(const struct run *run, const struct result *seen,
                           const struct result *plain, bool is_in_time)
{
    if (!is_in_time) {
        return "it did not end";
    }
    if (run->host_status != 0) {
        return "the host's status changed";
    }
    if (strcmp(seen->output, plain->output) != 0) {
        return "the host's output changed";
    }
    if (!run->sweep->is_shim && run->sweep->is_for_ever) {
        return NULL; /* a recorder to which every call fails can neither say so nor exit */
    }
    if (run->recorder_status >= 128) {
        return "the recorder died by a signal";
    }
    if (seen->allocs != plain->allocs && !seen->is_loss_told && seen->said[0] == '\0') {
        return "the recording lacks calls, and nothing says so";
    }
    return NULL;
}

static int error_at(const struct sweep *sweep, uint32_t round)
{
    uint32_t count = sizeof ERRORS / sizeof *ERRORS;
    return ERRORS[round % (sweep->is_shim || !sweep->is_for_ever ? count : count - 1)];
}

static uint32_t option(int argc, char **argv, const char *name, uint32_t otherwise)
{
    for (int i = 6; i < argc; i++) {
        if (strncmp(argv[i], name, strlen(name)) == 0) {
            return (uint32_t)strtoul(argv[i] + strlen(name), NULL, 10);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    static struct result plain;
    static struct result seen;
    if (argc < 6) {
        fprintf(stderr, "usage: fail_sweep ALLOCTRAP LIBRARY TARGET shim|recorder once|ever\n");
        return 2;
    }
    struct sweep sweep = {.alloctrap = argv[1],
                          .library = argv[2],
                          .target = argv[3],
                          .is_shim = strcmp(argv[4], "shim") == 0,
                          .is_for_ever = strcmp(argv[5], "ever") == 0};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    struct run none = {.fail_at = 0};
    if (!run_once(&sweep, &none, &plain) || none.host_status != 0 || plain.allocs == 0 ||
        none.calls == 0) {
        fprintf(stderr, "fail_sweep: the target cannot be recorded as it is: %s\n", plain.said);
        return 2;
    }
    uint32_t step = option(argc, argv, "--step=", 1);
    uint32_t wrong = 0;
    uint32_t tried = 0;
    uint32_t missing = 0;
    for (uint32_t at = option(argc, argv, "--first=", 1);; at += step) {
        struct run run = {.fail_at = at, .error = error_at(&sweep, at / step)};
        bool is_in_time = run_once(&sweep, &run, &seen);
        if (run.calls < at) {
            break;
        }
        tried += 1;
        missing += seen.allocs != plain.allocs;
        const char *what = trouble(&run, &seen, &plain, is_in_time);
        wrong += what != NULL;
        if (what != NULL && wrong <= WRONG_SHOWN) {
            printf("  call %u (system call %ld), %s: %s; host %d, recorder %d, %" PRIu64
                   " of %" PRIu64 " allocations; said: %s\n",
                   at, run.last_call, strerror(run.error), what, run.host_status,
                   run.recorder_status, seen.allocs, plain.allocs, seen.said);
        }
    }
    printf("%s %s: %u calls failed, %u recordings without all calls, %u wrong\n", argv[4], argv[5],
           tried, missing, wrong);
    return wrong == 0 && tried > 0 ? 0 : 1;
}
