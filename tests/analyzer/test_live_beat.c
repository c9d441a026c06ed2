#include "live/live_beat.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>

#include "live/live_clock.h"

static const uint64_t WAIT_NS = 20000000000;

static struct session_control control;
static struct live_dir dir = {.control = &control, .fd = -1, .notify_fd = -1};

/* True as soon as the heart has beaten after since_ns. */
static bool beats_after(uint64_t since_ns)
{
    uint64_t end_ns = live_clock_ns() + WAIT_NS;
    while (control.beat_ns <= since_ns && live_clock_ns() < end_ns) {
        sched_yield();
    }
    return control.beat_ns > since_ns;
}

Test(live_beat, the_heart_beats_until_it_is_stopped)
{
    struct live_beat beat = {0};
    live_beat_start(&beat, &dir);
    cr_assert(beats_after(live_clock_ns()));
    cr_assert(beats_after(live_clock_ns()), "and again");
    cr_assert_eq(control.recorder_state, SESSION_RECORDER_RUNNING);
    live_beat_stop(&beat);
    uint64_t last_ns = control.beat_ns;
    live_dir_beat(&dir, SESSION_RECORDER_CLOSED);
    cr_assert_geq(control.beat_ns, last_ns);
    cr_assert_eq(control.recorder_state, SESSION_RECORDER_CLOSED, "nobody says RUNNING any more");
}

Test(live_beat, stopping_twice_or_before_the_start_does_nothing)
{
    struct live_beat beat = {0};
    live_beat_stop(&beat);
    live_beat_start(&beat, &dir);
    live_beat_stop(&beat);
    live_beat_stop(&beat);
}

Test(live_beat, our_own_signal_mask_stays)
{
    struct live_beat beat = {0};
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    live_beat_start(&beat, &dir);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    live_beat_stop(&beat);
    for (int number = 1; number < SIGRTMAX; number++) {
        cr_assert_eq(sigismember(&before, number), sigismember(&after, number));
    }
}
