"""bench_measure - runs one command and says what it cost: time, CPU of all its processes, memory.

Units: seconds, bytes. A run that fails or takes too long is an answer too, never an exception.
"""
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

SAMPLE_S = 0.01
SERVER_START_S = 20


@dataclass
class Run:
    """What one run cost."""
    ok: bool = False
    why: str = ""             # when not ok
    wall_s: float = 0.0       # until the command has returned, its tool included
    host_s: float = 0.0       # the program's own life; for a server the time that its client took
    cpu_s: float = 0.0        # user and system time of every process of the command
    peak_bytes: int = 0       # of all its processes together; 0 when not sampled
    load: dict = field(default_factory=dict)  # what the load program measured itself


class MemorySampler(threading.Thread):
    """The highest sum of the proportional set sizes (Pss) of a process and its descendants."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_bytes = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, sum(map(pss_bytes, tree_of(self.pid))))

    def stop(self):
        self.ended.set()
        self.join()
        return self.peak_bytes


def tree_of(pid):
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as file:
                    found += map(int, file.read().split())
        except OSError:
            pass  # it has ended meanwhile
    return found


def pss_bytes(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has ended meanwhile, or is a zombie
    return 0


def start(command, environment, folder):
    """Its own process group, so that all of it can be ended; output kept for a failure's message."""
    output = open(os.path.join(folder, "output"), "wb")
    with output:
        return subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=output, start_new_session=True)


def end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def last_words(folder):
    with open(os.path.join(folder, "output"), errors="replace") as file:
        lines = file.read().strip().splitlines()
    return lines[-1][:200] if lines else "no message"


def finish(process, run, start_s, limit_s):
    """Waits, and fills in what the kernel knows: CPU time covers the children it has waited for."""
    timer = threading.Timer(limit_s, end_group, [process])
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    run.wall_s = time.monotonic() - start_s
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    run.cpu_s = usage.ru_utime + usage.ru_stime
    run.ok = process.returncode == 0
    if not run.ok:
        run.why = "too slow" if run.wall_s >= limit_s else f"status {process.returncode}"


def read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def run_command(command, environment, folder, limit_s, sample_memory):
    """The stopwatch's life.json and the load program's load.json are read from the folder, when there."""
    run = Run()
    start_s = time.monotonic()
    process = start(command, environment, folder)
    sampler = MemorySampler(process.pid)
    if sample_memory:
        sampler.start()
    finish(process, run, start_s, limit_s)
    if sample_memory:
        run.peak_bytes = sampler.stop()
    run.host_s = read_json(os.path.join(folder, "life.json")).get("wall_s", run.wall_s)
    run.load = read_json(os.path.join(folder, "load.json"))
    if not run.ok:
        run.why += ": " + last_words(folder)
    return run


def wait_until(condition, limit_s):
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def run_server(command, client, environment, folder, limit_s, sample_memory):
    """Starts a server, times its client, and asks it to stop. client has is_up, work and stop."""
    run = Run()
    start_s = time.monotonic()
    process = start(command, environment, folder)
    sampler = MemorySampler(process.pid)
    if sample_memory:
        sampler.start()
    host_s = 0.0
    if wait_until(lambda: client.is_up(folder), SERVER_START_S):
        work_s = time.monotonic()
        client.work(folder)
        host_s = time.monotonic() - work_s
        client.stop(folder)
    else:
        end_group(process)
    finish(process, run, start_s, limit_s)
    if sample_memory:
        run.peak_bytes = sampler.stop()
    run.host_s = host_s
    if not run.ok:
        run.why += ": " + last_words(folder)
    return run
