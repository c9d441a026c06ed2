#include "view/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"
#include "view/html_data.h"
#include "view/html_pack.h"
#include "view/html_template.h"

enum err_code html_check_built(struct err *reterr)
{
    if (html_template_bytes != 0) {
        return ERR_NONE;
    }
    return err_set(reterr, ERR_USAGE, NULL,
                   "this alloctrap was built without npm, so it has no page to write; build it "
                   "with nodejs and npm, or use `alloctrap report --markdown`");
}

static void write_title(const struct html_page *page, FILE *out)
{
    const struct profile *p = page->sides[0]->profile;
    char *command = report_command_text(p->run.command);
    char *title = page->compare != NULL ? mem_format("alloctrap: before and after, %s", command)
                                        : mem_format("alloctrap: %s", command);
    char *escaped = escape_html(title);
    fputs(escaped, out);
    free(escaped);
    free(title);
    free(command);
}

/* For readers without JavaScript: what `report` and `compare` print. */
static void write_static(const struct html_page *page, FILE *out)
{
    struct page static_page = page_on(out, PAGE_HTML);
    fputs("<h1>alloctrap</h1>\n", out);
    if (page->compare != NULL) {
        compare_print(page->compare, &static_page);
    } else {
        report_print(page->sides[0], &static_page);
    }
}

static enum err_code write_data(const struct html_page *page, FILE *out, struct err *reterr)
{
    FILE *packed = html_pack_on(out);
    if (packed == NULL) {
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot pack the page's data: %s",
                       strerror(errno));
    }
    html_data_write(page, packed);
    if (fclose(packed) != 0) {
        return err_set(reterr, ERR_SYSTEM, NULL, "cannot write the page: %s", strerror(errno));
    }
    return ERR_NONE;
}

/* The places of the template in their order. */
enum place { PLACE_TITLE, PLACE_STATIC, PLACE_DATA, PLACE_COUNT };

static enum err_code write_place(enum place place, const struct html_page *page, FILE *out,
                                 struct err *reterr)
{
    switch (place) {
    case PLACE_TITLE:
        write_title(page, out);
        break;
    case PLACE_STATIC:
        write_static(page, out);
        break;
    case PLACE_DATA:
        return write_data(page, out, reterr);
    case PLACE_COUNT:
        break;
    }
    return ERR_NONE;
}

enum err_code html_write(const struct html_page *page, FILE *out, struct err *reterr)
{
    static const char *const marks[PLACE_COUNT] = {"@@TITLE@@", "@@STATIC@@", "@@DATA@@"};
    const char *at = html_template;
    const char *end = html_template + html_template_bytes;
    enum err_code code = html_check_built(reterr);
    if (code != ERR_NONE) {
        return code;
    }
    for (int place = 0; place < PLACE_COUNT; place++) {
        const char *mark = memmem(at, (size_t)(end - at), marks[place], strlen(marks[place]));
        if (mark == NULL) {
            return err_set(reterr, ERR_SYSTEM, NULL,
                           "the page that was built in has no place for %s; build it anew",
                           marks[place]);
        }
        fwrite(at, 1, (size_t)(mark - at), out);
        code = write_place((enum place)place, page, out, reterr);
        if (code != ERR_NONE) {
            return code;
        }
        at = mark + strlen(marks[place]);
    }
    fwrite(at, 1, (size_t)(end - at), out);
    return ERR_NONE;
}
