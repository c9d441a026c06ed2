/*
 * page - the page of one recording and of two, in a real browser.
 *
 *   node page.mjs ALLOCTRAP MAKE_STORY LOGGEN LOGPARSE WEB_DIR PAGE_SOURCES PICTURES [PART...]
 *
 * Numbers are held to `report --json`, `compare --json` and the recording's own tables.
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { budgets, comparison, realVerdict } from "./beside.mjs";
import {
  check,
  close,
  equal,
  faint,
  flame,
  launch,
  open,
  settled,
  skipUnlessBuilt,
  summary,
  texts,
  tile,
} from "./browser.mjs";
import {
  at,
  folder,
  make,
  picture,
  pictureDir,
  query,
  report,
  units,
  wanted,
  webDir,
} from "./recordings.mjs";

/* The call sites that allocate, as a page lists them. */
function sitesBy(json, member) {
  return json.sites
    .filter((site) => site.allocations > 0)
    .sort((a, b) => b[member] - a[member])
    .map((site) => site[member]);
}

async function totals(browser) {
  for (const name of ["concat", "before"]) {
    const json = report(`${name}.atrap`);
    const page = await open(browser, at(`${name}.html`));
    const t = json.totals;
    equal(await tile(page, "Allocations"), units.count(t.allocations), `${name}: allocations`);
    equal(await tile(page, "Allocated"), units.bytes(t.allocated_bytes), `${name}: bytes`);
    equal(await tile(page, "Peak memory"), units.bytes(t.peak_bytes), `${name}: peak`);
    equal(await tile(page, "In the allocator"), units.ns(t.allocator_time_ns), `${name}: time`);
    equal(
      await tile(page, "Temporary"),
      units.share(t.temporary_allocations, t.allocations),
      `${name}: temporary`,
    );
    equal(await tile(page, "Slowest call"), units.ns(json.slow_calls[0].ns), `${name}: slowest`);
    const share = units.share(t.allocator_time_ns, json.duration_ns);
    check(
      (await texts(page, '.tile[data-name="In the allocator"]'))[0].includes(share),
      `${name}: share of the run`,
    );
    const rows = await texts(page, "#latency table[aria-label='How long calls took'] tbody tr");
    equal(rows.length, Object.keys(json.calls).length, `${name}: functions`);
    for (const [call, l] of Object.entries(json.calls)) {
      const row = rows.find((text) => text.startsWith(`${call} ${units.count(l.count)} `));
      const p99 = l.count >= 100 ? units.ns(l.p99_ns) : units.NONE;
      check(
        row?.includes(` ${p99} `) && row.endsWith(units.ns(l.max_ns)),
        `${name}: ${call} is in ${row}`,
      );
    }
    const note = (await texts(page, "#latency .note")).find((text) => text.includes("free(NULL)"));
    check(
      json.null_frees > 0
        ? note?.startsWith(`${units.count(json.null_frees)} of these calls`)
        : note === undefined,
      `${name}: ${json.null_frees} frees of nothing: ${note}`,
    );
    equal(
      await page.locator("#processes tbody tr").count(),
      json.processes.length,
      `${name}: processes`,
    );
    const more = page.locator("#sites .rows > .controls button");
    if (await more.isVisible()) {
      await more.click();
    }
    equal(
      await texts(page, "#sites td[data-name=allocations]"),
      sitesBy(json, "allocations").slice(0, 120).map(units.count),
      `${name}: allocations of call sites`,
    );
    await close(page, name);
  }
}

async function firstScreen(browser) {
  const page = await open(browser, at("concat.html"));
  for (const selector of [
    ".tiles",
    ".findings li >> nth=0",
    "#where .ranking >> nth=0",
    "#where .ranking >> nth=1",
  ]) {
    const box = await page.locator(selector).boundingBox();
    check(box && box.y < 800, `${selector} is on the first screen`);
  }
  await flame(page);
  await picture(page, "first-screen");
  await close(page, "first screen");
}

async function findings(browser) {
  const json = report("concat.atrap");
  const page = await open(browser, at("concat.html"));
  check(json.findings.length > 0, "the naive parser has findings");
  equal(await page.locator(".findings summary").count(), json.findings.length, "all are there");
  const [first] = json.findings;
  const [text] = await texts(page, ".findings summary");
  check(
    text.startsWith(first.kind) && text.includes(first.function) && text.includes(first.confidence),
    `the first is first: ${text}`,
  );
  const details = page.locator(".findings details").first();
  if ((await details.getAttribute("open")) === null) {
    await page.locator(".findings summary").first().click();
  }
  const opened = await details.innerText();
  check(
    opened.replace(/\s+/g, " ").includes(first.advice.replace(/\s+/g, " ")),
    "its advice opens",
  );
  await picture(page, "finding");
  await details.locator("button").click();
  equal(await page.inputValue("#focus"), first.function, "its function can be focused on");
  await close(page, "findings");
}

