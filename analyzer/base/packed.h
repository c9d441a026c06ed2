/*
 * packed - a stream whose bytes come out compressed in another stream, as gzip or zstd.
 * Not for: reading.
 * Owner:   whoever opened it; fclose() ends the compressed data. The stream below stays open.
 * Memory:  a window and a buffer for each stream.   Threads: one at a time.
 * Errors:  those of the stream below; what cannot be written makes fclose() fail.
 */
#ifndef ALLOCTRAP_BASE_PACKED_H
#define ALLOCTRAP_BASE_PACKED_H

#include <stdio.h>

/* NULL when there is no memory for it. Equal bytes in, equal bytes out: no name, no time. */
FILE *packed_gzip(FILE *out);
FILE *packed_zstd(FILE *out);

#endif
