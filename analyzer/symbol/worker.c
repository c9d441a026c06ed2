#include "symbol/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "symbol/demangle.h"

enum {
    WORKER_CPU_SECONDS = 120,
    WORKER_DEATHS_MAX = 8, /* then the rest of the file stays nameless */
    WORKER_TEXT_MAX = DEMANGLE_NAME_MAX,
    WORKER_EXIT_FIRST = 16 /* the worker's exit status is this plus its enum object_state */
};

/* The largest debug files (browsers) map some GB. */
static const rlim_t worker_memory_bytes = (rlim_t)16 << 30;

/* libiberty recurses once for each level of a name. */
static const rlim_t worker_stack_bytes = (rlim_t)128 << 20;

/* What goes over the pipe before each address that was found, and before each of its lines. */
struct wire_address {
    uint64_t index;
    uint32_t lines;
    uint16_t is_whole;
    uint16_t lacks_split;
};
struct wire_line {
    uint32_t function_bytes; /* three texts follow, without a NUL */
    uint32_t linked_bytes;
    uint32_t file_bytes;
    uint32_t line;
    uint32_t is_inlined;
};

static void limit(enum __rlimit_resource what, rlim_t amount)
{
    struct rlimit limits = {amount, amount};
    setrlimit(what, &limits);
}

/* The main thread's stack grows up to the limit of the moment. */
static void allow_stack(void)
{
    struct rlimit limits;
    if (getrlimit(RLIMIT_STACK, &limits) == 0 && limits.rlim_cur < worker_stack_bytes) {
        limits.rlim_cur =
            limits.rlim_max < worker_stack_bytes ? limits.rlim_max : worker_stack_bytes;
        setrlimit(RLIMIT_STACK, &limits);
    }
}

/* No descriptor of the recorder's, above all not its recording's, is left to a worker. */
static void close_all_but(int kept)
{
    if (kept > STDERR_FILENO + 1) {
        close_range(STDERR_FILENO + 1, (unsigned)kept - 1, 0);
    }
    close_range((unsigned)kept + 1, UINT_MAX, 0);
}

static void limit_worker(int pipe_end)
{
    close_all_but(pipe_end);
    allow_stack();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, WORKER_CPU_SECONDS);
    if (!mem_is_checked()) {
        limit(RLIMIT_AS, worker_memory_bytes);
    }
}

static void send_line(FILE *out, const struct object_line *line)
{
    const char *linked = line->linked != NULL ? line->linked : "";
    const char *file = line->file != NULL ? line->file : "";
    char *function = demangle_name(linked);
    if (strcmp(function, linked) == 0 || strlen(linked) > WORKER_TEXT_MAX) {
        linked = "";
    }
    struct wire_line head = {(uint32_t)strlen(function), (uint32_t)strlen(linked),
                             (uint32_t)strnlen(file, WORKER_TEXT_MAX), line->line,
                             line->is_inlined};
    fwrite(&head, sizeof head, 1, out);
    fwrite(function, 1, head.function_bytes, out);
    fwrite(linked, 1, head.linked_bytes, out);
    fwrite(file, 1, head.file_bytes, out);
    free(function);
}

/* What to look up, and how far it is. */
struct errand {
    const struct object_wish *wish;
    const uint64_t *addresses;
    size_t from;
    size_t count;
    bool is_careful; /* a worker died: answer each address at once, found or not */
};

static void send_answer(FILE *out, size_t index, const struct object_answer *answer)
{
    struct wire_address head = {index, (uint32_t)answer->count, answer->is_whole,
                                answer->lacks_split};
    fwrite(&head, sizeof head, 1, out);
    for (size_t i = 0; i < answer->count; i++) {
        send_line(out, &answer->lines[i]);
    }
}

static _Noreturn void work(const struct errand *errand, FILE *out)
{
    struct object *object = NULL;
    struct object_answer answer;
    limit_worker(fileno(out));
    enum object_state state = object_open(errand->wish, &object);
    for (size_t i = errand->from; i < errand->count && state == OBJECT_FINE; i++) {
        object_find(object, errand->addresses[i], &answer);
        if (answer.count > 0 || errand->is_careful) {
            send_answer(out, i, &answer);
        }
        if (errand->is_careful) {
            fflush(out);
        }
    }
    fflush(out);
    _exit(WORKER_EXIT_FIRST + (int)state);
}

