/* Stacks of every kind: tiny, alternate, switched, without frame pointers that mean anything. */
#include "cases.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

enum {
    TINY_BYTES = 16 << 10,
    BIG_BYTES = 256 << 10,
    ROUNDS = 200,
    PAINT_BYTES = 6 << 10,
    PAINT_LEAVE_BYTES = 32, /* what the painting itself may use */
    PAINT = 0xA5,
    MANY_THREADS = 1100
};

static char *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *churn_in_thread(void *argument)
{
    churn(ROUNDS);
    return argument;
}

static void on_stack(size_t bytes, void *(*run)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, bytes);
    if (pthread_create(&thread, &attributes, run, NULL) != 0) {
        _exit(94);
    }
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static int tiny_threads(char **arguments)
{
    (void)arguments;
    for (int i = 0; i < 40; i++) {
        on_stack(TINY_BYTES, churn_in_thread);
    }
    counts_tell();
    tell_seen();
    return 0;
}

static pthread_barrier_t all_there;

static void *churn_beside_others(void *argument)
{
    churn(5);
    pthread_barrier_wait(&all_there);
    churn(5);
    return argument;
}

/* More at once than a session has places for. */
static int many_threads(char **arguments)
{
    static pthread_t threads[MANY_THREADS];
    pthread_attr_t attributes;
    (void)arguments;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, TINY_BYTES);
    pthread_barrier_init(&all_there, NULL, MANY_THREADS + 1);
    for (int i = 0; i < MANY_THREADS; i++) {
        if (pthread_create(&threads[i], &attributes, churn_beside_others, NULL) != 0) {
            return 77;
        }
    }
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < MANY_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    counts_tell();
    return 0;
}

static void on_signal(int number)
{
    (void)number;
    churn(ROUNDS);
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

static int alternate_stack(char **arguments)
{
    (void)arguments;
    stack_t stack = {.ss_sp = map(TINY_BYTES), .ss_size = TINY_BYTES};
    sigaltstack(&stack, NULL);
    handle(SIGUSR1, SA_ONSTACK);
    for (int i = 0; i < 10; i++) {
        churn(10);
        raise(SIGUSR1);
    }
    counts_tell();
    return 0;
}

static ucontext_t main_context;
static ucontext_t coroutines[8];

static void run_coroutine(int index)
{
    for (int i = 0; i < ROUNDS; i++) {
        void *block = take(40);
        swapcontext(&coroutines[index], &main_context);
        give(block);
    }
}

/* Stacks come from the heap and go back to it. */
static int contexts(char **arguments)
{
    void *stacks[8];
    (void)arguments;
    for (int i = 0; i < 8; i++) {
        stacks[i] = take(64 << 10);
        getcontext(&coroutines[i]);
        coroutines[i].uc_stack = (stack_t){.ss_sp = stacks[i], .ss_size = 64 << 10};
        coroutines[i].uc_link = &main_context;
        makecontext(&coroutines[i], (void (*)(void))run_coroutine, 1, i);
    }
    for (int round = 0; round <= ROUNDS; round++) {
        for (int i = 0; i < 8; i++) {
            swapcontext(&main_context, &coroutines[i]);
        }
    }
    for (int i = 0; i < 8; i++) {
        give(stacks[i]);
    }
    counts_tell();
    return 0;
}

/* Calls on a stack that nobody was told of, and that ends right above the caller. */
static void call_on(char *stack_end, void (*function)(void))
{
    __asm__ volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tcall *%1\n\tmov %%rbx, %%rsp"
                     :
                     : "r"(stack_end), "r"(function)
                     : "rbx", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory",
                       "cc", "xmm0", "xmm1", "xmm2", "xmm3");
}

static void churn_once(void)
{
    churn(20);
}

static int pivoted(char **arguments)
{
    (void)arguments;
    for (int i = 0; i < 50; i++) {
        char *stack = map(TINY_BYTES);
        call_on(stack + TINY_BYTES, churn_once);
        munmap(stack, TINY_BYTES);
    }
    counts_tell();
    return 0;
}

