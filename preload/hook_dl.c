#include "hook_dl.h"

#include "base_env.h"
#include "base_text.h"
#include "hook_next.h"
#include "link_session.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

enum {
    CACHE_SLOTS = 256,
    CACHE_SHIFT = 16 /* one slot for each 64 KiB of code */
};

/* By address: the epoch in which a module was last seen there << 32 | its number + 1. */
static _Atomic uint64_t cache[CACHE_SLOTS];

void hook_dl_start(void)
{
    for (unsigned i = 0; i < CACHE_SLOTS; i++) {
        atomic_store_explicit(&cache[i], 0, memory_order_relaxed);
    }
}

static _Atomic uint64_t *cache_slot(uint64_t addr)
{
    return &cache[(addr >> CACHE_SHIFT) % CACHE_SLOTS];
}

static struct session_module *module_at(struct session_head *head, uint32_t index)
{
    return (struct session_module *)link_at(head, head->module_off) + index;
}

/* Acquire; pairs with the release in fill(): a module with an end is whole. */
static uint64_t end_of(const struct session_module *module)
{
    return __atomic_load_n(&module->end, __ATOMIC_ACQUIRE);
}

/* The module that was seen at addr in this very epoch; NULL: nobody has looked. */
static const struct session_module *seen_at(struct session_head *head, uint64_t addr,
                                            uint32_t epoch)
{
    uint64_t slot = atomic_load_explicit(cache_slot(addr), memory_order_relaxed);
    uint32_t number = (uint32_t)slot;
    uint32_t count = atomic_load_explicit(&head->module_count, memory_order_acquire);
    if (number == 0 || number > count || slot >> 32 != epoch) {
        return NULL;
    }
    const struct session_module *module = module_at(head, number - 1);
    return addr >= module->start && addr < end_of(module) ? module : NULL;
}

/* The number of a fresh entry, SESSION_MODULES_MAX when there is no room. Backed before counted. */
static uint32_t take_entry(struct session_head *head)
{
    uint32_t index = atomic_load_explicit(&head->module_count, memory_order_relaxed);
    do {
        uint64_t off = head->module_off + (uint64_t)index * sizeof(struct session_module);
        if (index >= link_modules_max(head) ||
            !link_touch(head, off, sizeof(struct session_module))) {
            return SESSION_MODULES_MAX;
        }
        /* Release: readers below the count find backed memory; `end` says what is filled. */
    } while (!atomic_compare_exchange_weak_explicit(&head->module_count, &index, index + 1,
                                                    memory_order_release, memory_order_relaxed));
    return index;
}

static const char build_id_name[] = "GNU";

/* Looks for the build-id in the notes at [at, end). */
static uint8_t id_in_notes(const char *at, const char *end, uint8_t *ret_id)
{
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        uint64_t name = ((uint64_t)note.n_namesz + 3) & ~UINT64_C(3);
        uint64_t body = ((uint64_t)note.n_descsz + 3) & ~UINT64_C(3);
        at += sizeof note;
        if (name + note.n_descsz > (uint64_t)(end - at)) {
            return 0;
        }
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof build_id_name &&
            memcmp(at, build_id_name, sizeof build_id_name) == 0) {
            uint32_t len =
                note.n_descsz < SESSION_BUILD_ID_BYTES ? note.n_descsz : SESSION_BUILD_ID_BYTES;
            memcpy(ret_id, at + name, len);
            return (uint8_t)len;
        }
        if (name + body > (uint64_t)(end - at)) {
            return 0;
        }
        at += name + body;
    }
    return 0;
}

/* Program headers as mapped; NULL when the file's start is not, or is no ELF header. */
static const ElfW(Phdr) * program_headers(const char *start, uint64_t bytes, unsigned *ret_count)
{
    const ElfW(Ehdr) *header = (const void *)start;
    if (bytes < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > bytes ||
        header->e_phnum > (bytes - header->e_phoff) / sizeof(ElfW(Phdr))) {
        return NULL;
    }
    *ret_count = header->e_phnum;
    return (const void *)(start + header->e_phoff);
}

/* A note outside the readable segments may lie in a hole of the map. */
static bool is_readable(const ElfW(Phdr) * headers, unsigned count, const ElfW(Phdr) * note)
{
    for (unsigned i = 0; i < count; i++) {
        if (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_R) != 0 &&
            note->p_vaddr >= headers[i].p_vaddr && note->p_filesz <= headers[i].p_filesz &&
            note->p_vaddr - headers[i].p_vaddr <= headers[i].p_filesz - note->p_filesz) {
            return true;
        }
    }
    return false;
}

