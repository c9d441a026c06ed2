#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include <uthash.h>

enum {
    EXIT_NO_MEMORY = 3,
    ARRAY_ROOM_FIRST = 16,
    CACHE_LINE_BYTES = 64,
    HUGE_PAGE_BYTES = 2 << 20
};

struct kept {
    UT_hash_handle hh;
    char text[];
};

struct mem_strings {
    struct kept *all;
};

bool mem_is_checked(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    return false;
}

static void *checked(void *block, size_t bytes)
{
    if (block == NULL && bytes != 0) {
        fprintf(stderr,
                "alloctrap: out of memory asking for %zu bytes; close other programs or "
                "work on a smaller recording\n",
                bytes);
        exit(EXIT_NO_MEMORY);
    }
    return block;
}

void *mem_zero(size_t count, size_t item_bytes)
{
    return checked(calloc(count, item_bytes), count != 0 && item_bytes != 0 ? count : 0);
}

void *mem_resize(void *old, size_t count, size_t item_bytes)
{
    return checked(reallocarray(old, count, item_bytes), count);
}

void *mem_large(size_t count, size_t item_bytes)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, item_bytes, &bytes)) {
        return mem_resize(NULL, count, item_bytes); /* says so, and ends */
    }
    if (bytes < HUGE_PAGE_BYTES) {
        bytes = (bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
        return checked(aligned_alloc(CACHE_LINE_BYTES, bytes), bytes);
    }
    bytes = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
    void *block = checked(aligned_alloc(HUGE_PAGE_BYTES, bytes), bytes);
    (void)madvise(block, bytes, MADV_HUGEPAGE); /* without them it is only slower */
    return block;
}

char *mem_text(const char *text)
{
    return checked(strdup(text), strlen(text) + 1);
}

char *mem_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text, 1);
}

void *mem_array_room(void *at, size_t count, size_t *room, size_t item_bytes)
{
    if (count == *room) {
        *room = *room == 0 ? ARRAY_ROOM_FIRST : *room * 2;
        at = mem_resize(at, *room, item_bytes);
    }
    memset((char *)at + count * item_bytes, 0, item_bytes);
    return at;
}

struct mem_strings *mem_strings_create(void)
{
    return mem_zero(1, sizeof(struct mem_strings));
}

void mem_strings_destroy(struct mem_strings *strings)
{
    if (strings == NULL) {
        return;
    }
    struct kept *one;
    struct kept *next;
    HASH_ITER (hh, strings->all, one, next) {
        HASH_DEL(strings->all, one);
        free(one);
    }
    free(strings);
}

const char *mem_strings_keep(struct mem_strings *strings, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return "";
    }
    size_t length = strlen(text);
    struct kept *found = NULL;
    HASH_FIND(hh, strings->all, text, length, found);
    if (found == NULL) {
        found = mem_zero(1, sizeof *found + length + 1);
        memcpy(found->text, text, length + 1);
        HASH_ADD_KEYPTR(hh, strings->all, found->text, length, found);
    }
    return found->text;
}
