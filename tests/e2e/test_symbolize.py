#!/usr/bin/env python3
"""Names in recordings of real runs, wherever the debug information is, and when it is not there."""
import functools
import glob
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ALLOCTRAP, TARGETS = sys.argv[1], sys.argv[2]
WHOLE = ["innermost (inlined)", "middle (inlined)", "outer", "symbols_start", "main"]


def run(*command, env=None, check=True):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                          env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Case:
    """A folder of its own, with its own cache."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="alloctrap-symbolize-")
        self.env = {"XDG_CACHE_HOME": self.path("cache"), "DEBUGINFOD_URLS": ""}

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, *options, source="symbols_c.c", compiler="gcc", name="prog"):
        run(compiler, "-g", "-O2", *options, os.path.join(TARGETS, source), "-o", self.path(name))
        return self.path(name)

    def record(self, *command, env=None):
        return run(ALLOCTRAP, "record", "-o", self.path("r.atrap"), "--", *command,
                   env={**self.env, **(env or {})}).stderr

    def symbolize(self, *options, env=None):
        return run(ALLOCTRAP, "symbolize", self.path("r.atrap"), *options,
                   env={**self.env, **(env or {})}).stdout

    def stack(self, *options):
        """The longest stack of the program's own functions, innermost first."""
        return max(self.stacks(*options), key=len)

    def stacks(self, *options):
        report = json.loads(run(ALLOCTRAP, "report", self.path("r.atrap"), "--json",
                                *options).stdout)
        return [[f["function"] + " (inlined)" * f["inlined"] for f in site["stack"]
                 if "/libc" not in f["module"] and f["function"] != "_start"
                 and "liballoctrap" not in f["module"]]
                for site in report["sites"]]

    def is_nameless(self):
        stack = self.stack()
        assert stack, "no stack of the program itself"
        return all("+0x" in one for one in stack)


def split_debug(case, program, link=True):
    """Moves the debug information into PROGRAM.debug; returns its path."""
    debug = program + ".debug"
    run("objcopy", "--only-keep-debug", program, debug)
    run("strip", program)
    if link:
        run("objcopy", f"--add-gnu-debuglink={debug}", program)
    return debug


def build_id(program):
    return run("readelf", "-n", program).stdout.split("Build ID: ")[1].split()[0]


def store_by_build_id(case, debug, folder):
    name = build_id(debug)
    place = os.path.join(folder, ".build-id", name[:2])
    os.makedirs(place)
    shutil.move(debug, os.path.join(place, name[2:] + ".debug"))


def test_debug_information_in_the_program(case):
    case.record(case.compile())
    assert case.stack() == WHOLE, case.stack()


def test_dwarf_4_and_clang(case):
    for compiler in ("gcc", "clang"):
        for version in ("4", "5"):
            case.record(case.compile(f"-gdwarf-{version}", compiler=compiler))
            assert case.stack() == WHOLE, (compiler, version, case.stack())


def test_non_pie(case):
    case.record(case.compile("-no-pie", "-fno-pie"))
    assert case.stack() == WHOLE, case.stack()


def test_debuglink(case):
    program = case.compile()
    split_debug(case, program)
    case.record(program)
    assert case.stack() == WHOLE, case.stack()


def test_debuglink_of_another_file_is_refused(case):
    program = case.compile()
    debug = split_debug(case, program)
    with open(debug, "ab") as out:
        out.write(b"changed")  # its checksum is not the link's any more
    run("objcopy", "--remove-section=.note.gnu.build-id", debug)
    case.record(program)
    assert case.is_nameless(), case.stack()


def test_symbolize_with_debug_dir(case):
    program = case.compile()
    store_by_build_id(case, split_debug(case, program, link=False), case.path("dbg"))
    case.record(program)
    assert case.is_nameless(), case.stack()
    out = case.symbolize("--debug-dir", case.path("dbg"))
    assert case.stack() == WHOLE, case.stack()
    assert "source lines:" in out, out


