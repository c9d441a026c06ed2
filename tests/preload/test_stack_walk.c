#include "stack_walk.h"

#include <alloca.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "alloctrap/session.h"
#include "stack_mend.h"

#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

enum { COROUTINE_BYTES = 64 << 10, FRAMES_MAX = SESSION_DEPTH_MAX };

static __thread struct stack_state *state;

/* What the last capture told. */
struct captured {
    uint64_t hash;
    uint32_t depth;
    uint32_t flags; /* of the outermost frame */
    void *note;     /* of a look at the walk before */
};
static __thread struct captured last;

static struct captured capture(struct stack_state *by, const struct stack_at *at)
{
    stack_capture(by, at);
    struct captured got = {.hash = stack_identity(by)};
    got.depth = stack_depth(by);
    (void)stack_frame(by, 0, &got.flags);
    return got;
}

static struct stack_state *make_state(uint32_t mode, uint32_t depth_max)
{
    void *memory =
        mmap(NULL, stack_state_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    stack_start(mode);
    stack_state_init(memory, mode, depth_max, (struct stack_range){0, 0});
    return memory;
}

static void begin(uint32_t mode)
{
    state = make_state(mode, SESSION_DEPTH_MAX);
}

/* Stands for a hook: what it knows of its caller is what a malloc hook knows. */
static NOINLINE void hook(void)
{
    struct stack_at at = {(uintptr_t)__builtin_return_address(0),
                          (uintptr_t)__builtin_frame_address(0) + 16,
                          *(const uintptr_t *)__builtin_frame_address(0)};
    void *note = stack_mend_again(stack_last_walk(state), at.pc, at.sp);
    last = capture(state, &at);
    last.note = note;
    __asm__ volatile("" ::: "memory");
}

static uint32_t compared(void)
{
    uint32_t count = 0;
    uint32_t different = 0;
    stack_compared(&count, &different);
    cr_assert_eq(different, 0, "%u of %u stacks differ from libunwind's", different, count);
    return count;
}

static bool is_sure(void)
{
    uint32_t bad = 0;
    for (uint32_t i = 0; i < last.depth; i++) {
        uint32_t flags = 0;
        (void)stack_frame(state, i, &flags);
        bad |= flags & (SESSION_NODE_GUESSED | SESSION_NODE_CUT);
    }
    return bad == 0;
}

static NOINLINE int descend(int depth)
{
    if (depth > 0) {
        int below = descend(depth - 1);
        hook();
        return below + 1;
    }
    hook();
    return 0;
}

Test(stack_walk, recursion_of_any_depth_equals_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    for (int depth = 0; depth < 300; depth += 7) {
        cr_assert_eq(descend(depth), depth);
    }
    cr_assert(is_sure());
    cr_assert_gt(compared(), 6000);
}

/* A tree of calls, drawn at random: frames of three sizes, one that needs bp, any order. */
static uint32_t dice = 1;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 16) % sides;
}

static void branch(int depth);

static NOINLINE void branch_small(int depth)
{
    branch(depth);
    hook();
}

static NOINLINE void branch_large(int depth)
{
    volatile char buffer[200];
    buffer[0] = 1;
    branch(depth);
    hook();
    branch(depth - 1);
    buffer[1] = buffer[0];
}

static NOINLINE void branch_alloca(int depth)
{
    size_t size = 16 + roll(8) * 16;
    volatile char *buffer = alloca(size);
    buffer[0] = 1;
    branch(depth);
    hook();
    buffer[size - 1] = 1;
}

static NOINLINE void branch(int depth)
{
    static void (*const ways[])(int) = {branch_small, branch_large, branch_alloca};
    hook();
    if (depth > 0 && roll(16) != 0) {
        ways[roll(3)](depth - 1);
    }
    __asm__ volatile("");
}

Test(stack_walk, random_call_trees_equal_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    for (int i = 0; i < 4000; i++) {
        branch(12);
        cr_assert(is_sure());
    }
    cr_assert_gt(compared(), 100000);
}

