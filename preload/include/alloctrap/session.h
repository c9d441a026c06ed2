/*
 * session - the layout of the memory that one host process and its recorder share.
 *
 * A session directory (0700) belongs to one recording:
 *   control              struct session_control: settings, clock, the recorder's heartbeat.
 *                        Written by whoever makes the directory, before any host reads it.
 *   <pid>.<16 hex>.session   struct session_head and all it refers to; one file for each process
 *                        image (a fork, an exec: a file each), made O_EXCL 0600 by the shim.
 * The directory's absolute path is in the environment as ALLOCTRAP_SESSION; children inherit it.
 *
 * A session file is one sparse mapping of head.map_bytes. Space is handed out by a bump counter
 * (head.used_bytes, 64-byte steps) and backed (fallocate() for the start, then
 * MADV_POPULATE_WRITE, which needs no descriptor) before it is touched, so that a full disk refuses
 * space instead of raising SIGBUS. Offsets are from the file's start; 0 = none.
 *
 * Everything here is little-endian, fixed width, explicitly padded. The analyzer treats it all as
 * hostile: each offset and count is checked against map_bytes before use.
 */
#ifndef ALLOCTRAP_SESSION_H
#define ALLOCTRAP_SESSION_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hook_table.h"
#include "loglin.h"

#define SESSION_ENV "ALLOCTRAP_SESSION"
#define SESSION_CONTROL_NAME "control"
#define SESSION_SUFFIX ".session"
#define SESSION_MAGIC "ATRAPSES"
#define SESSION_CONTROL_MAGIC "ATRAPCTL"

enum {
    SESSION_VERSION = 1,
    SESSION_LINE = 64, /* a cache line; what two sides write never shares one */
    SESSION_MAP_BYTES = 256 << 20,
    SESSION_THREADS_MAX = 1024,
    SESSION_MODULES_MAX = 2048,
    SESSION_COMMAND_BYTES = 4096,
    SESSION_PATH_BYTES = 512,
    SESSION_BUILD_ID_BYTES = 20,
    SESSION_DEPTH_MAX = 512,
    SESSION_NODE_CHUNKS = 24, /* chunk k holds SESSION_NODE_CHUNK_FIRST << k nodes */
    SESSION_NODE_CHUNK_FIRST = 1024,
    SESSION_NODE_INDEXES = 8, /* index level k has SESSION_NODE_INDEX_FIRST << (2 k) slots */
    SESSION_NODE_INDEX_FIRST = 4096,
    SESSION_ROW_CHUNKS = 20, /* chunk k holds SESSION_ROW_CHUNK_FIRST << k rows */
    SESSION_ROW_CHUNK_FIRST = 128
};

/*
 * Why something was not recorded. Appended, never moved. Unit: events that no ring holds (so events
 * seen + lost = allocs + frees + failed of all rows); but PATHS_FULL and ROWS_FULL count calls,
 * whose events are in the ring, MODULES_FULL counts libraries, NO_SESSION processes and NOTES marks
 * and the like. BESIDE: the process had no right or room for a session of its own (after a chroot,
 * as another user, behind a filter of system calls); its calls are in the early rows of its
 * parent's.
 */
#define SESSION_LOSS_TABLE(X)                                                                      \
    X(RING_FULL, "ring full", "the recorder did not keep up; totals are exact")                    \
    X(NO_RING, "no ring", "no session memory for this thread's events; totals are exact")          \
    X(NO_THREAD, "no thread slot",                                                                 \
      "no place for a thread (over 1,024, or filtered); totals exact")                             \
    X(NESTED, "nested", "calls from a signal handler inside a hook; totals are exact")             \
    X(EARLY, "early", "calls before the session existed; totals are exact")                        \
    X(PATHS_FULL, "paths full", "call paths beyond the table; counted as the remainder")           \
    X(ROWS_FULL, "sites full", "call sites beyond the table; counted as the remainder")            \
    X(MODULES_FULL, "modules full", "libraries beyond the table; their frames have no name")       \
    X(NO_SESSION, "no session", "a forked process could not make its session: not recorded")       \
    X(BESIDE, "no own session", "calls of forked processes, counted with their parent's")          \
    X(NOTES, "notes", "marks and phases beyond the table or without room; windows are incomplete")

