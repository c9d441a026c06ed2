#include "view/symbolize.h"

#include <stdlib.h>

#include "base/escape.h"
#include "base/units.h"

static void print_count(const char *what, size_t before, size_t after, size_t of, FILE *out)
{
    fprintf(out, "%-20s %s of %s code addresses (before: %s)\n", what, units_count(after).s,
            units_count(of).s, units_count(before).s);
}

void symbolize_print(const struct symbolize_view *view, FILE *out)
{
    print_count("function names:", view->before.named, view->after.named, view->after.frames, out);
    print_count("source lines:", view->before.with_line, view->after.with_line, view->after.frames,
                out);
    if (view->notes->from_cache > 0) {
        fprintf(out, "from the cache:      %s\n", units_count(view->notes->from_cache).s);
    }
    for (size_t i = 0; i < view->notes->troubles.count; i++) {
        char *raw = symbol_trouble_text(view->profile, &view->notes->troubles.at[i]);
        char *text = escape_terminal(raw);
        fprintf(out, "note: %s\n", text);
        free(text);
        free(raw);
    }
}
