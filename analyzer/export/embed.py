#!/usr/bin/env python3
"""Files as arrays of bytes in a C header: embed.py OUTPUT INPUT..."""

import os
import re
import sys


def rows(data):
    return (data[i:i + 20] for i in range(0, len(data), 20))


with open(sys.argv[1], "w", encoding="ascii") as out:
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            data = file.read() + b"\0"
        name = re.sub(r"\W", "_", os.path.basename(path))
        out.write(f"static const char {name}[] = {{\n")
        for row in rows(data):
            out.write(" ".join(f"{byte if byte < 128 else byte - 256}," for byte in row) + "\n")
        out.write("};\n")
