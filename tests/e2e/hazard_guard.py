"""Hazards that need more than a program: the recorder stopped or killed, files planted, removed, or
without room, what is seen in a host's memory, and hosts without a launcher."""
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

from hazard_runs import (COUNTS, STACK_BYTES, TIMEOUT_S, LiveRun, Run, compile_target, query, tree_bytes,
                         wait_until)

def run_preload(hazards):
    """Without a launcher: the library starts the recorder itself, which the host must not notice."""
    for target, *arguments in (("fork", "daemon"), ("fork", "spawn"), ("fork", "raw_clone"), ("end", "main"),
                               ("end", "thread"), ("end", "signal", "9"), ("exec", "chain"),
                               ("descriptors", "closefrom"), ("watch", "heap")):
        command = [hazards.target("hazard_" + target), *arguments]
        name = "preload " + " ".join([target, *arguments])
        folder = tempfile.mkdtemp(dir=hazards.work)
        plain = Run(command, hazards.work, None)
        alone = Run(command, folder, {**os.environ, "LD_PRELOAD": hazards.shim})
        wait_until(lambda: not any(entry.endswith(".session") for entry in os.listdir(folder)))
        recordings = [entry for entry in os.listdir(folder) if entry.endswith(".atrap")]
        faults = [f"{what} {getattr(alone, what)}, plain {getattr(plain, what)}"
                  for what in ("status", "output", "errors", "published") if getattr(alone, what) != getattr(plain, what)]
        if len(recordings) == 1:
            hazards.clean()
            shutil.copy(os.path.join(folder, recordings[0]), hazards.recording)
            hazards.check_counts(alone, faults)
        else:
            faults.append(f"recordings {recordings}")
        hazards.done(name, faults, f": {alone.counts[0]} allocations")


def check_painted(hazards):
    """What a hook takes of its caller's stack: the stack is painted before the call."""
    figures = []
    for run in hazards.pair([hazards.target("hazard_stack"), "painted"])[:2]:
        words = b" ".join(run.errors).split()
        figures.append({word.split(b"=")[0].decode(): int(word.split(b"=")[1]) for word in words if b"=" in word})
    plain, recorded = figures
    ours = {name: recorded[name] - plain[name] for name in plain}
    faults = [f"{name}: {count} bytes" for name, count in ours.items() if count > STACK_BYTES]
    hazards.done(f"watch painted stack, at most {STACK_BYTES} bytes", faults or ["nothing measured"] * (not ours),
                 f": {ours}")


def check_live(hazards, name, disturb, is_recorded=True):
    """The target works while `disturb` does something to its recorder or our files."""
    hazards.clean()
    run = LiveRun(hazards, hazards.recording)
    settle = disturb(run)
    run.step()
    if settle:
        settle()
    run.finish()
    faults = []
    if (run.status, run.output) != (3, sorted([b"", b"up", b"worked"])) or run.errors != [b""]:
        faults.append(f"status {run.status}, output {run.output}, errors {run.errors}")
    if is_recorded:
        hazards.check_counts(run, faults)
    hazards.done(name, faults, f": {run.counts[0]} allocations" + "".join("; " + line for line in run.said))


def check_killed(hazards):
    hazards.clean()
    run = LiveRun(hazards, hazards.recording)
    run.process.kill()
    run.step()
    rest, _ = run.process.communicate(b"\n", timeout=TIMEOUT_S)
    run.take(0, run.output + rest, b"")
    faults = [] if run.output == sorted([b"", b"up", b"worked"]) else [f"output {run.output}"]
    recovered = subprocess.run([hazards.alloctrap, "recover", hazards.recording + ".session", "-o",
                                hazards.recording], capture_output=True)
    if recovered.returncode != 0:
        faults.append(f"recover: {recovered.stderr}")
    shutil.rmtree(hazards.recording + ".session", ignore_errors=True)
    hazards.check_counts(run, faults)
    hazards.done("watch recorder killed, then recovered", faults, f": {run.counts[0]} allocations")


