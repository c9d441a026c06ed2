#include "stack_cfi.h"

#include <criterion/criterion.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_BYTES = 512, CODE_OFF = 4096, FRAME_OFF = 64, CIE_BYTES = 24 };

/*
 * A made-up object: .eh_frame_hdr at 0, .eh_frame at FRAME_OFF, "code" CODE_OFF beyond its start,
 * where nothing needs to be mapped.
 */
struct image {
    uint8_t bytes[IMAGE_BYTES];
    size_t len;
};

static struct image *image;

static void put(const void *bytes, size_t len)
{
    cr_assert_leq(image->len + len, (size_t)IMAGE_BYTES);
    memcpy(image->bytes + image->len, bytes, len);
    image->len += len;
}

static void put32(uint32_t value)
{
    put(&value, sizeof(value));
}

/* CIE "zR": code 1, data -8, RA 16, pointers pcrel sdata4; def_cfa rsp+8, RA at cfa-8. */
static void put_cie(void)
{
    static const uint8_t body[] = {0,  0, 0,    0,    1, 'z', 'R',  0, 1, 0x78,
                                   16, 1, 0x1b, 0x0c, 7, 8,   0x90, 1, 0, 0};
    put32(sizeof(body));
    put(body, sizeof(body));
}

static void put_fde(uint32_t code_off, uint32_t code_len, const uint8_t *program, size_t len)
{
    uint8_t aug_len = 0;
    put32((uint32_t)(4 + 4 + 4 + 1 + len));
    put32((uint32_t)(image->len - FRAME_OFF));
    put32((uint32_t)(CODE_OFF + code_off - image->len));
    put32(code_len);
    put(&aug_len, 1);
    put(program, len);
}

/* One CIE, two functions at CODE_OFF: 16 bytes with `program`, then 16 bytes with none. */
static struct stack_cfi_object make_image(const uint8_t *program, size_t len)
{
    static const uint8_t head[] = {1, 0x1b, 0x03, 0x3b};
    image = calloc(1, sizeof(*image));
    cr_assert_not_null(image);
    image->len = FRAME_OFF;
    put_cie();
    uint32_t fdes[2];
    fdes[0] = (uint32_t)image->len;
    put_fde(0, 16, program, len);
    fdes[1] = (uint32_t)image->len;
    put_fde(16, 16, program, 0);
    size_t end = image->len;
    image->len = 0;
    put(head, sizeof(head));
    put32(FRAME_OFF - 4);
    put32(2);
    for (uint32_t i = 0; i < 2; i++) {
        put32(CODE_OFF + 16 * i);
        put32(fdes[i]);
    }
    image->len = end;
    uintptr_t start = (uintptr_t)image->bytes;
    return (struct stack_cfi_object){.start = start, .end = start + end, .hdr = start};
}

static struct stack_cfi_machine machine;

static bool run_at(struct stack_cfi_object object, uint32_t code_off)
{
    uintptr_t pc = object.start + CODE_OFF + code_off;
    machine.object = object;
    uintptr_t fde = stack_cfi_find(&object, pc);
    return fde != 0 && stack_cfi_run(&machine, fde, pc);
}

/* push rbp at 1, mov rbp at 4; leave at 12: as compilers write it, with remember/restore. */
static const uint8_t frame_program[] = {0x41, 0x0e, 16,   0x86, 2, 0x43, 0x0d, 6,
                                        0x44, 0x0a, 0x0c, 7,    8, 0xc6, 0x44, 0x0b};

Test(stack_cfi, rows_follow_the_pc)
{
    struct stack_cfi_object object = make_image(frame_program, sizeof(frame_program));
    cr_assert(run_at(object, 0));
    cr_assert_eq(machine.row.cfa_reg, STACK_CFI_SP);
    cr_assert_eq(machine.row.cfa_off, 8);
    cr_assert_eq(machine.row.how[STACK_CFI_PC], STACK_CFI_AT_CFA);
    cr_assert_eq(machine.row.value[STACK_CFI_PC], -8);
    cr_assert_eq(machine.row.how[STACK_CFI_BP], STACK_CFI_SAME);
    cr_assert(run_at(object, 1));
    cr_assert_eq(machine.row.cfa_off, 16);
    cr_assert_eq(machine.row.how[STACK_CFI_BP], STACK_CFI_AT_CFA);
    cr_assert_eq(machine.row.value[STACK_CFI_BP], -16);
    cr_assert(run_at(object, 4));
    cr_assert_eq(machine.row.cfa_reg, STACK_CFI_BP);
    cr_assert_eq(machine.row.cfa_off, 16);
}

Test(stack_cfi, remembered_rows_come_back)
{
    struct stack_cfi_object object = make_image(frame_program, sizeof(frame_program));
    cr_assert(run_at(object, 8));
    cr_assert_eq(machine.row.cfa_reg, STACK_CFI_SP);
    cr_assert_eq(machine.row.how[STACK_CFI_BP], STACK_CFI_SAME, "restored to the CIE's rule");
    cr_assert(run_at(object, 12));
    cr_assert_eq(machine.row.cfa_reg, STACK_CFI_BP);
    cr_assert_eq(machine.row.value[STACK_CFI_BP], -16);
}

