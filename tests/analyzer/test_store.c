#include "store/store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample_profile.h"

static char folder[64];

static void enter_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test_store-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = enter_folder, .fini = leave_folder);

static void save_as(const char *path, const struct profile *profile)
{
    struct err err = {0};
    struct store *store = NULL;
    cr_assert_eq(store_create(path, &store, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_save(store, profile, &err), ERR_NONE, "%s", err.message);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
}

static struct profile *load_from(const char *path)
{
    struct err err = {0};
    struct profile *profile = NULL;
    cr_assert_eq(store_load(path, &profile, &err), ERR_NONE, "%s", err.message);
    return profile;
}

/* The load must fail with this code and a message that holds text. */
static void expect_refused(const char *path, enum err_code code, const char *text)
{
    struct err err = {0};
    struct profile *profile = NULL;
    cr_assert_eq(store_load(path, &profile, &err), code, "code %d: %s", err.code, err.message);
    cr_assert_not_null(strstr(err.message, text), "'%s' not in '%s'", text, err.message);
    cr_assert_null(strchr(err.message, '\n'));
}

static void change(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, &why), SQLITE_OK, "%s: %s", text, why);
    sqlite3_close(db);
}

static unsigned files_here(void)
{
    FILE *pipe = popen("ls -A | wc -l", "r");
    unsigned count = 0;
    cr_assert_eq(fscanf(pipe, "%u", &count), 1);
    pclose(pipe);
    return count;
}

static void expect_equal_hist(const struct hist *a, const struct hist *b)
{
    cr_assert_eq(a->count, b->count);
    cr_assert_eq(a->bin_count, b->bin_count);
    for (uint32_t i = 0; i < a->bin_count; i++) {
        cr_assert_eq(a->bins[i].code, b->bins[i].code);
        cr_assert_eq(a->bins[i].count, b->bins[i].count);
    }
}

static void expect_equal_sites(const struct profile *a, const struct profile *b)
{
    cr_assert_eq(a->sites.count, b->sites.count);
    for (size_t i = 0; i < a->sites.count; i++) {
        const struct profile_site *x = &a->sites.at[i];
        const struct profile_site *y = &b->sites.at[i];
        size_t plain_bytes = offsetof(struct profile_site, latency);
        cr_assert_arr_eq((const char *)x, (const char *)y, plain_bytes, "site %zu", i);
        expect_equal_hist(&x->latency, &y->latency);
        expect_equal_hist(&x->size, &y->size);
        expect_equal_hist(&x->life_ns, &y->life_ns);
        expect_equal_hist(&x->life_allocs, &y->life_allocs);
        expect_equal_hist(&x->growth.last_size, &y->growth.last_size);
        cr_assert_arr_eq((const char *)&x->growth, (const char *)&y->growth,
                         offsetof(struct profile_growth, last_size));
    }
    cr_assert_eq(a->site_calls.count, b->site_calls.count);
    for (size_t i = 0; i < a->site_calls.count; i++) {
        const struct profile_site_call *x = &a->site_calls.at[i];
        const struct profile_site_call *y = &b->site_calls.at[i];
        cr_assert_eq(x->site, y->site);
        cr_assert_eq(x->call, y->call);
        cr_assert_arr_eq((const char *)&x->counts, (const char *)&y->counts, sizeof x->counts);
        expect_equal_hist(&x->latency, &y->latency);
    }
}

