/*
 * step_sweep - does something at each instruction of a hook in turn: kills the process, or delivers
 * a signal whose handler allocates, forks or jumps away. After each, the sessions are read: what
 * they counted is what the target published, but for the call that was in flight.
 *
 * step_sweep LIBRARY TARGET [--most=N] [--actions=LETTERS] [CALL...]
 *   --most=N   so many instructions of each call, evenly spread (0: every one)
 *   --actions  k kill, a allocate, f fork and end there, r fork and return, j jump (kafrj)
 *   CALL       malloc free realloc first thread full measured (all of them)
 * Only instructions of LIBRARY are chosen: the real allocator may not be interrupted so by anyone.
 */
#include "session_sums.h"

#include "../targets/stepped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KILL = 'k',
    STEPS_MAX = 1 << 20,
    WRONG_SHOWN = 5,
    TRIES_MAX = 5,
    BREAKPOINT = 0xcc,
    BREAKPOINTS_MAX = 6,
    STEPS_A_BREAKPOINT = 4, /* what it costs */
    NAP_US = 300,           /* a call that takes so long is a slow one */
    TARGET_S_MAX = 60       /* a target that does not end is killed, and that is wrong */
};

static const char *const ALL_CALLS[] = {"malloc", "free", "realloc", "first",
                                        "thread", "full", "measured"};
static const char ALL_ACTIONS[] = {
    KILL, STEPPED_ALLOCATE, STEPPED_FORK_EXIT, STEPPED_FORK_RETURN, STEPPED_JUMP, '\0'};

/* How an instruction is reached: at full speed to its pc for the n-th time, or by one step from the
 * instruction before it, whichever is quicker. */
struct way {
    uint64_t pc;
    uint32_t time;   /* the thread is there for so many times */
    uint32_t anchor; /* the instruction to come to at full speed */
    uint32_t cost;   /* in steps */
};

struct sweep {
    const char *library;
    const char *target;
    uint32_t most;
    const char *actions;
    const char *call;
    char action;
    struct stepped_page *page;
    char page_name[64];
    uint32_t steps;     /* instructions of the library in the call */
    uint32_t elsewhere; /* tries that came to another instruction, as the call took another way */
    struct way *ways;   /* to each of them */
    uint64_t stops[BREAKPOINTS_MAX]; /* where the library is come back to from what it calls */
    uint32_t stop_count;
};

/* A target that stands at its first breakpoint. */
struct traced {
    pid_t pid;
    pid_t tid; /* the thread that came there */
    uint64_t code_start;
    uint64_t code_end;
    uint64_t return_pc;    /* where the call comes back to */
    uint64_t came_back_to; /* by the last library_step() that called something */
};

static void fail(const char *what)
{
    fprintf(stderr, "step_sweep: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void start_target(const struct sweep *sweep, const char *dir)
{
    char action[2] = {sweep->action == KILL ? STEPPED_ALLOCATE : sweep->action, '\0'};
    setenv(SESSION_ENV, dir, 1);
    setenv("LD_PRELOAD", sweep->library, 1);
    setenv("LD_BIND_NOW", "1", 1); /* or the way to the hook is that of looking it up */
    personality(ADDR_NO_RANDOMIZE);
    alarm(TARGET_S_MAX);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execl(sweep->target, sweep->target, sweep->call, action, sweep->page_name, NULL);
    _exit(126);
}

static struct user_regs_struct regs_of(pid_t tid)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) != 0) {
        fail("PTRACE_GETREGS");
    }
    return regs;
}

static void find_code(struct traced *traced, const char *library)
{
    char name[64];
    char line[1024];
    snprintf(name, sizeof name, "/proc/%d/maps", (int)traced->pid);
    FILE *maps = fopen(name, "r");
    const char *slash = strrchr(library, '/');
    const char *file = slash == NULL ? library : slash;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        uint64_t start;
        uint64_t end;
        if (strstr(line, file) != NULL && strstr(line, "r-xp") != NULL &&
            sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2) {
            traced->code_start = start;
            traced->code_end = end;
        }
    }
    if (maps == NULL || traced->code_end == 0) {
        fail("the library is not in the target");
    }
    fclose(maps);
}

/* Lets every thread run until one is at the first breakpoint. */
static struct traced reach_breakpoint(const struct sweep *sweep, const char *dir)
{
    struct traced traced = {.pid = fork()};
    if (traced.pid == 0) {
        start_target(sweep, dir);
    }
    int status;
    if (waitpid(traced.pid, &status, 0) != traced.pid || !WIFSTOPPED(status)) {
        fail("the target did not start");
    }
    ptrace(PTRACE_SETOPTIONS, traced.pid, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, traced.pid, NULL, NULL);
    while ((traced.tid = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            fprintf(stderr, "step_sweep: the target ended before its breakpoint\n");
            exit(2);
        }
        if (WSTOPSIG(status) == SIGTRAP && status >> 16 == 0) {
            find_code(&traced, sweep->library);
            return traced;
        }
        ptrace(PTRACE_CONT, traced.tid, NULL, NULL); /* a clone event, or its first stop */
    }
    fail("waitpid");
    return traced;
}

