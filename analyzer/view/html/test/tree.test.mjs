import assert from "node:assert/strict";
import { test } from "node:test";
import * as trees from "../src/tree.js";
import { maskOf } from "../src/data.js";
import { sample } from "./sample.mjs";

const now = async () => {};

function shape(node) {
  return [node.name, node.value, ...(node.children ?? []).map(shape)];
}

async function cut(
  options,
  { metric = "allocations", mask = null, zoom = 0, columns = 1e6, side = sample() } = {},
) {
  const tree = await trees.buildTree([side], options, now);
  return shape(trees.cutDown(tree, trees.valuesOf(tree, 0, metric, mask), zoom, columns));
}

test("from main inwards, wrappers and all", async () => {
  assert.deepEqual(await cut({ isInverted: false, isWithoutWrappers: false }), [
    "all",
    111,
    [
      "main",
      111,
      ["parse", 110, ["concat", 100, ["append", 100, ["malloc", 100]]], ["other.part.0", 10]],
      ["other.part.0", 1],
    ],
  ]);
});

test("without wrappers a site ends at the function it is named by", async () => {
  const [, , [, , parse]] = await cut({ isInverted: false, isWithoutWrappers: true });
  assert.deepEqual(parse, ["parse", 110, ["concat", 100, ["append", 100]], ["other.part.0", 10]]);
});

test("inverted, callers stand below", async () => {
  assert.deepEqual(await cut({ isInverted: true, isWithoutWrappers: true }), [
    "all",
    111,
    ["append", 100, ["concat", 100, ["parse", 100, ["main", 100]]]],
    ["other.part.0", 11, ["parse", 10, ["main", 10]], ["main", 1]],
  ]);
});

test("a focus leaves the others out", async () => {
  const side = sample();
  const all = await cut(
    { isInverted: false, isWithoutWrappers: true },
    { side, mask: maskOf(side, "append") },
  );
  assert.deepEqual(all, [
    "all",
    100,
    ["main", 100, ["parse", 100, ["concat", 100, ["append", 100]]]],
  ]);
});

test("what is too small to see is added up", async () => {
  assert.deepEqual(await cut({ isInverted: false, isWithoutWrappers: true }, { columns: 30 }), [
    "all",
    111,
    ["main", 111, ["parse", 110, ["concat", 100, ["append", 100]], ["other.part.0", 10]]],
  ]);
  const side = sample({ allocations: [100, 3, 3, 5] });
  const [, , [, , , rest]] = await cut(
    { isInverted: false, isWithoutWrappers: true },
    { side, columns: 30 },
  );
  assert.equal(rest, undefined, "a rest that is too small itself is not drawn");
});

test("zooming gives the whole width to a node and keeps the way to it", async () => {
  const side = sample();
  const tree = await trees.buildTree([side], { isInverted: false, isWithoutWrappers: true }, now);
  const values = trees.valuesOf(tree, 0, "allocations", null);
  const node = trees.nodeAt(tree, ["main", "parse"]);
  assert.deepEqual(trees.namesTo(tree, node), ["main", "parse"]);
  const root = trees.cutDown(tree, values, node, 1e6);
  assert.deepEqual([root.value, root.whole, root.isAncestor], [110, 111, true]);
  assert.deepEqual(shape(root.children[0].children[0]), [
    "parse",
    110,
    ["concat", 100, ["append", 100]],
    ["other.part.0", 10],
  ]);
});

test("a link into a tree that has changed goes as deep as it can", async () => {
  const tree = await trees.buildTree(
    [sample()],
    { isInverted: false, isWithoutWrappers: true },
    now,
  );
  assert.equal(trees.nodeAt(tree, ["main", "gone", "parse"]), trees.nodeAt(tree, ["main"]));
});

test("found frames are not counted twice", async () => {
  const tree = await trees.buildTree(
    [sample()],
    { isInverted: false, isWithoutWrappers: true },
    now,
  );
  const values = trees.valuesOf(tree, 0, "allocations", null);
  assert.deepEqual(
    trees.findValue(tree, values, (text) => text === "main" || text === "parse"),
    { sum: 111, count: 2 },
  );
});

test("two sides share a node where their functions are the same, clones and all", async () => {
  const before = sample();
  const after = sample({ allocations: [0, 40, 1, 0] });
  after.raw.lines = { ...after.raw.lines, function: [...after.raw.lines.function] };
  after.texts = before.texts;
  const tree = await trees.buildTree(
    [before, after],
    { isInverted: false, isWithoutWrappers: true },
    now,
  );
  const [b, a] = [0, 1].map((side) => trees.valuesOf(tree, side, "allocations", null));
  const parse = trees.nodeAt(tree, ["main", "parse"]);
  assert.deepEqual([b[parse], a[parse]], [110, 40]);
  assert.equal(trees.plainName("parse.part.0"), "parse");
  assert.equal(trees.plainName("std::x<int>.llvm.123"), "std::x<int>");
});

test("a stale tree is given up", async () => {
  const slice = trees.slicer(() => true);
  const until = performance.now() + 20;
  while (performance.now() < until);
  await assert.rejects(slice(), trees.Stale);
});
