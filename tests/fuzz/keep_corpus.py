#!/usr/bin/env python3
"""Chooses the inputs of a fuzzer's corpus that are worth keeping in tests/fuzz/corpus: the greatest
coverage that fits in 100 files and 190 KB, greedily, coverage per byte first.

    keep_corpus.py FUZZ_TARGET FOLDER... OUT     OUT is emptied first
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

FILES_MAX = 100
BYTES_MAX = 190_000
FILE_BYTES_MAX = 40_000
FILE_COSTS_BYTES = BYTES_MAX // FILES_MAX  # what a file takes of both bounds


def features_of(target, folders):
    """path: the set of libFuzzer's features, for each file that is small enough."""
    with tempfile.TemporaryDirectory(prefix="keep_corpus.") as work:
        files = {}
        os.mkdir(f"{work}/in")
        os.mkdir(f"{work}/none")
        for folder in folders:
            for entry in os.scandir(folder):
                if entry.stat().st_size <= FILE_BYTES_MAX:
                    name = hashlib.sha1(entry.path.encode()).hexdigest()
                    shutil.copy(entry.path, f"{work}/in/{name}")
                    files[name] = entry.path
        subprocess.run([target, "-merge=1", f"-merge_control_file={work}/control", "-timeout=60",
                        "-close_fd_mask=3", f"{work}/none", f"{work}/in"], check=True)
        with open(f"{work}/control") as control:
            lines = control.read().splitlines()
    count = int(lines[0])
    names = [os.path.basename(line) for line in lines[2:2 + count]]
    found = {}
    for line in lines[2 + count:]:
        words = line.split()
        if words and words[0] == "FT":
            found[files[names[int(words[1])]]] = set(words[2:])
    return found


def choose(found):
    kept, covered, total_bytes = [], set(), 0
    while len(kept) < FILES_MAX:
        best, best_worth = None, 0.0
        for path, features in found.items():
            size_bytes = os.path.getsize(path)
            worth = len(features - covered) / (size_bytes + FILE_COSTS_BYTES)
            if worth > best_worth and total_bytes + size_bytes <= BYTES_MAX:
                best, best_worth = path, worth
        if best is None:
            break
        covered |= found.pop(best)
        kept.append(best)
        total_bytes += os.path.getsize(best)
    return kept, covered, total_bytes


def main():
    target, *folders, out = sys.argv[1:]
    found = features_of(target, folders)
    every = set().union(*found.values())
    kept, covered, total_bytes = choose(found)
    os.makedirs(out, exist_ok=True)
    for entry in os.scandir(out):
        os.unlink(entry.path)
    for path in kept:
        with open(path, "rb") as data:
            name = hashlib.sha1(data.read()).hexdigest()[:12]
        shutil.copy(path, os.path.join(out, name))
    print(f"{len(kept)} files, {total_bytes} bytes, {len(covered)} of {len(every)} features")


main()
