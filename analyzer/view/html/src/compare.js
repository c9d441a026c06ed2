/*
 * compare - the page of two recordings: what the change made of it, in total and for each unit of
 * work, then where: functions, call sites, the differential flame graph, what is new and gone.
 */
import * as units from "./units.js";
import { Focus, METRICS } from "./data.js";
import { bar, breakable, choice, el, section } from "./dom.js";
import { Flame } from "./flame.js";
import { histogram } from "./histogram.js";
import { siteName, stackList } from "./sites.js";
import { Table } from "./table.js";
import { environment, processTable } from "./run.js";

const CHANGES = ["vanished", "appeared", "shrank", "grew", "same"];
/* The places of a side's numbers in a row: [site, sites, allocations, ...]. */
const PLACES = {
  allocations: 2,
  allocated_bytes: 3,
  temporary_allocations: 4,
  peak_bytes: 5,
  live_at_end_bytes: 6,
  allocator_time_ns: 7,
};
const NUMBERS = 8;

/* A row with names: {change, before: {site, sites, allocations, ...}, after}. */
function rowOf(raw, index) {
  const sideOf = (from) => ({
    site: raw[from],
    sites: raw[from + 1],
    ...Object.fromEntries(Object.entries(PLACES).map(([name, place]) => [name, raw[from + place]])),
  });
  return { index, change: CHANGES[raw[0]], before: sideOf(1), after: sideOf(1 + NUMBERS) };
}

function words(before, after, fewer, more) {
  return units.ratio(before, after, fewer, more);
}

export class ComparePage {
  constructor(raw, sides, state) {
    this.raw = raw;
    this.sides = sides;
    this.state = state;
    this.rows = raw.rows.map(rowOf);
    this.functions = raw.functions.map(rowOf);
    this.hasTimes = sides.every((side) => side.isTimed);
    this.hasLives = sides.every((side) => side.hasLives);
    this.tiles = el("dl", { class: "tiles compared" }, ...this.tileList());
    this.focuses = sides.map((side) => new Focus(side, state));
    this.flame = new Flame(sides, state, () => this.focuses.map((focus) => focus.mask()));
    this.kind = "all";
    this.siteTable = this.table("Call sites", true);
    this.functionTable = this.table("Functions", false);
    this.siteNote = el("p", { class: "note", role: "status" });
    state.listen(["focus"], () => this.refocus());
    state.listen(["metric"], () => this.fill());
    this.refocus();
  }

  /* The conclusion in a sentence. */
  conclusion() {
    const [b, a] = this.sides.map((side) => side.raw.totals);
    const fewer = b.allocations - a.allocations;
    const amounts = `(${units.short(b.allocations)} → ${units.short(a.allocations)})`;
    const change =
      b.allocations === a.allocations
        ? "makes as many allocations as before"
        : a.allocations < b.allocations && b.allocations > 0
          ? `makes ${units.share(fewer, b.allocations)} fewer allocations ${amounts}`
          : `makes more allocations ${amounts}`;
    const saved = b.allocator_time_ns - a.allocator_time_ns;
    const word = saved > 0 ? "less" : "more";
    const time =
      !this.hasTimes || saved === 0
        ? ""
        : ` and spends ${units.ns(Math.abs(saved))} ${word} in the allocator`;
    return `After ${change}${time}.`;
  }

  difference(name, metric, fewer, more, format) {
    const [before, after] = this.sides.map((side) => side.raw.totals[metric]);
    return this.differenceOf(name, before, after, fewer, more, format);
  }

  differenceOf(name, before, after, fewer, more, format) {
    const kind = after === before ? "same" : after < before ? "less" : "more";
    return el(
      "div",
      { class: "tile", "data-name": name },
      el("dt", {}, name),
      el("dd", { class: `value ${kind}` }, words(before, after, fewer, more)),
      el("dd", { class: "sides" }, format(before), " → ", format(after)),
    );
  }

  tileList() {
    const tiles = [
      this.difference("Allocations", "allocations", "fewer", "more", units.count),
      this.difference("Allocated", "allocated_bytes", "less", "more", units.bytes),
    ];
    if (this.hasLives) {
      tiles.push(
        this.difference("Peak memory", "peak_bytes", "less", "more", units.bytes),
        this.difference("Temporary", "temporary_allocations", "fewer", "more", units.count),
      );
    }
    if (this.hasTimes) {
      tiles.push(
        this.difference("In the allocator", "allocator_time_ns", "less", "more", units.ns),
      );
      const [before, after] = this.sides.map((side) => side.raw.slow_calls[0]?.ns ?? 0);
      tiles.push(this.differenceOf("Slowest call", before, after, "faster", "slower", units.ns));
    }
    return tiles;
  }

