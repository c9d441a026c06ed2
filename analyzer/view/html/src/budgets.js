/*
 * budgets - the verdict of `alloctrap check --report=json`, where the page was given one: which
 * limits hold, which are broken, and by which call site.
 */
import { el } from "./dom.js";
import * as units from "./units.js";
import { Table } from "./table.js";

/* In the order of how much they matter; what is not here matters least. */
const ORDER = [
  "broken",
  "inconclusive",
  "no-baseline",
  "ratchet",
  "warned",
  "unmatched",
  "skipped",
];

function weight(verdict) {
  const place = ORDER.indexOf(verdict);
  return place < 0 ? 0 : ORDER.length - place;
}

/* The parsed verdict, or null: none was given, or it is of another schema. */
export function verdictOf(text) {
  if (!text) {
    return null;
  }
  try {
    const check = JSON.parse(text);
    return check.schema === "alloctrap.check/1" ? check : null;
  } catch {
    return null;
  }
}

function kindOf(verdict) {
  return verdict === "broken" ? "more" : weight(verdict) > 0 ? "same" : "less";
}

export function headline(check) {
  const broken = check.budgets.filter((budget) => budget.verdict === "broken").length;
  const unsure = check.budgets.filter((budget) => budget.verdict === "inconclusive").length;
  const all = units.count(check.budgets.length);
  const words = broken > 0 ? `${broken} of ${all} budgets broken` : `${all} budgets, none broken`;
  return unsure > 0 ? `${words}, ${unsure} cannot be told` : words;
}

/* The call site to look at: the one over a limit, or what moved the budget most. */
function siteOf(check, result) {
  const budget = check.budgets.find(({ name }) => name === result.budget);
  return result.worst ?? (weight(result.verdict) > 0 ? budget?.moved?.[0] : undefined);
}

function label(site) {
  return site ? `${site.function}${site.file ? ` ${site.file}:${site.line}` : ""}` : "";
}

function focusOn(site, state) {
  return el(
    "button",
    { type: "button", class: "link", onclick: () => state.set({ focus: site.function }) },
    el("span", { class: "function" }, label(site)),
  );
}

export function budgetTable(check, state) {
  const table = new Table({
    label: "Limits of budgets",
    sort: "verdict",
    isUp: false,
    columns: [
      {
        name: "budget",
        title: "Budget",
        isText: true,
        text: (r) => r.budget,
        cell: (r) => r.budget,
      },
      {
        name: "verdict",
        title: "Verdict",
        isWord: true,
        value: (r) => weight(r.verdict),
        cell: (r) => el("strong", { class: kindOf(r.verdict) }, r.verdict),
      },
      { name: "text", title: "What", isWord: true, value: (r) => r.text, cell: (r) => r.text },
      {
        name: "where",
        title: "Look at",
        isWord: true,
        value: (r) => label(siteOf(check, r)),
        cell: (r) => {
          const site = siteOf(check, r);
          return site ? focusOn(site, state) : "";
        },
      },
    ],
  });
  table.setRows(check.results);
  return table.root;
}
