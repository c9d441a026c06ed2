/* A host that is watched while it runs: it says when it is up, and works as long as it is told. */
#include "cases.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { WARM_PAIRS = 80000, PAIRS = 200000 };

/* After the line it waits for one of standard input, and goes on. */
static int work_between(char **arguments)
{
    char line[2];
    (void)arguments;
    churn(500);
    tell("up\n");
    (void)!read(STDIN_FILENO, line, 1);
    churn(40000);
    tell("worked\n");
    (void)!read(STDIN_FILENO, line, 1);
    churn(40000);
    counts_tell();
    return 3;
}

/* The system call by its instruction: nobody between us and the kernel hears of it. */
static long quietly(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

/* From here on every system call but write and exit_group kills. */
static void forbid_calls(void)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof instructions / sizeof instructions[0], instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        quietly(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program) != 0) {
        _exit(77);
    }
}

/* What is known already costs no system call: one would kill. */
static int make_no_call(char **arguments)
{
    const struct rlimit none = {0};
    (void)arguments;
    setrlimit(RLIMIT_CORE, &none);
    churn(WARM_PAIRS);
    forbid_calls();
    churn(PAIRS);
    counts_tell();
    tell("not one\n");
    return 0;
}

/* The heap and the break are those of a process without a profiler. */
static int show_heap(char **arguments)
{
    (void)arguments;
    churn(1000);
    struct mallinfo2 info = mallinfo2();
    char line[128];
    snprintf(line, sizeof line, "heap: in use %zu, free %zu, arena %zu, mapped %zu\n",
             info.uordblks, info.fordblks, info.arena, info.hblkhd);
    tell(line);
    counts_tell();
    tell_seen();
    return 0;
}

/* What is mapped: files by their last name, and any page that is writable and executable. */
static int show_maps(char **arguments)
{
    static char maps[64 << 10];
    (void)arguments;
    churn(10);
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    for (ssize_t got; (got = read(fd, maps + len, sizeof maps - 1 - len)) > 0;) {
        len += (size_t)got;
    }
    close(fd);
    for (char *line = strtok(maps, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *name = strrchr(line, '/');
        tell(strstr(line, " rwx") != NULL ? "writable and executable: " : "maps ");
        tell(name == NULL ? "no file" : name + 1);
        tell("\n");
    }
    return 0;
}

static const struct target_case cases[] = {
    {"work", work_between},
    {"no_call", make_no_call},
    {"heap", show_heap},
    {"maps", show_maps},
};

int main(int argc, char **argv)
{
    (void)argc;
    return cases_run(cases, sizeof cases / sizeof cases[0], argv);
}
