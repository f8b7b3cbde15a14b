/** Numbers and times as the chart writes them: short in cells, exact on hover. Pure. */

import { fixed, price } from "./numbers.js";

const MINUS = "\u2212";
const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Microseconds of a day. */
export const DAY = 24 * HOUR;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/**
 * At most four characters for a cell: `984`, `1.0k`, `12k`, `8.7`, `.03`, `0`.
 * @param {number} value
 * @param {boolean} [whole] counted in whole numbers: stays so below a thousand
 * @returns {string}
 */
export function short(value, whole = false) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  for (const [unit, letter] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= 0.9995 * unit) {
      const scaled = size / unit;
      return scaled < 9.95 ? scaled.toFixed(1) + letter : scaled.toFixed(0) + letter;
    }
  }
  if (size >= 9.95 || whole) return size.toFixed(0);
  if (size >= 0.095) return size.toFixed(1);
  return size >= 0.005 ? size.toFixed(2).slice(1) : "0+";
}

/**
 * `short` with a sign, and a true minus.
 * @param {number} value
 * @param {boolean} [whole]
 */
export function shortSigned(value, whole = false) {
  return (value > 0 ? "+" : value < 0 ? MINUS : "") + short(value, whole);
}

/**
 * Thousands parted, a true minus, no zeros behind the last digit that counts.
 * @param {number} value
 * @param {number} decimals most digits after the point
 */
export function exact(value, decimals) {
  const text = fixed(value, decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** `exact` with a plus before what is above zero. */
export function exactSigned(value, decimals) {
  const text = exact(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? "+" + text : text;
}

/** A result in multiples of the risk: `+2.00 R`. */
export function inR(value) {
  const text = Math.abs(value).toFixed(2);
  const sign = Number(text) === 0 ? "" : value > 0 ? "+" : MINUS;
  return `${sign}${text} R`;
}

/**
 * How prices, volumes and times of a replay are written.
 * @param {object|null} hello static facts of the replay
 * @returns {{price: (p: number) => string, qty: (q: number) => string, delta: (q: number) => string,
 *   clock: (t: number) => string, moment: (t: number) => string, isUtc: boolean}}
 */
export function writers(hello) {
  const places = hello?.blind ? 3 : (hello?.qty_decimals ?? 3);
  const isUtc = hello?.time !== "elapsed";
  return {
    price: (p) => price(p, hello),
    qty: (q) => exact(q, places),
    delta: (q) => exactSigned(q, places),
    isUtc,
    clock: isUtc ? clockUtc : elapsed,
    moment: isUtc ? momentUtc : elapsed,
  };
}

const two = (n) => String(n).padStart(2, "0");

/** `09:30`, or `09:30:07` where there are seconds. @param {number} time microseconds UTC */
export function clockUtc(time) {
  const at = new Date(time / 1000);
  const text = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  const seconds = at.getUTCSeconds();
  return seconds ? `${text}:${two(seconds)}` : text;
}

/** `2 Jan`. @param {number} time microseconds UTC */
export function dayUtc(time) {
  const at = new Date(time / 1000);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
}

/** `2024-01-02 09:30:07.250`, to the millisecond. @param {number} time microseconds UTC */
export function momentUtc(time) {
  const text = new Date(time / 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 23)}`;
}

/** `+1:02:03` since the start; before it with a minus. @param {number} time microseconds */
export function elapsed(time) {
  const seconds = Math.floor(Math.abs(time) / SECOND);
  const hours = Math.floor(seconds / 3600);
  const sign = time < 0 && seconds > 0 ? MINUS : "+";
  return `${sign}${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30].map((s) => s * SECOND)
  .concat([1, 2, 5, 10, 15, 30].map((m) => m * MINUTE))
  .concat([1, 2, 4, 6, 12].map((h) => h * HOUR))
  .concat([1, 2, 7, 30, 90, 365].map((d) => d * DAY));

/** Smallest round step of time of which at most `most` fit into a span. */
export function timeStep(span, most) {
  return TIME_STEPS.find((step) => span / step <= most) ?? TIME_STEPS[TIME_STEPS.length - 1];
}
