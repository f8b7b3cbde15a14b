/** What the cells of a bar show: rows folded, depth, imbalances of folded rows, unit of volumes. Pure. */

import { upperBound } from "./scale.js";

/** Bars that depth, and the floor of a folded imbalance, look back on; never forward. */
export const LOOK_BACK = 50;
const RATIO = 3; // of folded rows: three to one across the diagonal, as in the report's pictures
const NEAR = 1 - 1e-9; // decimals as binary fractions: 0.3 against three times 0.1
const DEPTH_QUANTILE = 0.9;
const STACK = 3;
/** Bits of a cell's flags on the wire. */
export const LIT = { buy: 1, sell: 2, stackedBuy: 4, stackedSell: 8 };

/**
 * A bar's rows folded by `merge`, anchored at `base`.
 * @param {object} bar
 * @param {number} rowSize price units of a stored row
 * @param {number} merge stored rows in a shown one
 * @param {number} base price of a row's edge
 * @returns {{low: number, bid: Float64Array, ask: Float64Array, most: number, middle: number, poc: number}}
 *   number of the lowest shown row, volumes low to high, largest side, median side (of folded rows), place of the
 *   point of control (-1: none)
 */
export function fold(bar, rowSize, merge, base) {
  const n = bar.n_rows;
  const from = Math.round((bar.first_row - base) / rowSize);
  const low = Math.floor(from / merge);
  const size = n ? Math.floor((from + n - 1) / merge) - low + 1 : 0;
  let bid = bar.bid;
  let ask = bar.ask;
  if (merge > 1) {
    bid = new Float64Array(size);
    ask = new Float64Array(size);
    for (let i = 0; i < n; i += 1) {
      const row = Math.floor((from + i) / merge) - low;
      bid[row] += bar.bid[i];
      ask[row] += bar.ask[i];
    }
  }
  let most = 0;
  for (let i = 0; i < size; i += 1) most = Math.max(most, bid[i], ask[i]);
  const middle = merge > 1 ? medianOfSides([bid, ask]) : 0;
  return { low, bid, ask, most, middle, poc: pocOf(bar, bid, ask, { from, low, merge, rowSize, base }) };
}

/** The stored point of control decides where rows are single, and between folded rows that tie. */
function pocOf(bar, bid, ask, at) {
  if (!bid.length || !(bar.volume > 0)) return -1;
  const own = Math.floor(Math.round((bar.poc - at.base) / at.rowSize) / at.merge) - at.low;
  if (at.merge === 1) return own >= 0 && own < bid.length ? own : -1;
  let best = own >= 0 && own < bid.length ? own : 0;
  for (let i = 0; i < bid.length; i += 1) {
    if (bid[i] + ask[i] > bid[best] + ask[best]) best = i;
  }
  return best;
}

/**
 * Flags of folded rows: imbalances across the diagonal, runs of three as stacks.
 * @param {Float64Array} bid
 * @param {Float64Array} ask
 * @param {number} floor least volume of the stronger side
 * @returns {Uint8Array} bits of `LIT`
 */
export function flagsOf(bid, ask, floor) {
  const flags = new Uint8Array(bid.length);
  for (let i = 0; i < bid.length; i += 1) {
    const below = i > 0 ? bid[i - 1] : -1;
    const above = i + 1 < ask.length ? ask[i + 1] : -1;
    if (below >= 0 && ask[i] > 0 && ask[i] >= floor && ask[i] >= RATIO * below * NEAR) flags[i] |= LIT.buy;
    if (above >= 0 && bid[i] > 0 && bid[i] >= floor && bid[i] >= RATIO * above * NEAR) flags[i] |= LIT.sell;
  }
  for (const [one, stacked] of [[LIT.buy, LIT.stackedBuy], [LIT.sell, LIT.stackedSell]]) {
    for (const [start, stop] of runs(flags, one)) {
      if (stop - start >= STACK) for (let i = start; i < stop; i += 1) flags[i] |= stacked;
    }
  }
  return flags;
}

/** Half-open ranges of rows that have a flag. @returns {number[][]} */
export function runs(flags, bit) {
  const found = [];
  let start = -1;
  for (let i = 0; i <= flags.length; i += 1) {
    const has = i < flags.length && (flags[i] & bit) !== 0;
    if (has && start < 0) start = i;
    if (!has && start >= 0) {
      found.push([start, i]);
      start = -1;
    }
  }
  return found;
}

