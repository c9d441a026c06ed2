/*
 * export_pprof - the profile.proto of pprof, gzipped: written field by field, so that a profile is
 * never in memory as a whole; strings, which everything refers to by number, come last.
 * The names of the values are those of Go's heap and mutex profiles, which viewers know.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/labels.h"
#include "base/packed.h"
#include "export/export.h"
#include "export/export_pprof.h"
#include "heap/id_map.h"
#include "profile.pb-c.h"
#include "view/report.h"

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__ValueType ValueType;
typedef Perftools__Profiles__Sample Sample;
typedef Perftools__Profiles__Label Label;
typedef Perftools__Profiles__Mapping Mapping;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Line Line;
typedef Perftools__Profiles__Function Function;

const struct export_pprof_value export_pprof_values[EXPORT_PPROF_VALUES] = {
    {"alloc_objects", "count", EXPORT_ALLOCATIONS},
    {"alloc_space", "bytes", EXPORT_BYTES},
    {"inuse_objects", "count", EXPORT_LIVE_BLOCKS},
    {"inuse_space", "bytes", EXPORT_LIVE},
    {"contentions", "count", EXPORT_CALLS},
    {"delay", "nanoseconds", EXPORT_TIME},
    {"peak_space", "bytes", EXPORT_PEAK},
    {"temporary_objects", "count", EXPORT_TEMPORARIES},
    {"free_delay", "nanoseconds", EXPORT_FREE_TIME},
};

enum { VALUES = EXPORT_PPROF_VALUES, MAPPING_BITS = 40 };

struct pprof {
    const struct export_job *job;
    FILE *out; /* gzip */
    struct mem_strings *texts;
    struct id_map numbers;           /* kept text -> place in the string table */
    MEM_ARRAY(const char *) strings; /* item 0 is "" */
    struct id_map functions;         /* (name, raw name), file -> id */
    MEM_ARRAY(Function) function_list;
    MEM_ARRAY(Label) labels; /* of the run: on each sample */
    bool *has_location;      /* for each frame of the profile */
    bool *has_mapping;       /* for each module */
    uint8_t *packed;
    size_t packed_room;
};

static int64_t text_number(struct pprof *p, const char *text)
{
    if (text[0] == '\0') {
        return 0;
    }
    const char *kept = mem_strings_keep(p->texts, text);
    uint32_t number = id_map_find(&p->numbers, (uintptr_t)kept, 0);
    if (number == ID_MAP_NONE) {
        number = (uint32_t)p->strings.count;
        *MEM_PUSH(&p->strings) = kept;
        id_map_put(&p->numbers, (uintptr_t)kept, 0, number);
    }
    return number;
}

/* A profile with only these fields: messages that follow each other are one message. */
static void write_part(struct pprof *p, const Profile *part)
{
    size_t bytes = perftools__profiles__profile__get_packed_size(part);
    if (bytes > p->packed_room) {
        p->packed = mem_resize(p->packed, bytes, 1);
        p->packed_room = bytes;
    }
    perftools__profiles__profile__pack(part, p->packed);
    fwrite(p->packed, 1, bytes, p->out);
}

static void write_types(struct pprof *p)
{
    for (size_t i = 0; i < VALUES; i++) {
        ValueType type = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
        ValueType *types[] = {&type};
        type.type = text_number(p, export_pprof_values[i].type);
        type.unit = text_number(p, export_pprof_values[i].unit);
        Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
        part.n_sample_type = 1;
        part.sample_type = types;
        write_part(p, &part);
    }
}

/* A person's words: only these may tell what was not recorded. */
static int64_t comment_number(struct pprof *p)
{
    const struct profile *profile = p->job->side.profile;
    char *command = report_command_text(profile->run.command);
    uint64_t lost = profile_lost(profile);
    char *text = lost == 0 ? mem_format("alloctrap: %s", command)
                           : mem_format("alloctrap: %s: %" PRIu64 " events were not recorded",
                                        command, lost);
    int64_t number = text_number(p, text);
    free(text);
    free(command);
    return number;
}

static void write_head(struct pprof *p)
{
    const struct profile_run *run = &p->job->side.profile->run;
    ValueType period = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
    period.type = text_number(p, "space");
    period.unit = text_number(p, "bytes");
    int64_t comment = comment_number(p);
    Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
    part.time_nanos = (int64_t)run->start_realtime_ns;
    part.duration_nanos = (int64_t)run->duration_ns;
    part.period_type = &period;
    part.period = 1;
    part.n_comment = 1;
    part.comment = &comment;
    for (size_t i = 0; i < VALUES; i++) {
        if (export_pprof_values[i].metric == p->job->metric) {
            part.default_sample_type = text_number(p, export_pprof_values[i].type);
        }
    }
    write_part(p, &part);
}

static void push_label(struct pprof *p, const char *key, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    Label label = PERFTOOLS__PROFILES__LABEL__INIT;
    label.key = text_number(p, key);
    label.str = text_number(p, value);
    *MEM_PUSH(&p->labels) = label;
}

