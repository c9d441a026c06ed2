/*
 * base_local - marks variables that hooks read and no other object sees: they are then addressed
 * directly. -fvisibility=hidden says so of definitions alone, not of a header's declarations.
 */
#ifndef ALLOCTRAP_BASE_LOCAL_H
#define ALLOCTRAP_BASE_LOCAL_H

#define LOCAL __attribute__((visibility("hidden")))

#endif
