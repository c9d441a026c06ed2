/*
 * export_svg - one metric as a flame graph: a picture that stands by itself, with a title on each
 * frame, and beside it the same tree as data for the script that zooms and searches. The picture
 * has the frames that can be seen at its width; the data has all but those that were joined.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "export/export.h"
#include "export/export_flame.h"
#include "export_svg_data.h"
#include "export_svg_files.h"
#include "view/report.h"

enum {
    WIDTH = 1200, /* of the picture; the script lays it out anew for the window */
    EDGE = 12,
    TOP = 112,
    ROW = 18,
    LEGEND = 40,
    FLAME_ROWS_MAX = 40, /* what a window shows at once */
    LABEL_MIN = 3,       /* characters: shorter labels say nothing */
    TITLE_NAME = 2000    /* bytes of a name in a title */
};

static const double CHAR_WIDTH = 6.65;
static const double SMALLEST = 0.4; /* narrower frames are not drawn; there may be 100,000 */

struct svg {
    const struct export_job *job;
    const struct export_flame *flame;
    FILE *out;
    double *begin;      /* of each node, in the metric's unit */
    double scale;       /* pixels for one of the unit */
    uint32_t depth_max; /* of the frames that can be seen */
    bool is_icicle;
};

static const struct export_metric_about *metric_of(const struct svg *s)
{
    return &export_metrics[s->job->metric];
}

/* A text for a person; free() it. */
static char *amount(const struct svg *s, uint64_t value)
{
    switch (metric_of(s)->unit) {
    case EXPORT_UNIT_BYTES:
        return mem_text(units_bytes(value).s);
    case EXPORT_UNIT_NS:
        return mem_text(units_ns(value).s);
    case EXPORT_UNIT_COUNT:
        break;
    }
    return mem_text(units_count(value).s);
}

static void put_text(FILE *out, const char *text)
{
    char *escaped = escape_html(text);
    fputs(escaped, out);
    free(escaped);
}

/* Takes text. */
static void put_line(const struct svg *s, const char *class, int y, char *text)
{
    fprintf(s->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, EDGE, y);
    put_text(s->out, text);
    fputs("</text>\n", s->out);
    free(text);
}

/* The command line, its program without folders; free() it. */
static char *command_of(const struct profile *p)
{
    const char *command = p->run.command;
    size_t first = strcspn(command, "\x1f");
    char *program = mem_format("%.*s", (int)first, command);
    char *joined = mem_format("%s%s", site_basename(program), command + first);
    char *text = report_command_text(joined);
    free(joined);
    free(program);
    return text;
}

/* At most `fits` characters, the last one "…" where something is left out; free() it. */
static char *cut(const char *text, size_t fits)
{
    size_t bytes = 0;
    size_t before_last = 0;
    for (size_t count = 0; text[bytes] != '\0'; count++) {
        if (count == fits) {
            return mem_format("%.*s…", (int)before_last, text);
        }
        before_last = count + 1 < fits ? bytes + 1 : before_last;
        uint32_t c = 0;
        size_t length = escape_utf8(text + bytes, &c);
        bytes += length > 0 ? length : 1;
        before_last = count + 1 < fits ? bytes : before_last;
    }
    return mem_text(text);
}

/* "23,143 frames", or how many of them were joined; free() it. */
static char *frames_text(const struct export_flame *flame)
{
    uint64_t joined = 0;
    for (size_t i = 0; i < flame->nodes.count; i++) {
        joined += flame->nodes.at[i].joined;
    }
    return joined > 0 ? mem_format("%s frames, the smallest %s of them joined",
                                   units_count(flame->frames_all).s, units_count(joined).s)
                      : mem_format("%s frames", units_count(flame->frames_all).s);
}

/* "; for each line: 7,147 B before, 219 B after"; "" without --per-unit; free() it. */
static char *each_text(const struct svg *s, const struct export_flame_node *all)
{
    const struct profile_run *run = &s->job->side.profile->run;
    const char *const units[] = {
        [EXPORT_UNIT_COUNT] = "", [EXPORT_UNIT_BYTES] = " B", [EXPORT_UNIT_NS] = " ns"};
    const char *unit = units[metric_of(s)->unit];
    if (!s->job->is_per_unit) {
        return mem_text("");
    }
    return mem_format("; for each %s: %s%s before, %s%s after", run->unit_name,
                      units_per(all->base_value, run->units).s, unit,
                      units_per(all->value, run->units).s, unit);
}

/* What `before` is, and how many frames; free() it. */
static char *base_text(const struct svg *s)
{
    char *command = command_of(s->job->base.profile);
    char *frames = frames_text(s->flame);
    char *text = s->job->is_per_unit
                     ? mem_format("before: %.120s, for as much work as was done after (%s); %s",
                                  command, units_count(s->job->side.profile->run.units).s, frames)
                     : mem_format("before: %.120s; %s", command, frames);
    free(frames);
    free(command);
    return text;
}

