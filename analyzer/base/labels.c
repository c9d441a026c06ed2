#include "base/labels.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct label {
    char *key;
    char *value;
    size_t place; /* where it was given: the later one of a key holds */
};

static bool is_key(const char *key)
{
    if (!isalpha((unsigned char)key[0]) && key[0] != '_') {
        return false;
    }
    for (const char *c = key; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("_.-", *c) == NULL) {
            return false;
        }
    }
    return strlen(key) <= LABELS_TEXT_MAX;
}

static bool is_value(const char *value)
{
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return value[0] != '\0' && strlen(value) <= LABELS_TEXT_MAX;
}

bool labels_next(const char **labels, char **ret_key, char **ret_value)
{
    const char *text = *labels;
    if (text[0] == '\0') {
        return false;
    }
    size_t length = strcspn(text, ",");
    size_t key = strcspn(text, "=,");
    size_t value = key < length ? key + 1 : length;
    *ret_key = mem_format("%.*s", (int)key, text);
    *ret_value = mem_format("%.*s", (int)(length - value), text + value);
    *labels = text + length + (text[length] == ',');
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct label *x = a;
    const struct label *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

static char *join(const struct label *labels, size_t count)
{
    char *text = mem_text("");
    for (size_t i = 0; i < count; i++) {
        bool is_last_of_key = i + 1 == count || strcmp(labels[i].key, labels[i + 1].key) != 0;
        if (is_last_of_key) {
            char *longer = mem_format("%s%s%s=%s", text, text[0] != '\0' ? "," : "", labels[i].key,
                                      labels[i].value);
            free(text);
            text = longer;
        }
    }
    return text;
}

char *labels_canonical(const char *text, size_t *ret_refused)
{
    struct label labels[LABELS_MAX];
    size_t count = 0;
    size_t refused = 0;
    struct label next = {0};
    while (labels_next(&text, &next.key, &next.value)) {
        bool is_empty = next.key[0] == '\0' && next.value[0] == '\0'; /* "a=1,,b=2" */
        if (count < LABELS_MAX && is_key(next.key) && is_value(next.value)) {
            next.place = count;
            labels[count++] = next;
            continue;
        }
        refused += !is_empty;
        free(next.key);
        free(next.value);
    }
    qsort(labels, count, sizeof *labels, by_key);
    char *joined = join(labels, count);
    for (size_t i = 0; i < count; i++) {
        free(labels[i].key);
        free(labels[i].value);
    }
    if (ret_refused != NULL) {
        *ret_refused = refused;
    }
    return joined;
}

char *labels_value(const char *labels, const char *key)
{
    char *next = NULL;
    char *value = NULL;
    while (labels_next(&labels, &next, &value)) {
        bool is_it = strcmp(next, key) == 0;
        free(next);
        if (is_it) {
            return value;
        }
        free(value);
    }
    return NULL;
}

char *labels_common(const char *a, const char *b)
{
    char *common = mem_text("");
    char *key = NULL;
    char *value = NULL;
    while (labels_next(&a, &key, &value)) {
        char *other = labels_value(b, key);
        if (other != NULL && strcmp(other, value) == 0) {
            char *longer =
                mem_format("%s%s%s=%s", common, common[0] != '\0' ? "," : "", key, value);
            free(common);
            common = longer;
        }
        free(other);
        free(key);
        free(value);
    }
    return common;
}
