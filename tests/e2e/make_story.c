/*
 * make_story - writes the recordings of story_profile.h: make_story BEFORE AFTER HOSTILE.
 */
#include <stdio.h>

#include "base/err.h"
#include "store/store.h"
#include "story_profile.h"

static enum err_code write_story(enum story story, const char *path, struct err *reterr)
{
    struct profile *p = story_profile(story);
    struct store *store = NULL;
    enum err_code code = store_create(path, &store, reterr);
    if (code == ERR_NONE) {
        code = store_save(store, p, reterr);
        enum err_code closed = store_close(store, code == ERR_NONE ? reterr : NULL);
        code = code != ERR_NONE ? code : closed;
    }
    profile_destroy(p);
    return code;
}

int main(int argc, char **argv)
{
    struct err err = {.offset = ERR_PLACE_NONE};
    if (argc != 4 || write_story(STORY_BEFORE, argv[1], &err) != ERR_NONE ||
        write_story(STORY_AFTER, argv[2], &err) != ERR_NONE ||
        write_story(STORY_HOSTILE, argv[3], &err) != ERR_NONE) {
        char text[1600];
        err_format(&err, text, sizeof text);
        fprintf(stderr, "make_story: %s\n", argc != 4 ? "takes three paths" : text);
        return 1;
    }
    return 0;
}