static int by_value(const void *a, const void *b)
{
    hook();
    return *(const int *)a - *(const int *)b;
}

Test(stack_walk, callbacks_through_libc_equal_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    int values[64];
    for (int i = 0; i < 64; i++) {
        values[i] = (int)roll(1000);
    }
    qsort(values, 64, sizeof(values[0]), by_value);
    cr_assert(is_sure());
    cr_assert_gt(compared(), 63);
}

static void on_signal(int number)
{
    (void)number;
    hook();
    (void)descend(5);
}

static void raise_from(int depth)
{
    if (depth > 0) {
        raise_from(depth - 1);
        hook();
        return;
    }
    (void)raise(SIGUSR1);
    __asm__ volatile("");
}

static bool has_exact_frame(void)
{
    for (uint32_t i = 0; i < last.depth; i++) {
        uint32_t flags = 0;
        (void)stack_frame(state, i, &flags);
        if ((flags & SESSION_NODE_EXACT_PC) != 0) {
            return true;
        }
    }
    return false;
}

static void on_signal_check(int number)
{
    on_signal(number);
    cr_assert(is_sure());
    cr_assert(has_exact_frame(), "the interrupted frame is marked");
}

static void handle(void (*handler)(int), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = flags;
    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

Test(stack_walk, signal_handlers_equal_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    handle(on_signal_check, 0);
    for (int depth = 0; depth < 20; depth++) {
        raise_from(depth);
    }
    cr_assert_gt(compared(), 150);
}

Test(stack_walk, handlers_on_a_signal_stack_lead_to_the_interrupted_stack)
{
    begin(SESSION_STACKS_COMPARE);
    stack_t stack = {.ss_sp = malloc(COROUTINE_BYTES), .ss_size = COROUTINE_BYTES};
    cr_assert_eq(sigaltstack(&stack, NULL), 0);
    handle(on_signal_check, SA_ONSTACK);
    for (int depth = 0; depth < 20; depth++) {
        raise_from(depth);
    }
    cr_assert_gt(compared(), 150);
    stack.ss_flags = SS_DISABLE;
    cr_assert_eq(sigaltstack(&stack, NULL), 0);
    free(stack.ss_sp);
}

static ucontext_t main_context;
static ucontext_t coroutine_contexts[2];

static void coroutine(int which)
{
    for (int i = 0; i < 50; i++) {
        (void)descend(i % 7);
        (void)swapcontext(&coroutine_contexts[which],
                          which == 0 ? &coroutine_contexts[1] : &main_context);
    }
}

/* Each coroutine's stack ends where memory ends: one byte beyond would be a crash. */
static void *make_guarded_stack(void)
{
    char *memory =
        mmap(NULL, COROUTINE_BYTES + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)memory, MAP_FAILED);
    cr_assert_eq(mprotect(memory + 4096, COROUTINE_BYTES, PROT_READ | PROT_WRITE), 0);
    return memory + 4096;
}

Test(stack_walk, coroutines_equal_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(getcontext(&coroutine_contexts[i]), 0);
        coroutine_contexts[i].uc_stack.ss_sp = make_guarded_stack();
        coroutine_contexts[i].uc_stack.ss_size = COROUTINE_BYTES;
        coroutine_contexts[i].uc_link = &main_context;
        makecontext(&coroutine_contexts[i], (void (*)(void))coroutine, 1, i);
    }
    for (int i = 0; i < 50; i++) {
        (void)swapcontext(&main_context, &coroutine_contexts[0]);
        hook();
    }
    cr_assert_gt(compared(), 300);
}

