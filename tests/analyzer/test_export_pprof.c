/* pprof: unpacked as its viewers do, values add up and every number leads somewhere. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "export/export_pprof.h"
#include "export_text.h"
#include "profile.pb-c.h"
#include "story_profile.h"

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__Sample Sample;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Function Function;
typedef Perftools__Profiles__Mapping Mapping;

enum { UNPACKED_MAX = 1 << 16 };

static Profile *unpacked;

/* What a viewer reads of a profile, which it destroys. */
static void read_profile(struct profile *p, enum export_metric metric)
{
    static uint8_t bytes[UNPACKED_MAX];
    const struct export_job asked = {.metric = metric};
    struct err err = {0};
    char *packed = NULL;
    size_t length = 0;
    cr_assert_eq(export_text_try(export_format_find("pprof"), p, &asked, &packed, &length, &err),
                 ERR_NONE);
    z_stream z = {.next_in = (Bytef *)packed,
                  .avail_in = (uInt)length,
                  .next_out = bytes,
                  .avail_out = sizeof bytes};
    cr_assert_eq(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END, "gzip, to its end");
    size_t count = sizeof bytes - z.avail_out;
    inflateEnd(&z);
    unpacked = perftools__profiles__profile__unpack(NULL, count, bytes);
    cr_assert_not_null(unpacked);
    free(packed);
    profile_destroy(p);
}

static void end(void)
{
    perftools__profiles__profile__free_unpacked(unpacked, NULL);
}

TestSuite(export_pprof, .fini = end);

static const char *text(int64_t number)
{
    cr_assert(number >= 0 && (size_t)number < unpacked->n_string_table);
    return unpacked->string_table[number];
}

/* The one location of an id; NULL: none. */
static const Location *location(uint64_t id)
{
    const Location *found = NULL;
    for (size_t i = 0; i < unpacked->n_location; i++) {
        if (unpacked->location[i]->id == id) {
            cr_assert_null(found, "an id is one location's");
            found = unpacked->location[i];
        }
    }
    return found;
}

static const Function *function(uint64_t id)
{
    const Function *found = NULL;
    for (size_t i = 0; i < unpacked->n_function; i++) {
        if (unpacked->function[i]->id == id) {
            cr_assert_null(found, "an id is one function's");
            found = unpacked->function[i];
        }
    }
    return found;
}

static const Mapping *mapping(uint64_t id)
{
    for (size_t i = 0; i < unpacked->n_mapping; i++) {
        if (unpacked->mapping[i]->id == id) {
            return unpacked->mapping[i];
        }
    }
    return NULL;
}

static const char *function_of(const Location *l, size_t line)
{
    const Function *f = function(l->line[line]->function_id);
    cr_assert_not_null(f);
    return text(f->name);
}

/* The sum of a type's values. */
static uint64_t sum(const char *type)
{
    uint64_t all = 0;
    for (size_t t = 0; t < unpacked->n_sample_type; t++) {
        for (size_t i = 0;
             strcmp(text(unpacked->sample_type[t]->type), type) == 0 && i < unpacked->n_sample;
             i++) {
            cr_assert_eq(unpacked->sample[i]->n_value, unpacked->n_sample_type);
            all += (uint64_t)unpacked->sample[i]->value[t];
        }
    }
    return all;
}

Test(export_pprof, values_add_up_to_the_recordings)
{
    struct profile *p = story_profile(STORY_BEFORE);
    const struct profile_totals wanted = p->totals;
    read_profile(p, EXPORT_BYTES);
    cr_expect_eq(unpacked->n_sample_type, EXPORT_PPROF_VALUES);
    cr_expect_eq(sum("alloc_objects"), wanted.allocs);
    cr_expect_eq(sum("alloc_space"), wanted.bytes);
    cr_expect_eq(sum("inuse_objects"), wanted.live_blocks);
    cr_expect_eq(sum("inuse_space"), wanted.live_bytes);
    cr_expect_eq(sum("peak_space"), wanted.peak_bytes);
    cr_expect_eq(sum("temporary_objects"), wanted.temporaries);
}

