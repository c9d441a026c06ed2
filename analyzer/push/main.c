/*
 * alloctrap-push - sends recordings to a profiling server; reached as `alloctrap push`. A program
 * of its own, so that nothing else of alloctrap can reach a network.
 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/options.h"
#include "export/export.h"
#include "push/push_request.h"
#include "store/store.h"

enum { TOKEN_BYTES = 4096, TIMEOUT_S = 30, RETRIES = 4, WAIT_MS = 500, LIMIT = 86400000 };

static const char help[] =
    "usage: alloctrap push FILE --url=URL [OPTION...]\n\n"
    "Sends a recording, as a pprof profile with its labels, to a server that takes Pyroscope's\n"
    "/ingest. What fails for a passing reason is tried again.\n\n"
    "  --url=URL          the server, http or https\n"
    "  --name=NAME        the application (the recording's service)\n"
    "  --token-file=FILE  its first line is sent as a bearer token: by https, or to this machine\n"
    "  --tenant=ID        sent as X-Scope-OrgID\n"
    "  --timeout=S        seconds for one try (30)\n"
    "  --retries=N        tries after the first one (4)\n"
    "  --retry-wait=MS    before the first of them; doubles each time (500)\n"
    "  --help             this text\n\n"
    "example:\n"
    "  alloctrap push run.atrap --url=https://pyroscope.example:4040 --token-file=token\n";

enum {
    OPT_URL = 256,
    OPT_NAME,
    OPT_TOKEN,
    OPT_TENANT,
    OPT_TIMEOUT,
    OPT_RETRIES,
    OPT_WAIT,
    OPT_HELP
};

struct choices {
    struct push_request request;
    const char *file;
    const char *token_file;
    bool wants_help;
};

static enum err_code take_option(int option, void *choices, struct err *reterr)
{
    struct choices *c = choices;
    switch (option) {
    case OPT_URL:
        c->request.url = optarg;
        break;
    case OPT_NAME:
        c->request.name = optarg;
        break;
    case OPT_TOKEN:
        c->token_file = optarg;
        break;
    case OPT_TENANT:
        c->request.tenant = optarg;
        break;
    case OPT_TIMEOUT:
        return options_number("--timeout", optarg, LIMIT, &c->request.timeout_s, reterr);
    case OPT_RETRIES:
        return options_number("--retries", optarg, LIMIT, &c->request.retries, reterr);
    case OPT_WAIT:
        return options_number("--retry-wait", optarg, LIMIT, &c->request.wait_ms, reterr);
    default:
        c->wants_help = true;
        break;
    }
    return ERR_NONE;
}

static enum err_code parse(int argc, char **argv, struct choices *c, struct err *reterr)
{
    static const struct option longs[] = {{"url", required_argument, NULL, OPT_URL},
                                          {"name", required_argument, NULL, OPT_NAME},
                                          {"token-file", required_argument, NULL, OPT_TOKEN},
                                          {"tenant", required_argument, NULL, OPT_TENANT},
                                          {"timeout", required_argument, NULL, OPT_TIMEOUT},
                                          {"retries", required_argument, NULL, OPT_RETRIES},
                                          {"retry-wait", required_argument, NULL, OPT_WAIT},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {0}};
    enum err_code code = options_each(argc, argv, ":", longs, take_option, c, reterr);
    if (code != ERR_NONE || c->wants_help) {
        return code;
    }
    if (argc - optind != 1 || c->request.url == NULL) {
        return err_set(reterr, ERR_USAGE, NULL,
                       "push wants one recording and a server: "
                       "alloctrap push run.atrap --url=https://pyroscope.example:4040");
    }
    c->file = argv[optind];
    return ERR_NONE;
}

static enum err_code read_token(const char *path, char *token, struct err *reterr)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return err_set(reterr, ERR_MISSING, path, "the token cannot be read: %s", strerror(errno));
    }
    bool is_read = fgets(token, TOKEN_BYTES, in) != NULL;
    fclose(in);
    token[is_read ? strcspn(token, "\r\n") : 0] = '\0';
    for (const char *c = token; *c != '\0'; c++) {
        is_read = is_read && *c > 0x20 && *c < 0x7f;
    }
    return is_read && token[0] != '\0'
               ? ERR_NONE
               : err_set(reterr, ERR_USAGE, path,
                         "its first line is no token: one word of ASCII, no spaces");
}

/* A token goes over https, or stays on this machine. */
static enum err_code check_place(const char *url, struct err *reterr)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    bool is_good = curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    is_good = is_good && (strcmp(scheme, "https") == 0 || strcmp(host, "localhost") == 0 ||
                          strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parsed);
    return is_good ? ERR_NONE
                   : err_set(reterr, ERR_USAGE, url,
                             "a token is sent by https only, or to this machine");
}

static enum err_code send_profile(struct choices *c, const struct profile *profile,
                                  struct err *reterr)
{
    const struct select_rule all = {0};
    struct selection selection;
    char *bytes = NULL;
    size_t count = 0;
    enum err_code code = select_sites(profile, &all, &selection, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    struct export_stacks *stacks = export_stacks_create(profile, &selection);
    FILE *out = open_memstream(&bytes, &count);
    const struct export_job job = {
        .side = {c->file, profile, &selection, stacks}, .metric = EXPORT_BYTES, .out = out};
    code = out != NULL ? export_pprof(&job, reterr)
                       : err_set(reterr, ERR_SYSTEM, NULL, "no memory for the profile");
    if (out != NULL && fclose(out) != 0 && code == ERR_NONE) {
        code = err_set(reterr, ERR_SYSTEM, NULL, "no memory for the profile");
    }
    unsigned tries = 0;
    c->request.run = &profile->run;
    c->request.profile = bytes;
    c->request.profile_bytes = count;
    if (code == ERR_NONE) {
        code = push_send(&c->request, &tries, reterr);
    }
    if (code == ERR_NONE) {
        char *series = push_series(&c->request);
        printf("sent %zu bytes as %s, %u %s\n", count, series, tries, tries == 1 ? "try" : "tries");
        free(series);
    }
    export_stacks_destroy(stacks);
    select_finish(&selection);
    free(bytes);
    return code;
}

static enum err_code push(struct choices *c, struct err *reterr)
{
    static char token[TOKEN_BYTES];
    struct profile *profile = NULL;
    enum err_code code = ERR_NONE;
    if (c->token_file != NULL) {
        code = read_token(c->token_file, token, reterr);
        code = code != ERR_NONE ? code : check_place(c->request.url, reterr);
        c->request.token = token;
    }
    if (code == ERR_NONE) {
        code = store_load(c->file, &profile, reterr);
    }
    if (code == ERR_NONE) {
        code = send_profile(c, profile, reterr);
        profile_destroy(profile);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct choices choices = {
        .request = {.timeout_s = TIMEOUT_S, .retries = RETRIES, .wait_ms = WAIT_MS}};
    struct err err = {.offset = ERR_PLACE_NONE};
    char name[] = "push"; /* what messages call it: it is reached as `alloctrap push` */
    argv[0] = argc > 0 ? name : argv[0];
    enum err_code code = parse(argc, argv, &choices, &err);
    if (code == ERR_NONE && choices.wants_help) {
        fputs(help, stdout);
    } else if (code == ERR_NONE) {
        code = push(&choices, &err);
    }
    if (code != ERR_NONE) {
        char text[2048];
        err_format(&err, text, sizeof text);
        fprintf(stderr, "alloctrap: %s\n", text);
    }
    return err_exit_status(code);
}
