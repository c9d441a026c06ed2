/*
 * build - bundles the page's program and styles into one HTML file with places for the data, and
 * writes the assembler file that embeds it.
 *
 *   node build.mjs SOURCE_DIR WORK_DIR PAGE.html EMBED.S required|optional
 *
 * npm's packages go to WORK_DIR, never beside the sources. Where they cannot be had, the result is
 * an empty page and one line that says so; with `required` it is an error.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [sourceDir, workDir, pagePath, embedPath] = process.argv
  .slice(2, 6)
  .map((path) => resolve(path));
const isRequired = process.argv[6] === "required";

function run(program, args) {
  return spawnSync(program, args, { cwd: workDir, encoding: "utf8" });
}

/* npm ci, unless the packages of this very lock file are there. */
function install() {
  const lock = readFileSync(join(sourceDir, "package-lock.json"));
  const stamp = join(workDir, "installed");
  const digest = createHash("sha256").update(lock).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    return null;
  }
  const done = run("npm", [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ]);
  if (done.error || done.status !== 0) {
    const why = (done.error?.message ?? done.stderr).trim().split("\n")[0];
    return why === "" ? `npm ci ended with status ${done.status}` : why;
  }
  writeFileSync(stamp, digest);
  return null;
}

function copySources() {
  mkdirSync(workDir, { recursive: true });
  rmSync(join(workDir, "src"), { recursive: true, force: true });
  cpSync(join(sourceDir, "src"), join(workDir, "src"), { recursive: true });
  for (const name of ["package.json", "package-lock.json", "template.html"]) {
    copyFileSync(join(sourceDir, name), join(workDir, name));
  }
}

async function bundle() {
  const { build } = createRequire(join(workDir, "package.json"))("esbuild");
  const result = await build({
    absWorkingDir: workDir,
    entryPoints: ["src/main.js"],
    bundle: true,
    minify: true,
    keepNames: true /* d3-flame-graph knows its nodes by the name of their class */,
    format: "iife",
    target: ["chrome111", "firefox113", "safari16.4"],
    legalComments: "none",
    charset: "utf8",
    metafile: true,
    write: false,
    outdir: "out",
  });
  const text = (suffix) => result.outputFiles.find((file) => file.path.endsWith(suffix)).text;
  return {
    script: text(".js").trim(),
    style: text(".css").trim(),
    inputs: Object.keys(result.metafile.inputs),
  };
}

/* The licences of all packages that went in. */
function licences(inputs) {
  const names = new Set(
    inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean),
  );
  return [...names]
    .sort()
    .map((name) => {
      const dir = join(workDir, "node_modules", name);
      const { version, license } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
      const file = readdirSync(dir).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(join(dir, file), "utf8").trim() : "";
      /* Apache's text is in every installation; its notice is what must go along. */
      const words =
        license === "Apache-2.0"
          ? "Licensed under the Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0"
          : text;
      return `${name} ${version} (${license})\n${words}`;
    })
    .join("\n\n")
    .replaceAll("--", "- -");
}

function digestOf(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/* Only this script and this style, nothing from anywhere. */
function policy(script, style) {
  return [
    "default-src 'none'",
    `script-src ${digestOf(script)}`,
    `style-src ${digestOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

function fill(template, values) {
  return template.replace(/@@(POLICY|LICENCES|STYLE|SCRIPT)@@/g, (_, name) => values[name]);
}

/* The digest makes the assembler file new when the page is. */
function embed(page) {
  const digest = createHash("sha256").update(page).digest("hex");
  return `/* ${digest} */
    .section .rodata
    .global html_template
    .type html_template, @object
html_template:
    .incbin "${pagePath}"
html_template_end:
    .size html_template, html_template_end - html_template
    .balign 8
    .global html_template_bytes
    .type html_template_bytes, @object
html_template_bytes:
    .quad html_template_end - html_template
    .size html_template_bytes, 8
    .section .note.GNU-stack, "", @progbits
`;
}

async function makePage() {
  copySources();
  const why = install();
  if (why !== null) {
    if (isRequired) {
      console.error(`alloctrap html cannot be built: ${why}`);
      process.exit(1);
    }
    console.log(`alloctrap html is left out: ${why}`);
    return "";
  }
  const { script, style, inputs } = await bundle();
  if (script.includes("</script") || script.includes("<!--") || style.includes("</style")) {
    throw new Error("the bundle would end its own element");
  }
  return fill(readFileSync(join(workDir, "template.html"), "utf8"), {
    POLICY: policy(script, style),
    LICENCES: licences(inputs),
    STYLE: style,
    SCRIPT: script,
  });
}

const page = await makePage();
writeFileSync(pagePath, page);
writeFileSync(embedPath, embed(page));
