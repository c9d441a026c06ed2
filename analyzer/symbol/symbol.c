#include "symbol/symbol.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "symbol/cache.h"
#include "symbol/debug_places.h"
#include "symbol/perf_map.h"
#include "symbol/worker.h"

enum { PROGRESS_FRAMES = 256 };

/* A frame to name, in the order of module and address. */
struct wanted {
    uint32_t frame;
    uint32_t module;
    uint64_t address;
    bool is_done;   /* a worker must not name one twice */
    bool is_whole;  /* nothing can name it better */
    bool stays_out; /* of the cache: it is in there, or not what the file at hand says */
};

/* What is said of an address of which nothing is known. */
static const struct worker_line no_line = {"", "", "", 0, false};

struct resolving {
    struct profile *profile;
    const struct symbol_options *options;
    struct symbol_notes *notes;
    size_t done;
    size_t total;
    struct wanted *wanted; /* those of the module at work */
    size_t count;
    size_t lacks_split;
};

static int by_place(const void *left, const void *right)
{
    const struct wanted *a = left;
    const struct wanted *b = right;
    if (a->module != b->module) {
        return (a->module > b->module) - (a->module < b->module);
    }
    return (a->address > b->address) - (a->address < b->address);
}

_Static_assert((int)OBJECT_LINES_MAX <= (int)PROFILE_LINES_MAX,
               "a recording takes what a file gives");

/* A return address is the one after the call: the call itself ends a byte before. */
static uint64_t call_address(const struct profile_frame *frame)
{
    bool is_exact = (frame->flags & SESSION_NODE_EXACT_PC) != 0 || frame->offset == 0;
    return is_exact ? frame->offset : frame->offset - 1;
}

static bool has_line(const struct profile *profile, const struct profile_frame *frame)
{
    return frame->symbol_count > 0 && profile->symbols.at[frame->symbol_first].file[0] != '\0';
}

/* Frame 0 is "none" and stays nameless. */
static size_t list_wanted(const struct profile *profile, bool looks_again, struct wanted *wanted)
{
    size_t count = 0;
    for (size_t i = 1; i < profile->frames.count; i++) {
        const struct profile_frame *frame = &profile->frames.at[i];
        if (frame->symbol_count == 0 || (looks_again && !has_line(profile, frame))) {
            wanted[count++] = (struct wanted){
                .frame = (uint32_t)i, .module = frame->module, .address = call_address(frame)};
        }
    }
    if (count > 1) {
        qsort(wanted, count, sizeof *wanted, by_place);
    }
    return count;
}

