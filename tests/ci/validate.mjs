/*
 * Validates files against schemas: node validate.mjs MODULES [SCHEMA FILE[...]]...
 * MODULES: the folder whose node_modules has the packages. Pairs are "schema=file"; the schema
 * "sarif" is the one of SARIF 2.1.0, others are files. A file may be YAML. "!schema=file" must not
 * be valid. One line for each failure; exit status 1 when there is any.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, ...pairs] = process.argv.slice(2);
const require = createRequire(join(modules, 'package.json'));
const Ajv = require('ajv').default;
const Ajv4 = require('ajv-draft-04').default ?? require('ajv-draft-04');
const addFormats = require('ajv-formats').default;
const YAML = require('yaml');

const sarif = join(modules, 'node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
const compiled = new Map();
let failures = 0;

function validator(schema) {
  if (!compiled.has(schema)) {
    const is4 = schema === 'sarif';
    const ajv = is4 ? new Ajv4({ strict: false, unicodeRegExp: false }) : new Ajv({ allErrors: true, allowUnionTypes: true });
    addFormats(ajv);
    compiled.set(schema, ajv.compile(JSON.parse(readFileSync(is4 ? sarif : schema, 'utf8'))));
  }
  return compiled.get(schema);
}

for (const pair of pairs) {
  const isBad = pair.startsWith('!');
  const at = pair.indexOf('=');
  const file = pair.slice(at + 1);
  const text = readFileSync(file, 'utf8');
  const data = file.endsWith('.yaml') ? YAML.parse(text) : JSON.parse(text);
  const validate = validator(pair.slice(isBad ? 1 : 0, at));
  if (validate(data) === isBad) {
    failures += 1;
    console.log(`${pair}: ${isBad ? 'is valid' : JSON.stringify(validate.errors.slice(0, 3))}`);
  }
}
console.log(`${pairs.length} files, ${failures} failures`);
process.exit(failures === 0 && pairs.length > 0 ? 0 : 1);