static void expect_equal_places(const struct profile *a, const struct profile *b)
{
    cr_assert_eq(a->modules.count, b->modules.count);
    cr_assert_str_eq(a->modules.at[1].path, b->modules.at[1].path);
    cr_assert_arr_eq(a->modules.at[1].build_id, b->modules.at[1].build_id, SESSION_BUILD_ID_BYTES);
    cr_assert_eq(a->modules.at[1].build_id_len, b->modules.at[1].build_id_len);
    cr_assert_eq(a->frames.count, b->frames.count);
    cr_assert_arr_eq(a->frames.at, b->frames.at, a->frames.count * sizeof *a->frames.at);
    cr_assert_eq(a->paths.count, b->paths.count);
    for (size_t i = 0; i < a->paths.count; i++) {
        cr_assert_eq(a->paths.at[i].parent, b->paths.at[i].parent);
        cr_assert_eq(a->paths.at[i].frame, b->paths.at[i].frame);
        cr_assert_eq(a->paths.at[i].depth, b->paths.at[i].depth);
        cr_assert_eq(a->paths.at[i].site, b->paths.at[i].site);
        cr_assert_eq(a->paths.at[i].is_cut, b->paths.at[i].is_cut);
    }
    cr_assert_eq(a->symbols.count, b->symbols.count);
    for (size_t i = 0; i < a->symbols.count; i++) {
        cr_assert_str_eq(a->symbols.at[i].function, b->symbols.at[i].function);
        cr_assert_str_eq(a->symbols.at[i].raw_name, b->symbols.at[i].raw_name);
        cr_assert_str_eq(a->symbols.at[i].file, b->symbols.at[i].file);
        cr_assert_eq(a->symbols.at[i].line, b->symbols.at[i].line);
        cr_assert_eq(a->symbols.at[i].is_inlined, b->symbols.at[i].is_inlined);
    }
}

static void expect_equal_rest(const struct profile *a, const struct profile *b)
{
    cr_assert_eq(a->pairs.count, b->pairs.count);
    cr_assert_arr_eq(a->pairs.at, b->pairs.at, a->pairs.count * sizeof *a->pairs.at);
    cr_assert_eq(a->bins.count, b->bins.count);
    cr_assert_arr_eq(a->bins.at, b->bins.at, a->bins.count * sizeof *a->bins.at);
    cr_assert_eq(a->slow_calls.count, b->slow_calls.count);
    cr_assert_eq(a->slow_calls.at[3].ns, b->slow_calls.at[3].ns);
    cr_assert_eq(a->slow_calls.at[3].thread, b->slow_calls.at[3].thread);
    for (size_t i = 0; i < a->slow_calls.count; i++) {
        cr_assert_eq(a->slow_calls.at[i].cause, b->slow_calls.at[i].cause);
        cr_assert(memcmp(&a->slow_calls.at[i].usage, &b->slow_calls.at[i].usage,
                         sizeof a->slow_calls.at[i].usage) == 0);
    }
    cr_assert_eq(a->slow_causes.count, b->slow_causes.count);
    cr_assert_eq(a->slow_causes.at[1].cause, PROFILE_CAUSE_LOCK);
    cr_assert(memcmp(&a->slow_causes.at[1].calls, &b->slow_causes.at[1].calls,
                     6 * sizeof(uint64_t)) == 0);
    cr_assert_eq(a->processes.count, b->processes.count);
    cr_assert_str_eq(a->processes.at[1].command, b->processes.at[1].command);
    cr_assert_eq(a->processes.at[1].exit_kind, b->processes.at[1].exit_kind);
    cr_assert_eq(a->processes.at[1].totals.unknown_frees, b->processes.at[1].totals.unknown_frees);
    cr_assert_arr_eq((const char *)&a->totals, (const char *)&b->totals, sizeof a->totals);
    cr_assert_arr_eq((const char *)a->calls, (const char *)b->calls, sizeof a->calls);
    cr_assert_arr_eq(a->lost, b->lost, sizeof a->lost);
    expect_equal_hist(&a->call_latency[CALL_FREE], &b->call_latency[CALL_FREE]);
    cr_assert_str_eq(a->run.id, b->run.id);
    cr_assert_str_eq(a->run.unit_name, b->run.unit_name);
    cr_assert_eq(a->run.exit_code, b->run.exit_code);
    cr_assert_eq(a->run.is_complete, b->run.is_complete);
    cr_assert_eq(a->run.clock_cost_ps, b->run.clock_cost_ps);
    cr_assert_eq(a->events_seen, b->events_seen);
    cr_assert_eq(a->bin_ns, b->bin_ns);
}

