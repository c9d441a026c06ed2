/*
 * flame - the flame graph: the tree of the chosen metric, drawn by d3-flame-graph, with keys, names
 * for screen readers, zoom, search and focus. Two sides: widths by one of them or both, colours by
 * what changed. What is drawn is cut to what the width can show, so zooming draws anew.
 */
import flamegraph from "d3-flame-graph";
import { select } from "d3-selection";
import * as units from "./units.js";
import { METRICS, matcher } from "./data.js";
import { ZOOM_SIGN } from "./state.js";
import { breakable, choice, copy, el } from "./dom.js";
import * as trees from "./tree.js";

const ROW_PX = 20;

function mix(colour, percent) {
  return `color-mix(in oklab, var(${colour}) ${Math.round(percent)}%, var(--frame))`;
}

export class Flame {
  /* masks(): for each side, the sites that count. */
  constructor(sides, state, masks) {
    this.sides = sides;
    this.state = state;
    this.masks = masks;
    this.version = 0;
    this.current = null;
    this.holder = el("div", {
      class: "flame",
      role: "tree",
      tabindex: "0",
      "aria-label": "Flame graph. Arrow keys move, Enter zooms in, Escape zooms out, F focuses.",
    });
    this.status = el("p", { class: "note", role: "status" });
    this.found = el("span", { class: "note", role: "status" });
    this.details = el("div", { class: "details" });
    this.holder.addEventListener("click", (event) => this.clicked(event), true);
    this.holder.addEventListener("mouseover", (event) => this.pointed(event));
    this.holder.addEventListener("keydown", (event) => this.pressed(event));
    this.root = el("div", {}, this.controls(), this.status, this.holder, this.details);
    state.listen(
      ["metric", "focus", "wrappers", "inverted", "zoom", "find", "width"],
      (changed) => {
        if (changed.has("inverted") || changed.has("wrappers")) {
          this.tree = null;
        }
        void this.draw();
      },
    );
    /* The first width comes from here too: nothing is drawn twice at the start. */
    new ResizeObserver(() => {
      if (this.holder.clientWidth !== this.width) {
        void this.draw();
      }
    }).observe(this.holder);
  }

  controls() {
    const { state } = this;
    const find = el("input", {
      type: "search",
      placeholder: "Find in the graph ( / )",
      id: "find",
      "aria-label": "Find functions in the flame graph",
      value: state.get("find"),
      spellcheck: "false",
    });
    find.addEventListener("input", () => state.set({ find: find.value }));
    const box = (name, title, on, off) => {
      const input = el("input", { type: "checkbox" });
      input.checked = state.get(name) === on;
      input.addEventListener("change", () =>
        state.set({ [name]: input.checked ? on : off, zoom: "" }),
      );
      state.listen([name], () => {
        input.checked = state.get(name) === on;
      });
      return el("label", { class: "box" }, input, " ", title);
    };
    this.out = el("button", { type: "button", onclick: () => this.zoomTo(0) }, "Zoom out");
    const parts = [
      find,
      this.found,
      this.out,
      box("inverted", "Inverted: callers below", "1", ""),
      box("wrappers", "Hide wrappers", "", "1"),
    ];
    if (this.sides.length === 2) {
      const widths = choice(
        "Width of frames",
        [
          ["both", "Larger side"],
          ["before", "Before"],
          ["after", "After"],
        ],
        state.get("width"),
        (width) => state.set({ width }),
      );
      state.listen(["width"], () => widths.show(state.get("width")));
      parts.push(widths);
    }
    return el("div", { class: "controls" }, ...parts);
  }

  /* Draws what the state says; a later call makes an earlier one give up. */
  async draw() {
    const version = ++this.version;
    try {
      await this.prepare(trees.slicer(() => version !== this.version));
      if (version === this.version) {
        this.paint();
      }
    } catch (error) {
      if (!(error instanceof trees.Stale)) {
        throw error;
      }
    }
  }