/* One instruction on; false when the target is no longer there. */
static bool step(pid_t tid)
{
    int status;
    return ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) == 0 &&
           waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status);
}

static bool is_in_library(const struct traced *traced, uint64_t pc)
{
    return pc >= traced->code_start && pc < traced->code_end;
}

static uint64_t word_at(pid_t tid, uint64_t addr)
{
    errno = 0;
    long word = ptrace(PTRACE_PEEKDATA, tid, (void *)(uintptr_t)addr, NULL);
    if (errno != 0) {
        fail("PTRACE_PEEKDATA");
    }
    return (uint64_t)word;
}

/* At full speed to one of some instructions, to one of which the thread will come; to which. */
static uint64_t run_to(pid_t tid, const uint64_t *pcs, uint32_t count)
{
    int status;
    uint64_t codes[BREAKPOINTS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = word_at(tid, pcs[i]);
        ptrace(PTRACE_POKEDATA, tid, (void *)(uintptr_t)pcs[i],
               (codes[i] & ~UINT64_C(0xff)) | BREAKPOINT);
    }
    if (ptrace(PTRACE_CONT, tid, NULL, NULL) != 0 || waitpid(tid, &status, __WALL) != tid ||
        !WIFSTOPPED(status)) {
        fail("the target ended in a call that was run through");
    }
    for (uint32_t i = count; i-- > 0;) { /* they may share a word */
        ptrace(PTRACE_POKEDATA, tid, (void *)(uintptr_t)pcs[i], codes[i]);
    }
    struct user_regs_struct regs = regs_of(tid);
    regs.rip -= 1;
    ptrace(PTRACE_SETREGS, tid, NULL, &regs);
    return regs.rip;
}

/* One instruction of the library on; what it calls is run through. False: the call is over. */
static bool library_step(struct traced *traced)
{
    if (!step(traced->tid)) {
        fail("the target ended while it was stepped");
    }
    struct user_regs_struct regs = regs_of(traced->tid);
    while (!is_in_library(traced, regs.rip) && regs.rip != traced->return_pc) {
        uint64_t back = word_at(traced->tid, regs.rsp);
        (void)run_to(traced->tid, &back, 1);
        traced->came_back_to = back;
        regs = regs_of(traced->tid);
    }
    return regs.rip != traced->return_pc;
}

/* From the breakpoint to the hook's first instruction. */
static void enter_library(struct traced *traced)
{
    struct user_regs_struct regs = regs_of(traced->tid);
    while (!is_in_library(traced, regs.rip)) {
        if (!step(traced->tid)) {
            fail("the target ended before the hook");
        }
        regs = regs_of(traced->tid);
    }
    traced->return_pc = word_at(traced->tid, regs.rsp);
}

static void end_target(const struct traced *traced)
{
    int status;
    kill(traced->pid, SIGKILL);
    while (waitpid(-1, &status, __WALL) > 0 || errno == EINTR) {
    }
}

static void make_dir(char *dir)
{
    const struct session_control settings = {
        .latency_on = 1, .causes_on = 1, .free_stacks_on = 1, .follow_on = 1};
    if (mkdtemp(dir) == NULL) {
        fail("mkdtemp");
    }
    session_make(dir, &settings);
}

static void find_way(struct sweep *sweep, uint32_t i, uint64_t pc, uint32_t time)
{
    struct way *way = &sweep->ways[i];
    *way = (struct way){pc, time, i, time * STEPS_A_BREAKPOINT};
    if (i == 0 || way[-1].cost + 1 < way->cost) {
        way->anchor = i == 0 ? 0 : way[-1].anchor;
        way->cost = i == 0 ? 0 : way[-1].cost + 1;
    }
}

/* All but one, which is kept for the instruction to come to. */
static void add_stop(struct sweep *sweep, uint64_t pc)
{
    bool is_new = sweep->stop_count + 1 < BREAKPOINTS_MAX;
    for (uint32_t i = 0; i < sweep->stop_count; i++) {
        is_new = is_new && sweep->stops[i] != pc;
    }
    if (is_new) {
        sweep->stops[sweep->stop_count++] = pc;
    }
}

