#!/usr/bin/env python3
"""Allocation budgets in somebody else's build: alloctrap is installed into an empty prefix, and an
empty CMake project, an empty meson project, GitHub's action and GitLab's template use it from there.

usage: test_build.py BUILD_FOLDER SOURCE_FOLDER NPM_FOLDER
The action and the template run as far as they do without their service: their shell steps, with
the inputs and variables put in as the service would.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import validators

BUILD, SOURCE, NPM = (os.path.abspath(a) for a in sys.argv[1:4])
failures = []
PREFIX = ""


def check(claim, what):
    if not claim:
        failures.append(what)
        print("FAIL", what)


def write(name, text):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8") as out:
        out.write(text)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def run(*command, env=None, cwd=None):
    full = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "CI_", "MESON", "ALLOCTRAP"))}
    full["PATH"] = f"{PREFIX}/bin:{full['PATH']}"
    full["PKG_CONFIG_PATH"] = f"{PREFIX}/share/pkgconfig"
    full["PKG_CONFIG_SYSROOT_DIR"] = os.path.abspath("installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd,
                          stdin=subprocess.DEVNULL, env=full | (env or {}))
    return done.returncode, done.stdout + done.stderr


PROGRAM = """#include <alloctrap/alloctrap.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *volatile kept;
    (void)argv;
    alloctrap_mark("warm");
    for (int i = 0; i < argc * 5; i++) {
        kept = malloc(10);
        free(kept);
        alloctrap_units(1, "item");
    }
    return 0;
}
"""
HOLDS = "version: 1\nbudgets:\n  - { name: lean, per: item, limits: { allocs: 1 } }\n"
BROKEN = "version: 1\nbudgets:\n  - { name: lean, window: { after_mark: warm }, limits: { allocs: 9 } }\n"


def install():
    destination = os.path.abspath("installed")
    status, out = run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
                      "--destdir", destination)
    check(status == 0, f"meson install: {out}")
    found = [folder for folder, _, files in os.walk(destination) if "alloctrap" in files
             and folder.endswith("/bin")]
    check(len(found) == 1, f"one program is installed: {found}")
    return os.path.dirname(found[0])


def test_cmake():
    write("cmake/main.c", PROGRAM)
    write("cmake/alloctrap.yaml", HOLDS)
    write("cmake/CMakeLists.txt", """cmake_minimum_required(VERSION 3.18)
project(empty C)
enable_testing()
add_executable(prog main.c)
find_package(Alloctrap REQUIRED)
target_link_libraries(prog Alloctrap::header)
alloctrap_add_budget_test(budget COMMAND prog "two words" RUNS 1 REPORT junit=junit.xml STRICT)
""")
    status, out = run("cmake", "-S", "cmake", "-B", "cmake-build", f"-DCMAKE_PREFIX_PATH={PREFIX}")
    check(status == 0, f"cmake: {out}")
    status, out = run("cmake", "--build", "cmake-build")
    check(status == 0, f"cmake --build: {out}")
    status, out = run("ctest", "--output-on-failure", cwd="cmake-build")
    check(status == 0 and "1/1 Test #1: budget" in out, f"ctest passes: {out}")
    check(os.path.exists("cmake/junit.xml"), "its report is beside the sources")
    write("cmake/alloctrap.yaml", BROKEN)
    status, out = run("ctest", "--output-on-failure", cwd="cmake-build")
    check(status != 0 and "10 allocations, limit 9" in out, f"ctest fails when it is broken: {out}")
    check("main in prog" in out or "main at main.c" in out, f"and says where: {out}")
    check(os.path.exists("cmake-build/budget.alloctrap/run-1.atrap"), "the recording is kept")


def test_meson():
    write("meson/main.c", PROGRAM)
    write("meson/alloctrap.yaml", HOLDS)
    write("meson/meson.build", """project('empty', 'c')
