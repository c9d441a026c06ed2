#include "view/report.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/units.h"

enum { FUNCTIONS_SHOWN = 5 };

/* Keys whose value is no other column's. */
static bool is_memory(enum rank_key key)
{
    return key == RANK_PEAK || key == RANK_LIVE;
}

static void add_function(struct table *table, const struct report *r, const struct tree *tree,
                         uint32_t node)
{
    const uint64_t *values = tree->nodes.at[node].values;
    char *label = site_label(&tree->nodes.at[node].frame);
    table_add(table, units_share(values[r->key], tree->nodes.at[0].values[r->key]).s);
    table_add(table, units_count(values[RANK_ALLOCATIONS]).s);
    table_add(table, units_bytes(values[RANK_BYTES]).s);
    if (is_memory(r->key)) {
        table_add(table, units_bytes(values[r->key]).s);
    } else {
        table_add(table, r->profile->totals.ns != 0 ? units_ns(values[RANK_TIME]).s : "-");
    }
    table_add(table, label);
    free(label);
}

/* The children of the root, largest first. */
static void print_all(const struct report *r, const struct page *page, const struct tree *tree,
                      const struct tree_order *order)
{
    const char *fourth = !is_memory(r->key) ? "time" : r->key == RANK_PEAK ? "at peak" : "live";
    const struct table_column columns[] = {{"share", TABLE_NUMBER},
                                           {"allocations", TABLE_NUMBER},
                                           {"bytes", TABLE_NUMBER},
                                           {fourth, TABLE_NUMBER},
                                           {"function", TABLE_NAME}};
    size_t most = r->top == 0 || r->top > FUNCTIONS_SHOWN ? FUNCTIONS_SHOWN : r->top;
    struct table *table = table_create(columns, sizeof columns / sizeof columns[0]);
    size_t count = 0;
    for (uint32_t i = order->first[0]; i < order->first[1]; i++) {
        if (tree->nodes.at[order->ids[i]].values[r->key] == 0) {
            break;
        }
        if (count++ < most) {
            add_function(table, r, tree, order->ids[i]);
        }
    }
    const char *words = report_key_words(r->key);
    char *heading = count > most ? mem_format("Functions that %s (%zu of %s)", words, most,
                                              units_count(count).s)
                                 : mem_format("Functions that %s", words);
    if (count != 0) {
        page_heading(page, heading);
        page_say(page, "The innermost function outside the allocator and its wrappers, whoever "
                       "called it.");
        page_table(page, table);
    } else {
        table_destroy(table);
    }
    free(heading);
}

void report_print_allocating(const struct report *report, const struct page *page)
{
    if (report->key == RANK_P99) {
        return; /* percentiles of several call sites do not add up */
    }
    struct tree *tree =
        tree_build(report->profile, report->selection, &report->wrappers, TREE_SITE_ALONE);
    struct tree_order order = tree_sort(tree, report->key);
    print_all(report, page, tree, &order);
    tree_order_finish(&order);
    tree_destroy(tree);
}
