/*
 * many - a page of very many call sites: how soon it is there, and that it stays awake.
 *
 *   node many.mjs ALLOCTRAP MAKE_MANY WEB_DIR COUNT
 *
 * Prints what it measured: the page is to be there in two seconds on a quiet machine. No time fails
 * by itself, since machines are busy; the longest pause is held against the whole of the work.
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
const folder = mkdtempSync(join(tmpdir(), "alloctrap-many-"));
const at = (name) => join(folder, name);

function megabytes(name) {
  return (statSync(at(name)).size / 1e6).toFixed(1);
}

async function timed(what, act) {
  const start = performance.now();
  await act();
  console.log(`${what}: ${(performance.now() - start).toFixed(0)} ms`);
}

/* In the page: adds up the inverted tree; how long that takes, and the longest the page is away. */
async function inverting() {
  const status = document.querySelector("#flame p[role=status]");
  const start = performance.now();
  let last = start;
  let longest = 0;
  status.textContent = ""; /* what is there is of the graph before */
  await new Promise((done) => {
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (status.textContent.startsWith("Width")) {
        clearInterval(timer);
        done();
      }
    }, 4);
    document.querySelector("#flame input[type=checkbox]").click();
  });
  return { longest, whole: performance.now() - start };
}

async function whole(browser) {
  const page = await open(browser, at("full.html"));
  const ready = Number(await page.getAttribute("html", "data-ready"));
  console.log(`${count} call sites, ${megabytes("full.html")} MB: there after ${ready} ms`);
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
  await page.fill("#focus", "");
  const { longest, whole } = await page.evaluate(inverting);
  console.log(`invert: ${whole.toFixed(0)} ms, longest pause ${longest.toFixed(0)} ms`);
  check(longest < whole / 2, `it stays awake: away for ${longest} of ${whole} ms`);
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