def run_watch(hazards):
    hazards.case("watch", "hazard_watch", "heap")
    hazards.case("watch", "hazard_watch", "no_call", options=["--on-full=drop", "--slow-causes=off"])
    check_painted(hazards)
    check_maps(hazards)
    check_bindings(hazards)

    def stop(run):
        run.process.send_signal(signal.SIGSTOP)
        return lambda: run.process.send_signal(signal.SIGCONT)

    check_live(hazards, "watch recorder stopped", stop)
    check_killed(hazards)


def check_maps(hazards):
    """In the host's memory: our library, the session's two files, and nothing that is ours beside."""
    plain, recorded, _ = hazards.pair([hazards.target("hazard_watch"), "maps"])
    extra = {line for line in recorded.output if line not in plain.output}
    files = {line.split()[-1].decode() for line in extra}
    strange = {name for name in files if name not in ("liballoctrap.so", "control") and not name.endswith(".session")}
    faults = [f"also {strange}"] * bool(strange) + ["nothing of ours"] * ("liballoctrap.so" not in files)
    faults += ["a page is writable and executable"] * any(b"executable" in line for line in recorded.output)
    hazards.done("watch maps", faults, f": {len(files)} files more")


def check_bindings(hazards):
    """C++ exceptions are bound as without us: to libgcc_s, never to us or to libunwind."""
    program = compile_target(hazards, "g++", "hazard_throw.cpp", "bindings")
    trace = os.path.join(hazards.work, "bindings")
    run = hazards.record([program], environment={**os.environ, "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": trace})
    bound = [line for name in os.listdir(hazards.work) if name.startswith("bindings.")
             for line in tree_bytes(os.path.join(hazards.work, name)).split(b"\n") if b"_Unwind_RaiseException" in line]
    faults = [f"{line}" for line in bound if b"libgcc_s" not in line.split(b" to ")[1]]
    faults += ["no binding was seen"] * (not bound) + [f"status {run.status}"] * (run.status != 0)
    hazards.done("watch exceptions are libgcc_s's", faults)


def enter_namespace(arguments):
    """Starts this script again where a file system may be mounted; None when that is not allowed."""
    rights = ["-m"] if os.getuid() == 0 else ["-Urm"]
    if subprocess.run(["unshare", *rights, "true"], capture_output=True).returncode != 0:
        return None
    return subprocess.run(["unshare", *rights, sys.executable, os.path.abspath(sys.argv[0]), *arguments,
                           "in-namespace"]).returncode


def check_size(hazards, small, kib, plain, results):
    """One run with so much room; what is known of it afterwards."""
    hazards.clean()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", small], check=True)
    output = os.path.join(small, "run.atrap")
    faults = []
    try:
        recorded = Run([hazards.alloctrap, "record", "--quiet", "-o", output, "--",
                        hazards.target("hazard_confined"), "limit", "memlock"], hazards.work, None)
        session = output + ".session"
        if not os.path.exists(output) and os.path.isdir(session):
            recover = subprocess.run([hazards.alloctrap, "recover", session, "-o", hazards.recording],
                                     capture_output=True)
            outcome = "recovered" if recover.returncode == 0 else "nothing"
        elif os.path.exists(output):
            shutil.copy(output, hazards.recording)
            outcome = "recorded"
        else:
            outcome = "nothing"
        is_run = recorded.status != 3 or outcome != "nothing"
        if is_run and (recorded.status, recorded.output, recorded.errors) != (
                plain.status, plain.output, plain.errors):
            faults.append(f"{kib} KiB: status {recorded.status}, {recorded.output}, {recorded.errors}")
        if not is_run:
            outcome = "refused before the start"
        counted = query(hazards.recording, COUNTS)[0] if os.path.exists(hazards.recording) else None
        if counted is not None and counted != (0, 0, 0) and counted != recorded.counts:
            faults.append(f"{kib} KiB, {outcome}: counts {counted}, published {recorded.counts}")
        if counted == (0, 0, 0):
            outcome = "nothing"
        if outcome in ("nothing", "refused before the start") and not recorded.said:
            faults.append(f"{kib} KiB: not recorded, and not said")
        results.setdefault(outcome, []).append(kib)
    finally:
        subprocess.run(["umount", small], check=True)
    return faults


