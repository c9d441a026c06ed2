/*
 * mem - the analyzer's allocation: a block or one clear line and exit status 3. A profiler's
 * report cannot go on with half of its tables, so no caller checks for NULL. Growing arrays and
 * strings that live as long as a profile are here too. Not for preload/.
 */
#ifndef ALLOCTRAP_BASE_MEM_H
#define ALLOCTRAP_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* True in a build whose memory is checked (AddressSanitizer): what is not freed by the end is a
 * leak, and its shadow memory is larger than any limit. */
bool mem_is_checked(void);

/* Zeroed memory for count items of item_bytes; free() it. Never NULL, overflow-checked. */
void *mem_zero(size_t count, size_t item_bytes);

/* realloc() of count items; new items are not zeroed. Never NULL. */
void *mem_resize(void *old, size_t count, size_t item_bytes);

/* Memory that is not zeroed, for tables read at random: it begins with a cache line, and from 2 MiB
 * on it asks for huge pages. free() it. Never NULL, overflow-checked. */
void *mem_large(size_t count, size_t item_bytes);

/* A copy of text; free() it. */
char *mem_text(const char *text);

/* A printf into a string of the right size; free() it. */
__attribute__((format(printf, 1, 2))) char *mem_format(const char *format, ...);

/*
 * A growing array: MEM_ARRAY(struct x) items; ... *MEM_PUSH(&items) = value; ... free(items.at).
 * Pushed items are zeroed. Pointers into it die at the next push.
 */
#define MEM_ARRAY(type)                                                                            \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count;                                                                              \
        size_t room;                                                                               \
    }
#define MEM_PUSH(array)                                                                            \
    ((array)->at =                                                                                 \
         mem_array_room((array)->at, (array)->count, &(array)->room, sizeof *(array)->at),         \
     (array)->count += 1, &(array)->at[(array)->count - 1])

/* Room for one more item, zeroed, doubling; used by MEM_PUSH alone. */
void *mem_array_room(void *at, size_t count, size_t *room, size_t item_bytes);

/* Strings kept once for as long as the table lives. */
struct mem_strings;
struct mem_strings *mem_strings_create(void);
void mem_strings_destroy(struct mem_strings *strings);

/* The table's own copy of text: equal texts, equal pointers. NULL gives "". */
const char *mem_strings_keep(struct mem_strings *strings, const char *text);

#endif