/* Calls call(depth) from a frame whose CFA is rbx + 16, as the loader's lazy binding has it. */
void by_rbx(void (*call)(int), int depth);
__asm__(".text\n"
        ".type by_rbx, @function\n"
        "by_rbx:\n"
        ".cfi_startproc\n"
        "push %rbx\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset rbx, -16\n"
        "mov %rsp, %rbx\n"
        ".cfi_def_cfa_register rbx\n"
        "sub $200, %rsp\n"
        "and $-64, %rsp\n"
        "mov %rdi, %rax\n"
        "mov %esi, %edi\n"
        "call *%rax\n"
        "mov %rbx, %rsp\n"
        ".cfi_def_cfa_register rsp\n"
        "pop %rbx\n"
        ".cfi_def_cfa_offset 8\n"
        ".cfi_restore rbx\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size by_rbx, . - by_rbx\n");

/* Saves rbx, which leads to by_rbx()'s caller, in its own frame. */
static NOINLINE void saves_rbx(int depth)
{
    __asm__ volatile("xor %%ebx, %%ebx" ::: "rbx");
    if (depth > 0) {
        by_rbx(saves_rbx, depth - 1);
    }
    (void)descend(depth % 3);
    hook();
    __asm__ volatile("" ::: "rbx");
}

static NOINLINE void leaves_rbx(int depth)
{
    (void)depth;
    hook();
    __asm__ volatile("" ::: "memory");
}

Test(stack_walk, a_frame_found_by_a_register_that_inner_frames_saved_equals_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    for (int depth = 0; depth < 20; depth++) {
        by_rbx(saves_rbx, depth);
        cr_assert(is_sure());
    }
    cr_assert_gt(compared(), 400);
}

static void on_plain_signal(int number)
{
    (void)number;
    hook();
    __asm__ volatile("" ::: "memory");
}

static pid_t process_id;
static pid_t thread_id;

/* Needs no rbx, so that only the kernel saves it. */
static NOINLINE void is_interrupted(int number)
{
    __asm__ volatile("syscall"
                     :
                     : "a"(SYS_tgkill), "D"(process_id), "S"(thread_id), "d"(number)
                     : "rcx", "r11", "memory");
}

Test(stack_walk, a_frame_found_by_a_register_that_a_signal_saved_equals_libunwind)
{
    begin(SESSION_STACKS_COMPARE);
    handle(on_plain_signal, 0);
    process_id = getpid();
    thread_id = gettid();
    by_rbx(is_interrupted, SIGUSR1);
    cr_assert(is_sure());
    cr_assert_eq(compared(), 1);
}

Test(stack_walk, a_frame_found_by_a_register_that_nobody_saved_is_the_last)
{
    begin(SESSION_STACKS_WALK);
    by_rbx(leaves_rbx, 0);
    cr_assert_eq(last.depth, 2);
    cr_assert((last.flags & SESSION_NODE_CUT) != 0);
}

static void *thread_main(void *arg)
{
    (void)arg;
    begin(SESSION_STACKS_COMPARE);
    for (int depth = 0; depth < 60; depth++) {
        (void)descend(depth);
    }
    cr_assert(is_sure());
    return NULL;
}

Test(stack_walk, threads_equal_libunwind)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, thread_main, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_gt(compared(), 7000);
}

Test(stack_walk, a_mended_walk_has_the_identity_of_a_fresh_one)
{
    begin(SESSION_STACKS_WALK);
    struct stack_state *mended = state;
    for (int depth = 0; depth < 40; depth++) {
        dice = (uint32_t)depth;
        branch(depth % 12);
        struct stack_at at = {(uintptr_t)__builtin_return_address(0),
                              (uintptr_t)__builtin_frame_address(0) + 16,
                              *(const uintptr_t *)__builtin_frame_address(0)};
        struct captured a = capture(mended, &at);
        struct stack_state *fresh = make_state(SESSION_STACKS_WALK, SESSION_DEPTH_MAX);
        struct captured b = capture(fresh, &at);
        cr_assert_eq(a.hash, b.hash);
        cr_assert_eq(a.depth, b.depth);
        cr_assert_eq(munmap(fresh, stack_state_bytes()), 0);
    }
}

static NOINLINE uint64_t hash_here(void)
{
    hook();
    return last.hash;
}

