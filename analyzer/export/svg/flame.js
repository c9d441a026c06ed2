/*
 * The flame graph's script: lays the frames out to the window's width, zooms, searches, shows what
 * is under the pointer. Without it the picture stands as it was written. Names only ever become
 * text. No handlers in attributes, no code from text: a Content-Security-Policy may allow it by its
 * hash alone.
 */
(function () {
  'use strict';
  const NS = 'http://www.w3.org/2000/svg';
  const ROW = 18, EDGE = 12, TOP = 112, LEGEND = 40, CHAR = 6.65, SMALLEST = 0.4, SAME = 0.01;
  const svg = document.currentScript.ownerSVGElement;
  const data = JSON.parse(svg.querySelector('#data').textContent);
  const frames = svg.querySelector('#frames');
  const isDiff = data.compares;
  const count = data.frame.length;
  const widths = isDiff ? data.width : data.value;
  const begin = new Float64Array(count);   /* in the metric's unit */
  const end = new Uint32Array(count);      /* one past the node's last descendant */
  const parent = new Int32Array(count).fill(-1);
  let depthShown = 0;                      /* of the frames that can be seen */
  let zoomed = 0, chosen = 0, pattern = null, found = [], isIcicle = data.icicle;
  let shown = new Map();                   /* node -> its element */

  (function place() {
    const open = [];                       /* nodes around this one */
    const next = [];                       /* where the next child of each begins */
    for (let i = 0; i < count; i++) {
      while (open.length > data.depth[i]) {
        end[open.pop()] = i;
        next.pop();
      }
      if (open.length > 0) {
        parent[i] = open[open.length - 1];
        begin[i] = next[next.length - 1];
        next[next.length - 1] += widths[i];
      }
      open.push(i);
      next.push(begin[i]);
    }
    open.forEach(function (i) { end[i] = count; });
  })();

  function grouped(n) {
    return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
  }
  function digits(x) {
    return x >= 99.95 ? x.toFixed(0) : x >= 9.995 ? x.toFixed(1) : x.toFixed(2);
  }
  function scaled(n, step, names) {
    let i = 0;
    while (i + 1 < names.length && n >= step) { n /= step; i++; }
    return (i === 0 ? grouped(n) : digits(n)) + ' ' + names[i];
  }
  function amount(n) {
    if (data.unit === 'bytes') { return scaled(n, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']); }
    if (data.unit === 'ns') { return scaled(n, 1000, ['ns', 'us', 'ms', 's']); }
    return grouped(n);
  }
  function share(n) {
    const whole = widths[0];
    if (whole === 0) { return '-'; }
    const percent = 100 * n / whole;
    return (percent >= 0.01 || n === 0 ? percent.toFixed(percent < 10 ? 2 : 1) : '<0.01') + ' %';
  }
  function frameOf(i) {
    return data.frame[i] < 0 ? null : data.frames[data.frame[i]];
  }
  function nameOf(i) {
    const frame = frameOf(i);
    if (i === 0) { return 'all'; }
    return frame === null ? '(' + grouped(-data.frame[i]) + ' smaller)' : data.texts[frame[0]];
  }
  function labelOf(i) {
    const frame = frameOf(i);
    return frame !== null && data.labels[frame[0]] !== 0 ? data.labels[frame[0]] : nameOf(i);
  }
  function classOf(i) {
    if (isDiff) {
      const change = data.value[i] - data.before[i];
      if (i === 0 || Math.abs(change) < widths[i] * SAME || change === 0) { return 'n'; }
      const isWhole = data.value[i] === 0 || data.before[i] === 0;
      const level = isWhole ? 5 : Math.min(4, Math.floor(4 * Math.abs(change) / widths[i]) + 1);
      return (change > 0 ? 'r' : 'b') + level;
    }
    return i === 0 ? 'n' : data.frame[i] < 0 ? 'x' : frameOf(i)[4];
  }
  function selfOf(i) {
    let self = widths[i];
    for (let c = i + 1; c < end[i]; c = end[c]) { self -= widths[c]; }
    return self;
  }
  function isFound(i) {
    return pattern !== null && i > 0 && data.frame[i] >= 0 && pattern.test(nameOf(i));
  }

  function make(name, attributes, into) {
    const element = document.createElementNS(NS, name);
    for (const key in attributes) { element.setAttribute(key, attributes[key]); }
    if (into) { into.appendChild(element); }
    return element;
  }
  function width() {
    return Math.max(600, (window.innerWidth || 1200) - (document.documentElement === svg ? 0 : 16));
  }
  function rowOf(i) {
    return isIcicle ? data.depth[i] : depthShown - data.depth[i];
  }

  /* What is wide enough to be seen, root first. */
  function visible(scale) {
    const seen = [];
    for (let i = parent[zoomed]; i >= 0; i = parent[i]) { seen.push(i); }
    seen.reverse();
    for (let i = zoomed; i < end[zoomed];) {
      if (i !== zoomed && widths[i] * scale < SMALLEST) { i = end[i]; continue; }
      seen.push(i);
      i++;
    }
    return seen;
  }
  function draw() {
    const room = width() - 2 * EDGE;
    const scale = widths[zoomed] > 0 ? room / widths[zoomed] : 0;
    const seen = visible(scale);
    depthShown = seen.reduce(function (deepest, i) { return Math.max(deepest, data.depth[i]); }, 0);
    const height = TOP + (depthShown + 1) * ROW + LEGEND;
    svg.setAttribute('width', width());
    svg.setAttribute('height', height);
    svg.setAttribute('viewBox', '0 0 ' + width() + ' ' + height);
    svg.querySelector('.legend').setAttribute('transform', 'translate(' + EDGE + ',' + (height - 14) + ')');
    svg.querySelector('#tools').setAttribute('x', Math.max(0, width() - 640 - EDGE));
    frames.textContent = '';
    shown = new Map();
    seen.forEach(function (i) {
      if (data.depth[i] < data.depth[zoomed]) {
        put(i, EDGE, room, ' above');
      } else {
        put(i, EDGE + (begin[i] - begin[zoomed]) * scale, widths[i] * scale, '');
      }
    });
    svg.querySelector('#reset').disabled = zoomed === 0;
    choose(shown.has(chosen) ? chosen : zoomed, false);
  }
  function put(i, x, wide, more) {
    const isHit = isFound(i);
    const group = make('g', { class: 'frame ' + classOf(i) + more + (isHit ? ' found' : '') +
        (pattern !== null && !isHit && i > 0 ? ' dim' : '') }, frames);
    const y = TOP + rowOf(i) * ROW;
    make('rect', { x: x.toFixed(2), y: y, width: Math.max(wide, 0.3).toFixed(2), height: ROW - 1, rx: 1.5 }, group);
    const fits = Math.floor((wide - 6) / CHAR);
    if (fits >= 3) {
      const label = labelOf(i);
      const text = make('text', { x: (x + 3).toFixed(2), y: y + 12.5 }, group);
      text.textContent = cut(label, fits);
    }
    group.node = i;
    shown.set(i, group);
  }

  function cut(text, fits) {
    return text.length <= fits ? text : text.slice(0, fits - 1) + '\u2026';
  }
  function where(i) {
    const frame = frameOf(i);
    if (frame === null) { return ''; }
    const file = data.texts[frame[1]], module = data.texts[frame[3]];
    const line = file !== '' ? file + (frame[2] > 0 ? ':' + frame[2] : '') : '';
    return line !== '' && module !== '' ? line + '  in ' + module : line + module;
  }
  function figures(i) {
    if (!isDiff) {
      const self = selfOf(i);
      return amount(data.value[i]) + ', ' + share(data.value[i]) + ' of all' +
          (self !== data.value[i] ? '; itself ' + amount(self) : '');
    }
    const change = data.value[i] - data.before[i];
    return amount(data.before[i]) + ' \u2192 ' + amount(data.value[i]) + ' (' + (change > 0 ? '+' : change < 0 ? '\u2212' : '') +
        amount(Math.abs(change)) + ')' + (data.unit_name ? ' per ' + grouped(data.units) + ' ' + data.unit_name : '');
  }
  function choose(i, isMoving) {
    const before = shown.get(chosen);
    if (before) { before.classList.remove('chosen'); }
    chosen = i;
    const now = shown.get(i);
    if (now && isMoving) {
      now.classList.add('chosen');
      const box = now.getBoundingClientRect();
      if (box.top < 0 || box.bottom > window.innerHeight) { window.scrollBy(0, box.top - window.innerHeight / 2); }
    }
    svg.querySelector('#details').textContent = i === 0
        ? 'Click or Enter: zoom. Arrows: from frame to frame. Backspace: one out. Esc: all. /: search. i: flip.'
        : cut(figures(i) + '   ' + nameOf(i), Math.floor(width() / CHAR) - 6);
  }
  function zoom(i) {
    zoomed = data.frame[i] < 0 && i > 0 ? parent[i] : i;
    chosen = zoomed;
    hideTip();
    draw();
  }

  /* What is under the pointer. */
  const tip = svg.querySelector('#tip');
  function wrapped(text, into) {
    for (let at = 0; at < text.length && into.length < 8; at += 92) { into.push(text.slice(at, at + 92)); }
    if (text.length > 92 * 8) { into[into.length - 1] = into[into.length - 1].slice(0, 90) + '\u2026'; }
  }
  function showTip(event, i) {
    const lines = [];
    wrapped(nameOf(i), lines);
    const names = lines.length;
    lines.push(figures(i));
    if (where(i) !== '') { lines.push(where(i).length > 100 ? '\u2026' + where(i).slice(-99) : where(i)); }
    tip.textContent = '';
    const box = make('rect', { rx: 4 }, tip);
    let widest = 0;
    lines.forEach(function (line, at) {
      const text = make('text', { x: 8, y: 17 + at * 16, class: at < names ? 'strong' : '' }, tip);
      text.textContent = line;
      widest = Math.max(widest, text.getComputedTextLength());
    });
    const tall = lines.length * 16 + 10;
    box.setAttribute('width', widest + 16);
    box.setAttribute('height', tall);
    const at = svg.getBoundingClientRect();
    let x = event.clientX - at.left + 14, y = event.clientY - at.top + 16;
    if (x + widest + 20 > width()) { x = Math.max(2, width() - widest - 20); }
    if (event.clientY + tall + 24 > window.innerHeight) { y -= tall + 30; }
    tip.setAttribute('transform', 'translate(' + x + ',' + Math.max(2, y) + ')');
    tip.setAttribute('visibility', 'visible');
  }
  function hideTip() {
    tip.setAttribute('visibility', 'hidden');
  }
  function nodeAt(event) {
    const group = event.target.closest ? event.target.closest('.frame') : null;
    return group && group.node !== undefined ? group.node : -1;
  }

  function search(text) {
    pattern = null;
    found = [];
    const said = svg.querySelector('#matched');
    said.textContent = '';
    if (text !== '') {
      try {
        pattern = new RegExp(text, 'i');
      } catch (unused) {
        pattern = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i');
      }
      let sum = 0, covered = 0;
      for (let i = 1; i < count; i++) {
        if (isFound(i)) {
          found.push(i);
          if (i >= covered) { sum += widths[i]; covered = end[i]; }
        }
      }
      said.textContent = grouped(found.length) + ' frames, ' + share(sum);
    }
    draw();
  }
  function nextFound(step) {
    if (found.length === 0) { return; }
    let at = found.indexOf(chosen);
    at = at < 0 ? (step > 0 ? 0 : found.length - 1) : (at + step + found.length) % found.length;
    const i = found[at];
    if (!shown.has(i)) { zoom(Math.max(0, parent[i])); }
    choose(i, true);
  }

  /* Where the arrows lead: towards the root, away from it, to the neighbours. */
  function step(key) {
    const away = isIcicle ? 'ArrowDown' : 'ArrowUp';
    const back = isIcicle ? 'ArrowUp' : 'ArrowDown';
    let to = -1;
    if (key === away && chosen + 1 < end[chosen]) { to = chosen + 1; }
    if (key === back) { to = parent[chosen]; }
    if (key === 'ArrowRight' && parent[chosen] >= 0 && end[chosen] < end[parent[chosen]]) { to = end[chosen]; }
    if (key === 'ArrowLeft' && parent[chosen] >= 0) {
      for (let c = parent[chosen] + 1; c < chosen; c = end[c]) { to = c; }
    }
    if (to >= 0 && shown.has(to)) { choose(to, true); }
  }
  function flip() {
    isIcicle = !isIcicle;
    hideTip();
    draw();
  }
  function onKey(event) {
    const input = svg.querySelector('#search');
    const isTyping = event.target === input;
    if (event.key === 'Escape') {
      if (pattern !== null) { input.value = ''; search(''); } else if (zoomed !== 0) { zoom(0); }
      input.blur();
    } else if ((event.key === '/' && !isTyping) || (event.key === 'f' && (event.ctrlKey || event.metaKey))) {
      input.focus();
    } else if (isTyping && event.key === 'Enter') {
      nextFound(event.shiftKey ? -1 : 1);
    } else if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === 'button') {
      return;
    } else if (event.key.startsWith('Arrow')) {
      step(event.key);
    } else if (event.key === 'Enter' || event.key === ' ') {
      zoom(chosen);
    } else if (event.key === 'Backspace') {
      zoom(Math.max(0, parent[zoomed]));
    } else if (event.key === 'Home') {
      zoom(0);
    } else if (event.key === 'i') {
      flip();
    } else if (event.key === 'n' || event.key === 'N') {
      nextFound(event.key === 'n' ? 1 : -1);
    } else {
      return;
    }
    event.preventDefault();
  }

  function addTools() {
    const holder = make('foreignObject', { id: 'tools', x: 0, y: 8, width: 640, height: 34 });
    svg.insertBefore(holder, tip);
    const bar = document.createElementNS('http://www.w3.org/1999/xhtml', 'div');
    bar.className = 'tools';
    holder.appendChild(bar);
    function add(name, id, text, title) {
      const element = document.createElementNS('http://www.w3.org/1999/xhtml', name);
      element.id = id;
      element.textContent = text;
      element.title = title;
      bar.appendChild(element);
      return element;
    }
    add('output', 'matched', '', 'share of what matches').setAttribute('aria-live', 'polite');
    const input = add('input', 'search', '', 'function names, a regular expression: / ; Enter, n, N: from match to match; Esc: no more');
    input.type = 'search';
    input.placeholder = 'Search ( / )';
    input.setAttribute('aria-label', 'Search functions');
    input.addEventListener('input', function () { search(input.value); });
    add('button', 'reset', 'Zoom out', 'all frames: Esc or Home').addEventListener('click', function () { zoom(0); });
    add('button', 'flip', 'Flip', 'the root above or below: i').addEventListener('click', flip);
  }

  addTools();
  frames.addEventListener('click', function (event) {
    const i = nodeAt(event);
    if (i >= 0) { chosen = i; zoom(i); }
  });
  frames.addEventListener('mousemove', function (event) {
    const i = nodeAt(event);
    if (i >= 0) { showTip(event, i); choose(i, false); } else { hideTip(); }
  });
  frames.addEventListener('mouseleave', hideTip);
  document.addEventListener('keydown', onKey);
  let pending = 0;
  window.addEventListener('resize', function () {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(draw);
  });
  draw();
  if (location.hash.startsWith('#search=')) {
    svg.querySelector('#search').value = decodeURIComponent(location.hash.slice(8));
    search(svg.querySelector('#search').value);
  }
})();