Test(store, what_was_saved_is_loaded)
{
    struct profile *saved = sample_profile(500);
    save_as("a.atrap", saved);
    struct profile *loaded = load_from("a.atrap");
    expect_equal_sites(saved, loaded);
    expect_equal_places(saved, loaded);
    expect_equal_rest(saved, loaded);
    profile_destroy(loaded);
    profile_destroy(saved);
}

Test(store, an_empty_profile_is_kept)
{
    struct profile *saved = profile_create();
    profile_seal(saved);
    save_as("a.atrap", saved);
    struct profile *loaded = load_from("a.atrap");
    cr_assert_eq(loaded->sites.count, 1);
    cr_assert_str_eq(loaded->run.command, "");
    profile_destroy(loaded);
    profile_destroy(saved);
}

Test(store, ids_are_found_again_after_loading)
{
    struct profile *saved = sample_profile(50);
    save_as("a.atrap", saved);
    struct profile *loaded = load_from("a.atrap");
    const struct profile_frame *frame = &saved->frames.at[7];
    cr_assert_eq(profile_frame(loaded, frame->module, frame->offset, frame->flags), 7);
    profile_destroy(loaded);
    profile_destroy(saved);
}

Test(store, counts_beyond_63_bits_saturate)
{
    struct profile *saved = sample_profile(1);
    saved->totals.bytes = UINT64_MAX;
    uint32_t frame = profile_frame(saved, 0, UINT64_C(0xffffffffff600007), 0);
    save_as("a.atrap", saved);
    struct profile *loaded = load_from("a.atrap");
    cr_assert_eq(loaded->totals.bytes, INT64_MAX);
    cr_assert_eq(loaded->frames.at[frame].offset, UINT64_C(0xffffffffff600007));
    profile_destroy(loaded);
    profile_destroy(saved);
}

