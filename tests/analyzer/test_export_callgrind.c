/* Callgrind: costs add up along calls, recursion counts once, a name is told once. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "export_text.h"
#include "story_profile.h"

enum { EVENTS = 6, NAMES_MAX = 64, COSTS_MAX = 128 };

/* A line of costs: its function's own, or of a call. Functions by their numbers. */
struct cost {
    uint32_t function;
    uint32_t callee; /* 0: its own */
    unsigned long line;
    uint64_t values[EVENTS];
};

static struct {
    char *text;
    const char *names[NAMES_MAX]; /* of functions */
    struct cost costs[COSTS_MAX];
    size_t count;
    uint64_t summary[EVENTS];
} sheet;

static void read_values(const char *text, uint64_t *values)
{
    char *rest = NULL;
    for (size_t i = 0; i < EVENTS; i++, text = rest) {
        values[i] = strtoull(text, &rest, 10);
        cr_assert_neq(rest, text, "six numbers");
    }
    cr_assert_str_eq(rest, "");
}

/* "(3) main" or, later, "(3)": the name's number. */
static uint32_t read_name(const char *text, const char **names)
{
    unsigned number = 0;
    cr_assert_eq(sscanf(text, "(%u)", &number), 1, "%s", text);
    cr_assert(number > 0 && number < NAMES_MAX);
    const char *name = strchr(text, ')') + 1;
    cr_assert_eq(name[0] == ' ', names[number] == NULL, "%s: told the first time alone", text);
    names[number] = names[number] != NULL ? names[number] : name + 1;
    return number;
}

/* Which kind of name a line has: 1 object, 2 file, 3 function; 0 none. */
static int kind_of(const char *line, bool *ret_is_callee)
{
    static const char *const keys[] = {"ob=", "fl=", "fn=", "cob=", "cfi=", "cfn="};
    for (int i = 0; i < 6; i++) {
        if (strncmp(line, keys[i], strlen(keys[i])) == 0) {
            *ret_is_callee = i > 2;
            return i % 3 + 1;
        }
    }
    return 0;
}

static void read_line(const char *line)
{
    static const char *others[2][NAMES_MAX]; /* objects, files */
    static struct cost at;
    bool is_callee = false;
    int kind = kind_of(line, &is_callee);
    if (kind != 0) {
        const char **names = kind == 3 ? sheet.names : others[kind - 1];
        uint32_t number = read_name(strchr(line, '=') + 1, names);
        uint32_t *into = is_callee ? &at.callee : &at.function;
        *into = kind == 3 ? number : *into;
    } else if (strncmp(line, "summary:", 8) == 0) {
        read_values(line + 8, sheet.summary);
    } else if (line[0] >= '0' && line[0] <= '9') {
        char *rest = NULL;
        cr_assert_lt(sheet.count, COSTS_MAX);
        at.line = strtoul(line, &rest, 10);
        read_values(rest, at.values);
        sheet.costs[sheet.count++] = at;
        at.callee = 0; /* a call is one line */
    }
}

static void read_sheet(struct profile *p)
{
    char *rest = NULL;
    profile_seal(p);
    sheet.text = export_text("callgrind", p, NULL);
    for (char *line = strtok_r(sheet.text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        read_line(line);
    }
    cr_assert_gt(sheet.count, 0);
    profile_destroy(p);
}

static void end(void)
{
    free(sheet.text);
}

TestSuite(export_callgrind, .fini = end);

/* By the function itself and by what it calls. */
static uint64_t spent(uint32_t function, size_t event)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sheet.count; i++) {
        sum += sheet.costs[i].function == function ? sheet.costs[i].values[event] : 0;
    }
    return sum;
}

/* By calls of the function; 0, the one that is nobody's callee: what functions spent themselves. */
static uint64_t arrived(uint32_t function, size_t event)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sheet.count; i++) {
        sum += sheet.costs[i].callee == function ? sheet.costs[i].values[event] : 0;
    }
    return sum;
}

