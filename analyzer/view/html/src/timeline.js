/*
 * timeline - memory, rates and time of calls over the run, drawn by uPlot; a range that is drawn
 * (or set with the two sliders) narrows the tiles and the slowest calls to it.
 */
import uPlot from "uplot";
import * as units from "./units.js";
import { el } from "./dom.js";

const HEIGHT_PX = 132;
const POWERS_OF_2 = Array.from({ length: 51 }, (_, i) => 2 ** i);

/* A colour as the page has it now; a canvas knows no variables. */
export function colourOf(name) {
  const probe = el("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function isPowerOf10(value) {
  return Math.abs(Math.log10(value) % 1) < 1e-6;
}

/* Values for each second; the last bin may not be full. */
function rates(side, names) {
  const { timeline, duration_ns: end } = side.raw;
  const count = timeline.allocations.length;
  return timeline.allocations.map((_, i) => {
    const whole =
      i === count - 1
        ? Math.max(1, Math.min(timeline.bin_ns, end - i * timeline.bin_ns))
        : timeline.bin_ns;
    const sum = names.reduce((total, name) => total + timeline[name][i], 0);
    return (sum * 1e9) / whole;
  });
}

function charts(side) {
  const t = side.raw.timeline;
  const calls = t.allocations.map((allocations, i) => allocations + t.frees[i]);
  return [
    {
      title: "Memory",
      format: units.bytes,
      steps: POWERS_OF_2,
      lines: [
        { label: "live", colour: "--accent", values: t.live_bytes, isFilled: true },
        {
          label: "resident",
          colour: "--muted",
          values: t.resident_bytes.map((v) => v || null),
          dash: [4, 3],
        },
      ],
    },
    {
      title: "Calls per second",
      format: units.short,
      lines: [
        {
          label: "allocations",
          colour: "--accent",
          values: rates(side, ["allocations"]),
          isFilled: true,
        },
        { label: "frees", colour: "--muted", values: rates(side, ["frees"]), dash: [4, 3] },
      ],
    },
    {
      title: "Time of a call, on average",
      format: units.ns,
      isLog: true,
      lines: [
        {
          label: "each call",
          colour: "--accent",
          isFilled: true,
          values: t.allocator_time_ns.map((ns, i) =>
            calls[i] > 0 ? Math.max(1, ns / calls[i]) : null,
          ),
        },
      ],
    },
    {
      title: "Page faults, sampled ten times a second",
      format: units.short,
      lines: [{ label: "faults", colour: "--accent", values: t.page_faults, isFilled: true }],
    },
  ].filter((chart) => chart.lines.some((line) => line.values.some((value) => value > 0)));
}

export class Timeline {
  constructor(side, state) {
    this.side = side;
    this.state = state;
    this.bins = side.raw.timeline.allocations.length;
    this.holder = el("div", { class: "charts" });
    this.plots = [];
    this.sliders = ["from", "to"].map((name) => this.slider(name));
    this.clear = el(
      "button",
      { type: "button", onclick: () => state.set({ from: "", to: "" }) },
      "Whole run",
    );
    this.root = el(
      "div",
      {},
      this.holder,
      el("div", { class: "controls" }, ...this.sliders.map(({ label }) => label), this.clear),
    );
    state.listen(["from", "to"], () => this.show());
    new ResizeObserver(() => {
      if (this.holder.clientWidth !== this.width) {
        this.draw();
      }
    }).observe(this.holder);
  }

  slider(name) {
    const input = el("input", { type: "range", min: "0", max: String(this.bins), step: "1" });
    const output = el("output");
    const label = el(
      "label",
      { class: "box" },
      name === "from" ? "From " : "To ",
      input,
      " ",
      output,
    );
    input.addEventListener("input", () => {
      const [from, to] = this.range();
      const at = Number(input.value);
      this.select(
        name === "from" ? Math.min(at, to - 1) : from,
        name === "to" ? Math.max(at, from + 1) : to,
      );
    });
    return { label, input, output };
  }

  /* [from, to) in bins: the whole run where nothing is chosen. */
  range() {
    const from = this.state.get("from") === "" ? 0 : Number(this.state.get("from"));
    const to = this.state.get("to") === "" ? this.bins : Number(this.state.get("to"));
    const isFit = from >= 0 && from < to && to <= this.bins;
    return isFit ? [from, to] : [0, this.bins];
  }

  isWhole() {
    const [from, to] = this.range();
    return from === 0 && to === this.bins;
  }

  select(from, to) {
    this.state.set(
      from <= 0 && to >= this.bins
        ? { from: "", to: "" }
        : { from: String(Math.max(0, from)), to: String(Math.min(this.bins, to)) },
    );
  }

  show() {
    const range = this.range();
    const seconds = range.map((bin) => (bin * this.side.raw.timeline.bin_ns) / 1e9);
    this.sliders.forEach(({ input, output }, i) => {
      input.value = range[i];
      output.textContent = units.ns(seconds[i] * 1e9);
      input.setAttribute("aria-valuetext", output.textContent);
    });
    this.clear.disabled = this.isWhole();
    for (const plot of this.plots) {
      const left = plot.valToPos(seconds[0], "x");
      const width = this.isWhole() ? 0 : plot.valToPos(seconds[1], "x") - left;
      plot.setSelect({ left, width, top: 0, height: plot.bbox.height / devicePixelRatio }, false);
    }
  }

  draw() {
    this.width = this.holder.clientWidth;
    this.plots.forEach((plot) => plot.destroy());
    this.plots = [];
    this.holder.replaceChildren();
    if (this.width === 0 || this.bins === 0) {
      return;
    }
    const list = charts(this.side);
    list.forEach((chart, i) => this.plots.push(this.plot(chart, i === list.length - 1)));
  }

  plot(chart, isLast) {
    const step = this.side.raw.timeline.bin_ns / 1e9;
    const x = Array.from({ length: this.bins + 1 }, (_, i) => i * step);
    const data = [x, ...chart.lines.map(({ values }) => [...values, values.at(-1)])];
    const text = colourOf("--muted");
    /* A logarithmic axis has a line for each power of ten, not for what is between. */
    const filter = chart.isLog
      ? (_, ticks) => ticks.map((tick) => (isPowerOf10(tick) ? tick : null))
      : undefined;
    const grid = { stroke: colourOf("--line"), width: 1, ...(filter ? { filter } : {}) };
    const plain = { stroke: grid.stroke, width: 1 };
    const font = "12px system-ui, sans-serif";
    const figure = el(
      "figure",
      { role: "img", "aria-label": `${chart.title} over the run` },
      el("figcaption", {}, chart.title),
    );
    this.holder.append(figure);
    const plot = new uPlot(
      {
        width: this.width,
        height: HEIGHT_PX + (isLast ? 26 : 0),
        legend: { live: true },
        cursor: {
          drag: { x: true, y: false, setScale: false },
          sync: { key: "run" },
          points: { size: 6 },
        },
        padding: [8, 14, isLast ? 0 : 9, 0],
        scales: {
          x: { time: false, range: [0, x.at(-1)] },
          y: chart.isLog
            ? { distr: 3 }
            : { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] },
        },
        axes: [
          {
            show: isLast,
            stroke: text,
            grid: plain,
            ticks: plain,
            font,
            values: (_, ticks) => ticks.map((tick) => units.ns(tick * 1e9)),
            space: 70,
          },
          {
            stroke: text,
            grid,
            ticks: grid,
            size: 74,
            font,
            space: 30,
            ...(filter ? { filter } : {}),
            ...(chart.steps ? { incrs: chart.steps } : {}),
            values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : chart.format(tick))),
          },
        ],
        series: [
          {
            label: "after start",
            value: (_, at) => (at === null ? units.NONE : units.ns(at * 1e9)),
          },
          ...chart.lines.map((line) => ({
            label: line.label,
            stroke: colourOf(line.colour),
            width: 1.5,
            dash: line.dash,
            points: { show: false },
            fill: line.isFilled ? colourOf("--accent-faint") : undefined,
            paths: uPlot.paths.stepped({ align: 1 }),
            value: (_, v) => (v === null || v === undefined ? units.NONE : chart.format(v)),
          })),
        ],
        hooks: {
          ready: [() => this.show()],
          setSelect: [(u) => this.brushed(u)],
        },
      },
      data,
      figure,
    );
    return plot;
  }

  brushed(plot) {
    if (plot.select.width < 2) {
      this.state.set({ from: "", to: "" });
      return;
    }
    const step = this.side.raw.timeline.bin_ns / 1e9;
    const from = Math.floor(plot.posToVal(plot.select.left, "x") / step + 1e-6);
    const to = Math.ceil(plot.posToVal(plot.select.left + plot.select.width, "x") / step - 1e-6);
    this.select(from, Math.max(from + 1, to));
  }
}
