#!/usr/bin/env python3
"""`alloctrap top` on a program that runs, as text and on a terminal of tmux.

usage: test_top.py ALLOCTRAP LOGPARSE LOGGEN
It waits for what tmux writes, never for time; WAIT_S is when it gives up.
"""

import base64
import gzip
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

ALLOCTRAP, LOGPARSE, LOGGEN = (os.path.abspath(a) for a in sys.argv[1:4])
WAIT_S = 60
SILENCE_S = 0.5
failures = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


class Recorded:
    """The naive parser over and over, recorded, until stop()."""

    def __init__(self):
        subprocess.run([LOGGEN, "--lines=3000", "-o", "access.log"], check=True,
                       stderr=subprocess.DEVNULL)
        loop = f"while :; do {LOGPARSE} --builder=concat access.log >/dev/null 2>&1; done"
        self.recorder = subprocess.Popen([ALLOCTRAP, "record", "--quiet", "-o", "run.atrap", "--",
                                          "/bin/sh", "-c", loop], start_new_session=True)
        self.until(lambda: any(f.endswith(".session") and self.pid(f)
                               for f in os.listdir("run.atrap.session"))
                   if os.path.isdir("run.atrap.session") else False)

    @staticmethod
    def pid(name):
        return int(name.split(".")[0]) if name[0].isdigit() else 0

    @staticmethod
    def until(claim):
        """For the start alone, which writes nowhere that could be waited for."""
        end = time.monotonic() + WAIT_S
        while not claim() and time.monotonic() < end:
            select.select([], [], [], 0.01)

    def host(self):
        """The shell. Not the lowest number: numbers go around."""
        with open(f"/proc/{self.recorder.pid}/task/{self.recorder.pid}/children") as children:
            return int(children.read().split()[0])

    def stop(self):
        os.killpg(self.recorder.pid, signal.SIGTERM)
        return self.recorder.wait(WAIT_S)


class Terminal:
    """A pane of tmux; wait() returns its lines once they are as wanted."""

    def __init__(self, command):
        os.mkfifo("pane")
        self.tmux("new-session", "-d", "-x", "110", "-y", "30",
                  f"tmux wait-for go; {command}; tmux wait-for end")
        self.fd = os.open("pane", os.O_RDONLY | os.O_NONBLOCK)
        self.tmux("pipe-pane", "-O", "cat > pane")
        self.tmux("wait-for", "-S", "go")

    @staticmethod
    def tmux(*words):
        done = subprocess.run(["tmux", "-L", f"alloctrap-{os.getpid()}", "-f", "/dev/null", *words],
                              capture_output=True, check=False)
        return done.stdout.decode()

    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    def wait(self, wanted):
        end = time.monotonic() + WAIT_S
        while True:
            lines = self.lines()
            if wanted(lines) or time.monotonic() > end:
                return lines
            if select.select([self.fd], [], [], 1)[0]:
                os.read(self.fd, 65536)

    def silent(self):
        """The lines once nothing has been drawn for a while: for a screen that stands still."""
        while select.select([self.fd], [], [], SILENCE_S)[0]:
            os.read(self.fd, 65536)
        return self.lines()

    def press(self, key):
        self.tmux("send-keys", key)

    def close(self):
        self.tmux("kill-server")
        os.close(self.fd)
        os.unlink("pane")


def number(text):
    """The first number of a line, "1.23 M" and "12,345" alike; None without one."""
    match = re.search(r"([\d,.]+)( [kMG])?", text)
    if match is None:
        return None
    scale = {"": 1, " k": 1e3, " M": 1e6, " G": 1e9}
    return float(match.group(1).replace(",", "")) * scale[match.group(2) or ""]


def column(lines, title):
    """The numbers of a column of the table: None for a cell that is not drawn yet."""
    for i, line in enumerate(lines):
        if "call site" in line and title in line:
            end = line.index(title) + len(title)
            return [number(row[:end].split("  ")[-1]) for row in lines[i + 1:] if row.strip()]
    return []


def is_falling(numbers):
    return (len(numbers) > 3 and None not in numbers
            and numbers == sorted(numbers, reverse=True))


def test_once(recorded):
    pid = recorded.host()
    for words in ([str(pid)], ["run.atrap.session"], []):
        done = subprocess.run([ALLOCTRAP, "top", "--once", "--interval=300", *words],
                              capture_output=True, check=False)
        text = done.stdout.decode()
        check(done.returncode == 0 and done.stderr == b"", f"{words}: {done.stderr}")
        check("concat_append at builder_concat.c:" in text, f"{words} shows the call site: {text}")
        check((number(text.splitlines()[1]) or 0) > 0, f"{words} shows a rate")
        check(re.search(r"live   [\d.]+ \S+ in [\d,]+ blocks", text), f"{words} shows what is live")
        check(re.search(r"p99 [\d.]+ \S+", text), f"{words} shows latencies")
        check("nothing lost" in text, f"{words} says that nothing was lost")


