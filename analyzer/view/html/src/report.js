/*
 * report - the page of one recording: what it cost, what is wrong, where; then everything else.
 */
import * as units from "./units.js";
import { METRICS, Focus, functions, rangeOf } from "./data.js";
import { bar, breakable, el, section } from "./dom.js";
import { budgetTable, headline } from "./budgets.js";
import { findingsCard } from "./findings.js";
import { Flame } from "./flame.js";
import { histogram } from "./histogram.js";
import { siteName, siteTable } from "./sites.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";
import { environment, processTable } from "./run.js";

const TOP = 3; /* of functions and of call sites: beside the findings, all on the first screen */

/* One number of the first screen: {name, value, notes}. */
export function tile({ name, value, notes = [] }) {
  return el(
    "div",
    { class: "tile", "data-name": name },
    el("dt", {}, name),
    el("dd", { class: "value" }, value),
    ...notes.filter(Boolean).map((note) => el("dd", { class: "note" }, note)),
  );
}

function perUnit(side, value, format = (v) => v) {
  const { units: done } = side.raw;
  return done ? `${format(units.per(value, done.count))} per ${done.name || "unit"}` : null;
}

/* A measured call's cause, with the page faults and context switches that tell it. */
function met(call) {
  const faults = call.minor_faults + call.major_faults;
  const switches = call.voluntary_switches + call.involuntary_switches;
  const cause = call.cause.replace("-", " ");
  return `${cause} (${units.count(faults)} faults, ${units.count(switches)} switches)`;
}

function slowest(side) {
  const call = side.raw.slow_calls[0];
  return call
    ? {
        name: "Slowest call",
        value: units.ns(call.ns),
        notes: [
          `${call.call}${call.size ? " of " + units.bytes(call.size) : ""}`,
          `after ${units.ns(call.at_ns)}`,
        ],
      }
    : null;
}

/* The tiles of the whole run. */
export function wholeTiles(side) {
  const { totals, duration_ns: duration } = side.raw;
  const seconds = duration / 1e9;
  const tiles = [
    {
      name: "Allocations",
      value: units.count(totals.allocations),
      notes: [
        seconds > 0 ? `${units.short(totals.allocations / seconds)} per second` : null,
        perUnit(side, totals.allocations),
      ],
    },
    {
      name: "Allocated",
      value: units.bytes(totals.allocated_bytes),
      notes: [
        totals.allocations > 0
          ? `${units.bytes(totals.allocated_bytes / totals.allocations)} each on average`
          : null,
        perUnit(side, totals.allocated_bytes, (v) => `${v} bytes`),
      ],
    },
  ];
  if (side.hasLives) {
    tiles.push({
      name: "Peak memory",
      value: units.bytes(totals.peak_bytes),
      notes: [
        `${units.count(totals.peak_blocks)} blocks, after ${units.ns(totals.peak_at_ns)}`,
        totals.live_at_end_bytes > 0
          ? `${units.bytes(totals.live_at_end_bytes)} never freed`
          : "everything was freed",
      ],
    });
    tiles.push({
      name: "Temporary",
      value: units.share(totals.temporary_allocations, totals.allocations),
      notes: [
        `${units.count(totals.temporary_allocations)} blocks`,
        "freed before the next allocation",
      ],
    });
  }
  if (side.isTimed) {
    const time = totals.allocator_time_ns;
    tiles.push(
      {
        name: "In the allocator",
        value: units.ns(time),
        notes: [
          duration === 0
            ? null
            : time <= duration
              ? `${units.share(time, duration)} of the run`
              : `all threads, in a run of ${units.ns(duration)}`,
        ],
      },
      slowest(side),
    );
  }
  return tiles.filter(Boolean);
}

function budgetTile(check) {
  const broken = check.budgets.filter((budget) => budget.verdict === "broken").length;
  const value = broken > 0 ? `${broken} broken` : "hold";
  return { name: "Budgets", value, notes: [headline(check)] };
}

/* The same of a range of the timeline: what its bins hold. */
function rangeTiles(side, range) {
  const seconds = (range.to_ns - range.from_ns) / 1e9;
  const tiles = [
    {
      name: "Allocations",
      value: units.count(range.allocations),
      notes: [
        `${units.short(range.allocations / seconds)} per second`,
        `${units.count(range.frees)} frees`,
      ],
    },
    {
      name: "Allocated",
      value: units.bytes(range.allocated_bytes),
      notes: [`${units.share(range.allocated_bytes, side.total("allocated_bytes"))} of the run's`],
    },
    { name: "Highest live", value: units.bytes(range.peak_bytes), notes: ["within the range"] },
    {
      name: "Resident",
      value: range.resident_bytes ? units.bytes(range.resident_bytes) : units.NONE,
      notes: ["highest sample", `${units.count(range.page_faults)} page faults`],
    },
  ];
  if (side.isTimed) {
    tiles.push({
      name: "In the allocator",
      value: units.ns(range.allocator_time_ns),
      notes: [`${units.share(range.allocator_time_ns, range.to_ns - range.from_ns)} of the range`],
    });
  }
  return tiles;
}

