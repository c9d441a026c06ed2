#include "symbol/symbol.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Binutils is the oracle: nm says where functions are, addr2line what stands at an address. */

enum { TEXT_BYTES = 8192, STEP_BYTES = 1 };

struct addresses {
    MEM_ARRAY(uint64_t) list;
};

static char *target(const char *name)
{
    const char *folder = getenv("ALLOCTRAP_TEST_TARGETS");
    cr_assert_not_null(folder, "meson test sets ALLOCTRAP_TEST_TARGETS");
    return mem_format("%s/%s", folder, name);
}

/* Every few bytes of each function that nm lists with a size, at most `most` addresses. */
static void list_addresses(const char *nm, const char *path, size_t most, struct addresses *ret)
{
    char *command = mem_format("%s -S --defined-only %s | grep -i ' [tw] '", nm, path);
    FILE *pipe = popen(command, "r");
    char line[TEXT_BYTES];
    uint64_t start;
    uint64_t size_bytes;
    while (fgets(line, sizeof line, pipe) != NULL && ret->list.count < most) {
        if (sscanf(line, "%" SCNx64 " %" SCNx64 " ", &start, &size_bytes) != 2) {
            continue;
        }
        for (uint64_t at = 0; at < size_bytes && at < 600; at += STEP_BYTES) {
            *MEM_PUSH(&ret->list) = start + at;
        }
    }
    pclose(pipe);
    free(command);
}

static void resolve_noting(struct profile *p, struct symbol_notes *ret)
{
    struct symbol_options options = {.avoids_cache = true};
    symbol_resolve(p, &options, ret);
}

static void resolve_all(struct profile *p)
{
    struct symbol_notes notes;
    resolve_noting(p, &notes);
    symbol_notes_finish(&notes);
}

static enum object_state first_trouble(struct symbol_notes *notes)
{
    enum object_state state = notes->troubles.count > 0 ? notes->troubles.at[0].state : OBJECT_FINE;
    symbol_notes_finish(notes);
    return state;
}

static struct profile *resolve(const char *path, const struct addresses *addresses)
{
    struct profile *p = profile_create();
    uint32_t module = profile_module(p, path, NULL, 0);
    for (size_t i = 0; i < addresses->list.count; i++) {
        profile_frame(p, module, addresses->list.at[i], SESSION_NODE_EXACT_PC);
    }
    resolve_all(p);
    return p;
}

/* addr2line -a -i -f -C over all addresses; its lines, one after the other. */
static FILE *ask_addr2line(const char *path, const struct addresses *addresses)
{
    char name[] = "/tmp/test_symbol-XXXXXX";
    FILE *list = fdopen(mkstemp(name), "w");
    for (size_t i = 0; i < addresses->list.count; i++) {
        fprintf(list, "0x%" PRIx64 "\n", addresses->list.at[i]);
    }
    fclose(list);
    char *command = mem_format("addr2line -a -i -f -C -e %s < %s; rm %s", path, name, name);
    FILE *pipe = popen(command, "r");
    free(command);
    return pipe;
}

static bool next_line(FILE *in, char *line)
{
    if (fgets(line, TEXT_BYTES, in) == NULL) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    char *extra = strstr(line, " (discriminator");
    if (extra != NULL) {
        *extra = '\0';
    }
    char *version = strchr(line, '@');
    if (version != NULL) {
        *version = '\0';
    }
    return true;
}

/* "FILE:LINE" as addr2line writes it. */
static void place_text(const struct profile_symbol *symbol, char *out)
{
    const char *file = symbol->file[0] != '\0' ? symbol->file : "??";
    if (symbol->line == 0) {
        snprintf(out, TEXT_BYTES, "%s:?", file);
    } else {
        snprintf(out, TEXT_BYTES, "%s:%u", file, symbol->line);
    }
}

static bool is_same_place(const struct profile_symbol *symbol, const char *theirs)
{
    char ours[TEXT_BYTES];
    place_text(symbol, ours);
    return strcmp(ours, theirs) == 0 ||
           (symbol->line == 0 && symbol->file[0] == '\0' && strcmp(theirs, "??:0") == 0);
}

struct compared {
    size_t lines;
    size_t inlined;
    size_t other_names;
};

/* The files, lines and number of functions at one address must be addr2line's; names are counted.
 */
static void compare_frame(const struct profile *p, const struct profile_frame *frame, FILE *theirs,
                          struct compared *ret)
{
    char function[TEXT_BYTES];
    char place[TEXT_BYTES];
    for (uint32_t k = 0; k < frame->symbol_count; k++) {
        const struct profile_symbol *symbol = &p->symbols.at[frame->symbol_first + k];
        cr_assert(next_line(theirs, function) && next_line(theirs, place));
        cr_assert(is_same_place(symbol, place), "0x%" PRIx64 " line %u: %s:%u, not %s",
                  frame->offset, k, symbol->file, symbol->line, place);
        cr_assert_eq(symbol->is_inlined, k + 1 < frame->symbol_count);
        ret->lines++;
        ret->inlined += symbol->is_inlined;
        ret->other_names += strcmp(symbol->function, function) != 0;
    }
}

