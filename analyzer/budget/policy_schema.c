#include "budget/policy_schema.h"

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "budget/policy.h"

enum { VALUE_BYTES_MAX = 512, WAY_BYTES = 256, FIELDS_MAX = 64, WORD_MAX = 48, FINDINGS_MAX = 64 };

#define OPTIONAL_POINTER (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(name, type, member)                                                                   \
    CYAML_FIELD_STRING_PTR(name, OPTIONAL_POINTER, struct type, member, 0, VALUE_BYTES_MAX)
#define NEEDED(name, type, member)                                                                 \
    CYAML_FIELD_STRING_PTR(name, CYAML_FLAG_POINTER, struct type, member, 0, VALUE_BYTES_MAX)
#define PART(name, type, member, fields)                                                           \
    CYAML_FIELD_MAPPING_PTR(name, OPTIONAL_POINTER, struct type, member, fields)

static const cyaml_schema_field_t match_fields[] = {TEXT("function", policy_raw_match, function),
                                                    TEXT("module", policy_raw_match, module),
                                                    TEXT("file", policy_raw_match, file),
                                                    TEXT("site", policy_raw_match, site),
                                                    TEXT("under", policy_raw_match, under),
                                                    TEXT("op", policy_raw_match, op),
                                                    CYAML_FIELD_END};

static const cyaml_schema_field_t ignore_fields[] = {
    TEXT("function", policy_raw_ignore, match.function),
    TEXT("module", policy_raw_ignore, match.module),
    TEXT("file", policy_raw_ignore, match.file),
    TEXT("site", policy_raw_ignore, match.site),
    TEXT("under", policy_raw_ignore, match.under),
    TEXT("leaks_only", policy_raw_ignore, leaks_only),
    CYAML_FIELD_END};

static const cyaml_schema_field_t value_fields[] = {
#define METRIC_FIELD(id, key, unit, merge, words) TEXT(key, policy_raw_values, text[METRIC_##id]),
    BUDGET_METRIC_TABLE(METRIC_FIELD)
#undef METRIC_FIELD
        CYAML_FIELD_END};

static const cyaml_schema_field_t tolerance_fields[] = {
    TEXT("relative", policy_raw_tolerance, relative),
    TEXT("absolute", policy_raw_tolerance, absolute), CYAML_FIELD_END};

static const cyaml_schema_field_t window_fields[] = {
    TEXT("skip", policy_raw_window, skip), TEXT("after_mark", policy_raw_window, after_mark),
    TEXT("until_mark", policy_raw_window, until_mark), TEXT("phase", policy_raw_window, phase),
    CYAML_FIELD_END};

static const cyaml_schema_field_t finding_fields[] = {
    NEEDED("kind", policy_raw_finding, kind), TEXT("above", policy_raw_finding, above),
    TEXT("max", policy_raw_finding, max), CYAML_FIELD_END};

static const cyaml_schema_value_t finding_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_finding, finding_fields)};

static const cyaml_schema_field_t budget_fields[] = {
    NEEDED("name", policy_raw_budget, name),
    PART("match", policy_raw_budget, match, match_fields),
    TEXT("per", policy_raw_budget, per),
    TEXT("each", policy_raw_budget, each),
    PART("limits", policy_raw_budget, limits, value_fields),
    PART("baseline", policy_raw_budget, baseline, value_fields),
    PART("tolerance", policy_raw_budget, tolerance, tolerance_fields),
    PART("window", policy_raw_budget, window, window_fields),
    CYAML_FIELD_SEQUENCE("findings", OPTIONAL_POINTER, struct policy_raw_budget, findings,
                         &finding_value, 0, FINDINGS_MAX),
    TEXT("min_samples", policy_raw_budget, min_samples),
    TEXT("severity", policy_raw_budget, severity),
    TEXT("on_improvement", policy_raw_budget, on_improvement),
    TEXT("allow_dropped", policy_raw_budget, allow_dropped),
    CYAML_FIELD_END};

static const cyaml_schema_value_t budget_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_budget, budget_fields)};

static const cyaml_schema_value_t ignore_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_ignore, ignore_fields)};

static const cyaml_schema_field_t defaults_fields[] = {
    PART("tolerance", policy_raw_defaults, tolerance, tolerance_fields),
    TEXT("runs", policy_raw_defaults, runs),
    TEXT("aggregate", policy_raw_defaults, aggregate),
    TEXT("on_improvement", policy_raw_defaults, on_improvement),
    TEXT("min_samples", policy_raw_defaults, min_samples),
    TEXT("severity", policy_raw_defaults, severity),
    TEXT("allow_dropped", policy_raw_defaults, allow_dropped),
    CYAML_FIELD_END};

static const cyaml_schema_field_t units_fields[] = {
    TEXT("from", policy_raw_units, from), TEXT("name", policy_raw_units, name),
    TEXT("calls", policy_raw_units, calls), CYAML_FIELD_END};

