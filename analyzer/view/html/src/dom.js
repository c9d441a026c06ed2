/*
 * dom - elements made of text, never of markup: names in a recording may be hostile.
 */

/* el("button", {class: "x", onclick: f, "aria-label": "y"}, "text", child, ...) */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) {
      continue;
    }
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/* Long names break where a reader would: behind "::", ",", "/" and "_". */
export function breakable(text) {
  const parts = text.split(/(?<=::|[,/_<(])/);
  const holder = document.createDocumentFragment();
  parts.forEach((part, i) =>
    holder.append(...(i === 0 ? [part] : [document.createElement("wbr"), part])),
  );
  return holder;
}

/* A share of the whole as a bar; decoration, the number stands beside it. */
export function bar(part, whole) {
  const inner = el("i");
  inner.style.width = `${whole > 0 ? Math.min(100, (100 * part) / whole) : 0}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, inner);
}

export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const was = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = was;
  }, 1200);
}

/* One of several: buttons of which one is pressed. choices: [[value, title], ...]. */
export function choice(label, choices, value, pick) {
  const group = el("div", { class: "choice", role: "group", "aria-label": label });
  const show = (now) => {
    for (const button of group.children) {
      button.setAttribute("aria-pressed", String(button.dataset.value === now));
    }
  };
  for (const [name, title] of choices) {
    group.append(
      el(
        "button",
        {
          type: "button",
          "data-value": name,
          onclick: () => pick(name),
        },
        title,
      ),
    );
  }
  show(value);
  group.show = show;
  return group;
}

/* A heading with a section below it; id is what a link names. */
export function section(id, title, note, ...children) {
  return el(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title),
    note ? el("p", { class: "note" }, note) : null,
    ...children,
  );
}
