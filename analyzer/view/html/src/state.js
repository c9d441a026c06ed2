/*
 * state - what the reader chose, kept in the link's hash: #metric=allocated_bytes&focus=parse_line
 * One writer, many listeners; only what differs from the defaults stands in the hash.
 */
const DEFAULTS = {
  /* of METRICS */
  metric: "allocations",
  /* only call sites with this in their stack */
  focus: "",
  /* marked in the flame graph */
  find: "",
  /* names from the root, parted by ⟩ */
  zoom: "",
  /* "1": from the allocating function outwards */
  inverted: "",
  /* "1": with the allocator's wrappers */
  wrappers: "",
  /* column of the table */
  sort: "",
  /* "1": smallest first */
  up: "",
  /* bins of the timeline */
  from: "",
  to: "",
  /* id of an opened call site */
  site: "",
  /* of the differential flame graph */
  width: "both",
};

export const ZOOM_SIGN = "⟩";

export class State {
  constructor() {
    this.listeners = [];
    this.values = { ...DEFAULTS };
    this.read();
    addEventListener("hashchange", () => {
      if (location.hash !== this.written) {
        const before = { ...this.values };
        this.read();
        this.tell(before);
      }
    });
  }

  read() {
    this.values = { ...DEFAULTS };
    const hash = location.hash.slice(1);
    if (!hash.includes("=")) {
      return;
    }
    for (const [name, value] of new URLSearchParams(hash)) {
      if (name in DEFAULTS) {
        this.values[name] = value;
      }
    }
  }

  get(name) {
    return this.values[name];
  }

  set(changes) {
    const before = { ...this.values };
    Object.assign(this.values, changes);
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(this.values)) {
      if (value !== DEFAULTS[name]) {
        params.set(name, value);
      }
    }
    const text = params.toString();
    this.written = text === "" ? "" : "#" + text;
    history.replaceState(null, "", location.href.split("#")[0] + this.written);
    this.tell(before);
  }

  tell(before) {
    const changed = new Set(
      Object.keys(DEFAULTS).filter((name) => before[name] !== this.values[name]),
    );
    if (changed.size > 0) {
      this.listeners.forEach((listener) => listener(changed));
    }
  }

  /* listener(changed): a set of names. */
  listen(names, listener) {
    this.listeners.push((changed) => {
      if (names.some((name) => changed.has(name))) {
        listener(changed);
      }
    });
  }
}
