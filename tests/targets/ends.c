/* Ends without any clean-up: abort, _exit, or killed by itself. */
#include "counts.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    for (int i = 0; i < 1000; i++) {
        (void)counts_block(malloc(8), 8);
    }
    counts_tell();
    const struct rlimit no_core = {0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (argc > 1 && strcmp(argv[1], "abort") == 0) {
        abort();
    }
    if (argc > 1 && strcmp(argv[1], "kill") == 0) {
        kill(getpid(), SIGKILL);
    }
    _exit(0);
}
