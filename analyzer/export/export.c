#include "export/export.h"

#include <string.h>

const struct export_format export_formats[] = {
#define EXPORT_ROW(name, writer, takes, compares, opens, shows, cannot)                            \
    {name, writer, EXPORT_TAKES_##takes, compares, opens, shows, cannot},
    EXPORT_TABLE(EXPORT_ROW)
#undef EXPORT_ROW
        {0},
};

const struct export_format *export_format_find(const char *name)
{
    for (const struct export_format *f = export_formats; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}