static char *read_text(FILE *in, uint32_t bytes)
{
    if (bytes > WORKER_TEXT_MAX) {
        return NULL;
    }
    char *text = mem_zero((size_t)bytes + 1, 1);
    if (fread(text, 1, bytes, in) != bytes) {
        free(text);
        return NULL;
    }
    return text;
}

/* False at the end of what the worker sent, whole or not. The texts are the caller's. */
static bool read_line(FILE *in, struct worker_line *ret, char *texts[3])
{
    struct wire_line head;
    if (fread(&head, sizeof head, 1, in) != 1) {
        return false;
    }
    texts[0] = read_text(in, head.function_bytes);
    texts[1] = texts[0] != NULL ? read_text(in, head.linked_bytes) : NULL;
    texts[2] = texts[1] != NULL ? read_text(in, head.file_bytes) : NULL;
    *ret = (struct worker_line){texts[0], texts[1], texts[2], head.line, head.is_inlined != 0};
    return texts[2] != NULL;
}

static bool read_address(FILE *in, struct errand *errand, worker_visit *visit, void *context)
{
    struct wire_address head;
    struct worker_line lines[OBJECT_LINES_MAX];
    char *texts[OBJECT_LINES_MAX][3] = {0};
    if (fread(&head, sizeof head, 1, in) != 1 || head.index < errand->from ||
        head.index >= errand->count || head.lines > OBJECT_LINES_MAX) {
        return false;
    }
    bool is_whole = true;
    for (size_t i = 0; i < head.lines && is_whole; i++) {
        is_whole = read_line(in, &lines[i], texts[i]);
    }
    if (is_whole) {
        errand->from = head.index + 1;
        if (head.lines > 0) {
            struct worker_answer answer = {head.index, lines, head.lines, head.is_whole != 0,
                                           head.lacks_split != 0};
            visit(context, &answer);
        }
    }
    for (size_t i = 0; i < head.lines; i++) {
        free(texts[i][0]);
        free(texts[i][1]);
        free(texts[i][2]);
    }
    return is_whole;
}

/* False when the worker died before its end. */
static bool end_worker(pid_t worker, enum object_state *ret)
{
    int status = 0;
    while (waitpid(worker, &status, 0) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    int state = WIFEXITED(status) ? WEXITSTATUS(status) - WORKER_EXIT_FIRST : -1;
    if (state < OBJECT_FINE || state > OBJECT_DAMAGED) {
        return false;
    }
    *ret = (enum object_state)state;
    return true;
}

/* Runs one worker from errand->from on; false when it died. */
static bool run_worker(struct errand *errand, worker_visit *visit, void *context,
                       enum object_state *ret)
{
    int ends[2];
    *ret = OBJECT_MISSING; /* of processes or descriptors there are none left */
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return true;
    }
    pid_t worker = fork();
    if (worker == 0) {
        close(ends[0]);
        work(errand, fdopen(ends[1], "w"));
    }
    close(ends[1]);
    FILE *in = worker > 0 ? fdopen(ends[0], "r") : NULL;
    if (in == NULL) {
        close(ends[0]);
        return true;
    }
    while (read_address(in, errand, visit, context)) {
    }
    fclose(in);
    return end_worker(worker, ret);
}

enum object_state worker_find(const struct object_wish *wish, const uint64_t *addresses,
                              size_t count, worker_visit *visit, void *context)
{
    struct errand errand = {wish, addresses, 0, count, false};
    enum object_state state = OBJECT_FINE;
    for (unsigned deaths = 0; deaths < WORKER_DEATHS_MAX; deaths++) {
        if (run_worker(&errand, visit, context, &state)) {
            return deaths == 0 ? state : OBJECT_DAMAGED;
        }
        errand.from += errand.is_careful; /* the one that killed it */
        errand.is_careful = true;
    }
    return OBJECT_DAMAGED;
}