def page_of(*words):
    """The data inside a page, and its static text."""
    done = subprocess.run([ALLOCTRAP, "html", *words, "-o", "now.html"], capture_output=True,
                          check=False)
    check(done.returncode == 0 and done.stderr == b"", f"html {words}: {done.stderr}")
    with open("now.html", encoding="utf-8") as file:
        page = file.read()
    block = re.search(r'id="data">\s*([A-Za-z0-9+/=]+)\s*</script>', page)
    return json.loads(gzip.decompress(base64.b64decode(block.group(1)))), page


def check_snapshot(words, is_whole):
    data, page = page_of(*words)
    side = data["sides"][0]
    check("RUNNING: a look at a program that goes on" in page, f"{words}: the static page says so")
    check(side["loss_text"].startswith("RUNNING"), f"{words}: the page says so")
    check(side["counters_only"] != is_whole, f"{words}: lives are {'there' if is_whole else 'not'}")
    allocations = side["totals"]["allocations"]
    check(allocations > 1000, f"{words}: {allocations} allocations")
    check(sum(side["sites"]["allocations"]) + side["left_out"]["allocations"] == allocations,
          f"{words}: call sites add up")
    check("concat_append" in data["texts"], f"{words}: call sites have names")
    check(side["exit"]["kind"] == "running", f"{words}: it runs")
    return allocations


def test_snapshot(recorded):
    if "was built without npm" in subprocess.run([ALLOCTRAP, "html", "x", "-o", "y"], check=False,
                                                 capture_output=True).stderr.decode():
        return
    first = check_snapshot(["--snapshot=run.atrap.session"], False)
    recorded.until(lambda: os.path.exists("run.atrap"))  # the first checkpoint
    second = check_snapshot(["--snapshot", str(recorded.host())], True)
    check(second > first, f"counts are as of now: {first}, then {second}")


def test_screen():
    pane = Terminal(f"{ALLOCTRAP} top run.atrap.session --interval=200")
    lines = pane.wait(lambda at: any("concat_append at" in line for line in at))
    check(any("concat_append at builder_concat.c:" in line for line in lines), f"names: {lines}")
    check(lines and lines[0].startswith("alloctrap top  running"), f"the title: {lines[:1]}")
    check(any("allocs/s" in line for line in lines), "rates first")
    check(all(len(line) <= 110 for line in lines), "no line is too long")
    pane.press("r")
    lines = pane.wait(lambda at: is_falling(column(at, "allocations")))
    totals = column(lines, "allocations")
    check(is_falling(totals), f"totals in order: {totals}")
    pane.press("Space")
    pane.wait(lambda at: at and "PAUSED" in at[0])
    before = pane.silent()
    check(before and "PAUSED" in before[0], f"space pauses: {before[:1]}")
    pane.press("h")
    lines = pane.wait(lambda at: any("sort by allocations" in line for line in at))
    check(any("sort by allocations" in line for line in lines), "h helps")
    pane.press("h")
    pane.wait(lambda at: any("call site" in line for line in at))
    again = pane.silent()
    check(before == again, f"numbers stand still while paused: {before}, then {again}")
    pane.press("b")
    lines = pane.wait(lambda at: any("call site" in line for line in at) and at[6:] != again[6:])
    check(lines[6:] != again[6:], "b sorts anew, even paused")
    pane.press("Space")
    pane.wait(lambda at: at and "running" in at[0])
    pane.press("q")
    lines = pane.wait(lambda at: not any("call site" in line for line in at))
    check(not any("call site" in line for line in lines), "q ends and gives the screen back")
    pane.close()


def test_end(recorded):
    """The recording ends while it is watched, whole; top says so and ends too."""
    pane = Terminal(f"{ALLOCTRAP} top run.atrap.session --interval=200")
    pane.wait(lambda at: any("call site" in line for line in at))
    recorded.stop()
    lines = pane.wait(lambda at: any("the recording has ended" in line for line in at))
    check(any("the recording has ended" in line for line in lines), f"the end is told: {lines}")
    pane.close()
    report = json.loads(subprocess.run([ALLOCTRAP, "report", "run.atrap", "--json"],
                                       capture_output=True, check=True).stdout)
    check(report["loss"]["events"] == 0, "nothing was lost while it was watched")
    check(report["totals"]["allocations"] > 100000, "and all was recorded")
    check(report["events_seen"] >= report["totals"]["allocations"], "by events too")


def test_statuses():
    for args, wanted, words in (
        ([], 2, "no recording is running"),
        (["nowhere.session"], 3, "nowhere.session"),
        (["1", "2"], 2, "one recording"),
        ([str(os.getpid())], 3, "not being recorded"),
        (["--sort=size"], 2, "--sort of top takes"),
        (["--interval=1"], 2, "--interval wants"),
    ):
        done = subprocess.run([ALLOCTRAP, "top", *args], capture_output=True, check=False)
        check(done.returncode == wanted, f"{args} ends with {wanted}, not {done.returncode}")
        check(done.stderr.count(b"\n") == 1 and words in done.stderr.decode(),
              f"{args} says '{words}': {done.stderr}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        test_statuses()
        recorded = Recorded()
        try:
            test_once(recorded)
            test_screen()
            test_snapshot(recorded)
            test_end(recorded)
        finally:
            if recorded.recorder.poll() is None:
                recorded.stop()
            Terminal.tmux("kill-server")
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