static void make_labels(struct pprof *p)
{
    const struct profile_run *run = &p->job->side.profile->run;
    const char *rest = run->labels;
    char *key = NULL;
    char *value = NULL;
    push_label(p, "host", run->host);
    push_label(p, "service", run->service);
    while (labels_next(&rest, &key, &value)) {
        if (strcmp(key, "host") != 0 && strcmp(key, "service") != 0 && strcmp(key, "bytes") != 0) {
            push_label(p, key, value); /* a key has one value */
        }
        free(key);
        free(value);
    }
}

/* Where a frame that only we made up gets its number: behind those of the profile. */
static uint64_t location_id(const struct pprof *p, uint32_t frame)
{
    uint32_t code = p->job->side.stacks->frames.at[frame].code;
    return code != EXPORT_NO_CODE ? (uint64_t)code + 1
                                  : p->job->side.profile->frames.count + 1 + frame;
}

/* Leaf first, each code address once: its inlined functions are the location's lines. */
static size_t fill_locations(const struct pprof *p, const struct export_stack *stack,
                             uint64_t *locations)
{
    const struct export_frame *frames = p->job->side.stacks->frames.at;
    const struct profile *profile = p->job->side.profile;
    size_t count = 0;
    for (uint32_t i = stack->count; i > 0;) {
        const struct export_frame *frame = &frames[stack->frames[i - 1]];
        locations[count++] = location_id(p, stack->frames[i - 1]);
        uint32_t lines = 1;
        if (frame->code != EXPORT_NO_CODE && profile->frames.at[frame->code].symbol_count > 1) {
            lines = profile->frames.at[frame->code].symbol_count;
        }
        i -= lines;
        if (frame->code != EXPORT_NO_CODE) {
            p->has_location[frame->code] = true;
        }
    }
    return count;
}

static void write_sample(struct pprof *p, const struct export_stack *stack)
{
    const struct profile_site *site = &p->job->side.profile->sites.at[stack->site];
    int64_t numbers[VALUES];
    for (size_t i = 0; i < VALUES; i++) {
        numbers[i] = (int64_t)stack->values[export_pprof_values[i].metric];
    }
    Label size = PERFTOOLS__PROFILES__LABEL__INIT;
    size.key = text_number(p, "bytes");
    size.num_unit = text_number(p, "bytes");
    size.num = (int64_t)hist_quantile(&site->size, 5000);
    Label **labels = mem_zero(p->labels.count + 1, sizeof *labels);
    size_t label_count = 0;
    for (size_t i = 0; i < p->labels.count; i++) {
        labels[label_count++] = &p->labels.at[i];
    }
    if (site->size.count != 0) {
        labels[label_count++] = &size;
    }
    Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT;
    sample.location_id = mem_zero(stack->count, sizeof *sample.location_id);
    sample.n_location_id = fill_locations(p, stack, sample.location_id);
    sample.n_value = VALUES;
    sample.value = numbers;
    sample.n_label = label_count;
    sample.label = labels;
    Sample *samples[] = {&sample};
    Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
    part.n_sample = 1;
    part.sample = samples;
    write_part(p, &part);
    free(sample.location_id);
    free(labels);
}

static uint64_t function_id(struct pprof *p, const struct site_frame *frame, const char *name)
{
    uint64_t high =
        (uint64_t)text_number(p, name) << 32 | (uint64_t)text_number(p, frame->other_name);
    uint64_t low = (uint64_t)text_number(p, frame->file);
    uint32_t id = id_map_find(&p->functions, high, low);
    if (id == ID_MAP_NONE) {
        Function function = PERFTOOLS__PROFILES__FUNCTION__INIT;
        id = (uint32_t)p->function_list.count + 1;
        function.id = id;
        function.name = text_number(p, name);
        /* pprof demangles, and cuts, names that are equal to the system's: "" keeps them. */
        function.system_name = text_number(p, frame->other_name);
        function.filename = text_number(p, frame->file);
        *MEM_PUSH(&p->function_list) = function;
        id_map_put(&p->functions, high, low, id);
    }
    return id;
}

static void write_location(struct pprof *p, Location *location, const struct site_frame *frames,
                           size_t count)
{
    Line *lines = mem_zero(count, sizeof *lines);
    Line **list = mem_zero(count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        char *name = site_function(&frames[i]);
        perftools__profiles__line__init(&lines[i]);
        lines[i].function_id = function_id(p, &frames[i], name);
        lines[i].line = frames[i].line;
        list[i] = &lines[i];
        free(name);
    }
    location->n_line = count;
    location->line = list;
    Location *locations[] = {location};
    Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
    part.n_location = 1;
    part.location = locations;
    write_part(p, &part);
    free(list);
    free(lines);
}

