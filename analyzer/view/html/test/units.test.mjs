/* The texts are as analyzer/base/units.c writes them, but for the signs of micro, minus, times. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as units from "../src/units.js";

test("counts have separators", () => {
  assert.equal(units.count(0), "0");
  assert.equal(units.count(1234567), "1,234,567");
  assert.equal(units.short(9876), "9,876");
  assert.equal(units.short(98300), "98.3 k");
  assert.equal(units.short(6120000), "6.12 M");
  assert.equal(units.short(1.5e9), "1.50 G");
});

test("bytes and times have three digits and a unit", () => {
  assert.equal(units.bytes(0), "0 B");
  assert.equal(units.bytes(512), "512 B");
  assert.equal(units.bytes(1023), "1,023 B");
  assert.equal(units.bytes(1536), "1.50 KiB");
  assert.equal(units.bytes(23.4 * 1048576), "23.4 MiB");
  assert.equal(units.bytes(1023.9 * 1024), "1.00 MiB");
  assert.equal(units.ns(812), "812 ns");
  assert.equal(units.ns(1250), "1.25 µs");
  assert.equal(units.ns(45.6e6), "45.6 ms");
  assert.equal(units.ns(999.6e6), "1.00 s");
  assert.equal(units.ns(119.9e9), "120 s");
  assert.equal(units.ns(125e9), "2 min 05 s");
  assert.equal(units.ns(7260e9), "2 h 01 min");
});

test("a share is never rounded to all or to nothing", () => {
  assert.equal(units.share(1, 0), units.NONE);
  assert.equal(units.share(0, 10), "0.0 %");
  assert.equal(units.share(1, 100000), "<0.1 %");
  assert.equal(units.share(99999, 100000), "99.9 %");
  assert.equal(units.share(10, 10), "100.0 %");
  assert.equal(units.share(123, 1000), "12.3 %");
});

test("each, changes and ratios", () => {
  assert.equal(units.per(142, 10), "14.2");
  assert.equal(units.per(3, 1000), "0.003");
  assert.equal(units.per(1, 100000), "<0.001");
  assert.equal(units.per(1, 0), units.NONE);
  assert.equal(units.change(5, 5, units.count), "0");
  assert.equal(units.change(5, 1005, units.count), "+1,000");
  assert.equal(units.change(2048, 0, units.bytes), "−2.00 KiB");
  assert.equal(units.ratio(620, 10, "fewer", "more"), "62× fewer");
  assert.equal(units.ratio(10, 14, "fewer", "more"), "1.4× more");
  assert.equal(units.ratio(1000, 1032, "fewer", "more"), "3.2 % more");
  assert.equal(units.ratio(7, 7, "fewer", "more"), "same");
  assert.equal(units.ratio(0, 7, "fewer", "more"), "new");
  assert.equal(units.ratio(7, 0, "fewer", "more"), "none left");
});
