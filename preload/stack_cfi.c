#include "stack_cfi.h"

enum { CFI_HDR_HEAD_BYTES = 12, CFI_HDR_ROW_BYTES = 8 };

/* DW_EH_PE_*: how a pointer is written. */
enum {
    PE_ABSPTR = 0x00,
    PE_UDATA2 = 0x02,
    PE_UDATA4 = 0x03,
    PE_UDATA8 = 0x04,
    PE_SDATA2 = 0x0a,
    PE_SDATA4 = 0x0b,
    PE_SDATA8 = 0x0c,
    PE_FORMAT = 0x0f,
    PE_BASE = 0x70,
    PE_PCREL = 0x10,
    PE_DATAREL_SDATA4 = 0x3b,
    PE_INDIRECT = 0x80,
    PE_OMIT = 0xff
};

/* DW_CFA_* */
enum {
    CFA_ADVANCE_LOC = 0x40, /* these three: operand in the low six bits */
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f
};

/* Tables are unaligned bytes in this process; a packed member reads them without a library call. */
union cfi_unaligned {
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
} __attribute__((packed, may_alias));

static bool take(struct stack_cfi_reader *r, size_t bytes)
{
    if (r->is_bad || r->at > r->end || r->end - r->at < bytes) {
        r->is_bad = true;
        return false;
    }
    r->at += bytes;
    return true;
}

uint8_t stack_cfi_u8(struct stack_cfi_reader *r)
{
    return take(r, 1) ? *(const uint8_t *)(r->at - 1) : 0;
}

uint16_t stack_cfi_u16(struct stack_cfi_reader *r)
{
    return take(r, 2) ? ((const union cfi_unaligned *)(r->at - 2))->u16 : 0;
}

uint32_t stack_cfi_u32(struct stack_cfi_reader *r)
{
    return take(r, 4) ? ((const union cfi_unaligned *)(r->at - 4))->u32 : 0;
}

uint64_t stack_cfi_u64(struct stack_cfi_reader *r)
{
    return take(r, 8) ? ((const union cfi_unaligned *)(r->at - 8))->u64 : 0;
}

uint64_t stack_cfi_uleb(struct stack_cfi_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = stack_cfi_u8(r);
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    r->is_bad = true;
    return 0;
}

int64_t stack_cfi_sleb(struct stack_cfi_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = stack_cfi_u8(r);
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if ((byte & 0x80) == 0) {
            if ((byte & 0x40) != 0 && shift + 7 < 64) {
                value |= ~UINT64_C(0) << (shift + 7);
            }
            return (int64_t)value;
        }
    }
    r->is_bad = true;
    return 0;
}

/* The address of the bytes of a block (uleb length, bytes); moves behind it. */
static uintptr_t skip_block(struct stack_cfi_reader *r)
{
    uintptr_t block = r->at;
    uint64_t len = stack_cfi_uleb(r);
    (void)take(r, len);
    return block;
}

static uint64_t read_format(struct stack_cfi_reader *r, unsigned format)
{
    switch (format) {
    case PE_ABSPTR:
    case PE_UDATA8:
    case PE_SDATA8:
        return stack_cfi_u64(r);
    case PE_UDATA2:
        return stack_cfi_u16(r);
    case PE_UDATA4:
        return stack_cfi_u32(r);
    case PE_SDATA2:
        return (uint64_t)(int16_t)stack_cfi_u16(r);
    case PE_SDATA4:
        return (uint64_t)(int32_t)stack_cfi_u32(r);
    default:
        r->is_bad = true;
        return 0;
    }
}

/* A pointer as FDEs have them: absolute or relative to itself. */
static uintptr_t read_pointer(struct stack_cfi_reader *r, unsigned enc)
{
    uintptr_t self = r->at;
    uint64_t value = read_format(r, enc & PE_FORMAT);
    if ((enc & PE_INDIRECT) != 0 || ((enc & PE_BASE) != 0 && (enc & PE_BASE) != PE_PCREL)) {
        r->is_bad = true;
        return 0;
    }
    return (enc & PE_BASE) == PE_PCREL ? self + value : value;
}