Test(stack_walk, two_call_sites_have_two_identities_and_one_has_one)
{
    begin(SESSION_STACKS_WALK);
    uint64_t hashes[4];
    for (volatile int i = 0; i < 3; i++) { /* volatile: not unrolled into three call sites */
        hashes[i] = hash_here();
    }
    hashes[3] = hash_here();
    cr_assert_eq(hashes[0], hashes[1]);
    cr_assert_eq(hashes[1], hashes[2]);
    cr_assert_neq(hashes[2], hashes[3]);
}

/* Two calls of one function in turn, as malloc and free are; and another function in between. */
static NOINLINE void three_calls(uint64_t *ret_hashes, void **ret_notes)
{
    for (volatile int i = 0; i < 3; i++) {
        hook();
        ret_hashes[0] = last.hash;
        ret_notes[0] = last.note;
        stack_note(state, &ret_hashes[0]);
        hook();
        ret_hashes[1] = last.hash;
        ret_notes[1] = last.note;
        stack_note(state, &ret_hashes[1]);
    }
}

Test(stack_walk, a_note_is_found_with_its_stack_alone)
{
    begin(SESSION_STACKS_WALK);
    hook();
    uint64_t hashes[2] = {0, 0};
    void *notes[2] = {NULL, NULL};
    three_calls(hashes, notes);
    cr_assert_neq(hashes[0], hashes[1]);
    cr_assert_eq(notes[0], (void *)&hashes[0]);
    cr_assert_eq(notes[1], (void *)&hashes[1]);
    hook();
    cr_assert_null(last.note, "this stack was never captured before");
    hook();
    cr_assert_null(last.note);
}

/* As when another thread closes a library between a look at the last walk and what comes of it. */
Test(stack_walk, nothing_is_left_of_a_look_at_a_walk_that_is_forgotten)
{
    begin(SESSION_STACKS_WALK);
    hook();
    stack_note(state, &last);
    struct stack_mend *walk = stack_last_walk(state);
    uint32_t top = walk->count - 1;
    uintptr_t pc = walk->pcs[top];
    uintptr_t sp = walk->sps[top];
    walk->pcs[1]++; /* memory says otherwise */
    cr_assert_null(stack_mend_again(walk, pc, sp));
    cr_assert_eq(walk->stands, 2);
    stack_forget(state);
    cr_assert_null(stack_known(state, pc, sp, 0));
}

static NOINLINE void named_inner(void)
{
    hook();
    __asm__ volatile("");
}

static NOINLINE void named_other(void)
{
    hook();
    __asm__ volatile("");
}

Test(stack_walk, names_last_up_to_the_first_frame_that_changed)
{
    begin(SESSION_STACKS_WALK);
    static void (*volatile const ways[])(void) = {named_inner, named_other, named_inner};
    for (volatile int i = 0; i < 3; i++) {
        ways[i]();
        struct stack_names *names = stack_names(state);
        uint32_t depth = stack_depth(state);
        uint32_t wanted = i == 0 ? 0 : depth - 1;
        cr_assert_eq(names->count, wanted, "round %d: %u of %u", i, names->count, depth);
        names->count = depth;
    }
    stack_forget(state);
    cr_assert_eq(stack_names(state)->count, 0);
}

static NOINLINE void dive(int depth)
{
    if (depth > 0) {
        dive(depth - 1);
    } else {
        hook();
    }
    __asm__ volatile("");
}

Test(stack_walk, deeper_stacks_keep_the_innermost_frames_and_say_so)
{
    state = make_state(SESSION_STACKS_COMPARE, 10);
    dive(30);
    dive(1);
    dive(29);
    cr_assert_eq(last.depth, 10);
    cr_assert_eq(last.flags, SESSION_NODE_CUT);
    uint32_t flags = 0;
    (void)stack_frame(state, 0, &flags);
    cr_assert_eq(flags & SESSION_NODE_CUT, SESSION_NODE_CUT);
    (void)compared();
}

