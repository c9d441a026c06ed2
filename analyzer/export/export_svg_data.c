#include "export/export_svg_data.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "heap/id_map.h"
#include "insight/name_form.h"
#include "view/json.h"

enum { SHADES = 5, QUARTERS = 4 };

static const double SAME = 0.01; /* of a frame: less is no change */

char *export_svg_name(const struct export_flame *flame, size_t node)
{
    const struct export_flame_node *n = &flame->nodes.at[node];
    if (node == 0) {
        return mem_text("all");
    }
    return n->joined != 0 ? mem_format("(%s smaller)", units_count(n->joined).s)
                          : mem_text(n->frame.function);
}

char *export_svg_label(const char *name)
{
    return strchr(name, '<') != NULL ? name_form_fold(name) : mem_text(name);
}

/* Whose code it is, by the library's file name. */
static char kind_of(const struct site_frame *frame)
{
    static const char *const runtime[] = {"libc.so*",     "libc-*",    "ld-linux*",  "libm.so*",
                                          "libpthread*",  "libgcc_s*", "libstdc++*", "libc++*",
                                          "libgcc_s.so*", "libdl.so*"};
    const char *name = site_basename(frame->module);
    if (name[0] == '\0') {
        return 'j';
    }
    for (size_t i = 0; i < sizeof runtime / sizeof runtime[0]; i++) {
        if (fnmatch(runtime[i], name, 0) == 0) {
            return 's';
        }
    }
    return strstr(name, ".so") != NULL ? 'l' : 'p';
}

/* Neighbours differ in shade, and one function has one shade everywhere. */
static unsigned shade_of(const char *function)
{
    unsigned hash = 5381;
    for (; *function != '\0'; function++) {
        hash = hash * 33 + (unsigned char)*function;
    }
    return (hash >> 3) % SHADES;
}

static const char *class_of_frame(const struct site_frame *frame)
{
    static const char *const classes[][SHADES] = {{"p0", "p1", "p2", "p3", "p4"},
                                                  {"l0", "l1", "l2", "l3", "l4"},
                                                  {"s0", "s1", "s2", "s3", "s4"}};
    char kind = kind_of(frame);
    unsigned shade = shade_of(frame->function);
    return kind == 'j' ? "j" : classes[kind == 'p' ? 0 : kind == 'l' ? 1 : 2][shade];
}

/* Four steps of more or less, by the share of the frame that came or went; the fifth is for what
 * one side does not have. A hundredth is no change. */
static const char *class_of_change(const struct export_flame_node *node)
{
    static const char *const more[] = {"n", "r1", "r2", "r3", "r4", "r5"};
    static const char *const less[] = {"n", "b1", "b2", "b3", "b4", "b5"};
    bool is_more = node->value > node->base_value;
    double change = (double)node->value - (double)node->base_value;
    double part = node->width > 0 ? (is_more ? change : -change) / (double)node->width : 0;
    if (part < SAME) {
        return "n";
    }
    unsigned level = part < 1 ? (unsigned)(part * QUARTERS) + 1 : QUARTERS;
    if (node->value == 0 || node->base_value == 0) {
        level = QUARTERS + 1;
    }
    return is_more ? more[level] : less[level];
}

const char *export_svg_class(const struct export_job *job, const struct export_flame *flame,
                             size_t node)
{
    const struct export_flame_node *n = &flame->nodes.at[node];
    if (node == 0) {
        return "n";
    }
    if (job->base.profile != NULL) {
        return class_of_change(n);
    }
    return n->joined != 0 ? "x" : class_of_frame(&n->frame);
}

/* Texts and frames by number, each once. */
struct tables {
    struct id_map texts; /* kept pointer -> place */
    MEM_ARRAY(const char *) text_list;
    struct id_map frames; /* (name, module), (file, line) -> place */
    MEM_ARRAY(const struct site_frame *) frame_list;
    struct mem_strings *kept;
};

static uint32_t text_place(struct tables *t, const char *text)
{
    const char *kept = mem_strings_keep(t->kept, text);
    uint32_t place = id_map_find(&t->texts, (uintptr_t)kept, 0);
    if (place == ID_MAP_NONE) {
        place = (uint32_t)t->text_list.count;
        *MEM_PUSH(&t->text_list) = kept;
        id_map_put(&t->texts, (uintptr_t)kept, 0, place);
    }
    return place;
}

static uint32_t frame_place(struct tables *t, const struct site_frame *frame)
{
    uint64_t high = (uint64_t)text_place(t, frame->function) << 32 | text_place(t, frame->module);
    uint64_t low = (uint64_t)text_place(t, frame->file) << 32 | frame->line;
    uint32_t place = id_map_find(&t->frames, high, low);
    if (place == ID_MAP_NONE) {
        place = (uint32_t)t->frame_list.count;
        *MEM_PUSH(&t->frame_list) = frame;
        id_map_put(&t->frames, high, low, place);
    }
    return place;
}

