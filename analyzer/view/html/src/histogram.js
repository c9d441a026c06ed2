/*
 * histogram - bars over a logarithmic axis, as SVG: prints sharp, follows the colours, has a name.
 */
import * as loglin from "./loglin.js";
import * as units from "./units.js";
import { el, svg } from "./dom.js";

const WIDTH = 480;
const HEIGHT = 120;
const BOTTOM = 18;

/* Labels where a bar begins that is at least so far from the last one. */
function labels(bars, step, format) {
  const texts = [];
  let free = 0;
  bars.forEach((bar, i) => {
    const x = i * step;
    const isOctave = bar.from === 0 || Math.abs(Math.log2(bar.from) % 1) < 1e-6;
    if (isOctave && x >= free && x <= WIDTH - 30) {
      texts.push(svg("text", { x, y: HEIGHT - 4, class: "tick" }, format(bar.from)));
      free = x + 62;
    }
  });
  return texts;
}

/* pairs: [code, count, ...]; subtract: the clock's cost, for times. */
export function histogram(title, pairs, format, subtract = 0) {
  const bars = loglin.bars(pairs, subtract);
  const total = loglin.total(pairs);
  if (total === 0) {
    return el("p", { class: "note" }, `${title}: nothing was recorded.`);
  }
  const step = WIDTH / Math.max(bars.length, 12);
  const most = Math.max(...bars.map((bar) => bar.count));
  const room = HEIGHT - BOTTOM - 4;
  const rects = bars.map((bar, i) => {
    const height = bar.count === 0 ? 0 : Math.max(1, (room * bar.count) / most);
    const share = units.share(bar.count, total);
    const words = `${format(bar.from)} to ${format(bar.to)}: ${units.count(bar.count)} (${share})`;
    return svg(
      "rect",
      { x: i * step + 0.5, y: 4 + room - height, width: Math.max(0.5, step - 1), height },
      svg("title", {}, words),
    );
  });
  const top = bars.reduce((a, b) => (b.count > a.count ? b : a));
  const where = `most of them ${format(top.from)} to ${format(top.to)}`;
  const name = `${title}: ${units.count(total)} values, ${where}`;
  return el(
    "figure",
    { class: "histogram" },
    el("figcaption", {}, title, " ", el("span", { class: "note" }, units.count(total))),
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": name },
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM, class: "axis" }),
      ...rects,
      ...labels(bars, step, format),
    ),
  );
}