/* The frame pointer holds whatever it likes while the allocator is called. */
static void *take_with_frame_pointer(uintptr_t value)
{
    void *block;
    __asm__ volatile(
        "push %%rbp\n\tpush %%rbp\n\tmov %1, %%rbp\n\tmov $32, %%edi\n\tcall malloc@plt\n\t"
        "pop %%rbp\n\tpop %%rbp"
        : "=a"(block)
        : "r"(value)
        : "rdi", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
    return counts_block(block, 32);
}

static int frame_pointers(char **arguments)
{
    (void)arguments;
    static const uintptr_t values[] = {0,
                                       1,
                                       8,
                                       0xdeadbeef,
                                       UINTPTR_MAX,
                                       UINTPTR_MAX - 7,
                                       UINT64_C(0x8000000000000000),
                                       0x7fffffffffff};
    for (int i = 0; i < 100; i++) {
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            give(take_with_frame_pointer(values[k]));
        }
        give(take_with_frame_pointer((uintptr_t)&values + (uintptr_t)i));
    }
    counts_tell();
    return 0;
}

/* push rbp; mov rbp, rsp; mov rax, imm64; call rax; pop rbp; ret - with and without the frame. */
static int generated_code(char **arguments)
{
    static const unsigned char with_frame[] = {0x55, 0x48, 0x89, 0xe5};
    static const unsigned char bare[] = {0x50};
    static const unsigned char end_frame[] = {0xff, 0xd0, 0x5d, 0xc3};
    static const unsigned char end_bare[] = {0xff, 0xd0, 0x59, 0xc3};
    void (*target)(void) = churn_once;
    (void)arguments;
    for (int i = 0; i < 60; i++) {
        unsigned char *code = (unsigned char *)map(4096);
        size_t at = 0;
        bool has_frame = i % 2 == 0;
        memcpy(code, has_frame ? with_frame : bare, has_frame ? 4 : 1);
        at = has_frame ? 4 : 1;
        memcpy(code + at, "\x48\xb8", 2);
        memcpy(code + at + 2, &target, sizeof target);
        memcpy(code + at + 10, has_frame ? end_frame : end_bare, 4);
        mprotect(code, 4096, PROT_READ | PROT_EXEC);
        void (*run)(void);
        memcpy(&run, &code, sizeof run);
        run();
        munmap(code, 4096); /* its address is code again in the next round */
    }
    counts_tell();
    return 0;
}

static void recurse(int depth)
{
    volatile char frame[64] = {0};
    if (depth == 0) {
        churn(20);
    } else {
        recurse(depth - 1);
    }
    frame[0]++;
}

static int deep(char **arguments)
{
    (void)arguments;
    recurse(30000);
    recurse(600);
    counts_tell();
    return 0;
}

/* How far below the stack pointer the bytes change while it calls the allocator. */
__attribute__((noinline)) static size_t painted_depth(void (*call)(void))
{
    uintptr_t sp;
    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
    volatile unsigned char *top = (volatile unsigned char *)(sp - PAINT_LEAVE_BYTES);
    for (size_t i = 1; i <= PAINT_BYTES; i++) {
        top[-(ptrdiff_t)i] = PAINT;
    }
    call();
    size_t used = PAINT_BYTES;
    while (used > 0 && top[-(ptrdiff_t)used] == PAINT) {
        used--;
    }
    return used + PAINT_LEAVE_BYTES;
}

static void call_malloc(void)
{
    give(take(50));
}

static void call_realloc(void)
{
    void *block = take(50);
    void *fresh = realloc(block, 5000);
    counts_free();
    give(counts_block(fresh, 5000));
}

static size_t depths[4];

static void *measure(void *argument)
{
    depths[0] = painted_depth(call_malloc); /* the thread's first event */
    depths[1] = painted_depth(call_malloc);
    depths[2] = painted_depth(call_realloc);
    depths[3] = painted_depth(call_realloc);
    return argument;
}

/* Bytes of stack, to standard error: it is not the same with and without a profiler. */
static int painted(char **arguments)
{
    (void)arguments;
    churn(100);
    on_stack(BIG_BYTES, measure);
    dprintf(STDERR_FILENO, "painted first=%zu malloc=%zu new_realloc=%zu realloc=%zu\n", depths[0],
            depths[1], depths[2], depths[3]);
    return 0;
}

static const struct target_case cases[] = {
    {"tiny", tiny_threads}, {"alternate", alternate_stack}, {"contexts", contexts},
    {"pivoted", pivoted},   {"frames", frame_pointers},     {"generated", generated_code},
    {"deep", deep},         {"painted", painted},           {"many", many_threads},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
