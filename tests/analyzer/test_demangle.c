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
    expect("_ZN12symbols_rust4main28_$u7b$$u7b$closure$u7d$$u7d$17h607dab018167a03aE",
           "symbols_rust::main::{{closure}}");
    expect("_ZN102_$LT$core..iter..adapters..map..Map$LT$I$C$F$GT$$u20$as$u20$core..iter..traits.."
           "iterator..Iterator$GT$4fold17h94639ea8853f5115E",
           "<core::iter::adapters::map::Map<I,F> as core::iter::traits::iterator::Iterator>::fold");
    expect("_RINvCshrEBaTPxw1c_12symbols_rust5totalNtB2_4ItemEB2_",
           "symbols_rust::total::<symbols_rust::Item>");
    expect("_RINvNtCs6IL9ONYDOZW_4core3ptr13drop_in_placeINtNtCsihNoVIYWwLU_5alloc3vec3VecReEE"
           "CshrEBaTPxw1c_12symbols_rust",
           "core::ptr::drop_in_place::<alloc::vec::Vec<&str>>");
}

Test(demangle, other_names_stay)
{
    expect("main", "main");
    expect("_start", "_start");
    expect("_Znot", "_Znot");
    expect("", "");
}

/* head, then count times letter, then tail; free() it. */
static char *long_name(const char *head, char letter, int count, const char *tail)
{
    char *letters = mem_format("%*s", count, "");
    for (int i = 0; i < count; i++) {
        letters[i] = letter;
    }
    char *name = mem_format("%s%s%s", head, letters, tail);
    free(letters);
    return name;
}

Test(demangle, long_names_are_cut)
{
    char *linked = long_name("_ZN", 'a', 200000, "");
    char *name = demangle_name(linked);
    cr_assert_eq(strlen(name), DEMANGLE_NAME_MAX);
    cr_assert_str_eq(name + DEMANGLE_NAME_MAX - 3, "...");
    free(name);
    free(linked);
}

Test(demangle, a_name_of_ten_thousand_letters_is_whole)
{
    char *linked = long_name("_ZN10000", 'x', 10000, "1fEv");
    char *name = demangle_name(linked);
    cr_assert_eq(strlen(name), 10000 + strlen("::f()"));
    free(name);
    free(linked);
}

Test(demangle, deep_nesting_does_not_overflow_the_stack)
{
    char *linked = long_name("_Z1f", 'P', 16000, "i");
    char *name = demangle_name(linked);
    cr_assert_gt(strlen(name), 16000);
    free(name);
    free(linked);
}
