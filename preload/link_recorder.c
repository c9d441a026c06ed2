#include "link_recorder.h"

#include "base_clock.h"
#include "base_env.h"
#include "base_mem.h"
#include "base_sys.h"
#include "base_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILD_STACK_BYTES = 64 << 10,
    NAME_TRIES = 100,
    PROGRAM_BYTES = 64,
    PAGE_BYTES = 4096,
    SIGNALS_MAX = 64
};

/* What the two children read; they share our memory until the recorder's exec. */
struct launch {
    const char *program;
    const char *const *arguments;
    char **environment;
    char *stack_end; /* of the second child */
    int exec_result;
};

static char session_setting[sizeof SESSION_ENV + PATH_MAX]; /* "ALLOCTRAP_SESSION=DIR" */
static char recording_name[NAME_MAX + 1];
static char recorder_path[PATH_MAX + 64];

static void add_program_name(struct text *name)
{
    char path[256];
    env_program_path(path, sizeof path);
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    for (size_t i = 0; base[i] != '\0' && i < PROGRAM_BYTES; i++) {
        bool is_plain =
            base[i] > ' ' && base[i] < 127 && strchr("*?\"'\\$`;&|<>:", base[i]) == NULL;
        text_add_bytes(name, is_plain ? &base[i] : "_", 1);
    }
}

/* The try'th name: alloctrap.PROGRAM.PID.atrap, then .2.atrap and so on. */
static void name_recording(unsigned attempt)
{
    struct text name;
    text_init(&name, recording_name, sizeof recording_name);
    text_add(&name, "alloctrap.");
    add_program_name(&name);
    text_add(&name, ".");
    text_add_decimal(&name, sys_pid());
    if (attempt > 1) {
        text_add(&name, ".");
        text_add_decimal(&name, attempt);
    }
    text_add(&name, ".atrap");
}

static char *session_dir(void)
{
    return session_setting + sizeof SESSION_ENV;
}

static bool make_dir(void)
{
    memcpy(session_setting, SESSION_ENV "=", sizeof SESSION_ENV "=");
    for (unsigned attempt = 1; attempt <= NAME_TRIES; attempt++) {
        char name[NAME_MAX + 16];
        struct text text;
        name_recording(attempt);
        text_init(&text, name, sizeof name);
        text_add(&text, recording_name);
        text_add(&text, SESSION_SUFFIX);
        env_absolute(name, session_dir(), sizeof session_setting - sizeof SESSION_ENV);
        long result = sys_call3(SYS_mkdir, (long)session_dir(), 0700, 0);
        if (result == 0) {
            return true;
        }
        if (result != -EEXIST) {
            return false;
        }
    }
    return false;
}

static bool write_control(void)
{
    union {
        struct session_control control;
        char page[PAGE_BYTES];
    } *image = mem_map(sizeof *image);
    if (image == NULL) {
        return false;
    }
    struct session_control *control = &image->control;
    memcpy(control->magic, SESSION_CONTROL_MAGIC, sizeof control->magic);
    control->version = SESSION_VERSION;
    control->depth_max = SESSION_DEPTH_MAX;
    control->latency_on = true;
    control->causes_on = true;
    control->free_stacks_on = true;
    control->on_full = SESSION_FULL_WAIT;
    control->follow_on = true;
    control->stacks_by = SESSION_STACKS_WALK;
    clock_calibrate(&control->clock);
    struct text path;
    text_init(&path, recorder_path, sizeof recorder_path);
    text_add(&path, session_dir());
    text_add(&path, "/" SESSION_CONTROL_NAME);
    long fd = sys_open(recorder_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_written =
        fd >= 0 && sys_call3(SYS_write, fd, (long)image, sizeof *image) == (long)sizeof *image;
    if (fd >= 0) {
        sys_close(fd);
    }
    mem_unmap(image, sizeof *image);
    return is_written;
}

static bool is_program(const char *path)
{
    return sys_call3(SYS_access, (long)path, X_OK, 0) == 0;
}

/* The recorder beside this library: as installed, or as built. */
static bool find_recorder(void)
{
    static const char *const places[] = {ALLOCTRAP_RECORDER_INSTALLED, ALLOCTRAP_RECORDER_BUILT};
    struct dl_find_object object;
    if (_dl_find_object(&link_now, &object) != 0) {
        return false;
    }
    static char own[PATH_MAX]; /* static: a host's stack may be small */
    env_absolute(object.dlfo_link_map->l_name, own, sizeof own);
    char *slash = strrchr(own, '/');
    *slash = '\0';
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct text path;
        text_init(&path, recorder_path, sizeof recorder_path);
        if (places[i][0] != '/') {
            text_add(&path, own);
            text_add(&path, "/");
        }
        text_add(&path, places[i]);
        if (is_program(recorder_path)) {
            return true;
        }
    }
    return false;
}

