/* Takes the lock of the translations twice more: had it been unlocked once too often before, the
 * second time would wait for ever. */
#include "texts_library.h"

#include <libintl.h>
#include <stdio.h>

int main(void)
{
    (void)bindtextdomain(texts_domain, "/nowhere/else");
    (void)textdomain(texts_domain);
    puts(gettext("translations go on"));
    return 0;
}
