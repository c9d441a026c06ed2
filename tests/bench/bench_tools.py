"""bench_tools - the tools that are compared: how each is put before a command, and what it leaves.

Every tool is used as its manual says, recording each allocation. Those not installed are left out.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Callable, Optional


FLOOR_SHARE = 4  # so fast that a loop would be over in milliseconds


@dataclass
class Tool:
    name: str
    note: str
    wrap: Callable       # (command, environment, folder) -> (command, environment)
    share: float = 1.0   # of a loop's pairs, for tools that would take minutes
    report: Optional[Callable] = None  # folder -> the command that prints a first report, or None
    count: Optional[Callable] = None   # folder -> (allocations recorded, events lost), or None
    loops_only: bool = False


def preload(library, environment):
    """Before what the workload itself preloads."""
    before = environment.get("LD_PRELOAD")
    return dict(environment, LD_PRELOAD=f"{library}:{before}" if before else library)


def find_library(name):
    ldconfig = shutil.which("ldconfig", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    known = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout if ldconfig else ""
    found = re.search(rf"^\s*{re.escape(name)} .*x86-64.* => (\S+)$", known, re.M)
    return found and found.group(1)


def find_glibc_library(name):
    """Libraries that are only ever preloaded are not in ldconfig's cache."""
    libc = find_library("libc.so.6")
    path = libc and os.path.join(os.path.dirname(libc), name)
    return path if path and os.path.exists(path) else None


def first_file(folder, pattern):
    found = sorted(glob.glob(os.path.join(folder, pattern)))
    return found[0] if found else None


def output_of(command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def works(tool):
    """True when the tool can run a command and leaves something."""
    with tempfile.TemporaryDirectory(prefix="alloctrap-bench.") as folder:
        command, environment = tool.wrap(["ls", "/"], dict(os.environ), folder)
        run = subprocess.run(command, env=environment, cwd=folder, capture_output=True)
        return run.returncode == 0 and len(os.listdir(folder)) > 0


def plain_tool():
    return Tool("none", "the program alone", lambda command, environment, folder: (command, environment),
                share=FLOOR_SHARE)


def floor_tool(build, file, name, note):
    library = os.path.join(build, "tests", "bench", file)
    return Tool(name, note,
                lambda command, environment, folder: (command, preload(library, environment)),
                share=FLOOR_SHARE)


def alloctrap_tool(alloctrap, *options):
    def recording(folder):
        return os.path.join(folder, "run.atrap")

    def wrap(command, environment, folder):
        return [alloctrap, "record", *options, "--quiet", "-o", recording(folder), "--", *command], environment

    def count(folder):
        try:
            found = json.loads(output_of([alloctrap, "report", recording(folder), "--json"]))
            return found["totals"]["allocations"], found["loss"]["events"]
        except (ValueError, KeyError):
            return None

    name = " ".join(["alloctrap", *options])
    return Tool(name, "malloc and free stacks, latency of each call, in order", wrap, count=count,
                report=lambda folder: [alloctrap, "report", recording(folder)])


def heaptrack_tool():
    def recording(folder):
        return first_file(folder, "heaptrack.*")

    def wrap(command, environment, folder):
        return ["heaptrack", "-o", os.path.join(folder, "heaptrack"), *command], environment

    def count(folder):
        found = re.search(r"calls to allocation functions: (\d+)",
                          output_of(["heaptrack_print", recording(folder) or ""]))
        return found and (int(found.group(1)), None)

    version = output_of(["heaptrack", "--version"]).split()
    return Tool("heaptrack", "heaptrack {}: malloc stacks, no latency".format(version[-1] if version else "?"),
                wrap, share=0.4, count=count,
                report=lambda folder: ["heaptrack_print", recording(folder)] if recording(folder) else None)


def profile_report(program, folder, pattern):
    found = first_file(folder, pattern)
    return [program, "--text", "/bin/true", found] if found and shutil.which(program) else None


def jemalloc_tool(library):
    def wrap(command, environment, folder):
        conf = f"prof:true,lg_prof_sample:0,prof_final:true,prof_prefix:{folder}/jeprof"
        return command, dict(preload(library, environment), MALLOC_CONF=conf)

    return Tool("jemalloc prof", "lg_prof_sample:0; replaces the allocator; malloc stacks", wrap, share=0.05,
                report=lambda folder: profile_report("jeprof", folder, "jeprof.*.heap"))


def gperftools_tool(library):
    def wrap(command, environment, folder):
        return command, dict(preload(library, environment), HEAPPROFILE=os.path.join(folder, "heap"))

    return Tool("gperftools", "HEAPPROFILE; replaces the allocator; malloc stacks", wrap, share=0.02,
                report=lambda folder: profile_report("google-pprof", folder, "heap.*.heap"))


def memusage_tool(library):
    def wrap(command, environment, folder):
        return command, dict(preload(library, environment),
                             MEMUSAGE_OUTPUT=os.path.join(folder, "memusage.data"))

    return Tool("memusage", "glibc's; sizes and times of calls, no stacks", wrap, share=0.2)


def dhat_tool():
    def wrap(command, environment, folder):
        return ["valgrind", "-q", "--tool=dhat", "--trace-children=yes",
                f"--dhat-out-file={folder}/dhat.%p", *command], environment

    return Tool("DHAT", "Valgrind; stacks and every access", wrap, share=0.02, loops_only=True)


def alloctrap_tools(alloctrap):
    if not os.access(alloctrap, os.X_OK):
        return []
    return [alloctrap_tool(alloctrap), alloctrap_tool(alloctrap, "--free-stacks=off"),
            alloctrap_tool(alloctrap, "--latency=off")]


def peers(with_dhat):
    found = []
    if shutil.which("heaptrack"):
        found.append(heaptrack_tool())
    for library, make in ((find_library("libjemalloc.so.2"), jemalloc_tool),
                          (find_library("libtcmalloc.so.4"), gperftools_tool),
                          (find_glibc_library("libmemusage.so"), memusage_tool)):
        if library:
            found.append(make(library))
    if with_dhat and shutil.which("valgrind"):
        found.append(dhat_tool())
    return found


def find_tools(build, alloctrap, with_dhat):
    """(tools that work here, names of those that were found but do not)"""
    floors = [floor_tool(build, "floor_forward.so", "forwarding floor",
                         "a preload that forwards each call: the floor of LD_PRELOAD"),
              floor_tool(build, "floor_timing.so", "timing floor",
                         "the same and two clock reads a call: the floor of timing each call")]
    recorders = alloctrap_tools(alloctrap) + peers(with_dhat)
    working = [tool for tool in recorders if works(tool)]
    broken = [tool.name for tool in recorders if tool not in working]
    return [plain_tool(), *floors, *working], broken
