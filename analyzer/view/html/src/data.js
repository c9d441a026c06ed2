/*
 * data - the page's numbers: unpacked from the block that analyzer/view/html_data.c wrote, and
 * asked for stacks, labels and matches. Knows nothing of the document but that block.
 */
import * as units from "./units.js";

/* What a site is measured by; every one adds up over sites. */
export const METRICS = {
  allocations: { title: "Allocations", format: units.count, axis: units.short },
  allocated_bytes: { title: "Bytes", format: units.bytes, axis: units.bytes },
  temporary_allocations: { title: "Temporary", format: units.count, axis: units.short },
  peak_bytes: { title: "At peak", format: units.bytes, axis: units.bytes },
  live_at_end_bytes: { title: "Live at end", format: units.bytes, axis: units.bytes },
  allocator_time_ns: { title: "Time", format: units.ns, axis: units.ns },
};

async function unzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(text);
  }
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) {
    bytes[i] = raw.charCodeAt(i);
  }
  return bytes;
}

export async function unpack(base64) {
  const page = await unzip(fromBase64(base64.trim()));
  if (page.format !== "alloctrap-page/1") {
    throw new Error(`this page's data is of format ${page.format}, not alloctrap-page/1`);
  }
  return page;
}

export function basename(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/* One recording of the page. */
export class Side {
  constructor(raw, texts) {
    this.raw = raw;
    this.texts = texts;
    this.sites = raw.sites;
    this.count = raw.sites.id.length;
    this.placeOfId = new Map(raw.sites.id.map((id, place) => [id, place]));
    this.cut = new Set(raw.paths.cut);
    this.isTimed = raw.totals.allocator_time_ns > 0;
    this.hasLives = !raw.counters_only;
  }

  total(metric) {
    return this.raw.totals[metric];
  }

  text(id) {
    return this.texts[id];
  }

  /* Calls visit(line) from the innermost line outwards; false ends it. */
  walk(site, visit) {
    const { parent, frame } = this.raw.paths;
    const first = this.raw.frame_first_line;
    for (let path = this.sites.path[site]; path !== 0; path = parent[path]) {
      const end = first[frame[path] + 1];
      for (let line = first[frame[path]]; line < end; line++) {
        if (visit(line) === false) {
          return;
        }
      }
    }
  }

  /* The lines of a site's stack, innermost first. */
  stack(site) {
    const lines = [];
    this.walk(site, (line) => void lines.push(line));
    return lines;
  }

  isCut(site) {
    for (let path = this.sites.path[site]; path !== 0; path = this.raw.paths.parent[path]) {
      if (this.cut.has(path)) {
        return true;
      }
    }
    return false;
  }

  /* The line that names a site; undefined for calls whose path was not kept. */
  shown(site) {
    let skip = this.sites.shown[site];
    let shown;
    this.walk(site, (line) => {
      shown = line;
      return skip-- > 0;
    });
    return shown;
  }

  /* The callers that tell a site from the others, as texts from the inside out. */
  callers(site) {
    const places = this.sites.callers[site];
    if (places.length === 0) {
      return [];
    }
    const stack = this.stack(site);
    return places.map((place) => (place < 0 ? `${-place} more` : this.func(stack[place])));
  }

  func(line) {
    return line === undefined ? "(remainder)" : this.texts[this.raw.lines.function[line]];
  }

  /* "parse.c:42", "libx.so" where there is no file, "" where nothing is known. */
  place(line) {
    if (line === undefined) {
      return "";
    }
    const file = this.texts[this.raw.lines.file[line]];
    const number = this.raw.lines.line[line];
    if (file !== "") {
      return basename(file) + (number ? ":" + number : "");
    }
    return basename(this.texts[this.raw.lines.module[line]]);
  }

  /* The same with its whole path: what is copied. */
  fullPlace(line) {
    const file = this.texts[this.raw.lines.file[line]];
    const number = this.raw.lines.line[line];
    return file !== ""
      ? file + (number ? ":" + number : "")
      : this.texts[this.raw.lines.module[line]];
  }

  name(site) {
    return this.func(this.shown(site));
  }
}

/* A function of a text that says whether it matches: a part of it, or /a regular expression/. */
export function matcher(query) {
  const regex = /^\/(.+)\/$/.exec(query);
  if (regex) {
    try {
      const compiled = new RegExp(regex[1], "i");
      return (text) => compiled.test(text);
    } catch {
      return null;
    }
  }
  const part = query.toLowerCase();
  return (text) => text.toLowerCase().includes(part);
}

/* For each site 1 where a function, file or library of its stack matches; null = all of them. */
export function maskOf(side, query) {
  const matches = query === "" ? null : matcher(query);
  if (matches === null) {
    return null;
  }
  const { lines, frame_first_line: first, paths } = side.raw;
  const isText = side.texts.map(matches);
  const isFrame = new Uint8Array(first.length - 1);
  for (let frame = 0; frame < isFrame.length; frame++) {
    for (let line = first[frame]; line < first[frame + 1]; line++) {
      if (isText[lines.function[line]] || isText[lines.file[line]] || isText[lines.module[line]]) {
        isFrame[frame] = 1;
      }
    }
  }
  const isPath = new Uint8Array(paths.parent.length);
  for (let path = 1; path < isPath.length; path++) {
    isPath[path] = isPath[paths.parent[path]] | isFrame[paths.frame[path]];
  }
  return Uint8Array.from(side.sites.path, (path) => isPath[path]);
}

/* The sites that the reader's focus keeps, found once for each focus. */
export class Focus {
  constructor(side, state) {
    this.side = side;
    this.state = state;
  }

  mask() {
    const query = this.state.get("focus");
    if (query !== this.query) {
      this.query = query;
      this.found = maskOf(this.side, query);
    }
    return this.found;
  }
}

/* Sites of one function added up: [{name, line, sites, value}], largest first. */
export function functions(side, metric, mask) {
  const found = new Map();
  const values = side.sites[metric];
  for (let site = 0; site < side.count; site++) {
    if ((mask && !mask[site]) || values[site] === 0) {
      continue;
    }
    const line = side.shown(site);
    const key = line === undefined ? -1 : side.raw.lines.function[line];
    const entry = found.get(key);
    if (entry) {
      entry.sites += 1;
      entry.value += values[site];
    } else {
      found.set(key, { line, name: side.func(line), sites: 1, value: values[site] });
    }
  }
  return [...found.values()].sort((a, b) => b.value - a.value);
}

/* Numbers of a range of the timeline, bins from <= i < to. */
export function rangeOf(side, from, to) {
  const t = side.raw.timeline;
  const sum = (name) => t[name].slice(from, to).reduce((a, b) => a + b, 0);
  const most = (name) => t[name].slice(from, to).reduce((a, b) => Math.max(a, b), 0);
  return {
    from_ns: from * t.bin_ns,
    to_ns: Math.min(to * t.bin_ns, Math.max(side.raw.duration_ns, (to - 1) * t.bin_ns)),
    allocations: sum("allocations"),
    frees: sum("frees"),
    allocated_bytes: sum("allocated_bytes"),
    allocator_time_ns: sum("allocator_time_ns"),
    peak_bytes: most("live_bytes"),
    resident_bytes: most("resident_bytes"),
    page_faults: sum("page_faults"),
  };
}
