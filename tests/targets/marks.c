/*
 * Says what it does, with known numbers: 10 allocations before "warm", 20 up to "done", 5 after it;
 * a phase, a pause, a zone that must not allocate (and does, 3 times); and a thread with a phase of
 * its own. Prints what it counted itself.
 */
#include <alloctrap/alloctrap.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void churn(int count)
{
    for (int i = 0; i < count; i++) {
        free(malloc(100));
    }
}

static void *work(void *unused)
{
    alloctrap_phase_begin("parse");
    churn(7);
    alloctrap_phase_end("parse");
    return unused;
}

/* 1000 marks, of which no recording keeps all. */
static void mark_often(void)
{
    for (int i = 0; i < 1000; i++) {
        alloctrap_mark("tick");
        churn(1);
    }
}

int main(int argc, char **argv)
{
    struct alloctrap_counts before;
    struct alloctrap_counts after;
    pthread_t thread;
    (void)argv;
    churn(10);
    alloctrap_mark("warm");
    bool is_known = alloctrap_counts_now(&before);
    churn(20);
    (void)alloctrap_counts_now(&after);
    alloctrap_mark("done");
    churn(5);
    alloctrap_phase_begin("outer");
    churn(1);
    alloctrap_phase_begin("parse");
    churn(2);
    alloctrap_phase_begin("parse"); /* again: counted once */
    churn(3);
    alloctrap_phase_end("parse");
    alloctrap_phase_end("parse");
    alloctrap_phase_end("outer");
    alloctrap_pause();
    churn(100);
    alloctrap_resume();
    alloctrap_forbid_begin("hot");
    churn(3);
    alloctrap_forbid_end("hot");
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    alloctrap_phase_end("never begun");
    if (argc > 1) {
        mark_often();
    }
    fprintf(stderr, "%d %lu %lu\n", is_known,
            (unsigned long)(after.allocations - before.allocations),
            (unsigned long)(after.bytes - before.bytes));
    return 0;
}
