#!/usr/bin/env python3
"""Each hazard's program, plain and under `alloctrap record`: the same output, exit status,
descriptors, threads and signals, and counts that are exactly those that it publishes itself.

    hazards.py ALLOCTRAP TARGET_DIR SOURCE_DIR GROUP...

One line for each case. What this machine does not allow (name spaces, other users) is skipped, and
said; a group of which nothing ran fails.
"""
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 300
STACK_BYTES = 1024
ORDER_BLOCKS = 64 + 4 * 2 + 16 # slots, in the threads' hands, libc's own
BLOCK_BYTES = 200 # the largest block of cases.h
SKIPPED = 77
PUBLISHED = re.compile(rb"^allocs=(\d+) frees=(\d+) bytes=(\d+)$")

# Of the targets' own code, and of what has no call path.
COUNTS = """
SELECT coalesce(sum(c.allocs), 0), coalesce(sum(c.frees), 0), coalesce(sum(c.bytes), 0)
FROM site_call c JOIN site s ON s.id = c.site
LEFT JOIN path p ON p.id = s.path LEFT JOIN frame f ON f.id = p.frame
LEFT JOIN module m ON m.id = f.module
WHERE s.path = 0 OR m.path LIKE '%/tests/targets/%'
"""


# C++: by the functions that publish, as libstdc++ allocates on the target's behalf too.
COUNTS_BY_FUNCTION = """
SELECT coalesce(sum(c.allocs), 0), coalesce(sum(c.frees), 0), coalesce(sum(c.bytes), 0)
FROM site_call c
WHERE c.site IN (SELECT site FROM stacks WHERE step <= 2 AND
                 (function LIKE '%::take(%' OR function LIKE '%::give(%'))
  AND c.site NOT IN (SELECT site FROM stacks WHERE function LIKE '%cxa_%_exception%')
"""


class Run:
    """What a command did: its status as a shell sees it, its output without what it published."""

    def __init__(self, command, work, environment):
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT_S)
        self.take(done.returncode, done.stdout, done.stderr)

    def take(self, status, output, errors):
        self.status = 128 - status if status < 0 else status
        lines = output.split(b"\n")
        told = [match for match in map(PUBLISHED.match, lines) if match]
        self.published = len(told)
        self.counts = tuple(sum(int(match[i]) for match in told) for i in (1, 2, 3))
        self.output = sorted(line for line in lines if not PUBLISHED.match(line))
        errors = errors.split(b"\n")
        self.errors = [line for line in errors if not line.startswith(b"alloctrap: ")]
        self.said = [line.decode() for line in errors if line.startswith(b"alloctrap: ")]


