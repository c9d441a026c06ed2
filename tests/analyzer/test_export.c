/* Every format writes every kind of recording, an empty one too, and the same bytes each time. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

static char *written(const struct export_format *format, struct profile *p, size_t *ret_bytes)
{
    const struct export_job asked = {.metric = EXPORT_BYTES, .frames_max = 50};
    struct err err = {0};
    char *text = NULL;
    enum err_code code = export_text_try(format, p, &asked, &text, ret_bytes, &err);
    /* heaptrack alone reads the file again, for its trace. */
    cr_expect_eq(code, strcmp(format->name, "heaptrack") == 0 ? ERR_MISSING : ERR_NONE, "%s: %s",
                 format->name, err.message);
    return text;
}

static void check_all(struct profile *p, const char *what)
{
    for (const struct export_format *f = export_formats; f->name != NULL; f++) {
        size_t bytes = 0;
        size_t again_bytes = 0;
        char *text = written(f, p, &bytes);
        char *again = written(f, p, &again_bytes);
        cr_expect(bytes == again_bytes && memcmp(text, again, bytes) == 0, "%s of %s", f->name,
                  what);
        bool may_be_empty = strcmp(f->name, "folded") == 0 || strcmp(f->name, "ndjson") == 0;
        cr_expect(bytes > 20 || may_be_empty, "%s of %s: %zu bytes", f->name, what, bytes);
        free(text);
        free(again);
    }
}

Test(export, every_format_writes_a_recording)
{
    struct profile *p = story_profile(STORY_BEFORE);
    check_all(p, "a recording");
    profile_destroy(p);
}

Test(export, every_format_writes_hostile_names)
{
    struct profile *p = story_profile(STORY_HOSTILE);
    check_all(p, "hostile names");
    profile_destroy(p);
}

Test(export, every_format_writes_nothing_at_all)
{
    struct profile *p = profile_create();
    profile_seal(p);
    check_all(p, "nothing");
    profile_destroy(p);
}

Test(export, formats_are_found_by_name)
{
    size_t count = 0;
    for (const struct export_format *f = export_formats; f->name != NULL; f++, count++) {
        cr_expect_eq(export_format_find(f->name), f);
        cr_expect(f->opens[0] != '\0' && f->shows[0] != '\0' && f->cannot[0] != '\0');
    }
    cr_expect_eq(count, 14);
    cr_expect_null(export_format_find("nothing"));
}
