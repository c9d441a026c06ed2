#include "budget/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct baseline *baseline_create(void)
{
    struct baseline *baseline = mem_zero(1, sizeof *baseline);
    baseline->strings = mem_strings_create();
    return baseline;
}

static void free_table(struct baseline_entry **table)
{
    struct baseline_entry *entry;
    struct baseline_entry *next;
    HASH_ITER (hh, *table, entry, next) {
        HASH_DEL(*table, entry);
        free(entry);
    }
}

void baseline_destroy(struct baseline *baseline)
{
    if (baseline == NULL) {
        return;
    }
    for (size_t i = 0; i < baseline->variants.count; i++) {
        free_table(&baseline->variants.at[i].budgets);
        free_table(&baseline->variants.at[i].sites);
    }
    free(baseline->variants.at);
    mem_strings_destroy(baseline->strings);
    free(baseline);
}

const struct baseline_variant *baseline_find(const struct baseline *baseline, const char *variant)
{
    for (size_t i = 0; baseline != NULL && i < baseline->variants.count; i++) {
        if (strcmp(baseline->variants.at[i].name, variant) == 0) {
            return &baseline->variants.at[i];
        }
    }
    return NULL;
}

char *baseline_part_name(const struct policy_budget *budget, const char *site)
{
    return mem_format("%s: %s", budget->name, site);
}

size_t baseline_site_count(const struct baseline_variant *variant)
{
    return HASH_COUNT(variant->sites);
}

const struct baseline_entry *baseline_entry(const struct baseline_entry *table, const char *name)
{
    struct baseline_entry *found = NULL;
    HASH_FIND_STR(table, name, found);
    return found;
}

struct baseline_variant *baseline_renew(struct baseline *baseline, const char *variant)
{
    struct baseline_variant *found = NULL;
    for (size_t i = 0; i < baseline->variants.count && found == NULL; i++) {
        found =
            strcmp(baseline->variants.at[i].name, variant) == 0 ? &baseline->variants.at[i] : NULL;
    }
    if (found == NULL) {
        found = MEM_PUSH(&baseline->variants);
    }
    free_table(&found->budgets);
    free_table(&found->sites);
    *found = (struct baseline_variant){.name = mem_strings_keep(baseline->strings, variant),
                                       .tool = "",
                                       .machine = "",
                                       .libc = "",
                                       .allocator = ""};
    return found;
}

struct baseline_entry *baseline_add(struct baseline *baseline, struct baseline_entry **table,
                                    const char *name)
{
    struct baseline_entry *entry = NULL;
    HASH_FIND_STR(*table, name, entry);
    if (entry == NULL) {
        entry = mem_zero(1, sizeof *entry);
        entry->name = mem_strings_keep(baseline->strings, name);
        HASH_ADD_KEYPTR(hh, *table, entry->name, strlen(entry->name), entry);
    }
    return entry;
}

/* Reading. */

struct reader {
    const char *path;
    struct baseline *baseline;
    struct err *reterr;
};

static enum err_code damaged(struct reader *r, const char *what)
{
    return err_set(r->reterr, ERR_FORMAT, r->path,
                   "not a baseline that this program can read: %s; remove it and make it "
                   "anew with --update-baseline",
                   what);
}

static enum err_code read_entry(struct reader *r, json_t *object, const char *key_name,
                                struct baseline_entry **table)
{
    const char *name = json_string_value(json_object_get(object, key_name));
    if (name == NULL) {
        return damaged(r, "an entry has no name");
    }
    if (baseline_entry(*table, name) != NULL) {
        return damaged(r, "an entry is there twice");
    }
    struct baseline_entry *entry = baseline_add(r->baseline, table, name);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        bool is_number = json_is_integer(value) && json_integer_value(value) >= 0;
        uint64_t number = is_number ? (uint64_t)json_integer_value(value) : 0;
        if (strcmp(key, key_name) != 0 && !is_number) {
            return damaged(r, "an entry holds what is no number");
        }
        for (int m = 0; m < METRIC_COUNT; m++) {
            if (strcmp(key, budget_metric_facts((enum budget_metric)m)->key) == 0) {
                entry->has[m] = true;
                entry->of[m] = number;
            }
        }
        entry->units = strcmp(key, "units") == 0 ? number : entry->units;
    }
    return ERR_NONE;
}

