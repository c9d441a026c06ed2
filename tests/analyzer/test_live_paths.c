#include "live/live_paths.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_image.h"

static char dir[IMAGE_NAME_BYTES];
static int dir_fd;
static struct session_image *image;
static struct live_session *session;
static struct profile *profile;

static void begin(void)
{
    session_image_make_dir(dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    image = session_image_create(123, 0xabc, 1000);
    session_image_module(image, 0x10000, 0x20000, 0xf000, "/bin/host");
    session_image_module(image, 0x50000, 0x60000, 0x50000, "/lib/one.so");
    profile = profile_create();
}

static void end(void)
{
    live_session_close(session);
    session_image_destroy(image);
    profile_destroy(profile);
    close(dir_fd);
    session_image_remove_dir(dir);
}

static void open_it(void)
{
    struct err err;
    session_image_write(image, dir);
    cr_assert_eq(live_session_open(dir_fd, image->name, false, true, &session, &err),
                 LIVE_SESSION_OPEN);
}

static const struct profile_frame *frame_of(uint32_t path)
{
    return &profile->frames.at[profile->paths.at[path].frame];
}

static const char *module_of(uint32_t path)
{
    return profile->modules.at[frame_of(path)->module].path;
}

TestSuite(live_paths, .init = begin, .fini = end);

Test(live_paths, a_node_becomes_a_path_of_modules_and_offsets)
{
    uint32_t outer = session_image_node(image, 0, 0x10500);
    uint32_t middle = session_image_node(image, outer, 0x50100);
    uint32_t inner = session_image_node(image, middle, 0x10600);
    open_it();
    uint32_t path = live_path(session, profile, inner);
    cr_assert_str_eq(module_of(path), "/bin/host");
    cr_assert_eq(frame_of(path)->offset, 0x1600, "address - bias");
    uint32_t parent = profile->paths.at[path].parent;
    cr_assert_str_eq(module_of(parent), "/lib/one.so");
    cr_assert_eq(frame_of(parent)->offset, 0x100);
    uint32_t root = profile->paths.at[parent].parent;
    cr_assert_eq(frame_of(root)->offset, 0x1500);
    cr_assert_eq(profile->paths.at[root].parent, 0);
    cr_assert_eq(profile->paths.at[path].depth, 3);
}

Test(live_paths, each_node_is_translated_once_and_shared)
{
    uint32_t outer = session_image_node(image, 0, 0x10500);
    uint32_t left = session_image_node(image, outer, 0x10600);
    uint32_t right = session_image_node(image, outer, 0x10700);
    open_it();
    uint32_t a = live_path(session, profile, left);
    size_t paths = profile->paths.count;
    cr_assert_eq(live_path(session, profile, left), a);
    cr_assert_eq(profile->paths.count, paths);
    uint32_t b = live_path(session, profile, right);
    cr_assert_eq(profile->paths.at[a].parent, profile->paths.at[b].parent);
    cr_assert_eq(profile->paths.count, paths + 1);
}

Test(live_paths, code_of_no_module_keeps_its_address)
{
    uint32_t node = session_image_node(image, 0, 0x7777);
    open_it();
    uint32_t path = live_path(session, profile, node);
    cr_assert_eq(frame_of(path)->module, 0);
    cr_assert_eq(frame_of(path)->offset, 0x7777);
}

Test(live_paths, a_return_address_behind_the_last_byte_is_its_modules)
{
    uint32_t behind = session_image_node(image, 0, 0x20000);
    uint32_t at_start = session_image_node(image, 0, 0x10000);
    uint32_t exact = session_image_node(image, 0, 0x50000);
    image->nodes[exact].flags = SESSION_NODE_EXACT_PC;
    open_it();
    cr_assert_str_eq(module_of(live_path(session, profile, behind)), "/bin/host");
    cr_assert_str_eq(module_of(live_path(session, profile, at_start)), "",
                     "a call cannot stand before the first byte");
    cr_assert_str_eq(module_of(live_path(session, profile, exact)), "/lib/one.so");
}

Test(live_paths, an_address_means_the_module_of_its_own_epoch)
{
    session_image_module(image, 0x50000, 0x60000, 0x40000, "/lib/two.so");
    image->modules[2].epoch = 1;
    uint32_t before = session_image_node(image, 0, 0x50100);
    uint32_t after = session_image_node(image, 0, 0x50100);
    image->nodes[after].epoch = 1;
    open_it();
    cr_assert_str_eq(module_of(live_path(session, profile, before)), "/lib/one.so");
    cr_assert_str_eq(module_of(live_path(session, profile, after)), "/lib/two.so");
}

Test(live_paths, hostile_nodes_end_the_path)
{
    uint32_t loop = session_image_node(image, 0, 0x10500);
    uint32_t forward = session_image_node(image, 0, 0x10600);
    image->nodes[loop].parent = loop;
    image->nodes[forward].parent = forward + 100;
    open_it();
    cr_assert_eq(profile->paths.at[live_path(session, profile, loop)].depth, 1);
    cr_assert_eq(profile->paths.at[live_path(session, profile, forward)].depth, 1);
    cr_assert_eq(live_path(session, profile, 0), 0);
    cr_assert_eq(live_path(session, profile, 1000), 0, "never handed out");
    cr_assert_eq(live_path(session, profile, UINT32_MAX), 0);
}

Test(live_paths, tables_outside_the_file_give_no_path)
{
    uint32_t node = session_image_node(image, 0, 0x10500);
    image->head->node_chunk_off[0] = image->size_bytes - 64;
    image->head->node_count = UINT32_MAX;
    open_it();
    cr_assert_eq(live_path(session, profile, node), 0);
    cr_assert_eq(live_path(session, profile, UINT32_MAX - 1), 0);
}

Test(live_paths, modules_outside_the_file_leave_addresses)
{
    uint32_t node = session_image_node(image, 0, 0x10500);
    image->head->module_off = image->size_bytes;
    open_it();
    cr_assert_eq(frame_of(live_path(session, profile, node))->offset, 0x10500);
}

Test(live_paths, a_chain_longer_than_any_stack_is_cut)
{
    uint32_t node = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        node = session_image_node(image, node, 0x10500 + i);
    }
    open_it();
    uint32_t path = live_path(session, profile, node);
    cr_assert_leq(profile->paths.at[path].depth, SESSION_DEPTH_MAX + 1);
    cr_assert_geq(profile->paths.at[path].depth, SESSION_DEPTH_MAX);
}
