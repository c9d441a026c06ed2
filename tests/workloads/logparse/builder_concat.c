#include "builder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An empty string costs nothing; the first piece makes the first copy. */
static void concat_begin(struct builder *builder)
{
    builder->text = NULL;
}

/*
 * s += piece. A line of JSON is some forty pieces long, so its bytes are copied some twenty times,
 * and forty strings are made to keep one; the values in it are made in the same way.
 */
static void concat_append(struct builder *builder, const char *bytes, size_t count)
{
    if (count > SIZE_MAX - builder->bytes - 1) {
        builder->is_failed = true;
        return;
    }
    char *longer = malloc(builder->bytes + count + 1);
    if (longer == NULL) {
        builder->is_failed = true;
        return;
    }
    if (builder->bytes > 0) {
        memcpy(longer, builder->text, builder->bytes);
    }
    memcpy(longer + builder->bytes, bytes, count);
    builder->bytes += count;
    longer[builder->bytes] = '\0';
    free(builder->text);
    builder->text = longer;
}

static void concat_give_back(struct builder *builder)
{
    free(builder->text);
    builder->text = NULL;
}

static void concat_end_thread(void)
{
}

const struct builder_kind builder_concat = {
    .name = "concat",
    .begin = concat_begin,
    .append = concat_append,
    .give_back = concat_give_back,
    .end_thread = concat_end_thread,
};
