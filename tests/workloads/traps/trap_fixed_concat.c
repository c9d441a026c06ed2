/*
 * fixed-concat - a text of few parts whose number is known: host, port, path.
 * Naive: one step after another, and a block for each step.
 * Fixed: measure, then one formatted allocation of the right size.
 */
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* left + right in a new block; left is freed. NULL when there is no memory. */
static char *join(char *left, const char *right)
{
    size_t left_bytes = strlen(left);
    char *both = malloc(left_bytes + strlen(right) + 1);
    if (both != NULL) {
        memcpy(both, left, left_bytes);
        strcpy(both + left_bytes, right);
    }
    free(left);
    return both;
}

static char *url_in_steps(unsigned port, unsigned page)
{
    char number[16];
    char *url = strdup("https://www.example.com:");
    snprintf(number, sizeof number, "%u", port);
    url = url != NULL ? join(url, number) : NULL;
    url = url != NULL ? join(url, "/page/") : NULL;
    snprintf(number, sizeof number, "%u", page);
    return url != NULL ? join(url, number) : NULL;
}

static char *url_at_once(unsigned port, unsigned page)
{
    static const char format[] = "https://www.example.com:%u/page/%u";
    int bytes = snprintf(NULL, 0, format, port, page);
    char *url = malloc((size_t)bytes + 1);
    if (url != NULL) {
        snprintf(url, (size_t)bytes + 1, format, port, page);
    }
    return url;
}

static bool make_urls(uint64_t n, char *(*make)(unsigned port, unsigned page), uint64_t *ret_result)
{
    uint64_t result = TRAP_RESULT_START;
    for (uint64_t i = 0; i < n; i++) {
        char *url = make(8000 + (unsigned)(i % 100), (unsigned)i);
        if (url == NULL) {
            return false;
        }
        result = trap_mix(result, url, strlen(url));
        free(url);
    }
    *ret_result = result;
    return true;
}

bool trap_fixed_concat_naive(uint64_t n, uint64_t *ret_result)
{
    return make_urls(n, url_in_steps, ret_result);
}

bool trap_fixed_concat_fixed(uint64_t n, uint64_t *ret_result)
{
    return make_urls(n, url_at_once, ret_result);
}
