#include "heap/profile.h"

#include <stdlib.h>
#include <string.h>

#include "heap/id_map.h"

/*
 * Each map knows the first `known` items of its array; what was pushed without a look-up (by a
 * loader) or reordered (by profile_seal, which sets known to 0) is taken in at the next look-up.
 */
struct lookup {
    struct id_map map;
    size_t known;
};

struct profile_index {
    struct lookup modules;
    struct lookup frames;
    struct lookup paths;
    struct lookup site_calls;
    struct lookup pairs;
};

struct key {
    uint64_t high;
    uint64_t low;
};

/* Kept strings are equal when their pointers are, so two pointers name a module. */
static struct key module_key(struct profile *p, const char *path, const uint8_t *build_id,
                             uint8_t len)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * SESSION_BUILD_ID_BYTES + 1];
    size_t used = 0;
    for (uint8_t i = 0; i < len; i++) {
        hex[used++] = digits[build_id[i] >> 4];
        hex[used++] = digits[build_id[i] & 15];
    }
    hex[used] = '\0';
    return (struct key){(uintptr_t)mem_strings_keep(p->strings, path),
                        (uintptr_t)mem_strings_keep(p->strings, hex)};
}

static struct key frame_key(uint32_t module, uint64_t offset, uint32_t flags)
{
    return (struct key){offset, (uint64_t)module << 32 | flags};
}

static struct key path_key(uint32_t parent, uint32_t frame, bool is_cut)
{
    return (struct key){(uint64_t)parent << 32 | frame, is_cut};
}

static struct key site_call_key(uint32_t site, uint8_t call)
{
    return (struct key){site, call};
}

static struct key pair_key(uint32_t alloc_site, uint32_t free_site)
{
    return (struct key){alloc_site, free_site};
}

static void learn(struct lookup *lookup, struct key key)
{
    if (lookup->known == 0) {
        id_map_clear(&lookup->map);
    }
    id_map_put(&lookup->map, key.high, key.low, (uint32_t)lookup->known);
    lookup->known += 1;
}

static uint32_t find(const struct lookup *lookup, struct key key)
{
    return lookup->known == 0 ? ID_MAP_NONE : id_map_find(&lookup->map, key.high, key.low);
}

uint32_t profile_module(struct profile *p, const char *path, const uint8_t *build_id, uint8_t len)
{
    struct lookup *lookup = &p->index->modules;
    while (lookup->known < p->modules.count) {
        const struct profile_module *m = &p->modules.at[lookup->known];
        learn(lookup, module_key(p, m->path, m->build_id, m->build_id_len));
    }
    len = len < SESSION_BUILD_ID_BYTES ? len : SESSION_BUILD_ID_BYTES;
    struct key key = module_key(p, path, build_id, len);
    uint32_t id = find(lookup, key);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)p->modules.count;
        struct profile_module *m = MEM_PUSH(&p->modules);
        m->path = mem_strings_keep(p->strings, path);
        m->build_id_len = len;
        if (len > 0) {
            memcpy(m->build_id, build_id, len);
        }
        learn(lookup, key);
    }
    return id;
}

uint32_t profile_frame(struct profile *p, uint32_t module, uint64_t offset, uint32_t flags)
{
    struct lookup *lookup = &p->index->frames;
    while (lookup->known < p->frames.count) {
        const struct profile_frame *f = &p->frames.at[lookup->known];
        learn(lookup, frame_key(f->module, f->offset, f->flags));
    }
    struct key key = frame_key(module, offset, flags);
    uint32_t id = find(lookup, key);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)p->frames.count;
        struct profile_frame *f = MEM_PUSH(&p->frames);
        f->module = module;
        f->offset = offset;
        f->flags = flags;
        learn(lookup, key);
    }
    return id;
}

uint32_t profile_path(struct profile *p, uint32_t parent, uint32_t frame, bool is_cut)
{
    struct lookup *lookup = &p->index->paths;
    while (lookup->known < p->paths.count) {
        const struct profile_path *path = &p->paths.at[lookup->known];
        learn(lookup, path_key(path->parent, path->frame, path->is_cut));
    }
    struct key key = path_key(parent, frame, is_cut);
    uint32_t id = find(lookup, key);
    if (id == ID_MAP_NONE || id == 0) { /* item 0 is the root, not a path through frame 0 */
        id = (uint32_t)p->paths.count;
        struct profile_path *path = MEM_PUSH(&p->paths);
        path->parent = parent;
        path->frame = frame;
        path->depth = p->paths.at[parent].depth + 1;
        path->is_cut = is_cut;
        learn(lookup, key);
    }
    return id;
}