/* A list of the largest with bars: rows of {label, value}. */
function ranking(rows, whole, format) {
  return el(
    "ol",
    { class: "ranking" },
    ...rows.map(({ label, value }) =>
      el(
        "li",
        {},
        label,
        el(
          "span",
          { class: "amount" },
          format(value),
          " ",
          el("span", { class: "note" }, units.share(value, whole)),
        ),
        bar(value, whole),
      ),
    ),
  );
}

export class ReportPage {
  /* check: the verdict on budgets, or null. */
  constructor(side, state, check) {
    this.check = check;
    this.side = side;
    this.state = state;
    this.focus = new Focus(side, state);
    this.timeline = side.raw.timeline.allocations.length > 0 ? new Timeline(side, state) : null;
    this.flame = new Flame([side], state, () => [this.focus.mask()]);
    this.table = siteTable(side, state, "Call sites");
    this.tiles = el("dl", { class: "tiles" });
    this.where = el("div");
    this.findings = findingsCard(side, state);
    this.sitesNote = el("p", { class: "note", role: "status" });
    this.slow = this.slowTable();
    state.listen(["focus"], () => this.refocus());
    state.listen(["metric"], () => this.remeasure());
    state.listen(["from", "to"], () => this.rerange());
    state.listen(["sort", "up"], () =>
      this.table.setSort(state.get("sort") || "share", state.get("up") === "1"),
    );
    this.refocus();
    this.rerange();
    this.openFromLink();
  }

  openFromLink() {
    const id = Number(this.state.get("site"));
    if (this.state.get("site") !== "" && this.side.placeOfId.has(id)) {
      this.table.opened.add(id);
      this.table.fill();
    }
  }

  refocus() {
    const { side } = this;
    this.mask = this.focus.mask();
    this.sites = [];
    for (let site = 0; site < side.count; site++) {
      if ((!this.mask || this.mask[site]) && side.sites.calls[site] > 0) {
        this.sites.push(site);
      }
    }
    this.remeasure();
  }

  remeasure() {
    const allocating = this.sites.filter((site) => this.side.sites.allocations[site] > 0);
    this.table.setRows(allocating);
    const freeing = this.sites.length - allocating.length;
    const out = this.side.raw.left_out;
    this.sitesNote.textContent = [
      `${units.count(allocating.length)} call sites that allocate${this.mask ? " match" : ""}.`,
      freeing > 0 ? `${units.count(freeing)} more only free or fail.` : "",
      out.sites > 0
        ? `${units.count(out.sites)} sites under 0.01 % of everything are left out, together ` +
          `${units.count(out.allocations)} allocations of ${units.bytes(out.allocated_bytes)}; ` +
          "alloctrap html --full keeps them."
        : "",
    ]
      .filter(Boolean)
      .join(" ");
    this.fillWhere();
  }

  fillWhere() {
    const { side, state } = this;
    const metric = state.get("metric");
    const { format, title } = METRICS[metric];
    const whole = side.total(metric);
    const byFunction = functions(side, metric, this.mask)
      .slice(0, TOP)
      .map((entry) => ({
        value: entry.value,
        label: el(
          "button",
          {
            type: "button",
            class: "link",
            onclick: () => state.set({ focus: entry.name }),
            title: "Focus on this function",
          },
          el("span", { class: "function" }, breakable(entry.name)),
          " ",
          el("span", { class: "place" }, side.place(entry.line)),
        ),
      }));
    const values = side.sites[metric];
    const sites = this.sites
      .filter((site) => values[site] > 0)
      .sort((a, b) => values[b] - values[a] || a - b)
      .slice(0, TOP)
      .map((site) => ({ value: values[site], label: siteName(side, site) }));
    const nothing = () => el("p", { class: "note" }, "Nothing to show for this metric.");
    const functionList = [
      el("h3", {}, `Functions by ${title.toLowerCase()}`),
      byFunction.length > 0 ? ranking(byFunction, whole, format) : nothing(),
    ];
    const siteList = [
      el("h3", {}, `Call sites by ${title.toLowerCase()}`),
      sites.length > 0 ? ranking(sites, whole, format) : nothing(),
    ];
    this.where.replaceChildren(
      this.findings,
      el("div", { class: "card" }, ...functionList, ...siteList),
    );
    this.where.className = "columns";
  }