async function sorting(browser) {
  const json = report("concat.atrap");
  const page = await open(browser, at("concat.html"));
  for (const member of ["allocated_bytes", "peak_bytes"]) {
    await page.click(`#sites th[data-name=${member}] button`);
    const wanted = sitesBy(json, member)
      .slice(0, 20)
      .map((v) => (v === 0 ? units.NONE : units.bytes(v)));
    equal(await texts(page, `#sites td[data-name=${member}]`), wanted, `sorted by ${member}`);
    equal(
      await page.getAttribute(`#sites th[data-name=${member}]`, "aria-sort"),
      "descending",
      "sort is told",
    );
  }
  await page.click("#sites th[data-name=peak_bytes] button");
  equal(
    await page.getAttribute("#sites th[data-name=peak_bytes]", "aria-sort"),
    "ascending",
    "a second click turns it",
  );
  check(
    page.url().includes("sort=peak_bytes") && page.url().includes("up=1"),
    "the order is in the link",
  );
  await close(page, "sorting");
}

async function filtering(browser) {
  const json = report("concat.atrap", "--focus=append_request");
  const page = await open(browser, at("concat.html"), {
    hash: "#focus=append_request&metric=allocated_bytes",
  });
  equal(await page.inputValue("#focus"), "append_request", "the link's focus is shown");
  const allocating = json.sites.filter((site) => site.allocations > 0);
  check(allocating.length > 0, "some call sites match");
  check(
    (await texts(page, "#sites .note"))[0].startsWith(
      `${allocating.length} call sites that allocate match.`,
    ),
    "as many match as --focus finds",
  );
  await flame(page);
  const wanted = units.bytes(json.totals.allocated_bytes);
  const root = await page.locator("#frame-0").getAttribute("aria-label");
  check(
    root.startsWith(`all: ${wanted},`),
    `the flame graph holds what --focus holds: ${root}, ${wanted}`,
  );
  await page.fill("#focus", "no such function anywhere");
  await page.waitForFunction(() =>
    document.querySelector("#sites .note").textContent.startsWith("0 call sites"),
  );
  await page.waitForFunction(() =>
    document.querySelector("#flame p[role=status]").textContent.startsWith("Nothing to show"),
  );
  await page.fill("#focus", "");
  await page.waitForFunction(() => document.querySelectorAll("#sites tr.row").length > 0);
  await close(page, "filtering");
}

async function flameGraph(browser) {
  const json = report("concat.atrap");
  const page = await open(browser, at("concat.html"));
  await flame(page);
  await page.fill("#find", "append_key");
  const holding = json.sites
    .filter((site) => site.stack.some((frame) => frame.function.includes("append_key")))
    .reduce((sum, site) => sum + site.allocations, 0);
  check(holding > 0, "some call site is below append_key");
  const share = units.share(holding, json.totals.allocations);
  await page.waitForFunction(
    (text) => document.querySelector("#flame .controls .note").textContent.endsWith(text),
    share,
  );
  check((await page.locator(".flame g.found").count()) > 0, "found frames are marked");
  await picture(page, "flame-found");
  await page.fill("#find", "");
  const wide = await page.locator('.flame g.frame[aria-label^="append_request: "]').first();
  await wide.click();
  await page.waitForFunction(() => location.hash.includes("zoom="));
  await page.waitForFunction(() => {
    const frame = document.querySelector('.flame g.frame[aria-label^="append_request: "] rect');
    const whole = document.querySelector(".flame").clientWidth;
    return frame && Math.abs(frame.getBoundingClientRect().width - whole) < 2;
  });
  const link = page.url();
  await page.click("text=Zoom out");
  await page.waitForFunction(() => !location.hash.includes("zoom="));
  await page.click("label:has-text('Inverted')");
  await page.waitForFunction(() =>
    document.querySelector("#frame-1")?.getAttribute("aria-label").startsWith("concat_append: "),
  );
  await page.click('.choice button[data-value="allocated_bytes"]');
  const bytes = units.bytes(json.totals.allocated_bytes);
  await page.waitForFunction(
    (text) => document.querySelector("#frame-0")?.getAttribute("aria-label").includes(text),
    bytes,
  );
  await close(page, "flame graph");
  const again = await open(browser, at("concat.html"), { hash: link.slice(link.indexOf("#")) });
  await flame(again);
  check(await again.locator("text=Zoom out").isEnabled(), "a link keeps the zoom");
  await close(again, "zoomed link");
}

