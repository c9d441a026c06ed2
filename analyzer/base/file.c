#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

int file_open_regular(const char *path, int flags, struct stat *ret_info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0) {
        return FILE_UNOPENED;
    }
    if (fstat(fd, ret_info) != 0 || !S_ISREG(ret_info->st_mode)) {
        close(fd);
        return FILE_IRREGULAR;
    }
    return fd;
}
