/*
 * browser - what the browser tests of `alloctrap html` share: Debian's Chromium without a
 * network, pages that tell every error and request, and checks that are counted.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export const WAIT_MS = 60000; /* of a busy machine */

let failures = 0;
let checks = 0;

export function check(claim, what) {
  checks += 1;
  if (!claim) {
    failures += 1;
    console.log("FAIL", what);
  }
}

export function equal(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  check(a === b, `${what}: ${a?.slice(0, 300)}, not ${b?.slice(0, 300)}`);
}

export function summary() {
  console.log(`${checks} checks, ${failures} failures`);
  return failures === 0 && checks > 0 ? 0 : 1;
}

export function run(program, ...args) {
  return execFileSync(program, args, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/* Without npm's packages there is no page, and nothing to test: meson's word for that is 77. */
export function skipUnlessBuilt(webDir) {
  if (!existsSync(join(webDir, "installed"))) {
    console.log("alloctrap html was left out of this build");
    process.exit(77);
  }
}

export async function launch(webDir) {
  const { chromium } = createRequire(join(webDir, "package.json"))("playwright-core");
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
}

/* Opens a file in a window of its own; what it says and asks for is in page.told. */
export async function open(
  browser,
  file,
  { hash = "", width = 1280, height = 900, scheme = "light", script = true } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    javaScriptEnabled: script,
    permissions: [],
  });
  const page = await context.newPage();
  page.told = [];
  page.on("console", (message) => page.told.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.told.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    page.told.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  let requests = 0;
  page.on("request", (request) => {
    requests += 1;
    if (requests > 1 || !request.url().startsWith("file:")) {
      page.told.push(`request: ${request.url().slice(0, 200)}`);
    }
  });
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`file://${file}${hash}`, { timeout: WAIT_MS });
  if (script) {
    await page.waitForFunction(() => document.documentElement.dataset.ready, null, {
      timeout: WAIT_MS,
    });
  }
  return page;
}

/* Every page ends here: nothing was said, nothing was asked for. */
export async function close(page, name) {
  equal(page.told, [], `${name} is silent and loads nothing`);
  await page.context().close();
}

export async function flame(page) {
  await page.waitForFunction(() => document.querySelectorAll(".flame g.frame").length > 0, null, {
    timeout: WAIT_MS,
  });
}

/* The flame graph grows into its place; a picture is taken when it has. */
export async function settled(page) {
  await page.waitForFunction(
    () => {
      const frame = document.querySelector(".flame g.frame rect");
      const width = frame === null ? "" : frame.getAttribute("width");
      const isSame = window.lastWidth === width;
      window.lastWidth = width;
      return isSame;
    },
    null,
    { timeout: WAIT_MS, polling: 250 },
  );
}

export function texts(page, selector) {
  return page.$$eval(selector, (elements) =>
    elements.map((element) => element.innerText.trim().replace(/\s+/g, " ")),
  );
}

/* The value of a tile. */
export function tile(page, name) {
  return page.locator(`.tile[data-name="${name}"] .value`).innerText();
}

/* A folder for pictures that people look at. */
export function pictures(folder) {
  mkdirSync(folder, { recursive: true });
  return async (page, name, isWhole = false) => {
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: isWhole });
  };
}

/*
 * All texts that are in view with less contrast than AA asks for: "text: ratio". Colours are read
 * as a canvas paints them, over the nearest ground that is painted.
 */
export function faint(page) {
  return page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const known = new Map();
    const paint = (colours) => {
      const key = colours.join();
      if (!known.has(key)) {
        canvas.clearRect(0, 0, 1, 1);
        for (const colour of colours) {
          canvas.fillStyle = colour;
          canvas.fillRect(0, 0, 1, 1);
        }
        known.set(key, [...canvas.getImageData(0, 0, 1, 1).data]);
      }
      return known.get(key);
    };
    const luminance = ([r, g, b]) =>
      [r, g, b]
        .map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const groundOf = (element) => {
      const grounds = [];
      for (let at = element; at; at = at.parentElement) {
        const frame = at.matches?.("g.frame") ? at.querySelector("rect") : null;
        const colour = frame ? getComputedStyle(frame).fill : getComputedStyle(at).backgroundColor;
        grounds.unshift(colour);
        if (paint([colour])[3] === 255) {
          break;
        }
      }
      return grounds;
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      const text = walker.currentNode.textContent.trim();
      const isHidden =
        !element.checkVisibility({ visibilityProperty: true }) ||
        element.closest("script, style, button:disabled, figcaption.sr");
      if (text === "" || isHidden || element.getClientRects().length === 0) {
        continue;
      }
      const style = getComputedStyle(element);
      const grounds = groundOf(element);
      const ink = element instanceof SVGElement ? style.fill : style.color;
      const [a, b] = [luminance(paint([...grounds, ink])), luminance(paint(grounds))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const isLarge =
        parseFloat(style.fontSize) >= 24 ||
        (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 600);
      if (ratio < (isLarge ? 3 : 4.5)) {
        found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
      }
    }
    return found;
  });
}