uint8_t hook_dl_build_id(const void *map_start, const void *map_end, uint64_t bias,
                         uint8_t ret_id[SESSION_BUILD_ID_BYTES])
{
    const char *start = map_start;
    uint64_t bytes = (uint64_t)((const char *)map_end - start);
    unsigned count = 0;
    const ElfW(Phdr) *headers = program_headers(start, bytes, &count);
    for (unsigned i = 0; headers != NULL && i < count; i++) {
        uint64_t off = bias + headers[i].p_vaddr - (uint64_t)(uintptr_t)start;
        if (headers[i].p_type == PT_NOTE && off <= bytes && headers[i].p_filesz <= bytes - off &&
            is_readable(headers, count, &headers[i])) {
            uint8_t len = id_in_notes(start + off, start + off + headers[i].p_filesz, ret_id);
            if (len != 0) {
                return len;
            }
        }
    }
    return 0;
}

static void name_module(struct session_module *module, const char *name)
{
    if (name[0] == '\0') {
        env_program_path(module->path, sizeof module->path);
    } else if (strncmp(name, "linux-vdso", sizeof "linux-vdso" - 1) == 0) {
        memcpy(module->path, "[vdso]", sizeof "[vdso]");
    } else {
        env_absolute(name, module->path, sizeof module->path);
    }
}

static void fill(struct session_module *module, const struct dl_find_object *object, uint32_t epoch)
{
    module->start = (uint64_t)(uintptr_t)object->dlfo_map_start;
    module->bias = object->dlfo_link_map->l_addr;
    module->epoch = epoch;
    module->build_id_len = hook_dl_build_id(object->dlfo_map_start, object->dlfo_map_end,
                                            module->bias, module->build_id);
    name_module(module, object->dlfo_link_map->l_name);
    /* Release; pairs with the acquire in end_of(), and the recorder's. */
    __atomic_store_n(&module->end, (uint64_t)(uintptr_t)object->dlfo_map_end, __ATOMIC_RELEASE);
}

/* The number of an earlier entry of the same object at the same place, newest first: it may have
 * come back, or have been there all the time. Without build-id nobody can tell. */
static uint32_t find_again(struct session_head *head, const struct dl_find_object *object)
{
    uint8_t id[SESSION_BUILD_ID_BYTES];
    uint64_t bias = object->dlfo_link_map->l_addr;
    uint8_t len = hook_dl_build_id(object->dlfo_map_start, object->dlfo_map_end, bias, id);
    uint32_t count = atomic_load_explicit(&head->module_count, memory_order_acquire);
    for (uint32_t i = count; len != 0 && i > 0; i--) {
        const struct session_module *module = module_at(head, i - 1);
        if (end_of(module) == (uint64_t)(uintptr_t)object->dlfo_map_end &&
            module->start == (uint64_t)(uintptr_t)object->dlfo_map_start && module->bias == bias &&
            module->build_id_len == len && memcmp(module->build_id, id, len) == 0) {
            return i - 1;
        }
    }
    return SESSION_MODULES_MAX;
}

uint32_t hook_dl_note(struct session_head *head, uint64_t addr, uint32_t epoch)
{
    struct dl_find_object object;
    const struct session_module *seen = seen_at(head, addr, epoch);
    if (seen != NULL) {
        return seen->epoch;
    }
    if (_dl_find_object((void *)(uintptr_t)addr, &object) != 0) {
        return epoch;
    }
    uint32_t index = find_again(head, &object);
    if (index == SESSION_MODULES_MAX) {
        index = take_entry(head);
        if (index == SESSION_MODULES_MAX) {
            link_add(&head->lost[LOSS_MODULES_FULL], 1);
            return epoch;
        }
        fill(module_at(head, index), &object, epoch);
    }
    /* Relaxed: a wrong or old number is seen by looking at the module. */
    atomic_store_explicit(cache_slot(addr), (uint64_t)epoch << 32 | (index + 1),
                          memory_order_relaxed);
    return module_at(head, index)->epoch;
}

static int note_unloads(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(uint64_t *)context = info->dlpi_subs;
    return 1; /* the first object tells it */
}

/* Objects unmapped so far. Takes the loader's lock, as dlclose does anyway. */
static uint64_t unloads(void)
{
    uint64_t count = 0;
    (void)dl_iterate_phdr(note_unloads, &count);
    return count;
}

int hook_dl_close(void *handle)
{
    uint64_t before = unloads();
    int result = hook_next()->dlclose(handle);
    struct session_head *head = link_head();
    if (head != NULL && unloads() != before) {
        /* Relaxed: a hook that reads the old epoch has its frames in libraries that are still
         * there, or in the one that is being closed, and both mean the old one. */
        atomic_fetch_add_explicit(&head->epoch, 1, memory_order_relaxed);
    }
    return result;
}