Test(store, the_file_is_private_and_alone)
{
    struct profile *saved = sample_profile(5);
    struct stat info;
    umask(0);
    save_as("a.atrap", saved);
    cr_assert_eq(stat("a.atrap", &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
    cr_assert_eq(files_here(), 1);
    profile_destroy(saved);
}

Test(store, marks_say_whose_file_it_is)
{
    struct profile *saved = sample_profile(5);
    save_as("a.atrap", saved);
    unsigned char head[100];
    int fd = open("a.atrap", O_RDONLY);
    cr_assert_eq(read(fd, head, sizeof head), (ssize_t)sizeof head);
    close(fd);
    cr_assert_arr_eq(head + 68, "ATRP", 4);
    cr_assert_eq(head[63], STORE_VERSION);
    profile_destroy(saved);
}

Test(store, a_recording_is_replaced)
{
    struct profile *first = sample_profile(5);
    struct profile *second = sample_profile(9);
    save_as("a.atrap", first);
    save_as("a.atrap", second);
    struct profile *loaded = load_from("a.atrap");
    cr_assert_eq(loaded->sites.count, 10);
    cr_assert_eq(files_here(), 1);
    profile_destroy(loaded);
    profile_destroy(first);
    profile_destroy(second);
}

static void expect_not_created(const char *path, const char *text)
{
    struct err err = {0};
    struct store *store = NULL;
    cr_assert_neq(store_create(path, &store, &err), ERR_NONE);
    cr_assert_not_null(strstr(err.message, text), "'%s' not in '%s'", text, err.message);
}

Test(store, another_file_is_never_replaced)
{
    FILE *file = fopen("letter.txt", "w");
    fputs("dear reader", file);
    fclose(file);
    expect_not_created("letter.txt", "not a recording");
    struct stat info;
    cr_assert_eq(stat("letter.txt", &info), 0);
    cr_assert_eq(info.st_size, 11);
}

Test(store, links_pipes_and_folders_are_refused)
{
    cr_assert_eq(symlink("elsewhere.atrap", "link.atrap"), 0);
    cr_assert_eq(mkfifo("pipe.atrap", 0600), 0);
    cr_assert_eq(mkdir("folder.atrap", 0700), 0);
    expect_not_created("link.atrap", "not a recording");
    expect_not_created("pipe.atrap", "not a recording");
    expect_not_created("folder.atrap", "not a recording");
    expect_not_created("folder.atrap/", "is a directory");
    expect_not_created("nowhere/a.atrap", "folder cannot be used");
}

Test(store, a_file_that_appeared_meanwhile_is_kept)
{
    struct err err = {0};
    struct store *store = NULL;
    struct profile *profile = sample_profile(3);
    cr_assert_eq(store_create("a.atrap", &store, &err), ERR_NONE);
    FILE *file = fopen("a.atrap", "w");
    fputs("mine", file);
    fclose(file);
    cr_assert_eq(store_save(store, profile, &err), ERR_SYSTEM);
    cr_assert_eq(files_here(), 1);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    profile_destroy(profile);
}

Test(store, the_way_to_the_folder_may_lead_over_links)
{
    struct profile *saved = sample_profile(3);
    cr_assert_eq(mkdir("real?#%", 0700), 0);
    cr_assert_eq(symlink("real?#%", "way"), 0);
    save_as("way/a?b#c%20.atrap", saved);
    profile_destroy(load_from("way/a?b#c%20.atrap"));
    profile_destroy(load_from("./real?#%//a?b#c%20.atrap"));
    profile_destroy(saved);
}

Test(store, loading_needs_no_right_to_write)
{
    struct profile *saved = sample_profile(3);
    cr_assert_eq(mkdir("shut", 0700), 0);
    save_as("shut/a.atrap", saved);
    cr_assert_eq(chmod("shut/a.atrap", 0400), 0);
    cr_assert_eq(chmod("shut", 0500), 0);
    profile_destroy(load_from("shut/a.atrap"));
    cr_assert_eq(chmod("shut", 0700), 0);
    profile_destroy(saved);
}

Test(store, what_is_no_recording_is_said)
{
    FILE *file = fopen("text.atrap", "w");
    fputs("hello", file);
    fclose(file);
    cr_assert_eq(close(open("empty.atrap", O_CREAT | O_WRONLY, 0600)), 0);
    cr_assert_eq(mkfifo("pipe.atrap", 0600), 0);
    change("other.db", "CREATE TABLE t(a)");
    expect_refused("text.atrap", ERR_FORMAT, "is not an alloctrap recording");
    expect_refused("empty.atrap", ERR_FORMAT, "is empty");
    expect_refused("other.db", ERR_FORMAT, "SQLite database, but not");
    expect_refused(".", ERR_FORMAT, "is a directory");
    expect_refused("pipe.atrap", ERR_FORMAT, "device or pipe");
    expect_refused("missing.atrap", ERR_MISSING, "No such file");
}

Test(store, no_permission_is_said)
{
    if (geteuid() == 0) {
        cr_skip_test("root may read everything");
    }
    struct profile *saved = sample_profile(3);
    save_as("a.atrap", saved);
    cr_assert_eq(chmod("a.atrap", 0), 0);
    expect_refused("a.atrap", ERR_MISSING, "Permission denied");
    profile_destroy(saved);
}

Test(store, a_session_without_checkpoint_points_to_recover)
{
    cr_assert_eq(mkdir("a.atrap.session", 0700), 0);
    expect_refused("a.atrap", ERR_MISSING, "alloctrap recover a.atrap.session");
}

Test(store, a_newer_format_is_said)
{
    struct profile *saved = sample_profile(3);
    save_as("a.atrap", saved);
    change("a.atrap", "PRAGMA user_version=7");
    expect_refused("a.atrap", ERR_FORMAT,
                   "made by a newer alloctrap (format 7, this one reads up to 1): update");
    profile_destroy(saved);
}

Test(store, every_cut_is_noticed)
{
    struct profile *saved = sample_profile(300);
    struct stat info;
    save_as("a.atrap", saved);
    cr_assert_eq(stat("a.atrap", &info), 0);
    unsigned cuts = 0;
    for (off_t at = info.st_size - 1; at > 100; at -= 4999) {
        cr_assert_eq(truncate("a.atrap", at), 0);
        expect_refused("a.atrap", ERR_FORMAT, "cut short");
        cuts++;
    }
    cr_assert_gt(cuts, 20);
    profile_destroy(saved);
}

/* Each change alone must be refused; text is what the message names. */
static const struct {
    const char *change;
    const char *text;
} damages[] = {
    {"UPDATE path SET parent = id + 1 WHERE id = 5", "table path, row 5"},
    {"UPDATE path SET parent = 5 WHERE id = 5", "table path, row 5"},
    {"UPDATE path SET frame = 1000000 WHERE id = 5", "impossible frame"},
    {"UPDATE path SET depth = 9 WHERE id = 5", "table path, row 5"},
    {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 514), top(id) AS"
     " (SELECT max(id) FROM path) INSERT INTO path SELECT top.id + i,"
     " CASE i WHEN 1 THEN 0 ELSE top.id + i - 1 END, 0, i, 1 FROM n, top",
     "impossible depth"},
    {"DELETE FROM path WHERE id = 3", "table path, row 3"},
    {"UPDATE frame SET module = 77 WHERE id = 2", "impossible module"},
    {"UPDATE frame SET flags = 128 WHERE id = 2", "impossible flags"},
    {"UPDATE frame SET symbol_count = 4294967295 WHERE id = 2", "impossible symbol_count"},
    {"UPDATE frame SET symbol_first = 0, symbol_count = 65 WHERE id = 2",
     "impossible symbol_count"},
    {"UPDATE frame SET offset = 4096, module = 1, flags = 0", "table frame"},
    {"UPDATE site SET freed = -1 WHERE id = 4", "impossible freed"},
    {"UPDATE site SET freed = 'many' WHERE id = 4", "impossible freed"},
    {"UPDATE site SET freed = 1.5 WHERE id = 4", "impossible freed"},
    {"UPDATE site SET size = x'ffffffffff' WHERE id = 4", "impossible size"},
    {"UPDATE site SET size = 7 WHERE id = 4", "impossible size"},
    {"UPDATE site SET path = 999999 WHERE id = 4", "impossible path"},
    {"UPDATE site SET path = 0 WHERE id = 4", "table site, row 4"},
    {"UPDATE site_call SET call = 25 WHERE id = 1", "impossible call"},
    {"UPDATE site_call SET site = 1, call = 0", "table site_call, row 1"},
    {"UPDATE pair SET free_site = 4294967296 WHERE id = 1", "impossible free_site"},
    {"UPDATE process SET exit_kind = 4", "impossible exit_kind"},
    {"UPDATE process SET origin = 2", "impossible origin"},
    {"UPDATE process SET command = x'00'", "impossible command"},
    {"UPDATE run SET is_complete = 2", "impossible is_complete"},
    {"UPDATE run SET exit_code = 3000000000", "impossible exit_code"},
    {"UPDATE run SET bin_ns = 0", "table timeline_bin, row 0"},
    {"DELETE FROM run; DELETE FROM timeline_bin", "table run is empty"},
    {"UPDATE module SET build_id = 'xyz' WHERE id = 1", "impossible build_id"},
    {"UPDATE slow_call SET site = 100", "impossible site"},
    {"UPDATE slow_call SET process = 2", "impossible process"},
    {"UPDATE loss SET events = 9e99", "impossible events"},
    {"DROP TABLE pair", "no table pair"},
    {"DROP TABLE pair; CREATE VIEW pair AS SELECT 1 AS id", "no table pair"},
    {"DROP TABLE loss; CREATE VIRTUAL TABLE loss USING fts5(cause)", "table loss is not as"},
    {"ALTER TABLE loss ADD COLUMN more", "table loss is not as"},
};

Test(store, every_kind_of_damage_is_refused)
{
    struct profile *saved = sample_profile(20);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        save_as("a.atrap", saved);
        change("a.atrap", damages[i].change);
        expect_refused("a.atrap", ERR_FORMAT, damages[i].text);
    }
    profile_destroy(saved);
}

