/* massif: snapshots go forward in time, one of them is the peak, and trees add up. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

enum { SNAPSHOTS_MAX = 32 };

struct snapshot {
    unsigned number;
    uint64_t time_ms;
    uint64_t bytes;
    char kind[16];
    const char *tree; /* the line behind it */
};

static struct {
    char *text;
    struct snapshot at[SNAPSHOTS_MAX];
    size_t count;
} massif;

/* "time=12" -> 12; the field must stand at text. */
static uint64_t field(const char *text, const char *name)
{
    uint64_t value = 0;
    const char *at = strstr(text, name);
    cr_assert_not_null(at, "%s", name);
    cr_assert_eq(sscanf(at + strlen(name), "%" SCNu64, &value), 1);
    return value;
}

static void read_snapshots(const struct profile *p, const struct export_job *asked)
{
    massif.text = export_text("massif", p, asked);
    for (const char *at = strstr(massif.text, "\nsnapshot="); at != NULL;
         at = strstr(at + 1, "\nsnapshot=")) {
        cr_assert_lt(massif.count, SNAPSHOTS_MAX);
        struct snapshot *s = &massif.at[massif.count++];
        const char *kind = strstr(at, "heap_tree=") + strlen("heap_tree=");
        s->number = (unsigned)field(at, "snapshot=");
        s->time_ms = field(at, "\ntime=");
        s->bytes = field(at, "\nmem_heap_B=");
        cr_assert_eq(sscanf(kind, "%15s", s->kind), 1);
        s->tree = strchr(kind, '\n') + 1;
    }
    cr_assert_gt(massif.count, 1);
}

static void end(void)
{
    free(massif.text);
}

TestSuite(export_massif, .fini = end);

static const struct snapshot *only(const char *kind)
{
    const struct snapshot *found = NULL;
    for (size_t i = 0; i < massif.count; i++) {
        if (strcmp(massif.at[i].kind, kind) == 0) {
            cr_assert_null(found, "one snapshot is '%s'", kind);
            found = &massif.at[i];
        }
    }
    cr_assert_not_null(found, "a snapshot is '%s'", kind);
    return found;
}

/* 4.12 s in bins of 512 ms: the peak, at 1.23 s, falls into the third. */
static struct profile *with_bins(void)
{
    struct profile *p = story_profile(STORY_BEFORE);
    p->bin_ns = 512000000;
    for (uint64_t i = 0; i < 9; i++) {
        *MEM_PUSH(&p->bins) = (struct profile_bin){.live_bytes = 1000 * (i + 1)};
    }
    return p;
}

Test(export_massif, snapshots_are_numbered_and_go_forward_in_time)
{
    struct profile *p = with_bins();
    read_snapshots(p, NULL);
    for (size_t i = 0; i < massif.count; i++) {
        cr_expect_eq(massif.at[i].number, i);
        cr_expect(i == 0 || massif.at[i].time_ms >= massif.at[i - 1].time_ms, "snapshot %zu", i);
    }
    cr_expect_eq(massif.at[0].bytes, 0, "it begins with nothing");
    cr_expect_eq(massif.at[2].bytes, 2000);
    cr_expect_eq(massif.at[2].time_ms, 1024, "at the end of its bin");
    cr_expect_eq(massif.at[massif.count - 1].time_ms, 4120);
    profile_destroy(p);
}

Test(export_massif, one_snapshot_is_the_peak_at_its_own_moment)
{
    struct profile *p = with_bins();
    read_snapshots(p, NULL);
    const struct snapshot *peak = only("peak");
    cr_expect_eq(peak->time_ms, 1230);
    cr_expect_eq(peak->bytes, p->totals.peak_bytes);
    profile_destroy(p);
}

Test(export_massif, a_peak_after_the_last_bin_is_there_too)
{
    struct profile *p = with_bins();
    p->totals.peak_at_ns = UINT64_C(9) * 512000000;
    read_snapshots(p, NULL);
    cr_expect_eq(only("peak")->time_ms, 4608);
    cr_expect_eq(massif.at[massif.count - 1].time_ms, 4608, "the end is not before it");
    profile_destroy(p);
}

Test(export_massif, it_ends_with_what_was_never_freed)
{
    struct profile *p = with_bins();
    read_snapshots(p, NULL);
    cr_expect_eq(only("detailed"), &massif.at[massif.count - 1]);
    cr_expect_eq(only("detailed")->bytes, p->totals.live_bytes);
    profile_destroy(p);
}

/* A node's bytes; below it as many lines as it says, each deeper by one, with all of its bytes. */
static uint64_t check_node(const char **at, int depth)
{
    unsigned children = 0;
    uint64_t bytes = 0;
    uint64_t below = 0;
    cr_assert_eq((int)strspn(*at, " "), depth, "%.40s", *at);
    cr_assert_eq(sscanf(*at, " n%u: %" SCNu64, &children, &bytes), 2, "%.40s", *at);
    *at = strchr(*at, '\n') + 1;
    for (unsigned i = 0; i < children; i++) {
        below += check_node(at, depth + 1);
    }
    cr_expect(children == 0 || below == bytes, "%" PRIu64 " of %" PRIu64, below, bytes);
    return bytes;
}

static void check_tree(const struct snapshot *s)
{
    const char *at = s->tree;
    cr_expect_eq(check_node(&at, 0), s->bytes);
    cr_expect(*at == '\0' || *at == '#', "the tree is all there is: %.40s", at);
}

Test(export_massif, trees_add_up_line_by_line)
{
    struct profile *p = with_bins();
    read_snapshots(p, NULL);
    check_tree(only("peak"));
    check_tree(only("detailed"));
    cr_expect_not_null(strstr(only("peak")->tree, "below massif's threshold (01.00%)"));
    profile_destroy(p);
}

Test(export_massif, a_hundredth_has_a_line_of_its_own_and_less_has_one_together)
{
    static const char *const names[] = {"most", "hundredth", "less", "least"};
    static const uint64_t bytes[] = {9800, 100, 99, 1};
    struct profile *p = profile_create();
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        uint32_t site = story_stack(p, (const char *const[]){"main", names[i], NULL}, 1, bytes[i]);
        p->sites.at[site].peak_bytes = bytes[i];
    }
    profile_seal(p);
    read_snapshots(p, NULL);
    const char *tree = only("peak")->tree;
    cr_expect_eq(strncmp(tree, "n3: 10000 ", 10), 0, "%.40s", tree);
    cr_expect_not_null(strstr(tree, " n1: 100 0x"));
    cr_expect_not_null(strstr(tree, " n0: 100 in 2 places, all below massif's threshold (01.00%)"));
    check_tree(only("peak"));
    profile_destroy(p);
}

Test(export_massif, what_was_chosen_has_no_timeline)
{
    struct profile *p = with_bins();
    const struct export_job asked = {.rule = {.focus = "strdup"}};
    read_snapshots(p, &asked);
    cr_expect_eq(massif.count, 3, "begin, peak, end");
    cr_expect_eq(only("peak")->bytes, 640000, "its part of the whole's");
    cr_expect_eq(only("detailed")->bytes, 64000);
    check_tree(only("peak"));
    profile_destroy(p);
}

Test(export_massif, no_name_begins_a_snapshot)
{
    struct profile *p = profile_create();
    uint32_t site = story_stack(p, (const char *const[]){"a\nsnapshot=7\n", NULL}, 1, 64);
    p->sites.at[site].peak_bytes = 64;
    profile_seal(p);
    read_snapshots(p, NULL);
    cr_expect_eq(massif.count, 3);
    check_tree(only("peak"));
    profile_destroy(p);
}
