#include "export/export_hgrm.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "export/export.h"
#include "insight/latency.h"

enum { TICKS = 5 /* lines for each halving of what is left to 100 % */ };

static double value_of(const struct hist_bin *bin, uint64_t clock_cost_ps)
{
    return (double)latency_net(loglin_value(bin->code), 1, clock_cost_ps);
}

/* The next percentile to write: finer, the closer it is to the whole. */
static double next_share(double share)
{
    double halvings = floor(log2(1 / (1 - share))) + 1;
    return share + 1 / (TICKS * exp2(halvings));
}

static void write_lines(const struct hist *hist, uint64_t clock_cost_ps, FILE *out)
{
    double share = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        double value = value_of(&hist->bins[i], clock_cost_ps);
        sum += hist->bins[i].count;
        double reached = (double)sum / (double)hist->count;
        while (share <= reached && sum < hist->count) {
            fprintf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", value, share, sum,
                    1 / (1 - share));
            share = next_share(share);
        }
    }
    if (hist->bin_count > 0) {
        double last = value_of(&hist->bins[hist->bin_count - 1], clock_cost_ps);
        fprintf(out, "%12.3f %2.12f %10" PRIu64 "\n", last, 1.0, sum);
    }
}

void export_hgrm_write(const struct hist *hist, uint64_t clock_cost_ps, FILE *out)
{
    double sum = 0;
    double squares = 0;
    double largest = 0;
    for (uint32_t i = 0; i < hist->bin_count; i++) {
        double value = value_of(&hist->bins[i], clock_cost_ps);
        sum += value * (double)hist->bins[i].count;
        squares += value * value * (double)hist->bins[i].count;
        largest = value;
    }
    double mean = hist->count > 0 ? sum / (double)hist->count : 0;
    double spread = hist->count > 0 ? squares / (double)hist->count - mean * mean : 0;
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    write_lines(hist, clock_cost_ps, out);
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean,
            sqrt(spread > 0 ? spread : 0));
    fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", largest, hist->count);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", LOGLIN_CODES / LOGLIN_STEPS,
            LOGLIN_STEPS);
}

enum err_code export_hgrm(const struct export_job *job, struct err *reterr)
{
    const struct selection *s = job->side.selection;
    struct hist sum = {0};
    bool is_known = false;
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        if (job->call == NULL || strcmp(job->call, hook_call_name(i)) == 0) {
            hist_merge(&sum, &s->call_latency[i]);
            is_known = true;
        }
    }
    if (!is_known) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "--call names a function of the allocator: malloc, free, \"operator new\"");
    }
    export_hgrm_write(&sum, job->side.profile->run.clock_cost_ps, job->out);
    hist_finish(&sum);
    return ERR_NONE;
}
