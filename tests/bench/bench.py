#!/usr/bin/env python3
"""bench - what allocation profilers cost, side by side: medians of interleaved runs.

scripts/bench builds what this needs and calls it; docs/benchmarks.md says what each column means.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

import bench_print as show
from bench_figures import BASELINE, Cell, all_figures
from bench_goals import goal_lines
from bench_measure import run_command, run_server
from bench_rows import LOOPS, PROGRAMS, all_rows
from bench_scaling import run_scaling
from bench_tools import find_tools

QUICK_TOOLS = ("none", "forwarding floor", "timing floor", "alloctrap", "alloctrap --free-stacks=off", "heaptrack")
QUICK_SCALE = {LOOPS: 0.3, PROGRAMS: 0.2}
LIMIT_S = 180         # of one run
CELL_LIMIT_S = 120    # of all runs of a row under one tool; then it has fewer rounds
EXIT_USAGE = 2


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Compares what allocation profilers cost.")
    parser.add_argument("--build", default="build-bench", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a rough table within two minutes")
    parser.add_argument("--rounds", type=int, help="measured rounds after the warm-up (default 5; quick: 2)")
    parser.add_argument("--only", metavar="ROW,...", help="only these rows (see --list)")
    parser.add_argument("--tools", metavar="TOOL,...", help="only these tools (see --list); 'none' is always run")
    parser.add_argument("--with-dhat", action="store_true", help="Valgrind's DHAT as well, on the loops")
    parser.add_argument("--scaling", action="store_true", help="how the cost grows with the work, instead")
    parser.add_argument("--markdown", action="store_true", help="tables in markdown")
    parser.add_argument("--json", metavar="FILE", help="every single run as well")
    parser.add_argument("--list", action="store_true", help="names of rows and tools, and what is missing")
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def stop_usage(text):
    say(f"scripts/bench: {text}; see scripts/bench --list")
    sys.exit(EXIT_USAGE)


def chosen(things, wanted, name_of, what):
    """Those whose names are wanted, in our order; an unknown name is an error, not an empty table."""
    names = [name.strip() for name in wanted.split(",")]
    known = [name_of(thing) for thing in things]
    for name in names:
        if name not in known:
            stop_usage(f"no {what} '{name}'")
    return [thing for thing in things if name_of(thing) in names]


def choose_rows(options):
    rows = all_rows()
    if options.only:
        return chosen(rows, options.only, lambda row: row.key, "row")
    return [row for row in rows if row.quick] if options.quick else rows


def choose_tools(options, tools):
    if options.tools:
        kept = chosen(tools, options.tools, lambda tool: tool.name, "tool")
    elif options.quick:
        kept = [tool for tool in tools if tool.name in QUICK_TOOLS]
    else:
        kept = tools
    return [tools[0]] + [tool for tool in kept if tool is not tools[0]]


class Bench:
    def __init__(self, options, build, work):
        self.options = options
        self.build = build
        self.work = work
        self.scale = QUICK_SCALE if options.quick else {LOOPS: 1.0, PROGRAMS: 1.0}
        self.rounds = options.rounds or (2 if options.quick else 5)

    def run_once(self, row, tool, command, sample_memory):
        """(what it cost, the folder with what the tool left)"""
        folder = tempfile.mkdtemp(dir=self.work, prefix="run.")
        if row.group == LOOPS:
            command = command.for_share(tool.share)
        environment = dict(os.environ, **row.environment)
        stopwatch = [os.path.join(self.build, "tests", "bench", "stopwatch"), "life.json"]
        wrapped, environment = tool.wrap(stopwatch + command, environment, folder)
        if row.client:
            run = run_server(wrapped, row.client, environment, folder, LIMIT_S, sample_memory)
        else:
            run = run_command(wrapped, environment, folder, LIMIT_S, sample_memory)
        if run.ok and row.group == LOOPS and not run.load:
            run.ok, run.why = False, "the load program left no result"
        return run, folder

    def look_at_recording(self, tool, folder, cell):
        own = ("output", "life.json", "load.json")
        cell.recording_bytes = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)
                                   if name not in own and os.path.isfile(os.path.join(folder, name)))
        command = tool.report(folder) if tool.report else None
        if command:
            start_s = time.monotonic()
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            cell.report_s = time.monotonic() - start_s if done.returncode == 0 else None
        counted = tool.count(folder) if tool.count else None
        cell.recorded, cell.lost = counted or (None, None)

    def run_cell(self, row, tool, command, number, cell):
        run, folder = self.run_once(row, tool, command, sample_memory=number == 0)
        if not run.ok:
            cell.why = cell.why or run.why
            say(f"    {tool.name}: {run.why}")
        elif number == 0:
            cell.warm_up = run
        else:
            cell.rounds[number] = run
        last = number == self.rounds or self.is_spent(cell)
        if run.ok and last:
            self.look_at_recording(tool, folder, cell)
        shutil.rmtree(folder)

    def is_spent(self, cell):
        runs = [cell.warm_up, *cell.rounds.values()]
        return sum(run.wall_s for run in runs if run) > CELL_LIMIT_S

    def run_row(self, row, tools):
        """tool's name -> Cell, or None when the row's program is missing. The order of tools rotates."""
        command = row.prepare(self.build, self.work, self.scale[row.group])
        if command is None:
            return None
        tools = [tool for tool in tools if row.group == LOOPS or not tool.loops_only]
        cells = {tool.name: Cell() for tool in tools}
        for number in range(self.rounds + 1):
            turn = number % len(tools)
            for tool in tools[turn:] + tools[:turn]:
                cell = cells[tool.name]
                if not cell.why and not (number > 1 and self.is_spent(cell)):
                    self.run_cell(row, tool, command, number, cell)
        return cells

    def run_rows(self, rows, tools):
        """row's key -> cells; the rows left out are named on the way."""
        found, start_s = {}, time.monotonic()
        for i, row in enumerate(rows, 1):
            say(f"[{i}/{len(rows)}] {row.key}: {row.name}")
            cells = self.run_row(row, tools)
            if cells is None:
                say("    left out: not installed or not built")
            else:
                found[row.key] = cells
        say(f"{time.monotonic() - start_s:.0f} s")
        return found


