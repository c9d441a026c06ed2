/*
 * many - a page of very many call sites: how soon it is there, and that it stays awake.
 *
 *   node many.mjs ALLOCTRAP MAKE_MANY WEB_DIR COUNT
 *
 * Prints what it measured. What fails is far above it, for busy machines: the page is to be there
 * in two seconds on a quiet one.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  WAIT_MS,
  check,
  close,
  flame,
  launch,
  open,
  run,
  skipUnlessBuilt,
  summary,
  texts,
} from "./browser.mjs";

const [alloctrap, makeMany, webDir, count] = process.argv.slice(2);
const LIMIT_MS = 20000;
const folder = mkdtempSync(join(tmpdir(), "alloctrap-many-"));
const at = (name) => join(folder, name);

function megabytes(name) {
  return (statSync(at(name)).size / 1e6).toFixed(1);
}

async function timed(what, act, limitMs = LIMIT_MS) {
  const start = performance.now();
  await act();
  const ms = performance.now() - start;
  console.log(`${what}: ${ms.toFixed(0)} ms`);
  check(ms < limitMs, `${what} takes ${ms.toFixed(0)} ms`);
}

async function whole(browser) {
  const page = await open(browser, at("full.html"));
  const ready = Number(await page.getAttribute("html", "data-ready"));
  console.log(`${count} call sites, ${megabytes("full.html")} MB: there after ${ready} ms`);
  check(ready < LIMIT_MS, `it is there after ${ready} ms`);
  await timed("flame graph", () => flame(page));
  check(
    (await texts(page, "#sites .note"))[0].startsWith(
      `${Number(count).toLocaleString("en-US")} call sites`,
    ),
    "all are there",
  );
  await timed("sort", () => page.click("#sites th[data-name=allocated_bytes] button"));
  await timed("focus", async () => {
    await page.fill("#focus", "step_277");
    await page.waitForFunction(
      () => document.querySelector("#sites .note").textContent.includes(" match."),
      null,
      { timeout: WAIT_MS },
    );
  });
  await timed("invert", async () => {
    await page.fill("#focus", "");
    await page.click("label:has-text('Inverted')");
    await page.waitForFunction(
      () => document.querySelector("#flame p[role=status]").textContent.startsWith("Width"),
      null,
      { timeout: WAIT_MS },
    );
  });
  const awake = await page.evaluate(async () => {
    /* The longest the page was away while another tree was added up. */
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 4);
    document.querySelectorAll("#flame input[type=checkbox]")[1].click();
    await new Promise((done) => setTimeout(done, 1500));
    clearInterval(timer);
    return longest;
  });
  console.log(`longest pause while the flame graph is built: ${awake.toFixed(0)} ms`);
  check(awake < LIMIT_MS / 4, `it stays awake: ${awake.toFixed(0)} ms`);
  await close(page, "all call sites");
}

async function pruned(browser) {
  const page = await open(browser, at("pruned.html"));
  const note = (await texts(page, "#sites .note"))[0];
  check(
    / sites under 0\.01 % of everything are left out/.test(note),
    `what was left out is told: ${note}`,
  );
  check(statSync(at("pruned.html")).size < 2e6, "and the page is small");
  const [shown, out] = [/^([\d,]+) call/.exec(note), /([\d,]+) sites under/.exec(note)].map((m) =>
    Number(m[1].replaceAll(",", "")),
  );
  check(shown + out === Number(count), `${shown} and ${out} are all`);
  await close(page, "pruned");
}

skipUnlessBuilt(webDir);
run(makeMany, count, at("many.atrap"));
run(alloctrap, "html", "--full", at("many.atrap"), "-o", at("full.html"));
run(alloctrap, "html", at("many.atrap"), "-o", at("pruned.html"));
const browser = await launch(webDir);
try {
  await whole(browser);
  await pruned(browser);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
process.exit(summary());
