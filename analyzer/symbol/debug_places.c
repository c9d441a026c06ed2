#include "symbol/debug_places.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fnv.h"
#include "base/mem.h"

/* File systems keep times by ticks of some ms, or by whole seconds (two on FAT). */
enum { SETTLED_S = 3 };

struct places {
    uint64_t hash;
    time_t latest_s; /* of all changes */
};

static void mix(struct places *places, uint64_t value)
{
    places->hash = fnv_number(places->hash, value);
}

/* Whether to go no further. */
typedef bool folder_visit(void *context, const char *folder);

/* By each end of the file's folder's name: of /usr/bin, usr/bin, bin and the root itself. */
static bool any_under(const char *root, const char *folder, folder_visit *visit, void *context)
{
    bool is_enough = false;
    for (const char *end = folder; !is_enough && end != NULL && *end != '\0';
         end = strchr(end + 1, '/')) {
        char *by_name = mem_format("%s%s", root, end);
        is_enough = visit(context, by_name);
        free(by_name);
    }
    return is_enough || visit(context, root);
}

static bool any_for(const char *path, const struct object_sources *sources, folder_visit *visit,
                    void *context)
{
    char *folder = mem_text(path);
    *strrchr(folder, '/') = '\0';
    char *beside = mem_format("%s/.debug", folder);
    char *root =
        mem_format("%s%s", sources->sysroot != NULL ? sources->sysroot : "", object_debug_root);
    bool is_enough =
        visit(context, folder[0] != '\0' ? folder : "/") || visit(context, beside) ||
        any_under(root, folder, visit, context) ||
        (sources->debug_dir != NULL && any_under(sources->debug_dir, folder, visit, context));
    free(root);
    free(beside);
    free(folder);
    return is_enough;
}

/* The folders where libdwfl looks for a debug file by name; also for what a link leads to. */
static bool any_folder(const char *path, const struct object_sources *sources, folder_visit *visit,
                       void *context)
{
    char *whole = realpath(path, NULL);
    bool is_enough = any_for(path, sources, visit, context) ||
                     (whole != NULL && any_for(whole, sources, visit, context));
    free(whole);
    return is_enough;
}

static bool has_name(void *name, const char *folder)
{
    char *path = mem_format("%s/%s", folder, (const char *)name);
    bool is_there = access(path, F_OK) == 0;
    free(path);
    return is_there;
}

bool debug_places_have(const char *path, const char *debuglink,
                       const struct object_sources *sources)
{
    if (path[0] != '/') {
        return true;
    }
    char *name =
        debuglink != NULL ? mem_text(debuglink) : mem_format("%s.debug", strrchr(path, '/') + 1);
    bool is_there = any_folder(path, sources, has_name, name);
    free(name);
    return is_there;
}

static bool mix_place(void *context, const char *path)
{
    struct places *places = context;
    struct stat info;
    if (stat(path, &info) != 0) {
        mix(places, 0);
        return false;
    }
    const struct timespec *times[] = {&info.st_mtim, &info.st_ctim};
    mix(places, info.st_dev);
    mix(places, info.st_ino);
    mix(places, (uint64_t)info.st_size);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        mix(places, (uint64_t)times[i]->tv_sec);
        mix(places, (uint64_t)times[i]->tv_nsec);
        places->latest_s =
            places->latest_s > times[i]->tv_sec ? places->latest_s : times[i]->tv_sec;
    }
    return false;
}

uint64_t debug_places_stamp(const char *path, const uint8_t *build_id, size_t build_id_len,
                            time_t now_s)
{
    static const struct object_sources at_home = {.sysroot = NULL};
    struct places places = {FNV_START, 0};
    if (path[0] != '/' || build_id_len == 0 || access(path, F_OK) != 0) {
        return 0;
    }
    (void)mix_place(&places, path);
    (void)any_folder(path, &at_home, mix_place, &places);
    char *by_id = mem_format("%s/.build-id/%02x", object_debug_root, build_id[0]);
    (void)mix_place(&places, by_id);
    free(by_id);
    return now_s - places.latest_s < SETTLED_S ? 0 : places.hash | 1;
}
