/*
 * heaptrack's format, as heaptrack's own reader takes it: numbers are hexadecimal, strings, frames
 * and traces are numbered from 1 and allocation infos from 0, each in the order of its lines, and
 * each line refers to earlier ones alone.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "export_text.h"
#include "sample_profile.h"
#include "store/store.h"

enum { EVENTS_MAX = 4000, TEXT_BYTES_MAX = 1 << 20, MS = 1000000, ZLIB_GZIP_WINDOW = 31 };

static char recording[64];
static struct profile *profile; /* as made, before it is stored */
static struct heap_event events[EVENTS_MAX];
static size_t event_count;
static char *text;

static void begin(void)
{
    snprintf(recording, sizeof recording, "/tmp/test_export_heaptrack-%d.atrap", getpid());
    profile = sample_profile(20);
}

static void end(void)
{
    unlink(recording);
    profile_destroy(profile);
    free(text);
}

TestSuite(export_heaptrack, .init = begin, .fini = end);

/* The path of the sample's number-th call site. */
static uint32_t path_of(uint32_t number)
{
    return profile->sites.at[1 + number].path;
}

static struct heap_event *happens(unsigned call, unsigned flags, uint64_t addr, uint64_t size,
                                  uint32_t path)
{
    cr_assert_lt(event_count, EVENTS_MAX);
    struct heap_event *event = &events[event_count++];
    *event = (struct heap_event){
        .addr = addr, .size = size, .path = path, .call = (uint8_t)call, .flags = (uint8_t)flags};
    return event;
}

static void made(uint64_t addr, uint64_t size)
{
    happens(CALL_MALLOC, 0, addr, size, path_of(0));
}

static void freed(uint64_t addr)
{
    happens(CALL_FREE, 0, addr, 0, path_of(0));
}

static void save(bool has_trace)
{
    struct err err = {0};
    struct store *store = NULL;
    cr_assert_eq(store_create(recording, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert(!has_trace || store_trace(store, events, event_count, &err) == ERR_NONE);
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
}

/* What is written of the recording, packed as it comes. */
static enum err_code write_packed(char **ret_bytes, size_t *ret_length, struct err *reterr)
{
    const struct export_job asked = {.side = {.path = recording}};
    struct profile *loaded = NULL;
    cr_assert_eq(store_load(recording, &loaded, reterr), ERR_NONE, "%s", reterr->message);
    enum err_code code = export_text_try(export_format_find("heaptrack"), loaded, &asked, ret_bytes,
                                         ret_length, reterr);
    profile_destroy(loaded);
    return code;
}

/* What is written of the events so far, unpacked into text. */
static void write_text(void)
{
    struct err err = {0};
    char *packed = NULL;
    size_t length = 0;
    save(true);
    cr_assert_eq(write_packed(&packed, &length, &err), ERR_NONE, "%s", err.message);
    text = calloc(TEXT_BYTES_MAX, 1);
    z_stream stream = {.next_in = (Bytef *)packed,
                       .avail_in = (uInt)length,
                       .next_out = (Bytef *)text,
                       .avail_out = TEXT_BYTES_MAX - 1};
    cr_assert_eq(inflateInit2(&stream, ZLIB_GZIP_WINDOW), Z_OK);
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END, "a whole gzip file");
    cr_assert_eq(stream.avail_in, 0, "and nothing behind it");
    inflateEnd(&stream);
    free(packed);
}

/* The text from the first line of events on: without version, command and page size. */
static const char *body(void)
{
    const char *at = text;
    for (unsigned i = 0; i < 3; i++) {
        at = strchr(at, '\n') + 1;
    }
    return at;
}

/* Only the lines of these kinds, in order, without what follows the number. */
static char *lines_of(const char *kinds)
{
    char *picked = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&picked, &length);
    for (const char *at = body(); *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strchr(kinds, *at) != NULL) {
            fprintf(out, "%.*s;", (int)strcspn(at, "\n"), at);
        }
    }
    fclose(out);
    return picked;
}

static void expect_lines(const char *kinds, const char *wanted)
{
    write_text();
    char *lines = lines_of(kinds);
    cr_expect_str_eq(lines, wanted);
    free(lines);
}

