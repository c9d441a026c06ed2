/*
 * live_finish - the end of a recording: names for its addresses, saved, closed, and said.
 * Owner: record, attach, recover.   Threads: one.
 */
#ifndef ALLOCTRAP_LIVE_FINISH_H
#define ALLOCTRAP_LIVE_FINISH_H

#include "live/live_recorder.h"

/* "key=value,key=value": what a person says of a run. */
#define LIVE_FINISH_LABELS_ENV "ALLOCTRAP_LABELS"

/* Fills what a recording says of itself: id, host, service, labels, version, settings, and
 * the command (arguments joined by US; NULL: that of the first process). */
void live_finish_describe(struct live_recorder *recorder, const char *command);

/* An argv joined by US (0x1f); free() it. */
char *live_finish_join(char *const *argv);

/* Settles, resolves symbols (with progress on a terminal, when it takes over a second), saves. */
ERR_CHECKED enum err_code live_finish_save(struct live_recorder *recorder, struct err *reterr);

#endif
