/*
 * html_template - the page as npm's tools made it of view/html/, with places for what is written
 * here; of no bytes where this alloctrap was built without them.
 */
#ifndef ALLOCTRAP_VIEW_HTML_TEMPLATE_H
#define ALLOCTRAP_VIEW_HTML_TEMPLATE_H

#include <stddef.h>

extern const char html_template[]; /* not NUL-terminated */
extern const size_t html_template_bytes;

#endif