Test(export_heaptrack, each_line_is_as_the_format_has_it)
{
    char *wanted = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&wanted, &length);
    made(0x1000, 32);
    happens(CALL_MALLOC, 0, 0x2000, 4096, path_of(1))->time_ns = 18 * MS;
    freed(0x1000);
    made(0x3000, 32);
    write_text();
    fprintf(out,
            "v 10400 3\n"
            "X parser --fast\n"
            "I %lx 0\n"
            /* main and its caller have no names, only places in the program */
            "s f /usr/bin/parser\n"
            "s d parser+0x1000\n"
            "i 1000 1 2\n"
            "t 1 0\n"
            "s d parser+0x2000\n"
            "i 2000 1 3\n"
            "t 2 1\n"
            /* a function, and another one inlined into it, whose line is known */
            "s 9 inlined_0\n"
            "s c /src/parse.c\n"
            "s f function_0(int)\n"
            "i 100000 1 4 5 0 6\n"
            "t 3 2\n"
            "a 20 3\n"
            "+ 0\n"
            "c 12\n"
            /* the second site has main's frame, and not its path: that one was cut */
            "t 1 0\n"
            "s d parser+0x2001\n"
            "i 2001 1 7\n"
            "t 4 4\n"
            "s 9 inlined_1\n"
            "s f function_1(int)\n"
            "i 100001 1 8 5 1 9\n"
            "t 5 5\n"
            "a 1000 6\n"
            "+ 1\n"
            "- 0\n"
            "+ 0\n"
            "c 17d4\n",
            (unsigned long)sysconf(_SC_PAGESIZE));
    fclose(out);
    cr_expect_str_eq(text, wanted);
    free(wanted);
}

Test(export_heaptrack, without_a_trace_it_says_how_to_get_one)
{
    struct err err = {0};
    char *packed = NULL;
    size_t length = 0;
    save(false);
    cr_expect_eq(write_packed(&packed, &length, &err), ERR_MISSING);
    cr_expect_not_null(strstr(err.message, "record with --trace"), "%s", err.message);
    cr_expect_str_eq(err.path, recording);
    free(packed);
}

Test(export_heaptrack, blocks_of_one_size_and_path_are_one_info)
{
    made(0x1000, 32);
    made(0x2000, 32);
    made(0x3000, 33);
    happens(CALL_CALLOC, 0, 0x4000, 32, path_of(1));
    expect_lines("a+", "a 20 3;+ 0;+ 0;a 21 3;+ 1;a 20 6;+ 2;");
}

Test(export_heaptrack, a_block_ends_once_and_what_never_began_does_not)
{
    made(0x1000, 32);
    freed(0x9000);
    freed(0x1000);
    freed(0x1000);
    expect_lines("+-", "+ 0;- 0;");
}

Test(export_heaptrack, an_address_that_comes_anew_has_ended_its_last_life)
{
    made(0x1000, 32);
    made(0x1000, 48);
    freed(0x1000);
    expect_lines("+-", "+ 0;- 0;+ 1;- 1;");
}

Test(export_heaptrack, equal_addresses_of_two_processes_are_two_blocks)
{
    made(0x1000, 32);
    made(0x1000, 48);
    events[1].process = 1;
    freed(0x1000);
    expect_lines("+-", "+ 0;+ 1;- 0;");
}

Test(export_heaptrack, a_realloc_ends_the_old_block_and_begins_the_new_one)
{
    made(0x1000, 32);
    happens(CALL_REALLOC, SESSION_EVENT_OLD, 0x1000, 0, path_of(0));
    happens(CALL_REALLOC, 0, 0x2000, 64, path_of(0));
    happens(CALL_REALLOC, SESSION_EVENT_FAILED, 0x2000, 1 << 30, path_of(0));
    happens(CALL_REALLOC, SESSION_EVENT_OLD | SESSION_EVENT_NULL, 0x2000, 0, path_of(0));
    expect_lines("+-", "+ 0;- 0;+ 1;- 1;");
}

Test(export_heaptrack, what_is_no_block_is_not_written)
{
    static const unsigned flags[] = {SESSION_EVENT_FAILED, SESSION_EVENT_NULL, SESSION_EVENT_THREAD,
                                     SESSION_EVENT_NOTE, SESSION_EVENT_USAGE};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        happens(CALL_MALLOC, flags[i], 0x1000 * (i + 1), 32, path_of(0));
    }
    happens(CALL_FREE, SESSION_EVENT_USAGE, 0x1000, 32, path_of(0));
    write_text();
    cr_expect_str_eq(body(), "c 17d4\n", "the duration, 6100 ms");
}

Test(export_heaptrack, time_is_told_at_each_new_millisecond_and_never_goes_back)
{
    static const uint64_t times[] = {MS - 1, MS, 2 * MS - 1, 40 * MS, 39 * MS, 40 * MS + 1};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        made(0x1000 * (i + 1), 32);
        events[i].time_ns = times[i];
    }
    expect_lines("c+", "+ 0;c 1;+ 0;+ 0;c 28;+ 0;+ 0;+ 0;c 17d4;");
}

/* Names are length and text: a line feed in one must not begin a line of its own. */
Test(export_heaptrack, hostile_names_stay_within_their_line)
{
    const uint32_t frame = profile->paths.at[path_of(0)].frame;
    struct profile_symbol *symbol = &profile->symbols.at[profile->frames.at[frame].symbol_first];
    symbol->function = mem_strings_keep(profile->strings, "f\n+ 7");
    profile->run.command = mem_strings_keep(profile->strings, "a\n+ 8");
    made(0x1000, 32);
    expect_lines("+", "+ 0;");
    cr_expect_not_null(strstr(text, "s 8 f\\x0a+ 7\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\nX a\\x0a+ 8\n"), "%s", text);
}

