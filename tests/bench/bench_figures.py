"""bench_figures - from runs to figures. All comparisons are made within a round, then the median is taken.

The baseline of each round is the run without a tool in the same round, so that what changes slowly on
the machine (clock, temperature, neighbours) falls out.
"""
import statistics
from dataclasses import dataclass, field
from typing import Optional

from bench_rows import LOOPS

BASELINE = "none"


@dataclass
class Cell:
    """One row under one tool."""
    warm_up: Optional[object] = None           # the first run, memory sampled; not in the medians
    rounds: dict = field(default_factory=dict)  # round -> Run
    why: str = ""                               # the first failure
    recording_bytes: int = 0
    report_s: Optional[float] = None
    recorded: Optional[int] = None              # allocations in the report
    lost: Optional[int] = None


@dataclass
class Figures:
    slow_down: Optional[float] = None    # of the program itself
    spread: Optional[float] = None       # half the range of slow_down over the rounds
    to_the_end: Optional[float] = None   # until the command has returned
    added_ns: Optional[float] = None     # loops: wall time per pair
    added_cpu_ns: Optional[float] = None  # loops: CPU time of the program's threads per pair
    tree_cpu: Optional[float] = None     # CPU of all processes: loops: ns added per pair; programs: ratio
    cpu_s: Optional[float] = None        # CPU of all processes, seconds (loops: per million pairs)
    added_bytes: Optional[int] = None    # peak memory of all processes
    rounds: int = 0


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def loop_ns(run):
    return run.load["loop_ns_per_pair"] + run.load["ns_per_pair"]


def cpu_ns_per_pair(run):
    return run.cpu_s * 1e9 / run.load["pairs"]


def in_pairs(cell, base):
    """(this run, the baseline's of the same round), for the rounds that both have."""
    return [(run, base.rounds[i]) for i, run in cell.rounds.items() if i in base.rounds]


def fill_loop(figures, pairs):
    slow_downs = [loop_ns(run) / loop_ns(base) for run, base in pairs]
    figures.added_ns = median(run.load["ns_per_pair"] - base.load["ns_per_pair"] for run, base in pairs)
    figures.added_cpu_ns = median(run.load["cpu_ns_per_pair"] - base.load["cpu_ns_per_pair"] for run, base in pairs)
    figures.tree_cpu = median(cpu_ns_per_pair(run) - cpu_ns_per_pair(base) for run, base in pairs)
    figures.cpu_s = median(cpu_ns_per_pair(run) / 1e3 for run, _ in pairs)
    return slow_downs


def fill_program(figures, pairs):
    slow_downs = [run.host_s / base.host_s for run, base in pairs]
    figures.to_the_end = median(run.wall_s / base.wall_s for run, base in pairs)
    figures.tree_cpu = median(run.cpu_s / base.cpu_s for run, base in pairs)
    figures.cpu_s = median(run.cpu_s for run, _ in pairs)
    return slow_downs


def figures_of(row, cell, base):
    figures = Figures()
    pairs = in_pairs(cell, base)
    if not pairs:
        return figures
    slow_downs = fill_loop(figures, pairs) if row.group == LOOPS else fill_program(figures, pairs)
    figures.slow_down = median(slow_downs)
    figures.spread = (max(slow_downs) - min(slow_downs)) / 2
    figures.rounds = len(pairs)
    if cell.warm_up and base.warm_up and cell.warm_up.ok and base.warm_up.ok:
        figures.added_bytes = cell.warm_up.peak_bytes - base.warm_up.peak_bytes
    return figures


def all_figures(row, cells):
    """tool's name -> Figures, for one row."""
    base = cells.get(BASELINE, Cell())
    return {name: figures_of(row, cell, base) for name, cell in cells.items()}