uint32_t profile_site(struct profile *p, uint32_t path)
{
    if (path == 0) {
        return 0;
    }
    uint32_t site = p->paths.at[path].site;
    if (site == 0) {
        site = (uint32_t)p->sites.count;
        MEM_PUSH(&p->sites)->path = path;
        p->paths.at[path].site = site;
    }
    return site;
}

struct profile_site_call *profile_site_call(struct profile *p, uint32_t site, uint8_t call)
{
    struct lookup *lookup = &p->index->site_calls;
    while (lookup->known < p->site_calls.count) {
        const struct profile_site_call *c = &p->site_calls.at[lookup->known];
        learn(lookup, site_call_key(c->site, c->call));
    }
    struct key key = site_call_key(site, call);
    uint32_t id = find(lookup, key);
    if (id == ID_MAP_NONE) {
        id = (uint32_t)p->site_calls.count;
        struct profile_site_call *c = MEM_PUSH(&p->site_calls);
        c->site = site;
        c->call = call;
        learn(lookup, key);
    }
    return &p->site_calls.at[id];
}

static struct profile_pair *pair_within(struct profile *p, uint32_t alloc_site, uint32_t free_site,
                                        size_t pairs_max)
{
    struct lookup *lookup = &p->index->pairs;
    while (lookup->known < p->pairs.count) {
        const struct profile_pair *pair = &p->pairs.at[lookup->known];
        learn(lookup, pair_key(pair->alloc_site, pair->free_site));
    }
    struct key key = pair_key(alloc_site, free_site);
    uint32_t id = find(lookup, key);
    if (id != ID_MAP_NONE) {
        return &p->pairs.at[id];
    }
    bool is_remainder = alloc_site == 0 && free_site == 0;
    if (p->pairs.count >= pairs_max && !is_remainder) {
        return pair_within(p, 0, 0, pairs_max);
    }
    struct profile_pair *pair = MEM_PUSH(&p->pairs);
    pair->alloc_site = alloc_site;
    pair->free_site = free_site;
    learn(lookup, key);
    return pair;
}

struct profile_pair *profile_pair(struct profile *p, uint32_t alloc_site, uint32_t free_site)
{
    return pair_within(p, alloc_site, free_site, PROFILE_PAIRS_MAX);
}

struct profile_pair *profile_pair_any(struct profile *p, uint32_t alloc_site, uint32_t free_site)
{
    return pair_within(p, alloc_site, free_site, SIZE_MAX);
}

static void set_no_texts(struct profile_run *run)
{
    run->id = "";
    run->command = "";
    run->host = "";
    run->service = "";
    run->build_id = "";
    run->labels = "";
    run->tool_version = "";
    run->settings = "";
    run->unit_name = "";
    run->merged_runs = 1;
    run->exit_code = -1;
    run->exit_kind = PROFILE_RUNNING;
}

struct profile *profile_create(void)
{
    struct profile *p = mem_zero(1, sizeof *p);
    p->strings = mem_strings_create();
    p->index = mem_zero(1, sizeof *p->index);
    set_no_texts(&p->run);
    MEM_PUSH(&p->modules)->path = "";
    (void)MEM_PUSH(&p->frames);
    (void)MEM_PUSH(&p->paths);
    (void)MEM_PUSH(&p->sites);
    return p;
}

static void finish_index(struct profile_index *index)
{
    id_map_finish(&index->modules.map);
    id_map_finish(&index->frames.map);
    id_map_finish(&index->paths.map);
    id_map_finish(&index->site_calls.map);
    id_map_finish(&index->pairs.map);
    free(index);
}

static void finish_site(struct profile_site *site)
{
    hist_finish(&site->latency);
    hist_finish(&site->size);
    hist_finish(&site->life_ns);
    hist_finish(&site->life_allocs);
    hist_finish(&site->growth.last_size);
}

static void finish_hists(struct profile *p)
{
    for (size_t i = 0; i < CALL_COUNT; i++) {
        hist_finish(&p->call_latency[i]);
    }
    for (size_t i = 0; i < p->site_calls.count; i++) {
        hist_finish(&p->site_calls.at[i].latency);
    }
    for (size_t i = 0; i < p->sites.count; i++) {
        finish_site(&p->sites.at[i]);
    }
    for (size_t i = 0; i < p->span_calls.count; i++) {
        hist_finish(&p->span_calls.at[i].latency);
    }
}

void profile_destroy(struct profile *p)
{
    if (p == NULL) {
        return;
    }
    finish_hists(p);
    finish_index(p->index);
    free(p->modules.at);
    free(p->symbols.at);
    free(p->frames.at);
    free(p->paths.at);
    free(p->sites.at);
    free(p->site_calls.at);
    free(p->pairs.at);
    free(p->bins.at);
    free(p->slow_calls.at);
    free(p->slow_causes.at);
    free(p->processes.at);
    free(p->spans.at);
    free(p->span_calls.at);
    free(p->notes.at);
    mem_strings_destroy(p->strings);
    free(p);
}

