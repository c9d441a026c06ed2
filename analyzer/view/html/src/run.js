/*
 * run - what ran: its processes, and under which conditions it was recorded.
 */
import * as units from "./units.js";
import { basename } from "./data.js";
import { breakable, el } from "./dom.js";
import { Table } from "./table.js";

export function command(words) {
  return words.length > 0 ? words.join(" ") : "(unknown command)";
}

/* The same without the program's folder: what a reader knows it by. */
export function shortCommand(words) {
  return words.length > 0 ? [basename(words[0]), ...words.slice(1)].join(" ") : command(words);
}

function ending({ kind, code }) {
  const words = {
    exited: code < 0 ? "exited" : `exit ${code}`,
    signaled: `signal ${code}`,
    running: "running",
  };
  return words[kind] ?? "end not seen";
}

export function processTable(side) {
  /* In the order of a tree: each before those that it began. */
  const rows = side.raw.process_tree.map(([i, depth], place) => ({
    ...side.raw.processes[i],
    depth,
    place,
  }));
  const number = (name, title, value, format) => ({
    name,
    title,
    value,
    cell: (p) => format(value(p)),
  });
  const table = new Table({
    label: "Processes",
    sort: "place",
    isUp: true,
    columns: [
      {
        name: "command",
        title: "Command",
        isText: true,
        text: (p) => command(p.command),
        cell: (p) => {
          const name = el(
            "span",
            { class: "function" },
            breakable(command(p.command)),
            p.origin === "fork" ? " (fork)" : "",
          );
          name.style.paddingInlineStart = `${Math.min(p.depth, 8)}em`;
          return name;
        },
      },
      {
        name: "place",
        title: "#",
        hint: "in the order of who began whom",
        value: (p) => p.place,
        cell: (p) => String(p.place + 1),
      },
      number("pid", "Pid", (p) => p.pid, String),
      number("threads", "Threads", (p) => p.threads, units.count),
      number("allocations", "Allocations", (p) => p.totals.allocations, units.count),
      number("bytes", "Bytes", (p) => p.totals.allocated_bytes, units.bytes),
      number("peak", "Peak", (p) => p.totals.peak_bytes, units.bytes),
      number("live", "Live at end", (p) => p.totals.live_at_end_bytes, units.bytes),
      number("time", "Time", (p) => p.totals.allocator_time_ns, units.ns),
      number("start", "Began", (p) => p.start_ns, units.ns),
      number("ran", "Ran", (p) => Math.max(0, p.end_ns - p.start_ns), units.ns),
      { name: "exit", title: "End", value: (p) => p.exit.code, cell: (p) => ending(p.exit) },
    ],
  });
  table.setRows(rows);
  return table.root;
}

export function when(side) {
  const at = side.raw.start_realtime_ns;
  return at > 0
    ? new Date(at / 1e6).toISOString().replace("T", " ").slice(0, 19) + " UTC"
    : "unknown";
}

export function environment(side) {
  const { raw } = side;
  const lost = Object.entries(raw.loss.causes);
  const list = [
    ["command", command(raw.command)],
    ["recording", raw.file],
    ["ended", raw.exit_text],
    ["began", when(side)],
    ["host", raw.host],
    ["alloctrap", raw.tool_version],
    ["settings", raw.settings],
    [
      "allocator",
      raw.processes
        .map((p) => p.allocator)
        .filter((a, i, all) => all.indexOf(a) === i)
        .join(", "),
    ],
    ["clock", `${(raw.clock_cost_ps / 1000).toFixed(1)} ns a reading, taken off`],
    ["events", units.count(raw.events_seen)],
    ["runs", raw.merged_runs > 1 ? `${raw.merged_runs} recordings merged` : "one"],
    ["run id", raw.run_id],
    [
      "lost",
      lost.length === 0
        ? "nothing"
        : lost.map(([cause, n]) => `${units.count(n)} (${cause})`).join(", "),
    ],
    ["frees of unknown blocks", units.count(raw.totals.unknown_frees)],
    ["failed calls", units.count(raw.totals.failed_calls)],
  ];
  return el(
    "dl",
    { class: "facts wide" },
    ...list.map(([name, value]) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, breakable(value === "" ? units.NONE : value))),
    ),
  );
}