def machine_lines(tools, rounds):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    system = os.uname()
    return [f"{model}, {len(os.sched_getaffinity(0))} cores, {system.sysname} {system.release}, "
            f"{' '.join(os.confstr('CS_GNU_LIBC_VERSION').split())}; load average {os.getloadavg()[0]:.2f}",
            f"Medians of {rounds} interleaved round{'s' if rounds > 1 else ''} after a warm-up; "
            "each tool is compared with 'none' of the same round.",
            *(f"  {tool.name}: {tool.note}" for tool in tools)]


def overview_cell(tool, cells, figures, value):
    if tool.name not in figures:
        return "-"
    return "failed" if cells[tool.name].why else value(figures[tool.name])


def overview(rows, results, tools, value, markdown):
    lines = []
    for row in rows:
        cells = results[row.key]
        figures = all_figures(row, cells)
        lines.append([row.name] + [overview_cell(tool, cells, figures, value) for tool in tools])
    return show.table([""] + [tool.name for tool in tools], lines, markdown)


def cost_cells(group, figures):
    shared = [show.ratio(figures.slow_down), show.percent(figures.spread, figures.slow_down)]
    if group == LOOPS:
        return shared + [show.ns(figures.added_ns), show.ns(figures.added_cpu_ns), show.ns(figures.tree_cpu)]
    return shared + [show.ratio(figures.to_the_end), show.ratio(figures.tree_cpu)]


