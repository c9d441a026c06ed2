/*
 * bench_store SITES - the CPU time of saving and of loading a profile, and how large the file is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sample_profile.h"
#include "store/store.h"

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "bench_store: %s\n", err->message);
    return err_exit_status(err->code);
}

int main(int argc, char **argv)
{
    uint32_t sites = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    char path[] = "/tmp/bench_store-XXXXXX.atrap";
    struct store *store = NULL;
    struct profile *loaded = NULL;
    struct err err = {0};
    struct stat file;
    struct profile *profile = sample_profile(sites);
    profile->run.is_complete = false; /* do not measure the disk */
    close(mkstemps(path, 6));
    unlink(path);
    double start_s = cpu_s();
    if (store_create(path, &store, &err) != ERR_NONE ||
        store_save(store, profile, &err) != ERR_NONE) {
        return fail(&err);
    }
    double saved_s = cpu_s();
    if (store_close(store, &err) != ERR_NONE || store_load(path, &loaded, &err) != ERR_NONE) {
        return fail(&err);
    }
    double loaded_s = cpu_s();
    if (stat(path, &file) == 0) {
        printf("%" PRIu32 " sites, %zu paths: save %.3f s, load %.3f s of CPU time, %.1f MB\n",
               sites, loaded->paths.count, saved_s - start_s, loaded_s - saved_s,
               (double)file.st_size / 1e6);
    }
    unlink(path);
    profile_destroy(loaded);
    profile_destroy(profile);
    return 0;
}
