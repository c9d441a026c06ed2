/*
 * fuzz_hist - arbitrary bytes as an encoded histogram: what decodes must encode to a histogram
 * that decodes to the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "heap/hist.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct hist hist = {0};
    struct hist again = {0};
    if (!hist_decode(bytes, len, &hist)) {
        return 0;
    }
    uint8_t *encoded = malloc(hist_encoded_max(&hist));
    size_t encoded_len = encoded != NULL ? hist_encode(&hist, encoded) : 0;
    if (!hist_decode(encoded, encoded_len, &again) || again.count != hist.count ||
        again.bin_count != hist.bin_count || hist_min(&hist) > hist_max(&hist) ||
        hist_quantile(&hist, 5000) > hist_max(&hist)) {
        abort();
    }
    free(encoded);
    hist_finish(&hist);
    hist_finish(&again);
    return 0;
}
