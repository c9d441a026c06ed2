#include "insight/name_form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char operator_word[] = "operator";

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* The bytes of "operator" and its sign at `at`, as in operator<< or operator->; else 0. */
static size_t operator_length(const char *name, size_t at)
{
    size_t word = sizeof operator_word - 1;
    if (strncmp(name + at, operator_word, word) != 0 || (at > 0 && is_word(name[at - 1]))) {
        return 0;
    }
    size_t sign = strspn(name + at + word, "<>=-");
    if (sign == 0) {
        return 0;
    }
    /* "operator<<int>" would be ambiguous; demanglers put a space: "operator< <int>". */
    return word + sign;
}

/* For each '<' the byte after the '>' that ends it; 0 elsewhere, and where nothing ends it. One
 * pass for all: a name may be a stranger's, and open a million. The caller frees it. */
static size_t *ends_of_arguments(const char *name)
{
    size_t *ends = mem_zero(strlen(name) + 1, sizeof *ends);
    size_t open = 0; /* the innermost open '<', as its place + 1; ends[] holds the one around it */
    for (size_t i = 0; name[i] != '\0';) {
        size_t skipped = operator_length(name, i);
        bool is_arrow = name[i] == '>' && i > 0 && name[i - 1] == '-'; /* fn(A) -> B */
        if (skipped == 0 && name[i] == '<') {
            ends[i] = open;
            open = i + 1;
        } else if (skipped == 0 && name[i] == '>' && !is_arrow && open != 0) {
            size_t around = ends[open - 1];
            ends[open - 1] = i + 1;
            open = around;
        }
        i += skipped > 0 ? skipped : 1;
    }
    while (open != 0) {
        size_t around = ends[open - 1];
        ends[open - 1] = 0;
        open = around;
    }
    return ends;
}

/* Arguments follow a name, "::" (Rust) or an operator; Rust's <T as Trait> follows nothing. */
static bool begins_arguments(const char *name, size_t at, bool follows_operator)
{
    if (name[at] != '<' || at == 0) {
        return false;
    }
    bool is_path = at >= 2 && name[at - 1] == ':' && name[at - 2] == ':';
    return is_word(name[at - 1]) || is_path || (follows_operator && name[at - 1] == ' ');
}

char *name_form_fold(const char *name)
{
    static const char folded[] = "<...>";
    /* Each '<' that is folded has its '>': four bytes of five may be new. */
    char *out = mem_zero(strlen(name) * 3 + sizeof folded, 1);
    char *end = out;
    size_t *ends = ends_of_arguments(name);
    size_t operator_end = 0;
    for (size_t i = 0; name[i] != '\0';) {
        size_t sign = operator_length(name, i);
        if (sign > 0) {
            memcpy(end, name + i, sign);
            end += sign;
            i += sign;
            operator_end = i;
            continue;
        }
        bool follows = operator_end > 0 && i <= operator_end + 1;
        size_t after = begins_arguments(name, i, follows) ? ends[i] : 0;
        if (after > 0) {
            end = stpcpy(end, folded);
            i = after;
        } else {
            *end++ = name[i++];
        }
    }
    *end = '\0';
    free(ends);
    return out;
}

static void make_raw(struct profile_symbol *symbol)
{
    if (symbol->raw_name[0] != '\0') {
        const char *readable = symbol->function;
        symbol->function = symbol->raw_name;
        symbol->raw_name = readable;
    }
}

static void make_folded(struct profile *profile, struct profile_symbol *symbol)
{
    if (strchr(symbol->function, '<') != NULL) {
        char *folded = name_form_fold(symbol->function);
        symbol->function = mem_strings_keep(profile->strings, folded);
        free(folded);
    }
}

void name_form_apply(struct profile *profile, enum name_form form)
{
    for (size_t i = 0; i < profile->symbols.count && form != NAME_READABLE; i++) {
        if (form == NAME_RAW) {
            make_raw(&profile->symbols.at[i]);
        } else {
            make_folded(profile, &profile->symbols.at[i]);
        }
    }
}
