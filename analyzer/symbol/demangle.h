/*
 * demangle - C++ and Rust names as their authors wrote them (libiberty).
 * Run it on names of strangers only where a crash costs nothing: in a symbol worker.
 */
#ifndef ALLOCTRAP_SYMBOL_DEMANGLE_H
#define ALLOCTRAP_SYMBOL_DEMANGLE_H

enum { DEMANGLE_NAME_MAX = 32768 }; /* longer names are cut and end in "..." */

/* The readable form of a linked name, or a copy where there is none; free() it. Never NULL. */
char *demangle_name(const char *linked);

#endif
