/*
 * plugins COUNT LIBRARY FUNCTION COUNT LIBRARY FUNCTION ... - loads one library after another,
 * calls its function COUNT times and closes it, so that the next one takes its place. Prints each
 * function's address.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *make_block(size_t size_bytes);

static void use(const char *path, const char *name, long count)
{
    void *library = dlopen(path, RTLD_NOW);
    make_block *make = NULL;
    *(void **)&make = library != NULL ? dlsym(library, name) : NULL;
    if (make == NULL) {
        exit(3);
    }
    printf("%p\n", *(void **)&make);
    for (long i = 0; i < count; i++) {
        free(make(40));
    }
    dlclose(library);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i + 2 < argc; i += 3) {
        use(argv[i + 1], argv[i + 2], strtol(argv[i], NULL, 10));
    }
    return 0;
}
