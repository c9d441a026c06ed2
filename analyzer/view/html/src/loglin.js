/*
 * loglin - the log-linear codes of a recording's histograms (preload/include/alloctrap/loglin.h):
 * 64 steps for each power of two. Here they are read, and folded into bars wide enough to be seen.
 */
const BITS = 6;
const STEPS = 1 << BITS;
const BARS_PER_OCTAVE = 4;

/* The smallest value with this code. */
export function low(code) {
  if (code < 2 * STEPS) {
    return code;
  }
  return ((code % STEPS) + STEPS) * 2 ** (Math.floor(code / STEPS) - 1);
}

/* What stands for a code's values in a report: their middle. */
export function value(code) {
  if (code < 2 * STEPS) {
    return code;
  }
  return low(code) + Math.floor((2 ** (Math.floor(code / STEPS) - 1) - 1) / 2);
}

/* Bar 0 is the value 0; then four bars for each power of two. */
function barOf(v) {
  return v < 1 ? 0 : 1 + Math.floor(Math.log2(v) * BARS_PER_OCTAVE + 1e-9);
}

function barLow(bar) {
  return bar === 0 ? 0 : 2 ** ((bar - 1) / BARS_PER_OCTAVE);
}

/*
 * [code, count, ...] as bars from the first to the last that has something: {from, to, counts}.
 * subtract: taken off each value first (the clock's cost), never below 0.
 */
export function bars(pairs, subtract = 0) {
  const found = new Map();
  let first = Infinity;
  let last = -1;
  for (let i = 0; i < pairs.length; i += 2) {
    const bar = barOf(Math.max(0, value(pairs[i]) - subtract));
    found.set(bar, (found.get(bar) ?? 0) + pairs[i + 1]);
    first = Math.min(first, bar);
    last = Math.max(last, bar);
  }
  const result = [];
  for (let bar = first; bar <= last; bar++) {
    result.push({ from: barLow(bar), to: barLow(bar + 1), count: found.get(bar) ?? 0 });
  }
  return result;
}

/* [code, count, ...] of several, added up. */
export function merge(lists) {
  const found = new Map();
  for (const pairs of lists) {
    for (let i = 0; i < pairs.length; i += 2) {
      found.set(pairs[i], (found.get(pairs[i]) ?? 0) + pairs[i + 1]);
    }
  }
  return [...found].sort((a, b) => a[0] - b[0]).flat();
}

export function total(pairs) {
  let sum = 0;
  for (let i = 1; i < pairs.length; i += 2) {
    sum += pairs[i];
  }
  return sum;
}
