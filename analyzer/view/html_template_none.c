#include "view/html_template.h"

const char html_template[1] = "";
const size_t html_template_bytes = 0;
