#include "base_sys.h"

_Atomic bool sys_is_sealed;
