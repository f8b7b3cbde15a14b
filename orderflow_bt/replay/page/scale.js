/** Steps of scales: how high a row, how many rows as one, where labels stand. Pure. */

/** A half-cell narrower than this, or a row lower, holds no number. */
export const TEXT_WIDTH = 22;
export const TEXT_HEIGHT = 9;
const TEXT_ROW = 12; // rows are merged until they are this high, where a column is wide enough for text
const HEAT_ROW = 3;
/** Widest and narrowest column, CSS pixels. */
export const COLUMN = { least: 2, most: 240, usual: 78 };
/** Highest row and lowest unmerged row, CSS pixels. */
export const ROW = { least: 1e-4, most: 48, usual: 17 };

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * To whole pixels of the screen.
 * @param {number} value CSS pixels
 * @param {number} dpr device pixels in one
 */
export const snap = (value, dpr) => Math.round(value * dpr) / dpr;

/** Smallest of 1, 2, 5, 10, 20 … that is at least `least`. */
export function mergeAtLeast(least) {
  for (let step = 1; ; step *= 10) {
    for (const factor of [1, 2, 5]) {
      if (factor * step >= least - 1e-9) return factor * step;
    }
  }
}

/** Smallest of 1, 1.2, 1.5, 2 … × 10ⁿ that is at least `value`; 1 for what is not above zero. */
export function niceCeiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) {
    if (factor * power >= value * (1 - 1e-12)) return factor * power;
  }
  return 10 * power;
}

/**
 * Round ends around some values; zero among them unless it is far from all of them.
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
export function roundRange(low, high) {
  const span = high - low;
  const far = 2 * span;
  const from = low > 0 && low <= far ? 0 : low;
  const to = high < 0 && high >= -far ? 0 : high;
  const step = niceCeiling((to - from || Math.abs(from) || 1) / 4);
  const ends = [Math.floor(from / step + 1e-9) * step, Math.ceil(to / step - 1e-9) * step + 0];
  return ends[0] === ends[1] ? [ends[0] - step, ends[1] + step] : ends;
}

/**
 * How stored rows are shown at a wanted height.
 * @param {number} wanted CSS pixels of one stored row
 * @param {boolean} isWide whether the column has room for numbers
 * @param {number} dpr
 * @returns {{merge: number, rowPx: number}} stored rows in a shown one, and its height
 */
export function rowsFor(wanted, isWide, dpr) {
  const least = isWide ? TEXT_ROW : HEAT_ROW;
  const merge = mergeAtLeast(Math.min(least, ROW.most) / wanted);
  return { merge, rowPx: Math.max(1 / dpr, snap(merge * wanted, dpr)) };
}

const TEXT_STEPS = [17, 15, 14, 13, 12];
const MERGED_STEPS = [28, 24, 20, ...TEXT_STEPS];
const HEAT_STEPS = [17, 13, 10, 8, 6, 5, 4, 3];

/**
 * Highest rows, in steps, that show a range: they change seldom, so pictures of bars stay good.
 * @param {number} rows stored rows to show
 * @param {number} height CSS pixels there are
 * @param {boolean} isWide whether the column has room for numbers
 * @param {number} [current] pixels of a stored row now, kept while they do
 * @returns {number} CSS pixels of a stored row
 */
export function fitRows(rows, height, isWide, current = 0) {
  const single = isWide ? TEXT_STEPS : HEAT_STEPS;
  if (current > 0 && rows * current <= height && current <= single[0]) {
    const best = fitRows(rows * 1.1, height, isWide);
    if (best < 1.45 * current) return current;
  }
  const alone = single.find((px) => rows * px <= height);
  if (alone) return alone;
  const steps = isWide ? MERGED_STEPS : HEAT_STEPS;
  for (let merge = 2; merge < 1e12; merge = mergeAtLeast(merge + 1)) {
    const px = steps.find((step) => (Math.ceil(rows / merge) + 1) * step <= height);
    if (px) return px / merge;
  }
  return ROW.least;
}

/**
 * Round prices between two, at most one in every `room` pixels.
 * @param {number} low
 * @param {number} high
 * @param {number} pxPerUnit CSS pixels of a price unit
 * @param {number} tick smallest step
 * @param {number} room
 * @returns {{step: number, at: number[]}}
 */
export function priceTicks(low, high, pxPerUnit, tick, room = 44) {
  const step = tick * mergeAtLeast(Math.max(1, room / (pxPerUnit * tick)));
  const at = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high; k += 1) at.push(k * step);
  return { step, at };
}

/** First index whose value is above `wanted` (values ascend). */
export function upperBound(count, valueAt, wanted) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
