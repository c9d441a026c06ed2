#include "link_session.h"

#include "base_clock.h"
#include "base_env.h"
#include "base_mem.h"
#include "base_sys.h"
#include "base_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum {
    PAGE_BYTES = 4096,
    ZERO_BYTES = PAGE_BYTES,
    NAME_BYTES = 64,
    LIMIT_SHARE = 16,    /* of a limited address space we take one part in so many */
    DISK_SHARE = 2,      /* of a small file system, too */
    BACK_TRIES_MAX = 64, /* a timer's signals may interrupt so many */
    STOCK_BYTES = 4 << 20,
    STOCK_MODULES = 64,
    MODULES_SHARE = 8, /* and of a small session the module table one in so many */
    FILE_MODE = 0600,
    UNSAFE_MODE = 077 /* what others may do with our files */
};

static const uint32_t map_sizes[] = {SESSION_MAP_BYTES, 64U << 20, 16U << 20, 8U << 20,
                                     4U << 20,          2U << 20,  1U << 20};
/* Backed at once: head, first paths, first thread's counters and ring; less where there is less. */
static const uint32_t first_sizes[] = {2U << 20, 512U << 10, 128U << 10, 64U << 10, 32U << 10};

struct link_session link_now;
static dev_t file_device; /* the session file's, to know it again by */
static ino_t file_inode;
static _Atomic uint64_t stocked_modules_bytes; /* of the module table, backed in advance */
static struct session_head *parted; /* link_part()'s copy, until the child has its own session */
static char dir_path[PATH_MAX];
static char file_path[PATH_MAX + NAME_BYTES];

/* A control file is plain, its maker is who we are, it has no second name, and nobody else may
 * write to it: no one but this user can have made it for us. */
static bool is_private(long fd)
{
    struct stat status;
    return sys_call3(SYS_fstat, fd, (long)&status, 0) == 0 && S_ISREG(status.st_mode) &&
           status.st_nlink == 1 && (status.st_mode & UNSAFE_MODE) == 0 &&
           status.st_uid == (uid_t)sys_call3(SYS_geteuid, 0, 0, 0);
}

static bool is_control(const struct session_control *control)
{
    return memcmp(control->magic, SESSION_CONTROL_MAGIC, sizeof control->magic) == 0 &&
           control->version == SESSION_VERSION && control->depth_max >= 1 &&
           control->depth_max <= SESSION_DEPTH_MAX;
}

static struct session_control *map_control(const char *path, struct link_error *reterr)
{
    /* O_NONBLOCK: a FIFO must not hold the host up. */
    long fd = sys_open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    reterr->advice = "start the program with: alloctrap record -- CMD";
    if (fd < 0) {
        reterr->why = "cannot open the session's control file";
        return NULL;
    }
    if (!is_private(fd)) {
        reterr->why = "the session's control file is not ours alone";
        sys_close(fd);
        return NULL;
    }
    char last;
    struct session_control *control = NULL;
    reterr->why = "the session's control file is damaged or of another version";
    reterr->advice = "use the library and the alloctrap program of one installation";
    if (sys_call6(SYS_pread64, fd, (long)&last, 1, sizeof *control - 1, 0, 0) == 1) {
        long at = sys_call6(SYS_mmap, 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        control = sys_is_error(at) ? NULL : (struct session_control *)at;
    }
    sys_close(fd);
    if (control != NULL && !is_control(control)) {
        mem_unmap(control, PAGE_BYTES);
        control = NULL;
    }
    return control;
}

bool link_join(const char *dir, struct link_error *reterr)
{
    struct text path;
    env_absolute(dir, dir_path, sizeof dir_path);
    text_init(&path, file_path, sizeof file_path);
    text_add(&path, dir_path);
    text_add(&path, "/" SESSION_CONTROL_NAME);
    link_now.control = map_control(file_path, reterr);
    return link_now.control != NULL;
}

const char *link_dir(void)
{
    return dir_path;
}

/* The kernel's struct linux_dirent64; libc's readdir() would allocate. */
struct dir_entry {
    uint64_t inode;
    int64_t next;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

static bool is_other_session(const char *name, const char *own_start)
{
    size_t len = strlen(name);
    size_t suffix = sizeof SESSION_SUFFIX - 1;
    return len > suffix && strcmp(name + len - suffix, SESSION_SUFFIX) == 0 &&
           strncmp(name, own_start, strlen(own_start)) != 0;
}

bool link_has_others(void)
{
    alignas(struct dir_entry) char entries[512];
    char own_start[NAME_BYTES];
    struct text own;
    text_init(&own, own_start, sizeof own_start);
    text_add_decimal(&own, sys_pid());
    text_add(&own, ".");
    long fd = sys_open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    bool has_others = false;
    long got;
    while (fd >= 0 && !has_others &&
           (got = sys_call3(SYS_getdents64, fd, (long)entries, sizeof entries)) > 0) {
        for (long at = 0; at < got;) {
            const struct dir_entry *entry = (const void *)(entries + at);
            has_others = has_others || is_other_session(entry->name, own_start);
            at += entry->bytes;
        }
    }
    if (fd >= 0) {
        sys_close(fd);
    }
    return has_others;
}

/* File systems without fallocate: written zeros are space as well. */
static bool write_zeros(long fd, uint64_t off, uint64_t bytes)
{
    static const char zeros[ZERO_BYTES];
    while (bytes > 0) {
        uint64_t part = bytes < ZERO_BYTES ? bytes : ZERO_BYTES;
        if (sys_call6(SYS_pwrite64, fd, (long)zeros, (long)part, (long)off, 0, 0) != (long)part) {
            return false;
        }
        off += part;
        bytes -= part;
    }
    return true;
}

static uint64_t limit_of(int resource)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)sys_call6(SYS_prlimit64, 0, resource, 0, (long)&limit, 0, 0);
    return limit.rlim_cur;
}

