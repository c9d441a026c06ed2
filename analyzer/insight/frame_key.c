#include "insight/frame_key.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *frame_key_program(const struct profile *profile)
{
    const char *command = profile->run.command != NULL ? profile->run.command : "";
    char *first = mem_format("%.*s", (int)strcspn(command, "\x1f"), command);
    char *name = mem_text(site_basename(first));
    free(first);
    return name;
}

/* Clones of the compiler come and go with every build: "parse.part.0" is parse. */
static int name_length(const char *function)
{
    static const char *const clones[] = {".constprop.", ".isra.",     ".part.",
                                         ".cold",       ".lto_priv.", ".llvm."};
    size_t length = strlen(function);
    for (size_t i = 0; i < sizeof clones / sizeof clones[0]; i++) {
        const char *found = strstr(function, clones[i]);
        if (found != NULL && found != function && (size_t)(found - function) < length) {
            length = (size_t)(found - function);
        }
    }
    return (int)length;
}

char *frame_key(const struct site_frame *frame, const char *program)
{
    const char *module = site_basename(frame->module);
    if (strcmp(module, program) == 0) {
        module = "";
    }
    return site_has_name(frame)
               ? mem_format("%s!%.*s", module, name_length(frame->function), frame->function)
               : mem_format("%s+%" PRIx64, module, frame->offset);
}