void profile_calls_add(struct profile_calls *into, const struct profile_calls *from)
{
    into->calls += from->calls;
    into->allocs += from->allocs;
    into->frees += from->frees;
    into->failed += from->failed;
    into->bytes += from->bytes;
    into->ns += from->ns;
    into->ns_max = into->ns_max > from->ns_max ? into->ns_max : from->ns_max;
}

static int order_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_site_and_call(const void *left, const void *right)
{
    const struct profile_site_call *a = left;
    const struct profile_site_call *b = right;
    int order = order_u64(a->site, b->site);
    return order != 0 ? order : order_u64(a->call, b->call);
}

static int by_pair_count(const void *left, const void *right)
{
    const struct profile_pair *a = left;
    const struct profile_pair *b = right;
    int order = order_u64(b->count, a->count);
    order = order != 0 ? order : order_u64(a->alloc_site, b->alloc_site);
    return order != 0 ? order : order_u64(a->free_site, b->free_site);
}

static int by_slowness(const void *left, const void *right)
{
    const struct profile_slow_call *a = left;
    const struct profile_slow_call *b = right;
    int order = order_u64(b->ns, a->ns);
    order = order != 0 ? order : order_u64(a->at_ns, b->at_ns);
    order = order != 0 ? order : order_u64(a->size, b->size);
    order = order != 0 ? order : order_u64(a->thread, b->thread);
    return order != 0 ? order : order_u64(a->call, b->call);
}

static int by_site_and_cause(const void *left, const void *right)
{
    const struct profile_slow_cause *a = left;
    const struct profile_slow_cause *b = right;
    int order = order_u64(a->site, b->site);
    return order != 0 ? order : order_u64(a->cause, b->cause);
}

/* qsort() must not be given the NULL of an empty array. */
static void sort(void *items, size_t count, size_t item_bytes,
                 int (*order)(const void *, const void *))
{
    if (count > 1) {
        qsort(items, count, item_bytes, order);
    }
}

/* One item for each site and cause. */
static void join_slow_causes(struct profile *p)
{
    struct profile_slow_cause *items = p->slow_causes.at;
    size_t kept = 0;
    sort(items, p->slow_causes.count, sizeof *items, by_site_and_cause);
    for (size_t i = 0; i < p->slow_causes.count; i++) {
        if (kept == 0 || by_site_and_cause(&items[kept - 1], &items[i]) != 0) {
            items[kept++] = items[i];
            continue;
        }
        struct profile_slow_cause *into = &items[kept - 1];
        into->calls += items[i].calls;
        into->ns += items[i].ns;
        into->minor_faults += items[i].minor_faults;
        into->major_faults += items[i].major_faults;
        into->voluntary += items[i].voluntary;
        into->involuntary += items[i].involuntary;
    }
    p->slow_causes.count = kept;
}

static void forget_sums(struct profile_site *site)
{
    site->allocs = 0;
    site->bytes = 0;
    site->free_calls = 0;
    site->failed = 0;
    site->ns = 0;
    site->latency.bin_count = 0;
    site->latency.count = 0;
}

static void sum_sites(struct profile *p)
{
    for (size_t i = 0; i < p->sites.count; i++) {
        forget_sums(&p->sites.at[i]);
    }
    for (size_t i = 0; i < p->site_calls.count; i++) {
        const struct profile_site_call *c = &p->site_calls.at[i];
        struct profile_site *site = &p->sites.at[c->site];
        site->allocs += c->counts.allocs;
        site->bytes += c->counts.bytes;
        site->free_calls += c->counts.frees;
        site->failed += c->counts.failed;
        site->ns += c->counts.ns;
        hist_merge(&site->latency, &c->latency);
    }
}

void profile_seal(struct profile *p)
{
    sort(p->site_calls.at, p->site_calls.count, sizeof *p->site_calls.at, by_site_and_call);
    sort(p->pairs.at, p->pairs.count, sizeof *p->pairs.at, by_pair_count);
    sort(p->slow_calls.at, p->slow_calls.count, sizeof *p->slow_calls.at, by_slowness);
    join_slow_causes(p);
    p->index->site_calls.known = 0;
    p->index->pairs.known = 0;
    sum_sites(p);
}

uint64_t profile_lost(const struct profile *p)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < LOSS_COUNT; i++) {
        lost += p->lost[i];
    }
    return lost;
}
