/*
 * sample_profile - a profile of any size with something in every table, for the tests and the
 * benchmark of store/. Equal arguments, equal profiles.
 */
#ifndef ALLOCTRAP_TESTS_SAMPLE_PROFILE_H
#define ALLOCTRAP_TESTS_SAMPLE_PROFILE_H

#include "heap/profile.h"

/* Sealed; profile_destroy() it. At least 1 site. */
struct profile *sample_profile(uint32_t sites);

#endif
