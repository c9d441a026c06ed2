/*
 * criterion - allocations as assertions of a Criterion test, in C and C++:
 *
 *   cr_assert_allocations(parse(line), <=, 3);     allocations that the expression makes
 *   cr_assert_no_allocations(parse(line));
 *   cr_assert_allocated_bytes(parse(line), <, 4096);
 *   cr_assert_frees(close_it(), ==, 1);
 *   cr_assert_no_leak(use_and_drop());             as many frees as allocations
 *
 * and the same beginning with cr_expect_. What the calling thread does counts, exactly; other
 * threads do not. Run the test by `alloctrap record -- ./test`; without that these assertions skip
 * the test and say so on standard error. Includes <criterion/criterion.h> and <stdio.h>.
 */
#ifndef ALLOCTRAP_CRITERION_H
#define ALLOCTRAP_CRITERION_H

#include <alloctrap/alloctrap.h>

#include <criterion/criterion.h>
#include <stdio.h>

#define ALLOCTRAP_SKIP_WORDS "not under alloctrap: run it by `alloctrap record -- TEST`"

/* On standard error as well: Criterion keeps a skipped test's words to itself but for --verbose. */
#define ALLOCTRAP_CR_SKIP()                                                                        \
    do {                                                                                           \
        fputs("skipped, " ALLOCTRAP_SKIP_WORDS "\n", stderr);                                      \
        cr_skip_test(ALLOCTRAP_SKIP_WORDS);                                                        \
    } while (0)

/* The expression is evaluated once, between two looks at the counters; a look allocates nothing. */
#define ALLOCTRAP_CR(assertion, member, words, expression, op, limit)                              \
    do {                                                                                           \
        struct alloctrap_counts alloctrap_before_;                                                 \
        struct alloctrap_counts alloctrap_after_;                                                  \
        if (!alloctrap_counts_now(&alloctrap_before_)) {                                           \
            ALLOCTRAP_CR_SKIP();                                                                   \
        }                                                                                          \
        expression;                                                                                \
        (void)alloctrap_counts_now(&alloctrap_after_);                                             \
        uint64_t alloctrap_done_ = alloctrap_after_.member - alloctrap_before_.member;             \
        assertion(alloctrap_done_ op(uint64_t)(limit), "%s: %llu %s, wanted %s %llu", #expression, \
                  (unsigned long long)alloctrap_done_, words, #op, (unsigned long long)(limit));   \
    } while (0)

#define ALLOCTRAP_CR_LEAK(assertion, expression)                                                   \
    do {                                                                                           \
        struct alloctrap_counts alloctrap_before_;                                                 \
        struct alloctrap_counts alloctrap_after_;                                                  \
        if (!alloctrap_counts_now(&alloctrap_before_)) {                                           \
            ALLOCTRAP_CR_SKIP();                                                                   \
        }                                                                                          \
        expression;                                                                                \
        (void)alloctrap_counts_now(&alloctrap_after_);                                             \
        uint64_t alloctrap_made_ = alloctrap_after_.allocations - alloctrap_before_.allocations;   \
        uint64_t alloctrap_freed_ = alloctrap_after_.frees - alloctrap_before_.frees;              \
        assertion(alloctrap_made_ == alloctrap_freed_, "%s: %llu allocations, %llu frees",         \
                  #expression, (unsigned long long)alloctrap_made_,                                \
                  (unsigned long long)alloctrap_freed_);                                           \
    } while (0)

#define cr_assert_allocations(expression, op, limit)                                               \
    ALLOCTRAP_CR(cr_assert, allocations, "allocations", expression, op, limit)
#define cr_expect_allocations(expression, op, limit)                                               \
    ALLOCTRAP_CR(cr_expect, allocations, "allocations", expression, op, limit)
#define cr_assert_no_allocations(expression) cr_assert_allocations(expression, ==, 0)
#define cr_expect_no_allocations(expression) cr_expect_allocations(expression, ==, 0)
#define cr_assert_allocated_bytes(expression, op, limit)                                           \
    ALLOCTRAP_CR(cr_assert, bytes, "bytes", expression, op, limit)
#define cr_expect_allocated_bytes(expression, op, limit)                                           \
    ALLOCTRAP_CR(cr_expect, bytes, "bytes", expression, op, limit)
#define cr_assert_frees(expression, op, limit)                                                     \
    ALLOCTRAP_CR(cr_assert, frees, "frees", expression, op, limit)
#define cr_expect_frees(expression, op, limit)                                                     \
    ALLOCTRAP_CR(cr_expect, frees, "frees", expression, op, limit)
#define cr_assert_no_leak(expression) ALLOCTRAP_CR_LEAK(cr_assert, expression)
#define cr_expect_no_leak(expression) ALLOCTRAP_CR_LEAK(cr_expect, expression)

#endif
