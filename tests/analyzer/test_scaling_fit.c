/*
 * The fits against what they are defined as. A law without noise must come back as it was put in;
 * for points off any law the reference is the definition itself, computed here another way: the
 * exponent as the slope between means of logarithms, and the constant and factor as those that no
 * step away from them makes better.
 */
#include "insight/scaling.h"

#include <criterion/criterion.h>
#include <math.h>

enum { POINTS = 5, PREDICT = 10000000 };

static const double sizes[POINTS] = {100, 1000, 10000, 100000, 1000000};

/* Numbers of a fit that should be exact: what adding and dividing doubles may lose. */
static const double rounding = 1e-9;

static void expect_near(double is, double wanted, const char *what)
{
    cr_expect_leq(fabs(is - wanted), rounding * (1 + fabs(wanted)), "%s: %.12g, not %.12g", what,
                  is, wanted);
}

static struct scaling_fit fit_counts(const double *y)
{
    return scaling_fit(sizes, y, POINTS, PREDICT, SCALING_ALLOCATIONS);
}

/* f of a class, as the header has it; log n of n + 1, so that it is 0 of nothing and not below. */
static double shape(enum scaling_class class, double n)
{
    switch (class) {
    case SCALING_LOG:
        return log2(n + 1);
    case SCALING_LINEAR:
        return n;
    case SCALING_N_LOG_N:
        return n * log2(n + 1);
    case SCALING_QUADRATIC:
        return n * n;
    default:
        return n * n * n;
    }
}

Test(scaling_fit, a_law_comes_back_with_its_constant_and_its_factor)
{
    static const struct {
        enum scaling_class class;
        double constant;
        double factor;
    } laws[] = {
        {SCALING_LOG, 40, 6},        {SCALING_LOG, 0, 11},      {SCALING_LINEAR, 50, 3},
        {SCALING_LINEAR, 0, 0.5},    {SCALING_N_LOG_N, 700, 2}, {SCALING_QUADRATIC, 9000, 0.25},
        {SCALING_QUADRATIC, 0, 1.5}, {SCALING_CUBIC, 1000, 2},
    };
    for (size_t i = 0; i < sizeof laws / sizeof laws[0]; i++) {
        double y[POINTS];
        for (unsigned k = 0; k < POINTS; k++) {
            y[k] = laws[i].constant + laws[i].factor * shape(laws[i].class, sizes[k]);
        }
        struct scaling_fit fit = fit_counts(y);
        cr_assert_eq(fit.class, laws[i].class, "law %zu: %s", i, scaling_class_name(fit.class));
        expect_near(fit.constant, laws[i].constant, "constant");
        expect_near(fit.factor, laws[i].factor, "factor");
        expect_near(fit.error, 0, "error");
        expect_near(fit.predicted,
                    laws[i].constant + laws[i].factor * shape(laws[i].class, PREDICT), "predicted");
    }
}

Test(scaling_fit, a_power_law_is_found_with_its_exponent_and_quality_one)
{
    static const double exponents[] = {0.25, 0.5, 1, 1.5, 2, 3};
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        double y[POINTS];
        for (unsigned k = 0; k < POINTS; k++) {
            y[k] = 7 * pow(sizes[k], exponents[i]);
        }
        struct scaling_fit fit = fit_counts(y);
        expect_near(fit.exponent, exponents[i], "exponent");
        expect_near(fit.r2, 1, "r2");
    }
}

/*
 * With x = log n and z = log y: b = sum((x - mean x)(z - mean z)) / sum((x - mean x)^2), and
 * R^2 = 1 - (what is left around the line) / (what is left around the mean).
 */
static void reference_power(const double *y, double *ret_exponent, double *ret_r2)
{
    double x_mean = 0;
    double z_mean = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        x_mean += log(sizes[i]) / POINTS;
        z_mean += log(y[i]) / POINTS;
    }
    double both = 0;
    double spread = 0;
    double around_mean = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        double x = log(sizes[i]) - x_mean;
        double z = log(y[i]) - z_mean;
        both += x * z;
        spread += x * x;
        around_mean += z * z;
    }
    double around_line = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        double off = log(y[i]) - z_mean - both / spread * (log(sizes[i]) - x_mean);
        around_line += off * off;
    }
    *ret_exponent = both / spread;
    *ret_r2 = 1 - around_line / around_mean;
}

