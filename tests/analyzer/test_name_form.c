#include "insight/name_form.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void folds_to(const char *name, const char *expected)
{
    char *folded = name_form_fold(name);
    cr_assert_str_eq(folded, expected);
    free(folded);
}

Test(name_form, template_arguments_are_folded)
{
    folds_to("std::vector<int, std::allocator<int> >::push_back(int const&)",
             "std::vector<...>::push_back(int const&)");
    folds_to("void f<a<b>, c>(std::map<d, e>*)", "void f<...>(std::map<...>*)");
    folds_to("main", "main");
    folds_to("", "");
}

Test(name_form, operators_and_arrows_stay)
{
    folds_to("operator<(key const&, key const&)", "operator<(key const&, key const&)");
    folds_to("std::ostream& operator<< <char>(std::ostream&)",
             "std::ostream& operator<< <...>(std::ostream&)");
    folds_to("std::shared_ptr<a>::operator->() const", "std::shared_ptr<...>::operator->() const");
    folds_to("a<&b::operator> >::c()", "a<...>::c()");
    folds_to("core::ops::FnOnce<fn(u8) -> u8>::call", "core::ops::FnOnce<...>::call");
}

Test(name_form, rust_paths_keep_what_is_no_argument)
{
    folds_to("<alloc::vec::Vec<T> as core::ops::Drop>::drop",
             "<alloc::vec::Vec<...> as core::ops::Drop>::drop");
    folds_to("total::<Item>", "total::<...>");
}

Test(name_form, names_that_do_not_close_are_left)
{
    static char deep[2000001]; /* a pass for each of them would take an hour */
    memset(deep, 'a', sizeof deep - 1);
    for (size_t i = 1; i < sizeof deep - 1; i += 2) {
        deep[i] = '<';
    }
    deep[sizeof deep - 1] = '\0';
    folds_to("a<b", "a<b");
    folds_to("a>b<", "a>b<");
    folds_to(deep, deep);
}

Test(name_form, raw_names_swap_with_the_readable)
{
    struct profile *p = profile_create();
    *MEM_PUSH(&p->symbols) = (struct profile_symbol){
        .function = "operator new(unsigned long)", .raw_name = "_Znwm", .file = ""};
    *MEM_PUSH(&p->symbols) =
        (struct profile_symbol){.function = "main", .raw_name = "", .file = ""};
    size_t first = p->symbols.count - 2;
    name_form_apply(p, NAME_RAW);
    cr_assert_str_eq(p->symbols.at[first].function, "_Znwm");
    cr_assert_str_eq(p->symbols.at[first].raw_name, "operator new(unsigned long)");
    cr_assert_str_eq(p->symbols.at[first + 1].function, "main");
    profile_destroy(p);
}
