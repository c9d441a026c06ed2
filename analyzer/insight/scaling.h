/*
 * scaling - how allocations grow with the size of the input: several recordings of one program, at
 * least three sizes, and for each allocating function and line a law for each of five metrics.
 *
 * Two fits. The power law y = a n^b by least squares over logarithms gives the exponent b and its
 * quality R^2. The class is that of the simplest model y = a + b f(n), a and b >= 0, that fits
 * nearly as well as the best one, by relative errors: what a program does once (a) does not bend
 * the rest. f is 1, log n, n, n log n, n^2 or n^3. Predictions are the chosen model's.
 * Not for: telling n from n log n over less than a decade or two; the error says how far to trust.
 * Pure: profiles in, numbers out. Units: as the metric; time in ns net of the clock.
 */
#ifndef ALLOCTRAP_INSIGHT_SCALING_H
#define ALLOCTRAP_INSIGHT_SCALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"
#include "insight/finding_group.h"

enum { SCALING_SIZES_MIN = 3, SCALING_SIZES_MAX = 32 };

enum scaling_metric {
    SCALING_ALLOCATIONS,
    SCALING_BYTES,
    SCALING_COPIED, /* from old blocks to new ones, by growth; see docs/concepts.md */
    SCALING_PEAK,
    SCALING_TIME,
    SCALING_METRICS
};

enum scaling_class {
    SCALING_NOTHING, /* 0 at every size */
    SCALING_CONSTANT,
    SCALING_LOG,
    SCALING_LINEAR,
    SCALING_N_LOG_N,
    SCALING_QUADRATIC,
    SCALING_CUBIC,
    SCALING_UNCLEAR, /* no model fits within SCALING_ERROR_MAX, or fewer than three sizes have any
                      */
    SCALING_CLASSES
};

/* Worse than 30 % off on average is no law. */
#define SCALING_ERROR_MAX 0.3

struct scaling_fit {
    enum scaling_class class;
    double exponent; /* of the power law over the sizes where there was something */
    double r2;       /* its quality; 1 = exact */
    double error;    /* of the class's model: mean relative error */
    double constant; /* a */
    double factor;   /* b */
    double predicted;
};

struct scaling_row {
    uint32_t site; /* in the largest size's profile; the one with the most allocations */
    uint32_t place;
    double values[SCALING_METRICS][SCALING_SIZES_MAX];
    struct scaling_fit fits[SCALING_METRICS];
    double weight; /* its highest share of a metric that grows, at the size to predict */
    bool hurts;    /* in some metric */
    bool hurts_in[SCALING_METRICS]; /* grows faster than n, or is a tenth of the total, there */
};

struct scaling_input {
    double size;
    const struct profile *profile;
};

struct scaling {
    enum finding_grouping grouping;
    size_t size_count;
    double sizes[SCALING_SIZES_MAX];  /* ascending */
    bool is_whole[SCALING_SIZES_MAX]; /* false: incomplete, events lost, or killed */
    const struct profile *largest;
    double predict_size;
    struct scaling_row total;
    MEM_ARRAY(struct scaling_row) rows; /* what hurts most first */
};

/* grouping: FINDING_BY_SHOWN or _BY_STACK. inputs: SCALING_SIZES_MIN to _MAX, ascending by size, no
 * two alike. predict_size: 0 = ten times the largest. The profiles are borrowed. */
struct scaling *scaling_of(const struct scaling_input *inputs, size_t count, double predict_size,
                           enum finding_grouping grouping, const struct site_wrappers *wrappers);
void scaling_destroy(struct scaling *scaling);

/* The best law for y over n; predicted at predict_size. */
struct scaling_fit scaling_fit(const double *n, const double *y, size_t count, double predict_size,
                               enum scaling_metric metric);

/* A law's value; 0 of nothing. */
double scaling_at(const struct scaling_fit *fit, double n);

/* Rounded; what does not fit is beyond any machine anyway. */
uint64_t scaling_whole(double value);

const char *scaling_metric_name(enum scaling_metric metric);
bool scaling_metric_parse(const char *name, enum scaling_metric *ret);

/* "constant", "linear", "n log n", ...: for people, and in JSON. */
const char *scaling_class_name(enum scaling_class class);

#endif
