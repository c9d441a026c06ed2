#include "live/live_why.h"

#include <criterion/criterion.h>
#include <string.h>

static enum live_why why(struct live_elf elf)
{
    elf.is_elf = true;
    return live_why_of(&elf);
}

Test(live_why, each_fact_is_a_reason)
{
    cr_assert_eq(why((struct live_elf){.is_other_machine = true}), LIVE_WHY_OTHER_MACHINE);
    cr_assert_eq(why((struct live_elf){.is_sanitized = true}), LIVE_WHY_SANITIZED);
    cr_assert_eq(why((struct live_elf){.is_static = true}), LIVE_WHY_STATIC);
    cr_assert_eq(why((struct live_elf){.is_musl = true}), LIVE_WHY_MUSL);
    cr_assert_eq(why((struct live_elf){.is_privileged = true}), LIVE_WHY_PRIVILEGED);
    cr_assert_eq(why((struct live_elf){.has_own_malloc = true}), LIVE_WHY_OWN_MALLOC);
    cr_assert_eq(why((struct live_elf){.path = "x"}), LIVE_WHY_UNKNOWN);
    struct live_elf text = {.has_own_malloc = true};
    cr_assert_eq(live_why_of(&text), LIVE_WHY_UNKNOWN, "no ELF file, no facts");
}

/* A static program defines malloc, too, and linking it dynamically is what helps. */
Test(live_why, the_reason_to_mend_first_is_told)
{
    cr_assert_eq(why((struct live_elf){.is_static = true, .has_own_malloc = true}),
                 LIVE_WHY_STATIC);
    cr_assert_eq(why((struct live_elf){.is_sanitized = true, .has_own_malloc = true}),
                 LIVE_WHY_SANITIZED);
    cr_assert_eq(why((struct live_elf){.is_musl = true, .is_static = true}), LIVE_WHY_STATIC);
    cr_assert_eq(why((struct live_elf){.is_privileged = true, .has_own_malloc = true}),
                 LIVE_WHY_PRIVILEGED);
}

Test(live_why, each_reason_has_a_text_of_its_own)
{
    for (unsigned a = 0; a <= LIVE_WHY_OWN_MALLOC; a++) {
        const char *text = live_why_text((enum live_why)a);
        cr_assert_gt(strlen(text), 20);
        cr_assert_null(strchr(text, '\n'));
        for (unsigned b = 0; b < a; b++) {
            cr_assert_str_neq(text, live_why_text((enum live_why)b));
        }
    }
}