  async prepare(slice) {
    const { state } = this;
    if (!this.tree) {
      this.status.textContent = "Adding up call paths …";
      this.tree = await trees.buildTree(
        this.sides,
        {
          isInverted: state.get("inverted") === "1",
          isWithoutWrappers: state.get("wrappers") !== "1",
        },
        slice,
      );
    }
    const metric = state.get("metric");
    const masks = this.masks();
    this.bySide = this.sides.map((_, side) => trees.valuesOf(this.tree, side, metric, masks[side]));
    this.values = this.widths();
    this.own = trees.ownValues(this.tree, this.values);
  }

  widths() {
    const [before, after] = this.bySide;
    const width = this.state.get("width");
    if (!after || width === "before") {
      return before;
    }
    if (width === "after") {
      return after;
    }
    const a = trees.ownValues(this.tree, before);
    const b = trees.ownValues(this.tree, after);
    return trees.sumUp(
      this.tree,
      a.map((value, node) => Math.max(value, b[node])),
    );
  }

  paint() {
    const names = this.state.get("zoom") === "" ? [] : this.state.get("zoom").split(ZOOM_SIGN);
    this.zoom = trees.nodeAt(this.tree, names);
    this.width = this.holder.clientWidth;
    this.out.disabled = this.zoom === 0;
    this.holder.replaceChildren();
    this.details.replaceChildren();
    this.current = null;
    if (this.width === 0) {
      return;
    }
    if (!(this.values[this.zoom] > 0)) {
      this.status.textContent = "Nothing to show: no call site in view has any of this.";
      return;
    }
    const data = trees.cutDown(this.tree, this.values, this.zoom, this.width);
    let deepest = 0;
    const depth = (node, level) => {
      deepest = Math.max(deepest, level);
      node.children?.forEach((child) => depth(child, level + 1));
    };
    depth(data, 1);
    this.mark();
    this.chart = flamegraph()
      .width(this.width)
      .height(deepest * ROW_PX)
      .cellHeight(ROW_PX)
      .minFrameSize(0.5)
      .inverted(true)
      .transitionDuration(0)
      .setLabelHandler((d) => this.label(d))
      .setColorMapper((d) => this.colour(d));
    select(this.holder).datum(data).call(this.chart);
    this.name();
    const title = METRICS[this.state.get("metric")].title.toLowerCase();
    this.status.textContent =
      this.sides.length === 1
        ? `Width: ${title}. Stronger colour: allocates itself. Frames below one pixel are added up.`
        : `Width: ${title}. Orange: more than before. Blue: less. Grey: the same.`;
  }

  /* What matches the search. */
  mark() {
    const query = this.state.get("find");
    this.isMatch = query === "" ? null : matcher(query);
    if (this.isMatch === null) {
      this.found.textContent = "";
      return;
    }
    const { sum, count } = trees.findValue(this.tree, this.values, this.isMatch);
    this.found.textContent = `${units.count(count)} frames, ${units.share(sum, this.values[0])}`;
  }

  /* Names, levels and places in the reading order for those who do not see it. */
  name() {
    this.frames = [...this.holder.querySelectorAll("g.frame")];
    this.frames.forEach((frame, i) => {
      const d = frame.__data__;
      d.element = frame;
      frame.id = `frame-${i}`;
      frame.setAttribute("role", "treeitem");
      frame.setAttribute("aria-level", d.depth + 1);
      frame.setAttribute("aria-label", this.label(d));
      frame.classList.toggle(
        "found",
        this.isMatch !== null && d.data.node > 0 && this.isMatch(d.data.name),
      );
      frame.classList.toggle("rest", d.data.node < 0);
      frame.classList.toggle("outer", d.data.isAncestor === true);
    });
    this.holder.removeAttribute("aria-activedescendant");
  }