enum session_loss {
#define SESSION_LOSS_ROW(id, name, text) LOSS_##id,
    SESSION_LOSS_TABLE(SESSION_LOSS_ROW)
#undef SESSION_LOSS_ROW
        LOSS_COUNT
};

enum session_clock_kind { SESSION_CLOCK_MONOTONIC = 0, SESSION_CLOCK_TSC = 1 };

/* How hooks turn the clock's ticks into ns of CLOCK_MONOTONIC:
 * ns = base_ns + ((ticks - base_ticks) * mult >> 32), 128-bit product. MONOTONIC: mult unused. */
struct session_clock {
    uint32_t kind;
    uint32_t pad;
    uint64_t base_ticks;
    uint64_t base_ns;
    uint64_t mult;    /* ns per tick, 32.32 fixed point */
    uint64_t cost_ns; /* what one reading costs, 1/1000 ns: reports subtract it */
};

enum session_recorder_state {
    SESSION_RECORDER_NONE = 0,    /* started soon, or never */
    SESSION_RECORDER_RUNNING = 1, /* draining; beat_ns moves */
    SESSION_RECORDER_CLOSED = 2   /* finished: hosts stop recording for good */
};

enum session_on_full { SESSION_FULL_WAIT = 0, SESSION_FULL_DROP = 1 };

/* The control file: exactly one page. */
struct session_control {
    char magic[8];
    uint32_t version;
    uint32_t depth_max; /* frames kept, innermost; 1..SESSION_DEPTH_MAX */
    uint8_t latency_on; /* false: no clock is read around calls but once for the stamp */
    uint8_t free_stacks_on;
    uint8_t on_full;    /* enum session_on_full */
    uint8_t follow_on;  /* children are recorded too */
    uint8_t stacks_by;  /* enum session_stacks_by */
    uint8_t no_command; /* arguments of programs are left out; their names stay */
    uint8_t causes_on;  /* the kernel is asked what slow calls met; needs latency_on */
    uint8_t pad0[1];
    uint32_t pad1[2];
    struct session_clock clock;
    uint8_t pad2[48];
    alignas(SESSION_LINE) _Atomic uint32_t recorder_state; /* written by the recorder alone */
    uint32_t recorder_pid;
    _Atomic uint64_t beat_ns; /* CLOCK_MONOTONIC, stored at least every 100 ms */
    uint8_t pad3[48];
};

enum session_stacks_by {
    SESSION_STACKS_WALK = 0,    /* the verified walk */
    SESSION_STACKS_UNWIND = 1,  /* libunwind for each stack: slow, the oracle itself */
    SESSION_STACKS_COMPARE = 2, /* both, and differences are counted */
    SESSION_STACKS_NONE = 3     /* the innermost return address alone */
};

/* One node of the call-path tree. Id = index; id 0 is the root (no frame). Immutable once its id
 * has been published (release on the index slot or on the counter row that names it). */
struct session_node {
    uint64_t addr;   /* return address, absolute */
    uint32_t parent; /* the caller's node; always below this id */
    uint32_t epoch;  /* that of its module's entry: addr means that module, not what came later */
    uint32_t depth;  /* frames from the root, 1 = outermost */
    uint32_t flags;  /* enum session_node_flag */
};

enum session_node_flag {
    SESSION_NODE_EXACT_PC =
        1, /* addr is the instruction itself (above a signal frame), not a return address */
    SESSION_NODE_CUT =
        2, /* the walk ended here before the outermost frame: depth limit or no rule */
    SESSION_NODE_GUESSED = 4 /* found by the frame-pointer chain, not by unwind tables */
};

/* A library or executable, noted when the first frame in it is seen at this place; `epoch` is the
 * one of that moment. The same object back at the same place is the same entry. */
