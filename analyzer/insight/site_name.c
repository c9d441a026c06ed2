#include "insight/site_name.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Functions that only pass the wish for memory on: who called them is what a reader can change.
 * Patterns of fnmatch(3) over the demangled name. Documented in docs/concepts.md, "call site".
 */
static const char *const wrappers[] = {
    /* C library */
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "posix_memalign",
    "aligned_alloc", "memalign", "valloc", "pvalloc", "__libc_*", "_int_*alloc", "strdup",
    "__strdup", "strndup", "__strndup", "wcsdup", "__wcsdup", "asprintf", "__asprintf*",
    "vasprintf", "__vasprintf*", "_IO_vasprintf", "getline", "__getline", "getdelim", "__getdelim",
    "_IO_getdelim",
    /* the customary names of programs' own wrappers */
    "xmalloc", "xcalloc", "xrealloc", "xreallocarray", "xzalloc", "xstrdup", "xstrndup", "xmemdup",
    "xnmalloc", "xnrealloc", "x2realloc", "x2nrealloc", "xcharalloc", "xasprintf", "xvasprintf",
    "ximalloc", "xirealloc", "xpalloc", "emalloc", "ecalloc", "erealloc",
    /* C++ and Rust */
    "operator new*", "operator delete*", "std::__new_allocator<*", "__gnu_cxx::new_allocator<*",
    "std::allocator<*>::allocate*", "std::allocator<*>::deallocate*", "std::allocator_traits<*",
    "std::__allocate_guarded<*", "__rust_alloc*", "__rust_dealloc*", "__rust_realloc*", "__rdl_*",
    "alloc::alloc::*", "<alloc::alloc::Global as *", "alloc::raw_vec::*", "<alloc::raw_vec::*",
    /* libraries */
    "g_malloc*", "g_realloc*", "g_try_malloc*", "g_try_realloc*", "g_strdup", "g_strndup",
    "g_memdup*", "g_free", "g_slice_alloc*", "PyMem_*", "_PyMem_*", "PyObject_Malloc",
    "PyObject_Calloc", "PyObject_Realloc", "PyObject_Free", "_PyObject_Malloc", "_PyObject_Realloc",
    "_PyObject_Free", "CRYPTO_*alloc", "CRYPTO_free", "sqlite3MemMalloc", "sqlite3MemRealloc",
    "sqlite3MemFree", "sqlite3Malloc", "sqlite3Realloc", "sqlite3_malloc*", "sqlite3_realloc*",
    "sqlite3_free", "Perl_safesys*", "tcmalloc::*", "je_*", "mi_*"};

void site_wrappers_add(struct site_wrappers *into, const char *glob)
{
    into->globs = mem_resize(into->globs, into->count + 1, sizeof *into->globs);
    into->globs[into->count++] = glob;
}

static void push(struct site_stack *stack, struct site_frame frame)
{
    stack->at = mem_array_room(stack->at, stack->count, &stack->room, sizeof *stack->at);
    stack->at[stack->count++] = frame;
}

static void push_frame(struct site_stack *stack, const struct profile *p, uint32_t id)
{
    const struct profile_frame *f = &p->frames.at[id];
    struct site_frame frame = {.function = "",
                               .other_name = "",
                               .file = "",
                               .module = p->modules.at[f->module].path,
                               .offset = f->offset,
                               .flags = f->flags};
    if (frame.module == NULL) {
        frame.module = "";
    }
    for (uint32_t i = 0; i < f->symbol_count; i++) {
        const struct profile_symbol *symbol = &p->symbols.at[f->symbol_first + i];
        frame.function = symbol->function;
        frame.other_name = symbol->raw_name;
        frame.file = symbol->file;
        frame.line = symbol->line;
        frame.is_inlined = symbol->is_inlined;
        push(stack, frame);
    }
    if (f->symbol_count == 0) {
        push(stack, frame);
    }
}

void site_stack_load(struct site_stack *stack, const struct profile *profile, uint32_t path)
{
    stack->count = 0;
    stack->is_cut = false;
    for (; path != 0; path = profile->paths.at[path].parent) {
        push_frame(stack, profile, profile->paths.at[path].frame);
        stack->is_cut = stack->is_cut || profile->paths.at[path].is_cut;
    }
}

void site_stack_load_frame(struct site_stack *stack, const struct profile *profile, uint32_t frame)
{
    stack->count = 0;
    stack->is_cut = false;
    push_frame(stack, profile, frame);
}