static bool back_open_file(long fd, uint64_t off, uint64_t bytes)
{
    if (off + bytes > limit_of(RLIMIT_FSIZE)) {
        return false; /* beyond it the kernel would send SIGXFSZ */
    }
    long result = -EINTR;
    for (int tries = 0; result == -EINTR && tries < BACK_TRIES_MAX; tries++) {
        result = sys_call6(SYS_fallocate, fd, 0, (long)off, (long)bytes, 0, 0);
    }
    if (result == -EOPNOTSUPP || result == -ENOSYS) {
        return write_zeros(fd, off, bytes);
    }
    return result == 0;
}

static void note_file(long fd)
{
    struct stat status = {0};
    (void)sys_call3(SYS_fstat, fd, (long)&status, 0);
    file_device = status.st_dev;
    file_inode = status.st_ino;
}

/* In another root the name may be another file's. Kept out of its caller's frame. */
__attribute__((noinline)) static bool is_same_file(long fd)
{
    struct stat status;
    return sys_call3(SYS_fstat, fd, (long)&status, 0) == 0 && status.st_dev == file_device &&
           status.st_ino == file_inode;
}

/* Before Linux 5.14: by the file's name, which must still be that of our file. */
static bool back_by_name(uint64_t off, uint64_t bytes)
{
    long fd = sys_open(file_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool is_backed = is_same_file(fd) && back_open_file(fd, off, bytes);
    sys_close(fd);
    return is_backed;
}

/* Acquire; pairs with the releases of backed_bytes: space counted as backed is backed. */
static bool is_in_stock(const struct session_head *head, uint64_t off, uint64_t bytes)
{
    return off + bytes <= atomic_load_explicit(&head->backed_bytes, memory_order_acquire) ||
           (off >= head->module_off &&
            off - head->module_off + bytes <=
                atomic_load_explicit(&stocked_modules_bytes, memory_order_acquire));
}

bool link_touch(struct session_head *head, uint64_t off, uint64_t bytes)
{
    long result = mem_populate(link_at(head, off), bytes);
    if (result == 0) {
        return true;
    }
    return is_in_stock(head, off, bytes) || (result == -EINVAL && back_by_name(off, bytes));
}

uint64_t link_reserve(struct session_head *head, uint64_t bytes)
{
    bytes = mem_round_up(bytes, SESSION_LINE);
    uint64_t off = atomic_load_explicit(&head->used_bytes, memory_order_relaxed);
    do {
        if (bytes > head->module_off - off) {
            return 0;
        }
        /* Relaxed: the counter hands out disjoint ranges, it publishes nothing. */
    } while (!atomic_compare_exchange_weak_explicit(&head->used_bytes, &off, off + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return off;
}

/* Where other space has been taken since, it stays taken. */
static void give_back(struct session_head *head, uint64_t off, uint64_t bytes)
{
    uint64_t used = off + mem_round_up(bytes, SESSION_LINE);
    (void)atomic_compare_exchange_strong_explicit(&head->used_bytes, &used, off,
                                                  memory_order_relaxed, memory_order_relaxed);
}

/* Taken before it is backed: threads that all begin at once would back the same space, and all but
 * one of them do so again for the next. */
uint64_t link_alloc(struct session_head *head, uint64_t bytes)
{
    uint64_t off = link_reserve(head, bytes);
    if (off == 0 ||
        off + bytes <= atomic_load_explicit(&head->backed_bytes, memory_order_acquire) ||
        link_touch(head, off, bytes)) {
        return off;
    }
    give_back(head, off, bytes); /* a full disk: a later try may succeed */
    return 0;
}

uint32_t link_modules_max(const struct session_head *head)
{
    uint64_t room = (head->map_bytes - head->module_off) / sizeof(struct session_module);
    return room < SESSION_MODULES_MAX ? (uint32_t)room : SESSION_MODULES_MAX;
}

void link_stock_up(struct session_head *head)
{
    uint64_t used = atomic_load_explicit(&head->used_bytes, memory_order_relaxed);
    uint64_t end = mem_round_up(used + STOCK_BYTES, PAGE_BYTES);
    end = end < head->module_off ? end : head->module_off;
    if (link_touch(head, 0, end)) {
        /* Release; pairs with the acquire in link_touch(). */
        atomic_store_explicit(&head->backed_bytes, end, memory_order_release);
    }
    uint64_t modules_bytes = STOCK_MODULES * sizeof(struct session_module);
    if (link_modules_max(head) >= STOCK_MODULES &&
        link_touch(head, head->module_off, modules_bytes)) {
        atomic_store_explicit(&stocked_modules_bytes, modules_bytes, memory_order_release);
    }
}

static void name_file(uint64_t id)
{
    struct text path;
    text_init(&path, file_path, sizeof file_path);
    text_add(&path, dir_path);
    text_add(&path, "/");
    text_add_decimal(&path, sys_pid());
    text_add(&path, ".");
    text_add_hex16(&path, id);
    text_add(&path, SESSION_SUFFIX);
}

static uint64_t free_bytes(long fd)
{
    struct statfs status;
    bool is_told = sys_call3(SYS_fstatfs, fd, (long)&status, 0) == 0 && status.f_blocks != 0;
    return is_told ? (uint64_t)status.f_bavail * (uint64_t)status.f_bsize : UINT64_MAX;
}

/* The host needs its address space more than we do, and the recording needs a place, too. */
static bool may_map(uint32_t bytes, bool is_smallest, uint64_t disk_bytes)
{
    return bytes <= limit_of(RLIMIT_FSIZE) &&
           (is_smallest ||
            (bytes <= limit_of(RLIMIT_AS) / LIMIT_SHARE && bytes <= disk_bytes / DISK_SHARE));
}

static struct session_head *map_file(long fd, uint64_t *ret_bytes)
{
    unsigned count = sizeof map_sizes / sizeof map_sizes[0];
    uint64_t disk_bytes = free_bytes(fd);
    for (unsigned i = 0; i < count; i++) {
        if (!may_map(map_sizes[i], i + 1 == count, disk_bytes) ||
            sys_call3(SYS_ftruncate, fd, map_sizes[i], 0) != 0) {
            continue;
        }
        long at = sys_call6(SYS_mmap, 0, map_sizes[i], PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (!sys_is_error(at)) {
            /* No read-ahead: there is nothing to read, and a process that allocates little would
             * pay most for pages that it never touches. */
            (void)sys_call3(SYS_madvise, at, map_sizes[i], MADV_RANDOM);
            *ret_bytes = map_sizes[i];
            return (struct session_head *)at;
        }
    }
    return NULL;
}

/* How much of the file's start is backed; 0 when not even the head fits on the disk. */
static uint64_t back_start(long fd, uint64_t map_bytes)
{
    for (unsigned i = 0; i < sizeof first_sizes / sizeof first_sizes[0]; i++) {
        if (first_sizes[i] <= map_bytes / 4 && back_open_file(fd, 0, first_sizes[i])) {
            return first_sizes[i];
        }
    }
    return 0;
}

static uint64_t pid_namespace(void)
{
    struct stat status;
    long result =
        sys_call6(SYS_newfstatat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)&status, 0, 0, 0);
    return result == 0 ? status.st_ino : 0;
}

static void fill_head(struct session_head *head, uint64_t id, uint64_t bytes, uint64_t backed_bytes)
{
    memcpy(head->magic, SESSION_MAGIC, sizeof head->magic);
    head->version = SESSION_VERSION;
    head->pid = sys_pid();
    head->ppid = (uint32_t)sys_call3(SYS_getppid, 0, 0, 0);
    head->call_count = CALL_COUNT;
    head->id = id;
    head->pid_namespace = pid_namespace();
    head->start_ns = clock_monotonic_ns();
    head->start_realtime_ns = clock_realtime_ns();
    head->map_bytes = bytes;
    head->clock = link_now.control->clock;
    uint64_t modules = sizeof(struct session_module) * SESSION_MODULES_MAX;
    modules = modules < bytes / MODULES_SHARE ? modules : bytes / MODULES_SHARE;
    head->module_off = (bytes - modules) & ~(uint64_t)(PAGE_BYTES - 1);
    atomic_store_explicit(&head->backed_bytes, backed_bytes, memory_order_relaxed);
    atomic_store_explicit(&head->used_bytes, mem_round_up(sizeof *head, SESSION_LINE),
                          memory_order_relaxed);
    atomic_store_explicit(&head->node_count, 1, memory_order_relaxed); /* the root */
    for (unsigned call = 0; call < CALL_COUNT; call++) {
        head->early[call].call = (uint8_t)call;
    }
}

static void inherit(struct session_head *head, const struct session_head *parent)
{
    head->origin = SESSION_BY_FORK;
    head->parent_id = parent->id;
    head->command_len = parent->command_len;
    memcpy(head->command, parent->command, sizeof head->command);
    memcpy(head->allocator, parent->allocator, sizeof head->allocator);
}

struct session_head *link_make(const struct session_head *parent, struct link_error *reterr)
{
    uint64_t id = env_random();
    name_file(id);
    long fd = sys_open(file_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        reterr->why = "cannot make a session file in the session directory";
        reterr->advice = "check that the directory is there and writable";
        return NULL;
    }
    (void)sys_call3(SYS_fchmod, fd, FILE_MODE, 0); /* whatever the host's umask takes away */
    uint64_t bytes = 0;
    struct session_head *head = map_file(fd, &bytes);
    uint64_t backed_bytes = head == NULL ? 0 : back_start(fd, bytes);
    if (backed_bytes == 0) {
        reterr->why = "no room for the session file";
        reterr->advice = "free 1 MiB of disk space, or raise ulimit -f and -v";
        if (parent != NULL) { /* its calls count in its parent's; else the empty file tells of it */
            (void)sys_call3(SYS_unlink, (long)file_path, 0, 0);
        } else {
            (void)sys_call3(SYS_ftruncate, fd, 0, 0);
        }
        mem_unmap(head, bytes);
        sys_close(fd);
        return NULL;
    }
    note_file(fd);
    atomic_store_explicit(&stocked_modules_bytes, 0, memory_order_relaxed);
    sys_close(fd);
    (void)mem_populate(head, sizeof *head);
    fill_head(head, id, bytes, backed_bytes);
    if (parent != NULL) {
        inherit(head, parent);
    }
    return head;
}

void link_publish(struct session_head *head)
{
    atomic_store_explicit(&link_now.head, head, memory_order_release);
    /* Release; pairs with the recorder's acquire: it reads a head only once that is READY. */
    atomic_store_explicit(&head->state, SESSION_READY, memory_order_release);
}

void link_part(struct session_head *head)
{
    uint64_t bytes = head->map_bytes;
    long fd = sys_open(file_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    /* An old size of 0 maps the same memory a second time. */
    long again = fd >= 0 && is_same_file(fd)
                     ? sys_call6(SYS_mremap, (long)head, 0, (long)bytes, MREMAP_MAYMOVE, 0, 0)
                     : -ENOENT;
    if (!sys_is_error(again)) {
        atomic_store_explicit(&link_now.head, (struct session_head *)again, memory_order_release);
        (void)sys_call6(SYS_mmap, (long)head, (long)bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, 0);
        parted = head;
    }
    if (fd >= 0) {
        sys_close(fd);
    }
}

void link_drop(struct session_head *head)
{
    if (parted != NULL) {
        mem_unmap(parted, parted->map_bytes);
        parted = NULL;
    }
    if (head != NULL) {
        mem_unmap(head, head->map_bytes);
    }
}
