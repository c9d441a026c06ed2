/*
 * table - rows that sort by any column and open to tell more; only as many are in the document as
 * were asked for, so that a hundred thousand are no burden.
 *
 * columns: [{name, title, hint, value(row) -> what it sorts by, cell(row) -> text or element}].
 * isText: the row's name, which sorts by text(row). isWord: stands to the left like text.
 */
import * as units from "./units.js";
import { el } from "./dom.js";

const FIRST_ROWS = 10;
const MORE_ROWS = 100;

export class Table {
  /* options: {label, columns, sort, isUp, first: rows at first, open(row) -> element,
   * sorted(name, isUp), key(row)} */
  constructor(options) {
    Object.assign(this, options);
    this.rows = [];
    this.first ??= FIRST_ROWS;
    this.limit = this.first;
    this.opened = new Set();
    this.body = el("tbody");
    this.heads = this.columns.map((column) => this.head(column));
    this.more = el("button", { type: "button", onclick: () => this.showMore() });
    this.note = el("p", { class: "note", role: "status" });
    this.empty = el("p", { class: "note" }, "None.");
    this.table = el(
      "table",
      { "aria-label": this.label },
      el("thead", {}, el("tr", {}, ...this.heads)),
      this.body,
    );
    this.root = el(
      "div",
      { class: "rows" },
      el("div", { class: "scroll" }, this.table),
      this.empty,
      el("div", { class: "controls" }, this.more, this.note),
    );
    this.body.addEventListener("keydown", (event) => this.pressed(event));
  }

  head(column) {
    const button = el(
      "button",
      { type: "button", title: column.hint, onclick: () => this.sortBy(column.name) },
      column.title,
    );
    return el(
      "th",
      {
        scope: "col",
        class: column.isText || column.isWord ? undefined : "n",
        "data-name": column.name,
      },
      button,
    );
  }

  sortBy(name) {
    const column = this.columns.find((c) => c.name === name);
    this.isUp = name === this.sort ? !this.isUp : column.isText === true;
    this.sort = name;
    this.order();
    this.fill();
    this.sorted?.(name, this.isUp);
  }

  setSort(name, isUp) {
    if (this.columns.some((c) => c.name === name) && (name !== this.sort || isUp !== this.isUp)) {
      this.sort = name;
      this.isUp = isUp;
      this.order();
      this.fill();
    }
  }

  setRows(rows) {
    this.rows = rows;
    this.limit = this.first;
    this.order();
    this.fill();
  }

  order() {
    const column = this.columns.find((c) => c.name === this.sort);
    const sign = this.isUp ? 1 : -1;
    const keys = this.rows.map((row, i) => ({
      row,
      i,
      key: column.isText ? column.text(row) : column.value(row),
    }));
    keys.sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : a.i - b.i));
    this.rows = keys.map(({ row }) => row);
  }

  showMore() {
    const before = this.limit;
    this.limit += MORE_ROWS;
    this.fill();
    this.body.querySelectorAll("tr.row")[before]?.querySelector("button")?.focus();
  }

  fill() {
    this.heads.forEach((head) => {
      const isSorted = head.dataset.name === this.sort;
      head.setAttribute("aria-sort", isSorted ? (this.isUp ? "ascending" : "descending") : "none");
    });
    this.body.replaceChildren(...this.rows.slice(0, this.limit).flatMap((row) => this.row(row)));
    const left = this.rows.length - this.limit;
    this.empty.hidden = this.rows.length > 0;
    this.table.hidden = this.rows.length === 0;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show ${units.count(Math.min(left, MORE_ROWS))} more`;
    this.note.textContent =
      left > 0 ? `${units.count(this.limit)} of ${units.count(this.rows.length)} rows` : "";
  }

  row(row) {
    const key = this.key?.(row);
    const cells = this.columns.map((column) =>
      el(
        column.isText ? "th" : "td",
        {
          class: column.isText ? "name" : column.isWord ? "word" : "n",
          scope: column.isText ? "row" : undefined,
          "data-title": column.title,
          "data-name": column.name,
        },
        column.isText && this.open ? this.opener(row, key, column) : column.cell(row),
      ),
    );
    const element = el("tr", { class: "row" }, ...cells);
    if (this.open && this.opened.has(key)) {
      return [element, this.detail(row)];
    }
    return [element];
  }

  opener(row, key, column) {
    const button = el(
      "button",
      { type: "button", class: "open", "aria-expanded": String(this.opened.has(key)) },
      column.cell(row),
    );
    button.addEventListener("click", () => this.toggle(row, key, button));
    return button;
  }

  toggle(row, key, button) {
    const element = button.closest("tr");
    const isOpen = this.opened.has(key);
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      this.opened.delete(key);
      element.nextElementSibling.remove();
    } else {
      this.opened.add(key);
      element.after(this.detail(row));
    }
    this.toggled?.(isOpen ? null : key);
  }

  detail(row) {
    return el(
      "tr",
      { class: "detail" },
      el("td", { colspan: String(this.columns.length) }, this.open(row)),
    );
  }

  /* Up and down go from name to name. */
  pressed(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") {
      return;
    }
    const buttons = [...this.body.querySelectorAll("button.open")];
    const at = buttons.indexOf(document.activeElement);
    if (at >= 0) {
      buttons[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
      event.preventDefault();
    }
  }
}