static enum err_code read_table(struct reader *r, json_t *array, const char *key_name,
                                struct baseline_entry **table)
{
    enum err_code code = json_is_array(array) ? ERR_NONE : damaged(r, "a list is missing");
    for (size_t i = 0; code == ERR_NONE && i < json_array_size(array); i++) {
        code = read_entry(r, json_array_get(array, i), key_name, table);
    }
    return code;
}

static const char *text_of(struct reader *r, json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return mem_strings_keep(r->baseline->strings, text != NULL ? text : "");
}

static enum err_code read_variant(struct reader *r, json_t *object)
{
    const char *name = text_of(r, object, "variant");
    if (name[0] == '\0' || baseline_find(r->baseline, name) != NULL ||
        r->baseline->variants.count >= BASELINE_VARIANTS_MAX) {
        return damaged(r, "a variant has no name of its own");
    }
    struct baseline_variant *variant = baseline_renew(r->baseline, name);
    variant->tool = text_of(r, object, "tool");
    variant->machine = text_of(r, object, "machine");
    variant->libc = text_of(r, object, "libc");
    variant->allocator = text_of(r, object, "allocator");
    enum err_code code =
        read_table(r, json_object_get(object, "budgets"), "name", &variant->budgets);
    return code == ERR_NONE
               ? read_table(r, json_object_get(object, "sites"), "key", &variant->sites)
               : code;
}

static enum err_code read_root(struct reader *r, json_t *root)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    json_t *variants = json_object_get(root, "variants");
    if (format == NULL || strcmp(format, BASELINE_FORMAT) != 0 || !json_is_array(variants)) {
        return damaged(r, "it does not say that its format is " BASELINE_FORMAT);
    }
    enum err_code code = ERR_NONE;
    for (size_t i = 0; code == ERR_NONE && i < json_array_size(variants); i++) {
        code = read_variant(r, json_array_get(variants, i));
    }
    return code;
}

static enum err_code open_file(const char *path, FILE **ret, struct err *reterr)
{
    struct stat status;
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        enum err_code code = errno == ENOENT ? ERR_MISSING : ERR_SYSTEM;
        return err_set(reterr, code, path, "cannot read this baseline: %s", strerror(errno));
    }
    if (fstat(fileno(in), &status) != 0 || status.st_size > BASELINE_BYTES_MAX) {
        fclose(in);
        return err_set(reterr, ERR_FORMAT, path, "larger than a baseline can be");
    }
    *ret = in;
    return ERR_NONE;
}

