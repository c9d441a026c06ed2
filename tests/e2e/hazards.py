#!/usr/bin/env python3
"""Each hazard's program, plain and under `alloctrap record`: the same output, exit status,
descriptors, threads and signals, and counts that are exactly those that it publishes itself.

    hazards.py ALLOCTRAP TARGET_DIR SOURCE_DIR GROUP...

One line for each case. What this machine does not allow (name spaces, other users) is skipped, and
said; a group of which nothing ran fails.
"""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True # beside the sources
from hazard_guard import (enter_namespace, run_all_sizes, run_files, run_preload, run_room, run_sizes,
                          run_watch)
from hazard_runs import (COUNTS, ORDER_BLOCKS, Hazards, Run, compile_target, library_path,
                         query)

# C++: by the functions that publish, as libstdc++ allocates on the target's behalf too.
COUNTS_BY_FUNCTION = """
SELECT coalesce(sum(c.allocs), 0), coalesce(sum(c.frees), 0), coalesce(sum(c.bytes), 0)
FROM site_call c
WHERE c.site IN (SELECT site FROM stacks WHERE step <= 2 AND
                 (function LIKE '%::take(%' OR function LIKE '%::give(%'))
  AND c.site NOT IN (SELECT site FROM stacks WHERE function LIKE '%cxa_%_exception%')
"""


def run_fork(hazards):
    for case in ("among_threads", "from_threads", "vfork", "spawn", "raw_clone", "clone", "daemon", "orphans"):
        hazards.case("fork", "hazard_fork", case)


def run_end(hazards):
    for case in ("_exit", "quick_exit", "abort", "fault", "thread", "main", "keys", "atexit"):
        hazards.case("end", "hazard_end", case)
    for number in ("1", "9", "15", "31"):
        hazards.case("end", "hazard_end", "signal", number)


def run_exec(hazards):
    for case in ("chain", "cleared", "in_thread", "vfork"):
        hazards.case("exec", "hazard_exec", case)


def run_descriptors(hazards):
    for case in ("closefrom", "standard", "use_all"):
        hazards.case("descriptors", "hazard_descriptors", case)


def run_confined(hazards):
    empty = os.path.join(hazards.work, "empty")
    os.makedirs(empty)
    hazards.case("confined", "hazard_confined", "chroot", empty)
    hazards.case("confined", "hazard_confined", "setuid")
    hazards.case("confined", "hazard_confined", "daemon")
    hazards.case("confined", "hazard_confined", "namespace", "user")
    hazards.case("confined", "hazard_confined", "namespace", "mount", hazards.work)
    hazards.case("confined", "hazard_confined", "namespace", "pid")
    for resource in ("as", "nofile", "fsize", "nproc", "memlock", "data"):
        hazards.case("confined", "hazard_confined", "limit", resource)
    for way in ("prctl", "syscall"):
        hazards.case("confined", "hazard_confined", "filter", way)
    hazards.case("confined", "hazard_confined", "strict")
    hazards.case("confined", "hazard_confined", "sandbox")
    hazards.case("confined", "hazard_confined", "probe")
    hazards.case("confined", "hazard_confined", "nameless", "first")


def run_stack(hazards):
    for case in ("tiny", "many", "alternate", "contexts", "pivoted", "frames", "generated", "deep"):
        hazards.case("stack", "hazard_stack", case)


def run_signal(hazards):
    for case in ("allocates", "threads", "forks", "nested"):
        hazards.case("signal", "hazard_signal", case)
    hazards.case("signal", "hazard_signal", "allocates", "on another stack")
    hazards.case("signal", "hazard_signal", "forks_returns", in_doubt=60)
    check_jumps(hazards)


def check_jumps(hazards):
    """Handlers that jump away from anywhere: the calls they left may be counted; all others are."""
    plain, recorded, faults = hazards.pair([hazards.target("hazard_signal"), "anywhere"])
    sure = recorded.counts
    found = query(hazards.recording, """
        SELECT sum(c.allocs), sum(c.frees) FROM site_call c
        WHERE c.site IN (SELECT site FROM stacks WHERE step = 0 AND function IN ('take', 'give'))""")[0]
    rest = query(hazards.recording, "SELECT sum(allocs), sum(frees) FROM site_call WHERE site = 0")[0]
    if not all(count <= sure[i] <= count + (rest[i] or 0) for i, count in enumerate(found)):
        faults.append(f"counts {found}, published {sure}, remainder {rest}")
    faults += [line for line in recorded.said if "please report" in line]
    hazards.done("signal jumps from anywhere", faults, f": {sure[0]} allocations, remainder {rest}")


def run_load(hazards):
    libraries = [hazards.library("storm_one"), hazards.library("storm_two")]
    for case in ("namespace", "deepbind", "threads", "storm"):
        hazards.case("load", "hazard_load", case, *libraries)
    check_storm(hazards, 60)


def check_storm(hazards, rounds):
    """Two libraries at one address, in turn: each function has its own allocations, to the unit."""
    name = f"load {rounds} times two libraries at one address"
    found = dict(query(hazards.recording, """
        SELECT n.function, sum(c.allocs) FROM site_call c JOIN site s ON s.id = c.site
        JOIN path p ON p.id = s.path JOIN frame_name n ON n.frame = p.frame
        WHERE n.function LIKE 'storm_%' AND c.allocs > 0 GROUP BY n.function"""))
    wanted = {"storm_one": 4 * rounds, "storm_two": 3 * rounds}
    hazards.done(name, [] if found == wanted else [f"{found}, wanted {wanted}"], f": {found}")