static const cyaml_schema_field_t policy_fields[] = {
    NEEDED("version", policy_raw, version),
    PART("defaults", policy_raw, defaults, defaults_fields),
    PART("units", policy_raw, units, units_fields),
    PART("window", policy_raw, window, window_fields),
    CYAML_FIELD_SEQUENCE("ignore", OPTIONAL_POINTER, struct policy_raw, ignore, &ignore_value, 0,
                         POLICY_IGNORES_MAX),
    CYAML_FIELD_SEQUENCE("budgets", CYAML_FLAG_POINTER, struct policy_raw, budgets, &budget_value,
                         1, POLICY_BUDGETS_MAX),
    CYAML_FIELD_END};

static const cyaml_schema_value_t policy_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy_raw, policy_fields)};

/* What libcyaml said, put together from its lines: the first one, and the way to the place. */
struct complaint {
    char message[VALUE_BYTES_MAX + WAY_BYTES];
    char way[WAY_BYTES]; /* "budgets/2/limits" */
    bool is_in_backtrace;
};

/* libcyaml goes outwards, so each part is put in front. Entries count from 1 there. */
static void add_step(struct complaint *c, const char *line)
{
    char step[WAY_BYTES / 4];
    unsigned entry = 0;
    if (sscanf(line, " in sequence entry '%u'", &entry) == 1) {
        snprintf(step, sizeof step, "%u", entry > 0 ? entry - 1 : 0);
    } else if (sscanf(line, " in mapping field '%63[^']", step) != 1) {
        return;
    }
    char *way = c->way[0] != '\0' ? mem_format("%s/%s", step, c->way) : mem_text(step);
    snprintf(c->way, sizeof c->way, "%s", way);
    free(way);
}

__attribute__((format(printf, 3, 0))) static void hear(cyaml_log_t level, void *context,
                                                       const char *format, va_list arguments)
{
    struct complaint *c = context;
    char line[VALUE_BYTES_MAX];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    if (level < CYAML_LOG_WARNING) {
        return;
    }
    const char *said = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
    if (strcmp(said, "Backtrace:") == 0) {
        c->is_in_backtrace = true;
    } else if (c->is_in_backtrace) {
        add_step(c, line);
    } else if (c->message[0] == '\0') {
        snprintf(c->message, sizeof c->message, "%s", said);
    }
}

static void *take_memory(void *context, void *old, size_t bytes)
{
    (void)context;
    if (bytes == 0) {
        free(old);
        return NULL;
    }
    return mem_resize(old, bytes, 1);
}

static cyaml_config_t config_for(struct complaint *complaint)
{
    return (cyaml_config_t){.log_fn = hear,
                            .log_ctx = complaint,
                            .mem_fn = take_memory,
                            .log_level = CYAML_LOG_WARNING,
                            .flags = CYAML_CFG_NO_ALIAS};
}