def check_sizes(hazards, sizes):
    small = os.path.join(hazards.work, "small")
    os.makedirs(small, exist_ok=True)
    plain = Run([hazards.target("hazard_confined"), "limit", "memlock"], hazards.work, None)
    results = {}
    faults = []
    for kib in sizes:
        faults += check_size(hazards, small, kib, plain, results)
    told = ", ".join(f"{len(kibs)} {what} ({kibs[0]}..{kibs[-1]} KiB)" for what, kibs in results.items())
    hazards.done(f"room {len(sizes)} sizes of a file system", faults, ": " + told)


def run_sizes(hazards):
    check_sizes(hazards, [4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 16384])


def run_all_sizes(hazards):
    check_sizes(hazards, [*range(4, 1025, 4), *range(1152, 8193, 128)])


def run_room(hazards):
    def remove_session(run):
        """Once the recorder has met the target: before, it knows no more than its control file."""
        of_target = re.compile(rb"\.session/\d+\.\w+\.session")
        wait_until(lambda: of_target.search(tree_bytes(f"/proc/{run.process.pid}/maps")))
        shutil.rmtree(hazards.recording + ".session")

    def truncate_recording(run):
        with open(hazards.recording, "wb") as out:
            out.write(b"gone")

    check_live(hazards, "room session removed while running", remove_session)
    check_live(hazards, "room recording appears and is not ours", truncate_recording, is_recorded=False)
    with open(hazards.recording, "rb") as kept:
        hazards.done("room what appeared there is kept", [] if kept.read() == b"gone" else ["it was replaced"])
    folder = os.path.join(hazards.work, "folder")
    os.makedirs(folder)
    own, hazards.recording = hazards.recording, os.path.join(folder, "run.atrap")
    check_live(hazards, "room folder removed while running", lambda run: shutil.rmtree(folder), is_recorded=False)
    hazards.recording = own
    status = enter_namespace(sys.argv[1:4] + ["sizes"])
    if status is None:
        hazards.skip("room sizes", "no file system may be mounted here")
    else:
        hazards.done("room sizes in a name space", [] if status == 0 else [f"status {status}"])


def run_files(hazards):
    check_modes(hazards)
    check_planted(hazards)
    check_environment(hazards)
    check_no_command(hazards)
    check_secure(hazards)


def check_modes(hazards):
    hazards.clean()
    before = os.umask(0)
    try:
        run = LiveRun(hazards, hazards.recording)
        session = hazards.recording + ".session"
        modes = {name: stat.S_IMODE(os.stat(os.path.join(session, name)).st_mode) for name in os.listdir(session)}
        folder = stat.S_IMODE(os.stat(session).st_mode)
        run.step()
        run.finish()
    finally:
        os.umask(before)
    mode = stat.S_IMODE(os.stat(hazards.recording).st_mode)
    faults = [f"{name} has mode {mode:o}" for name, mode in modes.items() if mode != 0o600]
    faults += [f"session directory {folder:o}"] * (folder != 0o700) + [f"recording {mode:o}"] * (mode != 0o600)
    faults += [f"{len(modes)} files in the session"] * (len(modes) < 2)
    hazards.done("files modes with umask 0", faults, f": recording {mode:o}, session {folder:o} and {set(modes.values())}")


def check_planted(hazards):
    victim = os.path.join(hazards.work, "victim")
    elsewhere = os.path.join(hazards.work, "elsewhere")
    os.makedirs(elsewhere)

    def plant_link():
        os.symlink(victim, hazards.recording)

    def plant_dangling():
        os.symlink(victim + ".new", hazards.recording)

    def plant_hard_link():
        os.link(victim, hazards.recording)

    def plant_pipe():
        os.mkfifo(hazards.recording)

    def plant_session():
        os.symlink(elsewhere, hazards.recording + ".session")

    for plant in (plant_link, plant_dangling, plant_hard_link, plant_pipe, plant_session):
        hazards.clean()
        with open(victim, "wb") as out:
            out.write(b"precious")
        plant()
        name = "files planted " + plant.__name__[6:].replace("_", " ")
        try:
            run = Run([hazards.alloctrap, "record", "-o", hazards.recording, "--", hazards.target("hazard_end"),
                       "_exit"], hazards.work, None)
        except subprocess.TimeoutExpired:
            hazards.done(name, ["hangs"])
            continue
        with open(victim, "rb") as kept:
            faults = [] if kept.read() == b"precious" else ["the victim was written to"]
        if run.status not in (2, 3) or run.counts != (0, 0, 0):
            faults.append(f"was accepted: status {run.status}")
        if os.path.exists(victim + ".new") or os.listdir(elsewhere):
            faults.append("a file was made elsewhere")
        os.unlink(hazards.recording + (".session" if plant is plant_session else ""))
        hazards.done(name, faults, f": refused with {run.status}: {run.said[0] if run.said else run.errors[0].decode()}")


