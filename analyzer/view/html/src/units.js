/*
 * units - numbers as a person reads them, as analyzer/base/units.c writes them: thousands parted,
 * three digits where a unit is chosen, bytes in powers of 1024, time from ns. test/units.test.mjs
 * holds it to the same texts, but for the signs of micro, minus and times.
 */
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const NONE = "–";

function threeDigits(value) {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/* scales: [from, one, name], smallest first. */
function scaled(value, scales) {
  const [, one, name] = scales.findLast(([from]) => value >= from) ?? scales[0];
  return `${threeDigits(value / one)} ${name}`;
}

export function count(value) {
  return grouped.format(value);
}

const SHORT = [
  [0, 1e3, "k"],
  [999.5e3, 1e6, "M"],
  [999.5e6, 1e9, "G"],
  [999.5e9, 1e12, "T"],
];

/* "98.3 k", "6.12 M": for axes and side remarks. */
export function short(value) {
  return value < 10000 ? count(value) : scaled(value, SHORT);
}

const KIB = 1024;
const BYTES = [
  [0, KIB, "KiB"],
  [999.5 * KIB, KIB ** 2, "MiB"],
  [999.5 * KIB ** 2, KIB ** 3, "GiB"],
  [999.5 * KIB ** 3, KIB ** 4, "TiB"],
];

export function bytes(value) {
  return value < KIB ? `${count(value)} B` : scaled(value, BYTES);
}

const NS = [
  [0, 1e3, "µs"],
  [999.5e3, 1e6, "ms"],
  [999.5e6, 1e9, "s"],
];

export function ns(value) {
  if (value < 1000) {
    return `${count(value)} ns`;
  }
  if (value < 120e9) {
    return scaled(value, NS);
  }
  const seconds = Math.round(value / 1e9);
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  return seconds < 7200
    ? `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
    : `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
}

export function share(part, whole) {
  if (!whole) {
    return NONE;
  }
  const percent = (100 * part) / whole;
  if (part !== 0 && percent < 0.05) {
    return "<0.1 %";
  }
  /* 100.0 is said of all and of nothing less. */
  return part < whole && percent > 99.9 ? "99.9 %" : `${percent.toFixed(1)} %`;
}

/* value for each of `units` units of work. */
export function per(value, units) {
  if (!units) {
    return NONE;
  }
  const each = value / units;
  if (each >= 999.5) {
    return count(Math.round(each));
  }
  if (value === 0 || each >= 0.995) {
    return threeDigits(each);
  }
  return each < 0.001 ? "<0.001" : String(Number(each.toPrecision(3)));
}

/* after - before with its sign, written by format. */
export function change(before, after, format) {
  return after === before ? "0" : (after > before ? "+" : "−") + format(Math.abs(after - before));
}

/* "62× fewer", "3.2 % more", "same", "new", "none left". */
export function ratio(before, after, fewer, more) {
  if (before === after) {
    return "same";
  }
  if (before === 0 || after === 0) {
    return before === 0 ? "new" : "none left";
  }
  const word = after < before ? fewer : more;
  const factor = after < before ? before / after : after / before;
  if (factor < 1.1) {
    const percent = (100 * Math.abs(after - before)) / before;
    return `${Math.max(percent, 0.1).toFixed(1)} % ${word}`;
  }
  return factor < 9.95 ? `${factor.toFixed(1)}× ${word}` : `${count(Math.round(factor))}× ${word}`;
}
