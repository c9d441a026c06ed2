#include "view/html.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "insight/advise.h"
#include "story_profile.h"

static char *written(enum story story, enum err_code *ret_code, struct err *reterr)
{
    struct select_rule rule = {0};
    struct selection selection;
    struct profile *p = story_profile(story);
    cr_assert_eq(select_sites(p, &rule, &selection, NULL), ERR_NONE);
    struct advice *advice = advise_profile(p, &(struct advise_options){.threshold_permille = 10});
    struct report report = {
        .profile = p, .selection = &selection, .advice = advice, .file = "x.atrap", .top = 50};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    *ret_code = html_write(&(struct html_page){.sides = {&report}}, out, reterr);
    fclose(out);
    advise_destroy(advice);
    select_finish(&selection);
    profile_destroy(p);
    return text;
}

Test(html, without_its_page_it_says_so)
{
    enum err_code code;
    struct err err = {0};
    char *text = written(STORY_BEFORE, &code, &err);
    cr_assert_eq(code, html_check_built(NULL));
    cr_assert(code == ERR_NONE || strstr(err.message, "npm") != NULL);
    free(text);
}

Test(html, every_place_of_the_page_is_filled)
{
    enum err_code code;
    char *text = written(STORY_BEFORE, &code, NULL);
    if (code == ERR_NONE) {
        cr_assert_null(strstr(text, "@@"));
        cr_assert_not_null(strstr(text, "<title>alloctrap: /usr/bin/logparse"));
        cr_assert_not_null(strstr(text, "6,011,506"), "the static report has the totals");
        cr_assert_not_null(strstr(text, "script-src 'sha256-"));
        cr_assert_str_eq(text + strlen(text) - strlen("</html>\n"), "</html>\n");
    }
    free(text);
}

Test(html, hostile_names_end_nothing)
{
    enum err_code code;
    char *text = written(STORY_HOSTILE, &code, NULL);
    if (code == ERR_NONE) {
        size_t scripts = 0;
        for (const char *at = text; (at = strstr(at, "</script>")) != NULL; at++) {
            scripts++;
        }
        cr_assert_eq(scripts, 2, "the data's and the program's own, not %zu", scripts);
        cr_assert_null(strchr(text, '\x1b'));
        cr_assert_null(strstr(text, "\u202e"));
    }
    free(text);
}
