#!/usr/bin/env python3
"""Names of addresses are those that addr2line and llvm-symbolizer give.

Every few bytes of every function of programs in C, C++ and (where rustc is there) Rust, built at
-O0, -O2 and -O3 -flto, with DWARF 4 and 5, by gcc and clang; and of libraries of this machine.
Compared are the number of functions at an address (inlined ones), their names as linked, and the
files and lines. Where ours differs from an oracle, one of seven rules must explain it (docs/names.md
tells of each), or the test fails.
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
FILES = sys.argv[4:]  # compare these, with their own debug information, and nothing else


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
    return re.sub(r"(@@?\w[\w.]*|\.(constprop|isra|part|cold|lto_priv|llvm)(\.\d+)*|\.\d+)+$", "", name)


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


def aliases(path):
    """{a function's name: the address it stands at}, of both symbol tables and the debug file's."""
    files = [(path, []), (path, ["-D"])]
    if has_debug_file(path):
        found = re.search(r"Build ID: (..)(\w+)", run("readelf", "-n", path))
        files.append((f"/usr/lib/debug/.build-id/{found[1]}/{found[2]}.debug", []))
    names = {}
    for file, options in files:
        for line in run("nm", *options, "--defined-only", file).splitlines():
            parts = line.split()
            if len(parts) == 3 and parts[1] in "tTwWi":
                names.setdefault(plain(parts[2]), set()).add(int(parts[0], 16))
    return names


# The differences that are explained; docs/names.md says why for each.
NO_LINKED_NAME = "no linked name in the debug information: named by its plain name or its caller's"
ALIAS = "another of the names of one address"
FILE_SYMBOL = "no debug information: it tells the symbol table's file symbol"
NO_INLINES = "it leaves out some inlined calls or all, the other oracle tells ours"
OTHER_FILE = "another file at the same line, the other oracle tells ours"
NO_LINE = "it tells no line, the other oracle tells ours"
MADE_CODE = "a line for code that the compiler made, the other oracle tells none"


class Tally:
    def __init__(self):
        self.addresses = self.inlined = self.both = self.one = 0
        self.explained = {"addr2line": {}, "llvm-symbolizer": {}}
        self.wrong = []


def places(chain):
    return [one[1:] for one in chain]


def is_mangled(name):
    return name.startswith(("_Z", "_R"))


def twins(ours, theirs):
    """Constructors and destructors have several names for one body, C1 C2 C4 and D0 D1 D2 D4, and
    virtual functions thunks."""
    def one(name):
        whole = re.sub(r"^_ZT(hn?\d+|vn?\d+_n?\d+)_", "_Z", plain(name))
        return re.sub(r"([CD])[0-4]([EI])", r"\1_\2", whole)
    return is_mangled(ours) and one(ours) == one(theirs)


def name_difference(ours, theirs, names, around):
    """around: the names of the functions around it, as the oracle has them."""
    if is_mangled(ours) != is_mangled(theirs) or (
            not is_mangled(ours) and plain(theirs) in around):
        return NO_LINKED_NAME
    both = names.get(plain(ours), set()) & names.get(plain(theirs), set())
    return ALIAS if both or twins(ours, theirs) else None


def place_difference(ours, theirs, other_agrees):
    if ours == ("??", 0):
        if theirs[1] == 0 and "/" not in theirs[0]:
            return FILE_SYMBOL
        return MADE_CODE if other_agrees else None
    if other_agrees and theirs[1] == 0 and "/" not in theirs[0]:
        return NO_LINE
    return OTHER_FILE if other_agrees and ours[1] == theirs[1] else None


def differences(ours, theirs, other, has_lines, names):
    """Each of them explained; None = one is not."""
    other_agrees = places(ours) == places(other)
    if has_lines and len(ours) != len(theirs):
        return {NO_INLINES} if len(theirs) < len(ours) and other_agrees else None
    found = set()
    for i, (mine, its) in enumerate(zip(ours, theirs)):
        if not same_function(mine[0], its[0]):
            around = [plain(one[0]) for one in theirs[i + 1:]]
            found.add(name_difference(mine[0], its[0], names, around))
        if has_lines and mine[1:] != its[1:]:
            found.add(place_difference(mine[1:], its[1:], other_agrees))
    return None if None in found else found


def compare(path, tally, dynamic=False, has_lines=True, arguments=()):
    wanted = addresses(path, dynamic)
    assert wanted, f"no function in {path}"
    names = aliases(path)
    ours = ask(path, wanted, NAMER, path, *arguments)
    oracles = {"addr2line": ask(path, wanted, "addr2line", "-a", "-f", "-i", "-e", path),
               "llvm-symbolizer": ask(path, wanted, "llvm-symbolizer", "--output-style=GNU", "-a",
                                      "--inlines", "--no-demangle", "-e", path)}
    for a in wanted:
        tally.addresses += 1
        tally.inlined += len(ours[a]) - 1
        equal = 0
        for who, answers in oracles.items():
            other = oracles["addr2line" if who != "addr2line" else "llvm-symbolizer"]
            if same_chain(ours[a], answers.get(a, []), has_lines):
                equal += 1
                continue
            why = differences(ours[a], answers.get(a, []), other.get(a, []), has_lines, names)
            for one in why or ():
                tally.explained[who][one] = tally.explained[who].get(one, 0) + 1
            if why is None:
                tally.wrong.append((who, path, hex(a), ours[a], answers.get(a)))
        tally.both += equal == 2
        tally.one += equal == 1
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
    for who, reasons in tally.explained.items():
        for why, count in sorted(reasons.items()):
            print(f"    {count} differ from {who}: {why}")
    print(f"    {len(tally.wrong)} unexplained")
    for one in tally.wrong[:6]:
        print("   ", *one, sep="\n      ")


def compare_files():
    tally = Tally()
    for path in FILES:
        compare(path, tally)
    report("files", tally)
    assert tally.addresses > 1000 and not tally.wrong


def main():
    if FILES:
        compare_files()
        return
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
