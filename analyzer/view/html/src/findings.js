/*
 * findings - what `alloctrap advise` says about the recording: what is wrong, what a fix would save,
 * how sure that is, and on demand the advice, an example and the evidence.
 */
import * as units from "./units.js";
import { basename } from "./data.js";
import { breakable, el } from "./dom.js";

const FIRST = 4;

/* What a fix would save, the largest share first: [[text, share of its total], ...]. */
export function savings(side, saves) {
  const { totals } = side.raw;
  const list = [
    [saves.allocations, totals.allocations, (v) => `${units.short(v)} allocations`],
    [saves.allocator_time_ns, totals.allocator_time_ns, (v) => `${units.ns(v)} in the allocator`],
    [saves.copied_bytes, totals.allocated_bytes, (v) => `${units.bytes(v)} copied`],
    [saves.cleared_bytes, totals.allocated_bytes, (v) => `${units.bytes(v)} cleared`],
    [saves.memory_bytes, totals.peak_bytes, (v) => `${units.bytes(v)} held`],
  ];
  return list
    .filter(([value]) => value > 0)
    .sort((a, b) => b[0] / Math.max(b[1], 1) - a[0] / Math.max(a[1], 1))
    .map(([value, whole, format]) => {
      const isShare = whole > 0 && value <= whole;
      return isShare ? `${format(value)} (${units.share(value, whole)})` : format(value);
    });
}

function placeOf(finding) {
  if (!finding.file) {
    return basename(finding.module ?? "");
  }
  return basename(finding.file) + (finding.line ? `:${finding.line}` : "");
}

/* "growth_steps" -> "growth steps". */
function evidence(numbers) {
  return el(
    "dl",
    { class: "facts" },
    ...Object.entries(numbers).map(([name, value]) => {
      const format = name.endsWith("_ns")
        ? units.ns
        : name.endsWith("bytes")
          ? units.bytes
          : units.count;
      const words = name.replace(/_(ns|bytes)$/, "").replaceAll("_", " ");
      return el("div", {}, el("dt", {}, words), el("dd", {}, format(value)));
    }),
  );
}

/* isOpen: there is room for its advice. */
function finding(side, state, one, isOpen) {
  const saves = savings(side, one.saves);
  const focus = el(
    "button",
    { type: "button", onclick: () => state.set({ focus: one.function }) },
    "Focus on this function",
  );
  return el(
    "li",
    {},
    el(
      "details",
      { open: isOpen },
      el(
        "summary",
        {},
        el("span", { class: "kind" }, one.kind),
        el("span", { class: "note" }, ` ${one.summary} · ${one.confidence} confidence`),
        el("br"),
        el("span", { class: "function" }, breakable(one.function ?? "(remainder)")),
        " ",
        el("span", { class: "place" }, placeOf(one)),
        el(
          "span",
          { class: "saves" },
          saves.length > 0 ? `saves up to ${saves.slice(0, 2).join(", ")}` : "",
        ),
      ),
      el("p", {}, one.advice),
      el("p", { class: "note" }, one.reason),
      one.example ? el("pre", {}, one.example) : null,
      evidence(one.evidence),
      focus,
    ),
  );
}

/* The first of them, as a card; the others on demand. */
export function findingsCard(side, state) {
  const { findings, nothing_because: why } = side.raw;
  const items = findings.map((one) => finding(side, state, one, findings.length === 1));
  items.slice(FIRST).forEach((item) => {
    item.hidden = true;
  });
  const more = el("button", { type: "button", class: "small" }, `${findings.length - FIRST} more`);
  more.hidden = findings.length <= FIRST;
  more.addEventListener("click", () => {
    items.forEach((item) => {
      item.hidden = false;
    });
    more.hidden = true;
  });
  return el(
    "div",
    { class: "card findings" },
    el("h3", {}, "What stands out"),
    findings.length > 0
      ? el("ol", {}, ...items)
      : el("p", { class: "note" }, why ?? "Nothing that would save much."),
    more,
  );
}