async function brushing(browser) {
  const page = await open(browser, at("concat.html"));
  const over = page.locator(".charts .u-over").first();
  await over.scrollIntoViewIfNeeded();
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 30, { steps: 4 });
  await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction(() => location.hash.includes("from="));
  const range = new URLSearchParams(new URL(page.url()).hash.slice(1));
  const [from, to] = [Number(range.get("from")), Number(range.get("to"))];
  check(from > 0 && to > from, `a range of bins: ${from} to ${to}`);
  const within = `FROM timeline_bin WHERE id >= ${from} AND id < ${to}`;
  equal(
    await tile(page, "Allocations"),
    units.count(query("concat.atrap", `SELECT sum(allocs) ${within}`)),
    "allocations of the range",
  );
  equal(
    await tile(page, "Allocated"),
    units.bytes(query("concat.atrap", `SELECT sum(bytes) ${within}`)),
    "bytes of the range",
  );
  equal(
    await tile(page, "Highest live"),
    units.bytes(query("concat.atrap", `SELECT max(live_bytes) ${within}`)),
    "live bytes of the range",
  );
  const binNs = query("concat.atrap", "SELECT bin_ns FROM run");
  const slow = report("concat.atrap").slow_calls.filter(
    (c) => c.at_ns >= from * binNs && c.at_ns < to * binNs,
  );
  const shown = await page.locator("#latency table[aria-label='Slowest calls'] tbody tr").count();
  equal(shown, Math.min(10, slow.length), "slowest calls of the range");
  await picture(page, "brushed");
  await page.locator("input[type=range]").first().focus();
  await page.keyboard.press("ArrowRight");
  check(page.url().includes(`from=${from + 1}&`), "the slider moves the range");
  await page.click(".toolbar .chip");
  equal(
    await tile(page, "Allocations"),
    units.count(report("concat.atrap").totals.allocations),
    "back to the whole run",
  );
  await close(page, "brushing");
}

async function keyboard(browser) {
  const page = await open(browser, at("concat.html"));
  await flame(page);
  const focused = () =>
    page.evaluate(() => document.activeElement.id || document.activeElement.className);
  await page.keyboard.press("/");
  equal(await focused(), "find", "/ finds");
  await page.keyboard.press("Tab");
  await page.locator("body").click({ position: { x: 3, y: 3 } });
  await page.keyboard.press("s");
  equal(await focused(), "focus", "s focuses");
  await page.locator("body").click({ position: { x: 3, y: 3 } });
  await page.keyboard.press("g");
  equal(await focused(), "flame", "g goes to the flame graph");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) {
    await page.keyboard.press(key);
  }
  const active = await page.getAttribute(".flame", "aria-activedescendant");
  check(/^frame-\d+$/.test(active), "a frame is current");
  equal(await page.getAttribute(`#${active}`, "aria-level"), "3", "two levels below the root");
  await page.keyboard.press("Enter");
  check(page.url().includes("zoom="), "Enter zooms in");
  await page.waitForFunction(() => document.querySelectorAll(".flame g.outer").length === 2);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  check(!page.url().includes("zoom="), "Escape zooms out");
  await page.locator("#sites button.open").first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  equal(await page.locator("#sites tr.detail").count(), 1, "Enter opens a call site");
  check(
    (await texts(page, "#sites tr.detail ol.stack li")).some((text) => text.startsWith("main")),
    "its stack reaches main",
  );
  equal(
    await page.locator("#sites tr.row").nth(1).locator("button.open").getAttribute("aria-expanded"),
    "true",
    "that is told",
  );
  const site = new URLSearchParams(new URL(page.url()).hash.slice(1)).get("site");
  await close(page, "keyboard");
  const again = await open(browser, at("concat.html"), { hash: `#site=${site}` });
  equal(await again.locator("#sites tr.detail").count(), 1, "a link opens a call site");
  await close(again, "link to a call site");
}

/* Everything that can be focused has a name, and every picture. */
async function names(browser) {
  const page = await open(browser, at("concat.html"));
  await flame(page);
  const nameless = await page.evaluate(() =>
    [
      ...document.querySelectorAll(
        "button, input, a, [role=img], [role=tree], [role=treeitem], table",
      ),
    ]
      .filter(
        (element) =>
          !(
            element.getAttribute("aria-label") ||
            element.innerText?.trim() ||
            element.labels?.length
          ),
      )
      .map((element) => element.outerHTML.slice(0, 80)),
  );
  equal(nameless, [], "everything has a name");
  const landmarks = await page.evaluate(() =>
    ["main", "nav", "header", "h1"].map((tag) => document.querySelectorAll(`#app ${tag}`).length),
  );
  equal(landmarks, [1, 1, 1, 1], "one of each landmark");
  await close(page, "names");
}