def detail_line(row, cells, name, figures):
    cell = cells[name]
    cost = cost_cells(row.group, figures)
    if cell.why:
        cost = ["failed"] + ["-"] * (len(cost) - 1)
    recording = show.size(cell.recording_bytes) if cell.recording_bytes else "-"
    return [f"  {name}", *cost, show.size(figures.added_bytes) if figures.added_bytes is not None else "-",
            recording, show.seconds(cell.report_s), show.count(cell.recorded), show.count(cell.lost)]


def detail(rows, results, group, markdown):
    costs = (["slow-down", "spread", "added ns", "thread CPU ns", "tree CPU ns"] if group == LOOPS else
             ["slow-down", "spread", "to the end", "tree CPU"])
    head = ["", *costs, "added memory", "recording", "report", "allocations", "lost"]
    lines = []
    for row in rows:
        figures = all_figures(row, results[row.key])
        lines += [[], [f"{row.name} [{row.key}]"] + [""] * (len(head) - 1)]
        lines += [detail_line(row, results[row.key], name, figures[name]) for name in figures if name != BASELINE]
    return show.table(head, lines[1:], markdown)


def print_group(group, rows, results, tools, markdown):
    rows = [row for row in rows if row.group == group and row.key in results]
    if not rows:
        return
    if group == LOOPS:
        title, value = "Loops: ns added to one malloc/free pair (wall time)", lambda figures: show.ns(figures.added_ns)
    else:
        title, value = "Programs: slow-down (1.00x = no tool)", lambda figures: show.ratio(figures.slow_down)
    others = [tool for tool in tools if tool.name != BASELINE]
    print(show.heading(title, markdown))
    print(overview(rows, results, others, value, markdown))
    print(show.heading(f"{group.capitalize()}: all figures", markdown))
    print(detail(rows, results, group, markdown))


def write_json(path, results):
    runs = {key: {name: asdict(cell) for name, cell in cells.items()} for key, cells in results.items()}
    with open(path, "w") as out:
        json.dump(runs, out, indent=1)


def print_list(rows, tools, broken):
    print(show.table(["row", "what"], [[row.key, row.name] for row in rows], left=2))
    print()
    print(show.table(["tool", "what"], [[tool.name, tool.note] for tool in tools], left=2))
    if broken:
        print("\ninstalled, but cannot record a command here: " + ", ".join(broken))


def is_ours(name):
    """A peer that crashes is a line of the table; ours, or the workload alone, is an error."""
    return name == BASELINE or name.startswith("alloctrap") or name.endswith("floor")


def compare_tools(options, bench, tools):
    rows = choose_rows(options)
    results = bench.run_rows(rows, tools)
    print("\n".join(machine_lines(tools, bench.rounds)))
    for group in (LOOPS, PROGRAMS):
        print_group(group, rows, results, tools, options.markdown)
    goals = goal_lines(rows, results)
    if goals:
        print(show.heading("Ratios, all from this run", options.markdown))
        print(show.table(["", "measured", "goal", "met"], goals, options.markdown))
    if options.json:
        write_json(options.json, results)
    failed = any(cell.why for cells in results.values() for name, cell in cells.items() if is_ours(name))
    return failed or not results


def main():
    options = parse()
    build = os.path.abspath(options.build)
    alloctrap = os.path.abspath(os.environ.get("ALLOCTRAP") or os.path.join(build, "analyzer", "alloctrap"))
    tools, broken = find_tools(build, alloctrap, options.with_dhat)
    if options.list:
        print_list(all_rows(), tools, broken)
        return 0
    if broken:
        say("left out, cannot record a command here: " + ", ".join(broken))
    tools = choose_tools(options, tools)
    with tempfile.TemporaryDirectory(dir=build, prefix="bench.") as work:
        bench = Bench(options, build, work)
        if options.scaling:
            return run_scaling(options, bench, tools)
        return compare_tools(options, bench, tools)


if __name__ == "__main__":
    sys.exit(main())
