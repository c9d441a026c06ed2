/*
 * html_pack - a stream whose bytes come out gzipped and in base64: data inside a page, where no
 * byte of it can be taken for markup.
 * Owner: whoever opened it; fclose() ends the data. The stream below stays open.
 * Errors: those of the stream below; what cannot be written makes fclose() fail.
 */
#ifndef ALLOCTRAP_VIEW_HTML_PACK_H
#define ALLOCTRAP_VIEW_HTML_PACK_H

#include <stdio.h>

/* NULL with errno when there is no memory for it. */
FILE *html_pack_on(FILE *out);

#endif