  amounts(d) {
    const { format } = METRICS[this.state.get("metric")];
    const { node, value, whole } = d.data;
    if (this.sides.length === 2 && node >= 0) {
      const [before, after] = this.bySide.map((values) => values[node]);
      return `${format(before)} → ${format(after)} (${units.change(before, after, format)})`;
    }
    const shown = whole ?? value;
    return `${format(shown)}, ${units.share(shown, this.values[0])}`;
  }

  label(d) {
    return `${d.data.name}: ${this.amounts(d)}`;
  }

  colour(d) {
    const { node, value } = d.data;
    if (node < 0) {
      return "var(--frame)";
    }
    if (this.sides.length === 2) {
      const [before, after] = this.bySide.map((values) => values[node]);
      const part = Math.abs(after - before) / Math.max(before, after, 1);
      return part < 0.001
        ? "var(--frame)"
        : mix(after > before ? "--more" : "--less", 10 + 30 * part);
    }
    return mix("--accent", 10 + 38 * Math.sqrt(Math.max(0, this.own[node]) / value));
  }

  /* The datum below a click or the pointer. */
  static datumOf(event) {
    return event.target.closest("g.frame")?.__data__;
  }

  clicked(event) {
    event.stopPropagation(); /* d3-flame-graph would zoom in what is drawn, and no further */
    const d = Flame.datumOf(event);
    if (d) {
      this.choose(d);
      this.enter(d);
    }
  }

  pointed(event) {
    const d = Flame.datumOf(event);
    if (d) {
      this.choose(d);
    }
  }

  enter(d) {
    if (d.data.node >= 0 && d.data.node !== this.zoom) {
      this.zoomTo(d.data.node);
    }
  }

  zoomTo(node) {
    this.state.set({ zoom: trees.namesTo(this.tree, node).join(ZOOM_SIGN) });
  }

  choose(d) {
    this.current?.element?.classList.remove("current");
    this.current = d;
    d.element?.classList.add("current");
    if (d.element) {
      this.holder.setAttribute("aria-activedescendant", d.element.id);
    }
    this.explain(d);
  }

  explain(d) {
    const { node, name } = d.data;
    const parts = [
      el("strong", {}, breakable(name)),
      el("span", { class: "amount" }, this.amounts(d)),
    ];
    if (node > 0) {
      const side = this.sides[this.tree.side[node]];
      const place = side.place(this.tree.line[node]);
      const { format } = METRICS[this.state.get("metric")];
      const own = this.own[node];
      parts.push(el("span", { class: "place" }, place));
      if (this.sides.length === 1) {
        parts.push(
          el("span", { class: "note" }, own > 0 ? `itself ${format(own)}` : "itself none"),
        );
      }
      const copyButton = el("button", { type: "button" }, "Copy file:line");
      copyButton.addEventListener("click", () =>
        copy(side.fullPlace(this.tree.line[node]), copyButton),
      );
      parts.push(
        el("button", { type: "button", onclick: () => this.state.set({ focus: name }) }, "Focus"),
        copyButton,
      );
    }
    this.details.replaceChildren(...parts);
  }

  pressed(event) {
    const at = this.current ?? this.frames?.[0]?.__data__;
    if (!at || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const siblings = at.parent?.children ?? [at];
    const index = siblings.indexOf(at);
    const to = {
      ArrowUp: at.parent,
      ArrowDown: this.current ? at.children?.[0] : at,
      ArrowLeft: siblings[index - 1],
      ArrowRight: siblings[index + 1],
      Home: this.frames[0].__data__,
    };
    if (event.key in to) {
      if (to[event.key]) {
        this.choose(to[event.key]);
        to[event.key].element?.scrollIntoView({ block: "nearest" });
      }
    } else if (event.key === "Enter" || event.key === " ") {
      this.enter(at);
    } else if (event.key === "Escape" || event.key === "Backspace") {
      this.zoomTo(this.zoom === 0 ? 0 : this.tree.parent[this.zoom]);
    } else if (event.key === "f" && at.data.node > 0) {
      this.state.set({ focus: at.data.name });
    } else {
      return;
    }
    event.preventDefault();
  }
}