/* Points with noise: near a line, near a square, and near nothing. */
static const double noisy[][POINTS] = {{310, 2900, 31000, 296000, 3050000},
                                       {52000, 4.9e6, 5.1e8, 4.8e10, 5.2e12},
                                       {30, 4000, 70, 9000, 500}};

Test(scaling_fit, exponent_and_quality_are_those_of_least_squares_over_logarithms)
{
    for (size_t i = 0; i < sizeof noisy / sizeof noisy[0]; i++) {
        double exponent = 0;
        double r2 = 0;
        struct scaling_fit fit = fit_counts(noisy[i]);
        reference_power(noisy[i], &exponent, &r2);
        expect_near(fit.exponent, exponent, "exponent");
        expect_near(fit.r2, r2, "r2");
    }
}

/* The root of the mean of ((fit - y) / y)^2. */
static double reference_error(const struct scaling_fit *fit, const double *y)
{
    double sum = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        double off = (scaling_at(fit, sizes[i]) - y[i]) / y[i];
        sum += off * off;
    }
    return sqrt(sum / POINTS);
}

Test(scaling_fit, no_other_line_of_the_class_has_a_smaller_relative_error)
{
    static const double steps[] = {0.999, 1.001};
    for (size_t i = 0; i < 2; i++) {
        struct scaling_fit fit = fit_counts(noisy[i]);
        expect_near(fit.error, reference_error(&fit, noisy[i]), "error");
        for (unsigned k = 0; k < 4; k++) {
            struct scaling_fit other = fit;
            other.factor *= steps[k % 2];
            other.constant *= k < 2 ? 1 : steps[(k + 1) % 2]; /* alone, and against each other */
            cr_expect_gt(reference_error(&other, noisy[i]), fit.error);
        }
        struct scaling_fit more_at_once = fit;
        more_at_once.constant += 1e-3 * noisy[i][0];
        cr_expect_gt(reference_error(&more_at_once, noisy[i]), fit.error);
    }
}

/* Exact would be 2 n - 100; and what falls, but for its end, has no factor at all. */
Test(scaling_fit, neither_constant_nor_factor_is_ever_negative)
{
    static const double falling[POINTS] = {5000, 4000, 3000, 2000, 2010};
    double below[POINTS];
    for (unsigned i = 0; i < POINTS; i++) {
        below[i] = 2 * sizes[i] - 100;
    }
    struct scaling_fit fit = fit_counts(below);
    cr_expect_geq(fit.constant, 0);
    cr_expect_gt(fit.factor, 0);
    fit = fit_counts(falling);
    cr_expect_eq(fit.factor, 0);
    cr_expect_gt(fit.constant, 0);
}

Test(scaling_fit, what_stays_is_constant_and_of_exponent_zero)
{
    static const double same[POINTS] = {42, 42, 42, 42, 42};
    struct scaling_fit fit = fit_counts(same);
    cr_expect_eq(fit.class, SCALING_CONSTANT);
    expect_near(fit.constant, 42, "constant");
    cr_expect_eq(fit.factor, 0);
    expect_near(fit.exponent, 0, "exponent");
    expect_near(fit.r2, 1, "r2");
    expect_near(fit.predicted, 42, "predicted");
}

Test(scaling_fit, of_nothing_nothing_is_predicted)
{
    static const double none[POINTS] = {0};
    struct scaling_fit fit = fit_counts(none);
    cr_expect_eq(fit.class, SCALING_NOTHING);
    cr_expect_eq(fit.predicted, 0);
    cr_expect_eq(fit.exponent, 0);
    cr_expect_eq(fit.r2, 1);
    cr_expect_eq(scaling_at(&fit, PREDICT), 0);
}

