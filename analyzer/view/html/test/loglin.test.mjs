import assert from "node:assert/strict";
import { test } from "node:test";
import * as loglin from "../src/loglin.js";

/* The codes of preload/include/alloctrap/loglin.h. */
function codeOf(value) {
  if (value < 64) {
    return value;
  }
  const shift = Math.floor(Math.log2(value)) - 6;
  return shift * 64 + Math.floor(value / 2 ** shift);
}

test("small values are exact, large ones within 1.6 %", () => {
  for (let value = 0; value < 128; value++) {
    assert.equal(loglin.value(codeOf(value)), value);
  }
  for (let value = 130; value < 1e12; value = Math.floor(value * 1.37)) {
    const code = codeOf(value);
    assert.ok(loglin.low(code) <= value, `low of ${value}`);
    assert.ok(Math.abs(loglin.value(code) - value) / value < 0.016, `middle of ${value}`);
  }
});

test("bars cover every value once, without gaps", () => {
  const bars = loglin.bars([0, 2, 5, 1, codeOf(1000), 7, codeOf(1e6), 3]);
  assert.equal(
    bars.reduce((sum, bar) => sum + bar.count, 0),
    13,
  );
  assert.equal(bars[0].from, 0);
  bars.slice(1).forEach((bar, i) => assert.equal(bar.from, bars[i].to));
  const holding = bars.find((bar) => bar.count === 7);
  assert.ok(holding.from <= 1000 && 1000 < holding.to);
});

test("the clock's cost is taken off and nothing falls below 0", () => {
  const bars = loglin.bars([5, 4, codeOf(100), 1], 10);
  assert.deepEqual([bars[0].from, bars[0].count], [0, 4]);
  assert.ok(bars.at(-1).from <= 90 && 90 < bars.at(-1).to);
});

test("no values, no bars", () => {
  assert.deepEqual(loglin.bars([]), []);
});

test("histograms add up", () => {
  assert.deepEqual(
    loglin.merge([
      [3, 1, 9, 2],
      [1, 5, 9, 1],
    ]),
    [1, 5, 3, 1, 9, 3],
  );
  assert.equal(loglin.total([1, 5, 3, 1]), 6);
});
