/*
 * beside - pages with something beside a recording: a second one, and the verdict on budgets.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { check, close, equal, flame, open, run, texts, tile } from "./browser.mjs";
import { alloctrap, at, picture, report, units } from "./recordings.mjs";

export async function comparison(browser) {
  const json = JSON.parse(
    run(alloctrap, "compare", at("before.atrap"), at("after.atrap"), "--json"),
  );
  const [b, a] = [json.before.totals, json.after.totals];
  const page = await open(browser, at("story.html"));
  const tileOf = (name) => texts(page, `.tile[data-name="${name}"]`).then(([text]) => text);
  equal(
    await tileOf("Allocations"),
    `Allocations ${units.ratio(b.allocations, a.allocations, "fewer", "more")} ${units.count(
      b.allocations,
    )} → ${units.count(a.allocations)}`,
    "allocations of both",
  );
  equal(
    await tileOf("Peak memory"),
    `Peak memory ${units.ratio(b.peak_bytes, a.peak_bytes, "less", "more")} ${units.bytes(
      b.peak_bytes,
    )} → ${units.bytes(a.peak_bytes)}`,
    "peak of both",
  );
  const counts = {};
  json.sites.forEach((site) => (counts[site.change] = (counts[site.change] ?? 0) + 1));
  const note = (await texts(page, "#sites .note"))[0];
  for (const [change, count] of Object.entries(counts)) {
    check(note.includes(`${count} ${change}`), `${count} ${change}: ${note}`);
  }
  await page.click("#sites .choice button[data-value=vanished]");
  equal(await page.locator("#sites tr.row").count(), counts.vanished, "what vanished");
  await page.click("#sites .choice button[data-value=all]");
  const changed = json.allocating_functions.filter(
    (f) => f.before.allocations !== f.after.allocations,
  );
  equal(await page.locator("#functions tr.row").count(), changed.length, "functions that changed");
  for (const f of changed) {
    const row = (await texts(page, "#functions tr.row")).find((text) =>
      text.startsWith(f.function.replace(/\s+/g, " ")),
    );
    check(
      row?.includes(` ${units.count(f.before.allocations)} ${units.count(f.after.allocations)} `),
      `${f.function}: ${row}`,
    );
  }
  const per = units.per(b.allocations, json.before.per_unit_of.count);
  check(
    (await texts(page, "#totals tr.row")).some((text) =>
      text.startsWith(`allocations per line ${per} `),
    ),
    "for each line",
  );
  await flame(page);
  const both = `all: ${units.count(b.allocations)} → ${units.count(a.allocations)}`;
  check(
    (await page.getAttribute("#frame-0", "aria-label")).startsWith(both),
    "the flame graph holds both sides",
  );
  await page.click("#flame .choice button[data-value=after]");
  await page.waitForFunction(() => document.querySelectorAll(".flame g.frame").length > 1);
  check(
    (await page.locator('.flame g.frame[aria-label^="concat_append: "]').count()) === 0,
    "what vanished has no width after",
  );
  await picture(page, "story", true);
  await close(page, "comparison");
}

export async function budgets(browser) {
  const check = {
    schema: "alloctrap.check/1",
    what: "before.atrap",
    budgets: [
      { name: "parser stays lean", verdict: "broken" },
      { name: "start", verdict: "ok" },
    ],
    results: [
      { budget: "start", metric: "bytes", verdict: "ok", text: "512 B, limit 1.00 KiB" },
      {
        budget: "parser stays lean",
        metric: "allocations",
        verdict: "broken",
        text: "84.3 allocations per line, limit 3 </script>",
        worst: { function: "concat_append", file: "concat.c", line: 31 },
      },
    ],
  };
  writeFileSync(at("check.json"), JSON.stringify(check));
  run(alloctrap, "html", at("before.atrap"), `--check=${at("check.json")}`, "-o", at("check.html"));
  const page = await open(browser, at("check.html"));
  equal(await tile(page, "Budgets"), "1 broken", "the verdict is on the first screen");
  const rows = await texts(page, "#budgets tbody tr");
  equal(rows.length, 2, "a row for each limit");
  equal(rows[0].startsWith("parser stays lean broken 84.3"), true, "what broke comes first");
  await page.click("#budgets button.link");
  equal(await page.inputValue("#focus"), "concat_append", "its worst call site is one click away");
  await close(page, "budgets");
}

/* The same with a verdict that `check` itself gave. */
export async function realVerdict(browser) {
  writeFileSync(
    at("policy.yaml"),
    "version: 1\nbudgets:\n  - name: few\n    limits: { allocs: 3 }\n",
  );
  const json = report("concat.atrap");
  const words = [`--budget=${at("policy.yaml")}`, `--report=json=${at("real.json")}`];
  spawnSync(alloctrap, ["check", at("concat.atrap"), ...words]);
  run(alloctrap, "html", at("concat.atrap"), `--check=${at("real.json")}`, "-o", at("real.html"));
  const page = await open(browser, at("real.html"));
  const [row] = await texts(page, "#budgets tbody tr");
  const wanted = `few broken ${units.count(json.totals.allocations)} allocations`;
  check(row.startsWith(wanted), `the verdict of check: ${row}`);
  await close(page, "real verdict");
}