/* How many instructions of the library the call has: it is stepped through once. */
static void count_steps(struct sweep *sweep)
{
    char dir[] = "step_sweep.XXXXXX";
    make_dir(dir);
    struct traced traced = reach_breakpoint(sweep, dir);
    enter_library(&traced);
    uint32_t *times = calloc(traced.code_end - traced.code_start, sizeof *times);
    if (times == NULL) {
        fail("calloc");
    }
    sweep->steps = 0;
    sweep->stop_count = 0;
    add_stop(sweep, traced.return_pc);
    do {
        uint64_t pc = regs_of(traced.tid).rip;
        if (pc == traced.came_back_to) {
            add_stop(sweep, pc);
        }
        find_way(sweep, sweep->steps, pc, ++times[pc - traced.code_start]);
        sweep->steps += 1;
    } while (sweep->steps < STEPS_MAX && library_step(&traced));
    free(times);
    end_target(&traced);
    (void)session_sum_dir(dir);
}

/* Lets the target run to its end with the signal delivered first; its exit status, or -1. */
static int run_on(const struct traced *traced, int signal)
{
    int status;
    int result = -1;
    pid_t tid = traced->tid;
    ptrace(PTRACE_CONT, tid, NULL, signal);
    while ((tid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFSTOPPED(status)) {
            int passed =
                WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
            ptrace(PTRACE_CONT, tid, NULL, passed);
        } else if (tid == traced->pid) {
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
    return result;
}

static bool is_near(uint64_t seen, uint64_t published, uint64_t less, uint64_t more)
{
    return seen + less >= published && seen <= published + more;
}

/*
 * What was counted against what was published. Killed or left by a jump, the call may have been
 * counted already. A child that its parent's handler forked in the middle of the bookkeeping ends
 * the call for both: it is counted once or twice, and published twice.
 */
static bool does_agree(const struct sweep *sweep, const struct session_sums *seen)
{
    const struct stepped_page *page = sweep->page;
    uint64_t allocs = page->parent.allocs + page->child.allocs;
    uint64_t frees = page->parent.frees + page->child.frees;
    bool is_exact = sweep->action == STEPPED_ALLOCATE || sweep->action == STEPPED_FORK_EXIT;
    uint64_t more = is_exact ? 0 : 1;
    uint64_t less = sweep->action == STEPPED_FORK_RETURN ? 1 : 0;
    return seen->bad_heads == 0 && is_near(seen->target.allocs, allocs, less, more) &&
           is_near(seen->target.frees, frees, less, more) &&
           is_near(seen->ring_events + seen->lost, seen->all_events, 2 * more, 2 * more);
}

static void tell(const struct sweep *sweep, uint32_t at, int status,
                 const struct session_sums *seen)
{
    const struct stepped_page *page = sweep->page;
    printf("  %s, action %c, instruction %u: status %d, handled %u; published %" PRIu64 "+%" PRIu64
           " allocs %" PRIu64 "+%" PRIu64 " frees, counted %" PRIu64 " and %" PRIu64
           "; events %" PRIu64 " in rings, %" PRIu64 " lost, %" PRIu64 " counted; %" PRIu64
           " bad heads\n",
           sweep->call, sweep->action, at, status, page->handled, page->parent.allocs,
           page->child.allocs, page->parent.frees, page->child.frees, seen->target.allocs,
           seen->target.frees, seen->ring_events, seen->lost, seen->all_events, seen->bad_heads);
}

/* To an anchor. False: the call is over. Where the library comes back to from what it calls, a nap
 * makes the call as slow as one that is stepped through, which is told as slow and has more to do.
 */
static bool reach_anchor(const struct sweep *sweep, struct traced *traced, const struct way *anchor)
{
    uint64_t pcs[BREAKPOINTS_MAX];
    memcpy(pcs, sweep->stops, sweep->stop_count * sizeof *pcs);
    pcs[sweep->stop_count] = anchor->pc;
    uint32_t time = sweep->ways[0].pc == anchor->pc;
    while (time < anchor->time) {
        if (!library_step(traced)) { /* off a breakpoint */
            return false;
        }
        uint64_t here = regs_of(traced->tid).rip;
        if (here != anchor->pc) {
            here = run_to(traced->tid, pcs, sweep->stop_count + 1);
        }
        if (here == traced->return_pc) {
            return false;
        }
        for (uint32_t i = 0; i < sweep->stop_count; i++) {
            if (here == sweep->stops[i]) {
                usleep(NAP_US);
            }
        }
        time += here == anchor->pc;
    }
    return true;
}

/* To instruction `at` of the call, as far as it has that one this time. */
static void reach(struct sweep *sweep, struct traced *traced, uint32_t at)
{
    uint32_t i = sweep->ways[at].anchor;
    bool is_on = i == 0 || reach_anchor(sweep, traced, &sweep->ways[i]);
    for (; is_on && i < at; i++) {
        is_on = library_step(traced);
    }
    sweep->elsewhere += regs_of(traced->tid).rip != sweep->ways[at].pc;
}

/* The action at one instruction; true when everything agreed. */
static bool try_at(struct sweep *sweep, uint32_t at, bool is_shown)
{
    char dir[] = "step_sweep.XXXXXX";
    make_dir(dir);
    memset(sweep->page, 0, sizeof *sweep->page);
    struct traced traced = reach_breakpoint(sweep, dir);
    enter_library(&traced);
    reach(sweep, &traced, at);
    int status = 0;
    bool is_handled = true;
    if (sweep->action == KILL) {
        end_target(&traced);
    } else {
        status = run_on(&traced, SIGUSR1);
        is_handled = sweep->page->handled == 1;
    }
    struct session_sums seen = session_sum_dir(dir);
    /* A call that is stepped through to its second half is slow; here its place is armed. */
    bool must_be_measured = sweep->action == STEPPED_ALLOCATE && at > sweep->steps / 2 &&
                            strcmp(sweep->call, "measured") == 0;
    bool is_good = status == 0 && is_handled && does_agree(sweep, &seen) &&
                   (!must_be_measured || seen.measured_calls != 0);
    if (!is_good && is_shown) {
        tell(sweep, at, status, &seen);
    }
    return is_good;
}

/* The same, once more where the call took another way. */
static bool try_until_there(struct sweep *sweep, uint32_t at, bool is_shown)
{
    uint32_t elsewhere = sweep->elsewhere;
    bool is_good = true;
    for (int i = 0; i < TRIES_MAX && is_good; i++) {
        sweep->elsewhere = elsewhere;
        is_good = try_at(sweep, at, is_shown);
        if (sweep->elsewhere == elsewhere) {
            break;
        }
    }
    return is_good;
}

static uint32_t sweep_action(struct sweep *sweep)
{
    uint32_t count = sweep->steps;
    uint32_t tries = sweep->most == 0 || sweep->most > count ? count : sweep->most;
    uint32_t wrong = 0;
    sweep->elsewhere = 0;
    for (uint32_t i = 0; i < tries; i++) {
        uint32_t at = (uint32_t)((uint64_t)i * count / tries);
        wrong += !try_until_there(sweep, at, wrong < WRONG_SHOWN);
    }
    printf("%-8s %c  %6u instructions of ours, %6u tried, %u wrong, %u elsewhere\n", sweep->call,
           sweep->action, count, tries, wrong, sweep->elsewhere);
    fflush(stdout);
    return wrong;
}

static uint32_t sweep_call(struct sweep *sweep, const char *call)
{
    uint32_t wrong = 0;
    sweep->call = call;
    sweep->action = KILL;
    count_steps(sweep);
    for (const char *action = sweep->actions; *action != '\0'; action++) {
        sweep->action = *action;
        wrong += sweep_action(sweep);
    }
    return wrong;
}

static void map_page(struct sweep *sweep)
{
    snprintf(sweep->page_name, sizeof sweep->page_name, "step_sweep.page.XXXXXX");
    int fd = mkstemp(sweep->page_name);
    if (fd < 0 || ftruncate(fd, sizeof *sweep->page) != 0) {
        fail(sweep->page_name);
    }
    sweep->page = mmap(NULL, sizeof *sweep->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (sweep->page == MAP_FAILED) {
        fail("mmap");
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr,
                "usage: step_sweep LIBRARY TARGET [--most=N] [--actions=LETTERS] [CALL...]\n");
        return 2;
    }
    struct sweep sweep = {.library = argv[1], .target = argv[2], .actions = ALL_ACTIONS};
    map_page(&sweep);
    sweep.ways = calloc(STEPS_MAX, sizeof *sweep.ways);
    if (sweep.ways == NULL) {
        fail("calloc");
    }
    int next = 3;
    if (next < argc && sscanf(argv[next], "--most=%" SCNu32, &sweep.most) == 1) {
        next += 1;
    }
    if (next < argc && strncmp(argv[next], "--actions=", strlen("--actions=")) == 0) {
        sweep.actions = argv[next] + strlen("--actions=");
        next += 1;
    }
    uint32_t wrong = 0;
    for (int i = next; i < argc; i++) {
        wrong += sweep_call(&sweep, argv[i]);
    }
    for (size_t i = 0; next == argc && i < sizeof ALL_CALLS / sizeof *ALL_CALLS; i++) {
        wrong += sweep_call(&sweep, ALL_CALLS[i]);
    }
    unlink(sweep.page_name);
    return wrong == 0 ? 0 : 1;
}