def test_debug_file_stands_in_for_a_program_that_is_gone(case):
    program = case.compile()
    store_by_build_id(case, split_debug(case, program, link=False), case.path("dbg"))
    case.record(program)
    os.unlink(program)
    assert "is not there any more" in case.symbolize()
    case.symbolize("--debug-dir", case.path("dbg"))
    assert case.stack() == WHOLE, case.stack()


def test_symbolize_keeps_the_trace_and_writes_elsewhere(case):
    program = case.compile()
    run("strip", "-o", case.path("bare"), program)
    run(ALLOCTRAP, "record", "--trace", "-o", case.path("r.atrap"), "--", case.path("bare"),
        env=case.env)
    before = run(ALLOCTRAP, "info", case.path("r.atrap")).stdout
    shutil.copy(program, case.path("bare"))
    case.symbolize("-o", case.path("out.atrap"))
    assert case.is_nameless()
    os.rename(case.path("out.atrap"), case.path("r.atrap"))
    after = run(ALLOCTRAP, "info", case.path("r.atrap")).stdout
    assert case.stack() == WHOLE, case.stack()
    trace = [line for line in before.splitlines() if line.startswith("Trace")]
    kept = [line for line in after.splitlines() if line.startswith("Trace")]
    assert trace and [x.split(" in ")[0] for x in kept] == [x.split(" in ")[0] for x in trace], after


def test_sysroot(case):
    program = case.compile()
    bare = case.path("bare")
    run("strip", "-o", bare, program)
    case.record(bare)
    root = case.path("root")
    os.makedirs(root + case.folder)
    shutil.move(program, root + bare)
    os.unlink(bare)
    case.symbolize("--sysroot", root)
    assert case.stack() == WHOLE, case.stack()


def test_mini_debug_information(case):
    program = case.compile()
    run("objcopy", "-S", "--keep-file-symbols", "--keep-symbol=outer",
        "--keep-symbol=symbols_start", program, case.path("mini"))
    run("xz", "-k", case.path("mini"))
    run("strip", program)
    run("objcopy", f"--add-section=.gnu_debugdata={case.path('mini')}.xz", program)
    case.record(program)
    assert {"outer", "symbols_start"} <= set(case.stack()), case.stack()


def test_dwz_common_file(case):
    first, second = case.compile(name="first"), case.compile(name="second")
    run("dwz", "-m", case.path("common.debug"), "-M", case.path("common.debug"), first, second)
    assert "gnu_debugaltlink" in run("readelf", "-SW", first).stdout
    case.record(first)
    assert case.stack() == WHOLE, case.stack()


def test_split_dwarf(case):
    for version in ("4", "5"):
        source = os.path.join(TARGETS, "symbols_c.c")
        run("gcc", "-g", "-O2", f"-gdwarf-{version}", "-gsplit-dwarf", "-c", source, "-o",
            case.path("prog.o"))
        run("gcc", case.path("prog.o"), "-o", case.path("prog"))
        said = case.record(case.path("prog"))
        assert case.stack() == WHOLE, case.stack()
        assert ".dwo" not in said, said
        for dwo in glob.glob(case.path("*.dwo")):
            os.unlink(dwo)
        said = case.record(case.path("prog"), env={"ALLOCTRAP_SYMBOL_CACHE": "off"})
        assert ".dwo files that are not there" in said, said
        assert "outer" in case.stack() and WHOLE[0] not in case.stack(), case.stack()


def test_symbol_table_only(case):
    program = case.compile()
    run("strip", "-g", program)
    case.record(program)
    assert case.stack() == WHOLE[2:], case.stack()


def test_replaced_program_gets_no_wrong_names(case):
    """The shell overwrites the program while it runs: the same path, another build."""
    program = case.compile()
    other = case.compile("-O0", name="other")
    said = case.record("sh", "-c", f"{program} a b; mv {other} {program}")
    assert "is another build than the one that ran" in said, said
    assert case.is_nameless(), case.stack()


def test_deleted_program(case):
    program = case.compile()
    said = case.record("sh", "-c", f"{program} a b; rm {program}")
    assert "is not there any more" in said, said
    assert case.is_nameless(), case.stack()


