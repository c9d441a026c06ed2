/*
 * push_request - one profile to a server that takes Pyroscope's /ingest, over libcurl: tried again
 * while what fails is passing, for a bounded time.
 * Not for: what is in the profile (export_pprof makes it).
 * Owner:   all borrowed.   Threads: one.   Memory: the request and the start of an answer.
 * Errors:  ERR_SYSTEM, with what the server said; ERR_USAGE for a URL that cannot be used.
 */
#ifndef ALLOCTRAP_PUSH_PUSH_REQUEST_H
#define ALLOCTRAP_PUSH_PUSH_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "heap/profile.h"

struct push_request {
    const char *url;   /* of the server, without /ingest */
    const char *name;  /* of the application; NULL: the run's service */
    const char *token; /* NULL: none */
    const char *tenant;
    uint64_t timeout_s; /* of one try */
    uint64_t retries;   /* after the first try */
    uint64_t wait_ms;   /* before the first retry; doubles */
    const struct profile_run *run;
    const char *profile; /* pprof, gzipped */
    size_t profile_bytes;
};

/* "search{env=prod,...}": the name and the run's labels as the server wants them; free() it. */
char *push_series(const struct push_request *request);

/* *ret_tries: how many requests it took. */
ERR_CHECKED enum err_code push_send(const struct push_request *request, unsigned *ret_tries,
                                    struct err *reterr);

#endif
