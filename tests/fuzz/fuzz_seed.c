/* fuzz_seed FILE - writes a small recording with a trace, for fuzz_store to start from. */
#include <stdio.h>

#include "sample_profile.h"
#include "store/store.h"

int main(int argc, char **argv)
{
    struct store *store = NULL;
    struct err err = {0};
    struct heap_event events[20] = {{.time_ns = 5, .path = 1}, {.time_ns = 9, .path = 2}};
    if (argc != 2) {
        fputs("usage: fuzz_seed FILE\n", stderr);
        return 2;
    }
    struct profile *profile = sample_profile(3);
    enum err_code code = store_create(argv[1], &store, &err);
    if (code == ERR_NONE) {
        code = store_trace(store, events, 20, &err);
        code = code != ERR_NONE ? code : store_save(store, profile, &err);
        code = code != ERR_NONE ? code : store_close(store, &err);
    }
    profile_destroy(profile);
    if (code != ERR_NONE) {
        fprintf(stderr, "fuzz_seed: %s\n", err.message);
    }
    return err_exit_status(code);
}
