/*
 * A small page's data: main -> parse -> append (inlined into concat) -> malloc, and others; two
 * sites below parse, one below main, one that only frees.
 */
import { Side } from "../src/data.js";

const texts = [
  "main",
  "parse",
  "append",
  "concat",
  "malloc",
  "other.part.0",
  "/src/a.c",
  "/src/b.c",
  "/bin/prog",
  "libc.so.6",
  "",
];
const at = (text) => texts.indexOf(text);

export function sample(changes = {}) {
  const raw = {
    totals: {
      allocations: 111,
      allocated_bytes: 1110,
      allocator_time_ns: 50,
      temporary_allocations: 0,
      peak_bytes: 0,
      live_at_end_bytes: 0,
    },
    duration_ns: 40e6,
    /* frames: 0 main, 1 parse, 2 append + concat, 3 malloc, 4 other */
    frame_first_line: [0, 1, 2, 4, 5, 6],
    lines: {
      function: [
        at("main"),
        at("parse"),
        at("append"),
        at("concat"),
        at("malloc"),
        at("other.part.0"),
      ],
      file: [
        at("/src/a.c"),
        at("/src/a.c"),
        at("/src/b.c"),
        at("/src/b.c"),
        at(""),
        at("/src/b.c"),
      ],
      module: [
        at("/bin/prog"),
        at("/bin/prog"),
        at("/bin/prog"),
        at("/bin/prog"),
        at("libc.so.6"),
        at("/bin/prog"),
      ],
      line: [1, 2, 3, 4, 0, 6],
      inlined: [0, 0, 1, 0, 0, 0],
      wrapper: [0, 0, 0, 0, 1, 0],
    },
    /* paths: 1 main, 2 main/parse, 3 .../append, 4 .../malloc, 5 main/parse/other, 6 main/other */
    paths: { parent: [0, 0, 1, 2, 3, 2, 1], frame: [0, 0, 1, 2, 3, 4, 4], cut: [6] },
    sites: {
      id: [40, 7, 9, 12],
      path: [4, 5, 6, 2],
      shown: [1, 0, 0, 0],
      callers: [[3], [1], [1], []],
      calls: [100, 10, 1, 5],
      allocations: [100, 10, 1, 0],
      allocated_bytes: [1000, 100, 10, 0],
      ...changes,
    },
    timeline: {
      bin_ns: 10e6,
      allocations: [1, 10, 100, 0],
      frees: [0, 1, 2, 3],
      allocated_bytes: [10, 100, 1000, 0],
      allocator_time_ns: [5, 5, 40, 0],
      live_bytes: [10, 110, 1110, 900],
      resident_bytes: [0, 4096, 0, 8192],
      page_faults: [1, 0, 2, 0],
    },
  };
  return new Side(raw, texts);
}
