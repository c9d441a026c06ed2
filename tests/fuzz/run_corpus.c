/*
 * run_corpus - each file of some folders through a fuzz target, once, without a fuzzer: what it
 * found in hours stays tried in seconds, by every compiler: corpus_TARGET FOLDER...
 * A crash, a sanitizer's report or an abort is the failure; the last file named is its input.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 1 << 20, PATH_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void run_file(const char *path)
{
    static uint8_t room[INPUT_BYTES_MAX];
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        perror(path);
        exit(1);
    }
    size_t len = fread(room, 1, sizeof room, in);
    fclose(in);
    uint8_t *bytes = malloc(len + (len == 0)); /* of its own size: a read beyond it is seen */
    memcpy(bytes, room, len);
    printf("%s\n", path);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
}

static size_t run_folder(const char *folder)
{
    struct dirent **entries = NULL;
    size_t files = 0;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            run_file(path);
            files += 1;
        }
        free(entries[i]);
    }
    free(entries);
    return files;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t files = run_folder(argv[i]);
        if (files == 0) {
            fprintf(stderr, "%s: no file in it: nothing was tried\n", argv[i]);
            return 1;
        }
        printf("%zu files of %s\n", files, argv[i]);
    }
    return argc > 1 ? 0 : 2;
}