/* As people may see it: what hides or turns text is spelled out. */
static void write_visible(struct json *json, const char *text)
{
    char *visible = escape_terminal(text);
    json_text(json, NULL, visible);
    free(visible);
}

static void write_tables(struct json *json, struct tables *t)
{
    json_array(json, "frames"); /* name, file, line, module: numbers of texts; the colour's class */
    for (size_t i = 0; i < t->frame_list.count; i++) {
        const struct site_frame *frame = t->frame_list.at[i];
        json_array(json, NULL);
        json_uint(json, NULL, text_place(t, frame->function));
        json_uint(json, NULL, text_place(t, frame->file));
        json_uint(json, NULL, frame->line);
        json_uint(json, NULL, text_place(t, site_basename(frame->module)));
        json_text(json, NULL, class_of_frame(frame));
        json_end(json);
    }
    json_end(json);
    json_array(json, "texts");
    for (size_t i = 0; i < t->text_list.count; i++) {
        write_visible(json, t->text_list.at[i]);
    }
    json_end(json);
    json_array(json, "labels"); /* of each text; 0: the text itself */
    for (size_t i = 0; i < t->text_list.count; i++) {
        char *label = export_svg_label(t->text_list.at[i]);
        if (strcmp(label, t->text_list.at[i]) == 0) {
            json_uint(json, NULL, 0);
        } else {
            write_visible(json, label);
        }
        free(label);
    }
    json_end(json);
}

enum column { COLUMN_DEPTH, COLUMN_VALUE, COLUMN_BEFORE, COLUMN_WIDTH };

static void write_column(struct json *json, const struct export_flame *flame, const char *name,
                         enum column column)
{
    json_array(json, name);
    for (size_t i = 0; i < flame->nodes.count; i++) {
        const struct export_flame_node *node = &flame->nodes.at[i];
        json_uint(json, NULL,
                  column == COLUMN_DEPTH    ? node->depth
                  : column == COLUMN_VALUE  ? node->value
                  : column == COLUMN_BEFORE ? node->base_value
                                            : node->width);
    }
    json_end(json);
}

static void write_nodes(struct json *json, const struct export_job *job,
                        const struct export_flame *flame, struct tables *t)
{
    json_array(json, "frame"); /* below 0: so many small frames joined */
    for (size_t i = 0; i < flame->nodes.count; i++) {
        const struct export_flame_node *node = &flame->nodes.at[i];
        if (i == 0 || node->joined != 0) {
            json_int(json, NULL, i == 0 ? -1 : -(int64_t)node->joined);
        } else {
            json_uint(json, NULL, frame_place(t, &node->frame));
        }
    }
    json_end(json);
    write_column(json, flame, "depth", COLUMN_DEPTH);
    write_column(json, flame, "value", COLUMN_VALUE);
    if (job->base.profile != NULL) {
        write_column(json, flame, "before", COLUMN_BEFORE);
        write_column(json, flame, "width", COLUMN_WIDTH);
    }
}

static void write_json(const struct export_job *job, const struct export_flame *flame,
                       bool is_icicle, FILE *out)
{
    static const char *const units[] = {
        [EXPORT_UNIT_COUNT] = "count", [EXPORT_UNIT_BYTES] = "bytes", [EXPORT_UNIT_NS] = "ns"};
    const struct profile_run *run = &job->side.profile->run;
    struct tables t = {.kept = mem_strings_create()};
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "unit", units[export_metrics[job->metric].unit]);
    json_bool(&json, "icicle", is_icicle);
    json_bool(&json, "compares", job->base.profile != NULL);
    if (job->is_per_unit) {
        json_uint(&json, "units", run->units);
        json_text(&json, "unit_name", run->unit_name);
    }
    write_nodes(&json, job, flame, &t);
    write_tables(&json, &t);
    json_end(&json);
    id_map_finish(&t.texts);
    id_map_finish(&t.frames);
    free(t.text_list.at);
    free(t.frame_list.at);
    mem_strings_destroy(t.kept);
}

/* In JSON these signs stand in texts alone, where \u may stand for them: nothing is left that XML
 * or HTML would see. */
static ssize_t write_safely(void *cookie, const char *bytes, size_t count)
{
    FILE *out = cookie;
    for (size_t i = 0; i < count; i++) {
        if (strchr("<>&", bytes[i]) != NULL && bytes[i] != '\0') {
            fprintf(out, "\\u%04x", (unsigned)bytes[i]);
        } else {
            fputc(bytes[i], out);
        }
    }
    return ferror(out) != 0 ? 0 : (ssize_t)count; /* never negative: fopencookie(3) */
}

void export_svg_data(const struct export_job *job, const struct export_flame *flame, bool is_icicle,
                     FILE *out)
{
    fputs("<script type=\"application/json\" id=\"data\">\n", out);
    FILE *safe = fopencookie(out, "w", (cookie_io_functions_t){.write = write_safely});
    if (safe != NULL) {
        write_json(job, flame, is_icicle, safe);
        fclose(safe);
    }
    fputs("</script>\n", out);
}
