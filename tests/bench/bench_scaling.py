"""bench_scaling - how the cost grows with the work: one thing grows, the rest stays."""
import sys

import bench_print as show
from bench_figures import BASELINE, all_figures
from bench_rows import LOOPS, Row, load_command

MILLION = 1000000
BASE = {"pairs": 2 * MILLION, "depth": 32, "sites": 64, "threads": 1, "live": 0}
SERIES = [
    # what grows, the load program's option, its values, what must change with them
    ("events (two for each pair)", "pairs", [MILLION // 2, 5 * MILLION, 50 * MILLION], {}),
    ("call sites", "sites", [10, 100, 1000, 10000, 100000], {}),
    ("stack depth", "depth", [4, 16, 32, 64, 128, 256, 400], {"sites": 2}),
    ("live blocks", "live", [1000, 10000, 100000, MILLION, 10 * MILLION], {}),
    ("threads", "threads", [1, 2, 8, 64, 256, 1000], {}),
]


def values_of(values, quick):
    """A quick run leaves out the largest."""
    return values[:-1] if quick and len(values) > 1 else values


def scaling_row(option, value, changes):
    knobs = {**BASE, **changes, option: value}
    pairs = knobs.pop("pairs")
    words = " ".join(f"--{name}={number}" for name, number in knobs.items())
    return Row(f"{option}-{value}", f"{value:,}", LOOPS,
               lambda build, work, scale: load_command(build, words, pairs, warm_up=0))


def with_every_pair(tools):
    """A recording's size and a report's time belong to a number of events: nobody does fewer here."""
    for tool in tools:
        tool.share = 1.0
    return tools


def growth(figures, first):
    if not first or not first.added_ns or first.added_ns <= 0 or figures.added_ns is None:
        return "-"
    return show.ratio(figures.added_ns / first.added_ns)


def line(tool, value, figures, cell, first):
    if cell.why:
        return [tool, value, "failed"] + ["-"] * 8
    return [tool, value, show.ns(figures.added_ns), growth(figures, first), show.ns(figures.added_cpu_ns),
            show.ns(figures.tree_cpu), show.size(figures.added_bytes), show.size(cell.recording_bytes),
            show.seconds(cell.report_s), show.count(cell.recorded), show.count(cell.lost)]


def run_series(bench, tools, option, values, changes):
    """[(value's name, cells, figures)]"""
    found = []
    for value in values:
        row = scaling_row(option, value, changes)
        print(f"  {option} = {row.name}", file=sys.stderr, flush=True)
        cells = bench.run_row(row, tools)
        found.append((row.name, cells, all_figures(row, cells)))
    return found


def series_lines(tools, found):
    lines = []
    for tool in tools:
        if tool.name == BASELINE:
            continue
        first = found[0][2][tool.name]
        lines.append([])
        lines += [line(tool.name, value, figures[tool.name], cells[tool.name], first)
                  for value, cells, figures in found]
    return lines[1:]


def run_scaling(options, bench, tools):
    if not options.tools:
        tools = [tool for tool in tools if tool.name in (BASELINE, "timing floor", "alloctrap")]
    tools = with_every_pair(tools)
    failed = False
    for what, option, values, changes in SERIES:
        print(f"[{option}] {what}", file=sys.stderr, flush=True)
        found = run_series(bench, tools, option, values_of(values, options.quick), changes)
        failed = failed or any(cell.why for _, cells, _ in found for cell in cells.values())
        head = ["tool", what, "added ns", "to first", "thread CPU ns", "tree CPU ns", "added memory", "recording",
                "report", "allocations", "lost"]
        print(show.heading(f"Scaling: {what}", options.markdown))
        print(show.table(head, series_lines(tools, found), options.markdown), flush=True)
    return failed