static struct compared compare_with_addr2line(const char *path)
{
    struct compared compared = {0, 0, 0};
    struct addresses addresses = {0};
    char head[TEXT_BYTES];
    list_addresses("nm", path, 2000, &addresses);
    cr_assert_gt(addresses.list.count, 200);
    struct profile *p = resolve(path, &addresses);
    FILE *theirs = ask_addr2line(path, &addresses);
    cr_assert(next_line(theirs, head));
    for (size_t i = 0; i < addresses.list.count; i++) {
        cr_assert_eq(strtoull(head, NULL, 16), addresses.list.at[i]);
        uint32_t frame = profile_frame(p, 1, addresses.list.at[i], SESSION_NODE_EXACT_PC);
        compare_frame(p, &p->frames.at[frame], theirs, &compared);
        cr_assert_eq(next_line(theirs, head), i + 1 < addresses.list.count);
        cr_assert_eq(strncmp(head, "0x", 2), 0, "after %zu addresses we lack %s", i, head);
    }
    pclose(theirs);
    profile_destroy(p);
    free(addresses.list.at);
    return compared;
}

Test(symbol, c_functions_and_inlines_equal_addr2line)
{
    char *path = target("symbols_c");
    struct compared compared = compare_with_addr2line(path);
    cr_assert_gt(compared.inlined, 50);
    cr_assert_eq(compared.other_names, 0);
    free(path);
}

/*
 * Functions of one file have no linked name in debug information. There addr2line gives the inlined
 * one the name of the function around it, or none of its arguments, by what it was asked before.
 */
Test(symbol, cpp_functions_and_inlines_equal_addr2line, .timeout = 60)
{
    char *path = target("symbols_cpp");
    struct compared compared = compare_with_addr2line(path);
    cr_assert_gt(compared.inlined, 500);
    cr_assert_lt(compared.other_names, compared.lines / 5, "%zu of %zu", compared.other_names,
                 compared.lines);
    free(path);
}

/* A library that this test is linked with anyway; Debian's has a symbol table and no more. */
Test(symbol, exported_functions_without_debug_information_are_named)
{
    static const char path[] = "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0";
    struct addresses addresses = {0};
    list_addresses("nm -D", path, 3000, &addresses);
    cr_assert_gt(addresses.list.count, 300);
    struct profile *p = resolve(path, &addresses);
    FILE *theirs = ask_addr2line(path, &addresses);
    char function[TEXT_BYTES];
    char place[TEXT_BYTES];
    size_t equal = 0;
    for (size_t i = 0; i < addresses.list.count; i++) {
        uint32_t id = profile_frame(p, 1, addresses.list.at[i], SESSION_NODE_EXACT_PC);
        const struct profile_symbol *symbol = &p->symbols.at[p->frames.at[id].symbol_first];
        cr_assert(next_line(theirs, function) && next_line(theirs, function) &&
                  next_line(theirs, place));
        cr_assert_null(strstr(symbol->function, "libsqlite3.so.0+0x"));
        equal += strcmp(symbol->function, function) == 0;
    }
    /* Of several names for one address either may be chosen; most functions have one. */
    cr_assert_gt(equal, addresses.list.count * 6 / 10, "%zu of %zu", equal, addresses.list.count);
    pclose(theirs);
    profile_destroy(p);
    free(addresses.list.at);
}

static const struct profile_symbol *only_symbol(struct profile *p, uint32_t frame)
{
    cr_assert_eq(p->frames.at[frame].symbol_count, 1);
    return &p->symbols.at[p->frames.at[frame].symbol_first];
}

static uint64_t address_of(const char *path, const char *function)
{
    char *command = mem_format("nm %s | grep ' [tT] %s$'", path, function);
    FILE *pipe = popen(command, "r");
    uint64_t address = 0;
    cr_assert_eq(fscanf(pipe, "%" SCNx64, &address), 1);
    pclose(pipe);
    free(command);
    return address;
}

Test(symbol, a_return_address_belongs_to_the_call_before_it)
{
    char *path = target("symbols_c");
    struct profile *p = profile_create();
    uint32_t module = profile_module(p, path, NULL, 0);
    uint64_t start = address_of(path, "symbols_start");
    uint32_t exact = profile_frame(p, module, start, SESSION_NODE_EXACT_PC);
    uint32_t after = profile_frame(p, module, start, 0);
    uint32_t within = profile_frame(p, module, start + 1, 0);
    resolve_all(p);
    cr_assert_str_eq(only_symbol(p, exact)->function, "symbols_start");
    cr_assert_str_eq(only_symbol(p, within)->function, "symbols_start");
    cr_assert_neq(strcmp(p->symbols.at[p->frames.at[after].symbol_first].function, "symbols_start"),
                  0);
    cr_assert_not_null(strstr(only_symbol(p, exact)->file, "symbols_c.c"));
    profile_destroy(p);
    free(path);
}

