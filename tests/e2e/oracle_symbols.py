#!/usr/bin/env python3
"""Names of addresses are those that addr2line and llvm-symbolizer give.

Every few bytes of every function of programs in C, C++ and (where rustc is there) Rust, built at
-O0, -O2 and -O3 -flto, with DWARF 4 and 5, by gcc and clang; and of libraries of this machine.
Compared are the number of functions at an address (inlined ones), their names as linked, and the
files and lines. Where the two oracles differ from each other, ours must equal one of them; where
ours equals neither, a rule below explains it, or the test fails.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

NAMER, TARGETS = sys.argv[1], sys.argv[2]
STEP = 3
MOST = int(sys.argv[3]) if len(sys.argv) > 3 else 1200  # addresses of one file


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, errors="replace",
                          check=True).stdout


def functions(path, dynamic):
    """(start, size) of each function, once for each address."""
    found = {}
    for line in run("nm", *(["-D"] if dynamic else []), "-S", "--defined-only", path).splitlines():
        parts = line.split()
        if len(parts) >= 4 and parts[2] in "tTwWi" and int(parts[1], 16) > 0:
            found[int(parts[0], 16)] = int(parts[1], 16)
    return sorted(found.items())


def addresses(path, dynamic=False):
    """Every STEP bytes; where that is too many, spread over all functions alike."""
    every = [a for start, size in functions(path, dynamic)
             for a in range(start, start + size, STEP)]
    return every[::max(1, -(-len(every) // MOST))]


def parse(output):
    """{address: [(name, file, line)]} of what all three print."""
    answers, current, pending = {}, None, None
    for line in output.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            current = answers.setdefault(int(line, 16), [])
            pending = None
        elif pending is None:
            pending = line
        else:
            place = re.sub(r" \((discriminator|inlined).*", "", line)
            file, _, number = place.rpartition(":")
            current.append((pending, os.path.normpath(file),
                            int(number) if number.isdigit() else 0))
            pending = None
    return answers


def ask(path, wanted, *command):
    return parse(run(*command, text="".join(f"0x{a:x}\n" for a in wanted)))


def plain(name):
    """Symbol versions, and what a compiler or linker adds to a function's name."""
    return re.sub(r"(@@?\w[\w.]*|\.(constprop|isra|part|cold|lto_priv|llvm)(\.\d+)*)+$", "", name)


def same_function(ours, theirs):
    return plain(ours) == plain(theirs) or theirs == "??"


def same_chain(ours, theirs, has_lines):
    if not has_lines:  # symbol tables only: nobody has a line or an inlined call
        return len(ours) == len(theirs) == 1 and same_function(ours[0][0], theirs[0][0])
    return (len(ours) == len(theirs) and
            all(same_function(a[0], b[0]) and a[1:] == b[1:] for a, b in zip(ours, theirs)))


def has_debug_file(path):
    notes = run("readelf", "-n", path)
    found = re.search(r"Build ID: (..)(\w+)", notes)
    return bool(found) and os.path.exists(f"/usr/lib/debug/.build-id/{found[1]}/{found[2]}.debug")


class Tally:
    def __init__(self):
        self.addresses = self.inlined = self.both = self.one = 0
        self.explained = {}
        self.wrong = []


def explain(ours, gnu, llvm):
    """Why ours may differ from both, or None."""
    for theirs, who in ((gnu, "addr2line"), (llvm, "llvm-symbolizer")):
        if [x[1:] for x in ours] == [x[1:] for x in theirs]:
            shorter = [(a, b) for a, b in zip(ours, theirs) if not same_function(a[0], b[0])]
            if all(a[0].startswith("_Z") != b[0].startswith("_Z") or
                   plain(b[0]) in plain(a[0]) or plain(a[0]) in plain(b[0])
                   for a, b in shorter):
                return (f"same lines as {who}; another name of the function (an alias, D1 for D2, "
                        "or no linked name in the debug information)")
        if [x[0] for x in ours[:-1]] == [x[0] for x in theirs[:-1]] and \
           [x[2] for x in ours] == [x[2] for x in theirs]:
            return (f"same functions and lines as {who}; another spelling of a file's path, or "
                    "another name of the outermost function")
    return None


def compare(path, tally, dynamic=False, has_lines=True, arguments=()):
    wanted = addresses(path, dynamic)
    assert wanted, f"no function in {path}"
    ours = ask(path, wanted, NAMER, path, *arguments)
    gnu = ask(path, wanted, "addr2line", "-a", "-f", "-i", "-e", path)
    llvm = ask(path, wanted, "llvm-symbolizer", "--output-style=GNU", "-a", "--inlines",
               "--no-demangle", "-e", path)
    for a in wanted:
        tally.addresses += 1
        tally.inlined += len(ours[a]) - 1
        by = [same_chain(ours[a], theirs.get(a, []), has_lines) for theirs in (gnu, llvm)]
        if all(by):
            tally.both += 1
        elif any(by):
            tally.one += 1
        else:
            why = explain(ours[a], gnu.get(a, []), llvm.get(a, []))
            if why:
                tally.explained[why] = tally.explained.get(why, 0) + 1
            else:
                tally.wrong.append((path, a, ours[a], gnu.get(a), llvm.get(a)))
    return len(wanted)


def builds(folder):
    """(path) of every program, built."""
    sources = [("symbols_c.c", "gcc", "clang"), ("symbols_cpp.cpp", "g++", "clang++")]
    for source, *compilers in sources:
        for compiler in compilers:
            for level in ("-O0", "-O2", "-O3 -flto"):
                if "lto" in level and compiler.startswith("clang") and not shutil.which("ld.lld"):
                    continue  # clang's -flto wants lld or the gold plugin
                for version in ("4", "5"):
                    out = os.path.join(folder, f"{source}-{compiler}{level}-{version}"
                                       .replace(" ", ""))
                    linker = ["-fuse-ld=lld"] if "lto" in level and "clang" in compiler else []
                    run(compiler, "-g", f"-gdwarf-{version}", *level.split(), *linker,
                        os.path.join(TARGETS, source), "-o", out)
                    yield out
    if shutil.which("rustc"):
        for level in ("0", "3"):
            out = os.path.join(folder, f"symbols_rust-{level}")
            done = subprocess.run(["rustc", "-g", f"-Copt-level={level}", "-o", out,
                                   os.path.join(TARGETS, "symbols_rust.rs")], capture_output=True)
            if done.returncode == 0:  # a rustc without its library is as none
                yield out


def report(what, tally):
    print(f"{what}: {tally.addresses} addresses, {tally.inlined} inlined calls: {tally.both} equal "
          f"both oracles, {tally.one} one of them")
    for why, count in sorted(tally.explained.items()):
        print(f"    {count}: {why}")
    print(f"    {len(tally.wrong)} unexplained")
    for one in tally.wrong[:12]:
        print("   ", *one, sep="\n      ")


def main():
    programs, libraries = Tally(), Tally()
    with tempfile.TemporaryDirectory() as folder:
        for path in builds(folder):
            compare(path, programs)
    for pattern in ("libc.so.6", "libstdc++.so.6", "libsqlite3.so.0", "libcrypto.so.3",
                    "libm.so.6"):
        for path in glob.glob(f"/usr/lib/x86_64-linux-gnu/{pattern}"):
            compare(path, libraries, dynamic=True, has_lines=has_debug_file(path))
    report("programs", programs)
    report("libraries", libraries)
    assert programs.addresses > 5000 and programs.inlined > 2000, "too little was compared"
    assert libraries.addresses > 3000, "too little was compared"
    assert not programs.wrong and not libraries.wrong


main()