struct session_module {
    uint64_t start; /* first and one past the last mapped address */
    uint64_t end;
    uint64_t bias; /* load address minus link address: file-relative address = addr - bias */
    uint32_t epoch;
    uint8_t build_id_len;
    uint8_t pad[3];
    uint8_t build_id[SESSION_BUILD_ID_BYTES];
    uint32_t pad1;
    char path[SESSION_PATH_BYTES]; /* NUL-terminated; cut names end in "..." */
};

/* Exact counters of one call path and function in one thread (a cache line). Written in place by
 * the owning thread with plain relaxed stores; never lost. */
struct session_row {
    uint32_t path; /* node id; 0 = the remainder (no room), or a free with free stacks off */
    uint8_t call;  /* enum hook_call */
    uint8_t pad[3];
    _Atomic uint64_t calls;  /* returned calls, failed ones included */
    _Atomic uint64_t allocs; /* blocks begun */
    _Atomic uint64_t frees;  /* blocks ended; free(NULL) ends none */
    _Atomic uint64_t failed; /* calls that should have returned a block and did not */
    _Atomic uint64_t bytes;  /* requested, of blocks begun */
    _Atomic uint64_t ns;     /* time inside the real function */
    _Atomic uint64_t ns_max;
};

/*
 * One event in a ring: four words. Rings hold calls that begin a block, end one, or fail;
 * free(NULL) does neither, is counted in its row's calls alone and makes no event. stamp_ns  ns of
 * CLOCK_MONOTONIC: a free's start, an allocation's or a failed call's end word1     address, low 48
 * bits | latency code << 48 (loglin of ns; 0 when latency is off) word2     requested size,
 * saturating at 2^48 - 1 | call << 48 | flags << 56 word3     path node | (host stack pointer at
 * the call, >> 4, low 32 bits) << 32 A successful realloc of a block is two events, published
 * together: SESSION_EVENT_OLD (the old address, stamped at the start, size and latency 0), then the
 * new block (stamped at the end). realloc(block, 0) that freed is one event, OLD | NULL: a free
 * stamped at the start, with the call's latency. A failed realloc is one event, FAILED, with the
 * address of the block that stays.
 */
struct session_event {
    uint64_t stamp_ns;
    uint64_t word1;
    uint64_t word2;
    uint64_t word3;
};

enum session_event_flag {
    SESSION_EVENT_OLD = 1,    /* the end of a realloc's old block */
    SESSION_EVENT_FAILED = 2, /* returned no block (or an error) */
    SESSION_EVENT_NULL = 4,   /* with OLD: no new block follows, as in realloc(block, 0) */
    SESSION_EVENT_THREAD = 8, /* no call: a new thread (address = tid) took over this slot */
    SESSION_EVENT_NOTE = 16,  /* no call: the program says something (address = index of its name
                                 in head.notes, size = enum session_note, word3 = head.units then) */
    SESSION_EVENT_USAGE = 32  /* no call: what the call that comes next met (session_usage) */
};

/* A call that takes so long is slow: it arms its place for measuring. Above what the machine itself
 * takes from a call (an interrupt, some us); an involuntary switch costs more. */
enum { SESSION_SLOW_NS = 10000 };

/*
 * What the kernel counted for a thread within one slow call. As an event, before the call's own
 * (and before the OLD half of a realloc), with its stamp, path, call and latency; in word1's low 48
 * bits the requested size, or of a free the address; in word2's the page faults, minor in the low
 * 24 bits and major above; in word3's high half the switches, voluntary in the low 16 bits. Each
 * saturates.
 */
struct session_usage {
    uint32_t minor_faults;
    uint32_t major_faults; /* waited for a file or for swap */
    uint32_t voluntary;    /* switches because it waited */
    uint32_t involuntary;  /* switches because another one was to run */
};

/* What a program tells by alloctrap.h, at a moment of the thread that tells it. */
enum session_note {
    SESSION_NOTE_MARK = 1, /* of all threads; the others are the thread's own */
    SESSION_NOTE_PHASE_BEGIN = 2,
    SESSION_NOTE_PHASE_END = 3,
    SESSION_NOTE_PAUSE = 4,
    SESSION_NOTE_RESUME = 5,
    SESSION_NOTE_FORBID_BEGIN = 6,
    SESSION_NOTE_FORBID_END = 7
};