def test_without_build_id(case):
    program = case.compile("-Wl,--build-id=none")
    case.record(program)
    assert case.stack() == WHOLE, case.stack()
    other = case.compile("-O0", "-Wl,--build-id=none", name="other")
    said = case.record("sh", "-c", f"{program} a b; cp {other} {program}")
    assert "is another build than the one that ran" in said, said
    assert case.is_nameless(), case.stack()


def serve(folder):
    """A debuginfod server, as far as its clients can tell, and what it was asked for."""
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, requests


def test_debuginfod_only_when_asked_for(case):
    program = case.compile()
    place = case.path(f"www/buildid/{build_id(program)}")
    os.makedirs(place)
    shutil.copy(program, os.path.join(place, "executable"))
    debug = split_debug(case, program, link=False)
    shutil.copy(debug, os.path.join(place, "debuginfo"))
    os.unlink(debug)
    server, requests = serve(case.path("www"))
    urls = {"DEBUGINFOD_URLS": f"http://127.0.0.1:{server.server_address[1]}",
            "DEBUGINFOD_CACHE_PATH": case.path("dcache")}
    try:
        case.record(program, env=urls)
        case.symbolize(env=urls)
        assert not requests, requests
        assert case.is_nameless(), case.stack()
        case.symbolize("--debuginfod", env=urls)
        assert requests and case.stack() == WHOLE, (requests, case.stack())
        shutil.rmtree(case.path("cache"))  # now the program itself from the server
        case.record(program)
        os.unlink(program)
        case.symbolize("--debuginfod", env=urls)
        assert case.stack() == WHOLE, case.stack()
    finally:
        server.shutdown()
    refused = run(ALLOCTRAP, "symbolize", case.path("r.atrap"), "--debuginfod", env=case.env,
                  check=False)
    assert refused.returncode == 2 and "DEBUGINFOD_URLS" in refused.stderr, refused.stderr


def test_debuginfod_that_never_answers(case):
    """It is waited for no longer than DEBUGINFOD_TIMEOUT says, and a line says what is waited for."""
    program = case.compile()
    run("strip", program)
    case.record(program)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        start = time.monotonic()
        done = run(ALLOCTRAP, "symbolize", case.path("r.atrap"), "--debuginfod",
                   env={**case.env, "DEBUGINFOD_URLS": url, "DEBUGINFOD_TIMEOUT": "1",
                        "DEBUGINFOD_CACHE_PATH": case.path("dcache")})
        assert time.monotonic() - start < 30, "it is given up"
    assert url in done.stderr or "ownloading" in done.stderr, done.stderr
    assert case.is_nameless(), case.stack()


def cache_files(case):
    return glob.glob(case.path("cache/alloctrap/symbols/*.sqlite"))


def test_cache_is_used_and_can_be_turned_off(case):
    program = case.compile()
    case.record(program, env={"ALLOCTRAP_SYMBOL_CACHE": "off"})
    assert not cache_files(case)
    case.record(program)
    mine = [f for f in cache_files(case) if build_id(program) in f]
    assert mine, cache_files(case)
    run("strip", "-o", case.path("bare"), program)  # same build-id: only the cache knows names
    os.rename(case.path("bare"), program)
    case.record(program)
    assert case.stack()[:5] == WHOLE, case.stack()  # then _start, which has no line
    case.record(program, env={"ALLOCTRAP_SYMBOL_CACHE": "off"})
    assert case.is_nameless(), case.stack()
    assert "from the cache:" not in case.symbolize("--no-cache")
    assert "from the cache:" in case.symbolize()
    with open(mine[0], "r+b") as out:  # a damaged file is thrown away
        out.write(b"no database at all" * 500)
    case.record(program)
    assert case.is_nameless(), case.stack()


def test_what_has_no_name_is_known_until_a_debug_file_comes(case):
    program = case.compile()
    debug = split_debug(case, program)
    os.rename(debug, debug + ".later")
    os.mkdir(case.path("out"))

    def report():
        run(ALLOCTRAP, "record", "-o", case.path("out/r.atrap"), "--", program, env=case.env)
        return run(ALLOCTRAP, "report", case.path("out/r.atrap")).stdout

    assert "prog+0x" in report()  # a folder that was changed just now may change again in this tick
    time.sleep(4)
    assert "prog+0x" in report()
    mine = [f for f in cache_files(case) if build_id(program) in f]
    run("sqlite3", mine[0], "UPDATE line SET function = 'of_the_cache' WHERE stamp <> 0")
    assert "of_the_cache" in report() and "prog+0x" not in report()
    os.rename(debug + ".later", debug)
    case.record(program)
    assert case.stack() == WHOLE, case.stack()


