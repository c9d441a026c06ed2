/*
 * html - a recording, or two of them, as one HTML file: a static report for readers without
 * JavaScript, the data, and the page's own program from view/html/. The file opens from a disk,
 * loads nothing and sends nothing; names in it are text and never markup.
 */
#ifndef ALLOCTRAP_VIEW_HTML_H
#define ALLOCTRAP_VIEW_HTML_H

#include <stdio.h>

#include "base/err.h"
#include "view/compare.h"
#include "view/report.h"

enum { HTML_SITES_MAX = 10000 /* beyond it small sites are left out, see insight/outline.h */ };

/* ERR_USAGE, with what to do, when this alloctrap was built without npm; html_write() says so too.
 */
ERR_CHECKED enum err_code html_check_built(struct err *reterr);

/* sides: one report, or two where compare is not NULL. sites_max: 0 = leave nothing out. out may
 * have an error afterwards, which is the caller's to look for. */
struct html_page {
    const struct report *sides[2];
    const struct compare_view *compare;
    const char *verdict; /* what `check --report=json` wrote; NULL = none */
    size_t sites_max;
};

ERR_CHECKED enum err_code html_write(const struct html_page *page, FILE *out, struct err *reterr);

#endif
