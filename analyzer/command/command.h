/*
 * command - the subcommands: options in, view out. Each is one file, command_NAME() in NAME.c.
 * A command fills *ret_status only when it returns ERR_NONE (0 unless it says otherwise).
 */
#ifndef ALLOCTRAP_COMMAND_COMMAND_H
#define ALLOCTRAP_COMMAND_COMMAND_H

#include "base/err.h"

typedef enum err_code command_run(int argc, char **argv, int *ret_status, struct err *reterr);

/* X(name, function, one line for the list of commands; "" = not listed) in the order of the list.
 */
#define COMMAND_TABLE(X)                                                                           \
    X("record", command_record, "run a program and record its allocations")                        \
    X("report", command_report, "show what a recording knows: totals, latency, call sites")        \
    X("compare", command_compare, "show two recordings side by side, and what changed")            \
    X("advise", command_advise, "say what to do about the allocations, with evidence")             \
    X("check", command_check, "hold recordings, or a command, to allocation budgets")              \
    X("scaling", command_scaling, "fit how allocations grow with the input, and predict")          \
    X("html", command_html, "make one HTML page of a recording, or of two")                        \
    X("top", command_top, "show what a program that is being recorded allocates now")              \
    X("merge", command_merge, "add up several recordings into one")                                \
    X("info", command_info, "say what a recording is and whether it is whole")                     \
    X("export", command_export, "write flame graphs and the formats of other programs")            \
    X("push", command_push, "send a recording to a profiling server")                              \
    X("symbolize", command_symbolize, "name functions that were recorded without names")           \
    X("recover", command_recover, "make a recording of what a killed recorder left")               \
    X("attach", command_attach, "")

#define COMMAND_DECLARE(name, function, line) command_run function;
COMMAND_TABLE(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif
