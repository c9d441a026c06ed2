#include "criterion_allocations.c"