bool stack_cfi_object_at(uintptr_t pc, struct stack_cfi_object *ret_object)
{
    struct dl_find_object *found = &ret_object->found;
    if (_dl_find_object((void *)pc, found) != 0) {
        return false;
    }
    uintptr_t hdr = (uintptr_t)found->dlfo_eh_frame;
    if (hdr - (uintptr_t)found->dlfo_map_start >=
            (uintptr_t)found->dlfo_map_end - (uintptr_t)found->dlfo_map_start &&
        _dl_find_object((void *)hdr, found) != 0) {
        return false; /* an object with holes: the answer was the one segment that holds pc */
    }
    ret_object->start = (uintptr_t)found->dlfo_map_start;
    ret_object->end = (uintptr_t)found->dlfo_map_end;
    ret_object->hdr = hdr;
    return true;
}

/* Row i of the sorted table: where a function begins and where its FDE is, relative to hdr. */
static void read_row(uintptr_t table, size_t i, int64_t *ret_pc_off, int64_t *ret_fde_off)
{
    uint64_t word = ((const union cfi_unaligned *)(table + i * CFI_HDR_ROW_BYTES))->u64;
    *ret_pc_off = (int32_t)(uint32_t)word;
    *ret_fde_off = (int32_t)(uint32_t)(word >> 32);
}

/* The header of the sorted table that every linker of today writes; else no table. */
static size_t read_hdr(const struct stack_cfi_object *object)
{
    struct stack_cfi_reader r = {object->hdr, object->end, object->hdr < object->start};
    uint8_t version = stack_cfi_u8(&r);
    uint8_t frame_enc = stack_cfi_u8(&r);
    uint8_t count_enc = stack_cfi_u8(&r);
    uint8_t table_enc = stack_cfi_u8(&r);
    (void)stack_cfi_u32(&r);
    uint32_t count = stack_cfi_u32(&r);
    if (r.is_bad || version != 1 || count_enc != PE_UDATA4 || table_enc != PE_DATAREL_SDATA4 ||
        ((frame_enc & PE_FORMAT) != PE_SDATA4 && (frame_enc & PE_FORMAT) != PE_UDATA4)) {
        return 0;
    }
    size_t room = (object->end - r.at) / CFI_HDR_ROW_BYTES;
    return count < room ? count : room;
}

uintptr_t stack_cfi_find(const struct stack_cfi_object *object, uintptr_t pc)
{
    size_t low = 0;
    size_t high = read_hdr(object);
    uintptr_t table = object->hdr + CFI_HDR_HEAD_BYTES;
    int64_t want = (int64_t)(pc - object->hdr);
    int64_t pc_off = 0;
    int64_t fde_off = 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        read_row(table, mid, &pc_off, &fde_off);
        if (pc_off <= want) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low == 0) {
        return 0;
    }
    read_row(table, low - 1, &pc_off, &fde_off);
    uintptr_t fde = object->hdr + (uintptr_t)fde_off;
    return fde >= object->start && fde < object->end ? fde : 0;
}

/* r reads one CIE's or FDE's bytes behind its length; bad when there is no such entry. */
static void open_entry(struct stack_cfi_reader *r, const struct stack_cfi_object *object,
                       uintptr_t at)
{
    *r = (struct stack_cfi_reader){at, object->end, at < object->start};
    uint64_t len = stack_cfi_u32(r);
    if (len == UINT32_MAX) {
        len = stack_cfi_u64(r);
    }
    r->is_bad = r->is_bad || len == 0 || len > r->end - r->at;
    r->end = r->is_bad ? r->at : r->at + len;
}

/* Pointer encodings and flags that the letters of an augmentation string, which has an end, stand
 * for. */