enum { SESSION_NOTES_MAX = 64, SESSION_NOTE_BYTES = 32 };

/* A name that notes use, written once. */
struct session_note_name {
    _Atomic uint32_t is_ready; /* release, after name; pairs with the reader's acquire */
    uint32_t pad;
    char name[SESSION_NOTE_BYTES]; /* NUL-terminated */
};

#define SESSION_LOW48 ((UINT64_C(1) << 48) - 1)

/* PURE. */
static inline uint64_t session_event_addr(const struct session_event *e)
{
    return e->word1 & SESSION_LOW48;
}
/* PURE. */
static inline uint16_t session_event_latency(const struct session_event *e)
{
    return (uint16_t)(e->word1 >> 48);
}
/* PURE. */
static inline uint64_t session_event_size(const struct session_event *e)
{
    return e->word2 & SESSION_LOW48;
}
/* PURE. */
static inline uint8_t session_event_call(const struct session_event *e)
{
    return (uint8_t)(e->word2 >> 48);
}
/* PURE. */
static inline uint8_t session_event_flags(const struct session_event *e)
{
    return (uint8_t)(e->word2 >> 56);
}
static inline uint64_t session_usage_bits(uint64_t count, unsigned bits)
{
    uint64_t most = (UINT64_C(1) << bits) - 1;
    return count < most ? count : most;
}
/* PURE. The faults, for word2's low 48 bits. */
static inline uint64_t session_usage_faults(const struct session_usage *usage)
{
    return session_usage_bits(usage->minor_faults, 24) | session_usage_bits(usage->major_faults, 24)
                                                             << 24;
}
/* PURE. The switches, for word3's high half. */
static inline uint32_t session_usage_switches(const struct session_usage *usage)
{
    return (uint32_t)(session_usage_bits(usage->voluntary, 16) |
                      session_usage_bits(usage->involuntary, 16) << 16);
}
/* PURE. */
static inline struct session_usage session_usage_of(uint64_t faults, uint32_t switches)
{
    return (struct session_usage){.minor_faults = faults & 0xffffff,
                                  .major_faults = faults >> 24 & 0xffffff,
                                  .voluntary = switches & 0xffff,
                                  .involuntary = switches >> 16};
}
/* PURE. */
static inline uint32_t session_event_path(const struct session_event *e)
{
    return (uint32_t)e->word3;
}
/* PURE. */
static inline uint32_t session_event_sp(const struct session_event *e)
{
    return (uint32_t)(e->word3 >> 32);
}

/*
 * A thread's place: its counters and its ring. Owned by the thread whose tid stands in it; when
 * that thread is gone a new one may take the place over as it is (counters go on, ring goes on).
 */
struct session_thread {
    _Atomic uint32_t tid;        /* 0 = never used */
    _Atomic uint32_t generation; /* +1 for each new owner */
    _Atomic uint32_t left_hooks; /* left by a jump: their event may be counted and in no ring */
    uint32_t pad0;
    _Atomic uint64_t ring_off;    /* array of ring_events struct session_event; 0 = no ring */
    _Atomic uint32_t ring_events; /* a power of two; published by ring_off (release) */
    _Atomic uint32_t row_count;   /* published rows (release); chunk offsets before it */
    _Atomic uint64_t row_chunk_off[SESSION_ROW_CHUNKS];
    /* The owner's hash of rows; private to the shim, kept for take-over: its offset, a line's
     * multiple, and below it the logarithm of its slots, so that one store puts both. 0: none. */
    _Atomic uint64_t index;
    uint64_t pad1;
    uint64_t private_ptr; /* the owner's scratch memory, an address in the host; shim only */
    _Atomic uint64_t lost[LOSS_COUNT];
    /* The remainder: calls that found no path or row, and nested ones; path is 0. Signal-safe adds.
     */
    struct session_row rest[CALL_COUNT];
    alignas(SESSION_LINE) _Atomic uint64_t ring_head; /* events read; the recorder writes */
    alignas(
        SESSION_LINE) _Atomic uint64_t ring_tail;  /* events written; the owner writes, release */
    alignas(SESSION_LINE) uint64_t ring_head_seen; /* the owner's copy of ring_head */
};

