#include "symbol/debug_places.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "symbol/object.h"

/* File systems keep times by ticks of some ms, or by whole seconds (two on FAT). */
enum { SETTLED_S = 3 };

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static const uint64_t fnv_first = 0xcbf29ce484222325;
static const uint64_t fnv_prime = 0x100000001b3;

struct places {
    uint64_t hash;
    time_t latest_s; /* of all changes */
};

static void mix(struct places *places, uint64_t value)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        places->hash = (places->hash ^ (value >> shift & 0xff)) * fnv_prime;
    }
}

static bool mix_place(struct places *places, const char *path)
{
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
    return true;
}

/* Beside the file, and under the root by each end of its folder's name: of /usr/bin, usr/bin, bin
 * and the root itself. */
static void mix_folders(struct places *places, const char *path)
{
    char *folder = mem_text(path);
    *strrchr(folder, '/') = '\0';
    char *beside = mem_format("%s/.debug", folder);
    (void)mix_place(places, folder[0] != '\0' ? folder : "/");
    (void)mix_place(places, beside);
    for (const char *end = folder; end != NULL && *end != '\0'; end = strchr(end + 1, '/')) {
        char *by_name = mem_format("%s%s", object_debug_root, end);
        (void)mix_place(places, by_name);
        free(by_name);
    }
    (void)mix_place(places, object_debug_root);
    free(beside);
    free(folder);
}

uint64_t debug_places_stamp(const char *path, const uint8_t *build_id, size_t build_id_len,
                            time_t now_s)
{
    struct places places = {fnv_first, 0};
    char *whole = realpath(path, NULL);
    if (whole == NULL || path[0] != '/' || build_id_len == 0 || !mix_place(&places, path)) {
        free(whole);
        return 0;
    }
    mix_folders(&places, path);
    mix_folders(&places, whole);
    char *by_id = mem_format("%s/.build-id/%02x", object_debug_root, build_id[0]);
    (void)mix_place(&places, by_id);
    free(by_id);
    free(whole);
    return now_s - places.latest_s < SETTLED_S ? 0 : places.hash | 1;
}
