/*
 * name_form - how functions are written in a report: readable (as a recording has them), as
 * linked, or with the arguments of their templates left out.
 */
#ifndef ALLOCTRAP_INSIGHT_NAME_FORM_H
#define ALLOCTRAP_INSIGHT_NAME_FORM_H

#include "heap/profile.h"

enum name_form {
    NAME_READABLE, /* std::vector<int, std::allocator<int> >::push_back(int const&) */
    NAME_RAW,      /* _ZNSt6vectorIiSaIiEE9push_backERKi */
    NAME_FOLDED    /* std::vector<...>::push_back(int const&) */
};

/* Rewrites the names of a loaded profile; what was readable before NAME_RAW is kept in raw_name, so
 * that wrappers are known by either name. To be done once. */
void name_form_apply(struct profile *profile, enum name_form form);

/* A copy without template arguments; operators, lambdas and Rust's <T as Trait> stay; free() it. */
char *name_form_fold(const char *name);

#endif
