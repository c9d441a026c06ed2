#include "insight/scaling.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story_profile.h"
#include "view/scaling.h"

enum { POINTS = 5 };

static const double sizes[POINTS] = {100, 1000, 10000, 100000, 1000000};

static struct scaling_fit fit_of(double (*law)(double n))
{
    double y[POINTS];
    for (unsigned i = 0; i < POINTS; i++) {
        y[i] = law(sizes[i]);
    }
    return scaling_fit(sizes, y, POINTS, 1e7, SCALING_ALLOCATIONS);
}

static double constant(double n)
{
    (void)n;
    return 13;
}

static double logarithm(double n)
{
    return 3 + floor(2 * log2(n));
}

static double linear(double n)
{
    return 84 * n + 5000; /* what is done once does not bend it */
}

static double n_log_n(double n)
{
    return 12 * n * log2(n);
}

static double quadratic(double n)
{
    return 5 * n * n + 9 * n;
}

static double cubic(double n)
{
    return n * n * n;
}

static double erratic(double n)
{
    return (int)log10(n) % 2 == 0 ? 10 : 50000;
}

static double none(double n)
{
    return 0 * n;
}

Test(scaling, laws_are_told_apart)
{
    static const struct {
        double (*law)(double n);
        enum scaling_class class;
        double exponent;
    } cases[] = {{none, SCALING_NOTHING, 0},      {constant, SCALING_CONSTANT, 0},
                 {logarithm, SCALING_LOG, 0.1},   {linear, SCALING_LINEAR, 0.95},
                 {n_log_n, SCALING_N_LOG_N, 1.1}, {quadratic, SCALING_QUADRATIC, 2},
                 {cubic, SCALING_CUBIC, 3},       {erratic, SCALING_UNCLEAR, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scaling_fit fit = fit_of(cases[i].law);
        cr_assert_eq(fit.class, cases[i].class, "case %zu is %s", i, scaling_class_name(fit.class));
        if (cases[i].class != SCALING_UNCLEAR) {
            cr_assert(fabs(fit.exponent - cases[i].exponent) < 0.1, "case %zu: n^%f", i,
                      fit.exponent);
            double wanted = cases[i].law(1e7);
            cr_assert(fabs(fit.predicted - wanted) <= 0.1 * wanted, "case %zu: %f, not %f", i,
                      fit.predicted, wanted);
        }
    }
}

Test(scaling, noise_changes_no_class)
{
    static double (*const laws[])(double) = {linear, n_log_n, quadratic};
    static const enum scaling_class classes[] = {SCALING_LINEAR, SCALING_N_LOG_N,
                                                 SCALING_QUADRATIC};
    static const double noise[POINTS] = {1.03, 0.98, 1.02, 0.97, 1.01};
    for (unsigned l = 0; l < 3; l++) {
        double y[POINTS];
        for (unsigned i = 0; i < POINTS; i++) {
            y[i] = laws[l](sizes[i]) * noise[i];
        }
        cr_assert_eq(scaling_fit(sizes, y, POINTS, 1e7, SCALING_ALLOCATIONS).class, classes[l]);
    }
}

Test(scaling, one_slow_run_is_no_law)
{
    static const double times[POINTS] = {900, 1000, 950, 1020, 1900};
    struct scaling_fit fit = scaling_fit(sizes, times, POINTS, 1e7, SCALING_TIME);
    cr_assert(fit.class <= SCALING_LINEAR, "%s", scaling_class_name(fit.class));
    cr_assert_lt(fit.predicted, 1e5);
}

/* A program with one function that is linear and one that is quadratic in bytes. */
static struct profile *program(uint64_t n)
{
    struct profile *p = profile_create();
    uint32_t main_frame = story_frame(p, "/bin/app", "main", "app.c", 5, NULL);
    uint32_t once[] = {main_frame, story_frame(p, "/bin/app", "set_up", "app.c", 7, NULL), 0};
    uint32_t line[] = {main_frame, story_frame(p, "/bin/app", "read_line", "app.c", 17, NULL), 0};
    uint32_t text[] = {main_frame, story_frame(p, "/bin/app", "a<b>&\"", "app.c", 27, NULL), 0};
    story_calls(p, story_site(p, once), CALL_MALLOC, 10, 1000, 50);
    story_calls(p, story_site(p, line), CALL_MALLOC, n, 80 * n, 50);
    story_calls(p, story_site(p, text), CALL_MALLOC, n, 4 * n * n, 50);
    profile_seal(p);
    return p;
}

static struct scaling *scale(struct profile *profiles[3], uint64_t predict)
{
    struct scaling_input inputs[3];
    for (unsigned i = 0; i < 3; i++) {
        profiles[i] = program((uint64_t)sizes[i]);
        inputs[i] = (struct scaling_input){sizes[i], profiles[i]};
    }
    return scaling_of(inputs, 3, (double)predict, FINDING_BY_SHOWN, NULL);
}

Test(scaling, functions_that_will_hurt_come_first)
{
    struct profile *profiles[3];
    struct scaling *s = scale(profiles, 0);
    cr_assert_eq(s->rows.count, 3);
    cr_assert_eq(s->predict_size, 100000, "ten times the largest");
    const struct scaling_row *first = &s->rows.at[0];
    cr_assert_eq(first->fits[SCALING_BYTES].class, SCALING_QUADRATIC);
    cr_assert(first->hurts && first->hurts_in[SCALING_BYTES]);
    cr_assert_gt(first->weight, 0.99);
    cr_assert_eq(s->rows.at[1].fits[SCALING_BYTES].class, SCALING_LINEAR);
    cr_assert(!s->rows.at[2].hurts);
    cr_assert_eq(s->rows.at[2].fits[SCALING_ALLOCATIONS].class, SCALING_CONSTANT);
    cr_assert_eq(s->total.fits[SCALING_ALLOCATIONS].class, SCALING_LINEAR);
    scaling_destroy(s);
    for (unsigned i = 0; i < 3; i++) {
        profile_destroy(profiles[i]);
    }
}

Test(scaling, the_plot_is_well_formed_whatever_functions_are_called)
{
    struct profile *profiles[3];
    struct scaling *s = scale(profiles, 1000000);
    char *svg = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&svg, &length);
    scaling_svg(&(struct scaling_view){.scaling = s}, SCALING_BYTES, out);
    fclose(out);
    cr_assert_eq(strncmp(svg, "<svg xmlns", 10), 0);
    cr_assert_eq(strcmp(svg + length - 7, "</svg>\n"), 0);
    cr_assert_not_null(strstr(svg, "a&lt;b&gt;&amp;"));
    cr_assert_null(strstr(svg, "nan"));
    cr_assert_null(strstr(svg, "inf"));
    free(svg);
    scaling_destroy(s);
    for (unsigned i = 0; i < 3; i++) {
        profile_destroy(profiles[i]);
    }
}