/* The keys that may stand at the end of a way. */
static const cyaml_schema_field_t *fields_at(const char *way)
{
    const cyaml_schema_value_t *value = &policy_value;
    while (*way != '\0') {
        size_t length = strcspn(way, "/");
        if (value->type == CYAML_SEQUENCE) {
            value = value->sequence.entry;
        } else if (value->type == CYAML_MAPPING) {
            const cyaml_schema_field_t *field = value->mapping.fields;
            while (field->key != NULL &&
                   (strlen(field->key) != length || strncmp(field->key, way, length) != 0)) {
                field++;
            }
            if (field->key == NULL) {
                return NULL;
            }
            value = &field->value;
        } else {
            return NULL;
        }
        way += length;
        way += *way == '/';
    }
    return value->type == CYAML_MAPPING ? value->mapping.fields : NULL;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Insertions, deletions and changes from one word to another. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX) {
        return UINT32_MAX;
    }
    for (size_t k = 0; k <= b_length; k++) {
        row[k] = (unsigned)k;
    }
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= b_length; k++) {
            unsigned above = row[k];
            row[k] = least(above + 1, row[k - 1] + 1, diagonal + (a[i - 1] != b[k - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *policy_schema_nearest(const char *word, const char *const *words)
{
    const char *nearest = NULL;
    unsigned nearest_by = (unsigned)(strlen(word) / 2 + 1);
    unsigned nearest_changes = 0;
    for (; *words != NULL; words++) {
        bool is_beginning = strncmp(word, *words, strlen(*words)) == 0 ||
                            (strlen(word) > 2 && strncmp(word, *words, strlen(word)) == 0);
        unsigned changes = distance(word, *words);
        unsigned by = is_beginning && changes > 1 ? 1 : changes;
        /* "peak_rs" begins with "peak", and is "peak_rss" */
        if (by < nearest_by || (nearest != NULL && by == nearest_by && changes < nearest_changes)) {
            nearest_by = by;
            nearest_changes = changes;
            nearest = *words;
        }
    }
    return nearest;
}

static char *list_of(const char *const *words)
{
    char *text = mem_text("");
    for (; *words != NULL; words++) {
        char *longer = mem_format("%s%s%s", text, text[0] != '\0' ? ", " : "", *words);
        free(text);
        text = longer;
    }
    return text;
}

static enum err_code refuse_key(const struct policy_text *text, const char *way, const char *key,
                                struct err *reterr)
{
    const char *words[FIELDS_MAX] = {0};
    const cyaml_schema_field_t *field = fields_at(way);
    for (size_t i = 0; field != NULL && field->key != NULL && i < FIELDS_MAX - 1; field++) {
        words[i++] = field->key;
    }
    struct policy_place place = policy_text_key(text, way, key);
    const char *nearest = policy_schema_nearest(key, words);
    if (nearest != NULL) {
        return policy_text_fail(text, place, reterr, "'%s' is not known here; did you mean '%s'?",
                                key, nearest);
    }
    char *known = list_of(words);
    enum err_code code =
        policy_text_fail(text, place, reterr, "'%s' is not known here; known are: %s", key, known);
    free(known);
    return code;
}

static void drop_last_step(char *way)
{
    char *slash = strrchr(way, '/');
    *(slash != NULL ? slash : way) = '\0';
}

/* The last part of the way that may have this key: libcyaml tells the field before as well. */
static char *mapping_with(const char *way, const char *key)
{
    char *at = mem_text(way);
    while (at[0] != '\0') {
        const cyaml_schema_field_t *field = fields_at(at);
        while (field != NULL && field->key != NULL && strcmp(field->key, key) != 0) {
            field++;
        }
        if (field != NULL && field->key != NULL) {
            break;
        }
        drop_last_step(at);
    }
    return at;
}

/* Where the list begins: the entry that libcyaml tells is the last of those that it took. */
static struct policy_place place_of_list(const struct policy_text *text, const char *entry_way)
{
    char *way = mem_text(entry_way);
    drop_last_step(way);
    struct policy_place place = policy_text_place(text, way);
    free(way);
    return place;
}

static enum err_code say_complaint(const struct policy_text *text, const struct complaint *c,
                                   cyaml_err_t error, struct err *reterr)
{
    const char *value = strchr(c->message, ':');
    value = value != NULL ? value + 1 + (value[1] == ' ') : c->message;
    struct policy_place place = policy_text_place(text, c->way);
    if (error == CYAML_ERR_INVALID_KEY) {
        return refuse_key(text, c->way, value, reterr);
    }
    if (error == CYAML_ERR_MAPPING_FIELD_MISSING) {
        char *way = mapping_with(c->way, value);
        place = policy_text_place(text, way);
        free(way);
        return policy_text_fail(text, place, reterr, "'%s' is missing here", value);
    }
    if (error == CYAML_ERR_SEQUENCE_ENTRIES_MAX) {
        place = place_of_list(text, c->way);
    }
    if (strstr(c->message, "Expecting") != NULL) {
        bool wants_value = strstr(c->message, "Expecting STRING") != NULL;
        bool wants_list = strstr(c->message, "Expecting SEQUENCE") != NULL;
        return policy_text_fail(text, place, reterr, "%s",
                                wants_value  ? "one value is wanted here, not a list or a mapping"
                                : wants_list ? "a list is wanted here: lines that begin with '- '"
                                             : "'key: value' lines are wanted here");
    }
    return policy_text_fail(text, place, reterr, "%s",
                            c->message[0] != '\0' ? c->message : cyaml_strerror(error));
}

/* "tolerance: 5%" is short for "tolerance: {relative: 5%}". */
static void write_out_tolerances(struct policy_text *text)
{
    MEM_ARRAY(char *) ways = {0};
    *MEM_PUSH(&ways) = mem_text("defaults/tolerance");
    size_t budgets = policy_text_count(text, "budgets");
    for (size_t i = 0; i < budgets && i < POLICY_BUDGETS_MAX; i++) {
        *MEM_PUSH(&ways) = mem_format("budgets/%zu/tolerance", i);
    }
    policy_text_wrap(text, ways.at, ways.count, "{relative: ", "}");
    for (size_t i = 0; i < ways.count; i++) {
        free(ways.at[i]);
    }
    free(ways.at);
}

enum err_code policy_schema_load(struct policy_text *text, struct policy_raw **ret,
                                 struct err *reterr)
{
    struct complaint complaint = {.is_in_backtrace = false};
    cyaml_config_t config = config_for(&complaint);
    cyaml_data_t *data = NULL;
    write_out_tolerances(text);
    cyaml_err_t error = cyaml_load_data((const uint8_t *)text->bytes, text->length, &config,
                                        &policy_value, &data, NULL);
    if (error != CYAML_OK) {
        return say_complaint(text, &complaint, error, reterr);
    }
    if (data == NULL) {
        return policy_text_fail(text, (struct policy_place){1, 1}, reterr,
                                "the file is empty; a policy begins with 'version: 1'");
    }
    *ret = data;
    return ERR_NONE;
}

void policy_schema_free(struct policy_raw *raw)
{
    struct complaint complaint = {.is_in_backtrace = false};
    cyaml_config_t config = config_for(&complaint);
    (void)cyaml_free(&config, &policy_value, raw, 0);
}
