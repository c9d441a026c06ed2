/*
 * advise - findings as a person or a program reads them. Nothing is computed here.
 */
#ifndef ALLOCTRAP_VIEW_ADVISE_H
#define ALLOCTRAP_VIEW_ADVISE_H

#include <stdio.h>

#include "insight/advise.h"
#include "view/json.h"
#include "view/page.h"

/* All borrowed. */
struct advise_view {
    const struct advice *advice;
    const struct site_wrappers *wrappers;
    const char *file; /* as given: for the commands to try next */
    size_t top;       /* findings shown; 0 = all */
};

/* Text or markdown, whatever the page is. */
void advise_print(const struct advise_view *view, const struct page *page);

/* JSON "alloctrap-advice/1". */
void advise_json(const struct advise_view *view, FILE *out);

/* The member "findings" of a report. */
void json_findings(struct json *json, const struct advice *advice,
                   const struct site_wrappers *wrappers, size_t top);

/* "1,999 of 2,000 allocations (99.9 %), 18.7 MiB copied (98.0 %), ..."; free() it. */
char *advise_saves_text(const struct finding_facts *facts, const struct finding_saves *saves);

/* Why there is no finding; free() it. */
char *advise_nothing_text(const struct advice *advice);

#endif