async function colours(browser) {
  for (const [name, schemes] of [
    ["concat", ["light", "dark"]],
    ["change", ["light", "dark"]],
    ["before", ["light"]],
  ]) {
    for (const scheme of schemes) {
      const page = await open(browser, at(`${name}.html`), { scheme });
      await flame(page);
      await page.locator("#sites button.open").first().click();
      equal(await faint(page), [], `${name}, ${scheme}: contrast`);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      check(
        (scheme === "dark") === Number(/\d+/.exec(ground)[0]) < 128,
        `${name}: ${scheme} ground is ${ground}`,
      );
      await page.click(".brand button");
      const turned = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      check(turned !== ground, "the button changes the colours");
      await close(page, `${name}, ${scheme}`);
    }
  }
}

async function widths(browser) {
  for (const name of ["concat", "change"]) {
    for (const [width, height, schemes] of [
      [360, 740, ["light", "dark"]],
      [1280, 900, ["light", "dark"]],
      [3840, 2160, ["light", "dark"]],
    ]) {
      for (const scheme of schemes) {
        const page = await open(browser, at(`${name}.html`), { width, height, scheme });
        await flame(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        check(wide <= width, `${name} fits into ${width} columns: ${wide}`);
        await settled(page);
        await picture(page, `${name}-${width}-${scheme}`);
        await close(page, `${name} at ${width}`);
      }
    }
  }
}

async function withoutScript(browser) {
  const json = report("concat.atrap");
  const page = await open(browser, at("concat.html"), { script: false });
  const text = await page.locator("#static").innerText();
  check(text.includes(units.count(json.totals.allocations)), "the static page has the totals");
  check(text.includes(units.bytes(json.totals.peak_bytes)), "and the peak");
  const rows = await page.locator("#static table").nth(3).locator("tbody tr").count();
  equal(
    rows,
    Math.min(50, json.sites.filter((site) => site.allocations > 0).length),
    "and the first 50 call sites",
  );
  equal(await faint(page), [], "static: contrast");
  await picture(page, "static");
  await close(page, "without script");
}

async function printing(browser) {
  const page = await open(browser, at("concat.html"), { scheme: "dark" });
  await flame(page);
  await page.emulateMedia({ media: "print" });
  check(
    !(await page.locator("nav").isVisible()) && !(await page.locator(".toolbar").isVisible()),
    "controls are not printed",
  );
  check(await page.locator(".tiles").isVisible(), "numbers are");
  equal(
    await page.evaluate(() => getComputedStyle(document.body).colorScheme),
    "light",
    "on white paper",
  );
  const pdf = await page.pdf({ path: join(pictureDir, "print.pdf"), format: "A4" });
  check(pdf.length > 20000, "it prints");
  await close(page, "printing");
}

async function hostile(browser) {
  const [name] = report("hostile.atrap").sites.map((site) => site.function);
  check(name.includes("</script>") && name.includes("\u202e"), "the name is hostile");
  const page = await open(browser, at("hostile.html"));
  await flame(page);
  equal(
    await page.$$eval("img, iframe, link, object, embed, base", (list) => list.length),
    0,
    "no element came of it",
  );
  equal(await page.$$eval("script", (list) => list.length), 2, "no script either");
  check(
    (await page.locator("#sites .function").first().textContent()) === name,
    "it is shown as text",
  );
  const policy = await page.getAttribute("meta[http-equiv]", "content");
  check(policy.startsWith("default-src 'none'") && !policy.includes("unsafe"), "a strict policy");
  await page.click("#sites button.open");
  await close(page, "hostile");
  const blocked = await open(browser, at("hostile.html"));
  await blocked.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.wasRun = true";
    document.body.append(script);
    const image = document.createElement("img");
    image.src = "http://127.0.0.1:9/x.png";
    document.body.append(image);
  });
  equal(
    await blocked.evaluate(() => window.wasRun),
    undefined,
    "the policy stops a script that got in",
  );
  check(
    blocked.told.some((told) => told.includes("Content Security Policy")),
    "and says so",
  );
  await blocked.context().close();
}

async function size() {
  check(statSync(at("before.html")).size < 400000, "a small page is small");
}

skipUnlessBuilt(webDir);
make();
const browser = await launch(webDir);
try {
  for (const part of [
    totals,
    firstScreen,
    findings,
    sorting,
    filtering,
    flameGraph,
    brushing,
    keyboard,
    names,
    colours,
    widths,
    withoutScript,
    printing,
    hostile,
    comparison,
    budgets,
    realVerdict,
    size,
  ]) {
    if (wanted.length > 0 && !wanted.includes(part.name)) {
      continue;
    }
    const start = performance.now();
    await part(browser).catch((error) =>
      check(false, `${part.name}: ${error.message.slice(0, 600)}`),
    );
    console.log(`${part.name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
process.exit(summary());
