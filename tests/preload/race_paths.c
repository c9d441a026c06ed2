/* Four threads that add the same tree at once, for ThreadSanitizer: ids stay what they were. */
#include "memory_session.h"
#include "path_table.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, LEAVES = 3000, DEPTH = 4 };

static struct session_head *head;

static uint32_t path_of(uint64_t leaf)
{
    struct path_key key = {0};
    for (uint64_t depth = 0; depth < DEPTH; depth++) {
        key.addr = 0x400000 + (leaf >> (3 * (DEPTH - 1 - depth))) * 16 + depth;
        uint32_t id = path_find(head, &key);
        key.parent = id != 0 ? id : path_add(head, &key);
    }
    return key.parent;
}

static void *add_all(void *argument)
{
    uint64_t *wrong = argument;
    for (uint64_t leaf = 0; leaf < LEAVES; leaf++) {
        uint32_t id = path_of(leaf);
        *wrong += id == 0 || path_of(leaf) != id;
    }
    return NULL;
}

int main(void)
{
    head = memory_session_create(16 << 20);
    pthread_t threads[THREADS];
    uint64_t wrong[THREADS] = {0};
    uint64_t all = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, add_all, &wrong[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += wrong[i];
    }
    uint32_t before = head->node_count;
    uint64_t ignored = 0;
    add_all(&ignored);
    printf("%u nodes, %llu wrong\n", before, (unsigned long long)all);
    bool is_stable = head->node_count == before;
    free(head);
    return all == 0 && is_stable && before > LEAVES ? 0 : 1;
}
