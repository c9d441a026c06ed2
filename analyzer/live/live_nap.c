#include "live/live_nap.h"

#include <poll.h>
#include <time.h>

#include "live/live_clock.h"

enum { POLL_MAX = 1024 };

static const uint64_t NS_PER_S = 1000000000;
static const uint64_t QUIET_NS = 100000000; /* without a look at anything but the rings */

bool live_nap_for(struct live_recorder *recorder, uint64_t timeout_ns, int extra_fd)
{
    struct pollfd fds[POLL_MAX];
    nfds_t count = 0;
    bool has_all = extra_fd >= 0 && recorder->dir->notify_fd >= 0 &&
                   recorder->sessions.count <= POLL_MAX - 2 && recorder->pending.count == 0;
    fds[count++] = (struct pollfd){.fd = extra_fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = recorder->dir->notify_fd, .events = POLLIN};
    for (size_t i = 0; i < recorder->sessions.count && count < POLL_MAX; i++) {
        int pid_fd = recorder->sessions.at[i]->pid_fd;
        fds[count++] = (struct pollfd){.fd = pid_fd, .events = POLLIN};
        has_all = has_all && pid_fd >= 0;
    }
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
                               .tv_nsec = (long)(timeout_ns % NS_PER_S)};
    return ppoll(fds, count, &timeout, NULL) != 0 || !has_all;
}

void live_nap(struct live_recorder *recorder, int extra_fd)
{
    uint64_t nap_ns = live_pace_nap_ns(&recorder->pace, recorder->passed);
    recorder->is_quiet = nap_ns != 0 && !live_nap_for(recorder, nap_ns, extra_fd) &&
                         live_clock_ns() - recorder->looked_ns < QUIET_NS;
}