Test(symbol, code_without_names_is_told_by_its_place)
{
    struct profile *p = profile_create();
    struct symbol_notes notes;
    uint32_t missing = profile_module(p, "/nowhere/libgone.so", NULL, 0);
    uint32_t vdso = profile_module(p, "linux-vdso.so.1", NULL, 0);
    uint32_t in_missing = profile_frame(p, missing, 0x1234, 0);
    uint32_t in_vdso = profile_frame(p, vdso, 0x10, 0);
    uint32_t in_jit = profile_frame(p, 0, 0x7f0012345678, 0);
    resolve_noting(p, &notes);
    cr_assert_str_eq(only_symbol(p, in_missing)->function, "libgone.so+0x1234");
    cr_assert_str_eq(only_symbol(p, in_vdso)->function, "[vdso]");
    cr_assert_str_eq(only_symbol(p, in_jit)->function, "jit@0x7f0012345678");
    cr_assert_eq(notes.troubles.count, 1);
    char *text = symbol_trouble_text(p, &notes.troubles.at[0]);
    cr_assert_not_null(strstr(text, "/nowhere/libgone.so is not there"));
    cr_assert_eq(first_trouble(&notes), OBJECT_MISSING);
    free(text);
    profile_destroy(p);
}

Test(symbol, another_build_gives_no_names)
{
    static const uint8_t wrong[20] = {1, 2, 3};
    char *path = target("symbols_c");
    struct profile *p = profile_create();
    struct symbol_notes notes;
    uint32_t module = profile_module(p, path, wrong, sizeof wrong);
    uint32_t frame =
        profile_frame(p, module, address_of(path, "symbols_start"), SESSION_NODE_EXACT_PC);
    resolve_noting(p, &notes);
    cr_assert_not_null(strstr(only_symbol(p, frame)->function, "symbols_c+0x"));
    cr_assert_eq(first_trouble(&notes), OBJECT_REPLACED);
    profile_destroy(p);
    free(path);
}

Test(symbol, names_are_kept_when_resolved_again)
{
    char *path = target("symbols_c");
    struct profile *p = profile_create();
    uint32_t module = profile_module(p, path, NULL, 0);
    profile_frame(p, module, address_of(path, "symbols_start"), SESSION_NODE_EXACT_PC);
    resolve_all(p);
    size_t count = p->symbols.count;
    resolve_all(p);
    cr_assert_eq(p->symbols.count, count);
    profile_destroy(p);
    free(path);
}

Test(symbol, what_is_no_file_does_not_block)
{
    char folder[] = "/tmp/test_symbol-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    char *pipe = mem_format("%s/pipe", folder);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    struct profile *p = profile_create();
    struct symbol_notes notes;
    profile_frame(p, profile_module(p, pipe, NULL, 0), 5, 0);
    profile_frame(p, profile_module(p, "/dev/zero", NULL, 0), 5, 0);
    profile_frame(p, profile_module(p, "/etc", NULL, 0), 5, 0);
    resolve_noting(p, &notes);
    cr_assert_eq(notes.troubles.count, 3);
    cr_assert_eq(first_trouble(&notes), OBJECT_MISSING);
    profile_destroy(p);
    unlink(pipe);
    rmdir(folder);
    free(pipe);
}

/* Noise over every part of a file in turn: names are lost, the profile is not. */
Test(symbol, damaged_files_cost_names_only, .timeout = 120)
{
    char copy[] = "/tmp/test_symbol-XXXXXX";
    char *path = target("symbols_cpp");
    struct addresses addresses = {0};
    list_addresses("nm", path, 300, &addresses);
    close(mkstemp(copy));
    char *command = mem_format("cp %s %s", path, copy);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    for (off_t at = 0; at < info.st_size; at += info.st_size / 40) {
        cr_assert_eq(system(command), 0);
        int fd = open(copy, O_WRONLY);
        unsigned char noise[512];
        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = (unsigned char)((i + 3) * (size_t)(at + 41) >> 3);
        }
        cr_assert_gt(pwrite(fd, noise, sizeof noise, at), 0);
        close(fd);
        struct profile *p = resolve(copy, &addresses);
        for (size_t i = 1; i < p->frames.count; i++) {
            cr_assert_gt(p->frames.at[i].symbol_count, 0);
        }
        profile_destroy(p);
    }
    unlink(copy);
    free(command);
    free(addresses.list.at);
    free(path);
}

static uint64_t told;

static void count_progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    cr_assert_leq(done, total);
    told++;
}

Test(symbol, progress_is_told)
{
    struct profile *p = profile_create();
    profile_frame(p, 0, 77, 0);
    struct symbol_notes notes;
    struct symbol_options options = {.avoids_cache = true, .progress = count_progress};
    symbol_resolve(p, &options, &notes);
    cr_assert_gt(told, 0);
    profile_destroy(p);
}
