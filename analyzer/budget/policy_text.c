#include "budget/policy_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

static struct policy_place place_of(yaml_mark_t mark)
{
    return (struct policy_place){mark.line + 1, mark.column + 1};
}

enum err_code policy_text_fail(const struct policy_text *text, struct policy_place place,
                               struct err *reterr, const char *format, ...)
{
    char message[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    char *shown = escape_terminal(message);
    char *path = escape_terminal(text->path);
    enum err_code code =
        err_set(reterr, ERR_USAGE, NULL, "%s:%zu:%zu: %s", path, place.line, place.column, shown);
    free(path);
    free(shown);
    return code;
}

/* What the events so far add up to. */
struct extent {
    unsigned depth;
    unsigned documents;
    size_t nodes;
};

static void extend(struct extent *extent, yaml_event_type_t type)
{
    extent->depth += type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
    extent->depth -= type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
    extent->documents += type == YAML_DOCUMENT_START_EVENT;
    extent->nodes += 1;
}

static bool has_nul(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT &&
           memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL;
}

static const char *excess(const yaml_event_t *event, const struct extent *extent)
{
    if (event->type == YAML_ALIAS_EVENT) {
        return "aliases (*name) are not allowed in a policy; write it out";
    }
    if (extent->documents > 1) {
        return "a second document (---): its budgets would not be held; put both into one";
    }
    if (has_nul(event)) {
        return "a NUL (\\0) in a text";
    }
    if (extent->depth > POLICY_DEPTH) {
        return "nested deeper than any policy is";
    }
    return extent->nodes > POLICY_NODES ? "more parts than any policy has" : NULL;
}

static enum err_code fail_parser(const struct policy_text *text, const yaml_parser_t *parser,
                                 struct err *reterr)
{
    struct policy_place place = place_of(parser->problem_mark);
    return policy_text_fail(text, place, reterr, "this is not YAML: %s",
                            parser->problem != NULL ? parser->problem : "unreadable");
}

/* Walks the events, which take no memory, before a document is made of them. */
static enum err_code check_bounds(const struct policy_text *text, yaml_parser_t *parser,
                                  struct err *reterr)
{
    struct extent extent = {0};
    for (bool is_done = false; !is_done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return fail_parser(text, parser, reterr);
        }
        extend(&extent, event.type);
        const char *why = excess(&event, &extent);
        struct policy_place place = place_of(event.start_mark);
        is_done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (why != NULL) {
            return policy_text_fail(text, place, reterr, "%s", why);
        }
    }
    return ERR_NONE;
}

static void set_input(yaml_parser_t *parser, const struct policy_text *text)
{
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text->bytes, text->length);
}

/* YAML allows lists and maps as keys; no policy has any. The first one in a map, or NULL. */
static const yaml_node_t *odd_key(yaml_document_t *document, const yaml_node_t *map)
{
    const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
    for (; pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        if (key->type != YAML_SCALAR_NODE) {
            return key;
        }
    }
    return NULL;
}

static enum err_code check_keys(struct policy_text *text, struct err *reterr)
{
    yaml_document_t *document = &text->document;
    for (const yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
        const yaml_node_t *key = node->type == YAML_MAPPING_NODE ? odd_key(document, node) : NULL;
        if (key != NULL) {
            return policy_text_fail(text, place_of(key->start_mark), reterr,
                                    "a key is one word, not a list or a map");
        }
    }
    return ERR_NONE;
}

static enum err_code load_document(struct policy_text *text, struct err *reterr)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return err_set(reterr, ERR_SYSTEM, text->path, "no memory for its YAML");
    }
    set_input(&parser, text);
    enum err_code code = check_bounds(text, &parser, reterr);
    yaml_parser_delete(&parser);
    if (code != ERR_NONE || !yaml_parser_initialize(&parser)) {
        return code != ERR_NONE ? code : err_set(reterr, ERR_SYSTEM, text->path, "no memory");
    }
    set_input(&parser, text);
    if (yaml_parser_load(&parser, &text->document)) {
        text->has_document = 1;
    } else {
        code = fail_parser(text, &parser, reterr);
    }
    yaml_parser_delete(&parser);
    if (code == ERR_NONE) {
        code = check_keys(text, reterr);
    }
    if (code == ERR_NONE && yaml_document_get_root_node(&text->document) == NULL) {
        code = policy_text_fail(text, (struct policy_place){1, 1}, reterr,
                                "the file is empty; a policy begins with 'version: 1'");
    }
    return code;
}

enum err_code policy_text_take(const char *path, const char *bytes, size_t length,
                               struct policy_text *ret, struct err *reterr)
{
    *ret = (struct policy_text){.path = path, .length = length};
    if (length > POLICY_TEXT_BYTES) {
        return err_set(reterr, ERR_USAGE, path, "larger than a policy may be (1 MiB)");
    }
    if (memchr(bytes, '\0', length) != NULL) {
        return err_set(reterr, ERR_USAGE, path, "holds NUL bytes: not a policy");
    }
    if (memchr(bytes, '\r', length) != NULL) {
        return err_set(reterr, ERR_USAGE, path, "has CR line ends; a policy has LF ones");
    }
    ret->bytes = mem_zero(length + 1, 1);
    memcpy(ret->bytes, bytes, length);
    enum err_code code = load_document(ret, reterr);
    if (code != ERR_NONE) {
        policy_text_finish(ret);
    }
    return code;
}

