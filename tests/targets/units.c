/* Tells units of work, if somebody listens. */
#include "counts.h"

#include <alloctrap/alloctrap.h>

int main(void)
{
    alloctrap_units(40, "line");
    alloctrap_units(2, "line");
    counts_tell();
    return 0;
}
