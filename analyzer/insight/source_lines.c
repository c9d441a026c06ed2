#include "insight/source_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "heap/id_map.h"
#include "symbol/source_path.h"

enum { SMALL_PER_THOUSAND = 5 };

/* What the lines are gathered with. last_site: + 1, the last site that was counted. */
struct builder {
    struct source_lines *into;
    enum rank_key key;
    struct id_map names; /* a file's name as the profile keeps it -> file */
    struct id_map paths; /* its tidy path -> file */
    struct id_map lines; /* (file, line) -> line */
    MEM_ARRAY(uint32_t) file_last_site;
    MEM_ARRAY(uint32_t) line_last_site;
    MEM_ARRAY(double) file_weight; /* what distances are weighted with, so far */
};

/* Names are kept texts: one pointer for one text. */
static uint32_t file_id(struct builder *b, const struct site_frame *frame)
{
    uint32_t id = id_map_find(&b->names, (uintptr_t)frame->file, 0);
    if (id != ID_MAP_NONE) {
        return id;
    }
    char *tidy = source_path_tidy(frame->file);
    const char *path = mem_strings_keep(b->into->strings, tidy);
    free(tidy);
    id = id_map_find(&b->paths, (uintptr_t)path, 0);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)b->into->files.count;
        *MEM_PUSH(&b->into->files) = (struct source_file){.path = path, .module = frame->module};
        (void)MEM_PUSH(&b->file_last_site);
        (void)MEM_PUSH(&b->file_weight);
        id_map_put(&b->paths, (uintptr_t)path, 0, id);
    }
    id_map_put(&b->names, (uintptr_t)frame->file, 0, id);
    return id;
}

static uint32_t line_id(struct builder *b, uint32_t file, const struct site_frame *frame)
{
    uint32_t id = id_map_find(&b->lines, file, frame->line);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)b->into->lines.count;
        *MEM_PUSH(&b->into->lines) =
            (struct source_line){.file = file, .line = frame->line, .function = frame->function};
        (void)MEM_PUSH(&b->line_last_site);
        id_map_put(&b->lines, file, frame->line, id);
    }
    return id;
}

static void add_values(uint64_t *into, const uint64_t *from)
{
    for (size_t i = 0; i < SOURCE_VALUES; i++) {
        into[i] += from[i];
    }
}

static void add_numbers(struct source_numbers *into, const struct source_numbers *from)
{
    add_values(into->values, from->values);
    profile_calls_add(&into->calls, &from->calls);
    hist_merge(&into->latency, &from->latency);
}

/* One frame of a site's stack, `distance` calls above the one that is shown. */
static void add_frame(struct builder *b, const struct site_frame *frame, uint32_t site,
                      size_t distance, const struct source_numbers *numbers)
{
    uint32_t file = file_id(b, frame);
    uint32_t line = line_id(b, file, frame);
    struct source_file *f = &b->into->files.at[file];
    struct source_line *l = &b->into->lines.at[line];
    if (b->file_last_site.at[file] != site + 1) {
        b->file_last_site.at[file] = site + 1;
        add_values(f->total, numbers->values);
        f->distance += (double)distance * (double)numbers->values[b->key];
        b->file_weight.at[file] += (double)numbers->values[b->key];
    }
    if (b->line_last_site.at[line] != site + 1) {
        b->line_last_site.at[line] = site + 1;
        add_numbers(&l->total, numbers);
    }
    if (distance == 0) {
        add_values(f->self, numbers->values);
        add_numbers(&l->self, numbers);
        if (frame->line != 0) {
            add_values(b->into->with_line, numbers->values);
        }
    }
}

static void add_site(struct builder *b, const struct profile *profile,
                     const struct selection *selection, const struct site_stack *stack,
                     size_t shown, uint32_t site)
{
    struct source_numbers numbers = {.calls = selection->site_totals[site],
                                     .latency = profile->sites.at[site].latency};
    for (int key = 0; key < SOURCE_VALUES; key++) {
        numbers.values[key] = rank_value(profile, selection, site, (enum rank_key)key);
    }
    add_values(b->into->all, numbers.values);
    for (size_t i = shown; i < stack->count; i++) {
        if (stack->at[i].file != NULL && stack->at[i].file[0] != '\0') {
            add_frame(b, &stack->at[i], site, i - shown, &numbers);
        }
    }
}

enum group { GROUP_SELF, GROUP_ABOVE, GROUP_SMALL };

struct order {
    struct source_file file;
    size_t id;
    enum rank_key key;
    enum group group;
};

