/*
 * recordings - what the tests of the page stand on: recordings with fixed numbers, real ones of both
 * parsers, and their pages, in a folder of its own; and what alloctrap itself says of them.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { pictures, run } from "./browser.mjs";

const [program, makeStory, loggen, logparse, web, sources, pictureFolder, ...parts] =
  process.argv.slice(2);

export const alloctrap = program;
export const webDir = web;
export const pictureDir = pictureFolder;
export const wanted = parts;
export const units = await import(pathToFileURL(join(sources, "units.js")));
export const folder = mkdtempSync(join(tmpdir(), "alloctrap-html-"));
export const picture = pictures(pictureDir);

export function at(name) {
  return join(folder, name);
}

export function report(name, ...options) {
  return JSON.parse(run(alloctrap, "report", at(name), "--json", ...options));
}

/* A number of the recording's own tables. */
export function query(name, sql) {
  return Number(run("sqlite3", at(name), sql).trim());
}

export function make() {
  run(makeStory, at("before.atrap"), at("after.atrap"), at("hostile.atrap"));
  run(loggen, "--lines=4000", "-o", at("access.log"));
  for (const builder of ["concat", "pooled"]) {
    run(
      "/bin/sh",
      "-c",
      `"$0" record --quiet -o "$1" --units=4000:line -- "$2" --builder=${builder} "$3" ` +
        '>"$1.out" 2>&1',
      alloctrap,
      at(`${builder}.atrap`),
      logparse,
      at("access.log"),
    );
  }
  for (const name of ["before", "hostile", "concat"]) {
    run(alloctrap, "html", at(`${name}.atrap`), "-o", at(`${name}.html`));
  }
  run(alloctrap, "html", at("concat.atrap"), at("pooled.atrap"), "-o", at("change.html"));
  run(alloctrap, "html", at("before.atrap"), at("after.atrap"), "-o", at("story.html"));
}