/* Without another recording: frames and where; free() it. */
static char *origin_text(const struct svg *s)
{
    const char *host = s->job->side.profile->run.host;
    char *frames = frames_text(s->flame);
    char *text =
        mem_format("%s; recorded on %s", frames, host[0] != '\0' ? host : "an unknown host");
    free(frames);
    return text;
}

static void write_totals(const struct svg *s)
{
    const struct export_flame_node *all = &s->flame->nodes.at[0];
    char *value = amount(s, all->value);
    if (s->job->base.profile == NULL) {
        put_line(s, "about", 46,
                 mem_format("%s: %s%s", metric_of(s)->title, value,
                            s->job->is_inverted ? "; inverted: each column begins with the "
                                                  "function that allocates, its callers follow"
                                                : ""));
    } else {
        char *base = amount(s, all->base_value);
        char *each = each_text(s, all);
        bool is_time = metric_of(s)->unit == EXPORT_UNIT_NS;
        put_line(
            s, "about", 46,
            mem_format(
                "%s: %s before, %s after: %s%s", metric_of(s)->title, base, value,
                units_ratio(all->base_value, all->value, "less", is_time ? "longer" : "more").s,
                each));
        free(each);
        free(base);
    }
    free(value);
}

static void write_heading(const struct svg *s)
{
    const struct profile *p = s->job->side.profile;
    char *command = command_of(p);
    char *shown = cut(command, 90);
    put_line(s, "title", 26, mem_text(shown));
    free(shown);
    free(command);
    write_totals(s);
    put_line(s, "about", 64, s->job->base.profile != NULL ? base_text(s) : origin_text(s));
    uint64_t lost = profile_lost(p);
    if (lost != 0 || p->run.counters_only) {
        put_line(
            s, "about warn", 82,
            p->run.counters_only
                ? mem_text("COUNTERS ONLY: recovered from a session, without what needs events")
                : mem_format("LOST %s events: see `alloctrap report`", units_count(lost).s));
    }
    fprintf(s->out,
            "<text id=\"details\" class=\"details\" x=\"%d\" y=\"102\" role=\"status\" "
            "aria-live=\"polite\"></text>\n",
            EDGE);
}

static void write_title(const struct svg *s, const struct export_flame_node *node, const char *name)
{
    char *value = amount(s, node->value);
    char *shown = cut(name, TITLE_NAME);
    fputs("<title>", s->out);
    put_text(s->out, shown);
    if (node->frame.file[0] != '\0') {
        fputs("&#10;", s->out);
        put_text(s->out, node->frame.file);
        fprintf(s->out, ":%" PRIu32, node->frame.line);
    }
    if (s->job->base.profile != NULL) {
        char *base = amount(s, node->base_value);
        fprintf(s->out, "&#10;%s before, %s after", base, value);
        free(base);
    } else {
        fprintf(s->out, "&#10;%s, ", value);
        put_text(s->out, units_share(node->value, s->flame->nodes.at[0].value).s);
    }
    fputs("</title>", s->out);
    free(shown);
    free(value);
}

static void write_frame(const struct svg *s, size_t id)
{
    const struct export_flame_node *node = &s->flame->nodes.at[id];
    double wide = (double)node->width * s->scale;
    if (wide < SMALLEST) {
        return;
    }
    uint32_t row = s->is_icicle ? node->depth : s->depth_max - node->depth;
    double x = EDGE + s->begin[id] * s->scale;
    int y = TOP + (int)row * ROW;
    char *name = export_svg_name(s->flame, id);
    fprintf(s->out, "<g class=\"frame %s\">", export_svg_class(s->job, s->flame, id));
    write_title(s, node, name);
    fprintf(s->out, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" rx=\"1.5\"/>", x, y,
            wide, ROW - 1);
    size_t fits = wide > 6 ? (size_t)((wide - 6) / CHAR_WIDTH) : 0;
    if (fits >= LABEL_MIN) {
        char *label = export_svg_label(name);
        char *shown = cut(label, fits);
        fprintf(s->out, "<text x=\"%.2f\" y=\"%.1f\">", x + 3, y + 12.5);
        put_text(s->out, shown);
        fputs("</text>", s->out);
        free(shown);
        free(label);
    }
    fputs("</g>\n", s->out);
    free(name);
}