  /* Canvases know no variables: they are drawn anew when the colours change. */
  recolour() {
    this.timeline?.draw();
  }

  range() {
    return this.timeline && !this.timeline.isWhole()
      ? rangeOf(this.side, ...this.timeline.range())
      : null;
  }

  rerange() {
    const range = this.range();
    const tiles = range ? rangeTiles(this.side, range) : wholeTiles(this.side);
    if (this.check) {
      tiles.push(budgetTile(this.check));
    }
    this.tiles.replaceChildren(...tiles.map(tile));
    this.tiles.classList.toggle("ranged", range !== null);
    const calls = this.side.raw.slow_calls.filter(
      (call) => !range || (call.at_ns >= range.from_ns && call.at_ns < range.to_ns),
    );
    this.slow.setRows(calls);
  }

  slowTable() {
    const { side } = this;
    const siteOf = (call) => side.placeOfId.get(call.site);
    return new Table({
      label: "Slowest calls",
      sort: "ns",
      isUp: false,
      columns: [
        { name: "ns", title: "Took", value: (c) => c.ns, cell: (c) => units.ns(c.ns) },
        {
          name: "call",
          title: "Function",
          isWord: true,
          value: (c) => c.call,
          cell: (c) => c.call,
        },
        {
          name: "size",
          title: "Size",
          value: (c) => c.size,
          cell: (c) => (c.size ? units.bytes(c.size) : units.NONE),
        },
        {
          name: "at_ns",
          title: "After start",
          value: (c) => c.at_ns,
          cell: (c) => units.ns(c.at_ns),
        },
        { name: "thread", title: "Thread", value: (c) => c.thread, cell: (c) => String(c.thread) },
        {
          name: "cause",
          title: "Cause",
          isWord: true,
          value: (c) => c.cause ?? "",
          cell: (c) => (c.cause === undefined ? "not measured" : met(c)),
        },
        {
          name: "site",
          title: "Call site",
          isText: true,
          text: (c) => (siteOf(c) === undefined ? "" : side.name(siteOf(c))),
          cell: (c) => (siteOf(c) === undefined ? "(left out)" : siteName(side, siteOf(c))),
        },
      ],
    });
  }

  latency() {
    const { side } = this;
    const told = (call, name, least) => (call.count >= least ? units.ns(call[name]) : units.NONE);
    const calls = Object.entries(side.raw.calls).map(([name, call]) => ({ name, ...call }));
    const timed = (title, name, least) => ({
      name,
      title,
      value: (c) => c[name],
      cell: (c) => told(c, name, least),
    });
    const table = new Table({
      label: "How long calls took",
      sort: "count",
      isUp: false,
      columns: [
        { name: "name", title: "Function", isText: true, text: (c) => c.name, cell: (c) => c.name },
        { name: "count", title: "Calls", value: (c) => c.count, cell: (c) => units.count(c.count) },
        timed("Total", "total_ns", 1),
        timed("p50", "p50_ns", 2),
        timed("p90", "p90_ns", 10),
        timed("p99", "p99_ns", 100),
        timed("p99.9", "p999_ns", 1000),
        timed("Slowest", "max_ns", 1),
      ],
    });
    table.setRows(calls);
    const cost = side.raw.clock_cost_ps / 1000;
    const charts = Object.entries(side.raw.histograms.calls).map(([name, pairs]) =>
      histogram(name, pairs, units.ns, cost),
    );
    return section(
      "latency",
      "Latency",
      `p99: 99 of 100 calls took no longer. The cost of reading the clock, ${cost.toFixed(
        1,
      )} ns a call, has been taken off.`,
      table.root,
      side.raw.null_frees > 0
        ? el(
            "p",
            { class: "note" },
            `${units.count(side.raw.null_frees)} of these calls had nothing to free: free(NULL). ` +
              "They free no block and are in no percentile.",
          )
        : null,
      el("div", { class: "histograms" }, ...charts),
      el("h3", {}, "Slowest calls"),
      this.slow.root,
    );
  }

  sizes() {
    const { size, lifetime_ns: life, lifetime_allocations: births } = this.side.raw.histograms;
    return section(
      "sizes",
      "Sizes and lifetimes",
      "How large blocks were, and how long they lived.",
      el(
        "div",
        { class: "histograms" },
        histogram("Size of blocks", size, units.bytes),
        histogram("Lifetime", life, units.ns),
        histogram("Lifetime in allocations made meanwhile", births, units.short),
      ),
    );
  }

