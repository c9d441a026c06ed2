/*
 * jit - calls malloc from code made at run time, and writes the perf map that a runtime would:
 * jit NAME MODE writes /tmp/perf-PID.map with file mode MODE (octal); without arguments none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef void *made_function(void *(*function)(size_t), size_t size);

/* push rbp; mov rbp,rsp; mov rax,rdi; mov rdi,rsi; call rax; pop rbp; ret */
static const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8,
                               0x48, 0x89, 0xf7, 0xff, 0xd0, 0x5d, 0xc3};

static void write_map(const void *page, const char *name, const char *mode)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    FILE *out = fopen(path, "w");
    if (out != NULL) {
        fprintf(out, "%lx %zx %s\n", (unsigned long)(uintptr_t)page, sizeof code, name);
        fchmod(fileno(out), (mode_t)strtoul(mode, NULL, 8));
        fclose(out);
    }
}

int main(int argc, char **argv)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return 1;
    }
    memcpy(page, code, sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    if (argc == 3) {
        write_map(page, argv[1], argv[2]);
    }
    made_function *made;
    memcpy(&made, &page, sizeof made);
    for (int i = 0; i < 5; i++) {
        free(made(malloc, 100));
    }
    return 0;
}