Test(stack_cfi, addresses_outside_functions_have_no_entry)
{
    struct stack_cfi_object object = make_image(frame_program, sizeof(frame_program));
    cr_assert(run_at(object, 31));
    cr_assert_not(run_at(object, 32), "one past the last function");
    cr_assert_eq(stack_cfi_find(&object, object.start + CODE_OFF - 1), 0);
}

Test(stack_cfi, unknown_instructions_are_refused)
{
    static const uint8_t window_save[] = {0x2d};
    static const uint8_t set_loc[] = {0x01, 0, 0, 0, 0};
    static const uint8_t restore_nothing[] = {0x0b};
    cr_assert_not(run_at(make_image(window_save, sizeof(window_save)), 0));
    cr_assert_not(run_at(make_image(set_loc, sizeof(set_loc)), 0));
    cr_assert_not(run_at(make_image(restore_nothing, sizeof(restore_nothing)), 0));
}

Test(stack_cfi, endless_remembering_is_refused)
{
    uint8_t program[STACK_CFI_REMEMBER_MAX + 1];
    memset(program, 0x0a, sizeof(program));
    cr_assert(run_at(make_image(program, STACK_CFI_REMEMBER_MAX), 0));
    cr_assert_not(run_at(make_image(program, sizeof(program)), 0));
}

/* Cut at every byte: no read beyond the end (the address sanitizer watches), no wrong answer. */
Test(stack_cfi, truncated_tables_are_refused)
{
    struct stack_cfi_object whole = make_image(frame_program, sizeof(frame_program));
    size_t len = whole.end - whole.start;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut + 1);
        cr_assert_not_null(copy);
        memcpy(copy, image->bytes, cut);
        uintptr_t start = (uintptr_t)copy;
        struct stack_cfi_object object = {.start = start, .end = start + cut, .hdr = start};
        if (run_at(object, 0)) {
            cr_assert_eq(machine.row.cfa_off, 8);
        }
        cr_assert_not(run_at(object, 20) && cut < len - 1);
        free(copy);
    }
}

Test(stack_cfi, wild_lengths_and_offsets_are_refused)
{
    static const uint32_t wild[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    struct stack_cfi_object object = make_image(frame_program, sizeof(frame_program));
    size_t len = object.end - object.start;
    for (size_t at = 0; at + 4 <= len; at += 4) {
        for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
            uint32_t was = 0;
            memcpy(&was, image->bytes + at, 4);
            memcpy(image->bytes + at, &wild[i], 4);
            (void)run_at(object, 5);
            memcpy(image->bytes + at, &was, 4);
        }
    }
    cr_assert(run_at(object, 5), "and the whole one is read again");
}

Test(stack_cfi, leb128_numbers_are_read_to_their_last_bit)
{
    static const uint8_t bytes[] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0x01, 0x80, 0x7f, 0x80};
    struct stack_cfi_reader r = {(uintptr_t)bytes, (uintptr_t)(bytes + sizeof(bytes)), false};
    cr_assert_eq(stack_cfi_sleb(&r), -1);
    cr_assert_eq(stack_cfi_uleb(&r), UINT64_MAX);
    cr_assert_eq(stack_cfi_sleb(&r), -128);
    cr_assert_not(r.is_bad);
    cr_assert_eq(stack_cfi_uleb(&r), 0);
    cr_assert(r.is_bad, "a number without an end");
}

static int each_object(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD || (info->dlpi_phdr[i].p_flags & PF_X) == 0) {
            continue;
        }
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uintptr_t end = begin + info->dlpi_phdr[i].p_memsz;
        for (uintptr_t pc = begin; pc < end; pc += 61) {
            if (!stack_cfi_object_at(pc, &machine.object)) {
                continue;
            }
            uintptr_t fde = stack_cfi_find(&machine.object, pc);
            *(int *)count += fde != 0 && stack_cfi_run(&machine, fde, pc);
        }
    }
    return 0;
}

Test(stack_cfi, every_loaded_object_is_read)
{
    int count = 0;
    (void)dl_iterate_phdr(each_object, &count);
    cr_assert_gt(count, 10000, "%d addresses have a row", count);
}

/* This process's own tables, damaged at random in a copy of exactly their size. */
Test(stack_cfi, damaged_tables_are_survived)
{
    struct stack_cfi_object own;
    cr_assert(stack_cfi_object_at((uintptr_t)&put_fde, &own));
    size_t len = own.end - own.hdr;
    uint8_t *copy = malloc(len);
    cr_assert_not_null(copy);
    uint32_t dice = 7;
    int good = 0;
    for (int round = 0; round < 20000; round++) {
        if (round % 64 == 0) {
            memcpy(copy, (const void *)own.hdr, len);
        }
        dice = dice * 1664525 + 1013904223;
        copy[(dice >> 8) % (len < 4096 ? len : 4096)] = (uint8_t)dice;
        uintptr_t start = (uintptr_t)copy;
        machine.object =
            (struct stack_cfi_object){.start = start, .end = start + len, .hdr = start};
        uintptr_t pc = start + ((uintptr_t)&put_fde - own.hdr) + (dice >> 20) % 2048;
        uintptr_t fde = stack_cfi_find(&machine.object, pc);
        good += fde != 0 && stack_cfi_run(&machine, fde, pc);
    }
    cr_assert_gt(good, 0, "some rounds still find an undamaged entry");
    free(copy);
}
