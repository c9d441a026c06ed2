#include "run_stats.h"

#include <inttypes.h>

static double lines_per_second(const struct run_stats *stats)
{
    return stats->wall_ns > 0 ? (double)stats->lines * 1e9 / (double)stats->wall_ns : 0.0;
}

static double percentile_us(const struct run_stats *stats, unsigned permyriad)
{
    return (double)latency_percentile(&stats->latency, permyriad) / 1e3;
}

static void print_defects_text(const struct run_stats *stats, FILE *out)
{
    const char *before = "  (";
    for (unsigned i = LOG_FINE + 1; i < LOG_DEFECTS; i++) {
        if (stats->defects[i] > 0) {
            fprintf(out, "%s%s %" PRIu64, before, log_defect_name((enum log_defect)i),
                    stats->defects[i]);
            before = ", ";
        }
    }
    fputs(stats->malformed_lines > 0 ? ")\n" : "\n", out);
}

void run_stats_print_text(const struct run_stats *stats, FILE *out)
{
    fprintf(out, "builder           %s\n", stats->builder);
    fprintf(out, "lines             %" PRIu64 "\n", stats->lines);
    fprintf(out, "malformed         %" PRIu64, stats->malformed_lines);
    print_defects_text(stats, out);
    fprintf(out, "bytes in          %" PRIu64 "\n", stats->bytes_in);
    fprintf(out, "bytes out         %" PRIu64 "\n", stats->bytes_out);
    fprintf(out, "checksum          %016" PRIx64 "\n", stats->checksum);
    fprintf(out, "peak RSS in KiB   %" PRIu64 "\n", stats->peak_rss_kib);
    fprintf(out, "seconds           %.3f\n", (double)stats->wall_ns / 1e9);
    fprintf(out, "lines per second  %.0f\n", lines_per_second(stats));
    fprintf(out, "time for 100 lines, in us: p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f\n",
            percentile_us(stats, 5000), percentile_us(stats, 9000), percentile_us(stats, 9900),
            percentile_us(stats, 9990), (double)stats->latency.max_ns / 1e3);
}

static void print_latency_json(const struct latency *latency, FILE *out)
{
    fprintf(out,
            "{\"lines\":%d,\"batches\":%" PRIu64 ",\"p50_ns\":%" PRIu64 ",\"p90_ns\":%" PRIu64
            ",\"p99_ns\":%" PRIu64 ",\"p999_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 "}",
            LATENCY_BATCH_LINES, latency->batches, latency_percentile(latency, 5000),
            latency_percentile(latency, 9000), latency_percentile(latency, 9900),
            latency_percentile(latency, 9990), latency->max_ns);
}

void run_stats_print_json(const struct run_stats *stats, FILE *out)
{
    fprintf(out, "{\"builder\":\"%s\",\"lines\":%" PRIu64 ",\"malformed\":%" PRIu64, stats->builder,
            stats->lines, stats->malformed_lines);
    fputs(",\"defects\":{", out);
    for (unsigned i = LOG_FINE + 1; i < LOG_DEFECTS; i++) {
        fprintf(out, "%s\"%s\":%" PRIu64, i > LOG_FINE + 1 ? "," : "",
                log_defect_name((enum log_defect)i), stats->defects[i]);
    }
    fprintf(out,
            "},\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ",\"checksum\":\"%016" PRIx64
            "\",\"peak_rss_kib\":%" PRIu64 ",\"wall_ns\":%" PRIu64
            ",\"lines_per_second\":%.1f,\"batch\":",
            stats->bytes_in, stats->bytes_out, stats->checksum, stats->peak_rss_kib, stats->wall_ns,
            lines_per_second(stats));
    print_latency_json(&stats->latency, out);
    fputs("}\n", out);
}
