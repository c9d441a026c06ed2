/* Keys of frames: what survives a rebuild, and nothing else. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "insight/frame_key.h"

static void expect(struct site_frame frame, const char *program, const char *wanted)
{
    char *key = frame_key(&frame, program);
    cr_expect_str_eq(key, wanted);
    free(key);
}

Test(frame_key, is_the_librarys_file_and_the_function)
{
    struct site_frame frame = {
        .function = "parse", .other_name = "", .file = "a.c", .module = "/usr/lib/libx.so.1"};
    expect(frame, "app", "libx.so.1!parse");
    frame.line = 7;
    frame.file = "elsewhere.c";
    expect(frame, "app", "libx.so.1!parse");
}

Test(frame_key, the_program_has_no_name_and_clones_are_their_function)
{
    struct site_frame frame = {
        .function = "parse.part.0.isra.1", .other_name = "", .file = "", .module = "/opt/app"};
    expect(frame, "app", "!parse");
    frame.function = "std::vector<int>::push_back(int&&)";
    expect(frame, "app", "!std::vector<int>::push_back(int&&)");
}

Test(frame_key, without_a_name_it_is_the_place)
{
    expect(
        (struct site_frame){
            .function = "", .other_name = "", .file = "", .module = "/l/libx.so", .offset = 0x10},
        "app", "libx.so+10");
}

Test(frame_key, the_program_is_the_first_argument_without_folders)
{
    struct profile *p = profile_create();
    p->run.command = "/usr/bin/app\x1f/etc/x";
    char *name = frame_key_program(p);
    cr_expect_str_eq(name, "app");
    free(name);
    profile_destroy(p);
}
