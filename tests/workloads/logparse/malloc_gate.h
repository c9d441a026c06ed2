/*
 * malloc_gate - for tests: counts the allocations of the code under test, or makes them fail.
 * The linker puts it between (--wrap=malloc ...), so the test's own libraries are not counted.
 */
#ifndef MALLOC_GATE_H
#define MALLOC_GATE_H

#include <stddef.h>

/* From here on every allocation succeeds; the counts begin at 0. */
void malloc_gate_open(void);

/* From here on `count` allocations succeed, and no further one. */
void malloc_gate_fail_after(unsigned long count);

unsigned long malloc_gate_calls(void);
size_t malloc_gate_bytes(void);

#endif
