#include "view/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "base/units.h"

enum {
    NUMBERS_WIDTH = 44, /* columns before the names */
    STEP = 2,
    BRANCH_MIN_PER_THOUSAND = 5, /* smaller branches are merged */
    TAIL_SHOWN = 3 /* of callers that are the only ones of each other, out to the start */
};

struct printer {
    const struct report *report;
    const struct page *page;
    const struct tree *tree;
    struct tree_order order;
    uint64_t total; /* of the key */
};

/* A node to print, kept on a stack of our own: chains may be thousands of frames deep. */
struct pending {
    uint32_t node;
    uint32_t merged; /* not 0: this many branches that were left out, values in `values` */
    unsigned indent;
    uint64_t values[TREE_VALUES];
};

typedef MEM_ARRAY(struct pending) pending_stack;

static void print_values(const struct printer *p, const uint64_t *values)
{
    fprintf(p->page->out, "%7s %13s %10s %9s  ", units_share(values[p->report->key], p->total).s,
            units_count(values[RANK_ALLOCATIONS]).s, units_bytes(values[RANK_BYTES]).s,
            units_ns(values[RANK_TIME]).s);
}

static void print_name(const struct printer *p, unsigned indent, const char *name)
{
    unsigned room = p->page->width > NUMBERS_WIDTH ? p->page->width - NUMBERS_WIDTH : 1;
    /* Beyond half of the room a deeper line goes no further to the right. */
    unsigned column = indent * STEP < room / 2 ? indent * STEP : room / 2;
    char *escaped = escape_terminal(name);
    char *cut = table_cut(escaped, room - column);
    fprintf(p->page->out, "%*s%s\n", (int)column, "", cut);
    free(cut);
    free(escaped);
}

static void print_pending(const struct printer *p, const struct pending *one)
{
    if (one->merged != 0) {
        char *name = mem_format("(%s smaller branch%s)", units_count(one->merged).s,
                                one->merged == 1 ? "" : "es");
        print_values(p, one->values);
        print_name(p, one->indent, name);
        free(name);
        return;
    }
    char *name = site_label(&p->tree->nodes.at[one->node].frame);
    print_values(p, p->tree->nodes.at[one->node].values);
    print_name(p, one->indent, name);
    free(name);
}

static bool is_small(const struct printer *p, size_t rank, uint64_t value)
{
    size_t top = p->report->top;
    return value == 0 ||
           (top != 0 &&
            (rank >= top || (double)value * 1000 < (double)p->total * BRANCH_MIN_PER_THOUSAND));
}

/* Puts the children of a node on the stack, the largest on top, small ones as one line. */
static void push_children(const struct printer *p, pending_stack *stack, uint32_t node,
                          unsigned indent)
{
    uint32_t first = p->order.first[node];
    uint32_t count = p->order.first[node + 1] - first;
    struct pending merged = {.indent = indent};
    uint32_t shown = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_node *child = &p->tree->nodes.at[p->order.ids[first + i]];
        if (!is_small(p, i, child->values[p->report->key])) {
            shown++;
            continue;
        }
        merged.merged += child->values[p->report->key] != 0;
        for (size_t v = 0; v < TREE_VALUES; v++) {
            merged.values[v] += child->values[v];
        }
    }
    if (merged.merged != 0) {
        *MEM_PUSH(stack) = merged;
    }
    for (uint32_t i = shown; i-- > 0;) {
        *MEM_PUSH(stack) = (struct pending){.node = p->order.ids[first + i], .indent = indent};
    }
}

/* A function that has but one caller or callee is a chain: it stays in its column. */
static unsigned indent_below(const struct printer *p, uint32_t node, unsigned indent)
{
    uint32_t count = p->order.first[node + 1] - p->order.first[node];
    return count > 1 ? indent + 1 : indent;
}

/* The only child of a node, 0 when it has none or several. */
static uint32_t only_child(const struct printer *p, uint32_t node)
{
    uint32_t first = p->order.first[node];
    return p->order.first[node + 1] - first == 1 ? p->order.ids[first] : 0;
}

static bool is_leaf(const struct printer *p, uint32_t node)
{
    return p->order.first[node + 1] == p->order.first[node];
}

/* How many callers follow one after another, with no branch, to the outermost; 0 = they branch. */
static size_t tail_length(const struct printer *p, uint32_t node, uint32_t *ret_outermost)
{
    size_t length = 0;
    while (!is_leaf(p, node)) {
        node = only_child(p, node);
        if (node == 0) {
            return 0;
        }
        length++;
    }
    *ret_outermost = node;
    return length;
}

/* Every branch of the callers ends with the same way to main: its first steps are enough. */
static bool print_tail(const struct printer *p, const struct pending *from)
{
    if (p->report->shape != REPORT_CALLERS || p->report->top == 0) {
        return false;
    }
    uint32_t outermost = 0;
    size_t length = tail_length(p, from->node, &outermost);
    if (length <= TAIL_SHOWN + 1) {
        return false;
    }
    struct pending one = *from;
    for (size_t i = 0; i < TAIL_SHOWN; i++) {
        one.node = only_child(p, one.node);
        print_pending(p, &one);
    }
    char *function = site_function(&p->tree->nodes.at[outermost].frame);
    char *name = mem_format("(%zu more callers, out to %s)", length - TAIL_SHOWN, function);
    print_values(p, p->tree->nodes.at[outermost].values);
    print_name(p, from->indent, name);
    free(name);
    free(function);
    return true;
}

static void print_nodes(const struct printer *p)
{
    pending_stack stack = {0};
    push_children(p, &stack, 0, 0);
    while (stack.count > 0) {
        struct pending one = stack.at[--stack.count];
        print_pending(p, &one);
        if (one.merged == 0 && !print_tail(p, &one)) {
            push_children(p, &stack, one.node, indent_below(p, one.node, one.indent));
        }
    }
    free(stack.at);
}

static void print_explanation(const struct report *r, const struct page *page)
{
    bool is_tree = r->shape == REPORT_TREE;
    page_heading(page, is_tree ? "Call tree, from main inwards"
                               : "Callers, from each allocating function outwards");
    page_say(page,
             "Numbers include everything below a line; the share is of all %s. Lines further to "
             "the right are the several %s the line above them.%s",
             r->key == RANK_TIME   ? "allocator time"
             : r->key == RANK_PEAK ? "bytes live at the peak"
             : r->key == RANK_LIVE ? "bytes live at the end"
                                   : rank_key_name(r->key),
             is_tree ? "functions called by" : "callers of",
             r->top != 0 ? " Branches under 0.5 % are merged (--top=0 shows all)." : "");
}

void report_print_tree(const struct report *report, const struct page *page)
{
    enum tree_direction direction = report->shape == REPORT_TREE ? TREE_FROM_MAIN : TREE_FROM_SITE;
    struct tree *tree =
        tree_build(report->profile, report->selection, &report->wrappers, direction);
    struct printer p = {.report = report, .page = page, .tree = tree};
    p.order = tree_sort(tree, report->key);
    p.total = tree->nodes.at[0].values[report->key];
    print_explanation(report, page);
    fputs(page->form == PAGE_MARKDOWN ? "```\n" : "", page->out);
    fprintf(page->out, "%7s %13s %10s %9s  %s\n", "share", "allocations", "bytes", "time",
            report->shape == REPORT_TREE ? "function" : "function, then its callers");
    print_nodes(&p);
    fputs(page->form == PAGE_MARKDOWN ? "```\n\n" : "", page->out);
    tree_order_finish(&p.order);
    tree_destroy(tree);
}