static void read_augmentation(struct stack_cfi_machine *m, const uint8_t *letters)
{
    for (; *letters != 0; letters++) {
        if (*letters == 'R') {
            m->fde.pointer_enc = stack_cfi_u8(&m->r);
        } else if (*letters == 'S') {
            m->fde.is_signal = true;
        } else if (*letters == 'L') {
            (void)stack_cfi_u8(&m->r);
        } else if (*letters == 'P') {
            uint8_t enc = stack_cfi_u8(&m->r);
            (void)read_format(&m->r, enc & PE_FORMAT);
        } else {
            return; /* unknown: 'z' gave the length, so its data are stepped over */
        }
    }
}

/* False for a CIE we cannot read. */
__attribute__((noinline)) static bool read_cie(struct stack_cfi_machine *m, uintptr_t at)
{
    struct stack_cfi_fde *fde = &m->fde;
    struct stack_cfi_reader *r = &m->r;
    open_entry(r, &m->object, at);
    uint32_t id = stack_cfi_u32(r);
    uint8_t version = stack_cfi_u8(r);
    const uint8_t *letters = (const uint8_t *)r->at;
    while (stack_cfi_u8(r) != 0) {
    }
    if (r->is_bad || id != 0 || (version != 1 && version != 3) ||
        (*letters != 0 && *letters != 'z')) {
        return false;
    }
    fde->code_align = stack_cfi_uleb(r);
    fde->data_align = stack_cfi_sleb(r);
    uint64_t ra_reg = version == 1 ? stack_cfi_u8(r) : stack_cfi_uleb(r);
    fde->ra_reg = (uint8_t)ra_reg;
    fde->pointer_enc = PE_ABSPTR;
    fde->is_signal = false;
    fde->has_augmentation = *letters == 'z';
    if (fde->has_augmentation) {
        uint64_t len = stack_cfi_uleb(r);
        uintptr_t data = r->at;
        read_augmentation(m, letters + 1);
        r->at = data;
        (void)take(r, len);
    }
    fde->initial = r->at;
    fde->initial_end = r->end;
    return !r->is_bad && ra_reg == STACK_CFI_PC;
}

/* A field at a time, kept so by the empty asm: compilers turn a plain copy of this size into a
 * call of memcpy, which the host may have replaced. */
static void copy_row(struct stack_cfi_row *to, const struct stack_cfi_row *from)
{
    to->cfa_off = from->cfa_off;
    to->cfa_expr = from->cfa_expr;
    to->cfa_reg = from->cfa_reg;
    for (unsigned i = 0; i < STACK_CFI_REGS; i++) {
        to->how[i] = from->how[i];
        to->value[i] = from->value[i];
        __asm__ volatile("");
    }
}

static void set_reg(struct stack_cfi_row *row, uint64_t reg, enum stack_cfi_how how, int64_t value)
{
    if (reg < STACK_CFI_REGS) { /* vector registers and the like matter to nobody here */
        row->how[reg] = (uint8_t)how;
        row->value[reg] = value;
    }
}

static void restore_reg(struct stack_cfi_machine *m, uint64_t reg)
{
    if (reg < STACK_CFI_REGS) {
        m->row.how[reg] = m->initial.how[reg];
        m->row.value[reg] = m->initial.value[reg];
    }
}

static bool set_cfa(struct stack_cfi_row *row, uint64_t reg, int64_t off)
{
    row->cfa_reg = reg < STACK_CFI_REGS ? (uint8_t)reg : STACK_CFI_NO_REG;
    row->cfa_off = off;
    row->cfa_expr = 0;
    return reg < STACK_CFI_REGS;
}

/* Offsets come from a hostile file: they wrap, they are never undefined behaviour. */
static int64_t scale(int64_t n, int64_t by)
{
    return (int64_t)((uint64_t)n * (uint64_t)by);
}

static bool run_state(struct stack_cfi_machine *m, bool is_remember)
{
    if (is_remember) {
        if (m->remembered_count == STACK_CFI_REMEMBER_MAX) {
            return false;
        }
        copy_row(&m->remembered[m->remembered_count++], &m->row);
        return true;
    }
    if (m->remembered_count == 0) {
        return false;
    }
    copy_row(&m->row, &m->remembered[--m->remembered_count]);
    return true;
}

