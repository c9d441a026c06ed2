#!/usr/bin/env python3
"""Every command and option that `--help` names is in its man page and in the guide, and vice versa.

usage: documented.py ALLOCTRAP DOCS_FOLDER
The list of commands is that of `alloctrap --help`: a new command without a page fails here.
"""

import os
import re
import subprocess
import sys

ALLOCTRAP, DOCS = (os.path.abspath(a) for a in sys.argv[1:3])
failures = []


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def read(*path):
    with open(os.path.join(DOCS, *path), encoding="utf-8") as file:
        return file.read()


def help_of(*command):
    done = subprocess.run([ALLOCTRAP, *command, "--help"], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)
    check(done.returncode == 0 and done.stderr == b"", f"{command} --help is quiet and ends with 0")
    return done.stdout.decode()


def commands():
    return re.findall(r"^  ([a-z]+) +\S", help_of(), re.MULTILINE)


def options_of_help(text):
    """The options that begin a line of the list: "  -o, --output=FILE  ..."."""
    found = set()
    for short, long in re.findall(r"^ +(?:(-\w), )?(--[a-z][a-z-]*)", text, re.MULTILINE):
        found |= {long, short} - {""}
    return found


def options_of_man(text):
    """The options of the list's items: ".It Fl o , Fl -output Ns = Ns Ar file"."""
    found = set()
    for item in re.findall(r"^\.It (Fl .*)$", text, re.MULTILINE):
        found |= {"-" + name for name in re.findall(r"Fl (-?\w[\w-]*)", item)}
    return found


def section_of_guide(guide, command):
    match = re.search(rf"^## {command}\n(.*?)(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else None


def options_explained(section):
    """The options that begin an item of the guide: "- `--top=N` ..." or "### `--top=N`"."""
    found = set()
    for item in re.findall(r"^(?:- |### )((?:`[^`]*`(?:, | and | or )?)+)", section, re.MULTILINE):
        found |= set(re.findall(r"`(-\w|--[a-z][a-z-]*)", item))
    return found


def check_command(command, guide, installed):
    known = options_of_help(help_of(command))
    check("--help" in known, f"{command} --help names --help itself")
    page = f"alloctrap-{command}.1"
    if not os.path.exists(os.path.join(DOCS, "man", page)):
        check(False, f"{command} has a page docs/man/{page}")
        return
    check(f"man/{page}" in installed, f"docs/meson.build installs man/{page}")
    written = options_of_man(read("man", page))
    check(known == written, f"{page} and --help name the same options, not {sorted(known ^ written)}")
    section = section_of_guide(guide, command)
    check(section is not None and len(section) > 200, f"docs/guide.md has a section '## {command}'")
    explained = options_explained(section or "")
    missing = known - {"-h", "--help"} - set(re.findall(r"--?[a-z][a-z-]*", section or ""))
    check(not missing, f"the guide's section '{command}' tells of {sorted(missing)}")
    check(explained <= known, f"the guide explains no option {command} has not: "
                              f"{sorted(explained - known)}")


def check_version():
    """The version that `--version` prints is the one the changelog is at."""
    done = subprocess.run([ALLOCTRAP, "--version"], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)
    newest = re.search(r"^## (\d+\.\d+\.\d+)", read("..", "CHANGELOG.md"), re.MULTILINE).group(1)
    check(done.returncode == 0 and done.stderr == b"" and
          done.stdout.decode() == f"alloctrap {newest}\n", f"--version: {done.stdout}")
    check("--version" in help_of(), "--help tells of --version")


def check_pages_format(pages):
    """groff, with all warnings, has nothing to say."""
    for page in pages:
        path = os.path.join(DOCS, "man", page)
        done = subprocess.run(["groff", "-mandoc", "-ww", "-z", "-Tutf8", path],
                              capture_output=True, check=False)
        check(done.returncode == 0 and done.stderr == b"", f"{page}: {done.stderr.decode()}")


def check_main_page(names):
    page = read("man", "alloctrap.1")
    for command in names:
        check(f".It Xr alloctrap-{command} 1" in page, f"alloctrap.1 lists {command}")
    listed = set(re.findall(r"^\.It Xr alloctrap-(\w+) 1", page, re.MULTILINE))
    check(listed == set(names), f"alloctrap.1 lists only commands: {sorted(listed - set(names))}")


def check_wrappers():
    """The table of functions that a call site is seen through is the list in the code."""
    with open(os.path.join(DOCS, "../analyzer/insight/site_name.c"), encoding="utf-8") as file:
        code = re.search(r"wrappers\[\] = \{(.*?)\};", file.read(), re.DOTALL)
    built_in = re.findall(r'"([^"]+)"', code.group(1)) if code else []
    table = re.search(r"^\| where \| functions \|\n(.*?)\n\n", read("concepts.md"),
                      re.MULTILINE | re.DOTALL)
    written = re.findall(r"`([^`]+)`", table.group(1)) if table else []
    check(len(built_in) > 50, f"the code has a list of wrappers: {built_in}")
    check(built_in == written, f"concepts.md lists them: {sorted(set(built_in) ^ set(written))}")


def main():
    names = commands()
    check(len(names) >= 6 and {"record", "report", "compare"} <= set(names), f"commands: {names}")
    guide = read("guide.md")
    installed = read("meson.build")
    for command in names:
        check_command(command, guide, installed)
    check_main_page(names)
    check_wrappers()
    check_version()
    pages = sorted(f for f in os.listdir(os.path.join(DOCS, "man")) if f.endswith(".1"))
    for page in pages:
        command = page.removeprefix("alloctrap-").removesuffix(".1")
        check(page == "alloctrap.1" or command in names, f"{page} is of a command that exists")
    check_pages_format(pages)
    print(f"{len(names)} commands, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
