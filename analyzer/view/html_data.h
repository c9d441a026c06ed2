/*
 * html_data - what the page's program reads: the numbers of a report by columns, each text once.
 * Members are named as in `report --json` and `compare --json`; view/html/src/data.js reads them.
 */
#ifndef ALLOCTRAP_VIEW_HTML_DATA_H
#define ALLOCTRAP_VIEW_HTML_DATA_H

#include "view/html.h"

/* JSON "alloctrap-page/1". */
void html_data_write(const struct html_page *page, FILE *out);

#endif
