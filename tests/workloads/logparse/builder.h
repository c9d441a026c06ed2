/*
 * builder - makes a string piece by piece, in one of two ways with the same result:
 *   concat  a new string for every piece, as `s += piece` does: allocate, copy, free the old;
 *   pooled  buffers that grow, taken from this thread's free list and put back with their capacity.
 * A finished string is handed to a sink, and only when the sink has returned is its memory given
 * back: whoever needs the bytes longer copies them, and nobody holds a view of a pooled buffer.
 * Owner:   struct builder is the caller's; between begin and finish it owns one buffer.
 * Threads: any; a builder is finished by the thread that began it.
 * Memory:  when it fails, the builder remembers, later pieces are ignored, and finish says so.
 */
#ifndef BUILDER_H
#define BUILDER_H

#include <stdbool.h>
#include <stddef.h>

struct builder {
    const struct builder_kind *kind;
    char *text;
    size_t bytes;
    size_t room;                /* pooled: the capacity of text */
    struct pool_buffer *pooled; /* pooled: where text comes from and goes back to */
    bool is_failed;
};

/* Takes the finished bytes, which are valid during the call alone; false when it could not. */
typedef bool builder_sink(void *context, const char *bytes, size_t count);

struct builder_kind {
    const char *name;
    void (*begin)(struct builder *builder);
    void (*append)(struct builder *builder, const char *bytes, size_t count);
    void (*give_back)(struct builder *builder);
    void (*end_thread)(void); /* frees what this thread keeps for later builders */
};

extern const struct builder_kind builder_concat;
extern const struct builder_kind builder_pooled;

static inline void builder_begin(struct builder *builder, const struct builder_kind *kind)
{
    *builder = (struct builder){.kind = kind};
    kind->begin(builder);
}

static inline void builder_append(struct builder *builder, const char *bytes, size_t count)
{
    if (!builder->is_failed && count > 0) {
        builder->kind->append(builder, bytes, count);
    }
}

static inline void builder_append_char(struct builder *builder, char c)
{
    builder_append(builder, &c, 1);
}

/* Hands the string over, then gives its memory back; in this order. False when memory ran out on
 * the way or the sink could not take it. */
static inline bool builder_finish(struct builder *builder, builder_sink *sink, void *context)
{
    bool is_fine = !builder->is_failed &&
                   sink(context, builder->bytes > 0 ? builder->text : "", builder->bytes);
    builder->kind->give_back(builder);
    return is_fine;
}

/* A sink that appends to another builder. */
static inline bool builder_into_builder(void *context, const char *bytes, size_t count)
{
    struct builder *target = context;
    builder_append(target, bytes, count);
    return !target->is_failed;
}

#endif