/* Numbers that a reader takes from the lines alone. */
struct read_back {
    uint64_t allocs;
    uint64_t bytes;
    uint64_t live_blocks;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t strings;
    uint64_t frames;
    uint64_t traces;
    uint64_t infos;
    uint64_t info_bytes[EVENTS_MAX];
    uint64_t info_live[EVENTS_MAX];
};

/* The next number of a line, which must be there. */
static uint64_t next_number(const char **at)
{
    char *rest = NULL;
    uint64_t number = strtoull(*at, &rest, 16);
    cr_assert(rest != *at, "a number: %.40s", *at);
    *at = rest;
    return number;
}

static void read_frame(struct read_back *r, const char *at)
{
    (void)next_number(&at);
    cr_expect_leq(next_number(&at), r->strings, "its module");
    while (*at == ' ') {
        cr_expect_leq(next_number(&at), r->strings, "a function");
        if (*at == ' ') {
            cr_expect_leq(next_number(&at), r->strings, "its file");
            (void)next_number(&at);
        }
    }
    r->frames++;
}

static void read_block(struct read_back *r, char sign, uint64_t info)
{
    cr_assert_lt(info, r->infos);
    if (sign == '-') {
        cr_assert_gt(r->info_live[info], 0);
        r->info_live[info]--;
        r->live_blocks--;
        r->live_bytes -= r->info_bytes[info];
        return;
    }
    r->info_live[info]++;
    r->allocs++;
    r->live_blocks++;
    r->bytes += r->info_bytes[info];
    r->live_bytes += r->info_bytes[info];
    r->peak_bytes = r->live_bytes > r->peak_bytes ? r->live_bytes : r->peak_bytes;
}

static void read_line(struct read_back *r, const char *line)
{
    const char *at = line + 1;
    if (*line == 's') {
        uint64_t length = next_number(&at);
        cr_expect_eq(strcspn(at + 1, "\n"), length, "%.80s", line);
        r->strings++;
    } else if (*line == 'i') {
        read_frame(r, at);
    } else if (*line == 't') {
        cr_expect_leq(next_number(&at), r->frames);
        cr_expect_leq(next_number(&at), r->traces, "parents come first");
        r->traces++;
    } else if (*line == 'a') {
        r->info_bytes[r->infos] = next_number(&at);
        cr_expect_leq(next_number(&at), r->traces);
        r->infos++;
    } else if (*line == '+' || *line == '-') {
        read_block(r, *line, next_number(&at));
    } else {
        cr_assert_eq(*line, 'c', "%.40s", line);
    }
}

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 33) % limit;
}

/* Blocks of two processes at 60 addresses, made, moved and freed at random. */
static void churn(void)
{
    static bool is_live[2][60];
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t process = random_below(2);
        uint32_t place = random_below(60);
        bool *live = &is_live[process][place];
        uint64_t addr = 0x1000 + 64 * place;
        uint32_t path = path_of(random_below(20));
        size_t first = event_count;
        if (!*live) {
            happens(CALL_MALLOC, 0, addr, 1 + random_below(5000), path);
        } else if (random_below(3) == 0) {
            happens(CALL_REALLOC, SESSION_EVENT_OLD, addr, 0, path);
            happens(CALL_REALLOC, 0, addr, 1 + random_below(5000), path);
        } else {
            happens(CALL_FREE, 0, addr, 0, path);
        }
        *live = events[event_count - 1].call != CALL_FREE;
        for (; first < event_count; first++) {
            events[first].process = process;
            events[first].time_ns = first * MS / 3;
        }
    }
}

/* The same events through the heap: what a report would say of them. */
static struct profile_totals reference_totals(void)
{
    struct profile *p = profile_create();
    (void)MEM_PUSH(&p->processes);
    (void)MEM_PUSH(&p->processes);
    struct heap *heap = heap_create(p);
    for (size_t i = 0; i < event_count; i++) {
        struct heap_event event = events[i];
        event.path = 0; /* the totals know no sites */
        heap_add(heap, &event, 1);
    }
    heap_process_ended(heap, 0);
    heap_process_ended(heap, 1);
    heap_settle(heap);
    heap_destroy(heap);
    struct profile_totals totals = p->totals;
    profile_destroy(p);
    return totals;
}

Test(export_heaptrack, a_reader_finds_the_totals_and_the_peak_of_a_report)
{
    static struct read_back r;
    churn();
    write_text();
    for (const char *at = body(); *at != '\0'; at = strchr(at, '\n') + 1) {
        read_line(&r, at);
    }
    struct profile_totals wanted = reference_totals();
    cr_assert_gt(wanted.live_blocks, 0);
    cr_expect_eq(r.allocs, wanted.allocs);
    cr_expect_eq(r.bytes, wanted.bytes);
    cr_expect_eq(r.live_blocks, wanted.live_blocks);
    cr_expect_eq(r.live_bytes, wanted.live_bytes);
    cr_expect_eq(r.peak_bytes, wanted.peak_bytes);
}
