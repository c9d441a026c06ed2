#!/usr/bin/env python3
"""Names of addresses in programs and libraries that are too large for scripts/test.

soak_symbols.py BUILD_FOLDER (by scripts/soak symbols): for each of
- a program of 30 generated units, each with many types and instances of the standard containers,
- C++ libraries of Debian with their debug files (downloaded, not installed),
- Rust programs (by the rustc that is there, else Debian's, downloaded, not installed)
says how long 20,000 addresses take, in how much memory, and what addr2line takes for the same; then
compares thousands of them with both oracles (tests/e2e/oracle_symbols.py). A part that cannot be
downloaded is said to be left out.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1])
NAMER = os.path.join(BUILD, "tests/e2e/name_addresses")
TARGETS = os.path.join(HERE, "../targets")
UNITS = 30
DEBIAN = [("cupt-dbg", "libcupt4-2"), ("librados2-dbg", "librados2")]
RUST = ["rustc", "libstd-rust-dev", "libstd-rust-1.63"]
ADDRESSES = 20000

UNIT = """
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>
namespace unit@ {
%s
int run(int n) { return %s; }
}
"""
PART = """
struct key# { std::string a; int b; bool operator<(const key# &o) const { return a < o.a; } };
int part#(int n) {
    std::map<key#, std::vector<std::shared_ptr<key#>>> m;
    std::unordered_map<std::string, std::set<key#>> u;
    for (int i = 0; i < n; i++) {
        m[{std::to_string(i), i}].push_back(std::make_shared<key#>(key#{"x", i}));
        u[std::to_string(i)].insert({"y", i});
    }
    std::vector<std::function<int(const key#&)>> f(3, [n](const key# &k) { return k.b + n; });
    std::sort(f.begin(), f.end(), [](auto &a, auto &b) { return a({"", 1}) < b({"", 2}); });
    return int(m.size() + u.size()) + f[0]({"z", 1});
}
"""


def build(folder):
    """One unit compiled, then copied: what it shares with others is made its own, so that each
    copy keeps its code and its debug information when all are linked."""
    parts = 14
    source, whole = os.path.join(folder, "unit.cpp"), os.path.join(folder, "unit.o")
    with open(source, "w") as out:
        out.write((UNIT % ("".join(PART.replace("#", str(i)) for i in range(parts)),
                           "+".join(f"part{i}(n)" for i in range(parts)))).replace("@", "0"))
    subprocess.run(["g++", "-g", "-O2", "-fno-gnu-unique", "-c", source, "-o",
                    whole + ".group"], check=True)
    subprocess.run(["ld", "-r", "--force-group-allocation", whole + ".group", "-o", whole],
                   check=True)
    objects = []
    for number in range(UNITS):
        objects.append(f"{whole}.{number}.o")
        subprocess.run(["objcopy", f"--keep-global-symbol=run{number}", "--redefine-sym",
                        f"_ZN5unit03runEi=run{number}", whole, objects[-1]], check=True)
    main = os.path.join(folder, "main.c")
    with open(main, "w") as out:
        out.write("".join(f"int run{n}(int);\n" for n in range(UNITS)) +
                  "int main(int n, char **v) { (void)v; return " +
                  "+".join(f"run{n}(n)" for n in range(UNITS)) + "; }\n")
    program = os.path.join(folder, "big")
    subprocess.run(["g++", "-g", "-x", "c", main, "-x", "none", *objects, "-o", program],
                   check=True)
    return program


def run_timed(command, text):
    """(output, seconds of processor time, the most memory a process of it had in MB)."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as answer:
        given.write(text)
        given.seek(0)
        host = subprocess.Popen(command, stdin=given, stdout=answer, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(host.pid, 0)
        host.returncode = os.waitstatus_to_exitcode(status)
        answer.seek(0)
        return answer.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def debug_bytes(path):
    """Of all .debug sections, as they are when they are not compressed."""
    text = subprocess.run(["readelf", "-tW", path], capture_output=True, text=True).stdout
    whole = 0
    for name, body in re.findall(r"^ *\[ *\d+\] (\S+)\n((?: {7}.*\n)+)", text, re.M):
        packed = re.search(r"ZLIB, (\w+)", body)
        size = packed or re.search(r"^ +\w+ +\w+ +\w+ +(\w+)", body)
        whole += int(size[1], 16) if name.startswith(".debug") and size else 0
    return whole


def measure(path):
    lines = subprocess.run(["nm", "-S", path], capture_output=True, text=True).stdout
    spans = {(int(a, 16), int(b, 16))
             for a, b in re.findall(r"^(\w+) (\w+) [tTwW] ", lines, re.M)}
    every = sorted({a for start, size in spans for a in range(start, start + size, 5)})
    some = every[::max(1, len(every) // ADDRESSES)][:ADDRESSES]
    text = "".join(f"0x{a:x}\n" for a in some)
    named, took, memory = run_timed([NAMER, path], text)
    unnamed = named.count("\n??:0\n")
    theirs = run_timed(["addr2line", "-a", "-f", "-i", "-e", path], text)
    print(f"{os.path.basename(path)}: {debug_bytes(path) / 1e6:.0f} MB of debug information, "
          f"{len(some)} addresses in {len(spans)} functions: "
          f"{(named.count(chr(10)) - len(some)) // 2} lines ({unnamed} unknown) in {took:.2f} s of "
          f"processor time and at most {memory:.0f} MB; addr2line {theirs[1]:.2f} s "
          f"and {theirs[2]:.0f} MB", flush=True)
    assert len(some) > 1000 and unnamed < len(some) / 2, "most addresses have a line"


def compare(files):
    done = subprocess.run([sys.executable, os.path.join(HERE, "oracle_symbols.py"), NAMER, TARGETS,
                           "6000", *files])
    assert done.returncode == 0, "the oracles differ"


def download(packages, folder):
    """Extracts packages into a folder; False when they cannot be had."""
    os.makedirs(folder)
    done = subprocess.run(["apt-get", "download", *packages], cwd=folder, capture_output=True)
    for package in glob.glob(os.path.join(folder, "*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, os.path.join(folder, "root")], check=True)
    return done.returncode == 0


def debian_libraries(folder):
    for packages in DEBIAN:
        where = os.path.join(folder, packages[0])
        if not download(packages, where):
            print(f"left out: {packages} cannot be downloaded")
            continue
        files = glob.glob(os.path.join(where, "root/usr/lib/debug/.build-id/*/*.debug"))
        yield from (f for f in files if os.path.getsize(f) > 10e6)


def find_rustc(folder):
    """A command line that begins a compilation and its environment, or None."""
    if shutil.which("rustc"):
        return ["rustc"], os.environ
    where = os.path.join(folder, "rust")
    if not download(RUST, where):
        return None
    usr = os.path.join(where, "root/usr")
    libraries = f"{usr}/lib/x86_64-linux-gnu:{usr}/lib"
    return [f"{usr}/bin/rustc", "--sysroot", usr], {**os.environ, "LD_LIBRARY_PATH": libraries}


def rust_programs(folder):
    found = find_rustc(folder)
    if found is None:
        print("left out: Rust, rustc cannot be downloaded")
        return
    rustc, env = found
    for name, options in (("0", ["-Copt-level=0"]), ("2", ["-Copt-level=2"]),
                          ("lto", ["-Copt-level=3", "-Clto"]),
                          ("v0", ["-Copt-level=3", "-Csymbol-mangling-version=v0"])):
        out = os.path.join(folder, "rust-" + name)
        subprocess.run([*rustc, "-g", *options, "-o", out,
                        os.path.join(TARGETS, "symbols_rust.rs")], check=True, env=env)
        yield out


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = [build(folder), *debian_libraries(folder), *rust_programs(folder)]
        for path in files:
            measure(path)
        compare(files)


main()
