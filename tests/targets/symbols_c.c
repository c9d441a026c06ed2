/* Functions, inlined ones within each other, a static one: something for symbol/ to name. */
#include <stdlib.h>
#include <string.h>

static inline __attribute__((always_inline)) char *innermost(size_t size_bytes)
{
    char *block = malloc(size_bytes);
    if (block != NULL) {
        memset(block, 1, size_bytes);
    }
    return block;
}

static inline __attribute__((always_inline)) char *middle(size_t size_bytes)
{
    char *block = innermost(size_bytes + 1);
    if (block != NULL) {
        block[0] = 'm';
    }
    return block;
}

static __attribute__((noinline)) char *outer(size_t size_bytes)
{
    char *block = NULL;
    for (size_t i = 1; i <= size_bytes; i++) {
        free(block);
        block = middle(i);
    }
    return block;
}

static __attribute__((noinline)) int symbols_start(int rounds)
{
    int sum = 0;
    for (int i = 0; i < rounds; i++) {
        char *block = outer((size_t)i + 3);
        sum += block != NULL ? block[0] : 0;
        free(block);
    }
    return sum;
}

int main(int argc, char **argv)
{
    (void)argv;
    return symbols_start(argc) == 0;
}
