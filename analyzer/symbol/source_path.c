#include "symbol/source_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Takes the last part off; false when there is none to take, or it is "..". */
static bool drop_last(char *path, size_t *length)
{
    size_t start = *length;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    if (start == *length || (*length - start == 2 && memcmp(path + start, "..", 2) == 0)) {
        return false;
    }
    *length = start > 1 ? start - 1 : start;
    return true;
}

static void add_part(char *path, size_t *length, const char *part, size_t bytes)
{
    if (*length > 0 && path[*length - 1] != '/') {
        path[(*length)++] = '/';
    }
    memcpy(path + *length, part, bytes);
    *length += bytes;
}

char *source_path_tidy(const char *path)
{
    char *tidy = mem_zero(strlen(path) + 2, 1);
    bool is_absolute = path[0] == '/';
    size_t length = is_absolute ? 1 : 0;
    tidy[0] = is_absolute ? '/' : '\0';
    while (*path != '\0') {
        size_t bytes = strcspn(path, "/");
        bool is_up = bytes == 2 && memcmp(path, "..", 2) == 0;
        bool is_here = bytes == 0 || (bytes == 1 && path[0] == '.');
        if (is_up && !drop_last(tidy, &length) && !is_absolute) {
            add_part(tidy, &length, path, bytes);
        } else if (!is_up && !is_here) {
            add_part(tidy, &length, path, bytes);
        }
        path += bytes + (path[bytes] == '/');
    }
    tidy[length] = '\0';
    return tidy;
}

bool source_places_map(struct source_places *places, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return false;
    }
    char *from = mem_format("%.*s", (int)(equals - text), text);
    places->maps = mem_resize(places->maps, places->map_count + 1, sizeof *places->maps);
    places->maps[places->map_count++] = (struct source_map){source_path_tidy(from), equals + 1};
    free(from);
    return true;
}

void source_places_finish(struct source_places *places)
{
    for (size_t i = 0; i < places->map_count; i++) {
        free(places->maps[i].from);
    }
    free(places->maps);
    *places = (struct source_places){0};
}

/* What is left of path below folder, without a '/' before it; NULL when it is not below. A folder
 * "" is that of names without a root, as -fdebug-prefix-map=FOLDER=. makes them. */
static const char *below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (length == 0) {
        return path[0] != '/' ? path : NULL;
    }
    if (strncmp(path, folder, length) != 0) {
        return NULL;
    }
    bool ends_there = folder[length - 1] == '/' || path[length] == '/';
    return ends_there ? path + length + (path[length] == '/') : NULL;
}

char *source_places_find(const struct source_places *places, const char *path)
{
    for (size_t i = 0; i < places->map_count; i++) {
        const char *rest = below(path, places->maps[i].from);
        if (rest != NULL) {
            const char *to = places->maps[i].to;
            return mem_format("%s%s%s", to, to[strlen(to) - 1] == '/' ? "" : "/", rest);
        }
    }
    bool has_root = places->sysroot != NULL && path[0] == '/';
    return mem_format("%s%s", has_root ? places->sysroot : "", path);
}

bool source_path_is(const char *path, const char *name)
{
    size_t path_bytes = strlen(path);
    size_t name_bytes = strlen(name);
    if (name_bytes == 0 || name_bytes > path_bytes ||
        strcmp(path + path_bytes - name_bytes, name) != 0) {
        return false;
    }
    bool is_whole = name_bytes == path_bytes;
    return is_whole || (name[0] != '/' && path[path_bytes - name_bytes - 1] == '/');
}
