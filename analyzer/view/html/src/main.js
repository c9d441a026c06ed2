/*
 * main - unpacks the data, builds the page, keeps its toolbar: metric, focus, range, theme, keys.
 */
import "uplot/dist/uPlot.min.css";
import { METRICS, Side, unpack } from "./data.js";
import { verdictOf } from "./budgets.js";
import { ComparePage } from "./compare.js";
import { choice, el } from "./dom.js";
import { ReportPage } from "./report.js";
import { command, shortCommand, when } from "./run.js";
import { State } from "./state.js";
import * as units from "./units.js";
import "./style.css";
import "./parts.css";
import "./media.css"; /* last: it has the last word over the libraries' */

function themeButton() {
  const root = document.documentElement;
  const isDark = () =>
    (root.dataset.theme ??
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const button = el("button", {
    type: "button",
    class: "quiet",
    onclick: () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      show();
      dispatchEvent(new Event("themechange"));
    },
  });
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to ${isDark() ? "light" : "dark"} colours`);
  };
  show();
  return button;
}

function runLine(side) {
  const { raw } = side;
  return [
    raw.duration_ns > 0 ? `ran ${units.ns(raw.duration_ns)}` : "duration unknown",
    raw.exit_text,
    when(side),
  ]
    .filter(Boolean)
    .join(" · ");
}

function header(page, sides) {
  const lines =
    sides.length === 1
      ? [
          el("h1", { title: command(sides[0].raw.command) }, shortCommand(sides[0].raw.command)),
          el("p", { class: "note" }, runLine(sides[0])),
        ]
      : [
          el("h1", {}, page.conclusion()),
          ...sides.map((side, i) =>
            el(
              "p",
              { class: "note" },
              el("strong", {}, i === 0 ? "Before " : "After "),
              shortCommand(side.raw.command),
              " · ",
              runLine(side),
            ),
          ),
        ];
  return el(
    "header",
    {},
    el("div", { class: "brand" }, el("span", {}, "alloctrap"), themeButton()),
    ...lines,
  );
}

function warnings(sides) {
  return sides.map((side, i) => {
    const { loss_text: text, filter } = side.raw;
    const name = sides.length === 1 ? "" : i === 0 ? "Before: " : "After: ";
    const words = [
      text,
      filter
        ? `FILTERED: ${filter.sites_matched} of ${filter.sites_all} call sites match ${
            filter.focus ?? ""
          } ${filter.ignore ? "and not " + filter.ignore : ""}; all numbers are theirs alone.`
        : "",
    ]
      .filter(Boolean)
      .join(" ");
    return words === "" ? null : el("p", { class: "warn", role: "alert" }, name + words);
  });
}

/* A metric is offered where some call site has any of it. */
function metricsOf(sides) {
  return Object.keys(METRICS).filter((metric) => sides.some((side) => side.total(metric) > 0));
}

function toolbar(page, sides, state) {
  const metrics = metricsOf(sides);
  if (!metrics.includes(state.get("metric"))) {
    state.set({ metric: metrics[0] ?? "allocations" });
  }
  const metric = choice(
    "Metric",
    metrics.map((name) => [name, METRICS[name].title]),
    state.get("metric"),
    (name) => state.set({ metric: name }),
  );
  const focus = el("input", {
    type: "search",
    id: "focus",
    placeholder: "Focus: function, file, library or /regex/",
    "aria-label": "Show only call sites with this in their stack",
    value: state.get("focus"),
    spellcheck: "false",
  });
  let timer = 0;
  focus.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => state.set({ focus: focus.value, zoom: "" }), 150);
  });
  const range = el("button", {
    type: "button",
    class: "chip",
    onclick: () => state.set({ from: "", to: "" }),
  });
  const show = () => {
    metric.show(state.get("metric"));
    if (document.activeElement !== focus) {
      focus.value = state.get("focus");
    }
    const at = page.range?.();
    range.hidden = !at;
    range.textContent = at ? `${units.ns(at.from_ns)} to ${units.ns(at.to_ns)} ×` : "";
    range.setAttribute("aria-label", `Range ${range.textContent}: back to the whole run`);
  };
  state.listen(["metric", "focus", "from", "to"], show);
  show();
  return el(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "What is shown" },
    metric,
    focus,
    range,
  );
}

function go(id) {
  const target = document.getElementById(id);
  const heading = target.querySelector("h2");
  heading.tabIndex = -1;
  target.scrollIntoView({ block: "start" });
  heading.focus({ preventScroll: true });
}

function navigation(list) {
  return el(
    "nav",
    { "aria-label": "Sections" },
    ...list.map(([id, title]) =>
      el(
        "a",
        {
          href: `#${id}`,
          onclick: (event) => {
            event.preventDefault();
            go(id);
          },
        },
        title,
      ),
    ),
  );
}

function keys() {
  addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "/") {
      document.getElementById("find")?.focus();
    } else if (event.key === "s") {
      document.getElementById("focus").focus();
    } else if (event.key === "g") {
      document.querySelector(".flame").focus();
    } else {
      return;
    }
    event.preventDefault();
  });
}

function build(data) {
  const sides = data.sides.map((raw) => new Side(raw, data.texts));
  const state = new State();
  const page = data.comparison
    ? new ComparePage(data.comparison, sides, state)
    : new ReportPage(sides[0], state, verdictOf(data.check));
  const bar = toolbar(page, sides, state);
  const list = page.sections();
  const app = document.getElementById("app");
  app.append(
    header(page, sides),
    ...warnings(sides).filter(Boolean),
    page.tiles,
    navigation(list),
    bar,
    el("main", {}, ...list.map(([, , element]) => element)),
    el(
      "footer",
      { class: "note" },
      `Made by alloctrap ${sides[0].raw.tool_version}. ` +
        "Keys: / finds, s focuses, g goes to the flame graph.",
    ),
  );
  document.getElementById("static").hidden = true;
  keys();
  const redraw = () => page.recolour?.();
  addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  if (/^#[a-z-]+$/.test(location.hash) && document.getElementById(location.hash.slice(1))) {
    go(location.hash.slice(1));
  }
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

async function start() {
  try {
    build(await unpack(document.getElementById("data").textContent));
  } catch (error) {
    document
      .getElementById("app")
      .prepend(
        el(
          "p",
          { class: "warn", role: "alert" },
          `The interactive page could not be built (${error.message}); ` +
            "what stands below is complete in itself.",
        ),
      );
    document.getElementById("static").hidden = false;
    console.error(error);
  }
}

void start();
