/* Which call sites a match means, and the keys by which a baseline knows them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_sites.h"
#include "story_profile.h"

#define EXE "/opt/app/bin/server"
#define LIB "/usr/lib/libproto.so.3.21.12"
#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

static struct profile *profile;
static struct policy policy;
static struct budget_sites sites;
static uint32_t cloned;
static uint32_t nameless;
static uint32_t recursive;

static uint32_t frame(const char *module, const char *function, const char *file)
{
    return story_frame(profile, module, function, file, 7, NULL);
}

static void prepare(void)
{
    profile = profile_create();
    uint32_t main_frame = frame(EXE, "main", "/src/app/main.c");
    uint32_t serve = frame(EXE, "serve.constprop.0", "/src/app/net/serve.c");
    uint32_t walk = frame(EXE, "walk(node*)", "/src/app/tree.cpp");
    uint32_t read = frame(LIB, "read_field", "/src/proto/read.c");
    uint32_t malloc_frame = frame(LIBC, "malloc", "");
    uint32_t bare = frame(LIB, NULL, "");
    cloned = story_site(profile, (uint32_t[]){main_frame, serve, read, malloc_frame, 0});
    nameless = story_site(profile, (uint32_t[]){main_frame, bare, bare, 0});
    recursive = story_site(profile, (uint32_t[]){main_frame, walk, walk, walk, walk, 0});
    profile_seal(profile);
    policy = (struct policy){.strings = NULL};
    budget_sites_make(&sites, profile, &policy, NULL);
}

static void clear(void)
{
    budget_sites_finish(&sites);
    profile_destroy(profile);
}

TestSuite(budget_sites, .init = prepare, .fini = clear);

Test(budget_sites, keys_are_names_without_lines_clones_and_patch_levels)
{
    cr_assert_str_eq(sites.at.at[cloned].key, "libproto.so.3!read_field < server!serve < main");
    cr_assert_str_eq(sites.at.at[recursive].key, "server!walk(node*) < main");
    cr_assert_str_eq(sites.at.at[nameless].key, "libproto.so.3!? < server!main");
    cr_assert_str_eq(sites.at.at[0].key, "(remainder)");
}

static bool means(const struct policy_match *match, uint32_t site)
{
    bool *is_meant = budget_sites_match(&sites, match);
    bool is_site = is_meant[site];
    free(is_meant);
    return is_site;
}

Test(budget_sites, a_match_is_of_the_site_shown)
{
    cr_assert(means(&(struct policy_match){.function = "read_*"}, cloned));
    cr_assert(!means(&(struct policy_match){.function = "serve*"}, cloned));
    cr_assert(means(&(struct policy_match){.under = "serve*"}, cloned));
    cr_assert(means(&(struct policy_match){.under = "main"}, nameless));
    cr_assert(means(&(struct policy_match){.module = "libproto.so*"}, cloned));
    cr_assert(means(&(struct policy_match){.module = "/usr/lib/**"}, cloned));
    cr_assert(!means(&(struct policy_match){.module = "server"}, cloned));
    cr_assert(means(&(struct policy_match){.file = "proto/*.c"}, cloned));
    cr_assert(means(&(struct policy_match){.function = "walk"}, recursive));
    cr_assert(means(&(struct policy_match){.site = "libproto.so*+0x*"}, nameless));
}

Test(budget_sites, all_keys_of_a_match_must_fit)
{
    cr_assert(!means(&(struct policy_match){.function = "read_*", .module = "server"}, cloned));
    cr_assert(means(&(struct policy_match){.function = "read_*", .under = "main"}, cloned));
    cr_assert(means(&(struct policy_match){0}, 0), "the remainder belongs to the whole program");
}

Test(budget_sites, ignored_sites_are_marked_but_not_the_remainder)
{
    struct policy_ignore ignores[] = {{.match = {.module = "libproto.so*"}},
                                      {.match = {.function = "walk"}, .leaks_only = true}};
    policy.ignores.at = ignores;
    policy.ignores.count = 2;
    struct budget_sites marked;
    budget_sites_make(&marked, profile, &policy, NULL);
    cr_assert(marked.at.at[cloned].is_ignored && marked.at.at[nameless].is_ignored);
    cr_assert(!marked.at.at[recursive].is_ignored && marked.at.at[recursive].is_leak_ignored);
    cr_assert(!marked.at.at[0].is_ignored);
    budget_sites_finish(&marked);
}
