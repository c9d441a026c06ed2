#include "insight/source_lines.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "story_profile.h"

#define EXE "/usr/bin/app"

static const struct source_line *line_of(const struct source_lines *s, const char *path,
                                         uint32_t line)
{
    for (size_t f = 0; f < s->files.count; f++) {
        const struct source_file *file = &s->files.at[f];
        for (size_t i = 0; i < file->count && strcmp(file->path, path) == 0; i++) {
            if (s->lines.at[file->first + i].line == line) {
                return &s->lines.at[file->first + i];
            }
        }
    }
    cr_assert(false, "no line %u of %s", line, path);
    return NULL;
}

static struct source_lines *build(const struct profile *p, const struct site_wrappers *wrappers)
{
    struct selection selection;
    struct select_rule rule = {0};
    cr_assert_eq(select_sites(p, &rule, &selection, NULL), ERR_NONE);
    struct source_lines *s = source_lines_build(p, &selection, wrappers, RANK_ALLOCATIONS);
    select_finish(&selection);
    return s;
}

Test(source_lines, self_is_the_call_site_and_total_what_is_below)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct source_lines *s = build(p, NULL);
    const struct source_line *append = line_of(s, "/src/logparse/concat.c", 31);
    cr_assert_eq(append->self.values[RANK_ALLOCATIONS], 5100000);
    cr_assert_eq(append->total.values[RANK_ALLOCATIONS], 5100000);
    cr_assert_eq(append->self.values[RANK_TEMPORARIES], 5080000);
    cr_assert_eq(append->self.latency.count, 10200000);
    cr_assert_str_eq(append->function, "concat_append");
    const struct source_line *inlined_into = line_of(s, "/src/logparse/concat.c", 231);
    cr_assert_eq(inlined_into->self.values[RANK_ALLOCATIONS], 0);
    cr_assert_eq(inlined_into->total.values[RANK_ALLOCATIONS], 5100000);
    cr_assert_eq(line_of(s, "/src/logparse/concat.c", 55)->self.values[RANK_ALLOCATIONS], 910000,
                 "strdup is seen through");
    const struct source_line *call = line_of(s, "/src/logparse/parse.c", 42);
    cr_assert_eq(call->total.values[RANK_ALLOCATIONS], 6011500);
    cr_assert_eq(call->total.calls.calls, 12020500);
    source_lines_destroy(s);
    profile_destroy(p);
}

Test(source_lines, what_is_not_on_a_line_is_in_the_sum_all_the_same)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct source_lines *s = build(p, NULL);
    uint64_t self = 0;
    for (size_t i = 0; i < s->lines.count; i++) {
        self += s->lines.at[i].self.values[RANK_ALLOCATIONS];
    }
    cr_assert_eq(s->all[RANK_ALLOCATIONS], p->totals.allocs);
    cr_assert_eq(s->with_line[RANK_ALLOCATIONS], self);
    cr_assert_eq(s->all[RANK_ALLOCATIONS] - self, 300, "libgeo has no source");
    source_lines_destroy(s);
    profile_destroy(p);
}

Test(source_lines, files_that_allocate_come_first_then_the_nearest_above)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct source_lines *s = build(p, NULL);
    cr_assert_geq(s->files.count, 4);
    cr_assert_str_eq(s->files.at[0].path, "/src/logparse/concat.c");
    cr_assert_str_eq(s->files.at[1].path, "/src/logparse/parse.c");
    cr_assert_str_eq(s->files.at[2].path, "/src/logparse/main.c");
    cr_assert_lt(s->files.at[1].distance, s->files.at[2].distance);
    cr_assert_str_eq(s->files.at[3].path, "/usr/include/c++/12/bits/hashtable.h", "under 0.5 %%");
    for (size_t f = 0; f < s->files.count; f++) {
        for (size_t i = 0; i < s->files.at[f].count; i++) {
            const struct source_line *line = &s->lines.at[s->files.at[f].first + i];
            cr_assert_eq(line->file, f);
            cr_assert(i == 0 || line[-1].line < line->line);
        }
    }
    source_lines_destroy(s);
    profile_destroy(p);
}

Test(source_lines, recursion_counts_once_and_spellings_are_one_file)
{
    struct profile *p = profile_create();
    uint32_t walk = story_frame(p, EXE, "walk", "/src/./tree.c", 10, NULL);
    uint32_t again = story_frame(p, EXE, "walk", "/src/lib/../tree.c", 10, NULL);
    uint32_t leaf = story_frame(p, EXE, "leaf", "/src/tree.c", 20, NULL);
    uint32_t nowhere = story_frame(p, EXE, "nowhere", "/src/tree.c", 0, NULL);
    uint32_t deep[] = {walk, again, walk, leaf, 0};
    uint32_t flat[] = {walk, nowhere, 0};
    story_calls(p, story_site(p, deep), CALL_MALLOC, 100, 6400, 50);
    story_calls(p, story_site(p, flat), CALL_MALLOC, 10, 640, 50);
    profile_seal(p);
    struct source_lines *s = build(p, NULL);
    cr_assert_eq(s->files.count, 1);
    cr_assert_eq(s->files.at[0].total[RANK_ALLOCATIONS], 110);
    cr_assert_eq(line_of(s, "/src/tree.c", 10)->total.values[RANK_ALLOCATIONS], 110);
    cr_assert_eq(line_of(s, "/src/tree.c", 10)->total.calls.calls, 110);
    cr_assert_eq(line_of(s, "/src/tree.c", 0)->self.values[RANK_ALLOCATIONS], 10);
    cr_assert_eq(s->with_line[RANK_ALLOCATIONS], 100, "line 0 is no line");
    source_lines_destroy(s);
    profile_destroy(p);
}

Test(source_lines, wrappers_and_choice)
{
    struct profile *p = story_profile(STORY_BEFORE);
    struct site_wrappers wrappers = {0};
    site_wrappers_add(&wrappers, "concat_*");
    struct source_lines *s = build(p, &wrappers);
    cr_assert_eq(line_of(s, "/src/logparse/parse.c", 42)->self.values[RANK_ALLOCATIONS], 910000);
    cr_assert_eq(line_of(s, "/src/logparse/concat.c", 231)->self.values[RANK_ALLOCATIONS], 5100000);
    size_t all = s->files.count;
    cr_assert(!source_lines_choose(s, "arse.c"));
    cr_assert_eq(s->files.count, all);
    cr_assert(source_lines_choose(s, "logparse/./parse.c"));
    cr_assert_eq(s->files.count, 1);
    cr_assert_str_eq(s->files.at[0].path, "/src/logparse/parse.c");
    free(wrappers.globs);
    source_lines_destroy(s);
    profile_destroy(p);
}