enum session_state { SESSION_SETTING_UP = 0, SESSION_READY = 1, SESSION_CLOSED = 2 };

enum session_origin { SESSION_BY_START = 0, SESSION_BY_FORK = 1 };

struct session_head {
    char magic[8];
    uint32_t version;
    _Atomic uint32_t state; /* READY (release) after all below is set; CLOSED = shim disarmed */
    uint32_t pid;
    uint32_t ppid;
    uint32_t origin;     /* enum session_origin: a program's start (exec), or a fork without exec */
    uint32_t call_count; /* CALL_COUNT of the shim that wrote it */
    uint64_t id;         /* random, also in the file's name */
    uint64_t parent_id;  /* BY_FORK: the forking process's session */
    uint64_t start_ns;   /* CLOCK_MONOTONIC */
    uint64_t start_realtime_ns;
    uint64_t pid_namespace; /* inode of the namespace that pid is a number of; 0 = unknown */
    uint64_t map_bytes;
    struct session_clock clock;
    alignas(SESSION_LINE) _Atomic uint64_t used_bytes; /* bump allocator */
    _Atomic uint64_t backed_bytes; /* all below is backed; above, each piece as it is taken */
    _Atomic uint32_t epoch;        /* +1 after each dlclose that unmapped something */
    _Atomic uint32_t module_count;
    uint64_t module_off;         /* struct session_module, at most SESSION_MODULES_MAX, up to the
                                    map's end; backed as used */
    _Atomic uint32_t node_count; /* ids handed out, root included */
    _Atomic uint32_t node_index_level;
    _Atomic uint64_t node_chunk_off[SESSION_NODE_CHUNKS];
    _Atomic uint64_t
        node_index_off[SESSION_NODE_INDEXES]; /* arrays of _Atomic uint32_t; shim only */
    _Atomic uint32_t thread_count;            /* places ever used; offsets below it are set */
    _Atomic uint32_t stacks_compared;
    _Atomic uint32_t stacks_different;
    _Atomic uint32_t forks_open; /* forked children, by libc, that have no session of their own yet:
                                    they may come to count here when the process is gone */
    _Atomic uint64_t lost[LOSS_COUNT]; /* losses that belong to no thread */
    _Atomic uint64_t thread_off[SESSION_THREADS_MAX];
    struct session_row early[CALL_COUNT]; /* calls before the session or without a place; path 0 */
    uint32_t command_len;                 /* bytes in command, arguments each NUL-terminated */
    uint32_t pad1;
    char command[SESSION_COMMAND_BYTES];
    char allocator[SESSION_PATH_BYTES]; /* the object that serves the calls below us */
    /* Work done, as the program told by alloctrap_units(); added up. name empty = it told none. */
    _Atomic uint64_t units;
    char unit_name[32];          /* "line"; NUL-terminated; as first told */
    _Atomic uint32_t note_count; /* places in notes that were taken; may be beyond its end */
    uint32_t pad2;
    struct session_note_name notes[SESSION_NOTES_MAX];
};

_Static_assert(sizeof(struct session_event) == 32, "an event is half a cache line");
_Static_assert(sizeof(struct session_row) == 64, "a row is a cache line");
_Static_assert(sizeof(struct session_node) == 24, "node layout");
_Static_assert(sizeof(struct session_control) == 192, "control layout");
_Static_assert(sizeof(struct session_module) == 568, "module layout");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4, "plain atomics");

/* PURE. Which chunk holds item `id` of a table whose chunk k has first << k items, and where. */
static inline unsigned session_chunk_of(uint32_t id, uint32_t first, uint32_t *ret_within)
{
    uint64_t n = (uint64_t)id / first + 1;
    unsigned chunk = 63U - (unsigned)__builtin_clzll(n);
    *ret_within = id - first * ((1U << chunk) - 1U);
    return chunk;
}

#endif
