#include "symbol/symbol.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "symbol/worker.h"

enum { PROGRESS_FRAMES = 256 };

/* A frame to name, in the order of module and address. */
struct wanted {
    uint32_t frame;
    uint32_t module;
    uint64_t address;
};

struct resolving {
    struct profile *profile;
    struct symbol_notes *notes;
    symbol_progress progress;
    void *context;
    size_t done;
    size_t total;
    const struct wanted *wanted; /* those of the module at work */
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

/* A return address is the one after the call: the call itself ends a byte before. */
static uint64_t call_address(const struct profile_frame *frame)
{
    bool is_exact = (frame->flags & SESSION_NODE_EXACT_PC) != 0 || frame->offset == 0;
    return is_exact ? frame->offset : frame->offset - 1;
}

/* Frame 0 is "none" and stays nameless. */
static size_t list_wanted(const struct profile *profile, struct wanted *wanted)
{
    size_t count = 0;
    for (size_t i = 1; i < profile->frames.count; i++) {
        const struct profile_frame *frame = &profile->frames.at[i];
        if (frame->symbol_count == 0) {
            wanted[count++] = (struct wanted){(uint32_t)i, frame->module, call_address(frame)};
        }
    }
    if (count > 1) {
        qsort(wanted, count, sizeof *wanted, by_place);
    }
    return count;
}

static void tell(struct resolving *resolving, size_t done)
{
    if (resolving->progress != NULL) {
        resolving->progress(resolving->context, done, resolving->total);
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
        return mem_text("[vdso]");
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

static void keep_lines(void *context, size_t index, const struct worker_line *lines, size_t count)
{
    struct resolving *resolving = context;
    struct profile *profile = resolving->profile;
    struct profile_frame *frame = &profile->frames.at[resolving->wanted[index].frame];
    if (frame->symbol_count != 0) { /* a worker must not name one twice */
        return;
    }
    frame->symbol_first = (uint32_t)profile->symbols.count;
    frame->symbol_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        keep_line(profile, frame, &lines[i]);
    }
    if (index % PROGRESS_FRAMES == 0) {
        tell(resolving, resolving->done + index);
    }
}

static void note(struct symbol_notes *notes, const struct profile_module *module,
                 enum object_state state)
{
    if (state == OBJECT_FINE) {
        return;
    }
    notes->missing += state == OBJECT_MISSING;
    notes->replaced += state == OBJECT_REPLACED;
    notes->damaged += state == OBJECT_DAMAGED;
    notes->first = notes->first[0] == '\0' ? module->path : notes->first;
}

static void name_by_place(struct resolving *resolving, size_t count)
{
    static const struct worker_line nothing = {"", "", "", 0, false};
    for (size_t i = 0; i < count; i++) {
        keep_lines(resolving, i, &nothing, 1);
    }
}

static void resolve_module(struct resolving *resolving, const struct wanted *wanted, size_t count)
{
    const struct profile_module module = resolving->profile->modules.at[wanted->module];
    resolving->wanted = wanted;
    if (module.path[0] == '/') {
        uint64_t *addresses = mem_zero(count, sizeof *addresses);
        for (size_t i = 0; i < count; i++) {
            addresses[i] = wanted[i].address;
        }
        note(resolving->notes, &module,
             worker_find(module.path, module.build_id, module.build_id_len, addresses, count,
                         keep_lines, resolving));
        free(addresses);
    }
    name_by_place(resolving, count);
    resolving->done += count;
}

void symbol_resolve_noting(struct profile *profile, symbol_progress progress, void *context,
                           struct symbol_notes *ret)
{
    struct wanted *wanted = mem_zero(profile->frames.count + 1, sizeof *wanted);
    *ret = (struct symbol_notes){.first = ""};
    struct resolving resolving = {.profile = profile,
                                  .notes = ret,
                                  .progress = progress,
                                  .context = context,
                                  .total = list_wanted(profile, wanted)};
    for (size_t at = 0; at < resolving.total;) {
        size_t end = at + 1;
        while (end < resolving.total && wanted[end].module == wanted[at].module) {
            end++;
        }
        resolve_module(&resolving, wanted + at, end - at);
        at = end;
    }
    tell(&resolving, resolving.total);
    free(wanted);
}

void symbol_resolve(struct profile *profile, symbol_progress progress, void *context)
{
    struct symbol_notes notes;
    symbol_resolve_noting(profile, progress, context, &notes);
}