Test(stack_walk, forgetting_changes_no_answer)
{
    begin(SESSION_STACKS_COMPARE);
    for (int i = 0; i < 50; i++) {
        (void)descend(i % 9);
        stack_forget(state);
    }
    cr_assert_gt(compared(), 200);
}

Test(stack_walk, none_keeps_the_innermost_frame)
{
    begin(SESSION_STACKS_NONE);
    (void)descend(3);
    cr_assert_eq(last.depth, 1);
    cr_assert_eq(last.flags, SESSION_NODE_CUT);
}

Test(stack_walk, unwind_gives_the_same_identity_as_walk)
{
    struct stack_state *walker = make_state(SESSION_STACKS_WALK, SESSION_DEPTH_MAX);
    struct stack_state *unwinder = make_state(SESSION_STACKS_UNWIND, SESSION_DEPTH_MAX);
    uint64_t hashes[2] = {0, 1};
    for (volatile int i = 0; i < 2; i++) { /* volatile: not unrolled into two call sites */
        state = i == 0 ? walker : unwinder;
        (void)descend(4);
        hashes[i] = last.hash;
    }
    cr_assert_eq(hashes[0], hashes[1]);
}

static sigjmp_buf way_out;

static void on_segv(int number)
{
    (void)number;
    siglongjmp(way_out, 1);
}

Test(stack_walk, an_unreadable_stack_is_one_frame)
{
    begin(SESSION_STACKS_WALK);
    struct stack_at at = {1, 0x1000, 0};
    struct captured got = capture(state, &at);
    cr_assert_eq(got.depth, 1);
    cr_assert_eq(got.flags, SESSION_NODE_CUT);
}

Test(stack_walk, a_capture_left_by_siglongjmp_harms_no_later_one)
{
    begin(SESSION_STACKS_WALK);
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_segv;
    action.sa_flags = SA_NODEFER;
    cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
    uint64_t hashes[2] = {0, 1};
    for (volatile int i = 0; i < 2; i++) {
        dive(9);
        hashes[i] = last.hash;
        if (sigsetjmp(way_out, 1) == 0) {
            stack_capture(state, (const struct stack_at *)8); /* faults inside the capture */
            cr_assert_fail("address 8 was read");
        }
    }
    cr_assert_eq(hashes[0], hashes[1]);
    cr_assert(is_sure());
}

static uintptr_t painted_at;

static void paint_then_hook(void)
{
    uint64_t *low = (uint64_t *)painted_at;
    uint64_t *high = (uint64_t *)((uintptr_t)__builtin_frame_address(0) - 512);
    for (uint64_t *word = low; word < high; word++) {
        *word = UINT64_C(0xA5A5A5A5A5A5A5A5);
    }
    hook();
    __asm__ volatile("");
}

Test(stack_walk, a_capture_takes_under_a_kilobyte_of_stack)
{
    begin(SESSION_STACKS_WALK);
    hook(); /* the shim binds its symbols at load; here the first call does */
    ucontext_t *context = &coroutine_contexts[0];
    cr_assert_eq(getcontext(context), 0);
    painted_at = (uintptr_t)make_guarded_stack();
    context->uc_stack.ss_sp = (void *)painted_at;
    context->uc_stack.ss_size = COROUTINE_BYTES;
    context->uc_link = &main_context;
    makecontext(context, paint_then_hook, 0);
    cr_assert_eq(swapcontext(&main_context, context), 0);
    uintptr_t touched = painted_at;
    while (*(uint64_t *)touched == UINT64_C(0xA5A5A5A5A5A5A5A5)) {
        touched += 8;
    }
    uintptr_t hook_sp = painted_at + COROUTINE_BYTES - touched;
    cr_assert_lt(hook_sp, 512 + 1024 + 256, "%zu bytes below the coroutine's top", (size_t)hook_sp);
    cr_assert_gt(last.depth, 1);
}
