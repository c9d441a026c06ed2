/*
 * base_env - the host's environment and arguments, read without getenv's lock.
 * Owner:   the host. env_set() alone changes it, once, before main.   Errno: never touched.
 */
#ifndef ALLOCTRAP_BASE_ENV_H
#define ALLOCTRAP_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* COLD. False while libc has not set environ yet. */
bool env_is_there(void);
/* COLD. The process runs with raised privileges: nothing from outside may steer us. */
bool env_is_secure(void);
/* COLD. NULL when not set. */
const char *env_get(const char *name);
/* COLD. Gives main() and children a new environ array, in our own memory, with one variable more.
 * assignment ("NAME=value") must live as long as the process. */
bool env_set(const char *assignment);
/* COLD. A copy of the environment without LD_PRELOAD and the variables of ours, for the recorder;
 * NULL when memory is refused. Freed by mem_unmap() of *ret_bytes. */
char **env_copy_clean(size_t *ret_bytes);

/* COLD. A file's first bytes; their count, 0 on any failure. */
size_t env_read_file(const char *path, char *buffer, size_t room);
/* COLD. The program's file, absolute, NUL-terminated; "?" when /proc is missing. */
void env_program_path(char *buffer, size_t room);
/* COLD. A path made absolute by the working directory; cut names end in "...". */
void env_absolute(const char *path, char *buffer, size_t room);
/* COLD. 64 bits that nobody can guess. */
uint64_t env_random(void);

#endif