prog = executable('prog', 'main.c', dependencies: dependency('alloctrap'))
alloctrap = find_program('alloctrap')
test('budget', alloctrap, args: ['check', '--exec', '--budget', files('alloctrap.yaml'), '--', prog])
""")
    status, out = run("meson", "setup", "meson-build", "meson")
    check(status == 0, f"meson setup: {out}")
    status, out = run("meson", "test", "-C", "meson-build")
    check(status == 0, f"meson test passes: {out}")
    write("meson/alloctrap.yaml", BROKEN.replace("allocs: 9", "allocs: 4"))
    status, out = run("meson", "test", "-C", "meson-build", "--print-errorlogs")
    check(status != 0 and "5 allocations, limit 4" in out, f"meson test fails: {out}")


def yaml(name):
    """A YAML file as npm's parser reads it."""
    code = ("import { readFileSync } from 'node:fs'; import { createRequire } from 'node:module';"
            "const YAML = createRequire(process.argv[1] + '/package.json')('yaml');"
            "console.log(JSON.stringify(YAML.parse(readFileSync(process.argv[2], 'utf8'))))")
    status, out = run("node", "--input-type=module", "-e", code, NPM, name)
    check(status == 0, f"{name} is YAML: {out}")
    return json.loads(out)


def test_action():
    folder = f"{PREFIX}/share/alloctrap/ci/github"
    action = yaml(f"{folder}/action.yml")
    check(action["runs"]["using"] == "composite" and action["name"] and action["description"], "an action")
    steps = action["runs"]["steps"]
    check(all("uses" in s or s.get("shell") for s in steps), "each step has a shell")
    check(steps[1]["uses"].startswith("actions/upload-artifact@"), "the recording is uploaded")
    given = {"command": f"{BUILD}/tests/targets/target_marks", "budget": "action.yaml", "runs": "1"}
    inputs = {name: given.get(name, spec["default"]) for name, spec in action["inputs"].items()}

    def put_in(text):
        return re.sub(r"\$\{\{ inputs\.([a-z]+) \}\}", lambda m: inputs[m.group(1)], text)

    env = {name: put_in(text) for name, text in steps[0]["env"].items()}
    check(not any("${{" in text for text in env.values()), f"every input is known: {env}")
    env |= {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": folder,
            "GITHUB_WORKSPACE": os.getcwd(), "GITHUB_STEP_SUMMARY": os.path.abspath("summary.md")}
    write("action.yaml", "version: 1\nbudgets:\n  - { name: few, limits: { allocs: 5 } }\n")
    status, out = run("sh", "-e", "-c", steps[0]["run"], env=env)
    check(status == 1 and "\n::error file=" in out, f"annotations and a failed step: {status} {out}")
    check("| broken | few |" in read("summary.md"), "the summary of the step")
    check(os.path.exists("alloctrap-out/run-1.atrap"), "what is uploaded is there")
    shutil.rmtree("alloctrap-out")
    status, out = run("sh", "-e", "-c", steps[0]["run"], env=env | {"ALLOCTRAP_COMMAND": ""})
    check(status == 2 and "ALLOCTRAP_COMMAND" in out, f"without a command: {status} {out}")


def test_gitlab():
    job = yaml(f"{PREFIX}/share/alloctrap/ci/gitlab/alloctrap.gitlab-ci.yml")[".alloctrap"]
    env = job["variables"] | {"ALLOCTRAP_COMMAND": f"{BUILD}/tests/targets/target_marks",
                              "ALLOCTRAP_BUDGET": "action.yaml", "ALLOCTRAP_RUNS": "1",
                              "ALLOCTRAP_CI": f"{PREFIX}/share/alloctrap/ci",
                              "CI_PROJECT_DIR": os.getcwd()}
    status, out = run("sh", "-e", "-c", "\n".join(job["script"]), env=env)
    check(status == 1 and "BROKEN" in out, f"the job fails: {status} {out}")
    reports = job["artifacts"]["reports"]
    status, out = run("xmllint", "--noout", reports["junit"])
    check(status == 0, f"junit: {out}")
    status, out = run("node", f"{SOURCE}/tests/ci/validate.mjs", NPM,
                      f"{SOURCE}/tests/ci/gitlab.schema.json={reports['codequality']}")
    check(status == 0 and json.loads(read(reports["codequality"])), f"code quality: {out}")


def main():
    global PREFIX
    PREFIX = install()
    trouble = validators.install(NPM)
    check(not trouble, trouble)
    test_cmake()
    test_meson()
    test_action()
    test_gitlab()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
