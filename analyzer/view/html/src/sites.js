/*
 * sites - the table of call sites, and what one opens to: its stack, its numbers, its histograms.
 */
import * as units from "./units.js";
import { METRICS } from "./data.js";
import { bar, breakable, copy, el } from "./dom.js";
import { histogram } from "./histogram.js";
import { Table } from "./table.js";

/* A percentile is told only of as many calls as it speaks of, as everywhere in alloctrap. */
function percentile(side, site, name, least) {
  const isTold = side.hasLives && side.isTimed && side.sites.timed_calls[site] >= least;
  return isTold ? units.ns(side.sites[name][site]) : units.NONE;
}

/* The function, where it is, and the callers that tell it from others. */
export function siteName(side, site) {
  const shown = side.shown(site);
  const callers = side.callers(site);
  return el(
    "span",
    { class: "site" },
    el("span", { class: "function" }, breakable(side.func(shown))),
    el("span", { class: "place" }, " ", side.place(shown)),
    callers.length > 0
      ? el("span", { class: "callers" }, "from ", breakable(callers.join(" ← ")))
      : null,
  );
}

export function stackList(side, site) {
  const skip = side.sites.shown[site];
  const items = side.stack(site).map((line, i) => {
    const place = side.place(line);
    const button = el(
      "button",
      { type: "button", class: "small", "aria-label": `Copy ${side.fullPlace(line)}` },
      "Copy",
    );
    button.addEventListener("click", () => copy(side.fullPlace(line), button));
    return el(
      "li",
      { class: i < skip ? "wrapper" : undefined },
      el("span", { class: "function" }, breakable(side.func(line))),
      side.raw.lines.inlined[line] ? el("span", { class: "note" }, " inlined") : null,
      el("span", { class: "place", title: side.fullPlace(line) }, " ", place),
      " ",
      button,
    );
  });
  if (side.isCut(site)) {
    items.push(el("li", { class: "note" }, "outer frames were not kept"));
  }
  return items.length > 0
    ? el("ol", { class: "stack", "aria-label": "Call stack, innermost first" }, ...items)
    : el("p", { class: "note" }, "Calls whose call path was not kept.");
}

function facts(side, site) {
  const s = side.sites;
  const list = [
    [
      "size",
      [s.size_min, s.size_p50, s.size_max].map((size) => units.bytes(size[site])).join(" / "),
      "smallest / median / largest",
    ],
    [
      "lifetime",
      `${units.ns(s.lifetime_p50_ns[site])} / ${units.ns(s.lifetime_p99_ns[site])}`,
      "median / p99",
    ],
    ["frees", units.count(s.frees[site]), "of blocks from here"],
    ["own peak", units.bytes(s.own_peak_bytes[site]), "whenever it was"],
    [
      "p50 / p90 / p99.9",
      [
        percentile(side, site, "p50_ns", 2),
        percentile(side, site, "p90_ns", 10),
        percentile(side, site, "p999_ns", 1000),
      ].join(" / "),
      "of a call",
    ],
  ];
  if (s.growth_chains[site] > 0) {
    list.push([
      "growth",
      `${units.count(s.growth_steps[site])} steps`,
      `${units.count(s.growth_chains[site])} chains, ` +
        `${units.bytes(s.growth_copied_bytes[site])} copied`,
    ]);
  }
  return el(
    "dl",
    { class: "facts" },
    ...list.map(([name, value, note]) =>
      el(
        "div",
        {},
        el("dt", {}, name),
        el("dd", {}, value, el("span", { class: "note" }, " ", note)),
      ),
    ),
  );
}

export function siteDetail(side, site, state) {
  const kept = side.sites.histograms;
  const name = side.name(site);
  const charts =
    site < kept.size.length
      ? el(
          "div",
          { class: "histograms" },
          histogram("Latency", kept.latency[site], units.ns, side.raw.clock_cost_ps / 1000),
          histogram("Size", kept.size[site], units.bytes),
          histogram("Lifetime", kept.lifetime_ns[site], units.ns),
        )
      : null;
  return el(
    "div",
    { class: "opened" },
    stackList(side, site),
    el(
      "div",
      {},
      facts(side, site),
      el(
        "button",
        { type: "button", onclick: () => state.set({ focus: name }) },
        "Focus on this function",
      ),
      charts,
    ),
  );
}

function valueColumn(side, metric, hint) {
  const { title, format } = METRICS[metric];
  const values = side.sites[metric];
  return {
    name: metric,
    title,
    hint,
    value: (site) => values[site],
    cell: (site) =>
      values[site] === 0 && metric !== "allocations" ? units.NONE : format(values[site]),
  };
}

export function siteColumns(side, state) {
  const metric = () => state.get("metric");
  const columns = [
    {
      name: "function",
      title: "Call site",
      isText: true,
      text: (site) => side.name(site),
      cell: (site) => siteName(side, site),
    },
    {
      name: "share",
      title: "Share",
      hint: "of the metric chosen above",
      value: (site) => side.sites[metric()][site],
      cell: (site) =>
        el(
          "span",
          {},
          units.share(side.sites[metric()][site], side.total(metric())),
          bar(side.sites[metric()][site], side.total(metric())),
        ),
    },
    valueColumn(side, "allocations", "calls that returned a block"),
    valueColumn(side, "allocated_bytes", "what was asked for"),
  ];
  if (side.hasLives) {
    columns.push(
      valueColumn(
        side,
        "temporary_allocations",
        "freed by the same thread before it allocated again",
      ),
      valueColumn(side, "peak_bytes", "held at the moment of the peak"),
      valueColumn(side, "live_at_end_bytes", "never freed"),
    );
  }
  if (side.isTimed) {
    columns.push(
      valueColumn(side, "allocator_time_ns", "inside the allocator, without the clock's cost"),
      {
        name: "p99_ns",
        title: "p99",
        hint: "99 of 100 calls took no longer",
        value: (site) => side.sites.p99_ns[site],
        cell: (site) => percentile(side, site, "p99_ns", 100),
      },
      {
        name: "max_ns",
        title: "Slowest",
        value: (site) => side.sites.max_ns[site],
        cell: (site) => units.ns(side.sites.max_ns[site]),
      },
    );
  }
  return columns;
}

/* The table; setRows() gives it the sites. */
export function siteTable(side, state, label) {
  const sort = state.get("sort") || "share";
  return new Table({
    label,
    first: 20,
    columns: siteColumns(side, state),
    sort,
    isUp: state.get("up") === "1",
    key: (site) => side.sites.id[site],
    open: (site) => siteDetail(side, site, state),
    toggled: (id) => state.set({ site: id === null ? "" : String(id) }),
    sorted: (name, isUp) => state.set({ sort: name === "share" ? "" : name, up: isUp ? "1" : "" }),
  });
}