/* Instructions that say how the CFA is computed. */
static bool run_cfa_op(struct stack_cfi_machine *m, struct stack_cfi_reader *r, uint8_t op)
{
    struct stack_cfi_row *row = &m->row;
    uint64_t reg = 0;
    switch (op) {
    case CFA_DEF_CFA:
        reg = stack_cfi_uleb(r);
        return set_cfa(row, reg, (int64_t)stack_cfi_uleb(r));
    case CFA_DEF_CFA_SF:
        reg = stack_cfi_uleb(r);
        return set_cfa(row, reg, scale(stack_cfi_sleb(r), m->fde.data_align));
    case CFA_DEF_CFA_REGISTER:
        return set_cfa(row, stack_cfi_uleb(r), row->cfa_off);
    case CFA_DEF_CFA_OFFSET:
        row->cfa_off = (int64_t)stack_cfi_uleb(r);
        return true;
    case CFA_DEF_CFA_OFFSET_SF:
        row->cfa_off = scale(stack_cfi_sleb(r), m->fde.data_align);
        return true;
    case CFA_DEF_CFA_EXPRESSION:
        row->cfa_reg = STACK_CFI_NO_REG;
        row->cfa_expr = skip_block(r);
        return true;
    case CFA_NOP:
        return true;
    case CFA_GNU_ARGS_SIZE:
        (void)stack_cfi_uleb(r);
        return true;
    case CFA_REMEMBER_STATE:
    case CFA_RESTORE_STATE:
        return run_state(m, op == CFA_REMEMBER_STATE);
    default:
        return false;
    }
}

/* Instructions that say where a register is kept; the others are about the CFA. */
static bool run_op(struct stack_cfi_machine *m, struct stack_cfi_reader *r, uint8_t op)
{
    struct stack_cfi_row *row = &m->row;
    if (op < CFA_OFFSET_EXTENDED || (op >= CFA_REMEMBER_STATE && op <= CFA_DEF_CFA_EXPRESSION) ||
        op == CFA_DEF_CFA_SF || op == CFA_DEF_CFA_OFFSET_SF || op == CFA_GNU_ARGS_SIZE) {
        return run_cfa_op(m, r, op);
    }
    uint64_t reg = stack_cfi_uleb(r);
    int64_t align = m->fde.data_align;
    switch (op) {
    case CFA_OFFSET_EXTENDED:
        set_reg(row, reg, STACK_CFI_AT_CFA, scale((int64_t)stack_cfi_uleb(r), align));
        return true;
    case CFA_OFFSET_EXTENDED_SF:
        set_reg(row, reg, STACK_CFI_AT_CFA, scale(stack_cfi_sleb(r), align));
        return true;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        set_reg(row, reg, STACK_CFI_AT_CFA, scale((int64_t)stack_cfi_uleb(r), scale(align, -1)));
        return true;
    case CFA_VAL_OFFSET:
        set_reg(row, reg, STACK_CFI_IS_CFA, scale((int64_t)stack_cfi_uleb(r), align));
        return true;
    case CFA_VAL_OFFSET_SF:
        set_reg(row, reg, STACK_CFI_IS_CFA, scale(stack_cfi_sleb(r), align));
        return true;
    case CFA_RESTORE_EXTENDED:
        restore_reg(m, reg);
        return true;
    case CFA_UNDEFINED:
        set_reg(row, reg, STACK_CFI_UNDEFINED, 0);
        return true;
    case CFA_SAME_VALUE:
        set_reg(row, reg, STACK_CFI_SAME, 0);
        return true;
    case CFA_REGISTER:
        set_reg(row, reg, STACK_CFI_IN_REG, (int64_t)stack_cfi_uleb(r));
        return true;
    case CFA_EXPRESSION:
        set_reg(row, reg, STACK_CFI_AT_EXPR, (int64_t)skip_block(r));
        return true;
    case CFA_VAL_EXPRESSION:
        set_reg(row, reg, STACK_CFI_IS_EXPR, (int64_t)skip_block(r));
        return true;
    default:
        return false;
    }
}

