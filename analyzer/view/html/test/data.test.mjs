import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { functions, maskOf, matcher, rangeOf, unpack } from "../src/data.js";
import { sample } from "./sample.mjs";

test("a block of base64 and gzip comes out as it went in", async () => {
  const page = { format: "alloctrap-page/1", texts: ["</script>", "\u2028"], sides: [] };
  const block = `\n${gzipSync(JSON.stringify(page)).toString("base64")}\n`;
  assert.deepEqual(await unpack(block), page);
});

test("another format is refused", async () => {
  const block = gzipSync(JSON.stringify({ format: "alloctrap-page/9" })).toString("base64");
  await assert.rejects(unpack(block), /alloctrap-page\/9/);
});

test("stacks go from the inside out, inlined functions spelled out", () => {
  const side = sample();
  assert.deepEqual(
    side.stack(0).map((line) => side.func(line)),
    ["malloc", "append", "concat", "parse", "main"],
  );
  assert.equal(side.name(0), "append");
  assert.equal(side.place(side.shown(0)), "b.c:3");
  assert.equal(side.place(4), "libc.so.6", "without a file, the library");
  assert.equal(side.fullPlace(side.shown(0)), "/src/b.c:3");
  assert.deepEqual(side.callers(0), ["parse"]);
  assert.deepEqual(
    [0, 1, 2].map((site) => side.isCut(site)),
    [false, false, true],
  );
});

test("callers that were left out are told", () => {
  const side = sample({ callers: [[2, -1, 4], [], [], []] });
  assert.deepEqual(side.callers(0), ["concat", "1 more", "main"]);
});

test("a focus finds functions, files and libraries of the whole stack", () => {
  const side = sample();
  assert.equal(maskOf(side, ""), null);
  assert.deepEqual([...maskOf(side, "PARSE")], [1, 1, 0, 1]);
  assert.deepEqual([...maskOf(side, "libc")], [1, 0, 0, 0]);
  assert.deepEqual([...maskOf(side, "/^other/")], [0, 1, 1, 0]);
  assert.deepEqual([...maskOf(side, "nowhere")], [0, 0, 0, 0]);
});

test("half an expression is no expression", () => {
  assert.equal(matcher("/(/"), null);
  assert.ok(matcher("/x")("a/x.c"));
});

test("functions add up their call sites", () => {
  const side = sample();
  assert.deepEqual(
    functions(side, "allocations", null).map(({ name, sites, value }) => [name, sites, value]),
    [
      ["append", 1, 100],
      ["other.part.0", 2, 11],
    ],
  );
  assert.deepEqual(
    functions(side, "allocations", maskOf(side, "parse")).map(({ value }) => value),
    [100, 10],
  );
});

test("a range holds what its bins hold", () => {
  const range = rangeOf(sample(), 1, 3);
  assert.deepEqual(
    [
      range.allocations,
      range.frees,
      range.allocated_bytes,
      range.peak_bytes,
      range.resident_bytes,
      range.page_faults,
      range.from_ns,
      range.to_ns,
    ],
    [110, 3, 1100, 1110, 4096, 2, 10e6, 30e6],
  );
});
