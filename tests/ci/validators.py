"""npm's validators of package.json beside this file, put into a folder once for each lock file."""

import fcntl
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def install(folder):
    """Several tests may want them at once. Gives an error text, or ''."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(HERE, "package-lock.json"), encoding="utf-8") as file:
        wanted = file.read()
    with open(os.path.join(folder, "installed"), "a+", encoding="utf-8") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        mark.seek(0)
        if mark.read() == wanted:
            return ""
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, name), folder)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"npm ci: {done.stderr}"
        mark.truncate(0)
        mark.write(wanted)
    return ""
