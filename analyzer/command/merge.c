/*
 * merge - `alloctrap merge FILE... -o OUT`: several recordings added up into one.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/options.h"
#include "command/command.h"
#include "store/store.h"

static const char usage[] =
    "usage: alloctrap merge FILE... -o OUT\n\n"
    "Adds up recordings of several runs or machines: counts, bytes, times and histograms are\n"
    "summed, the peak is the highest one's. Traces are left out.\n\n"
    "  -o, --output=OUT  the recording to write; an existing recording is replaced\n"
    "  -h, --help        this text\n\n"
    "example:\n"
    "  alloctrap merge monday.atrap tuesday.atrap -o both.atrap\n";

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The runs that went in, to refuse one that is given twice. */
struct merging {
    struct profile *sum; /* NULL before the first */
    MEM_ARRAY(char *) run_ids;
};

static enum err_code check_run(struct merging *merging, const char *path,
                               const struct profile_run *run, struct err *reterr)
{
    for (size_t i = 0; i < merging->run_ids.count; i++) {
        if (run->id[0] != '\0' && strcmp(run->id, merging->run_ids.at[i]) == 0) {
            return err_set(reterr, ERR_USAGE, path,
                           "is given twice (the same run); each run may be added up once");
        }
    }
    *MEM_PUSH(&merging->run_ids) = mem_text(run->id);
    return ERR_NONE;
}

/* Two profiles are in memory at most: the sum and the one being added. */
static enum err_code add_file(struct merging *merging, const char *path, struct err *reterr)
{
    struct profile *profile = NULL;
    enum err_code code = store_load(path, &profile, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = check_run(merging, path, &profile->run, reterr);
    if (code == ERR_NONE && merging->sum == NULL) {
        merging->sum = profile;
        return ERR_NONE;
    }
    if (code == ERR_NONE) {
        profile_merge(merging->sum, profile);
    }
    profile_destroy(profile);
    return code;
}

static void finish(struct merging *merging)
{
    for (size_t i = 0; i < merging->run_ids.count; i++) {
        free(merging->run_ids.at[i]);
    }
    free(merging->run_ids.at);
    profile_destroy(merging->sum);
}

static enum err_code save(const struct profile *profile, const char *path, struct err *reterr)
{
    struct store *store = NULL;
    enum err_code code = store_create(path, &store, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    code = store_save(store, profile, reterr);
    enum err_code closed = store_close(store, code == ERR_NONE ? reterr : NULL);
    return code != ERR_NONE ? code : closed;
}

static enum err_code merge_files(char **paths, int count, const char *output, struct err *reterr)
{
    struct merging merging = {0};
    enum err_code code = ERR_NONE;
    for (int i = 0; i < count && code == ERR_NONE; i++) {
        code = add_file(&merging, paths[i], reterr);
    }
    if (code == ERR_NONE) {
        profile_seal(merging.sum);
        code = save(merging.sum, output, reterr);
    }
    finish(&merging);
    return code;
}

struct choices {
    const char *output;
    bool wants_help;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    (void)reterr;
    if (option == 'o') {
        c->output = optarg;
    } else {
        c->wants_help = true;
    }
    return ERR_NONE;
}

enum err_code command_merge(int argc, char **argv, int *ret_status, struct err *reterr)
{
    struct choices c = {0};
    enum err_code code = options_each(argc, argv, ":o:h", long_options, take_option, &c, reterr);
    *ret_status = 0;
    if (code != ERR_NONE) {
        return code;
    }
    if (c.wants_help) {
        fputs(usage, stdout);
        return ERR_NONE;
    }
    if (c.output == NULL || optind == argc) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "merge wants recordings and a name for their sum: "
                       "alloctrap merge A.atrap B.atrap -o SUM.atrap");
    }
    return merge_files(argv + optind, argc - optind, c.output, reterr);
}