  totals() {
    const { raw, sides } = this;
    const [b, a] = sides.map((side) => side.raw.totals);
    const line = (name, before, after, format, fewer = "fewer", more = "more") => ({
      name,
      before,
      after,
      format,
      fewer,
      more,
    });
    const list = [
      line("allocations", b.allocations, a.allocations, units.count),
      line("allocated bytes", b.allocated_bytes, a.allocated_bytes, units.bytes, "less"),
      line("frees", b.frees, a.frees, units.count),
    ];
    if (this.hasLives) {
      list.push(
        line("temporary", b.temporary_allocations, a.temporary_allocations, units.count),
        line("peak memory", b.peak_bytes, a.peak_bytes, units.bytes, "less"),
        line("live at end", b.live_at_end_bytes, a.live_at_end_bytes, units.bytes, "less"),
      );
    }
    if (this.hasTimes) {
      list.push(line("allocator time", b.allocator_time_ns, a.allocator_time_ns, units.ns, "less"));
    }
    list.push(
      line("failed calls", b.failed_calls, a.failed_calls, units.count),
      line(
        "duration, recorded",
        sides[0].raw.duration_ns,
        sides[1].raw.duration_ns,
        units.ns,
        "faster",
        "slower",
      ),
    );
    if (raw.before_units > 0 && raw.after_units > 0) {
      const unit = raw.unit_name || "unit";
      const each = (name, metric, format) =>
        line(
          `${name} per ${unit}`,
          b[metric] / raw.before_units,
          a[metric] / raw.after_units,
          format,
        );
      list.push(
        each("allocations", "allocations", (v) => units.per(v, 1)),
        each("bytes", "allocated_bytes", (v) => units.per(v, 1)),
      );
      if (this.hasTimes) {
        list.push(each("allocator ns", "allocator_time_ns", (v) => units.per(v, 1)));
      }
    }
    return this.lines("Totals", list);
  }

  /* Lines that stand in the order given; they are of several units, so they do not sort. */
  lines(label, list) {
    const head = ["", "Before", "After", "Difference", "That is"].map((title, i) =>
      el("th", { scope: "col", class: i > 0 && i < 4 ? "n" : undefined }, title),
    );
    const rows = list.map((l) =>
      el(
        "tr",
        { class: "row" },
        el("th", { scope: "row", class: "name" }, l.name),
        el("td", { class: "n", "data-title": "Before" }, l.format(l.before)),
        el("td", { class: "n", "data-title": "After" }, l.format(l.after)),
        el(
          "td",
          { class: "n", "data-title": "Difference" },
          units.change(l.before, l.after, l.format),
        ),
        el(
          "td",
          {
            "data-title": "That is",
            class: l.before === l.after ? "same" : l.after < l.before ? "less" : "more",
          },
          words(l.before, l.after, l.fewer, l.more),
        ),
      ),
    );
    return el(
      "div",
      { class: "scroll" },
      el(
        "table",
        { "aria-label": label },
        el("thead", {}, el("tr", {}, ...head)),
        el("tbody", {}, ...rows),
      ),
    );
  }

  /* Where a row is: on the side that still has it. */
  placeOf(row) {
    return row.after.site >= 0 ? [this.sides[1], row.after.site] : [this.sides[0], row.before.site];
  }

  label(row, isSite) {
    const [side, site] = this.placeOf(row);
    const tag = el("span", { class: `tag ${row.change}` }, row.change);
    if (isSite) {
      return el("span", {}, siteName(side, site), " ", tag);
    }
    const line = side.shown(site);
    return el(
      "span",
      { class: "site" },
      el("span", { class: "function" }, breakable(side.func(line))),
      el("span", { class: "place" }, " ", side.place(line)),
      " ",
      tag,
    );
  }

  table(label, isSite) {
    const metric = () => this.state.get("metric");
    const delta = (row) => row.after[metric()] - row.before[metric()];
    const format = (value) => METRICS[metric()].format(value);
    return new Table({
      label,
      first: 20,
      sort: "effect",
      isUp: false,
      key: (row) => row.index,
      open: isSite ? (row) => this.detail(row) : undefined,
      columns: [
        {
          name: "name",
          title: isSite ? "Call site" : "Function",
          isText: true,
          text: (row) => {
            const [side, site] = this.placeOf(row);
            return side.name(site);
          },
          cell: (row) => this.label(row, isSite),
        },
        {
          name: "before",
          title: "Before",
          value: (row) => row.before[metric()],
          cell: (row) => format(row.before[metric()]),
        },
        {
          name: "after",
          title: "After",
          value: (row) => row.after[metric()],
          cell: (row) => format(row.after[metric()]),
        },
        {
          name: "effect",
          title: "Difference",
          hint: "sorted by its size, whatever its sign",
          value: (row) => Math.abs(delta(row)),
          cell: (row) =>
            el(
              "span",
              { class: delta(row) === 0 ? "same" : delta(row) < 0 ? "less" : "more" },
              units.change(row.before[metric()], row.after[metric()], format),
              bar(Math.abs(delta(row)), this.largest),
            ),
        },
        {
          name: "ratio",
          title: "That is",
          isWord: true,
          value: (row) => row.after[metric()] / Math.max(row.before[metric()], 1e-9),
          cell: (row) => words(row.before[metric()], row.after[metric()], "less", "more"),
        },
      ],
    });
  }

