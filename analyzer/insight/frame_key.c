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

char *frame_key(const struct site_frame *frame, const char *program)
{
    const char *module = site_basename(frame->module);
    if (strcmp(module, program) == 0) {
        module = "";
    }
    return site_has_name(frame)
               ? mem_format("%s!%.*s", module, site_plain_length(frame->function), frame->function)
               : mem_format("%s+%" PRIx64, module, frame->offset);
}
