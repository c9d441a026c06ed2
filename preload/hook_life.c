#include "hook_life.h"

#include "base_clock.h"
#include "base_env.h"
#include "base_mem.h"
#include "base_say.h"
#include "hook_dl.h"
#include "hook_next.h"
#include "hook_seal.h"
#include "link_recorder.h"
#include "link_session.h"
#include "ring_pool.h"

#include <errno.h>
#include <string.h>

enum life_state {
    LIFE_NEW = 0,
    LIFE_BUSY = 1,
    LIFE_READY = 2,
    LIFE_OFF = 3,
    LIFE_BESIDE = 4 /* a fork's child without a session: it counts in its parent's early rows */
};

enum {
    PAGE_BYTES = 4096,
    PLACE_RETRY_CALLS = 4096 /* a thread without a place asks again after so many calls */
};

static struct life_page first_page; /* before there is one that a fork wipes */
struct life_page *life_page_now = &first_page;
struct life_config life_config;

static bool is_off_for_good;    /* a child inherits it; the page's state it does not */
static bool is_filtered;        /* it started behind a filter of system calls, or may have */
static bool are_stacks_started; /* once in a process and its children */
static bool is_child_told;      /* in a fork's child: forks_open of its parent counts it */
static uint32_t generations;    /* sessions of this process and its ancestors */
static struct session_row early_rows[CALL_COUNT];
static _Atomic uint64_t early_lost[LOSS_COUNT];

static void set_state(enum life_state state)
{
    /* Release; pairs with the acquire in life_enter(). */
    atomic_store_explicit(&life_page_now->state, state, memory_order_release);
}

static uint32_t state_now(void)
{
    return atomic_load_explicit(&life_page_now->state, memory_order_acquire);
}

bool life_is_off(void)
{
    return state_now() == LIFE_OFF;
}

static void turn_off(void)
{
    is_off_for_good = true;
    /* Generation 0 is no thread's: every hook takes the slow way, which passes. */
    atomic_store_explicit(&life_page_now->generation, 0, memory_order_relaxed);
    set_state(LIFE_OFF);
}

void life_disarm(void)
{
    struct session_head *head = link_head();
    turn_off();
    if (head != NULL) {
        atomic_store_explicit(&head->state, SESSION_CLOSED, memory_order_release);
    }
}

static void move_counter(_Atomic uint64_t *to, _Atomic uint64_t *from)
{
    uint64_t count = atomic_exchange_explicit(from, 0, memory_order_relaxed);
    if (count != 0) {
        link_add(to, count);
    }
}

/* What was counted before there was a session. A thread that adds at this very moment is moved
 * along with the next thread's start. */
static void move_early(struct session_head *head)
{
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        move_counter(&head->early[call].calls, &early_rows[call].calls);
        move_counter(&head->early[call].allocs, &early_rows[call].allocs);
        move_counter(&head->early[call].frees, &early_rows[call].frees);
        move_counter(&head->early[call].failed, &early_rows[call].failed);
        move_counter(&head->early[call].bytes, &early_rows[call].bytes);
    }
    for (unsigned loss = 0; loss < LOSS_COUNT; loss++) {
        move_counter(&head->lost[loss], &early_lost[loss]);
    }
}

void life_count_early(unsigned call, const struct site_sum *sum, enum session_loss cause,
                      uint64_t events)
{
    /* In a fork's child that has not started, or cannot, that is its parent's. */
    struct session_head *head = link_head();
    site_count_shared(head == NULL ? &early_rows[call] : &head->early[call], sum);
    link_add(head == NULL ? &early_lost[cause] : &head->lost[cause], events);
}

/* Moves the state to a page that a fork wipes. Only the starting thread is here. */
static bool make_page(void)
{
    if (life_page_now != &first_page) {
        return true;
    }
    struct life_page *page = mem_map(PAGE_BYTES);
    if (page == NULL || !mem_wipe_on_fork(page, PAGE_BYTES)) {
        mem_unmap(page, PAGE_BYTES);
        return false;
    }
    atomic_store_explicit(&page->state, LIFE_BUSY, memory_order_relaxed);
    life_page_now = page;
    return true;
}

static void note_command(struct session_head *head, const char *command, size_t len)
{
    if (link_now.control->no_command != 0 && len != 0) {
        len = strnlen(command, len - 1) + 1; /* the program's name alone */
    }
    if (head->command_len == 0) {
        memcpy(head->command, command, len);
        head->command[SESSION_COMMAND_BYTES - 1] = '\0';
        head->command_len = (uint32_t)len;
    }
}

static void describe(struct session_head *head)
{
    static char command[SESSION_COMMAND_BYTES];
    note_command(head, command, env_read_file("/proc/self/cmdline", command, sizeof command));
    const char *object = hook_next_object();
    size_t len = strnlen(object, sizeof head->allocator - 1);
    memcpy(head->allocator, object, len);
}

