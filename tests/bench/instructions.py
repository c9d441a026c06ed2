"""instructions - instructions of one hook call, counted by callgrind: they repeat exactly.

    instructions.py --build FOLDER [--markdown]

Each shape runs twice, with more and with fewer calls; the difference is what a call costs when all
is warm. What the C library's own function does is not counted: its name is the hook's, which turns
the counting off again (--toggle-collect).
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

FEW, MANY = 500, 2500

# What is printed, the shape, the function counted, the options of record.
ROWS = [
    ("malloc, joins at the first frame (32 deep)", "again", "malloc", []),
    ("free, joins at the first frame (32 deep)", "again", "free", []),
    ("free with --free-stacks=off", "again", "free", ["--free-stacks=off"]),
    ("malloc, joins after two frames (32 deep)", "two", "malloc", []),
    ("malloc, full walk of 32 frames", "full", "malloc", []),
]


def count(build, folder, shape, function, calls, options):
    """Instructions within the hook, for that many calls."""
    out = os.path.join(folder, "callgrind.out")
    command = [os.path.join(build, "analyzer", "alloctrap"), "record", "--quiet", "--on-full=drop", "--slow-causes=off", "-o",
               os.path.join(folder, "run.atrap"), *options, "--", "valgrind", "--tool=callgrind",
               f"--toggle-collect={function}", f"--callgrind-out-file={out}",
               os.path.join(build, "tests", "bench", "shapes"), shape, str(calls)]
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120)
    if run.returncode != 0:
        sys.exit(f"instructions: {' '.join(command)} ended with {run.returncode}:\n{run.stderr}")
    with open(out) as file:
        total = re.search(r"^(?:totals|summary): (\d+)", file.read(), re.M)
    if not total or int(total.group(1)) == 0:
        sys.exit(f"instructions: callgrind saw no {function} of the shim in shape {shape}")
    os.unlink(os.path.join(folder, "run.atrap"))
    return int(total.group(1))


def measure(build):
    with tempfile.TemporaryDirectory(prefix="instructions.") as folder:
        for name, shape, function, options in ROWS:
            few = count(build, folder, shape, function, FEW, options)
            many = count(build, folder, shape, function, MANY, options)
            yield name, round((many - few) / (MANY - FEW))


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --instructions")
    parser.add_argument("--build", required=True)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    if options.markdown:
        print("| one call of a hook | instructions |\n|---|--:|")
    for name, instructions in measure(options.build):
        print(f"| {name} | {instructions} |" if options.markdown else f"{name:<45} {instructions:>6}", flush=True)


if __name__ == "__main__":
    main()
