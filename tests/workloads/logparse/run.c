#include "run.h"

#include "checksum.h"
#include "json_line.h"
#include "line_reader.h"

#include <alloctrap/alloctrap.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct run {
    const struct run_config *config;
    struct run_stats *stats;
    struct line_reader reader;
    struct log_line line;
    uint64_t start_ns;
    uint64_t batch_start_ns;
    uint64_t lines_told;
    bool is_write_failed;
};

/* After so many lines every buffer has met its longest text, but for the rare one. */
enum { WARM_LINES = 1000 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* A sink. The builder takes its buffer back when this returns, so the bytes are written here. */
static bool write_out(void *context, const char *bytes, size_t count)
{
    struct run *run = context;
    if (fwrite_unlocked(bytes, 1, count, run->config->out) != count) {
        run->is_write_failed = true;
        return false;
    }
    run->stats->bytes_out += count;
    run->stats->checksum = checksum_add(run->stats->checksum, bytes, count);
    return true;
}

/* A sink: the line's checksum instead of the line. */
static bool sum_up(void *context, const char *bytes, size_t count)
{
    uint64_t *sum = context;
    *sum = checksum_add(*sum, bytes, count);
    return true;
}

/* One part of the input as JSON: nearly always a whole line. */
static bool build(struct run *run, const struct builder_kind *kind, const struct line_part *part,
                  enum log_defect defect, builder_sink *sink, void *context)
{
    if (defect == LOG_FINE) {
        return json_line_fields(kind, &run->line, sink, context);
    }
    return json_line_malformed_part(kind, defect, part->text, part->bytes, part->is_first,
                                    part->is_last, sink, context);
}

/* --check: both builders on the same part, one after the other. */
static bool check_builders_agree(struct run *run, const struct line_part *part,
                                 enum log_defect defect)
{
    uint64_t sum = CHECKSUM_START;
    uint64_t other_sum = CHECKSUM_START;
    if (!build(run, run->config->kind, part, defect, sum_up, &sum) ||
        !build(run, run->config->check_kind, part, defect, sum_up, &other_sum)) {
        return false;
    }
    if (sum != other_sum) {
        fprintf(stderr, "logparse: %s: line %" PRIu64 ": the builders disagree\n",
                run->config->in_name, run->stats->lines + 1);
        errno = 0;
        return false;
    }
    return true;
}

/* So that a recording can say how much for each line, also of a run that never comes to its end. */
static void tell_lines(struct run *run)
{
    alloctrap_units(run->stats->lines - run->lines_told, "line");
    run->lines_told = run->stats->lines;
}

static void end_batch(struct run *run)
{
    uint64_t end_ns = now_ns();
    latency_add(&run->stats->latency, end_ns - run->batch_start_ns);
    tell_lines(run);
    run->batch_start_ns = end_ns;
}

static void count_line(struct run *run, enum log_defect defect)
{
    run->stats->lines++;
    if (defect != LOG_FINE) {
        run->stats->malformed_lines++;
        run->stats->defects[defect]++;
    }
    if (run->stats->lines % LATENCY_BATCH_LINES == 0) {
        end_batch(run);
    }
    if (run->stats->lines == WARM_LINES) {
        alloctrap_mark("warm"); /* the pools have what they need: budgets begin here */
    }
}

static bool process(struct run *run, const struct line_part *part)
{
    bool is_whole = part->is_first && part->is_last;
    enum log_defect defect =
        is_whole ? log_parse(part->text, part->bytes, &run->line) : LOG_TOO_LONG;
    if (run->config->check_kind != NULL && !check_builders_agree(run, part, defect)) {
        return false;
    }
    if (!build(run, run->config->kind, part, defect, write_out, run)) {
        return false;
    }
    if (part->is_last) {
        if (!write_out(run, "\n", 1)) {
            return false;
        }
        count_line(run, defect);
    }
    return true;
}

static void say_why(const struct run *run)
{
    if (run->is_write_failed) {
        if (errno != EPIPE) { /* a reader that left early is no error worth a message */
            fprintf(stderr, "logparse: cannot write the output: %s\n", strerror(errno));
        }
    } else if (errno == ENOMEM) {
        fprintf(stderr, "logparse: %s: line %" PRIu64 ": out of memory\n", run->config->in_name,
                run->stats->lines + 1);
    }
}

static bool process_all(struct run *run)
{
    struct line_part part;
    int got;
    while ((got = line_reader_next(&run->reader, &part)) > 0) {
        if (!process(run, &part)) {
            say_why(run);
            return false;
        }
    }
    if (got < 0) {
        fprintf(stderr, "logparse: cannot read %s: %s\n", run->config->in_name, strerror(errno));
        return false;
    }
    run->is_write_failed = fflush(run->config->out) != 0;
    if (run->is_write_failed) {
        say_why(run);
    }
    return !run->is_write_failed;
}

/* The last lines, when they are no whole batch, count only where there is no other. */
static void close_stats(struct run *run)
{
    if (run->stats->latency.batches == 0 && run->stats->lines > 0) {
        end_batch(run);
    }
    run->stats->bytes_in = run->reader.bytes_in;
    run->stats->wall_ns = now_ns() - run->start_ns;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        run->stats->peak_rss_kib = (uint64_t)usage.ru_maxrss;
    }
}

bool run_log(const struct run_config *config, struct run_stats *ret_stats)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL || !line_reader_open(&run->reader, config->in_fd)) {
        fputs("logparse: out of memory\n", stderr);
        free(run);
        return false;
    }
    *ret_stats = (struct run_stats){.builder = config->kind->name, .checksum = CHECKSUM_START};
    run->config = config;
    run->stats = ret_stats;
    run->start_ns = run->batch_start_ns = now_ns();
    bool is_fine = process_all(run);
    tell_lines(run);
    alloctrap_mark("done");
    close_stats(run);
    line_reader_close(&run->reader);
    config->kind->end_thread();
    if (config->check_kind != NULL) {
        config->check_kind->end_thread();
    }
    free(run);
    return is_fine;
}