def check_environment(hazards):
    """Nothing of the environment is kept, and nothing of ours is started or loaded from it."""
    secret = "q7Xv-secret-value"
    trap = os.path.join(hazards.work, "trap")
    os.makedirs(trap)
    program = os.path.join(trap, "alloctrap")
    with open(program, "w") as out:
        out.write(f"#!/bin/sh\ntouch {trap}/started\n")
    os.chmod(program, 0o755)
    environment = {**os.environ, "TOKEN": secret, "PATH": trap + ":" + os.environ["PATH"]}
    hazards.clean()
    run = LiveRun(hazards, hazards.recording, environment=environment)
    kept = tree_bytes(hazards.recording + ".session")
    run.step()
    run.finish()
    kept += tree_bytes(hazards.recording)
    faults = ["a value of the environment is stored"] * (secret.encode() in kept)
    faults += ["nothing was stored at all"] * (b"target_hazard_watch" not in kept)
    hazards.done("files no environment is stored", faults, f": {len(kept)} bytes looked through")
    plain = {**environment, "LD_PRELOAD": hazards.shim}
    Run([hazards.target("hazard_end"), "_exit"], trap, plain)
    hazards.done("files no program of PATH is started",
                 ["it was"] * os.path.exists(os.path.join(trap, "started")))
    names = set(re.findall(rb"ALLOCTRAP_[A-Z_]+", tree_bytes(hazards.shim, hazards.alloctrap)))
    allowed = {b"ALLOCTRAP_SESSION", b"ALLOCTRAP_SYMBOL_CACHE", b"ALLOCTRAP_LABELS"}
    hazards.done("files settings in the environment", [f"also {names - allowed}"] * bool(names - allowed)
                 or ["none found"] * (not names), f": {sorted(name.decode() for name in names)}")


def check_no_command(hazards):
    word = "q8Yw-private-argument"
    command = [hazards.target("hazard_end"), "atexit", word]
    faults = []
    for options, is_there in (([], True), (["--no-command"], False)):
        run = hazards.record(command, options)
        if run.status != 6:
            faults.append(f"status {run.status}")
        if (word.encode() in tree_bytes(hazards.recording)) != is_there:
            faults.append(f"with {options} the argument is {'not ' if is_there else ''}stored")
    if b"target_hazard_end" not in tree_bytes(hazards.recording):
        faults.append("the program's name is left out as well")
    hazards.done("files --no-command", faults)


def check_secure(hazards):
    """A setuid program that is linked with the library: it is loaded, and ignores its settings."""
    name = "files AT_SECURE"
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    os.chmod(hazards.work, 0o755)
    if os.getuid() != 0 or not shutil.which("setpriv") or subprocess.run(
            [*as_nobody, "test", "-x", hazards.alloctrap]).returncode != 0:
        hazards.skip(name, "needs root, setpriv, and an alloctrap that others may run")
        return
    folder = os.path.join(hazards.work, "secure")
    os.makedirs(folder)
    library = shutil.copy(hazards.shim, folder)
    program = compile_target(hazards, "gcc", "ends.c", "linked", "-Wl,--no-as-needed", library, f"-Wl,-rpath,{folder}")
    os.chown(folder, 65534, 65534)
    faults = []
    for mode, processes in ((0o755, 1), (0o4755, 0)):
        os.chmod(program, mode)
        recording = os.path.join(folder, "run.atrap")
        run = Run([*as_nobody, hazards.alloctrap, "record", "-o", recording, "--", program], folder,
                  {**os.environ, "HOME": folder})
        found = query(recording, "SELECT count(*) FROM process")[0][0] if os.path.exists(recording) else -1
        if found != processes or run.status != 0 or run.published != 1:
            faults.append(f"mode {mode:o}: {found} processes, status {run.status}, said {run.said}")
    hazards.done(name, faults)
