#include "symbol/demangle.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void expect(const char *linked, const char *readable)
{
    char *name = demangle_name(linked);
    cr_assert_str_eq(name, readable);
    free(name);
}

Test(demangle, cpp_names_are_readable)
{
    expect("_ZN4shop7counter3addERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
           "shop::counter::add(std::__cxx11::basic_string<char, std::char_traits<char>, "
           "std::allocator<char> > const&)");
    expect("_Znwm", "operator new(unsigned long)");
}

Test(demangle, rust_names_are_readable)
{
    expect("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
    expect("_RNvC6_123foo3bar", "123foo::bar");
}

Test(demangle, other_names_stay)
{
    expect("main", "main");
    expect("_start", "_start");
    expect("_Znot", "_Znot");
    expect("", "");
}

Test(demangle, long_names_are_cut)
{
    char *linked = mem_zero(200001, 1);
    memset(linked, 'a', 200000);
    memcpy(linked, "_ZN", 3);
    char *name = demangle_name(linked);
    cr_assert_eq(strlen(name), DEMANGLE_NAME_MAX);
    cr_assert_str_eq(name + DEMANGLE_NAME_MAX - 3, "...");
    free(name);
    free(linked);
}

Test(demangle, a_name_of_ten_thousand_letters_is_whole)
{
    char *linked = mem_zero(12000, 1);
    strcpy(linked, "_ZN10000");
    memset(linked + 8, 'x', 10000);
    strcat(linked, "1fEv");
    char *name = demangle_name(linked);
    cr_assert_eq(strlen(name), 10000 + strlen("::f()"));
    free(name);
    free(linked);
}

Test(demangle, deep_nesting_does_not_overflow_the_stack)
{
    char *linked = mem_zero(40000, 1);
    strcpy(linked, "_Z1f");
    memset(linked + 4, 'P', 16000);
    strcat(linked, "i");
    char *name = demangle_name(linked);
    cr_assert_gt(strlen(name), 0);
    free(name);
    free(linked);
}
