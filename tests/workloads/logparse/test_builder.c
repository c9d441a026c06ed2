#include "builder.h"

#include "malloc_gate.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct builder_kind *const kinds[] = {&builder_concat, &builder_pooled};

struct text {
    char bytes[256];
    size_t count;
};

static bool keep(void *context, const char *bytes, size_t count)
{
    struct text *text = context;
    memcpy(text->bytes, bytes, count);
    text->bytes[count] = '\0';
    text->count = count;
    return true;
}

static void build_hello(const struct builder_kind *kind, struct text *ret_text)
{
    struct builder builder;
    builder_begin(&builder, kind);
    builder_append(&builder, "hello", 5);
    builder_append_char(&builder, ' ');
    builder_append(&builder, "", 0);
    builder_append(&builder, "w\0rld", 5);
    cr_assert(builder_finish(&builder, keep, ret_text));
}

Test(builder, makes_the_same_bytes_in_both_ways)
{
    for (size_t i = 0; i < 2; i++) {
        struct text text;
        build_hello(kinds[i], &text);
        cr_assert_eq(text.count, 11);
        cr_assert_arr_eq(text.bytes, "hello w\0rld", 11);
        kinds[i]->end_thread();
    }
}

Test(builder, hands_over_an_empty_string)
{
    for (size_t i = 0; i < 2; i++) {
        struct text text = {.count = 99};
        struct builder builder;
        builder_begin(&builder, kinds[i]);
        cr_assert(builder_finish(&builder, keep, &text));
        cr_assert_eq(text.count, 0);
        kinds[i]->end_thread();
    }
}

/* A sink that builds strings of its own while it holds the bytes, as any real sink may. */
struct scribbler {
    const struct builder_kind *kind;
    bool is_intact;
};

static bool scribble_and_look(void *context, const char *bytes, size_t count)
{
    struct scribbler *scribbler = context;
    struct text ignored;
    for (int i = 0; i < 4; i++) {
        struct builder other;
        builder_begin(&other, scribbler->kind);
        builder_append(&other, "XXXXXXXXXXXXXXXXXXXX", 20);
        cr_assert_neq(other.text, bytes);
        cr_assert(builder_finish(&other, keep, &ignored));
    }
    scribbler->is_intact = count == 8 && memcmp(bytes, "original", 8) == 0;
    return true;
}

Test(builder, hands_the_bytes_over_before_the_buffer_is_put_back)
{
    for (size_t i = 0; i < 2; i++) {
        struct text ignored;
        build_hello(kinds[i], &ignored); /* warm: there is a buffer to hand out wrongly */
        struct scribbler scribbler = {.kind = kinds[i]};
        struct builder builder;
        builder_begin(&builder, kinds[i]);
        builder_append(&builder, "original", 8);
        cr_assert(builder_finish(&builder, scribble_and_look, &scribbler));
        cr_assert(scribbler.is_intact, "%s", kinds[i]->name);
        kinds[i]->end_thread();
    }
}

static void build_long(const struct builder_kind *kind, size_t count)
{
    struct text text;
    struct builder builder;
    builder_begin(&builder, kind);
    for (size_t i = 0; i < count; i++) {
        builder_append_char(&builder, 'x');
    }
    cr_assert_eq(builder.bytes, count);
    builder.bytes = 0; /* the sink of this test is small */
    cr_assert(builder_finish(&builder, keep, &text));
}

Test(builder, pooled_allocates_nothing_when_warm)
{
    build_long(&builder_pooled, 100000);
    malloc_gate_open();
    for (int i = 0; i < 1000; i++) {
        build_long(&builder_pooled, 100 * (size_t)i);
    }
    cr_assert_eq(malloc_gate_calls(), 0);
    builder_pooled.end_thread();
}

Test(builder, concat_allocates_once_for_each_piece)
{
    malloc_gate_open();
    build_long(&builder_concat, 1000);
    cr_assert_eq(malloc_gate_calls(), 1000);
    cr_assert_eq(malloc_gate_bytes(), 1000 * 1001 / 2 + 1000); /* 1 + 2 + ..., and a NUL each */
}

Test(builder, pool_does_not_keep_a_giant)
{
    build_long(&builder_pooled, 3 * 1024 * 1024);
    struct builder builder;
    builder_begin(&builder, &builder_pooled);
    cr_assert_eq(builder.room, 0);
    struct text ignored;
    cr_assert(builder_finish(&builder, keep, &ignored));
    builder_pooled.end_thread();
}

Test(builder, pool_gives_each_open_builder_its_own_buffer)
{
    struct builder builders[20];
    struct text text;
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 20; i++) {
            char letter = (char)('a' + i);
            builder_begin(&builders[i], &builder_pooled);
            builder_append_char(&builders[i], letter);
        }
        for (size_t i = 0; i < 20; i++) {
            cr_assert(builder_finish(&builders[i], keep, &text));
            cr_assert_eq(text.bytes[0], (char)('a' + i));
        }
    }
    builder_pooled.end_thread();
}

static void *build_in_thread(void *ret_text)
{
    build_hello(&builder_pooled, ret_text);
    builder_pooled.end_thread();
    return NULL;
}

Test(builder, pool_of_one_thread_is_not_seen_by_another)
{
    pthread_t thread;
    struct text mine;
    struct text others;
    build_hello(&builder_pooled, &mine);
    malloc_gate_open();
    cr_assert_eq(pthread_create(&thread, NULL, build_in_thread, &others), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(malloc_gate_calls(), 2, "the other thread makes a buffer and its text itself");
    cr_assert_str_eq(others.bytes, mine.bytes);
    builder_pooled.end_thread();
}

Test(builder, failed_allocation_is_reported_and_nothing_is_handed_over)
{
    for (size_t i = 0; i < 2; i++) {
        for (unsigned long nth = 0; nth < 2; nth++) {
            struct text text = {.count = 99};
            struct builder builder;
            malloc_gate_fail_after(nth);
            builder_begin(&builder, kinds[i]);
            builder_append(&builder, "hello", 5);
            builder_append(&builder, " world", 6);
            bool is_fine = builder_finish(&builder, keep, &text);
            malloc_gate_open();
            cr_assert_not(is_fine, "%s, allocation %lu", kinds[i]->name, nth);
            cr_assert_eq(text.count, 99);
            kinds[i]->end_thread();
        }
    }
}

static bool refuse(void *context, const char *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
    return false;
}

Test(builder, refusal_of_the_sink_is_passed_on)
{
    for (size_t i = 0; i < 2; i++) {
        struct builder builder;
        builder_begin(&builder, kinds[i]);
        builder_append_char(&builder, 'x');
        cr_assert_not(builder_finish(&builder, refuse, NULL));
        kinds[i]->end_thread();
    }
}
