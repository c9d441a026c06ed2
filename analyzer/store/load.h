/*
 * load - the tables of an opened recording -> a profile; everything is checked on the way.
 */
#ifndef ALLOCTRAP_STORE_LOAD_H
#define ALLOCTRAP_STORE_LOAD_H

#include "heap/profile.h"
#include "store/sql.h"

/* Reads all tables into a new, sealed profile. */
ERR_CHECKED enum err_code load_profile(const struct sql *sql, struct profile **ret,
                                       struct err *reterr);

#endif