  detail(row) {
    const [side, site] = this.placeOf(row);
    const both = Object.keys(PLACES)
      .filter((name) => row.before[name] > 0 || row.after[name] > 0)
      .map((name) => ({
        name: METRICS[name].title.toLowerCase(),
        before: row.before[name],
        after: row.after[name],
        format: METRICS[name].format,
        fewer: "less",
        more: "more",
      }));
    return el(
      "div",
      { class: "opened" },
      stackList(side, site),
      this.lines("Numbers of this call site", both),
    );
  }

  refocus() {
    this.masks = this.focuses.map((focus) => focus.mask());
    this.fill();
  }

  isShown(row) {
    const matches = (side, site) => site >= 0 && (!this.masks[side] || this.masks[side][site]);
    return (
      (matches(0, row.before.site) || matches(1, row.after.site)) &&
      (this.kind === "all" || row.change === this.kind)
    );
  }

  fill() {
    const metric = this.state.get("metric");
    this.largest = Math.max(
      1,
      ...this.functions.map((row) => Math.abs(row.after[metric] - row.before[metric])),
    );
    const rows = this.rows.filter((row) => this.isShown(row));
    this.siteTable.setRows(rows);
    const changed = this.functions.filter((row) => row.before[metric] !== row.after[metric]);
    this.functionTable.setRows(changed);
    const left = this.raw.rows_all - this.rows.length;
    this.siteNote.textContent =
      CHANGES.map(
        (change) =>
          `${units.count(this.rows.filter((row) => row.change === change).length)} ${change}`,
      ).join(", ") +
      (left > 0
        ? `; ${units.count(left)} small ones are left out, alloctrap html --full keeps them.`
        : ".");
  }

  kinds() {
    const group = choice(
      "Which call sites",
      [["all", "All"], ...CHANGES.map((change) => [change, change])],
      this.kind,
      (kind) => {
        this.kind = kind;
        group.show(kind);
        this.fill();
      },
    );
    return group;
  }

  latency() {
    const names = [...new Set(this.sides.flatMap((side) => Object.keys(side.raw.calls)))];
    const list = [];
    for (const name of names) {
      const [before, after] = this.sides.map((side) => side.raw.calls[name]);
      list.push({
        name: `${name} calls`,
        before: before?.count ?? 0,
        after: after?.count ?? 0,
        format: units.count,
        fewer: "fewer",
        more: "more",
      });
      for (const [title, member, least] of [
        ["p50", "p50_ns", 2],
        ["p99", "p99_ns", 100],
        ["p99.9", "p999_ns", 1000],
        ["slowest", "max_ns", 1],
      ]) {
        if (before?.count >= least && after?.count >= least) {
          list.push({
            name: `${name} ${title}`,
            before: before[member],
            after: after[member],
            format: units.ns,
            fewer: "faster",
            more: "slower",
          });
        }
      }
    }
    const charts = names.map((name) =>
      el(
        "div",
        {},
        ...this.sides.map((side, i) =>
          histogram(
            `${name}, ${i === 0 ? "before" : "after"}`,
            side.raw.histograms.calls[name] ?? [],
            units.ns,
            side.raw.clock_cost_ps / 1000,
          ),
        ),
      ),
    );
    return section(
      "latency",
      "Latency",
      "A line stands where both sides have enough calls for it.",
      this.lines("How long calls took", list),
      el("div", { class: "histograms" }, ...charts),
    );
  }

  both(make) {
    return el(
      "div",
      {},
      ...this.sides.flatMap((side, i) => [el("h3", {}, i === 0 ? "Before" : "After"), make(side)]),
    );
  }

  sections() {
    const list = [
      [
        "functions",
        "Functions",
        section(
          "functions",
          "Functions that made the difference",
          "The innermost function outside the allocator and its wrappers, whoever called it.",
          this.functionTable.root,
        ),
      ],
      ["flame", "Flame graph", section("flame", "Differential flame graph", null, this.flame.root)],
      [
        "totals",
        "Totals",
        section(
          "totals",
          "Totals",
          "The duration is that of the recorded runs, with the cost of recording in it.",
          this.totals(),
        ),
      ],
      [
        "sites",
        "Call sites",
        section(
          "sites",
          "Call sites",
          null,
          this.siteNote,
          el("div", { class: "controls" }, this.kinds()),
          this.siteTable.root,
        ),
      ],
    ];
    if (this.hasTimes) {
      list.push(["latency", "Latency", this.latency()]);
    }
    list.push(
      ["processes", "Processes", section("processes", "Processes", null, this.both(processTable))],
      [
        "environment",
        "Environment",
        section("environment", "Environment and losses", null, this.both(environment)),
      ],
    );
    return list;
  }
}
