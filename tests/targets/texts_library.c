/*
 * A library whose constructor runs before the profiler's own, and allocates first within a function
 * of libc's that holds a lock of the translations, as libgpg-error's does.
 */
#include "texts_library.h"

#include <libintl.h>

const char texts_domain[] = "texts";

__attribute__((constructor)) static void begin(void)
{
    (void)bindtextdomain(texts_domain, "/nowhere");
}