static void publish(struct session_head *head)
{
    const struct session_control *control = link_now.control;
    life_config = (struct life_config){.is_latency_on = control->latency_on != 0,
                                       .are_free_stacks_on = control->free_stacks_on != 0,
                                       .are_causes_on = control->causes_on != 0 &&
                                                        control->latency_on != 0 && !is_filtered};
    clock_time_calls(life_config.is_latency_on);
    hook_dl_start();
    if (!are_stacks_started) {
        are_stacks_started = true;
        stack_start(control->stacks_by);
    }
    link_publish(head);
    move_early(head);
    generations++;
    /* Release is set_state()'s: a thread looks at the generation only to compare it. */
    atomic_store_explicit(&life_page_now->generation, generations, memory_order_relaxed);
    set_state(LIFE_READY);
}

static bool is_recorder_closed(void)
{
    return atomic_load_explicit(&link_now.control->recorder_state, memory_order_relaxed) ==
           SESSION_RECORDER_CLOSED;
}

/* The child needs its parent's session no longer. */
static void forget_child(struct session_head *parent, bool was_told)
{
    if (was_told) {
        /* Release; pairs with the recorder's acquire: the child's own session is there before. */
        atomic_fetch_sub_explicit(&parent->forks_open, 1, memory_order_release);
    }
}

/* A fork's child. The parent's session is still mapped; where the child can make none, its calls
 * are counted there, by adds that bear two processes. */
static enum life_state start_child(struct session_head *parent)
{
    struct link_error error = {0};
    bool was_told = is_child_told;
    is_child_told = false;
    atomic_store_explicit(&link_now.head, NULL, memory_order_relaxed);
    if (link_now.control->follow_on == 0 || is_recorder_closed()) {
        forget_child(parent, was_told);
        link_drop(parent);
        return LIFE_OFF;
    }
    struct session_head *head = link_make(parent, &error);
    if (head == NULL) {
        atomic_store_explicit(&link_now.head, parent, memory_order_relaxed);
        move_early(parent);
        return LIFE_BESIDE;
    }
    publish(head);
    forget_child(parent, was_told);
    link_drop(parent);
    return LIFE_READY;
}

static enum life_state start_image(void)
{
    struct link_error error = {"the environment refuses memory", "raise ulimit -v"};
    const char *dir = env_get(SESSION_ENV);
    if (dir == NULL || dir[0] == '\0') {
        dir = link_recorder_start(&error);
    }
    struct session_head *head = NULL;
    if (dir != NULL && link_join(dir, &error)) {
        clock_use(&link_now.control->clock);
        if (is_recorder_closed() || (link_now.control->follow_on == 0 && link_has_others())) {
            return LIFE_OFF;
        }
        head = link_make(NULL, &error);
    }
    if (head == NULL) {
        say_not_recording(error.why, dir == NULL ? "" : dir, error.advice);
        return LIFE_OFF;
    }
    describe(head);
    is_filtered = hook_seal_was_there();
    publish(head);
    return LIFE_READY;
}

/* Leaves READY, OFF, or NEW when libc is not up yet. */
static void start_process(void)
{
    if (!hook_next_resolve() || env_is_secure() || is_off_for_good) {
        turn_off();
        return;
    }
    if (!env_is_there()) {
        set_state(LIFE_NEW);
        return;
    }
    struct session_head *parent = link_head();
    enum life_state state = LIFE_OFF;
    if (make_page()) {
        state = parent != NULL ? start_child(parent) : start_image();
    }
    if (state == LIFE_OFF) {
        turn_off();
    } else if (state == LIFE_BESIDE) {
        set_state(LIFE_BESIDE);
    }
}

static struct stack_range home_of(const struct session_head *head,
                                  const struct session_thread *place)
{
    uint32_t tid = atomic_load_explicit(&place->tid, memory_order_relaxed);
    return head->pid == 0 ? (struct stack_range){0, 0} : stack_bounds_home(tid == head->pid);
}

static struct hook_scratch *scratch_for(const struct session_head *head,
                                        struct session_thread *place)
{
    size_t front = mem_round_up(sizeof(struct hook_scratch), SESSION_LINE);
    struct hook_scratch *scratch = (struct hook_scratch *)place->private_ptr;
    if (scratch == NULL) {
        scratch = hook_tls.scratch; /* a fork's child keeps its thread's */
    }
    if (scratch == NULL) {
        scratch = mem_map(front + stack_state_bytes());
    }
    if (scratch != NULL) {
        scratch->stack = (struct stack_state *)((char *)scratch + front);
        stack_state_init(scratch->stack, link_now.control->stacks_by, link_now.control->depth_max,
                         home_of(head, place));
        scratch->last_walk = stack_last_walk(scratch->stack);
    }
    return scratch;
}

static void tell_adoption(struct hook_scratch *scratch)
{
    struct session_event event = {
        .stamp_ns = clock_to_ns(clock_ticks()),
        .word1 = atomic_load_explicit(&scratch->place->tid, memory_order_relaxed),
        .word2 = (uint64_t)SESSION_EVENT_THREAD << 56};
    (void)ring_push(&scratch->ring, &event, 1); /* full: the place's generation tells it, too */
}

