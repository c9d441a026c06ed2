"""bench_goals - the ratios that the project promises, computed from one run of scripts/bench."""
import bench_print as show
from bench_figures import all_figures, median
from bench_rows import LOOPS

OURS = "alloctrap"
OURS_NO_FREE_STACKS = "alloctrap --free-stacks=off"
OURS_NO_LATENCY = "alloctrap --latency=off"
PEER = "heaptrack"
FLOOR = "timing floor"
RATIO_ROWS = ("d3", "d32")


def line(what, value, goal, met, digits=2):
    shown = f"{value:.{digits}f}"
    return [what, shown, goal, "yes" if met else "no"]


def at_most(what, value, goal, goal_text=None, digits=2):
    return line(what, value, goal_text or f"<= {goal:g}", value <= goal, digits)


def quotient(figures, tool, other, part="added_ns"):
    above = getattr(figures[tool], part) if tool in figures else None
    below = getattr(figures[other], part) if other in figures else None
    return above / below if above is not None and below and below > 0 else None


def pair_lines(row, figures):
    lines = []
    for tool, other, goal, text in ((OURS, PEER, 1 / 6, "<= 1/6 = 0.167"), (OURS, FLOOR, 4, None),
                                    (OURS_NO_FREE_STACKS, PEER, 1 / 8, "<= 1/8 = 0.125")):
        value = quotient(figures, tool, other)
        if value is not None:
            lines.append(at_most(f"{row.name}: added ns, {tool} / {other}", value, goal, text, digits=3))
    return lines


def thread_lines(names, found):
    """Growth from one to two threads, by the threads' own CPU time: where two threads and a recorder
    share two cores, wall time grows with the recorder's share and says nothing of contention."""
    lines = []
    for key in RATIO_ROWS:
        one, two = found.get(key), found.get(f"{key}-2t")
        if one and two and OURS in one and one[OURS].added_cpu_ns and two[OURS].added_cpu_ns:
            value = two[OURS].added_cpu_ns / one[OURS].added_cpu_ns
            lines.append(at_most(f"{names[key]}: thread CPU ns added, 2 threads / 1", value, 1.15))
    return lines


def program_lines(row, figures):
    lines = []
    for tool, goal in ((OURS, row.goal), (OURS_NO_FREE_STACKS, row.goal_no_free_stacks)):
        if goal and tool in figures and figures[tool].slow_down:
            lines.append(at_most(f"{row.name}: slow-down, {tool}", figures[tool].slow_down, goal))
    return lines


def cpu_lines(found):
    values = [quotient(figures, PEER, OURS, "cpu_s") for figures in found.values()]
    values = [value for value in values if value is not None]
    if not values:
        return []
    least = min(values)
    return [line(f"CPU of all processes, {PEER} / {OURS}: median of {len(values)} rows", median(values), ">= 3",
                 median(values) >= 3),
            line(f"CPU of all processes, {PEER} / {OURS}: lowest row", least, "> 1", least > 1)]


def loss_lines(results):
    """What the figures rest on: that everything was recorded."""
    cells = [cell for cells in results.values() for name, cell in cells.items() if name.startswith(OURS)]
    counted = [cell.lost for cell in cells if cell.lost is not None]
    if not counted:
        return []
    return [line(f"events lost by {OURS}, {len(counted)} recordings", sum(counted), "= 0", sum(counted) == 0, 0)]


def goal_lines(rows, results):
    rows = [row for row in rows if row.key in results]
    found = {row.key: all_figures(row, results[row.key]) for row in rows}
    names = {row.key: row.name for row in rows}
    lines = []
    for row in rows:
        if row.key in RATIO_ROWS:
            lines += pair_lines(row, found[row.key])
    lines += thread_lines(names, found)
    for row in rows:
        if row.group != LOOPS:
            lines += program_lines(row, found[row.key])
    return lines + cpu_lines(found) + loss_lines(results)
