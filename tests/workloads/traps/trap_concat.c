/*
 * concat - a text grown piece by piece.
 * Naive: s += piece. A new block for every piece, and everything so far copied into it: n blocks,
 *        and bytes with the square of n.
 * Fixed: a buffer that doubles: log n blocks, and each byte copied about once.
 */
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES_MAX = 32 };

static size_t make_piece(uint64_t i, char piece[PIECE_BYTES_MAX])
{
    return (size_t)snprintf(piece, PIECE_BYTES_MAX, "item %u, ", (unsigned)(i % 1000));
}

bool trap_concat_naive(uint64_t n, uint64_t *ret_result)
{
    char *text = NULL;
    size_t bytes = 0;
    for (uint64_t i = 0; i < n; i++) {
        char piece[PIECE_BYTES_MAX];
        size_t piece_bytes = make_piece(i, piece);
        char *longer = malloc(bytes + piece_bytes + 1);
        if (longer == NULL) {
            return false;
        }
        if (text != NULL) {
            memcpy(longer, text, bytes);
        }
        memcpy(longer + bytes, piece, piece_bytes + 1);
        free(text);
        text = longer;
        bytes += piece_bytes;
    }
    *ret_result = trap_mix(TRAP_RESULT_START, text, bytes);
    free(text);
    return true;
}

bool trap_concat_fixed(uint64_t n, uint64_t *ret_result)
{
    size_t room = PIECE_BYTES_MAX;
    size_t bytes = 0;
    char *text = malloc(room);
    for (uint64_t i = 0; i < n && text != NULL; i++) {
        char piece[PIECE_BYTES_MAX];
        size_t piece_bytes = make_piece(i, piece);
        if (bytes + piece_bytes > room) {
            char *longer = realloc(text, room * 2);
            if (longer == NULL) {
                return false;
            }
            text = longer;
            room *= 2;
        }
        memcpy(text + bytes, piece, piece_bytes);
        bytes += piece_bytes;
    }
    if (text == NULL) {
        return false;
    }
    *ret_result = trap_mix(TRAP_RESULT_START, text, bytes);
    free(text);
    return true;
}