/* Both are n^2 over some power of ten, where that is a whole number. */
Test(scaling_fit, fewer_than_three_sizes_with_anything_are_no_law)
{
    static const double two[POINTS] = {0, 0, 0, 10, 1000};
    static const double three[POINTS] = {0, 0, 1, 100, 10000};
    struct scaling_fit fit = fit_counts(two);
    cr_expect_eq(fit.class, SCALING_UNCLEAR);
    expect_near(fit.exponent, 2, "exponent of those two");
    fit = fit_counts(three);
    cr_expect_eq(fit.class, SCALING_QUADRATIC, "%s", scaling_class_name(fit.class));
    expect_near(fit.exponent, 2, "exponent of those three");
}

/* One size has something: there is no line through one point. */
Test(scaling_fit, one_size_with_anything_has_no_exponent)
{
    static const double one[POINTS] = {0, 0, 0, 0, 5000};
    struct scaling_fit fit = fit_counts(one);
    cr_expect_eq(fit.class, SCALING_UNCLEAR);
    cr_expect_eq(fit.exponent, 0);
    cr_expect_eq(fit.r2, 0);
}

/* Off by the same share, up and down by turns: the best constant is off by about that much. */
static enum scaling_class class_of_swing(double share)
{
    double y[POINTS + 1];
    const double six_sizes[POINTS + 1] = {100, 200, 400, 800, 1600, 3200};
    for (unsigned i = 0; i < POINTS + 1; i++) {
        y[i] = i % 2 == 0 ? 1000 * (1 + share) : 1000 * (1 - share);
    }
    return scaling_fit(six_sizes, y, POINTS + 1, 10000, SCALING_ALLOCATIONS).class;
}

/*
 * Of two values l < h, equally often, the constant c with the least (c/l - 1)^2 + (c/h - 1)^2 is
 * (1/l + 1/h) / (1/l^2 + 1/h^2), and its error is (h - l) / sqrt(2 (h^2 + l^2)): for 1 - s and
 * 1 + s that is s / sqrt(1 + s^2), which is 0.3 at s = 0.3145.
 */
Test(scaling_fit, what_is_off_by_more_than_30_percent_is_unclear)
{
    cr_expect_eq(class_of_swing(0.31), SCALING_CONSTANT);
    cr_expect_eq(class_of_swing(0.32), SCALING_UNCLEAR);
}

/* 12 % more at each tenfold size: counts repeat, and that is a law; times differ as much by
 * themselves. */
Test(scaling_fit, what_times_differ_by_from_run_to_run_is_no_growth)
{
    static const double y[POINTS] = {1000, 1120, 1240, 1360, 1480};
    cr_expect_eq(scaling_fit(sizes, y, POINTS, PREDICT, SCALING_ALLOCATIONS).class, SCALING_LOG);
    cr_expect_eq(scaling_fit(sizes, y, POINTS, PREDICT, SCALING_TIME).class, SCALING_CONSTANT);
}

/* What bends after an error at the far end alone has a law's curve, and is none: a law that grows
 * fast does so between the last two sizes most. Each of these is a class's curve to the digit. */
Test(scaling_fit, a_law_is_as_steep_as_its_class_at_the_largest_sizes)
{
    static const struct {
        double y[POINTS];
        enum scaling_class class;
        bool is_it;
    } cases[] = {{{1000, 1000, 1000, 1030, 1300}, SCALING_LINEAR, true},
                 {{1000, 1000, 1000, 1010, 1100}, SCALING_LINEAR, false},
                 {{1000, 1000, 1000, 1500, 51000}, SCALING_QUADRATIC, true},
                 {{1000, 1000, 1000, 1100, 11000}, SCALING_QUADRATIC, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum scaling_class class = fit_counts(cases[i].y).class;
        cr_expect_eq(class == cases[i].class, cases[i].is_it, "case %zu: %s", i,
                     scaling_class_name(class));
    }
}

Test(scaling_fit, a_prediction_is_the_laws_value_at_any_size)
{
    double y[POINTS];
    for (unsigned i = 0; i < POINTS; i++) {
        y[i] = 30 + 4 * sizes[i];
    }
    static const double asked[] = {0, 1, 100, 12345, 1e12};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct scaling_fit fit = scaling_fit(sizes, y, POINTS, asked[i], SCALING_BYTES);
        expect_near(fit.predicted, 30 + 4 * asked[i], "predicted");
        expect_near(scaling_at(&fit, asked[i]), fit.predicted, "the same from the law");
    }
}
