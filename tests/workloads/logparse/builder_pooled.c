#include "builder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A free list without bounds is a leak with a good name: one runaway line would keep its buffer
 * until the thread ends. A few buffers are in use at once; what is beyond these limits is freed.
 */
enum {
    POOL_BUFFERS_MAX = 8,
    POOL_KEEP_BYTES_MAX = 1024 * 1024,
    POOL_FIRST_BYTES = 512 /* most lines fit; the others grow their buffer once and keep it */
};

struct pool_buffer {
    struct pool_buffer *next;
    size_t room;
    char *text;
};

/* Of this thread alone, so that taking and putting back need no lock. */
static _Thread_local struct pool_buffer *pool_free;
static _Thread_local size_t pool_count;

static void destroy(struct pool_buffer *buffer)
{
    if (buffer != NULL) {
        free(buffer->text);
        free(buffer);
    }
}

static void pooled_begin(struct builder *builder)
{
    struct pool_buffer *buffer = pool_free;
    if (buffer != NULL) {
        pool_free = buffer->next;
        pool_count--;
    } else {
        buffer = calloc(1, sizeof *buffer);
    }
    builder->pooled = buffer;
    builder->is_failed = buffer == NULL;
    builder->text = buffer != NULL ? buffer->text : NULL;
    builder->room = buffer != NULL ? buffer->room : 0;
}

/* Doubling: a string of n bytes costs log2(n) allocations once, and none when it comes again. */
static bool grow(struct builder *builder, size_t needed)
{
    size_t room = builder->room > 0 ? builder->room : POOL_FIRST_BYTES;
    while (room < needed) {
        room = room <= SIZE_MAX / 2 ? room * 2 : needed;
    }
    char *text = realloc(builder->text, room);
    if (text == NULL) {
        builder->is_failed = true;
        return false;
    }
    builder->text = builder->pooled->text = text;
    builder->room = builder->pooled->room = room;
    return true;
}

static void pooled_append(struct builder *builder, const char *bytes, size_t count)
{
    if (count > SIZE_MAX - builder->bytes) {
        builder->is_failed = true;
        return;
    }
    size_t needed = builder->bytes + count;
    if (needed > builder->room && !grow(builder, needed)) {
        return;
    }
    memcpy(builder->text + builder->bytes, bytes, count);
    builder->bytes = needed;
}

/* The buffer keeps its capacity: the next string of this length allocates nothing. */
static void pooled_give_back(struct builder *builder)
{
    struct pool_buffer *buffer = builder->pooled;
    builder->pooled = NULL;
    builder->text = NULL;
    if (buffer == NULL || buffer->room > POOL_KEEP_BYTES_MAX || pool_count == POOL_BUFFERS_MAX) {
        destroy(buffer);
        return;
    }
    buffer->next = pool_free;
    pool_free = buffer;
    pool_count++;
}

static void pooled_end_thread(void)
{
    while (pool_free != NULL) {
        struct pool_buffer *buffer = pool_free;
        pool_free = buffer->next;
        destroy(buffer);
    }
    pool_count = 0;
}

const struct builder_kind builder_pooled = {
    .name = "pooled",
    .begin = pooled_begin,
    .append = pooled_append,
    .give_back = pooled_give_back,
    .end_thread = pooled_end_thread,
};
