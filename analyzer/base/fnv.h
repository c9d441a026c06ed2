/*
 * fnv - FNV-1a, 64 bits: a number for bytes that every machine gives alike, and that spreads; no
 * defence against forgery. http://www.isthe.com/chongo/tech/comp/fnv/
 * Threads: any.
 */
#ifndef ALLOCTRAP_BASE_FNV_H
#define ALLOCTRAP_BASE_FNV_H

#include <stdint.h>

#define FNV_START UINT64_C(0xcbf29ce484222325) /* the hash of nothing */

uint64_t fnv_text(const char *text);

/* The hash of what `hash` is of and the eight bytes of value behind it, the lowest first. */
uint64_t fnv_number(uint64_t hash, uint64_t value);

#endif
