/*
 * fuzz_elf - arbitrary bytes as an executable: opening it and looking up addresses all over it ends
 * in names or in none. A crash within libdw or libelf is theirs, and costs a worker in real life;
 * run with -ignore_crashes=1 -fork=1 to go on after one. What counts are crashes in symbol/.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/demangle.h"
#include "symbol/object.h"

enum { ADDRESSES = 64, STRIDE_BYTES = 37 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void name_all(struct object *object)
{
    static struct object_answer answer;
    volatile size_t sum = 0;
    for (uint64_t base = 0; base <= 0x401000; base += 0x400800) { /* position-independent or not */
        for (uint64_t i = 0; i < ADDRESSES; i++) {
            object_find(object, base + 0x1000 + i * STRIDE_BYTES, &answer);
            for (size_t k = 0; k < answer.count; k++) {
                char *name =
                    demangle_name(answer.lines[k].linked != NULL ? answer.lines[k].linked : "");
                const char *file = answer.lines[k].file;
                sum += strlen(name) + (file != NULL ? strlen(file) : 0);
                free(name);
            }
        }
    }
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[64];
    struct object *object = NULL;
    int fd = memfd_create("fuzz_elf", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct object_wish wish = {.path = path};
    if (object_open(&wish, &object) == OBJECT_FINE) {
        name_all(object);
        object_close(object);
    }
    close(fd);
    return 0;
}