/** Median of what is above zero in some arrays; 0 where nothing is. */
export function medianOfSides(arrays) {
  const all = [];
  for (const values of arrays) for (const value of values) if (value > 0) all.push(value);
  if (!all.length) return 0;
  all.sort((a, b) => a - b);
  const middle = all.length >> 1;
  return all.length % 2 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
}

/**
 * Volume at which a fill is at its deepest: nine in ten of the bars so far had no larger cell.
 * @param {number[]} largest largest cell side of the bar itself and of those before it
 */
export function depthOf(largest) {
  const sorted = largest.filter((v) => v > 0).sort((a, b) => a - b);
  if (!sorted.length) return 1;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * DEPTH_QUANTILE))];
}

/**
 * Power of ten by which volumes are multiplied so that cells can be read: 1, 1e3 … (1e2 for multiples
 * of the median bar, which are then percent).
 * @param {object[]} bars
 * @param {boolean} isMultiple
 */
export function unitOf(bars, isMultiple) {
  const middle = medianOfSides(bars.slice(-LOOK_BACK).flatMap((bar) => [bar.bid, bar.ask]));
  if (!middle || middle >= 0.05) return 1;
  if (isMultiple && middle >= 0.0005) return 100;
  let unit = 1;
  while (middle * unit < 0.05) unit *= 1000;
  return unit;
}

/** Folded rows of bars, kept per bar; what a bar shows looks at itself and the past only. */
export class Grid {
  constructor() {
    this.kept = new WeakMap();
  }

  /** `fold` of a bar, kept while merge and rows stay. */
  folded(bar, geo) {
    const had = this.kept.get(bar);
    if (had && had.merge === geo.merge && had.base === geo.base && had.rowSize === geo.rowSize && bar.number !== geo.forming) {
      return had.rows;
    }
    const rows = fold(bar, geo.rowSize, geo.merge, geo.base);
    this.kept.set(bar, { merge: geo.merge, base: geo.base, rowSize: geo.rowSize, rows });
    return rows;
  }

  /**
   * What is needed to paint a bar.
   * @param {object} geo
   * @param {number} slot
   * @returns {{bar: object, rows: object, depth: number, flags: Uint8Array}}
   */
  cellsOf(geo, slot) {
    const bar = geo.barAt(slot);
    const rows = this.folded(bar, geo);
    const { largest, floor } = this.pastOf(geo, slot);
    const flags = geo.merge === 1
      ? bar.cells
      : flagsOf(rows.bid, rows.ask, floor || rows.middle);
    return { bar, rows, depth: depthOf([rows.most, ...largest]), flags };
  }

  /** Largest cell sides of the bars before, and the median of their median sides where rows are folded. */
  pastOf(geo, slot) {
    const bar = geo.barAt(slot);
    const key = `${slot}/${bar.number}/${geo.barAt(Math.max(0, slot - LOOK_BACK)).number}/${geo.merge}`;
    if (this.past?.key === key) return this.past;
    const largest = [];
    const middles = [];
    for (let k = slot - 1; k >= Math.max(0, slot - LOOK_BACK); k -= 1) {
      const before = this.folded(geo.barAt(k), geo);
      largest.push(before.most);
      middles.push(before.middle);
    }
    this.past = { key, largest, floor: medianOfSides([middles]) };
    return this.past;
  }
}

/**
 * Rows from a price to a price that some bars span, ends included.
 * @returns {[number, number]|null} lowest and highest price
 */
export function spanOf(geo, first, last) {
  let low = Infinity;
  let high = -Infinity;
  for (let slot = Math.max(0, first); slot <= last; slot += 1) {
    const bar = geo.barAt(slot);
    if (!bar || !(bar.volume > 0)) continue;
    low = Math.min(low, bar.low, bar.first_row);
    high = Math.max(high, bar.high, bar.first_row + (bar.n_rows - 1) * geo.rowSize);
  }
  return low <= high ? [low, high] : null;
}

/** Slot of the bar with a number, or -1. */
export function slotOfNumber(bars, number) {
  const at = upperBound(bars.length, (k) => bars[k].number, number) - 1;
  return at >= 0 && bars[at].number === number ? at : -1;
}