/* True when the instruction moved the location; then *location is where the rows below hold. */
static bool run_advance(const struct stack_cfi_machine *m, struct stack_cfi_reader *r, uint8_t op,
                        uintptr_t *location)
{
    uint64_t delta = 0;
    if ((op & 0xc0) == CFA_ADVANCE_LOC) {
        delta = op & 0x3f;
    } else if (op == CFA_ADVANCE_LOC1) {
        delta = stack_cfi_u8(r);
    } else if (op == CFA_ADVANCE_LOC2) {
        delta = stack_cfi_u16(r);
    } else if (op == CFA_ADVANCE_LOC4) {
        delta = stack_cfi_u32(r);
    } else {
        return false;
    }
    *location += delta * m->fde.code_align;
    return true;
}

__attribute__((noinline)) static bool run_program(struct stack_cfi_machine *m, uintptr_t at,
                                                  uintptr_t end, uintptr_t pc)
{
    struct stack_cfi_reader *r = &m->r;
    uintptr_t location = m->fde.pc_begin;
    *r = (struct stack_cfi_reader){at, end, false};
    while (r->at < r->end && !r->is_bad) {
        uint8_t op = stack_cfi_u8(r);
        if (run_advance(m, r, op, &location)) {
            if (location > pc) {
                break;
            }
        } else if ((op & 0xc0) == CFA_OFFSET) {
            int64_t off = scale((int64_t)stack_cfi_uleb(r), m->fde.data_align);
            set_reg(&m->row, op & 0x3f, STACK_CFI_AT_CFA, off);
        } else if ((op & 0xc0) == CFA_RESTORE) {
            restore_reg(m, op & 0x3f);
        } else if (!run_op(m, r, op)) {
            return false; /* CFA_SET_LOC too: no compiler writes it into .eh_frame */
        }
    }
    return !r->is_bad;
}

bool stack_cfi_read_cie(struct stack_cfi_machine *m, uintptr_t fde)
{
    open_entry(&m->entry, &m->object, fde);
    uintptr_t id_at = m->entry.at;
    uint32_t back = stack_cfi_u32(&m->entry);
    return !m->entry.is_bad && back != 0 && back <= id_at - m->object.start &&
           read_cie(m, id_at - back);
}

bool stack_cfi_read_fde(struct stack_cfi_machine *m, uintptr_t pc)
{
    struct stack_cfi_fde *fde = &m->fde;
    struct stack_cfi_reader *r = &m->entry;
    fde->pc_begin = read_pointer(r, fde->pointer_enc);
    fde->pc_end = fde->pc_begin + read_format(r, fde->pointer_enc & PE_FORMAT);
    if (fde->has_augmentation) {
        uint64_t len = stack_cfi_uleb(r);
        (void)take(r, len);
    }
    fde->program = r->at;
    fde->program_end = r->end;
    return !r->is_bad && pc >= fde->pc_begin && pc < fde->pc_end;
}

bool stack_cfi_run_cie(struct stack_cfi_machine *m)
{
    m->remembered_count = 0;
    (void)set_cfa(&m->row, STACK_CFI_NO_REG, 0);
    for (unsigned i = 0; i < STACK_CFI_REGS; i++) {
        set_reg(&m->row, i, STACK_CFI_SAME, 0);
    }
    copy_row(&m->initial, &m->row); /* a CIE that restores */
    return run_program(m, m->fde.initial, m->fde.initial_end, UINTPTR_MAX);
}

bool stack_cfi_run_fde(struct stack_cfi_machine *m, uintptr_t pc)
{
    copy_row(&m->initial, &m->row);
    return run_program(m, m->fde.program, m->fde.program_end, pc);
}
