/*
 * screenshot - the first screen of a page as page.png and page-dark.png.
 *
 *   node screenshot.mjs WEB_DIR PAGE.html FOLDER
 */
import { join } from "node:path";
import { close, flame, launch, open, settled } from "./browser.mjs";

const [webDir, file, folder] = process.argv.slice(2);
const browser = await launch(webDir);
for (const [scheme, name] of [
  ["light", "page.png"],
  ["dark", "page-dark.png"],
]) {
  const page = await open(browser, file, { scheme, width: 1280, height: 980 });
  await flame(page);
  await settled(page);
  await page.screenshot({ path: join(folder, name) });
  await close(page, name);
}
await browser.close();
