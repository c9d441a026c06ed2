#include "live/live_paths.h"

#include <string.h>

#include "base/mem.h"

/* One more than an honest stack has frames. */
enum { CHAIN_MAX = SESSION_DEPTH_MAX + 1 };

static const struct session_node *node_at(const struct live_session *session, uint32_t id)
{
    uint32_t count = atomic_load_explicit(&session->head->node_count, memory_order_relaxed);
    if (id == 0 || id >= count) {
        return NULL;
    }
    uint32_t within;
    unsigned chunk = session_chunk_of(id, SESSION_NODE_CHUNK_FIRST, &within);
    if (chunk >= SESSION_NODE_CHUNKS) {
        return NULL;
    }
    /* Acquire; pairs with the shim's release of the chunk's offset. */
    uint64_t off =
        atomic_load_explicit(&session->head->node_chunk_off[chunk], memory_order_acquire);
    uint64_t bytes = ((uint64_t)SESSION_NODE_CHUNK_FIRST << chunk) * sizeof(struct session_node);
    const struct session_node *nodes =
        live_session_at(session, off, bytes, alignof(struct session_node));
    return nodes == NULL ? NULL : &nodes[within];
}

static const struct session_module *modules_of(const struct live_session *session,
                                               uint32_t *ret_count)
{
    /* Acquire; pairs with the shim's release: modules below the count are filled. */
    uint32_t count = atomic_load_explicit(&session->head->module_count, memory_order_acquire);
    count = count < SESSION_MODULES_MAX ? count : SESSION_MODULES_MAX;
    *ret_count = count;
    return live_session_at(session, session->head->module_off,
                           count * sizeof(struct session_module), alignof(struct session_module));
}

static uint32_t module_id(struct live_session *session, struct profile *profile, uint32_t index,
                          const struct session_module *module)
{
    if (session->module_of[index] == 0) {
        char path[SESSION_PATH_BYTES + 1];
        memcpy(path, module->path, SESSION_PATH_BYTES);
        path[SESSION_PATH_BYTES] = '\0';
        uint8_t len = module->build_id_len;
        len = len <= SESSION_BUILD_ID_BYTES ? len : 0;
        session->module_of[index] = profile_module(profile, path, module->build_id, len) + 1;
    }
    return session->module_of[index] - 1;
}

/* A return address may stand one past the end of its function, and of its module. */
static uint32_t frame_of(struct live_session *session, struct profile *profile,
                         const struct session_node *node)
{
    uint32_t flags = node->flags & (SESSION_NODE_EXACT_PC | SESSION_NODE_GUESSED);
    uint64_t probe = node->addr - ((flags & SESSION_NODE_EXACT_PC) == 0);
    uint32_t count = 0;
    const struct session_module *modules = modules_of(session, &count);
    for (uint32_t i = modules == NULL ? 0 : count; i-- > 0;) {
        const struct session_module *module = &modules[i];
        if (module->epoch == node->epoch && probe >= module->start && probe < module->end) {
            return profile_frame(profile, module_id(session, profile, i, module),
                                 node->addr - module->bias, flags);
        }
    }
    return profile_frame(profile, 0, node->addr, flags);
}

static void make_room(struct live_session *session, uint32_t node)
{
    uint32_t room = session->path_room == 0 ? 1024 : session->path_room;
    while (room <= node) {
        room *= 2; /* ids are below 2^24: node_at() has seen the chunk inside the file */
    }
    if (room != session->path_room) {
        session->path_of_node =
            mem_resize(session->path_of_node, room, sizeof *session->path_of_node);
        memset(session->path_of_node + session->path_room, 0,
               (room - session->path_room) * sizeof *session->path_of_node);
        session->path_room = room;
    }
}

/* Its ancestors outward until one that is known; *ret_known is that one's path. */
static size_t untranslated(struct live_session *session, uint32_t id, uint32_t chain[CHAIN_MAX],
                           uint32_t *ret_known)
{
    size_t count = 0;
    *ret_known = 0;
    while (id != 0 && count < CHAIN_MAX) {
        const struct session_node *node = node_at(session, id);
        if (node == NULL) {
            break;
        }
        make_room(session, id);
        if (session->path_of_node[id] != 0) {
            *ret_known = session->path_of_node[id] - 1;
            break;
        }
        chain[count++] = id;
        uint32_t parent = node->parent;
        id = parent < id ? parent : 0; /* no cycles, whatever the file says */
    }
    return count;
}

uint32_t live_paths_translate(struct live_session *session, struct profile *profile, uint32_t node)
{
    uint32_t chain[CHAIN_MAX];
    uint32_t path = 0;
    size_t count = untranslated(session, node, chain, &path);
    while (count-- > 0) {
        const struct session_node *frame = node_at(session, chain[count]);
        if (frame == NULL) {
            return path;
        }
        bool is_cut = (frame->flags & SESSION_NODE_CUT) != 0;
        path = profile_path(profile, path, frame_of(session, profile, frame), is_cut);
        session->path_of_node[chain[count]] = path + 1;
    }
    return path;
}