static uint32_t function_named(const char *name)
{
    for (uint32_t i = 1; i < NAMES_MAX && sheet.names[i] != NULL; i++) {
        if (strcmp(sheet.names[i], name) == 0) {
            return i;
        }
    }
    cr_assert_fail("no function '%s'", name);
    return 0;
}

Test(export_callgrind, own_costs_add_up_to_the_recordings)
{
    struct profile *p = story_profile(STORY_BEFORE);
    const uint64_t wanted[] = {p->totals.allocs, p->totals.bytes, p->totals.temporaries,
                               p->totals.peak_bytes, p->totals.live_bytes};
    read_sheet(p);
    for (size_t event = 0; event < EVENTS; event++) {
        cr_expect_eq(arrived(0, event), sheet.summary[event], "event %zu", event);
        cr_expect(event == 5 || sheet.summary[event] == wanted[event], "event %zu", event);
    }
}

Test(export_callgrind, a_call_costs_what_its_function_spends_with_all_below)
{
    read_sheet(story_profile(STORY_BEFORE));
    uint32_t root = function_named("__libc_start_call_main");
    for (uint32_t i = 1; sheet.names[i] != NULL; i++) {
        for (size_t event = 0; event < EVENTS; event++) {
            uint64_t wanted = i == root ? sheet.summary[event] : arrived(i, event);
            cr_expect_eq(spent(i, event), wanted, "%s, event %zu", sheet.names[i], event);
        }
    }
}

Test(export_callgrind, recursion_counts_once)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "walk", "step", "walk", NULL}, 50, 1200);
    story_stack(p, (const char *const[]){"main", "walk", "step", NULL}, 7, 70);
    read_sheet(p);
    cr_expect_eq(arrived(function_named("walk"), 0), 57);
    cr_expect_eq(spent(function_named("walk"), 1), 1270);
    cr_expect_eq(arrived(function_named("step"), 0), 7);
}

Test(export_callgrind, a_cost_stands_at_its_line)
{
    read_sheet(story_profile(STORY_BEFORE));
    uint32_t append = function_named("concat_append");
    uint32_t field = function_named("json_field");
    size_t found = 0;
    for (size_t i = 0; i < sheet.count; i++) {
        const struct cost *cost = &sheet.costs[i];
        found += cost->function == append || cost->callee == append;
        cr_expect(cost->function != append || cost->line == 31);
        cr_expect(cost->callee != append || (cost->function == field && cost->line == 231));
    }
    cr_expect_eq(found, 2);
}

Test(export_callgrind, functions_of_one_name_in_two_files_stay_apart)
{
    struct profile *p = profile_create();
    uint32_t main_id = story_frame(p, "/bin/x", "main", "/src/x.c", 1, NULL);
    uint32_t a[] = {main_id, story_frame(p, "/bin/x", "init", "/src/a.c", 2, NULL), 0};
    uint32_t b[] = {main_id, story_frame(p, "/bin/x", "init", "/src/b.c", 3, NULL), 0};
    story_calls(p, story_site(p, a), CALL_MALLOC, 3, 30, 50);
    story_calls(p, story_site(p, b), CALL_MALLOC, 4, 40, 50);
    read_sheet(p);
    uint32_t first = function_named("init");
    cr_assert_str_eq(sheet.names[first + 1], "init");
    cr_expect_eq(spent(first, 0), 3);
    cr_expect_eq(spent(first + 1, 0), 4);
}

Test(export_callgrind, no_name_begins_a_line_of_its_own)
{
    struct profile *p = profile_create();
    story_stack(p, (const char *const[]){"main", "x\nfn=(1) forged\n1 9 9 9 9 9 9", NULL}, 5, 50);
    read_sheet(p);
    cr_expect_eq(spent(function_named("main"), 0), 5);
    cr_expect_str_eq(sheet.names[2], "x\\x0afn=(1) forged\\x0a1 9 9 9 9 9 9");
}
