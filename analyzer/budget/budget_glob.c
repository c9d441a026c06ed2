#include "budget/budget_glob.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "insight/name_form.h"

enum { NAME_BYTES = 1024, PARTS_MAX = 64 };

const char *budget_glob_check(const char *pattern)
{
    size_t stars = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        stars += *at == '*';
    }
    if (pattern[0] == '\0') {
        return "a pattern, as in parse_* or malloc|calloc";
    }
    if (strncmp(pattern, "re:", 3) == 0) {
        return "a pattern of * ? [..] and |; regular expressions are not supported";
    }
    if (strlen(pattern) >= BUDGET_GLOB_BYTES || stars > BUDGET_GLOB_STARS) {
        return "a pattern of at most 255 bytes with at most 16 stars";
    }
    return NULL;
}

typedef bool match_one(const char *pattern, const char *name);

/* Tries the alternatives between | one by one. */
static bool match_any(const char *pattern, const char *name, match_one *match)
{
    char one[BUDGET_GLOB_BYTES];
    while (true) {
        size_t length = strcspn(pattern, "|");
        if (length < sizeof one) {
            memcpy(one, pattern, length);
            one[length] = '\0';
            if (match(one, name)) {
                return true;
            }
        }
        if (pattern[length] == '\0') {
            return false;
        }
        pattern += length + 1;
    }
}

/* Names beyond NAME_BYTES are matched by their beginning: patterns are no longer either. */
static bool match_name(const char *pattern, const char *name)
{
    if (strlen(name) < NAME_BYTES) {
        return fnmatch(pattern, name, 0) == 0;
    }
    char cut[NAME_BYTES];
    memcpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = '\0';
    return fnmatch(pattern, cut, 0) == 0;
}

bool budget_glob_matches(const char *pattern, const char *name)
{
    return match_any(pattern, name, match_name);
}

/* Takes "<...>" out of a folded name. */
static void drop_templates(char *name)
{
    for (char *found; (found = strstr(name, "<...>")) != NULL;) {
        memmove(found, found + 5, strlen(found + 5) + 1);
    }
}

/* Cuts the arguments off: the last ( at the outermost level, and what follows. */
static void drop_arguments(char *name)
{
    size_t length = strlen(name);
    int depth = 0;
    for (size_t i = length; i > 0; i--) {
        depth += name[i - 1] == ')';
        depth -= name[i - 1] == '(';
        if (name[i - 1] == '(' && depth == 0 && i > 1 &&
            (i < 9 || strncmp(name + i - 9, "operator(", 9) != 0)) {
            name[i - 1] = '\0';
            return;
        }
    }
}

bool budget_glob_matches_function(const char *pattern, const char *function)
{
    if (budget_glob_matches(pattern, function)) {
        return true;
    }
    if (strpbrk(function, "(<") == NULL || strlen(function) > NAME_BYTES) {
        return false;
    }
    char *plain = mem_text(function);
    drop_arguments(plain);
    bool is_match = budget_glob_matches(pattern, plain);
    free(plain);
    if (!is_match) {
        char *folded = name_form_fold(function);
        drop_arguments(folded);
        is_match = budget_glob_matches(pattern, folded);
        drop_templates(folded);
        is_match = is_match || budget_glob_matches(pattern, folded);
        free(folded);
    }
    return is_match;
}

/* The components of a path, ends of text made in it; "." is left out, "a/.." too. */
static size_t split(char *text, const char **parts)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *part = strtok_r(text, "/", &rest); part != NULL && count < PARTS_MAX;
         part = strtok_r(NULL, "/", &rest)) {
        if (strcmp(part, "..") == 0 && count > 0 && strcmp(parts[count - 1], "..") != 0) {
            count -= 1;
        } else if (strcmp(part, ".") != 0) {
            parts[count++] = part;
        }
    }
    return count;
}

/* Row by row: can the first i parts of the pattern match the first k of the path? No recursion, so
 * that many ** cost no more than few. */
static bool match_parts(const char **pattern, size_t pattern_count, const char **path,
                        size_t path_count)
{
    bool can[PARTS_MAX + 2] = {true};
    for (size_t i = 0; i < pattern_count; i++) {
        bool next[PARTS_MAX + 2] = {false};
        bool is_any = strcmp(pattern[i], "**") == 0;
        next[0] = is_any && can[0];
        for (size_t k = 1; k <= path_count; k++) {
            next[k] = is_any ? can[k] || next[k - 1]
                             : can[k - 1] && fnmatch(pattern[i], path[k - 1], 0) == 0;
        }
        memcpy(can, next, sizeof can);
    }
    return can[path_count];
}

static bool match_path(const char *pattern, const char *path)
{
    const char *pattern_parts[PARTS_MAX + 1] = {"**"};
    const char *path_parts[PARTS_MAX];
    size_t floating = pattern[0] == '/' ? 0 : 1;
    char *pattern_text = mem_text(pattern);
    char *path_text = mem_text(path);
    size_t pattern_count = floating + split(pattern_text, pattern_parts + floating);
    size_t path_count = split(path_text, path_parts);
    bool is_match = match_parts(pattern_parts, pattern_count, path_parts, path_count);
    free(path_text);
    free(pattern_text);
    return is_match;
}

bool budget_glob_matches_path(const char *pattern, const char *path)
{
    return path[0] != '\0' && match_any(pattern, path, match_path);
}
