/*
 * source_text - the lines of a source file, for showing numbers beside them. The file may be gone,
 * huge, no text at all, or another version than the one that was compiled: all of that is a state,
 * never an error. Lines are as the file has them: escape them for where they are printed.
 * Not for: finding the file, see source_path.
 * Owner: the caller, source_text_finish(). Threads: any.
 * Memory: the whole file, at most SOURCE_BYTES_MAX.
 */
#ifndef ALLOCTRAP_SYMBOL_SOURCE_TEXT_H
#define ALLOCTRAP_SYMBOL_SOURCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SOURCE_BYTES_MAX = 16 << 20,
    SOURCE_LINE_MAX = 1000, /* bytes shown of one line; what is cut ends in "..." */
    SOURCE_TAB = 4          /* columns */
};

enum source_state {
    SOURCE_FINE,
    SOURCE_MISSING,   /* no such file, or not to be read */
    SOURCE_NO_FILE,   /* a folder, a pipe, a device */
    SOURCE_TOO_LARGE, /* beyond SOURCE_BYTES_MAX */
    SOURCE_BINARY     /* has NUL bytes */
};

enum source_age {
    SOURCE_AS_BUILT,
    SOURCE_AFTER_BUILD, /* changed after the program's file was */
    SOURCE_AFTER_RUN    /* changed after the recording began */
};

/* What it is older than when it is what was compiled. */
struct source_times {
    const char *module;    /* the program's or library's file here; NULL or missing = not asked */
    uint64_t run_start_ns; /* since 1970; 0 = unknown */
};

struct source_text {
    enum source_state state;
    enum source_age age;
    int error; /* errno where it is missing */
    char *bytes;
    size_t *starts; /* of line n: starts[n - 1] up to starts[n] */
    size_t line_count;
};

/* Reads a file whole, or says why not; always to be finished. */
void source_text_load(const char *path, const struct source_times *times, struct source_text *ret);
void source_text_finish(struct source_text *text);

/* Line `line` (from 1) with tabs as spaces, without what ends it, at most SOURCE_LINE_MAX bytes;
 * "" where there is none; free() it. */
char *source_text_line(const struct source_text *text, uint32_t line);

/* Why there are no lines, or what a reader must know of them, as a sentence about `path`; "" when
 * all is well; free() it. Raw: not escaped. */
char *source_text_note(const struct source_text *text, const char *path, const char *module);

#endif