def run_misuse(hazards):
    for case in ("twice", "strange", "inside", "realloc", "abort", "tune"):
        hazards.case("misuse", "hazard_misuse", case)
    hazards.command("misuse first allocation under libc's lock of translations",
                    [hazards.target("texts")], counts=None)


def run_order(hazards):
    """Blocks handed over by realloc and free: no life merged, live bytes exactly zero at the end."""
    hazards.case("order", "hazard_order")
    name = "order: every life ends, live bytes return to zero"
    live, unknown, late, peak = query(hazards.recording, """
        SELECT (SELECT coalesce(sum(s.live_bytes) + sum(s.live_blocks), 0) FROM site s
                LEFT JOIN path p ON p.id = s.path LEFT JOIN frame f ON f.id = p.frame
                LEFT JOIN module m ON m.id = f.module WHERE m.path LIKE '%/tests/targets/%'),
               unknown_frees, late_events, peak_blocks FROM run""")[0]
    faults = [f"{live} live bytes and blocks"] * (live != 0) + [f"{unknown} unknown frees"] * (unknown != 0)
    faults += [f"lost {hazards.losses()}"] * bool(hazards.losses())
    faults += [f"{peak} blocks at the peak"] * (peak > ORDER_BLOCKS)
    hazards.done(name, faults, f"; at most {peak} at once; {late} events came late and were put right")


def check_allocator(hazards, allocator):
    path = library_path(allocator)
    if path is None:
        hazards.skip(f"allocators {allocator}", "not installed")
        return
    for source, compiler, counts in (("hazard_order.c", "gcc", COUNTS), ("hazard_throw.cpp", "g++", COUNTS_BY_FUNCTION)):
        program = compile_target(hazards, compiler, source, f"{allocator}_{source[:-2]}", "-Wl,--no-as-needed", path)
        hazards.command(f"allocators {allocator} linked: {source}", [program], counts=counts)
        program = compile_target(hazards, compiler, source, f"plain_{source[:-2]}")
        environment = {**os.environ, "LD_PRELOAD": path}
        hazards.command(f"allocators {allocator} preloaded: {source}", [program], environment=environment, counts=counts)
    check_before_us(hazards, allocator, path)


def check_before_us(hazards, allocator, path):
    """The other order: it comes first, our malloc is never called, and nothing may break."""
    program = hazards.target("hazard_order")
    first = Run([program], hazards.work, {**os.environ, "LD_PRELOAD": path})
    folder = os.path.join(hazards.work, "before")
    os.makedirs(folder, exist_ok=True)
    both = Run([program], folder, {**os.environ, "LD_PRELOAD": f"{path}:{hazards.shim}"})
    faults = [] if (first.status, first.output, first.published) == (both.status, both.output, both.published) else [
        f"status {both.status}, output {both.output}"]
    hazards.done(f"allocators {allocator} preloaded before us", faults)


def check_sanitizers(hazards):
    """Those that refuse a preload run without us; UBSan's are recorded as any program."""
    for compiler in ("gcc", "clang"):
        for sanitizer, said in (("address", "sanitizer"), ("thread", "sanitizer"), ("undefined", None),
                                ("leak", None)):
            name = f"allocators {compiler} -fsanitize={sanitizer}"
            program = compile_target(hazards, compiler, "ends.c", f"{compiler}_{sanitizer}", f"-fsanitize={sanitizer}")
            if program is None:
                hazards.skip(name, "not installed")
                continue
            is_exact = sanitizer == "undefined" and compiler == "gcc" # clang's allocates in the program
            counts = COUNTS if is_exact else None
            hazards.command(name, [program, "abort"], counts=counts, said=said)


def run_allocators(hazards):
    for allocator in ("jemalloc", "tcmalloc", "mimalloc"):
        check_allocator(hazards, allocator)
    program = compile_target(hazards, "g++", "hazard_throw.cpp", "throw")
    hazards.command("allocators glibc: hazard_throw.cpp", [program], counts=COUNTS_BY_FUNCTION)
    hazards.command("allocators own malloc", [hazards.target("own_malloc")], counts=None, said="defines malloc itself")
    hazards.command("allocators static program", [hazards.target("static"), "abort"], counts=None,
                    said="statically linked")
    check_sanitizers(hazards)


def run_soak(hazards):
    """What takes minutes: scripts/soak."""
    libraries = [hazards.library("storm_one"), hazards.library("storm_two")]
    hazards.case("soak fork", "hazard_fork", "among_threads", "2000")
    hazards.case("soak load", "hazard_load", "storm", *libraries, "10000")
    check_storm(hazards, 10000)
    hazards.case("soak load", "hazard_load", "threads", *libraries, "10000")
    for _ in range(20):
        run_signal(hazards)
        run_order(hazards)
    status = enter_namespace(sys.argv[1:4] + ["all_sizes"])
    hazards.done("soak sizes", [] if status == 0 else [f"status {status}"])


GROUPS = {name[4:]: function for name, function in list(globals().items()) if name.startswith("run_")}


def main():
    groups = [word for word in sys.argv[4:] if word != "in-namespace"]
    if not groups or any(group not in GROUPS for group in groups):
        sys.exit(f"usage: hazards.py ALLOCTRAP TARGET_DIR SOURCE_DIR GROUP...; groups: {', '.join(GROUPS)}")
    with tempfile.TemporaryDirectory(prefix="alloctrap-hazards.") as work:
        hazards = Hazards(*map(os.path.abspath, sys.argv[1:4]), work)
        for group in groups:
            GROUPS[group](hazards)
    print(f"{hazards.passed} of {hazards.passed + hazards.failed} cases hold")
    sys.exit(hazards.failed != 0 or hazards.passed == 0)


main()
