#include "base_say.h"

#include "base_sys.h"
#include "base_text.h"

void say_not_recording(const char *why, const char *what, const char *advice)
{
    char line[512];
    struct text text;
    text_init(&text, line, sizeof line);
    text_add(&text, "alloctrap: not recording: ");
    text_add(&text, why);
    if (what[0] != '\0') {
        text_add(&text, " (");
        text_add(&text, what);
        text_add(&text, ")");
    }
    text_add(&text, "; ");
    text_add(&text, advice);
    text_add(&text, "\n");
    (void)sys_call3(SYS_write, 2, (long)line, (long)text.len);
}
