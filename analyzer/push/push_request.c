#include "push/push_request.h"

#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "base/labels.h"
#include "export/export_pprof.h"

enum {
    ANSWER_BYTES = 300, /* of an answer, for the message */
    WAIT_MAX_MS = 60000,
    STATUS_OK = 200,
    STATUS_REDIRECT = 300,
    STATUS_TIMEOUT = 408,
    STATUS_TOO_MANY = 429,
    STATUS_SERVER = 500,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000
};

/* Keys are [A-Za-z_][A-Za-z0-9_]*; what would end a value or begin another is '_'. */
static void put_label(FILE *out, const char *key, const char *value, bool *has_label)
{
    fputs(*has_label ? "," : "{", out);
    *has_label = true;
    for (const char *c = key; *c != '\0'; c++) {
        fputc(isalnum((unsigned char)*c) ? *c : '_', out);
    }
    fputc('=', out);
    for (const char *c = value; *c != '\0'; c++) {
        fputc(strchr("{},=\"\\", *c) != NULL || (unsigned char)*c < 0x20 ? '_' : *c, out);
    }
}

char *push_series(const struct push_request *request)
{
    const struct profile_run *run = request->run;
    const char *rest = run->labels;
    char *text = NULL;
    char *key = NULL;
    char *value = NULL;
    size_t bytes = 0;
    bool has_label = false;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return mem_text("");
    }
    const char *name = request->name != NULL ? request->name : run->service;
    fputs(name[0] != '\0' ? name : "alloctrap", out);
    /* A run is a profile by itself, not the next value of a counter. */
    put_label(out, "__delta__", "false", &has_label);
    put_label(out, "build_id", run->build_id, &has_label);
    put_label(out, "host", run->host, &has_label);
    while (labels_next(&rest, &key, &value)) {
        if (strcmp(key, "service") != 0 && strcmp(key, "host") != 0 &&
            strcmp(key, "build_id") != 0) {
            put_label(out, key, value, &has_label);
        }
        free(key);
        free(value);
    }
    fputc('}', out);
    fclose(out);
    return text;
}

/* How the server shall show each value, as Pyroscope names units. */
static char *sample_types(void)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (size_t i = 0; out != NULL && i < EXPORT_PPROF_VALUES; i++) {
        const struct export_pprof_value *value = &export_pprof_values[i];
        const char *unit = strcmp(value->unit, "bytes") == 0         ? "bytes"
                           : strcmp(value->unit, "nanoseconds") == 0 ? "lock_nanoseconds"
                                                                     : "objects";
        fprintf(out,
                "%s\"%s\":{\"units\":\"%s\",\"aggregation\":\"sum\",\"display-name\":\"%s\","
                "\"sampled\":false}",
                i == 0 ? "{" : ",", value->type, unit, value->type);
    }
    if (out == NULL) {
        return mem_text("{}");
    }
    fputc('}', out);
    fclose(out);
    return text;
}

struct answer {
    char text[ANSWER_BYTES + 1];
    size_t used;
};

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    size_t room = ANSWER_BYTES - answer->used;
    size_t taken = size * count < room ? size * count : room;
    memcpy(answer->text + answer->used, bytes, taken);
    answer->used += taken;
    answer->text[answer->used] = '\0';
    return size * count;
}

/* What a request is made of, freed together. */
struct parts {
    CURL *curl;
    curl_mime *form;
    struct curl_slist *headers;
    char *url;
};

static char *ingest_url(CURL *curl, const struct push_request *request)
{
    const struct profile_run *run = request->run;
    uint64_t from = run->start_realtime_ns / NS_PER_S;
    uint64_t until = (run->start_realtime_ns + run->duration_ns) / NS_PER_S;
    char *series = push_series(request);
    char *escaped = curl_easy_escape(curl, series, 0);
    size_t length = strlen(request->url);
    while (length > 0 && request->url[length - 1] == '/') {
        length--;
    }
    char *url = mem_format(
        "%.*s/ingest?name=%s&from=%" PRIu64 "&until=%" PRIu64 "&format=pprof&spyName=alloctrap",
        (int)length, request->url, escaped, from, until > from ? until : from + 1);
    curl_free(escaped);
    free(series);
    return url;
}

