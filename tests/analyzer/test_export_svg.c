/* Flame graphs: frames lie within the picture and their callers, and no name is markup. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

enum { BOXES_MAX = 64, EDGE = 12, WIDTH = 1200, ROW = 18 };

static const double ROUNDING = 0.011; /* two decimals */

struct box {
    double x;
    double y;
    double width;
};

static struct {
    char *text;
    struct box boxes[BOXES_MAX];
    size_t count;
} svg;

static void draw(struct profile *p, const struct export_job *asked)
{
    svg.text = export_text("svg", p, asked);
    svg.count = 0;
    for (const char *at = strstr(svg.text, "<g class=\"frame "); at != NULL;
         at = strstr(at + 1, "<g class=\"frame ")) {
        const char *rect = strstr(at, "<rect ");
        cr_assert_lt(svg.count, BOXES_MAX);
        struct box *box = &svg.boxes[svg.count++];
        cr_assert_eq(
            sscanf(rect, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\"", &box->x, &box->y, &box->width),
            3);
    }
    profile_destroy(p);
}

static void end(void)
{
    free(svg.text);
}

TestSuite(export_svg, .fini = end);

static size_t occurrences(const char *what)
{
    size_t count = 0;
    for (const char *at = strstr(svg.text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static bool is_within(const struct box *inner, const struct box *outer)
{
    return inner->x >= outer->x - ROUNDING &&
           inner->x + inner->width <= outer->x + outer->width + ROUNDING;
}

/* Another frame of the row that shares more than an edge. */
static bool is_apart(const struct box *a, const struct box *b)
{
    return a->y != b->y || a->x >= b->x + b->width - ROUNDING || b->x >= a->x + a->width - ROUNDING;
}

static bool has_caller(const struct box *box)
{
    for (size_t i = 0; i < svg.count; i++) {
        if (fabs(svg.boxes[i].y - ROW - box->y) < 0.5 && is_within(box, &svg.boxes[i])) {
            return true;
        }
    }
    return false;
}

Test(export_svg, a_frame_lies_on_its_caller_and_beside_its_siblings)
{
    const struct export_job asked = {.metric = EXPORT_ALLOCATIONS, .shape = EXPORT_SHAPE_FLAME};
    draw(story_profile(STORY_BEFORE), &asked);
    cr_assert_gt(svg.count, 5);
    cr_expect_float_eq(svg.boxes[0].x, EDGE, ROUNDING);
    cr_expect_float_eq(svg.boxes[0].width, WIDTH - 2 * EDGE, ROUNDING, "the whole is all of it");
    for (size_t i = 1; i < svg.count; i++) {
        cr_expect(has_caller(&svg.boxes[i]), "frame %zu", i);
        for (size_t k = 0; k < i; k++) {
            cr_expect(is_apart(&svg.boxes[i], &svg.boxes[k]), "frames %zu and %zu", i, k);
        }
    }
}

Test(export_svg, widths_are_shares_of_the_metric)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "three", NULL}, 1, 300);
    story_stack(p, (const char *const[]){"main", "one", NULL}, 1, 100);
    profile_seal(p);
    draw(p, NULL);
    double whole = WIDTH - 2 * EDGE;
    cr_assert_eq(svg.count, 4, "the whole, main, three, one");
    cr_expect_float_eq(svg.boxes[2].width, whole * 3 / 4, ROUNDING);
    cr_expect_float_eq(svg.boxes[3].width, whole / 4, ROUNDING);
    cr_expect_float_eq(svg.boxes[3].x, EDGE + whole * 3 / 4, ROUNDING);
}

Test(export_svg, the_root_is_below_or_on_top_as_asked)
{
    struct export_job asked = {.metric = EXPORT_BYTES, .shape = EXPORT_SHAPE_ICICLE};
    draw(story_profile(STORY_BEFORE), &asked);
    for (size_t i = 1; i < svg.count; i++) {
        cr_expect_gt(svg.boxes[i].y, svg.boxes[0].y);
    }
    free(svg.text);
    asked.shape = EXPORT_SHAPE_FITTING;
    draw(story_profile(STORY_BEFORE), &asked);
    for (size_t i = 1; i < svg.count; i++) {
        cr_expect_lt(svg.boxes[i].y, svg.boxes[0].y);
    }
}

Test(export_svg, names_are_text_and_no_markup)
{
    struct profile *p = profile_create();
    const char *name = "</title></script><img src=x onerror=alert(1)>]]>&lt;";
    story_stack(p, (const char *const[]){name, NULL}, 1, 100);
    p->run.command = name;
    p->run.host = name;
    profile_seal(p);
    draw(p, NULL);
    cr_expect_eq(occurrences("<img"), 0);
    cr_expect_eq(occurrences("</script>"), occurrences("<script"), "of ours alone");
    cr_expect_eq(occurrences("]]>"), occurrences("<![CDATA["), "of ours alone");
    cr_expect_geq(occurrences("&lt;img src=x onerror=alert(1)&gt;"), 3);
    cr_expect_geq(occurrences("&amp;lt;"), 3, "text that looks like markup is text");
}

Test(export_svg, titles_tell_both_sides_of_a_comparison)
{
    struct profile *before = profile_create();
    struct profile *after = profile_create();
    story_stack(before, (const char *const[]){"main", NULL}, 4000, 8);
    story_stack(after, (const char *const[]){"main", NULL}, 9000, 8);
    profile_seal(before);
    profile_seal(after);
    const struct export_job asked = {.metric = EXPORT_ALLOCATIONS, .base = {.profile = before}};
    draw(after, &asked);
    cr_expect_geq(occurrences("<title>main&#10;/src/stack.c:10&#10;4,000 before, 9,000 after"), 1);
    profile_destroy(before);
}

Test(export_svg, losses_are_told_in_the_picture)
{
    draw(story_profile(STORY_BEFORE), NULL);
    cr_expect_eq(occurrences("LOST 1,234 events"), 1);
    free(svg.text);
    draw(story_profile(STORY_AFTER), NULL);
    cr_expect_eq(occurrences("LOST"), 0);
}

Test(export_svg, nothing_to_show_is_said)
{
    struct profile *p = profile_create();
    profile_seal(p);
    draw(p, NULL);
    cr_expect_eq(occurrences("There is nothing of this to show."), 1);
    cr_expect_eq(svg.count, 0);
    cr_expect_eq(occurrences("<script"), 0, "no script looks for frames");
}
