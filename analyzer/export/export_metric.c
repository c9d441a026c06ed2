#include "export/export_metric.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

const struct export_metric_about export_metrics[EXPORT_METRICS] = {
#define EXPORT_METRIC_ROW(id, name, unit, title) {name, EXPORT_UNIT_##unit, title},
    EXPORT_METRIC_TABLE(EXPORT_METRIC_ROW)
#undef EXPORT_METRIC_ROW
};

bool export_metric_parse(const char *name, enum export_metric *ret)
{
    for (size_t i = 0; i < EXPORT_METRICS; i++) {
        if (strcmp(name, export_metrics[i].name) == 0) {
            *ret = (enum export_metric)i;
            return true;
        }
    }
    return false;
}

char *export_metric_column(enum export_metric metric)
{
    const char *unit = export_metrics[metric].unit == EXPORT_UNIT_NS ? "_ns" : "";
    char *name = mem_format("%s%s", export_metrics[metric].name, unit);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    return name;
}