/* Where each node begins: beside its elder sibling, or with its parent. */
static double *place(const struct export_flame *flame)
{
    double *begin = mem_zero(flame->nodes.count, sizeof *begin);
    double *next = mem_zero(flame->nodes.count, sizeof *next);
    for (size_t i = 1; i < flame->nodes.count; i++) {
        const struct export_flame_node *node = &flame->nodes.at[i];
        begin[i] = next[node->parent];
        next[i] = begin[i];
        next[node->parent] += (double)node->width;
    }
    free(next);
    return begin;
}

/* How deep the picture is, and which way round: a deep one begins with its root in view. */
static void fit(struct svg *s)
{
    uint64_t whole = s->flame->nodes.at[0].width;
    s->scale = whole > 0 ? (WIDTH - 2 * EDGE) / (double)whole : 0;
    for (size_t i = 0; i < s->flame->nodes.count; i++) {
        const struct export_flame_node *node = &s->flame->nodes.at[i];
        if ((double)node->width * s->scale >= SMALLEST && node->depth > s->depth_max) {
            s->depth_max = node->depth;
        }
    }
    s->is_icicle = s->job->shape == EXPORT_SHAPE_ICICLE ||
                   (s->job->shape == EXPORT_SHAPE_FITTING && s->depth_max > FLAME_ROWS_MAX);
}

static void write_legend(const struct svg *s, int height)
{
    static const char *const kinds[][2] = {{"p0", "the program"},
                                           {"l0", "its libraries"},
                                           {"s0", "C and C++ runtime"},
                                           {"j", "code without a file"},
                                           {"x", "small frames, joined"}};
    static const char *const changes[][2] = {
        {"b5", "all gone"}, {"b4", ""},          {"b3", ""},       {"b2", ""},
        {"b1", "less"},     {"n", "within 1 %"}, {"r1", ""},       {"r2", ""},
        {"r3", ""},         {"r4", "more"},      {"r5", "all new"}};
    bool is_diff = s->job->base.profile != NULL;
    const char *const(*rows)[2] = is_diff ? changes : kinds;
    size_t count = is_diff ? sizeof changes / sizeof changes[0] : sizeof kinds / sizeof kinds[0];
    int x = 0;
    fprintf(s->out, "<g class=\"legend\" transform=\"translate(%d,%d)\">", EDGE, height - 14);
    for (size_t i = 0; i < count; i++) {
        fprintf(s->out,
                "<rect class=\"%s\" x=\"%d\" y=\"-10\" width=\"14\" height=\"12\" rx=\"2\"/>"
                "<text x=\"%d\" y=\"0\">%s</text>",
                rows[i][0], x, x + 19, rows[i][1]);
        x += rows[i][1][0] == '\0' ? 16 : 42 + 7 * (int)strlen(rows[i][1]);
    }
    fputs("</g>\n", s->out);
}

static void write_head(const struct svg *s, int height)
{
    fprintf(s->out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\" tabindex=\"0\">\n<title>",
            WIDTH, height, WIDTH, height);
    char *command = command_of(s->job->side.profile);
    put_text(s->out, metric_of(s)->title);
    fputs(": ", s->out);
    put_text(s->out, command);
    fprintf(s->out, "</title>\n<style><![CDATA[\n%s]]></style>\n", flame_css);
    fputs("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n", s->out);
    free(command);
}

static void write_picture(const struct svg *s)
{
    bool is_empty = s->flame->nodes.at[0].width == 0;
    int height = TOP + ((int)s->depth_max + 1) * ROW + LEGEND;
    write_head(s, height);
    write_heading(s);
    fputs("<g id=\"frames\">\n", s->out);
    for (size_t i = 0; i < s->flame->nodes.count && !is_empty; i++) {
        write_frame(s, i);
    }
    fputs("</g>\n", s->out);
    write_legend(s, height);
    if (is_empty) {
        put_line(s, "about", TOP + 12, mem_text("There is nothing of this to show."));
    } else {
        fputs("<g id=\"tip\" class=\"tip\" visibility=\"hidden\"></g>\n", s->out);
        export_svg_data(s->job, s->flame, s->is_icicle, s->out);
        fprintf(s->out, "<script><![CDATA[\n%s]]></script>\n", flame_js);
    }
    fputs("</svg>\n", s->out);
}

enum err_code export_svg(const struct export_job *job, struct err *reterr)
{
    struct export_flame *flame =
        export_flame_create(&(struct export_flame_plan){.stacks = job->side.stacks,
                                                        .base = job->base.stacks,
                                                        .metric = job->metric,
                                                        .is_inverted = job->is_inverted,
                                                        .is_per_unit = job->is_per_unit,
                                                        .frames_max = job->frames_max});
    struct svg s = {.job = job, .flame = flame, .out = job->out, .begin = place(flame)};
    fit(&s);
    write_picture(&s);
    free(s.begin);
    export_flame_destroy(flame);
    (void)reterr;
    return ERR_NONE;
}