def test_cache_with_two_writers(case):
    program = case.compile()
    for _ in range(3):
        shutil.rmtree(case.path("cache"), ignore_errors=True)
        env = {**os.environ, **case.env}
        both = [subprocess.Popen([ALLOCTRAP, "record", "-o", case.path(f"{i}.atrap"), "--",
                                  program], env=env, stderr=subprocess.DEVNULL) for i in range(2)]
        assert [one.wait() for one in both] == [0, 0]
        for i in range(2):
            os.replace(case.path(f"{i}.atrap"), case.path("r.atrap"))
            assert case.stack() == WHOLE, case.stack()
    for file in cache_files(case):
        checked = run("sqlite3", file, "PRAGMA integrity_check; SELECT count(*) FROM line").stdout
        assert checked.split()[0] == "ok" and int(checked.split()[1]) > 0, checked


def test_cache_in_a_foreign_folder_is_not_used(case):
    os.makedirs(case.path("cache/alloctrap/symbols"))
    os.chmod(case.path("cache/alloctrap/symbols"), 0o777)
    case.record(case.compile())
    assert case.stack() == WHOLE and not cache_files(case)


def test_damaged_program_costs_names_only(case):
    program = case.compile()
    case.record(program, env={"ALLOCTRAP_SYMBOL_CACHE": "off"})
    with open(program, "rb") as source:
        whole = source.read()
    bare = case.path("bare")
    run("strip", "-o", bare, program)
    case.record(bare)
    note = whole.index(bytes.fromhex(build_id(program)))
    for at in range(1000, len(whole), len(whole) // 8):
        broken = bytearray(whole)
        broken[at:at + 300] = b"\xff" * len(broken[at:at + 300])
        broken[note:note + 20] = whole[note:note + 20]
        with open(bare, "wb") as out:
            out.write(broken)
        case.symbolize("--no-cache", "-o", case.path("out.atrap"))
        run(ALLOCTRAP, "report", case.path("out.atrap"))


def test_forms_of_names(case):
    program = case.compile(source="symbols_cpp.cpp", compiler="g++")
    case.record(program)
    readable = " ".join(sum(case.stacks(), []))
    raw = " ".join(sum(case.stacks("--raw-names"), []))
    folded = " ".join(sum(case.stacks("--fold-templates"), []))
    assert "shop::counter::add(std::" in readable and "_ZN4shop7counter3add" not in readable
    assert "_ZN4shop7counter3add" in raw, raw
    assert "std::_Rb_tree<...>" in folded and "std::_Rb_tree<std" in readable, folded
    top = run(ALLOCTRAP, "report", case.path("r.atrap"), "--raw-names").stdout
    assert "_Znwm" not in top, "wrappers are seen through by either name"
    for form in ("--raw-names", "--fold-templates"):
        out = run(ALLOCTRAP, "compare", case.path("r.atrap"), case.path("r.atrap"), form).stdout
        assert "same" in out or "no" in out.lower(), out


def compile_plugin(case, name, *options):
    """A library with one function that allocates, all of them of the same layout."""
    source = case.path(f"{name}.c")
    with open(source, "w") as out:
        out.write("#include <stdlib.h>\n"
                  f"void *{name}(size_t n)\n{{\n    return malloc(n);\n}}\n")
    library = case.path(f"lib{name}.so")
    run("gcc", "-g", "-O0", "-shared", "-fPIC", *options, source, "-o", library)
    return library


def allocations(case):
    """{function of the call site: allocations}."""
    report = json.loads(run(ALLOCTRAP, "report", case.path("r.atrap"), "--json").stdout)
    return {site["function"]: site["allocations"] for site in report["sites"]
            if site["allocations"]}


def test_closed_library_and_another_at_its_addresses(case):
    """The functions of three libraries stood at one address, one after the other."""
    program = case.compile(source="plugins.c")
    first, second = compile_plugin(case, "first"), compile_plugin(case, "second")
    done = run(ALLOCTRAP, "record", "-o", case.path("r.atrap"), "--", program, "400", first, "first",
               "300", second, "second", "20", first, "first", env=case.env)
    assert len(set(done.stdout.split())) == 1, f"addresses were not used again: {done.stdout}"
    found = allocations(case)
    assert found["first"] == 420 and found["second"] == 300, found


def test_library_linked_to_its_own_address(case):
    """As prelink leaves them: link-time addresses do not begin at 0."""
    program = case.compile(source="plugins.c")
    moved = compile_plugin(case, "moved", "-Wl,-Ttext-segment=0x3a7400000000")
    case.record(program, "50", moved, "moved")
    assert allocations(case)["moved"] == 50, allocations(case)
    assert ["moved", "use (inlined)", "main"] in case.stacks(), case.stacks()


def test_statically_linked_parts(case):
    source = case.path("part.c")
    with open(source, "w") as out:
        out.write("#include <stdlib.h>\nvoid *part(size_t n) { return malloc(n); }\n")
    run("gcc", "-g", "-c", source, "-o", case.path("part.o"))
    run("ar", "rcs", case.path("libpart.a"), case.path("part.o"))
    with open(case.path("main.c"), "w") as out:
        out.write("#include <stdlib.h>\nvoid *part(size_t n);\n"
                  "int main(void) { free(part(3)); return 0; }\n")
    run("gcc", "-g", case.path("main.c"), case.path("libpart.a"), "-static-libgcc", "-o",
        case.path("prog"))
    case.record(case.path("prog"))
    assert allocations(case)["part"] == 1, allocations(case)
    assert ["part", "main"] in case.stacks(), case.stacks()


def test_vdso_in_the_middle_of_a_stack(case):
    program = case.compile("-D_GNU_SOURCE", source="vdso.c")
    done = run(ALLOCTRAP, "record", "-o", case.path("r.atrap"), "--", program, env=case.env,
               check=False)
    if done.returncode == 77:
        print("skip: this kernel's clock is not read in the vDSO")
        return
    stack = max(case.stacks(), key=len)
    assert stack[0] == "on_timer" and "[vdso]" in stack and stack[-1] == "main", stack
    assert "linux-vdso" not in done.stderr, done.stderr


def test_copies_of_an_inline_function(case):
    """The linker keeps the first copy; the debug information of all copies points to it."""
    for first, second in ((10, 900), (900, 10)):
        objects = []
        for line, main in ((first, "int main(void) { return shared(3) == 0 || other() == 0; }"),
                           (second, "void *volatile kept; void *other(void) { return shared(5); }")):
            source = case.path(f"copy-{line}.cpp")
            with open(source, "w") as out:
                out.write("#include <cstdlib>\n#include <cstddef>\nvoid *other(void);\n"
                          f'#line {line} "shared.h"\n'
                          "inline __attribute__((noinline)) void *shared(std::size_t n)\n{\n"
                          f"    return std::malloc(n);\n}}\n{main}\n")
            objects.append(source + ".o")
            run("g++", "-g", "-O1", "-c", source, "-o", objects[-1])
        run("g++", *objects, "-o", case.path("copies"))
        case.record(case.path("copies"), env={"ALLOCTRAP_SYMBOL_CACHE": "off"})
        report = json.loads(run(ALLOCTRAP, "report", case.path("r.atrap"), "--json").stdout)
        lines = {site["line"] for site in report["sites"] if site["function"].startswith("shared")}
        assert lines == {first + 2}, (first, lines)


def test_wrapper(case):
    case.record(case.compile())
    shown = {}
    for option in ("--wrapper=inner*", "--wrapper=nothing"):
        out = run(ALLOCTRAP, "report", case.path("r.atrap"), "--json", option).stdout
        shown[option] = {site["function"] for site in json.loads(out)["sites"]}
    assert "middle" in shown["--wrapper=inner*"] and "innermost" not in shown["--wrapper=inner*"]
    assert "innermost" in shown["--wrapper=nothing"], shown
    empty = case.path("none.atrap")
    run(ALLOCTRAP, "record", "-o", empty, "--", "true", env=case.env)
    out = run(ALLOCTRAP, "compare", empty, case.path("r.atrap"), "--json",
              "--wrapper=inner*").stdout
    assert "middle" in {site["function"] for site in json.loads(out)["sites"]}


def test_perf_map(case):
    program = case.compile("-fno-omit-frame-pointer", source="jit.c")
    run("rm", "-f", *glob.glob("/tmp/perf-*.map.alloctrap"))
    for name, mode, is_used in (("LazyCompile:*parse app.js:12", "600", True),
                                ("evil", "666", False), (None, None, False)):
        case.record(program, *([name, mode] if name else []))
        named = name in " ".join(case.stack()) if name else False
        assert named == is_used, (name, mode, case.stack())
        assert is_used or any(one.startswith("jit@0x") for one in case.stack()), case.stack()
        for process in json.loads(run(ALLOCTRAP, "report", case.path("r.atrap"),
                                      "--json").stdout)["processes"]:
            if os.path.exists(f"/tmp/perf-{process['pid']}.map"):
                os.unlink(f"/tmp/perf-{process['pid']}.map")


def test_source_lines_of_a_build_made_elsewhere(case):
    program = case.compile(f"-fdebug-prefix-map={os.path.abspath(TARGETS)}=/build/elsewhere",
                           f"-ffile-prefix-map={TARGETS}=/build/elsewhere")
    case.record(program)
    report = [ALLOCTRAP, "report", case.path("r.atrap"), "--source=symbols_c.c"]
    missing = run(*report).stdout
    assert "/build/elsewhere/symbols_c.c: No such file" in missing.replace("\n", " "), missing
    assert "in innermost" in missing, missing
    for options in ([f"--source-map=/build/elsewhere={TARGETS}"], ["--sysroot", case.path("root")]):
        root = case.path("root/build/elsewhere")
        os.makedirs(root, exist_ok=True)
        shutil.copy2(os.path.join(TARGETS, "symbols_c.c"), root)
        shown = run(*report, *options).stdout
        line = [one for one in shown.splitlines() if "malloc(size_bytes)" in one]
        assert len(line) == 1 and re.match(r" +3 +3 ", line[0]), shown
        assert "newer" not in shown and "changed after" not in shown, shown


def test_very_long_and_hostile_names(case):
    source = case.path("long.c")
    long_name = "n" * 10000
    with open(source, "w") as out:
        out.write('#include <stdlib.h>\n'
                  f'__attribute__((noinline)) void *made(size_t n) __asm__("{long_name}");\n'
                  'void *made(size_t n) { return malloc(n); }\n'
                  '__attribute__((noinline)) void *sly(size_t n) { return calloc(n, 1); }\n'
                  'int main(void) { void *volatile a = made(3); void *volatile b = sly(4);'
                  ' free(a); free(b); return 0; }\n')
    run("gcc", "-O0", "-c", source, "-o", case.path("long.o"))
    run("objcopy", "--redefine-sym", "sly=\033[31msly\n|`<b>", case.path("long.o"))
    run("gcc", case.path("long.o"), "-o", case.path("long"))
    case.record(case.path("long"))
    stacks = json.dumps(json.loads(run(ALLOCTRAP, "report", case.path("r.atrap"),
                                       "--json").stdout))
    assert long_name in stacks
    text = run(ALLOCTRAP, "report", case.path("r.atrap")).stdout
    assert "\033[31m" not in text and "sly" in text


def main():
    signal.alarm(900)
    tests = [(name, test) for name, test in sorted(globals().items()) if name.startswith("test_")]
    chosen = sys.argv[3:]
    failed = 0
    for name, test in tests:
        if chosen and name not in chosen:
            continue
        case = Case()
        try:
            test(case)
            print(f"ok   {name}", flush=True)
        except Exception as error:  # the next case is another one
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
        finally:
            shutil.rmtree(case.folder)
    return failed != 0


sys.exit(main())
