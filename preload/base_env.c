#include "base_env.h"

#include "alloctrap/session.h"
#include "base_mem.h"
#include "base_sys.h"
#include "base_text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

bool env_is_there(void)
{
    return environ != NULL;
}

bool env_is_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}

static bool names(const char *assignment, const char *name)
{
    size_t len = strlen(name);
    return strncmp(assignment, name, len) == 0 && assignment[len] == '=';
}

const char *env_get(const char *name)
{
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        if (names(*at, name)) {
            return *at + strlen(name) + 1;
        }
    }
    return NULL;
}

static size_t count_all(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    return count;
}

bool env_set(const char *assignment)
{
    size_t count = count_all();
    char **fresh = mem_map((count + 2) * sizeof *fresh);
    if (fresh == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        fresh[i] = environ[i];
    }
    memcpy(&fresh[count], &assignment, sizeof assignment);
    environ = fresh; /* glibc hands main() what environ is by then */
    return true;
}

char **env_copy_clean(size_t *ret_bytes)
{
    size_t count = count_all();
    size_t bytes = (count + 1) * sizeof(char *);
    char **fresh = mem_map(bytes);
    if (fresh == NULL) {
        return NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!names(environ[i], "LD_PRELOAD") && !names(environ[i], SESSION_ENV)) {
            fresh[kept++] = environ[i];
        }
    }
    *ret_bytes = bytes;
    return fresh;
}

size_t env_read_file(const char *path, char *buffer, size_t room)
{
    long fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return 0;
    }
    size_t len = 0;
    while (len < room) {
        long got = sys_call3(SYS_read, fd, (long)(buffer + len), (long)(room - len));
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    sys_close(fd);
    return len;
}

void env_program_path(char *buffer, size_t room)
{
    long len = sys_call3(SYS_readlink, (long)"/proc/self/exe", (long)buffer, (long)room - 1);
    if (len <= 0) {
        buffer[0] = '?';
        len = 1;
    }
    buffer[len] = '\0';
}

void env_absolute(const char *path, char *buffer, size_t room)
{
    struct text text;
    text_init(&text, buffer, room);
    if (path[0] != '/') {
        long len = sys_call3(SYS_getcwd, (long)buffer, (long)room, 0); /* the NUL is counted */
        text.len = len > 1 ? (size_t)len - 1 : 0;
        text_add(&text, "/");
    }
    text_add(&text, path);
    if (text.is_cut && room > 4) {
        memcpy(buffer + room - 4, "...", 4);
    }
}

uint64_t env_random(void)
{
    uint64_t number = 0;
    if (sys_call3(SYS_getrandom, (long)&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
        struct timespec now = {0};
        (void)sys_call3(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
        memcpy(&number, (const void *)getauxval(AT_RANDOM), sizeof number); /* the kernel's */
        number ^= (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)sys_pid() << 20;
    }
    return number;
}