static void add_form(struct parts *parts, const struct push_request *request)
{
    char *types = sample_types();
    parts->form = curl_mime_init(parts->curl);
    curl_mimepart *part = curl_mime_addpart(parts->form);
    curl_mime_name(part, "profile");
    curl_mime_filename(part, "profile.pprof");
    curl_mime_type(part, "application/octet-stream");
    curl_mime_data(part, request->profile, request->profile_bytes);
    part = curl_mime_addpart(parts->form);
    curl_mime_name(part, "sample_type_config");
    curl_mime_filename(part, "sample_type_config.json");
    curl_mime_type(part, "application/json");
    curl_mime_data(part, types, CURL_ZERO_TERMINATED);
    free(types);
}

static void add_header(struct parts *parts, const char *name, const char *value)
{
    if (value != NULL) {
        char *line = mem_format("%s: %s", name, value);
        parts->headers = curl_slist_append(parts->headers, line);
        free(line);
    }
}

static void prepare(struct parts *parts, const struct push_request *request)
{
    CURL *curl = parts->curl;
    char *bearer = request->token != NULL ? mem_format("Bearer %s", request->token) : NULL;
    parts->url = ingest_url(curl, request);
    add_form(parts, request);
    add_header(parts, "Authorization", bearer);
    add_header(parts, "X-Scope-OrgID", request->tenant);
    add_header(parts, "Expect", ""); /* no waiting for a "100 Continue" */
    curl_easy_setopt(curl, CURLOPT_URL, parts->url);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, parts->form);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, parts->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "alloctrap-push");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L); /* a token goes where it was sent */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->timeout_s);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    free(bearer);
}

static bool is_passing(CURLcode result, long status)
{
    switch (result) {
    case CURLE_OK:
        return status == STATUS_TIMEOUT || status == STATUS_TOO_MANY || status >= STATUS_SERVER;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return true;
    default:
        return false;
    }
}

/* Before the try after `tries`: what the server asked for, or twice as long as the last time. */
static void wait_before(CURL *curl, const struct push_request *request, unsigned tries)
{
    curl_off_t asked_s = 0;
    uint64_t wait_ms = request->wait_ms;
    for (unsigned i = 1; i < tries && wait_ms < WAIT_MAX_MS; i++) {
        wait_ms *= 2;
    }
    if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &asked_s) == CURLE_OK && asked_s > 0) {
        wait_ms = asked_s < WAIT_MAX_MS / MS_PER_S ? (uint64_t)asked_s * MS_PER_S : WAIT_MAX_MS;
    }
    wait_ms = wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS;
    struct timespec wait = {(time_t)(wait_ms / MS_PER_S), (long)(wait_ms % MS_PER_S) * NS_PER_MS};
    nanosleep(&wait, NULL);
}

static enum err_code say_failure(const struct push_request *request, CURLcode result, long status,
                                 const struct answer *answer, unsigned tries, struct err *reterr)
{
    char *said = escape_terminal(answer->text);
    char *why = result != CURLE_OK
                    ? mem_text(curl_easy_strerror(result))
                    : mem_format("status %ld%s%s", status, said[0] != '\0' ? ": " : "", said);
    enum err_code code = err_set(reterr, result == CURLE_URL_MALFORMAT ? ERR_USAGE : ERR_SYSTEM,
                                 request->url, "the profile was not taken after %u %s: %s", tries,
                                 tries == 1 ? "try" : "tries", why);
    free(why);
    free(said);
    return code;
}

static enum err_code try_all(struct parts *parts, const struct push_request *request,
                             unsigned *ret_tries, struct err *reterr)
{
    for (unsigned tries = 1;; tries++) {
        struct answer answer = {.used = 0};
        long status = 0;
        curl_easy_setopt(parts->curl, CURLOPT_WRITEDATA, &answer);
        CURLcode result = curl_easy_perform(parts->curl);
        curl_easy_getinfo(parts->curl, CURLINFO_RESPONSE_CODE, &status);
        if (result == CURLE_OK && status >= STATUS_OK && status < STATUS_REDIRECT) {
            *ret_tries = tries;
            return ERR_NONE;
        }
        if (tries > request->retries || !is_passing(result, status)) {
            return say_failure(request, result, status, &answer, tries, reterr);
        }
        wait_before(parts->curl, request, tries);
    }
}

enum err_code push_send(const struct push_request *request, unsigned *ret_tries, struct err *reterr)
{
    struct parts parts = {0};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (parts.curl = curl_easy_init()) == NULL) {
        return err_set(reterr, ERR_SYSTEM, NULL, "libcurl cannot be used");
    }
    prepare(&parts, request);
    enum err_code code = try_all(&parts, request, ret_tries, reterr);
    curl_mime_free(parts.form);
    curl_slist_free_all(parts.headers);
    curl_easy_cleanup(parts.curl);
    curl_global_cleanup();
    free(parts.url);
    return code;
}
