/*
 * tree - call sites added up into a call tree, in slices of time so that the page stays awake, and
 * cut down to what a flame graph of a given width can show.
 *
 * A tree is columns: parent[node] (always below the node), text[node] (a function), line[node] (of
 * the first call seen, with its side), and for each site of each side the node where it ends.
 */
const SLICE_MS = 12;

/* Compilers make clones of a function that come and go with every build. */
const CLONE = /(?<=.)\.(constprop|isra|part|cold|lto_priv|llvm)\..*$/;

export function plainName(name) {
  return name.replace(CLONE, "");
}

/* await slice() gives the page a turn when this one has lasted too long. */
export function slicer(isStale = () => false) {
  let start = performance.now();
  return async () => {
    if (performance.now() - start > SLICE_MS) {
      await new Promise((done) => setTimeout(done));
      start = performance.now();
      if (isStale()) {
        throw new Stale();
      }
    }
  };
}

/* Somebody asked for another tree in the meantime. */
export class Stale extends Error {}

class Builder {
  constructor(sides) {
    this.sides = sides;
    this.parent = [-1];
    this.text = [""];
    this.line = [undefined];
    this.side = [0];
    this.children = new Map();
    this.functions = new Map();
    /* One number for each name; of two builds the clones are one. */
    const names = sides[0].texts;
    this.functionOfText =
      sides.length === 1
        ? null
        : names.map((name) => {
            const plain = plainName(name);
            if (!this.functions.has(plain)) {
              this.functions.set(plain, this.functions.size);
            }
            return this.functions.get(plain);
          });
    this.functionCount = names.length;
  }

  child(node, side, line) {
    const text = this.sides[side].raw.lines.function[line];
    const key =
      node * this.functionCount + (this.functionOfText ? this.functionOfText[text] : text);
    let found = this.children.get(key);
    if (found === undefined) {
      found = this.parent.length;
      this.parent.push(node);
      this.text.push(this.sides[side].texts[text]);
      this.line.push(line);
      this.side.push(side);
      this.children.set(key, found);
    }
    return found;
  }
}

/* From main inwards: paths come parents first, so that each is looked at once. */
async function addFromMain(builder, side, isWithoutWrappers, slice) {
  const { raw, sites, count } = builder.sides[side];
  const { parent, frame } = raw.paths;
  const first = raw.frame_first_line;
  const nodeOfPath = new Int32Array(parent.length);
  for (let path = 1; path < parent.length; path++) {
    let node = nodeOfPath[parent[path]];
    for (let line = first[frame[path] + 1] - 1; line >= first[frame[path]]; line--) {
      node = builder.child(node, side, line);
    }
    nodeOfPath[path] = node;
    if (path % 2048 === 0) {
      await slice();
    }
  }
  const ends = new Int32Array(count);
  for (let site = 0; site < count; site++) {
    ends[site] = nodeOfPath[sites.path[site]];
    for (let up = isWithoutWrappers ? sites.shown[site] : 0; up > 0; up--) {
      ends[site] = builder.parent[ends[site]];
    }
  }
  return ends;
}

/* From the allocating function outwards. */
async function addFromSite(builder, side, isWithoutWrappers, slice) {
  const { sites, count } = builder.sides[side];
  const ends = new Int32Array(count);
  for (let site = 0; site < count; site++) {
    let skip = isWithoutWrappers ? sites.shown[site] : 0;
    let node = 0;
    builder.sides[side].walk(site, (line) => {
      node = skip-- > 0 ? node : builder.child(node, side, line);
    });
    ends[site] = node;
    if (site % 256 === 0) {
      await slice();
    }
  }
  return ends;
}

/* options: {isInverted, isWithoutWrappers}. */
export async function buildTree(sides, options, slice) {
  const builder = new Builder(sides);
  const ends = [];
  for (let side = 0; side < sides.length; side++) {
    const add = options.isInverted ? addFromSite : addFromMain;
    ends.push(await add(builder, side, options.isWithoutWrappers, slice));
  }
  const { parent, text, line, side } = builder;
  return { sides, parent: Int32Array.from(parent), text, line, side, ends };
}