static bool start_thread(struct session_head *head)
{
    /* Before all else: a handler may fork in the middle, and what is the parent's is not taken for
     * the child's. */
    uint32_t generation = atomic_load_explicit(&life_page_now->generation, memory_order_relaxed);
    if (hook_tls.place_tries != 0 && hook_tls.place_tries++ % PLACE_RETRY_CALLS != 0) {
        return false;
    }
    bool is_adopted = false;
    struct session_thread *place = ring_pool_claim(head, &is_adopted);
    struct hook_scratch *scratch = place == NULL ? NULL : scratch_for(head, place);
    if (scratch == NULL) {
        hook_tls.place_tries += hook_tls.place_tries == 0;
        return false;
    }
    place->private_ptr = (uint64_t)(uintptr_t)scratch;
    scratch->head = head;
    scratch->place = place;
    scratch->epoch = atomic_load_explicit(&head->epoch, memory_order_relaxed);
    hook_cause_start(&scratch->cause);
    ring_init(&scratch->ring, head, place);
    site_init(&scratch->sites, head, place);
    if (is_adopted) {
        tell_adoption(scratch);
    }
    move_early(head);
    hook_tls.place_tries = 0;
    hook_tls.scratch = scratch;
    atomic_signal_fence(memory_order_seq_cst); /* a handler sees the scratch whole, or not at all */
    hook_tls.generation = generation;
    return true;
}

static void take_up_after_jump(void)
{
    struct hook_scratch *scratch = hook_tls.scratch;
    /* Relaxed: the owner's alone to write, a tolerance to whoever reads it. */
    atomic_fetch_add_explicit(&scratch->place->left_hooks, 1, memory_order_relaxed);
    stack_forget(scratch->stack);
    site_init(&scratch->sites, scratch->head, scratch->place);
}

enum hook_way life_enter(bool is_after_jump, enum session_loss *ret_cause)
{
    uint32_t state = LIFE_NEW;
    *ret_cause = LOSS_EARLY;
    /* Acquire; pairs with the release in set_state(). */
    if (atomic_compare_exchange_strong_explicit(&life_page_now->state, &state, LIFE_BUSY,
                                                memory_order_acq_rel, memory_order_acquire)) {
        hook_guard_phase(HOOK_IN_REAL); /* dlsym and the like allocate: our doing, no event */
        start_process();
        hook_guard_phase(HOOK_IN_OURS);
        state = state_now();
    }
    if (state == LIFE_OFF) {
        return HOOK_PASS;
    }
    if (state != LIFE_READY) {
        *ret_cause = state == LIFE_BESIDE ? LOSS_BESIDE : LOSS_EARLY;
        return HOOK_EARLY;
    }
    if (!life_is_current() && !start_thread(link_head())) {
        *ret_cause = LOSS_NO_THREAD;
        return HOOK_EARLY;
    }
    if (is_after_jump) {
        take_up_after_jump();
    }
    return HOOK_RECORD;
}

void life_fork(void)
{
    struct session_head *head = link_head();
    if (head != NULL) {
        atomic_fetch_add_explicit(&head->forks_open, 1, memory_order_relaxed);
    }
}

void life_fork_failed(void)
{
    struct session_head *head = link_head();
    if (head != NULL) {
        atomic_fetch_sub_explicit(&head->forks_open, 1, memory_order_relaxed);
    }
}

void life_forked(void)
{
    struct session_head *parent = link_head();
    is_child_told = parent != NULL && state_now() == LIFE_NEW;
    if (hook_tls.guard_sp != 0 && parent != NULL && state_now() == LIFE_NEW) {
        link_part(parent);
    }
}

struct session_head *life_session(void)
{
    int host_errno = errno;
    uintptr_t *frame = __builtin_frame_address(0);
    const struct stack_at at = {.pc = frame[1], .sp = (uintptr_t)(frame + 2), .bp = frame[0]};
    enum hook_guard_result guard = life_is_off() ? HOOK_GUARD_INSIDE : hook_guard_enter(&at);
    if (guard <= HOOK_GUARD_ENTERED_STALE) {
        enum session_loss cause;
        (void)life_enter(guard == HOOK_GUARD_ENTERED_STALE, &cause);
        hook_guard_leave();
    }
    errno = host_errno;
    return state_now() == LIFE_READY ? link_head() : NULL;
}

/* Programs that never allocate are recorded as well; and the arguments, where /proc is missing. */
__attribute__((constructor)) static void begin(int argc, char **argv, char **envp)
{
    (void)envp;
    struct session_head *head = life_session();
    if (head != NULL && head->command_len == 0 && argc > 0) {
        note_command(head, argv[0], strnlen(argv[0], SESSION_COMMAND_BYTES - 1) + 1);
    }
}
