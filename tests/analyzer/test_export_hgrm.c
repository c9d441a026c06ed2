/* HdrHistogram's text: every line rises, the last is everything. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "alloctrap/loglin.h"
#include "export/export_hgrm.h"

static char *text_of(const struct hist *hist, uint64_t clock_cost_ps)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    export_hgrm_write(hist, clock_cost_ps, out);
    fclose(out);
    return text;
}

Test(export_hgrm, ends_with_all_and_knows_the_mean)
{
    struct hist hist = {0};
    hist_add(&hist, loglin_code(10), 99);
    hist_add(&hist, loglin_code(60), 1);
    char *text = text_of(&hist, 0);
    cr_expect_not_null(strstr(text, "10.000 0.500000000000         99           2.00\n"));
    cr_expect_not_null(strstr(text, "60.000 1.000000000000        100\n"));
    cr_expect_not_null(strstr(text, "#[Mean    =       10.500,"));
    cr_expect_not_null(strstr(text, "Total count    =          100]"));
    free(text);
    text = text_of(&hist, 4000);
    cr_expect_not_null(strstr(text, "56.000 1.000000000000"), "the clock's cost is taken off");
    free(text);
    hist_finish(&hist);
}

Test(export_hgrm, of_nothing_is_nothing)
{
    struct hist hist = {0};
    char *text = text_of(&hist, 0);
    cr_expect_not_null(strstr(text, "Total count    =            0]"));
    free(text);
}