static void default_signals(void)
{
    struct {
        long handler;
        long flags;
        long restorer;
        uint64_t mask;
    } by_default = {0};
    uint64_t none = 0;
    for (int number = 1; number <= SIGNALS_MAX; number++) {
        (void)sys_call6(SYS_rt_sigaction, number, (long)&by_default, 0, sizeof none, 0, 0);
    }
    (void)sys_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none, 0, 0);
}

/* Standard input and output go to /dev/null: a pipe of the host's must end when the host ends. */
static void default_descriptors(void)
{
    long null = sys_open("/dev/null", O_RDWR, 0);
    (void)sys_call3(SYS_dup2, null, 0, 0);
    (void)sys_call3(SYS_dup2, null, 1, 0);
    (void)sys_call3(SYS_close_range, 3, ~0U, 0);
}

static int run_recorder(void *context)
{
    struct launch *launch = context;
    (void)sys_call3(SYS_setsid, 0, 0, 0);
    default_signals();
    default_descriptors();
    launch->exec_result = (int)sys_call3(SYS_execve, (long)launch->program, (long)launch->arguments,
                                         (long)launch->environment);
    (void)sys_call3(SYS_exit, 127, 0, 0);
    return 127;
}

static int run_between(void *context)
{
    struct launch *launch = context;
    if (clone(run_recorder, launch->stack_end, CLONE_VM | CLONE_VFORK, launch) < 0) {
        launch->exec_result = -errno;
    }
    (void)sys_call3(SYS_exit, 0, 0, 0);
    return 0;
}

static bool launch_with_stacks(struct launch *launch, char *stacks)
{
    uint64_t all = UINT64_MAX;
    uint64_t before;
    launch->stack_end = stacks + CHILD_STACK_BYTES;
    (void)sys_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, sizeof all, 0, 0);
    long child = clone(run_between, stacks + 2 * CHILD_STACK_BYTES, CLONE_VM | CLONE_VFORK, launch);
    if (child > 0) {
        (void)sys_call6(SYS_wait4, child, 0, __WCLONE, 0, 0, 0); /* no signal can interrupt it */
    }
    (void)sys_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof all, 0, 0);
    return child > 0 && launch->exec_result == 0;
}

static bool launch_recorder(void)
{
    char pid[24];
    struct text text;
    text_init(&text, pid, sizeof pid);
    text_add_decimal(&text, sys_pid());
    const char *const arguments[] = {"alloctrap", "attach", "--session",    session_dir(), "--pid",
                                     pid,         "-o",     recording_name, NULL};
    size_t environment_bytes = 0;
    struct launch launch = {.program = recorder_path,
                            .arguments = arguments,
                            .environment = env_copy_clean(&environment_bytes)};
    char *stacks = mem_map(2 * CHILD_STACK_BYTES);
    bool is_launched =
        launch.environment != NULL && stacks != NULL && launch_with_stacks(&launch, stacks);
    mem_unmap(launch.environment, environment_bytes);
    mem_unmap(stacks, 2 * CHILD_STACK_BYTES);
    return is_launched;
}

static void remove_dir(void)
{
    struct text path;
    text_init(&path, recorder_path, sizeof recorder_path);
    text_add(&path, session_dir());
    text_add(&path, "/" SESSION_CONTROL_NAME);
    (void)sys_call3(SYS_unlink, (long)recorder_path, 0, 0);
    (void)sys_call3(SYS_rmdir, (long)session_dir(), 0, 0);
}

const char *link_recorder_start(struct link_error *reterr)
{
    reterr->advice = "change to a directory that you may write to";
    if (!make_dir()) {
        reterr->why = "cannot make a session directory here";
        return NULL;
    }
    if (!write_control()) {
        reterr->why = "cannot write the session's control file";
        remove_dir();
        return NULL;
    }
    if (!find_recorder() || !launch_recorder()) {
        reterr->why = "cannot start the alloctrap program";
        reterr->advice = "install it beside the library, or start with: alloctrap record -- CMD";
        remove_dir();
        return NULL;
    }
    (void)env_set(session_setting);
    return session_dir();
}
