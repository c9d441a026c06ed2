/*
 * The plot: both axes logarithmic, so that a power law is a line and its slope the exponent.
 */
#include <math.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/units.h"
#include "view/scaling.h"

enum {
    PLOT_LINES_MAX = 7, /* functions beside the total: as many as colours that can be told apart */
    PLOT_WIDTH = 900,
    PLOT_HEIGHT = 560,
    PLOT_LEFT = 90,
    PLOT_TOP = 60,
    PLOT_RIGHT = 330, /* for the names */
    PLOT_BOTTOM = 60,
    PLOT_CURVE_POINTS = 60,
    PLOT_NAME_CHARS = 44
};

/* Okabe and Ito's palette, which colour-blind readers can tell apart; black is the total. */
static const char *const colours[] = {"#000000", "#d55e00", "#0072b2", "#009e73",
                                      "#cc79a7", "#e69f00", "#56b4e9", "#8a8a00"};

struct plot {
    const struct scaling *scaling;
    enum scaling_metric metric;
    FILE *out;
    double left; /* logarithms of the axes' ends */
    double right;
    double bottom;
    double top;
};

static double x_of(const struct plot *p, double n)
{
    return PLOT_LEFT +
           (log10(n) - p->left) / (p->right - p->left) * (PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT);
}

static double y_of(const struct plot *p, double value)
{
    double at = (log10(value > 1 ? value : 1) - p->bottom) / (p->top - p->bottom);
    return PLOT_HEIGHT - PLOT_BOTTOM - at * (PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM);
}

static void widen(struct plot *p, double value)
{
    if (value > 0) {
        p->bottom = fmin(p->bottom, floor(log10(fmax(value, 1))));
        p->top = fmax(p->top, ceil(log10(fmax(value, 1))));
    }
}

static void choose_axes(struct plot *p, const struct scaling_row *const *rows, size_t count)
{
    const struct scaling *s = p->scaling;
    p->left = floor(log10(s->sizes[0]));
    p->right = ceil(log10(fmax(s->predict_size, s->sizes[s->size_count - 1])));
    p->right = p->right > p->left ? p->right : p->left + 1;
    p->bottom = 99;
    p->top = 0;
    for (size_t r = 0; r < count; r++) {
        for (size_t i = 0; i < s->size_count; i++) {
            widen(p, rows[r]->values[p->metric][i]);
        }
        widen(p, rows[r]->fits[p->metric].predicted);
    }
    p->bottom = fmin(p->bottom, 98);
    p->top = p->top > p->bottom ? p->top : p->bottom + 1;
}