static void tell(struct resolving *resolving, size_t done)
{
    if (resolving->options->progress != NULL) {
        resolving->options->progress(resolving->options->context, done, resolving->total);
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The name of code that has none: what it is in, and where. */
static char *place_name(const struct profile *profile, const struct profile_frame *frame)
{
    const char *path = profile->modules.at[frame->module].path;
    if (frame->module == 0 || path[0] == '\0') {
        return mem_format("jit@0x%" PRIx64, frame->offset);
    }
    if (strstr(path, "vdso") != NULL && path[0] != '/') {
        return mem_text("[vdso]"); /* the kernel's; it never allocates, but may be on a stack */
    }
    return mem_format("%s+0x%" PRIx64, base_name(path), frame->offset);
}

static void keep_line(struct profile *profile, const struct profile_frame *frame,
                      const struct worker_line *line)
{
    char *made_up = line->function[0] == '\0' ? place_name(profile, frame) : NULL;
    struct profile_symbol *symbol = MEM_PUSH(&profile->symbols);
    symbol->function =
        mem_strings_keep(profile->strings, made_up != NULL ? made_up : line->function);
    symbol->raw_name = mem_strings_keep(profile->strings, line->linked);
    symbol->file = mem_strings_keep(profile->strings, line->file);
    symbol->line = line->line;
    symbol->is_inlined = line->is_inlined;
    free(made_up);
}

/* A name that we made up, because we knew none. */
static bool is_made_up(const struct profile *profile, const struct profile_frame *frame)
{
    char *made_up = place_name(profile, frame);
    bool is_it = strcmp(profile->symbols.at[frame->symbol_first].function, made_up) == 0;
    free(made_up);
    return is_it;
}

/* Of two answers that both lack the line the first one stays: it may be of a better file. */
static bool is_better(const struct profile *profile, const struct profile_frame *frame,
                      const struct worker_answer *answer)
{
    return frame->symbol_count == 0 || answer->lines[0].file[0] != '\0' ||
           (answer->lines[0].function[0] != '\0' && is_made_up(profile, frame));
}

static void keep_lines(void *context, const struct worker_answer *answer)
{
    struct resolving *resolving = context;
    struct profile *profile = resolving->profile;
    struct wanted *wanted = &resolving->wanted[answer->index];
    struct profile_frame *frame = &profile->frames.at[wanted->frame];
    resolving->lacks_split += answer->lacks_split;
    if (wanted->is_done || answer->count == 0) {
        return;
    }
    wanted->is_done = is_better(profile, frame, answer);
    wanted->stays_out = !wanted->is_done || answer->lacks_split;
    if (!wanted->is_done) {
        return;
    }
    wanted->is_whole = answer->is_whole;
    frame->symbol_first = (uint32_t)profile->symbols.count;
    frame->symbol_count = (uint32_t)answer->count;
    for (size_t i = 0; i < answer->count; i++) {
        keep_line(profile, frame, &answer->lines[i]);
    }
    if (answer->index % PROGRESS_FRAMES == 0) {
        tell(resolving, resolving->done + answer->index);
    }
}

static void note(struct resolving *resolving, enum object_state state)
{
    if (state != OBJECT_FINE || resolving->lacks_split > 0) {
        *MEM_PUSH(&resolving->notes->troubles) =
            (struct symbol_trouble){resolving->wanted[0].module, state, resolving->lacks_split};
    }
}

static void find_in_cache(struct resolving *resolving, struct cache *cache)
{
    for (size_t i = 0; i < resolving->count && cache != NULL; i++) {
        struct wanted *wanted = &resolving->wanted[i];
        if (cache_find(cache, wanted->address, i, keep_lines, resolving)) {
            wanted->stays_out = true; /* it is in there */
            resolving->notes->from_cache++;
        }
    }
    cache_found(cache);
}

/* The worker numbers the addresses that the cache did not have. */
struct asking {
    struct resolving *resolving;
    size_t *index; /* of the worker's number in wanted */
};

static void keep_asked(void *context, const struct worker_answer *answer)
{
    const struct asking *asking = context;
    struct worker_answer ours = *answer;
    ours.index = asking->index[answer->index];
    keep_lines(asking->resolving, &ours);
}

static enum object_state ask_worker(struct resolving *resolving, const struct object_wish *wish)
{
    uint64_t *addresses = mem_zero(resolving->count, sizeof *addresses);
    struct asking asking = {resolving, mem_zero(resolving->count, sizeof(size_t))};
    size_t count = 0;
    for (size_t i = 0; i < resolving->count; i++) {
        if (!resolving->wanted[i].is_done && !resolving->wanted[i].stays_out) {
            asking.index[count] = i;
            addresses[count++] = resolving->wanted[i].address;
        }
    }
    enum object_state state =
        count > 0 ? worker_find(wish, addresses, count, keep_asked, &asking) : OBJECT_FINE;
    free(asking.index);
    free(addresses);
    return state;
}

static void add_named(const struct resolving *resolving, const struct wanted *wanted,
                      struct cache *cache)
{
    const struct profile *profile = resolving->profile;
    const struct profile_frame *frame = &profile->frames.at[wanted->frame];
    struct worker_line lines[OBJECT_LINES_MAX];
    char *made_up = place_name(profile, frame); /* of this file's name, not of its build */
    for (size_t i = 0; i < frame->symbol_count; i++) {
        const struct profile_symbol *symbol = &profile->symbols.at[frame->symbol_first + i];
        bool is_nameless = strcmp(symbol->function, made_up) == 0;
        lines[i] = (struct worker_line){is_nameless ? "" : symbol->function, symbol->raw_name,
                                        symbol->file, symbol->line, symbol->is_inlined};
    }
    cache_add(cache, wanted->address, lines, frame->symbol_count, wanted->is_whole);
    free(made_up);
}

/* That a file has no name for an address is an answer, too, where it was read to its end. */
static void add_to_cache(const struct resolving *resolving, struct cache *cache,
                         enum object_state state)
{
    for (size_t i = 0; i < resolving->count && cache != NULL; i++) {
        const struct wanted *wanted = &resolving->wanted[i];
        if (wanted->stays_out || (!wanted->is_whole && state != OBJECT_FINE)) {
            continue;
        }
        if (wanted->is_done) {
            add_named(resolving, wanted, cache);
        } else {
            cache_add(cache, wanted->address, &no_line, 1, false);
        }
    }
}

/* Names that may get better are kept for this machine's own files alone. */
static struct cache *open_cache(const struct symbol_options *options,
                                const struct profile_module *module)
{
    const struct object_sources *from = &options->sources;
    if (options->avoids_cache) {
        return NULL;
    }
    bool is_at_home = from->sysroot == NULL && from->debug_dir == NULL && !from->asks_debuginfod;
    uint64_t stamp = is_at_home ? debug_places_stamp(module->path, module->build_id,
                                                     module->build_id_len, time(NULL))
                                : 0;
    return cache_open(module->build_id, module->build_id_len, stamp);
}

static void resolve_file(struct resolving *resolving, const struct profile_module *module)
{
    const struct symbol_options *options = resolving->options;
    struct object_wish wish = {.path = module->path,
                               .build_id = module->build_id,
                               .build_id_len = module->build_id_len,
                               .unchanged_ns = resolving->profile->run.start_realtime_ns,
                               .sources = options->sources};
    struct cache *cache = open_cache(options, module);
    find_in_cache(resolving, cache);
    enum object_state state = ask_worker(resolving, &wish);
    note(resolving, state);
    add_to_cache(resolving, cache, state);
    cache_close(cache);
}

static void read_perf_maps(const struct resolving *resolving, struct perf_map_name *names)
{
    const struct profile *profile = resolving->profile;
    const char *root = resolving->options->sources.sysroot;
    for (size_t i = 0; i < profile->processes.count; i++) {
        const struct profile_process *process = &profile->processes.at[i];
        uint64_t start_ns = profile->run.start_realtime_ns;
        char *path =
            mem_format("%s/tmp/perf-%" PRIu32 ".map", root != NULL ? root : "", process->pid);
        (void)perf_map_read(path, start_ns + process->start_ns, start_ns + process->end_ns, names,
                            resolving->count, profile->strings);
        free(path);
    }
}

/* Code without a file: the addresses are the processes' own. */
static void resolve_jit(struct resolving *resolving)
{
    struct perf_map_name *names = mem_zero(resolving->count, sizeof *names);
    for (size_t i = 0; i < resolving->count; i++) {
        names[i].address = resolving->wanted[i].address;
    }
    read_perf_maps(resolving, names);
    for (size_t i = 0; i < resolving->count; i++) {
        if (names[i].name != NULL && names[i].name[0] != '\0') {
            struct worker_line line = {.function = names[i].name, .linked = "", .file = ""};
            keep_lines(resolving, &(struct worker_answer){.index = i, .lines = &line, .count = 1});
        }
    }
    free(names);
}

static void name_by_place(struct resolving *resolving)
{
    for (size_t i = 0; i < resolving->count; i++) {
        keep_lines(resolving, &(struct worker_answer){.index = i, .lines = &no_line, .count = 1});
    }
}

static void resolve_module(struct resolving *resolving)
{
    const struct profile_module module =
        resolving->profile->modules.at[resolving->wanted[0].module];
    resolving->lacks_split = 0;
    if (resolving->wanted[0].module == 0) {
        resolve_jit(resolving);
    } else if (module.path[0] == '/') {
        resolve_file(resolving, &module);
    }
    name_by_place(resolving);
    resolving->done += resolving->count;
}

/* Leaves out symbols that no frame refers to any more. */
static void drop_replaced(struct profile *profile)
{
    MEM_ARRAY(struct profile_symbol) kept = {0};
    for (size_t i = 0; i < profile->frames.count; i++) {
        struct profile_frame *frame = &profile->frames.at[i];
        uint32_t first = (uint32_t)kept.count;
        for (uint32_t k = 0; k < frame->symbol_count; k++) {
            *MEM_PUSH(&kept) = profile->symbols.at[frame->symbol_first + k];
        }
        frame->symbol_first = frame->symbol_count > 0 ? first : 0;
    }
    free(profile->symbols.at);
    profile->symbols.at = kept.at;
    profile->symbols.count = kept.count;
    profile->symbols.room = kept.room;
}

void symbol_resolve(struct profile *profile, const struct symbol_options *options,
                    struct symbol_notes *ret)
{
    struct wanted *wanted = mem_zero(profile->frames.count + 1, sizeof *wanted);
    *ret = (struct symbol_notes){.asked = 0};
    struct resolving resolving = {.profile = profile,
                                  .options = options,
                                  .notes = ret,
                                  .total = list_wanted(profile, options->looks_again, wanted)};
    for (size_t at = 0; at < resolving.total; at += resolving.count) {
        size_t end = at + 1;
        while (end < resolving.total && wanted[end].module == wanted[at].module) {
            end++;
        }
        resolving.wanted = wanted + at;
        resolving.count = end - at;
        resolve_module(&resolving);
    }
    if (options->looks_again) {
        drop_replaced(profile);
    }
    ret->asked = resolving.total;
    tell(&resolving, resolving.total);
    free(wanted);
}

void symbol_notes_finish(struct symbol_notes *notes)
{
    free(notes->troubles.at);
    *notes = (struct symbol_notes){.asked = 0};
}

char *symbol_trouble_text(const struct profile *profile, const struct symbol_trouble *trouble)
{
    const char *path = profile->modules.at[trouble->module].path;
    switch (trouble->state) {
    case OBJECT_MISSING:
        return mem_format("%s is not there any more; what has no name in it stays file+offset",
                          path);
    case OBJECT_REPLACED:
        return mem_format("%s is another build than the one that ran; what has no name in it "
                          "stays file+offset, rather than get a wrong name",
                          path);
    case OBJECT_DAMAGED:
        return mem_format("%s could not be read to its end; what has no name in it stays "
                          "file+offset",
                          path);
    default:
        return mem_format("%s has debug information in .dwo files that are not there (libdw 0.188 "
                          "reads no .dwp); %zu addresses lack inlined calls",
                          path, trouble->lacks_split);
    }
}

struct symbol_counts symbol_count(const struct profile *profile)
{
    struct symbol_counts counts = {0};
    for (size_t i = 1; i < profile->frames.count; i++) {
        const struct profile_frame *frame = &profile->frames.at[i];
        counts.frames++;
        counts.named += frame->symbol_count > 0 && !is_made_up(profile, frame);
        counts.with_line += has_line(profile, frame);
    }
    return counts;
}
