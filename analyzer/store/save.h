/*
 * save - a profile -> the tables of a new, empty database.
 */
#ifndef ALLOCTRAP_STORE_SAVE_H
#define ALLOCTRAP_STORE_SAVE_H

#include "heap/profile.h"
#include "store/sql.h"

/* Creates the schema and writes all rows. The caller holds the transaction. */
ERR_CHECKED enum err_code save_profile(const struct sql *sql, const struct profile *profile,
                                       struct err *reterr);

#endif