static void draw_text(const struct plot *p, double x, double y, const char *anchor,
                      const char *text)
{
    char *plain = escape_terminal(text);
    fprintf(p->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    for (const char *c = plain; *c != '\0'; c++) {
        if (*c == '<' || *c == '>' || *c == '&') {
            fputs(*c == '<' ? "&lt;" : *c == '>' ? "&gt;" : "&amp;", p->out);
        } else {
            fputc(*c, p->out);
        }
    }
    fputs("</text>\n", p->out);
    free(plain);
}

static void draw_grid(const struct plot *p)
{
    fputs("<g stroke=\"#dddddd\" fill=\"none\">\n", p->out);
    for (double x = p->left; x <= p->right; x += 1) {
        fprintf(p->out, "<path d=\"M%.1f %d V%d\"/>\n", x_of(p, pow(10, x)), PLOT_TOP,
                PLOT_HEIGHT - PLOT_BOTTOM);
    }
    for (double y = p->bottom; y <= p->top; y += 1) {
        fprintf(p->out, "<path d=\"M%d %.1f H%d\"/>\n", PLOT_LEFT, y_of(p, pow(10, y)),
                PLOT_WIDTH - PLOT_RIGHT);
    }
    fputs("</g>\n", p->out);
    for (double x = p->left; x <= p->right; x += 1) {
        draw_text(p, x_of(p, pow(10, x)), PLOT_HEIGHT - PLOT_BOTTOM + 20, "middle",
                  units_count((uint64_t)pow(10, x)).s);
    }
    for (double y = p->bottom; y <= p->top; y += 1) {
        char *text = scaling_value_text(p->metric, pow(10, y));
        draw_text(p, PLOT_LEFT - 8, y_of(p, pow(10, y)) + 4, "end", text);
        free(text);
    }
}

/* The law: solid where it was measured, dashed beyond. */
static void draw_law(const struct plot *p, const struct scaling_fit *fit, const char *colour,
                     double from, double to, bool is_dashed)
{
    if (fit->class == SCALING_NOTHING || fit->class == SCALING_UNCLEAR || to <= from) {
        return;
    }
    fprintf(p->out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"%s d=\"", colour,
            is_dashed ? " stroke-dasharray=\"5 4\"" : "");
    for (int i = 0; i <= PLOT_CURVE_POINTS; i++) {
        double n = from * pow(to / from, (double)i / PLOT_CURVE_POINTS);
        fprintf(p->out, "%s%.1f %.1f", i == 0 ? "M" : " L", x_of(p, n),
                y_of(p, scaling_at(fit, n)));
    }
    fputs("\"/>\n", p->out);
}

static void draw_row(const struct plot *p, const struct scaling_row *row, size_t at)
{
    const struct scaling *s = p->scaling;
    const struct scaling_fit *fit = &row->fits[p->metric];
    double last = s->sizes[s->size_count - 1];
    draw_law(p, fit, colours[at], s->sizes[0], last, false);
    draw_law(p, fit, colours[at], last, s->predict_size, true);
    for (size_t i = 0; i < s->size_count; i++) {
        if (row->values[p->metric][i] > 0) {
            fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n",
                    x_of(p, s->sizes[i]), y_of(p, row->values[p->metric][i]), colours[at]);
        }
    }
    double y = PLOT_TOP + 8 + (double)at * 40;
    char *name = scaling_row_text(s, row);
    char *cut = table_cut(name, PLOT_NAME_CHARS);
    char *law = mem_format("%s, n^%.2f", scaling_class_name(fit->class), fit->exponent);
    fprintf(p->out, "<circle cx=\"%d\" cy=\"%.1f\" r=\"5\" fill=\"%s\"/>\n",
            PLOT_WIDTH - PLOT_RIGHT + 24, y - 4, colours[at]);
    draw_text(p, PLOT_WIDTH - PLOT_RIGHT + 38, y, "start", cut);
    draw_text(p, PLOT_WIDTH - PLOT_RIGHT + 38, y + 16, "start", law);
    free(law);
    free(cut);
    free(name);
}

void scaling_svg(const struct scaling_view *view, enum scaling_metric metric, FILE *out)
{
    const struct scaling *s = view->scaling;
    const struct scaling_row *rows[PLOT_LINES_MAX + 1] = {&s->total};
    size_t count = 1;
    for (size_t i = 0; i < s->rows.count && count <= PLOT_LINES_MAX; i++) {
        if (s->rows.at[i].fits[metric].class != SCALING_NOTHING) {
            rows[count++] = &s->rows.at[i];
        }
    }
    struct plot p = {.scaling = s, .metric = metric, .out = out};
    choose_axes(&p, rows, count);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            PLOT_WIDTH, PLOT_HEIGHT, PLOT_WIDTH, PLOT_HEIGHT);
    char *title = mem_format("%s over the size of the input; dashed: predicted",
                             metric == SCALING_TIME     ? "time in the allocator"
                             : metric == SCALING_COPIED ? "bytes copied by growth"
                             : metric == SCALING_PEAK   ? "bytes live at the peak"
                                                        : scaling_metric_name(metric));
    fputs("<g font-size=\"16\">\n", out);
    draw_text(&p, PLOT_LEFT, 30, "start", title);
    fputs("</g>\n", out);
    draw_grid(&p);
    draw_text(&p, (PLOT_LEFT + PLOT_WIDTH - PLOT_RIGHT) / 2.0, PLOT_HEIGHT - 16, "middle", "n");
    for (size_t i = count; i > 0; i--) {
        draw_row(&p, rows[i - 1], i - 1);
    }
    fputs("</svg>\n", out);
    free(title);
}