enum err_code baseline_load(const char *path, struct baseline **ret, struct err *reterr)
{
    FILE *in = NULL;
    enum err_code code = open_file(path, &in, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    json_error_t error;
    json_t *root = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
    fclose(in);
    if (root == NULL) {
        return err_set(reterr, ERR_FORMAT, path,
                       "line %d, column %d: %s; a merge may have left its marks: remove it "
                       "and make it anew with --update-baseline",
                       error.line, error.column, error.text);
    }
    struct reader r = {path, baseline_create(), reterr};
    code = read_root(&r, root);
    json_decref(root);
    if (code == ERR_NONE) {
        *ret = r.baseline;
    } else {
        baseline_destroy(r.baseline);
    }
    return code;
}

/* Writing. */

static int by_name(const void *a, const void *b)
{
    const struct baseline_entry *const *x = a;
    const struct baseline_entry *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static const struct baseline_entry **sorted(const struct baseline_entry *table, size_t *ret_count)
{
    size_t count = HASH_COUNT(table);
    const struct baseline_entry **entries = mem_zero(count + 1, sizeof(void *));
    size_t i = 0;
    for (const struct baseline_entry *entry = table; entry != NULL; entry = entry->hh.next) {
        entries[i++] = entry;
    }
    qsort(entries, count, sizeof(void *), by_name);
    *ret_count = count;
    return entries;
}

/* jansson's own text of a member, in the order in which members were set. */
static void print_object(FILE *out, json_t *object)
{
    char *text = json_dumps(object, JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    fputs(text != NULL ? text : "{}", out);
    free(text);
    json_decref(object);
}

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    return json != NULL ? json : json_string("?"); /* not UTF-8 */
}

static void print_entry(FILE *out, const struct baseline_entry *entry, const char *key_name)
{
    json_t *object = json_object();
    json_object_set_new(object, key_name, text_json(entry->name));
    for (int m = 0; m < METRIC_COUNT; m++) {
        uint64_t value = entry->of[m] < INT64_MAX ? entry->of[m] : INT64_MAX;
        if (entry->has[m]) {
            json_object_set_new(object, budget_metric_facts((enum budget_metric)m)->key,
                                json_integer((json_int_t)value));
        }
    }
    if (entry->units != 0) {
        json_object_set_new(object, "units", json_integer((json_int_t)entry->units));
    }
    print_object(out, object);
}

static void print_table(FILE *out, const char *name, const char *key_name,
                        const struct baseline_entry *table)
{
    size_t count = 0;
    const struct baseline_entry **entries = sorted(table, &count);
    fprintf(out, "      \"%s\": [", name);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ",\n        " : "\n        ", out);
        print_entry(out, entries[i], key_name);
    }
    fputs(count > 0 ? "\n      ]" : "]", out);
    free(entries);
}

static int by_variant(const void *a, const void *b)
{
    const struct baseline_variant *x = a;
    const struct baseline_variant *y = b;
    return strcmp(x->name, y->name);
}

static void print_variant(FILE *out, const struct baseline_variant *v)
{
    const struct {
        const char *key;
        const char *text;
    } lines[] = {{"variant", v->name},
                 {"tool", v->tool},
                 {"machine", v->machine},
                 {"libc", v->libc},
                 {"allocator", v->allocator}};
    fputs("    {\n", out);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        json_t *text = text_json(lines[i].text);
        char *shown = json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        fprintf(out, "      \"%s\": %s,\n", lines[i].key, shown != NULL ? shown : "\"\"");
        free(shown);
        json_decref(text);
    }
    print_table(out, "budgets", "name", v->budgets);
    fputs(",\n", out);
    print_table(out, "sites", "key", v->sites);
    fputs("\n    }", out);
}

char *baseline_text(const struct baseline *baseline)
{
    char *text = NULL;
    size_t length = 0;
    size_t count = baseline->variants.count;
    struct baseline_variant *variants = mem_zero(count + 1, sizeof *variants);
    if (count > 0) {
        memcpy(variants, baseline->variants.at, count * sizeof *variants);
        qsort(variants, count, sizeof *variants, by_variant);
    }
    FILE *out = open_memstream(&text, &length);
    fputs("{\n  \"format\": \"" BASELINE_FORMAT "\",\n  \"variants\": [\n", out);
    for (size_t i = 0; i < count; i++) {
        print_variant(out, &variants[i]);
        fputs(i + 1 < count ? ",\n" : "\n", out);
    }
    fputs("  ]\n}\n", out);
    fclose(out);
    free(variants);
    return text;
}

enum err_code baseline_write(const char *path, const char *text, struct err *reterr)
{
    char *beside = mem_format("%s.XXXXXX", path);
    int fd = mkstemp(beside);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool is_written = out != NULL && fputs(text, out) >= 0 && fchmod(fd, 0644) == 0;
    is_written = out != NULL && fclose(out) == 0 && is_written && rename(beside, path) == 0;
    enum err_code code = ERR_NONE;
    if (!is_written) {
        code = err_set(reterr, ERR_SYSTEM, path, "cannot write this baseline: %s", strerror(errno));
        if (fd >= 0) {
            (void)unlink(beside);
        }
    }
    free(beside);
    return code;
}
