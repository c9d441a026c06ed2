/*
 * site_name - what a call site is called: its stack with inlined functions spelled out, and which
 * of these frames a person wants to see, the innermost one outside the allocator's wrappers.
 * Memory: a struct site_stack grows and is used again for the next site.
 */
#ifndef ALLOCTRAP_INSIGHT_SITE_NAME_H
#define ALLOCTRAP_INSIGHT_SITE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/profile.h"

/* One line of a stack. Strings belong to the profile; "" = unknown. */
struct site_frame {
    const char *function;
    const char *other_name; /* as linked, or readable where function is as linked; "" = the same */
    const char *file;
    const char *module; /* path of the library or executable */
    uint64_t offset;    /* in the module, as profile_frame says */
    uint32_t line;      /* 0 = unknown */
    uint32_t flags;     /* enum session_node_flag */
    bool is_inlined;
};

/* Innermost first. All zero is empty. */
struct site_stack {
    struct site_frame *at;
    size_t count;
    size_t room;
    bool is_cut; /* outer frames are missing */
};

/* More wrappers than the built-in list, by --wrapper. */
struct site_wrappers {
    const char **globs;
    size_t count;
};

/* glob is borrowed; free(into->globs) at the end. */
void site_wrappers_add(struct site_wrappers *into, const char *glob);

/* Replaces what stack held by the frames of a path. */
void site_stack_load(struct site_stack *stack, const struct profile *profile, uint32_t path);
/* The same for one frame: its inlined functions, then its own. */
void site_stack_load_frame(struct site_stack *stack, const struct profile *profile, uint32_t frame);
void site_stack_finish(struct site_stack *stack);

/* Index of the frame to show: the innermost outside wrappers; 0 when all are wrappers. */
size_t site_stack_shown(const struct site_stack *stack, const struct site_wrappers *more);

/* Is this function an allocator's wrapper? The list is in docs/concepts.md, "call site". */
bool site_is_wrapper(const char *function, const struct site_wrappers *more);

/* "parse_line at parse.c:42", "parse_line in libx.so", "libx.so+0x1234", each with " (inlined)"
 * where it is; free() it. Raw: not escaped. */
char *site_label(const struct site_frame *frame);

/* "parse_line", or "libx.so+0x1234" where the name is unknown; free() it. */
char *site_function(const struct site_frame *frame);

/* Is the function's name made of its library's, "libx.so+0x1234"? So symbol/ calls what it cannot
 * name. */
bool site_names_module(const struct site_frame *frame);

/* Is there a function's name, not only a place in a library? */
bool site_has_name(const struct site_frame *frame);

/* The length of a function's name without what the compiler adds to a clone of it: clones come and
 * go with every build, and "parse.part.0" is parse. */
int site_plain_length(const char *function);

/* What stands behind the last '/'. */
const char *site_basename(const char *path);

#endif