Test(export_pprof, every_number_leads_somewhere)
{
    read_profile(story_profile(STORY_BEFORE), EXPORT_BYTES);
    cr_expect_str_eq(text(0), "");
    cr_assert_gt(unpacked->n_sample, 3);
    for (size_t i = 0; i < unpacked->n_sample; i++) {
        const Sample *sample = unpacked->sample[i];
        cr_assert_gt(sample->n_location_id, 0);
        for (size_t k = 0; k < sample->n_location_id; k++) {
            const Location *at = location(sample->location_id[k]);
            cr_assert(sample->location_id[k] != 0 && at != NULL);
            cr_assert(at->n_line > 0 && function_of(at, 0)[0] != '\0');
            const Mapping *in = mapping(at->mapping_id);
            cr_assert_not_null(in);
            cr_expect(at->address >= in->memory_start && at->address < in->memory_limit);
        }
    }
}

Test(export_pprof, the_leaf_comes_first_and_inlined_functions_before_their_caller)
{
    read_profile(story_profile(STORY_BEFORE), EXPORT_BYTES);
    size_t found = 0;
    for (size_t i = 0; i < unpacked->n_sample; i++) {
        const Sample *sample = unpacked->sample[i];
        const Location *leaf = location(sample->location_id[0]);
        const Location *root = location(sample->location_id[sample->n_location_id - 1]);
        cr_expect_str_eq(function_of(root, 0), "__libc_start_call_main");
        if (strcmp(function_of(leaf, 0), "concat_append") == 0) {
            found++;
            cr_assert_eq(leaf->n_line, 2);
            cr_expect_eq(leaf->line[0]->line, 31);
            cr_expect_str_eq(function_of(leaf, 1), "json_field");
            cr_expect_eq(sample->n_location_id, 5, "an inlined function has no location");
        }
    }
    cr_expect_eq(found, 1);
}

Test(export_pprof, it_opens_with_the_metric_that_was_asked_for)
{
    read_profile(story_profile(STORY_BEFORE), EXPORT_LIVE);
    cr_expect_str_eq(text(unpacked->default_sample_type), "inuse_space");
}

/* pprof cuts template arguments off a name that is the system's as well. */
Test(export_pprof, readable_names_are_never_the_systems)
{
    read_profile(story_profile(STORY_BEFORE), EXPORT_BYTES);
    size_t templates = 0;
    for (size_t i = 0; i < unpacked->n_function; i++) {
        cr_expect_neq(unpacked->function[i]->system_name, unpacked->function[i]->name);
        templates += strchr(text(unpacked->function[i]->name), '<') != NULL;
    }
    cr_expect_eq(templates, 1);
}

Test(export_pprof, the_program_is_the_first_mapping)
{
    struct profile *p = profile_create();
    const uint8_t library_id[] = {1, 2};
    const uint8_t program_id[] = {0xab, 0x0c};
    uint32_t library = profile_module(p, "/lib/libx.so", library_id, sizeof library_id);
    uint32_t program = profile_module(p, "/bin/x", program_id, sizeof program_id);
    uint32_t path = profile_path(p, 0, profile_frame(p, program, 0x100, 0), false);
    path = profile_path(p, path, profile_frame(p, library, 0x200, 0), false);
    story_calls(p, profile_site(p, path), CALL_MALLOC, 1, 8, 50);
    p->run.build_id = "ab0c";
    profile_seal(p);
    read_profile(p, EXPORT_BYTES);
    cr_assert_eq(unpacked->n_mapping, 2);
    cr_expect_str_eq(text(unpacked->mapping[0]->filename), "/bin/x");
    cr_expect_str_eq(text(unpacked->mapping[0]->build_id), "ab0c");
}

Test(export_pprof, a_label_has_one_value)
{
    struct profile *p = story_profile(STORY_BEFORE);
    p->run.labels = "bytes=9,env=prod,host=elsewhere";
    read_profile(p, EXPORT_BYTES);
    const Sample *sample = unpacked->sample[0];
    for (size_t i = 0; i < sample->n_label; i++) {
        const char *key = text(sample->label[i]->key);
        cr_expect(strcmp(key, "host") != 0 || strcmp(text(sample->label[i]->str), "build-7") == 0);
        for (size_t k = 0; k < i; k++) {
            cr_expect_neq(sample->label[k]->key, sample->label[i]->key, "%s", key);
        }
    }
    cr_expect_eq(sample->n_label, 3, "host, env, and the size that most have");
}