enum err_code policy_text_read(const char *path, struct policy_text *ret, struct err *reterr)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return err_set(reterr, ERR_USAGE, path,
                       "cannot read this policy: %s; --budget=FILE names another, and `man "
                       "alloctrap-check` shows one to begin with",
                       strerror(errno));
    }
    char *bytes = mem_zero(POLICY_TEXT_BYTES + 2, 1);
    size_t length = fread(bytes, 1, POLICY_TEXT_BYTES + 1, in);
    bool is_read = !ferror(in);
    fclose(in);
    enum err_code code = is_read ? policy_text_take(path, bytes, length, ret, reterr)
                                 : err_set(reterr, ERR_USAGE, path, "cannot read this policy");
    free(bytes);
    return code;
}

void policy_text_finish(struct policy_text *text)
{
    if (text->has_document) {
        yaml_document_delete(&text->document);
    }
    free(text->bytes);
    *text = (struct policy_text){0};
}

static bool is_key(const yaml_node_t *node, const char *key, size_t length)
{
    return node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length == length &&
           memcmp(node->data.scalar.value, key, length) == 0;
}

/* The key's node; *ret_value is its value's. */
static yaml_node_t *find_key(yaml_document_t *document, const yaml_node_t *mapping, const char *key,
                             size_t length, yaml_node_t **ret_value)
{
    if (mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        yaml_node_t *node = yaml_document_get_node(document, pair->key);
        if (is_key(node, key, length)) {
            *ret_value = yaml_document_get_node(document, pair->value);
            return node;
        }
    }
    return NULL;
}

static yaml_node_t *step(yaml_document_t *document, const yaml_node_t *from, const char *name,
                         size_t length)
{
    yaml_node_t *found = NULL;
    if (from->type == YAML_SEQUENCE_NODE) {
        size_t index = strtoul(name, NULL, 10);
        const yaml_node_item_t *first = from->data.sequence.items.start;
        size_t count = (size_t)(from->data.sequence.items.top - first);
        return index < count ? yaml_document_get_node(document, first[index]) : NULL;
    }
    (void)find_key(document, from, name, length, &found);
    return found;
}

/* The node at the end of the way; the last there is, or when it must be exact NULL. libyaml has no
 * const document. */
static yaml_node_t *walk(const struct policy_text *text, const char *way, bool is_exact)
{
    yaml_document_t document = text->document;
    yaml_node_t *node = yaml_document_get_root_node(&document);
    while (*way != '\0') {
        size_t length = strcspn(way, "/");
        yaml_node_t *next = step(&document, node, way, length);
        if (next == NULL) {
            return is_exact ? NULL : node;
        }
        node = next;
        way += length;
        way += *way == '/';
    }
    return node;
}

struct policy_place policy_text_place(const struct policy_text *text, const char *way)
{
    return place_of(walk(text, way, false)->start_mark);
}

struct policy_place policy_text_key(const struct policy_text *text, const char *way,
                                    const char *key)
{
    yaml_document_t document = text->document;
    yaml_node_t *mapping = walk(text, way, false);
    yaml_node_t *value = NULL;
    yaml_node_t *node = find_key(&document, mapping, key, strlen(key), &value);
    return place_of(node != NULL ? node->start_mark : mapping->start_mark);
}

size_t policy_text_count(const struct policy_text *text, const char *way)
{
    const yaml_node_t *node = walk(text, way, true);
    if (node == NULL || node->type != YAML_SEQUENCE_NODE) {
        return 0;
    }
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

/* libyaml counts characters; what is wrapped is bytes. */
static size_t byte_offset(const char *bytes, yaml_mark_t mark)
{
    const char *at = bytes;
    for (size_t line = 0; line < mark.line && at != NULL; line++) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    for (size_t column = 0; at != NULL && column < mark.column && *at != '\0'; column++) {
        do {
            at++;
        } while (((unsigned char)*at & 0xc0) == 0x80);
    }
    return at != NULL ? (size_t)(at - bytes) : strlen(bytes);
}

struct span {
    size_t first;
    size_t end;
};

static int earlier_first(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void insert(struct policy_text *text, const struct span *spans, size_t count,
                   const char *before, const char *after)
{
    size_t each_bytes = strlen(before) + strlen(after);
    char *bytes = mem_zero(text->length + count * each_bytes + 1, 1);
    char *end = bytes;
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        end = mempcpy(end, text->bytes + done, spans[i].first - done);
        end = stpcpy(end, before);
        end = mempcpy(end, text->bytes + spans[i].first, spans[i].end - spans[i].first);
        end = stpcpy(end, after);
        done = spans[i].end;
    }
    end = stpcpy(end, text->bytes + done);
    free(text->bytes);
    text->bytes = bytes;
    text->length = (size_t)(end - bytes);
}

void policy_text_wrap(struct policy_text *text, char *const *ways, size_t count, const char *before,
                      const char *after)
{
    MEM_ARRAY(struct span) spans = {0};
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *node = walk(text, ways[i], true);
        if (node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length != 0 &&
            node->start_mark.line == node->end_mark.line) {
            struct span span = {byte_offset(text->bytes, node->start_mark),
                                byte_offset(text->bytes, node->end_mark)};
            if (span.first < span.end) { /* U+2028 is a line's end to YAML, not to us */
                *MEM_PUSH(&spans) = span;
            }
        }
    }
    if (spans.count > 1) {
        qsort(spans.at, spans.count, sizeof *spans.at, earlier_first);
    }
    insert(text, spans.at, spans.count, before, after);
    free(spans.at);
}
