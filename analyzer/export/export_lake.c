#include "export/export_lake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/outfile.h"
#include "base/packed.h"

enum { PART_MAX = 200, NS_PER_S = 1000000000 };

/* A name as part of a path, whatever is in it: what is not plain is %XX, as engines decode it.
 * free() it. */
static char *path_part(const char *text)
{
    const char *plain = "-._~";
    char *part = mem_zero(strlen(text) * 3 + sizeof "unknown", 1);
    char *end = part;
    for (const char *c = text; *c != '\0' && end - part < PART_MAX; c++) {
        bool is_letter =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        bool is_dot = *c == '.' && c == text; /* neither "." nor ".." nor hidden */
        if (is_letter || (strchr(plain, *c) != NULL && !is_dot)) {
            *end++ = *c;
        } else {
            end += sprintf(end, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    if (end == part) {
        strcpy(part, "unknown");
    }
    return part;
}

static enum err_code make_folder(const char *path, struct err *reterr)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) {
        return ERR_NONE;
    }
    return err_set(reterr, ERR_SYSTEM, path, "cannot be made: %s", strerror(errno));
}

/* DIR and the folders of the partition below it; *ret_path is the last; free() it. */
static enum err_code make_partition(const struct profile_run *run, const char *folder,
                                    char **ret_path, struct err *reterr)
{
    time_t seconds = (time_t)(run->start_realtime_ns / NS_PER_S);
    struct tm day;
    char date[32] = "1970-01-01";
    if (gmtime_r(&seconds, &day) != NULL) {
        strftime(date, sizeof date, "%Y-%m-%d", &day);
    }
    char *service = path_part(run->service);
    char *host = path_part(run->host);
    char *paths[] = {mem_text(folder), mem_format("%s/dt=%s", folder, date),
                     mem_format("%s/dt=%s/service=%s", folder, date, service),
                     mem_format("%s/dt=%s/service=%s/host=%s", folder, date, service, host)};
    enum { PATHS = sizeof paths / sizeof paths[0] };
    enum err_code code = ERR_NONE;
    for (size_t i = 0; i < PATHS && code == ERR_NONE; i++) {
        code = make_folder(paths[i], reterr);
    }
    for (size_t i = 0; i < PATHS; i++) {
        if (i + 1 == PATHS && code == ERR_NONE) {
            *ret_path = paths[i];
        } else {
            free(paths[i]);
        }
    }
    free(service);
    free(host);
    return code;
}

static enum err_code write_file(const struct export_job *job, const char *path, struct err *reterr)
{
    struct outfile file;
    enum err_code code = outfile_open(path, &file, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    struct export_job packed = *job;
    packed.out = packed_zstd(file.stream);
    if (packed.out == NULL) {
        code = err_set(reterr, ERR_SYSTEM, path, "no memory to compress");
    } else {
        code = export_ndjson(&packed, reterr);
        if (fclose(packed.out) != 0 && code == ERR_NONE) {
            code = err_set(reterr, ERR_SYSTEM, path, "cannot be written: %s", strerror(errno));
        }
    }
    return outfile_close(&file, code, reterr);
}

enum err_code export_lake_add(const struct export_job *job, const char *folder, struct err *reterr)
{
    const struct profile_run *run = &job->side.profile->run;
    char *partition = NULL;
    enum err_code code = make_partition(run, folder, &partition, reterr);
    if (code != ERR_NONE) {
        return code;
    }
    char *id = path_part(run->id);
    char *path = mem_format("%s/%s.ndjson.zst", partition, id);
    code = write_file(job, path, reterr);
    free(path);
    free(id);
    free(partition);
    return code;
}
