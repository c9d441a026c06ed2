/*
 * units - numbers as a person reads them, as analyzer/base/units.c writes them: thousands parted,
 * three digits where a unit is chosen, bytes in powers of 1024, time from ns.
 */
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const NONE = "–";

function threeDigits(value) {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

export function count(value) {
  return grouped.format(value);
}

/* "98.3 k", "6.12 M": for axes and side remarks. */
export function short(value) {
  const units = ["", " k", " M", " G", " T"];
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? count(value) : threeDigits(value) + units[unit];
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return (unit === 0 ? count(value) : threeDigits(value)) + " " + units[unit];
}

export function ns(value) {
  if (value >= 60e9) {
    const seconds = Math.round(value / 1e9);
    return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  }
  const units = ["ns", "µs", "ms", "s"];
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return (unit === 0 ? count(value) : threeDigits(value)) + " " + units[unit];
}

export function share(part, whole) {
  if (!whole) {
    return NONE;
  }
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.1) {
    return "<0.1 %";
  }
  return (percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)) + " %";
}

/* value for each of `units` units of work. */
export function per(value, units) {
  if (!units) {
    return NONE;
  }
  const each = value / units;
  if (each === 0) {
    return "0";
  }
  return each < 0.001 ? "<0.001" : each < 10 ? String(Number(each.toPrecision(3))) :
    each < 1000 ? each.toFixed(1) : count(each);
}

/* after - before with its sign, written by format. */
export function change(before, after, format) {
  return after === before ? "0" : (after > before ? "+" : "−") + format(Math.abs(after - before));
}

/* "62x fewer", "3.2 % more", "same", "new", "none left". */
export function ratio(before, after, fewer, more) {
  if (before === after) {
    return "same";
  }
  if (before === 0 || after === 0) {
    return before === 0 ? "new" : "none left";
  }
  const word = after < before ? fewer : more;
  const times = after < before ? before / after : after / before;
  if (times >= 2) {
    return `${times >= 99.95 ? count(Math.round(times)) : threeDigits(times)}× ${word}`;
  }
  const percent = (100 * Math.abs(after - before)) / before;
  return `${percent < 0.1 ? "<0.1" : percent.toFixed(1)} % ${word}`;
}