Test(store, a_strange_trigger_or_index_does_nothing)
{
    struct profile *saved = sample_profile(20);
    save_as("a.atrap", saved);
    change("a.atrap", "CREATE INDEX odd ON loss(id, events);"
                      "CREATE TRIGGER bad AFTER INSERT ON site BEGIN DELETE FROM site; END");
    struct profile *loaded = load_from("a.atrap");
    expect_equal_sites(saved, loaded);
    profile_destroy(loaded);
    profile_destroy(saved);
}

/* A page that is overwritten costs an error or nothing, never a crash: one child for each page. */
Test(store, scrambled_pages_never_crash, .timeout = 120)
{
    struct profile *saved = sample_profile(200);
    struct stat info;
    save_as("a.atrap", saved);
    cr_assert_eq(stat("a.atrap", &info), 0);
    unsigned refused = 0;
    for (off_t page = 0; page < info.st_size / 4096; page++) {
        save_as("a.atrap", saved);
        int fd = open("a.atrap", O_RDWR);
        unsigned char noise[64];
        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = (unsigned char)(i * 37 + (size_t)page * 11);
        }
        off_t at = page == 0 ? 4096 - 64 : page * 4096;
        cr_assert_eq(pwrite(fd, noise, sizeof noise, at), (ssize_t)sizeof noise);
        close(fd);
        struct profile *loaded = NULL;
        struct err err = {0};
        if (store_load("a.atrap", &loaded, &err) != ERR_NONE) {
            cr_assert_eq(err.code, ERR_FORMAT, "%s", err.message);
            refused++;
        } else {
            profile_destroy(loaded);
        }
    }
    cr_assert_gt(refused, info.st_size / 4096 / 2);
    profile_destroy(saved);
}