static enum group group_of(const struct source_file *file, enum rank_key key, uint64_t all)
{
    double least = (double)all * SMALL_PER_THOUSAND / 1000;
    bool is_self = file->self[key] != 0 && (double)file->self[key] >= least;
    bool is_above = file->total[key] != 0 && (double)file->total[key] >= least;
    return is_self ? GROUP_SELF : is_above ? GROUP_ABOVE : GROUP_SMALL;
}

static int larger_first(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static int by_weight(const void *left, const void *right)
{
    const struct order *a = left;
    const struct order *b = right;
    enum rank_key key = a->key;
    int order = (int)a->group - (int)b->group;
    if (order == 0 && a->group == GROUP_ABOVE) {
        order = (a->file.distance > b->file.distance) - (a->file.distance < b->file.distance);
    }
    order = order != 0 ? order : larger_first(a->file.self[key], b->file.self[key]);
    order = order != 0 ? order : larger_first(a->file.total[key], b->file.total[key]);
    return order != 0 ? order : strcmp(a->file.path, b->file.path);
}

static int by_place(const void *left, const void *right)
{
    const struct source_line *a = left;
    const struct source_line *b = right;
    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    return a->line < b->line ? -1 : 1;
}

/* Puts the files in their order, and the lines behind one another file by file. */
static void sort(struct builder *b)
{
    struct source_lines *s = b->into;
    struct order *order = mem_zero(s->files.count + 1, sizeof *order);
    uint32_t *place = mem_zero(s->files.count + 1, sizeof *place);
    for (size_t i = 0; i < s->files.count; i++) {
        double weight = b->file_weight.at[i];
        order[i] = (struct order){s->files.at[i], i, b->key, GROUP_SMALL};
        order[i].file.distance = weight > 0 ? s->files.at[i].distance / weight : 0;
        order[i].group = group_of(&s->files.at[i], b->key, s->all[b->key]);
    }
    qsort(order, s->files.count, sizeof *order, by_weight);
    for (size_t i = 0; i < s->files.count; i++) {
        place[order[i].id] = (uint32_t)i;
        s->files.at[i] = order[i].file;
        s->files.at[i].is_small = order[i].group == GROUP_SMALL;
    }
    for (size_t i = 0; i < s->lines.count; i++) {
        s->lines.at[i].file = place[s->lines.at[i].file];
        s->files.at[s->lines.at[i].file].count += 1;
    }
    for (size_t i = 1; i < s->files.count; i++) {
        s->files.at[i].first = s->files.at[i - 1].first + s->files.at[i - 1].count;
    }
    if (s->lines.count > 1) {
        qsort(s->lines.at, s->lines.count, sizeof *s->lines.at, by_place);
    }
    free(place);
    free(order);
}

struct source_lines *source_lines_build(const struct profile *profile,
                                        const struct selection *selection,
                                        const struct site_wrappers *wrappers, enum rank_key key)
{
    struct builder b = {.into = mem_zero(1, sizeof *b.into), .key = key};
    struct site_stack stack = {0};
    b.into->strings = mem_strings_create();
    for (uint32_t i = 0; i < profile->sites.count; i++) {
        if (selection->is_kept[i] && selection->site_totals[i].calls != 0) {
            site_stack_load(&stack, profile, profile->sites.at[i].path);
            add_site(&b, profile, selection, &stack, site_stack_shown(&stack, wrappers), i);
        }
    }
    sort(&b);
    site_stack_finish(&stack);
    id_map_finish(&b.names);
    id_map_finish(&b.paths);
    id_map_finish(&b.lines);
    free(b.file_last_site.at);
    free(b.line_last_site.at);
    free(b.file_weight.at);
    return b.into;
}

void source_lines_destroy(struct source_lines *lines)
{
    if (lines == NULL) {
        return;
    }
    for (size_t i = 0; i < lines->lines.count; i++) {
        hist_finish(&lines->lines.at[i].self.latency);
        hist_finish(&lines->lines.at[i].total.latency);
    }
    mem_strings_destroy(lines->strings);
    free(lines->files.at);
    free(lines->lines.at);
    free(lines);
}

bool source_lines_choose(struct source_lines *lines, const char *name)
{
    char *tidy = source_path_tidy(name);
    size_t kept = 0;
    for (size_t i = 0; i < lines->files.count; i++) {
        if (source_path_is(lines->files.at[i].path, tidy)) {
            lines->files.at[kept++] = lines->files.at[i];
        }
    }
    lines->files.count = kept != 0 ? kept : lines->files.count;
    lines->is_chosen = kept != 0;
    free(tidy);
    return kept != 0;
}
