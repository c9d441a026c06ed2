/*
 * stack_cfi - call frame information: an object's .eh_frame, read one frame at a time.
 * Not for: .debug_frame, objects without a sorted .eh_frame_hdr, evaluating expressions.
 * Owner:   a machine is the caller's scratch memory, about 3 KiB, never on the host's stack.
 * Threads: a machine is used by one thread.   Signals: safe, as _dl_find_object() is.
 * Memory:  none.   Errno: never touched.
 * Safety:  tables are hostile: each read is checked against the object's mapping.
 */
#ifndef ALLOCTRAP_STACK_CFI_H
#define ALLOCTRAP_STACK_CFI_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* x86-64: DWARF's register numbers. */
enum {
    STACK_CFI_BP = 6,
    STACK_CFI_SP = 7,
    STACK_CFI_PC = 16,
    STACK_CFI_REGS = 17,
    STACK_CFI_NO_REG = 255,
    STACK_CFI_REMEMBER_MAX = 8 /* nested remember_state; compilers use one */
};

/* Where the caller's value of a register is. */
enum stack_cfi_how {
    STACK_CFI_SAME = 0,  /* still in the register */
    STACK_CFI_UNDEFINED, /* lost; of the return address: this frame is the outermost */
    STACK_CFI_AT_CFA,    /* in memory at CFA + value */
    STACK_CFI_IS_CFA,    /* it is CFA + value */
    STACK_CFI_IN_REG,    /* in register number value */
    STACK_CFI_AT_EXPR,   /* in memory at what the block at address value computes */
    STACK_CFI_IS_EXPR    /* it is what the block at address value computes */
};

/* The unwind tables of the object that a code address belongs to. */
struct stack_cfi_object {
    uintptr_t start; /* what is mapped around them: they are read in [start, end) only */
    uintptr_t end;
    uintptr_t hdr;               /* .eh_frame_hdr */
    struct dl_find_object found; /* the loader's answer: scratch */
};

/* One function's entry with what its common entry (CIE) says. */
struct stack_cfi_fde {
    uintptr_t pc_begin;
    uintptr_t pc_end;
    uintptr_t initial; /* the CIE's instructions */
    uintptr_t initial_end;
    uintptr_t program; /* the FDE's own */
    uintptr_t program_end;
    uint64_t code_align;
    int64_t data_align;
    uint8_t ra_reg;
    uint8_t pointer_enc; /* how the CIE's FDEs write code addresses */
    bool has_augmentation;
    bool is_signal;
};

struct stack_cfi_row {
    int64_t cfa_off;
    uintptr_t cfa_expr; /* where cfa_reg is STACK_CFI_NO_REG: address of a block */
    uint8_t cfa_reg;
    uint8_t how[STACK_CFI_REGS]; /* enum stack_cfi_how */
    int64_t value[STACK_CFI_REGS];
};

/* A bounded read of table bytes: past the end it returns zeros and stays `is_bad`. */
struct stack_cfi_reader {
    uintptr_t at;
    uintptr_t end;
    bool is_bad;
};

struct stack_cfi_machine {
    struct stack_cfi_object object;
    struct stack_cfi_fde fde;
    struct stack_cfi_row row; /* the answer */
    struct stack_cfi_row initial;
    struct stack_cfi_row remembered[STACK_CFI_REMEMBER_MAX];
    uint32_t remembered_count;
    struct stack_cfi_reader entry; /* of the FDE that is being opened */
    struct stack_cfi_reader r;     /* of its CIE, or of the program that is run */
};

/* HOT. The object at pc; false for code that the loader does not know (JIT). */
bool stack_cfi_object_at(uintptr_t pc, struct stack_cfi_object *ret_object);

/* HOT. Address of the FDE that covers pc; 0 when there is none. Looks in machine->object. */
uintptr_t stack_cfi_find(const struct stack_cfi_object *object, uintptr_t pc);

/* Four steps, of which none stands on another on the host's stack. Each is false where the tables
 * are damaged or say what we do not know. */

/* HOT. Reads the CIE of the FDE at `fde`: its part of machine->fde. */
bool stack_cfi_read_cie(struct stack_cfi_machine *machine, uintptr_t fde);

/* HOT. Reads the FDE itself; false also when it does not cover pc. */
bool stack_cfi_read_fde(struct stack_cfi_machine *machine, uintptr_t pc);

/* HOT. Runs the CIE's instructions. */
bool stack_cfi_run_cie(struct stack_cfi_machine *machine);

/* HOT. Runs the FDE's own up to pc. */
bool stack_cfi_run_fde(struct stack_cfi_machine *machine, uintptr_t pc);

/* HOT. All of it: fills machine->fde and machine->row. */
static inline bool stack_cfi_run(struct stack_cfi_machine *machine, uintptr_t fde, uintptr_t pc)
{
    return stack_cfi_read_cie(machine, fde) && stack_cfi_read_fde(machine, pc) &&
           stack_cfi_run_cie(machine) && stack_cfi_run_fde(machine, pc) &&
           (machine->row.cfa_reg != STACK_CFI_NO_REG || machine->row.cfa_expr != 0);
}

/* HOT. */
uint8_t stack_cfi_u8(struct stack_cfi_reader *r);
/* HOT. */
uint16_t stack_cfi_u16(struct stack_cfi_reader *r);
/* HOT. */
uint32_t stack_cfi_u32(struct stack_cfi_reader *r);
/* HOT. */
uint64_t stack_cfi_u64(struct stack_cfi_reader *r);
/* HOT. */
uint64_t stack_cfi_uleb(struct stack_cfi_reader *r);
/* HOT. */
int64_t stack_cfi_sleb(struct stack_cfi_reader *r);

#endif