void site_stack_finish(struct site_stack *stack)
{
    free(stack->at);
    *stack = (struct site_stack){0};
}

/* The compiler's clones: "xmalloc.constprop.0" is xmalloc. */
static size_t plain_length(const char *function)
{
    const char *dot = strchr(function, '.');
    bool is_plain_c = strpbrk(function, " <(:") == NULL;
    return is_plain_c && dot != NULL && dot != function ? (size_t)(dot - function)
                                                        : strlen(function);
}

/* Nearly all globs begin with a letter, and nearly all names with another one. */
static bool matches(const char *glob, const char *name)
{
    char first = glob[0];
    bool is_open = first == '*' || first == '?' || first == '[' || first == '\\';
    return (first == name[0] || is_open) && fnmatch(glob, name, 0) == 0;
}

bool site_is_wrapper(const char *function, const struct site_wrappers *more)
{
    /* glibc's own calls of strdup go by this name. */
    static const char internal[] = "__GI_";
    if (strncmp(function, internal, sizeof internal - 1) == 0) {
        function += sizeof internal - 1;
    }
    char plain[256];
    size_t length = plain_length(function);
    length = length < sizeof plain ? length : sizeof plain - 1;
    memcpy(plain, function, length);
    plain[length] = '\0';
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        if (matches(wrappers[i], plain)) {
            return true;
        }
    }
    for (size_t i = 0; more != NULL && i < more->count; i++) {
        if (matches(more->globs[i], plain)) {
            return true;
        }
    }
    return false;
}

/* Code without a name that a wrapper of its own library called is the inside of that wrapper: a
 * stripped sqlite3MemMalloc under sqlite3Malloc. */
static bool is_inside_wrapper(const struct site_stack *stack, size_t at,
                              const struct site_wrappers *more)
{
    const struct site_frame *frame = &stack->at[at];
    return !site_has_name(frame) && at + 1 < stack->count &&
           strcmp(frame->module, stack->at[at + 1].module) == 0 &&
           site_is_wrapper(stack->at[at + 1].function, more);
}

size_t site_stack_shown(const struct site_stack *stack, const struct site_wrappers *more)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct site_frame *frame = &stack->at[i];
        bool has_other = frame->other_name != NULL && frame->other_name[0] != '\0';
        if (!site_is_wrapper(frame->function, more) &&
            !(has_other && site_is_wrapper(frame->other_name, more)) &&
            !is_inside_wrapper(stack, i, more)) {
            return i;
        }
    }
    return 0;
}

const char *site_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *site_function(const struct site_frame *frame)
{
    if (frame->function[0] != '\0') {
        return mem_text(frame->function);
    }
    if (frame->module[0] == '\0') {
        return mem_format("0x%" PRIx64 " (code without a file)", frame->offset);
    }
    return mem_format("%s+0x%" PRIx64, site_basename(frame->module), frame->offset);
}

bool site_names_module(const struct site_frame *frame)
{
    const char *module = site_basename(frame->module);
    size_t length = strlen(module);
    return length > 0 && strncmp(frame->function, module, length) == 0 &&
           strncmp(frame->function + length, "+0x", 3) == 0;
}

bool site_has_name(const struct site_frame *frame)
{
    return frame->function[0] != '\0' && !site_names_module(frame);
}

char *site_label(const struct site_frame *frame)
{
    const char *inlined = frame->is_inlined ? " (inlined)" : "";
    if (!site_has_name(frame)) {
        return site_function(frame);
    }
    if (frame->file[0] == '\0') {
        return frame->module[0] == '\0' ? mem_format("%s%s", frame->function, inlined)
                                        : mem_format("%s in %s%s", frame->function,
                                                     site_basename(frame->module), inlined);
    }
    if (frame->line == 0) {
        return mem_format("%s at %s%s", frame->function, site_basename(frame->file), inlined);
    }
    return mem_format("%s at %s:%" PRIu32 "%s", frame->function, site_basename(frame->file),
                      frame->line, inlined);
}

int site_plain_length(const char *function)
{
    static const char *const clones[] = {".constprop.", ".isra.",     ".part.",
                                         ".cold",       ".lto_priv.", ".llvm."};
    size_t length = strlen(function);
    for (size_t i = 0; i < sizeof clones / sizeof clones[0]; i++) {
        const char *found = strstr(function, clones[i]);
        if (found != NULL && found != function && (size_t)(found - function) < length) {
            length = (size_t)(found - function);
        }
    }
    return (int)length;
}