static void save_for_ever(int ready)
{
    struct profile *profile = sample_profile(2000);
    struct store *store = NULL;
    profile->run.is_complete = false;
    if (store_create("a.atrap", &store, NULL) != ERR_NONE || write(ready, "", 1) != 1) {
        _exit(1);
    }
    for (bool is_first = true;; is_first = false) {
        profile->run.duration_ns++;
        if (store_save(store, profile, NULL) != ERR_NONE ||
            (is_first && write(ready, "", 1) != 1)) {
            _exit(1);
        }
    }
}

Test(store, a_killed_recorder_leaves_a_whole_checkpoint, .timeout = 120)
{
    unsigned loaded_count = 0;
    for (useconds_t wait_us = 0; wait_us < 100000; wait_us += 4000) {
        int ready[2];
        char byte;
        cr_assert_eq(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            save_for_ever(ready[1]);
        }
        close(ready[1]);
        cr_assert_eq(read(ready[0], &byte, 1), 1);
        bool is_saved = wait_us % 8000 == 0; /* every other child is killed before its first save */
        if (is_saved) {
            cr_assert_eq(read(ready[0], &byte, 1), 1);
        }
        usleep(wait_us);
        kill(child, SIGKILL);
        int status = 0;
        cr_assert_eq(waitpid(child, &status, 0), child);
        close(ready[0]);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        cr_assert(!is_saved || access("a.atrap", F_OK) == 0);
        if (access("a.atrap", F_OK) == 0) {
            struct profile *profile = load_from("a.atrap");
            cr_assert_eq(profile->sites.count, 2001);
            profile_destroy(profile);
            loaded_count++;
        }
    }
    cr_assert_gt(loaded_count, 5);
}

Test(store, a_full_disk_leaves_the_older_checkpoint)
{
    struct profile *small = sample_profile(3);
    struct profile *big = sample_profile(3000);
    struct err err = {0};
    struct store *store = NULL;
    save_as("a.atrap", small);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(store_create("a.atrap", &store, &err), ERR_NONE);
    pid_t child = fork();
    if (child == 0) { /* a limit on file sizes stands in for a full disk */
        struct rlimit limit = {100000, 100000};
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(store_save(store, big, NULL) != ERR_NONE ? 0 : 1);
    }
    int status = 1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(store_close(store, &err), ERR_NONE);
    struct profile *loaded = load_from("a.atrap");
    cr_assert_eq(loaded->sites.count, 4);
    cr_assert_eq(files_here(), 1);
    profile_destroy(loaded);
    profile_destroy(small);
    profile_destroy(big);
}