/* Values of one side for each node, those below it included. mask: sites that count; null = all. */
export function valuesOf(tree, side, metric, mask) {
  const values = new Float64Array(tree.parent.length);
  const of = tree.sides[side].sites[metric];
  const ends = tree.ends[side];
  for (let site = 0; site < ends.length; site++) {
    if (!mask || mask[site]) {
      values[ends[site]] += of[site];
    }
  }
  return sumUp(tree, values);
}

/* Adds each node's own value to its parents'. */
export function sumUp(tree, values) {
  for (let node = values.length - 1; node > 0; node--) {
    values[tree.parent[node]] += values[node];
  }
  return values;
}

/* What a node holds itself, without what is below it. */
export function ownValues(tree, values) {
  const own = Float64Array.from(values);
  for (let node = values.length - 1; node > 0; node--) {
    own[tree.parent[node]] -= values[node];
  }
  return own;
}

/*
 * Children of each node, grouped by parent: those of at least `least` as ids, largest first; of the
 * smaller ones, which are nearly all, only how many there are and their sum.
 */
function childrenOf(tree, values, least) {
  const lists = new Map();
  const rest = new Int32Array(values.length);
  const restValue = new Float64Array(values.length);
  for (let node = 1; node < values.length; node++) {
    const parent = tree.parent[node];
    if (values[node] >= least && values[node] > 0) {
      const list = lists.get(parent);
      if (list) {
        list.push(node);
      } else {
        lists.set(parent, [node]);
      }
    } else if (values[node] > 0) {
      rest[parent] += 1;
      restValue[parent] += values[node];
    }
  }
  for (const list of lists.values()) {
    list.sort((a, b) => values[b] - values[a] || a - b);
  }
  return { lists, rest, restValue };
}

/*
 * Nested {node, name, value, children} for a flame graph: the chain down to `zoom` at full width,
 * then what is below it, as far as it is at least 1/columns of the width. What is smaller becomes
 * one node with rest > 0, where that is wide enough.
 */
export function cutDown(tree, values, zoom, columns) {
  const least = values[zoom] / columns;
  const { lists, rest, restValue } = childrenOf(tree, values, least);
  const make = (node) => ({
    node,
    name: node === 0 ? "all" : tree.text[node],
    value: values[node],
  });
  const top = make(zoom);
  const stack = [top];
  while (stack.length > 0) {
    const at = stack.pop();
    const children = (lists.get(at.node) ?? []).map(make);
    stack.push(...children);
    const left = { rest: rest[at.node], value: restValue[at.node] };
    if (left.rest > 0 && left.value >= least) {
      children.push({ node: -1, name: `${left.rest} smaller`, ...left });
    }
    if (children.length > 0) {
      at.children = children;
    }
  }
  let root = top;
  for (let node = zoom; node !== 0; node = tree.parent[node]) {
    const parent = make(tree.parent[node]);
    root = { ...parent, value: top.value, whole: parent.value, isAncestor: true, children: [root] };
  }
  return root;
}

/* From the root to a node, as names: survives a rebuild of the tree, so it can stand in a link. */
export function namesTo(tree, node) {
  const names = [];
  for (; node > 0; node = tree.parent[node]) {
    names.unshift(tree.text[node]);
  }
  return names;
}

/* The node that names lead to; as deep as there is one. */
export function nodeAt(tree, names) {
  let at = 0;
  for (const name of names) {
    const next = tree.parent.findIndex((parent, node) => parent === at && tree.text[node] === name);
    if (next < 0) {
      break;
    }
    at = next;
  }
  return at;
}

/* What all nodes together hold whose name matches, none counted twice. */
export function findValue(tree, values, isMatch) {
  const isBelow = new Uint8Array(values.length);
  let sum = 0;
  let count = 0;
  for (let node = 1; node < values.length; node++) {
    const isFound = values[node] > 0 && isMatch(tree.text[node]);
    isBelow[node] = isBelow[tree.parent[node]] | isFound;
    count += isFound;
    sum += isFound && !isBelow[tree.parent[node]] ? values[node] : 0;
  }
  return { sum, count };
}