/* A frame of the profile. Modules lie side by side: viewers only use the place in the module. */
static void write_frame(struct pprof *p, uint32_t code, struct site_stack *loaded)
{
    const struct profile *profile = p->job->side.profile;
    const struct profile_frame *frame = &profile->frames.at[code];
    Location location = PERFTOOLS__PROFILES__LOCATION__INIT;
    location.id = (uint64_t)code + 1;
    location.mapping_id = frame->module;
    location.address = ((uint64_t)frame->module << MAPPING_BITS) + frame->offset -
                       ((frame->flags & SESSION_NODE_EXACT_PC) == 0 && frame->offset != 0);
    p->has_mapping[frame->module] = frame->module != 0;
    site_stack_load_frame(loaded, profile, code);
    write_location(p, &location, loaded->at, loaded->count);
}

static void write_locations(struct pprof *p)
{
    const struct export_stacks *stacks = p->job->side.stacks;
    struct site_stack loaded = {0};
    for (uint32_t i = 0; i < p->job->side.profile->frames.count; i++) {
        if (p->has_location[i]) {
            write_frame(p, i, &loaded);
        }
    }
    for (uint32_t i = 0; i < stacks->frames.count; i++) {
        if (stacks->frames.at[i].code == EXPORT_NO_CODE) {
            Location location = PERFTOOLS__PROFILES__LOCATION__INIT;
            location.id = location_id(p, i);
            write_location(p, &location, &stacks->frames.at[i].at, 1);
        }
    }
    site_stack_finish(&loaded);
}

static char *build_id_text(const struct profile_module *module)
{
    char *text = mem_zero(2 * SESSION_BUILD_ID_BYTES + 1, 1);
    for (size_t i = 0; i < module->build_id_len; i++) {
        sprintf(text + 2 * i, "%02x", module->build_id[i]);
    }
    return text;
}

static void write_mapping(struct pprof *p, size_t module, const char *build_id)
{
    Mapping mapping = PERFTOOLS__PROFILES__MAPPING__INIT;
    mapping.id = module;
    mapping.memory_start = (uint64_t)module << MAPPING_BITS;
    mapping.memory_limit = (uint64_t)(module + 1) << MAPPING_BITS;
    mapping.filename = text_number(p, p->job->side.profile->modules.at[module].path);
    mapping.build_id = text_number(p, build_id);
    mapping.has_functions = true; /* else pprof looks names up itself */
    mapping.has_filenames = true;
    mapping.has_line_numbers = true;
    mapping.has_inline_frames = true;
    Mapping *mappings[] = {&mapping};
    Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
    part.n_mapping = 1;
    part.mapping = mappings;
    write_part(p, &part);
}

/* The first mapping is the program's: that is what a profile is called after. */
static void write_mappings(struct pprof *p)
{
    const struct profile *profile = p->job->side.profile;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 1; i < profile->modules.count; i++) {
            char *build_id = build_id_text(&profile->modules.at[i]);
            bool is_program = build_id[0] != '\0' && strcmp(build_id, profile->run.build_id) == 0;
            if (p->has_mapping[i] && is_program == (pass == 0)) {
                write_mapping(p, i, build_id);
            }
            free(build_id);
        }
    }
}

static void write_functions_and_strings(struct pprof *p)
{
    for (size_t i = 0; i < p->function_list.count; i++) {
        Function *functions[] = {&p->function_list.at[i]};
        Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
        part.n_function = 1;
        part.function = functions;
        write_part(p, &part);
    }
    for (size_t i = 0; i < p->strings.count; i++) {
        char *text = escape_terminal(p->strings.at[i]);
        Profile part = PERFTOOLS__PROFILES__PROFILE__INIT;
        part.n_string_table = 1;
        part.string_table = &text;
        write_part(p, &part);
        free(text);
    }
}

static void write_all(struct pprof *p)
{
    const struct export_stacks *stacks = p->job->side.stacks;
    *MEM_PUSH(&p->strings) = "";
    write_types(p);
    write_head(p);
    make_labels(p);
    for (size_t i = 0; i < stacks->stacks.count; i++) {
        write_sample(p, &stacks->stacks.at[i]);
    }
    write_locations(p);
    write_mappings(p);
    write_functions_and_strings(p);
}

enum err_code export_pprof(const struct export_job *job, struct err *reterr)
{
    const struct profile *profile = job->side.profile;
    struct pprof p = {.job = job, .out = packed_gzip(job->out), .texts = mem_strings_create()};
    if (p.out == NULL) {
        mem_strings_destroy(p.texts);
        return err_set(reterr, ERR_SYSTEM, NULL, "no memory to compress the profile");
    }
    p.has_location = mem_zero(profile->frames.count, sizeof *p.has_location);
    p.has_mapping = mem_zero(profile->modules.count, sizeof *p.has_mapping);
    write_all(&p);
    bool is_whole = fclose(p.out) == 0;
    free(p.packed);
    free(p.has_location);
    free(p.has_mapping);
    free(p.strings.at);
    free(p.function_list.at);
    free(p.labels.at);
    id_map_finish(&p.numbers);
    id_map_finish(&p.functions);
    mem_strings_destroy(p.texts);
    return is_whole ? ERR_NONE : err_set(reterr, ERR_SYSTEM, NULL, "the profile was not written");
}