class LiveRun(Run):
    """A recorded run of the target that waits for us: up, worked, done."""

    def __init__(self, hazards, output, *options, wrapper=(), environment=None):
        command = [*wrapper, hazards.alloctrap, "record", "--quiet", "-o", output, *options, "--",
                   hazards.target("hazard_watch"), "work"]
        self.process = subprocess.Popen(command, cwd=hazards.work, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.output = self.process.stdout.readline()

    def step(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        self.output += self.process.stdout.readline()

    def finish(self):
        rest, errors = self.process.communicate(b"\n", timeout=TIMEOUT_S)
        self.take(self.process.returncode, self.output + rest, errors)
        return self


def query(recording, sql):
    with sqlite3.connect(f"file:{recording}?mode=ro", uri=True) as base:
        return base.execute(sql).fetchall()


class Hazards:
    def __init__(self, alloctrap, targets, sources, work):
        self.alloctrap = alloctrap
        self.shim = os.path.join(os.path.dirname(os.path.dirname(alloctrap)), "preload", "liballoctrap.so")
        self.targets = targets
        self.sources = sources
        self.work = work
        self.recording = os.path.join(work, "run.atrap")
        self.failed = 0
        self.passed = 0

    def target(self, name):
        return os.path.join(self.targets, "target_" + name)

    def library(self, name):
        return os.path.join(self.targets, f"lib{name}.so")

    def done(self, name, faults, note=""):
        self.failed += bool(faults)
        self.passed += not faults
        print(f"{'FAIL' if faults else 'ok  '} {name}{': ' + '; '.join(faults) if faults else note}",
              flush=True)

    def skip(self, name, why):
        print(f"skip {name}: {why}", flush=True)

    def clean(self):
        for path in (self.recording, self.recording + ".session"):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)

    def record(self, command, options=(), environment=None):
        self.clean()
        return Run([self.alloctrap, "record", "--quiet", "-o", self.recording, *options, "--", *command],
                   self.work, environment)

    def pair(self, command, options=(), environment=None, is_any_number=False):
        """The plain run, the recorded one, and how they differ."""
        plain = Run(command, self.work, environment)
        recorded = self.record(command, options, environment)
        faults = []
        for what in ("status", "output", "errors") + (() if is_any_number else ("published",)):
            before, after = getattr(plain, what), getattr(recorded, what)
            if before != after:
                faults.append(f"{what} {after}, plain {before}")
        return plain, recorded, faults

    def losses(self):
        return dict(query(self.recording, "SELECT cause, events FROM loss WHERE events > 0"))

    def check_counts(self, recorded, faults, sql=COUNTS, in_doubt=0):
        """in_doubt: calls that a handler interrupted, of which nobody knows whether they returned."""
        if not os.path.exists(self.recording):
            faults.append(f"no recording; {recorded.said}")
            return
        found = query(self.recording, sql)[0]
        if max(abs(is_there - told) // (size if size else 1) for is_there, told, size in
               zip(found, recorded.counts, (1, 1, BLOCK_BYTES))) > in_doubt:
            faults.append(f"counts {found}, published {recorded.counts}; lost {self.losses()}")
        if os.path.exists(self.recording + ".session"):
            faults.append("the session was left behind")

    def case(self, group, target, *arguments, **more):
        self.command(" ".join([group, *map(os.path.basename, arguments)]), [self.target(target), *arguments],
                     **more)

    def command(self, name, command, options=(), environment=None, counts=COUNTS, said=None, in_doubt=0):
        try:
            plain, recorded, faults = self.pair(command, options, environment, in_doubt > 0)
        except subprocess.TimeoutExpired as late:
            self.done(name, [f"hangs: {' '.join(late.cmd)}"])
            return
        if plain.status == SKIPPED or (counts and plain.published == 0):
            self.skip(name, "not allowed here" if plain.status == SKIPPED else "does not run here without us")
            return
        if counts:
            self.check_counts(recorded, faults, counts, in_doubt)
        faults += [line for line in recorded.said if "please report" in line]
        if said is not None and not any(said in line for line in recorded.said):
            faults.append(f"'{said}' was not said: {recorded.said}")
        lost = self.losses() if counts and os.path.exists(self.recording) else {}
        self.done(name, faults, f": {recorded.counts[0]} allocations" + (f", without order {lost}" if lost else "")
                  + (f"; said: {said}" if said else ""))


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


def run_preload(hazards):
    """Without a launcher: the library starts the recorder itself, which the host must not notice."""
    for target, *arguments in (("fork", "daemon"), ("fork", "spawn"), ("fork", "raw_clone"), ("end", "main"),
                               ("end", "thread"), ("end", "signal", "9"), ("exec", "chain"),
                               ("descriptors", "closefrom"), ("watch", "heap")):
        command = [hazards.target("hazard_" + target), *arguments]
        name = "preload " + " ".join([target, *arguments])
        folder = tempfile.mkdtemp(dir=hazards.work)
        plain = Run(command, hazards.work, None)
        alone = Run(command, folder, {**os.environ, "LD_PRELOAD": hazards.shim})
        wait_until(lambda: not any(entry.endswith(".session") for entry in os.listdir(folder)))
        recordings = [entry for entry in os.listdir(folder) if entry.endswith(".atrap")]
        faults = [f"{what} {getattr(alone, what)}, plain {getattr(plain, what)}"
                  for what in ("status", "output", "errors", "published") if getattr(alone, what) != getattr(plain, what)]
        if len(recordings) == 1:
            hazards.clean()
            shutil.copy(os.path.join(folder, recordings[0]), hazards.recording)
            hazards.check_counts(alone, faults)
        else:
            faults.append(f"recordings {recordings}")
        hazards.done(name, faults, f": {alone.counts[0]} allocations")


def run_descriptors(hazards):
    for case in ("closefrom", "standard", "use_all"):
        hazards.case("descriptors", "hazard_descriptors", case)


def run_confined(hazards):
    empty = os.path.join(hazards.work, "empty")
    os.makedirs(empty)
    hazards.case("confined", "hazard_confined", "chroot", empty)
    hazards.case("confined", "hazard_confined", "setuid")
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


def check_painted(hazards):
    """What a hook takes of its caller's stack: the stack is painted before the call."""
    figures = []
    for run in hazards.pair([hazards.target("hazard_stack"), "painted"])[:2]:
        words = b" ".join(run.errors).split()
        figures.append({word.split(b"=")[0].decode(): int(word.split(b"=")[1]) for word in words if b"=" in word})
    plain, recorded = figures
    ours = {name: recorded[name] - plain[name] for name in plain}
    faults = [f"{name}: {count} bytes" for name, count in ours.items() if count > STACK_BYTES]
    hazards.done(f"watch painted stack, at most {STACK_BYTES} bytes", faults or ["nothing measured"] * (not ours),
                 f": {ours}")


def wait_until(condition):
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        os.sched_yield()


def check_live(hazards, name, disturb, is_recorded=True):
    """The target works while `disturb` does something to its recorder or our files."""
    hazards.clean()
    run = LiveRun(hazards, hazards.recording)
    settle = disturb(run)
    run.step()
    if settle:
        settle()
    run.finish()
    faults = []
    if (run.status, run.output) != (3, sorted([b"", b"up", b"worked"])) or run.errors != [b""]:
        faults.append(f"status {run.status}, output {run.output}, errors {run.errors}")
    if is_recorded:
        hazards.check_counts(run, faults)
    hazards.done(name, faults, f": {run.counts[0]} allocations" + "".join("; " + line for line in run.said))


def check_killed(hazards):
    hazards.clean()
    run = LiveRun(hazards, hazards.recording)
    run.process.kill()
    run.step()
    rest, _ = run.process.communicate(b"\n", timeout=TIMEOUT_S)
    run.take(0, run.output + rest, b"")
    faults = [] if run.output == sorted([b"", b"up", b"worked"]) else [f"output {run.output}"]
    recovered = subprocess.run([hazards.alloctrap, "recover", hazards.recording + ".session", "-o",
                                hazards.recording], capture_output=True)
    if recovered.returncode != 0:
        faults.append(f"recover: {recovered.stderr}")
    shutil.rmtree(hazards.recording + ".session", ignore_errors=True)
    hazards.check_counts(run, faults)
    hazards.done("watch recorder killed, then recovered", faults, f": {run.counts[0]} allocations")


def run_watch(hazards):
    hazards.case("watch", "hazard_watch", "heap")
    hazards.case("watch", "hazard_watch", "no_call", options=["--on-full=drop"])
    check_painted(hazards)
    check_maps(hazards)
    check_bindings(hazards)

    def stop(run):
        run.process.send_signal(signal.SIGSTOP)
        return lambda: run.process.send_signal(signal.SIGCONT)

    check_live(hazards, "watch recorder stopped", stop)
    check_killed(hazards)


def check_maps(hazards):
    """In the host's memory: our library, the session's two files, and nothing that is ours beside."""
    plain, recorded, _ = hazards.pair([hazards.target("hazard_watch"), "maps"])
    extra = {line for line in recorded.output if line not in plain.output}
    files = {line.split()[-1].decode() for line in extra}
    strange = {name for name in files if name not in ("liballoctrap.so", "control") and not name.endswith(".session")}
    faults = [f"also {strange}"] * bool(strange) + ["nothing of ours"] * ("liballoctrap.so" not in files)
    faults += ["a page is writable and executable"] * any(b"executable" in line for line in recorded.output)
    hazards.done("watch maps", faults, f": {len(files)} files more")


def check_bindings(hazards):
    """C++ exceptions are bound as without us: to libgcc_s, never to us or to libunwind."""
    program = compile_target(hazards, "g++", "hazard_throw.cpp", "bindings")
    trace = os.path.join(hazards.work, "bindings")
    run = hazards.record([program], environment={**os.environ, "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": trace})
    bound = [line for name in os.listdir(hazards.work) if name.startswith("bindings.")
             for line in tree_bytes(os.path.join(hazards.work, name)).split(b"\n") if b"_Unwind_RaiseException" in line]
    faults = [f"{line}" for line in bound if b"libgcc_s" not in line.split(b" to ")[1]]
    faults += ["no binding was seen"] * (not bound) + [f"status {run.status}"] * (run.status != 0)
    hazards.done("watch exceptions are libgcc_s's", faults)


def enter_namespace(arguments):
    """Starts this script again where a file system may be mounted; None when that is not allowed."""
    rights = ["-m"] if os.getuid() == 0 else ["-Urm"]
    if subprocess.run(["unshare", *rights, "true"], capture_output=True).returncode != 0:
        return None
    return subprocess.run(["unshare", *rights, sys.executable, os.path.abspath(__file__), *arguments,
                           "in-namespace"]).returncode


def check_size(hazards, small, kib, plain, results):
    """One run with so much room; what is known of it afterwards."""
    hazards.clean()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", small], check=True)
    output = os.path.join(small, "run.atrap")
    faults = []
    try:
        recorded = Run([hazards.alloctrap, "record", "--quiet", "-o", output, "--",
                        hazards.target("hazard_confined"), "limit", "memlock"], hazards.work, None)
        session = output + ".session"
        if not os.path.exists(output) and os.path.isdir(session):
            recover = subprocess.run([hazards.alloctrap, "recover", session, "-o", hazards.recording],
                                     capture_output=True)
            outcome = "recovered" if recover.returncode == 0 else "nothing"
        elif os.path.exists(output):
            shutil.copy(output, hazards.recording)
            outcome = "recorded"
        else:
            outcome = "nothing"
        is_run = recorded.status != 3 or outcome != "nothing"
        if is_run and (recorded.status, recorded.output, recorded.errors) != (
                plain.status, plain.output, plain.errors):
            faults.append(f"{kib} KiB: status {recorded.status}, {recorded.output}, {recorded.errors}")
        if not is_run:
            outcome = "refused before the start"
        counted = query(hazards.recording, COUNTS)[0] if os.path.exists(hazards.recording) else None
        if counted is not None and counted != (0, 0, 0) and counted != recorded.counts:
            faults.append(f"{kib} KiB, {outcome}: counts {counted}, published {recorded.counts}")
        if counted == (0, 0, 0):
            outcome = "nothing"
        if outcome in ("nothing", "refused before the start") and not recorded.said:
            faults.append(f"{kib} KiB: not recorded, and not said")
        results.setdefault(outcome, []).append(kib)
    finally:
        subprocess.run(["umount", small], check=True)
    return faults


def check_sizes(hazards, sizes):
    small = os.path.join(hazards.work, "small")
    os.makedirs(small, exist_ok=True)
    plain = Run([hazards.target("hazard_confined"), "limit", "memlock"], hazards.work, None)
    results = {}
    faults = []
    for kib in sizes:
        faults += check_size(hazards, small, kib, plain, results)
    told = ", ".join(f"{len(kibs)} {what} ({kibs[0]}..{kibs[-1]} KiB)" for what, kibs in results.items())
    hazards.done(f"room {len(sizes)} sizes of a file system", faults, ": " + told)


def run_sizes(hazards):
    check_sizes(hazards, [4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 16384])


def run_all_sizes(hazards):
    check_sizes(hazards, [*range(4, 1025, 4), *range(1152, 8193, 128)])


def run_room(hazards):
    def remove_session(run):
        wait_until(lambda: b".session" in tree_bytes(f"/proc/{run.process.pid}/maps"))
        shutil.rmtree(hazards.recording + ".session")

    def truncate_recording(run):
        with open(hazards.recording, "wb") as out:
            out.write(b"gone")

    check_live(hazards, "room session removed while running", remove_session)
    check_live(hazards, "room recording appears and is not ours", truncate_recording, is_recorded=False)
    with open(hazards.recording, "rb") as kept:
        hazards.done("room what appeared there is kept", [] if kept.read() == b"gone" else ["it was replaced"])
    folder = os.path.join(hazards.work, "folder")
    os.makedirs(folder)
    own, hazards.recording = hazards.recording, os.path.join(folder, "run.atrap")
    check_live(hazards, "room folder removed while running", lambda run: shutil.rmtree(folder), is_recorded=False)
    hazards.recording = own
    status = enter_namespace(sys.argv[1:4] + ["sizes"])
    if status is None:
        hazards.skip("room sizes", "no file system may be mounted here")
    else:
        hazards.done("room sizes in a name space", [] if status == 0 else [f"status {status}"])


def run_files(hazards):
    check_modes(hazards)
    check_planted(hazards)
    check_environment(hazards)
    check_no_command(hazards)
    check_secure(hazards)


def tree_bytes(*paths):
    """All bytes of all files below."""
    found = b""
    for path in paths:
        files = [path] if os.path.isfile(path) else [
            os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
        for name in files:
            with open(name, "rb") as file:
                data = file.read(8 << 20)
                found += data
    return found


def check_modes(hazards):
    hazards.clean()
    before = os.umask(0)
    try:
        run = LiveRun(hazards, hazards.recording)
        session = hazards.recording + ".session"
        modes = {name: stat.S_IMODE(os.stat(os.path.join(session, name)).st_mode) for name in os.listdir(session)}
        folder = stat.S_IMODE(os.stat(session).st_mode)
        run.step()
        run.finish()
    finally:
        os.umask(before)
    mode = stat.S_IMODE(os.stat(hazards.recording).st_mode)
    faults = [f"{name} has mode {mode:o}" for name, mode in modes.items() if mode != 0o600]
    faults += [f"session directory {folder:o}"] * (folder != 0o700) + [f"recording {mode:o}"] * (mode != 0o600)
    faults += [f"{len(modes)} files in the session"] * (len(modes) < 2)
    hazards.done("files modes with umask 0", faults, f": recording {mode:o}, session {folder:o} and {set(modes.values())}")


def check_planted(hazards):
    victim = os.path.join(hazards.work, "victim")
    elsewhere = os.path.join(hazards.work, "elsewhere")
    os.makedirs(elsewhere)

    def plant_link():
        os.symlink(victim, hazards.recording)

    def plant_dangling():
        os.symlink(victim + ".new", hazards.recording)

    def plant_hard_link():
        os.link(victim, hazards.recording)

    def plant_pipe():
        os.mkfifo(hazards.recording)

    def plant_session():
        os.symlink(elsewhere, hazards.recording + ".session")

    for plant in (plant_link, plant_dangling, plant_hard_link, plant_pipe, plant_session):
        hazards.clean()
        with open(victim, "wb") as out:
            out.write(b"precious")
        plant()
        name = "files planted " + plant.__name__[6:].replace("_", " ")
        try:
            run = Run([hazards.alloctrap, "record", "-o", hazards.recording, "--", hazards.target("hazard_end"),
                       "_exit"], hazards.work, None)
        except subprocess.TimeoutExpired:
            hazards.done(name, ["hangs"])
            continue
        with open(victim, "rb") as kept:
            faults = [] if kept.read() == b"precious" else ["the victim was written to"]
        if run.status not in (2, 3) or run.counts != (0, 0, 0):
            faults.append(f"was accepted: status {run.status}")
        if os.path.exists(victim + ".new") or os.listdir(elsewhere):
            faults.append("a file was made elsewhere")
        os.unlink(hazards.recording + (".session" if plant is plant_session else ""))
        hazards.done(name, faults, f": refused with {run.status}: {run.said[0] if run.said else run.errors[0].decode()}")


def check_environment(hazards):
    """Nothing of the environment is kept, and nothing of ours is started or loaded from it."""
    secret = "q7Xv-secret-value"
    trap = os.path.join(hazards.work, "trap")
    os.makedirs(trap)
    program = os.path.join(trap, "alloctrap")
    with open(program, "w") as out:
        out.write(f"#!/bin/sh\ntouch {trap}/started\n")
    os.chmod(program, 0o755)
    environment = {**os.environ, "TOKEN": secret, "PATH": trap + ":" + os.environ["PATH"]}
    hazards.clean()
    run = LiveRun(hazards, hazards.recording, environment=environment)
    kept = tree_bytes(hazards.recording + ".session")
    run.step()
    run.finish()
    kept += tree_bytes(hazards.recording)
    faults = ["a value of the environment is stored"] * (secret.encode() in kept)
    faults += ["nothing was stored at all"] * (b"target_hazard_watch" not in kept)
    hazards.done("files no environment is stored", faults, f": {len(kept)} bytes looked through")
    plain = {**environment, "LD_PRELOAD": hazards.shim}
    Run([hazards.target("hazard_end"), "_exit"], trap, plain)
    hazards.done("files no program of PATH is started",
                 ["it was"] * os.path.exists(os.path.join(trap, "started")))
    names = set(re.findall(rb"ALLOCTRAP_[A-Z_]+", tree_bytes(hazards.shim, hazards.alloctrap)))
    allowed = {b"ALLOCTRAP_SESSION", b"ALLOCTRAP_SYMBOL_CACHE"}
    hazards.done("files settings in the environment", [f"also {names - allowed}"] * bool(names - allowed)
                 or ["none found"] * (not names), f": {sorted(name.decode() for name in names)}")


def check_no_command(hazards):
    word = "q8Yw-private-argument"
    command = [hazards.target("hazard_end"), "atexit", word]
    faults = []
    for options, is_there in (([], True), (["--no-command"], False)):
        run = hazards.record(command, options)
        if run.status != 6:
            faults.append(f"status {run.status}")
        if (word.encode() in tree_bytes(hazards.recording)) != is_there:
            faults.append(f"with {options} the argument is {'not ' if is_there else ''}stored")
    if b"target_hazard_end" not in tree_bytes(hazards.recording):
        faults.append("the program's name is left out as well")
    hazards.done("files --no-command", faults)


def check_secure(hazards):
    """A setuid program that is linked with the library: it is loaded, and ignores its settings."""
    name = "files AT_SECURE"
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    os.chmod(hazards.work, 0o755)
    if os.getuid() != 0 or not shutil.which("setpriv") or subprocess.run(
            [*as_nobody, "test", "-x", hazards.alloctrap]).returncode != 0:
        hazards.skip(name, "needs root, setpriv, and an alloctrap that others may run")
        return
    folder = os.path.join(hazards.work, "secure")
    os.makedirs(folder)
    library = shutil.copy(hazards.shim, folder)
    program = compile_target(hazards, "gcc", "ends.c", "linked", "-Wl,--no-as-needed", library, f"-Wl,-rpath,{folder}")
    os.chown(folder, 65534, 65534)
    faults = []
    for mode, processes in ((0o755, 1), (0o4755, 0)):
        os.chmod(program, mode)
        recording = os.path.join(folder, "run.atrap")
        run = Run([*as_nobody, hazards.alloctrap, "record", "-o", recording, "--", program], folder,
                  {**os.environ, "HOME": folder})
        found = query(recording, "SELECT count(*) FROM process")[0][0] if os.path.exists(recording) else -1
        if found != processes or run.status != 0 or run.published != 1:
            faults.append(f"mode {mode:o}: {found} processes, status {run.status}, said {run.said}")
    hazards.done(name, faults)


def compile_target(hazards, compiler, source, name, *options):
    """A variant of a target that only this test needs; None when the compiler cannot."""
    folder = os.path.join(hazards.work, "tests", "targets")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "target_" + name)
    built = subprocess.run([compiler, "-O0", "-g", "-fno-builtin", "-D_GNU_SOURCE", os.path.join(hazards.sources, source),
                            "-o", program, "-pthread", *options], capture_output=True)
    return program if built.returncode == 0 else None


def library_path(name):
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        for number in ("2", "4"):
            path = f"{folder}/lib{name}.so.{number}"
            if os.path.exists(path):
                return path
    return None


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