  pairs() {
    const { side } = this;
    const isSame = (part, whole) =>
      part === whole ? "all" : part === 0 ? "none" : units.share(part, whole);
    const table = new Table({
      label: "Pairs of allocating and freeing call sites",
      sort: "blocks",
      isUp: false,
      columns: [
        {
          name: "from",
          title: "Allocated by",
          isText: true,
          text: (p) => side.name(p[0]),
          cell: (p) => siteName(side, p[0]),
        },
        {
          name: "to",
          title: "Freed by",
          isText: true,
          text: (p) => side.name(p[1]),
          cell: (p) => siteName(side, p[1]),
        },
        { name: "blocks", title: "Blocks", value: (p) => p[2], cell: (p) => units.count(p[2]) },
        { name: "bytes", title: "Bytes", value: (p) => p[3], cell: (p) => units.bytes(p[3]) },
        {
          name: "thread",
          title: "Same thread",
          value: (p) => p[4] / p[2],
          cell: (p) => isSame(p[4], p[2]),
        },
        {
          name: "frame",
          title: "Same activation",
          hint: "freed by the very call of the function that allocated",
          value: (p) => p[5] / p[2],
          cell: (p) => isSame(p[5], p[2]),
        },
      ],
    });
    table.setRows(side.raw.pairs);
    const out = side.raw.left_out;
    const blocks = units.count(out.pair_blocks);
    return section(
      "pairs",
      "Allocated here, freed there",
      "Blocks that one activation of a function both allocates and frees could be a buffer " +
        "on its stack." +
        (out.pairs > 0
          ? ` ${units.count(out.pairs)} smaller pairs (${blocks} blocks) are left out.`
          : ""),
      table.root,
    );
  }

  leaks() {
    const { side } = this;
    const live = [];
    for (let site = 0; site < side.count; site++) {
      if (side.sites.live_at_end_blocks[site] > 0) {
        live.push(site);
      }
    }
    const s = side.sites;
    const table = new Table({
      label: "What was never freed",
      sort: "bytes",
      isUp: false,
      key: (site) => `leak-${s.id[site]}`,
      columns: [
        {
          name: "site",
          title: "Allocated by",
          isText: true,
          text: (site) => side.name(site),
          cell: (site) => siteName(side, site),
        },
        {
          name: "bytes",
          title: "Bytes",
          value: (site) => s.live_at_end_bytes[site],
          cell: (site) => units.bytes(s.live_at_end_bytes[site]),
        },
        {
          name: "blocks",
          title: "Blocks",
          value: (site) => s.live_at_end_blocks[site],
          cell: (site) => units.count(s.live_at_end_blocks[site]),
        },
        {
          name: "of",
          title: "Of all it made",
          value: (site) => s.live_at_end_blocks[site] / s.allocations[site],
          cell: (site) => units.share(s.live_at_end_blocks[site], s.allocations[site]),
        },
      ],
    });
    table.setRows(live);
    return section(
      "leaks",
      "Never freed",
      "Live when the program ended. Not each is a leak: many programs leave the last cleaning " +
        "to the system.",
      table.root,
    );
  }

  /* [id, title, element] in the order of the page. */
  sections() {
    const { side } = this;
    const list = [["where", "Where", section("where", "Where", null, this.where)]];
    if (this.check) {
      const { check } = this;
      const note = [headline(check), check.what, check.note].filter(Boolean).join(" · ");
      list.push([
        "budgets",
        "Budgets",
        section("budgets", "Budgets", note, budgetTable(check, this.state)),
      ]);
    }
    if (this.timeline) {
      list.push([
        "timeline",
        "Timeline",
        section(
          "timeline",
          "Timeline",
          "Drag over a chart to look at a part of the run: the numbers above and the slowest " +
            "calls follow. " +
            "A recording keeps call sites for the whole run, so they do not.",
          this.timeline.root,
        ),
      ]);
    }
    list.push(
      ["flame", "Flame graph", section("flame", "Flame graph", null, this.flame.root)],
      [
        "sites",
        "Call sites",
        section("sites", "Call sites", null, this.sitesNote, this.table.root),
      ],
    );
    if (side.isTimed) {
      list.push(["latency", "Latency", this.latency()]);
    }
    if (side.hasLives) {
      list.push(
        ["sizes", "Sizes", this.sizes()],
        ["pairs", "Pairs", this.pairs()],
        ["leaks", "Leaks", this.leaks()],
      );
    }
    list.push(
      ["processes", "Processes", section("processes", "Processes", null, processTable(side))],
      [
        "environment",
        "Environment",
        section("environment", "Environment and losses", null, environment(side)),
      ],
    );
    return list;
  }
}
