/* Metrics: each is found by its name, and columns have units. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "export/export_metric.h"

Test(export_metric, each_is_found_by_its_name)
{
    for (int i = 0; i < EXPORT_METRICS; i++) {
        enum export_metric metric = EXPORT_METRICS;
        cr_expect(export_metric_parse(export_metrics[i].name, &metric));
        cr_expect_eq((int)metric, i);
    }
    enum export_metric metric = EXPORT_BYTES;
    cr_expect_not(export_metric_parse("nothing", &metric));
}

Test(export_metric, columns_have_units)
{
    char *column = export_metric_column(EXPORT_FREE_TIME);
    cr_expect_str_eq(column, "free_time_ns");
    free(column);
    column = export_metric_column(EXPORT_PEAK_BLOCKS);
    cr_expect_str_eq(column, "peak_blocks");
    free(column);
}
