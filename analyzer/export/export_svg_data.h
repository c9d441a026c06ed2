/*
 * export_svg_data - what the picture and the script of a flame graph have in common: names, labels,
 * colours, and the tree as JSON in a script element that runs nothing.
 * Owner: export_svg.   Threads: one.   Errors: of writing, by the stream.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_SVG_DATA_H
#define ALLOCTRAP_EXPORT_EXPORT_SVG_DATA_H

#include "export/export.h"
#include "export/export_flame.h"

/* The node's function, "all", or "(12 smaller)"; free() it. */
char *export_svg_name(const struct export_flame *flame, size_t node);

/* A name as it stands in a frame: without template arguments; free() it. */
char *export_svg_label(const char *name);

/* Its colour, a class of the style: by whose code it is; compared, by what became of it. */
const char *export_svg_class(const struct export_job *job, const struct export_flame *flame,
                             size_t node);

/* <script type="application/json" id="data">; no byte of it can end the element. */
void export_svg_data(const struct export_job *job, const struct export_flame *flame, bool is_icicle,
                     FILE *out);

#endif
