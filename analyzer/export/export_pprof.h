/*
 * export_pprof - which values a pprof profile of ours has, for whoever must tell of them.
 */
#ifndef ALLOCTRAP_EXPORT_EXPORT_PPROF_H
#define ALLOCTRAP_EXPORT_EXPORT_PPROF_H

#include "export/export_metric.h"

struct export_pprof_value {
    const char *type; /* Go's names, where Go has one */
    const char *unit;
    enum export_metric metric;
};

enum { EXPORT_PPROF_VALUES = 9 };

extern const struct export_pprof_value export_pprof_values[EXPORT_PPROF_VALUES];

#endif
