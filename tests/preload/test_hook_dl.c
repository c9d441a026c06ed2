#include "hook_dl.h"
#include "memory_session.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

/* An object as it lies in memory: header, two program headers, a note. */
struct image {
    ElfW(Ehdr) header;
    ElfW(Phdr) programs[2];
    ElfW(Nhdr) note;
    char name[4];
    uint8_t id[20];
};

static struct image whole_image(void)
{
    struct image image = {0};
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_phoff = offsetof(struct image, programs);
    image.header.e_phentsize = sizeof(ElfW(Phdr));
    image.header.e_phnum = 2;
    image.programs[0] =
        (ElfW(Phdr)){.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof(struct image)};
    image.programs[1] = (ElfW(Phdr)){.p_type = PT_NOTE,
                                     .p_vaddr = offsetof(struct image, note),
                                     .p_filesz = sizeof(ElfW(Nhdr)) + 24};
    image.note = (ElfW(Nhdr)){.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
    memcpy(image.name, "GNU", 4);
    memset(image.id, 0xAB, sizeof image.id);
    return image;
}

static uint8_t id_len(const struct image *image, uint8_t *ret_id)
{
    return hook_dl_build_id(image, image + 1, (uint64_t)(uintptr_t)image, ret_id);
}

Test(hook_dl, a_build_id_is_found_in_the_notes)
{
    struct image image = whole_image();
    uint8_t id[SESSION_BUILD_ID_BYTES] = {0};
    cr_assert_eq(id_len(&image, id), 20);
    cr_assert_eq(id[0], 0xAB);
    cr_assert_eq(id[19], 0xAB);
}

Test(hook_dl, lying_headers_give_no_build_id)
{
    uint8_t id[SESSION_BUILD_ID_BYTES];
    struct image image = whole_image();
    image.header.e_phoff = UINT64_MAX - 8;
    cr_assert_eq(id_len(&image, id), 0);
    image = whole_image();
    image.header.e_phnum = 1000;
    cr_assert_eq(id_len(&image, id), 0);
    image = whole_image();
    image.programs[1].p_vaddr = UINT64_MAX - 100;
    cr_assert_eq(id_len(&image, id), 0);
    image = whole_image();
    image.note.n_namesz = UINT32_MAX;
    cr_assert_eq(id_len(&image, id), 0);
    image = whole_image();
    image.note.n_descsz = 4000;
    cr_assert_eq(id_len(&image, id), 0);
    image = whole_image();
    image.header.e_ident[0] = 0;
    cr_assert_eq(id_len(&image, id), 0);
}

Test(hook_dl, notes_outside_readable_segments_are_left_alone)
{
    uint8_t id[SESSION_BUILD_ID_BYTES];
    struct image image = whole_image();
    image.programs[0].p_flags = 0;
    cr_assert_eq(id_len(&image, id), 0);
}

Test(hook_dl, code_without_a_module_is_not_noted)
{
    struct session_head *head = memory_session_create(4 << 20);
    hook_dl_start();
    cr_assert_eq(hook_dl_note(head, (uint64_t)(uintptr_t)head, 3), 3);
    cr_assert_eq(head->module_count, 0);
    cr_assert_eq(head->lost[LOSS_MODULES_FULL], 0);
    free(head);
}

/* A session whose module table has room for some entries. */
static struct session_head *session_with_modules(void)
{
    struct session_head *head = memory_session_create(4 << 20);
    head->module_off = 2 << 20;
    head->backed_bytes = 4 << 20;
    hook_dl_start();
    return head;
}

Test(hook_dl, a_module_that_is_still_there_or_back_keeps_its_entry)
{
    struct session_head *head = session_with_modules();
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    uint64_t addr = (uint64_t)(uintptr_t)symbol;
    cr_assert_eq(hook_dl_note(head, addr, 5), 5);
    cr_assert_eq(hook_dl_note(head, addr, 5), 5);
    cr_assert_eq(hook_dl_note(head, addr, 6), 5);
    cr_assert_eq(hook_dl_note(head, addr, 100), 5);
    cr_assert_eq(head->module_count, 1);
    free(head);
}

Test(hook_dl, another_object_at_the_place_has_an_entry_of_its_own)
{
    struct session_head *head = session_with_modules();
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    uint64_t addr = (uint64_t)(uintptr_t)symbol;
    cr_assert_eq(hook_dl_note(head, addr, 5), 5);
    struct session_module *module = (void *)((char *)head + head->module_off);
    module->build_id[0] ^= 1; /* it was another one */
    cr_assert_eq(hook_dl_note(head, addr, 6), 6);
    cr_assert_eq(head->module_count, 2);
    cr_assert_eq(module[1].start, module[0].start);
    free(head);
}
