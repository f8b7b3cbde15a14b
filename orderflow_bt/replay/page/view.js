/** What the reader looks at: zoom, place, and whether it follows the tape. Pure: each step gives a new view. */

import { clamp, COLUMN, fitRows, ROW } from "./scale.js";
import { spanOf } from "./grid.js";
import { rightEdge } from "./layout.js";

const REACH = 0.5; // how far beyond the bars a level may lie and still be shown, in spans of the bars
const TALL = 3; // where all bars span more than this times the newest third, the newest third is what is fitted
const AIR = 26; // pixels above and below what is shown

/**
 * @typedef {object} View
 * @property {number} columnW wanted width of a column, CSS pixels
 * @property {number} rowPx wanted height of a stored row, CSS pixels
 * @property {number} centre price in the middle of the plot; NaN: not placed yet
 * @property {number} back columns between the newest bar and the right edge; 0 while following
 * @property {boolean} following whether the newest bar stays at the right edge
 * @property {boolean} autoPrice whether rows and centre follow what is visible
 */

/** @returns {View} */
export function newView() {
  return { columnW: COLUMN.usual, rowPx: ROW.usual, centre: NaN, back: 0, following: true, autoPrice: true };
}

/** Back to the newest bar, prices fitted. @param {View} view */
export const follow = (view) => ({ ...view, back: 0, following: true, autoPrice: true });

/** The newest bar moved on by some columns: a view of the past stays where it is. */
export function appended(view, columns) {
  return view.following ? view : { ...view, back: Math.max(0, view.back + columns) };
}

/**
 * Wider or narrower columns about a place; about the newest bar while following.
 * @param {View} view
 * @param {object} geo
 * @param {number} factor
 * @param {number} atX CSS pixels
 */
export function zoomTime(view, geo, factor, atX) {
  const columnW = clamp(view.columnW * factor, COLUMN.least, COLUMN.most);
  if (view.following) return { ...view, columnW };
  const ahead = (geo.x(geo.slots) - atX) / geo.columnW; // columns from the place to the newest
  const back = ahead - (rightEdge(geo.plot, columnW) - atX) / columnW;
  return placed({ ...view, columnW }, back, geo.slots);
}

/** Higher or lower rows about a place; prices no longer follow. */
export function zoomPrice(view, geo, factor, atY) {
  const rowPx = clamp(view.rowPx * factor, ROW.least, ROW.most);
  const price = geo.priceAt(atY);
  const middle = geo.plot.y + geo.plot.h / 2;
  const centre = price + ((atY - middle) * geo.rowSize) / rowPx;
  return { ...view, rowPx, centre, autoPrice: false };
}

/**
 * Move the picture by pixels, to the right and down.
 * @param {View} view
 * @param {object} geo
 * @param {number} dx
 * @param {number} dy 0 keeps prices following
 */
export function pan(view, geo, dx, dy) {
  const moved = dx ? placed(view, view.back + dx / geo.columnW, geo.slots) : view;
  return dy ? { ...moved, centre: moved.centre + dy / geo.perUnit, autoPrice: false } : moved;
}

function placed(view, back, slots) {
  const kept = clamp(back, 0, Math.max(0, slots - 1));
  return { ...view, back: kept, following: kept === 0 };
}

/**
 * The view with rows and centre fitted to what is visible, where it follows prices.
 * @param {View} view
 * @param {object} geo geometry of this view
 * @param {number[]} levels prices of orders and position: shown too, unless far
 * @returns {View} the same object where nothing changes
 */
export function settle(view, geo, levels) {
  const bars = fittedSpan(view, geo);
  if (!bars) return view;
  if (!view.autoPrice && Number.isFinite(view.centre)) return view;
  const reach = Math.max((bars[1] - bars[0]) * REACH, 4 * geo.rowSize);
  const near = levels.filter((p) => p >= bars[0] - reach && p <= bars[1] + reach);
  const low = Math.min(bars[0], ...near);
  const high = Math.max(bars[1], ...near) + geo.rowSize;
  const rows = Math.max(1, (high - low) / geo.rowSize);
  const room = Math.max(40, geo.plot.h - 2 * AIR);
  const rowPx = fitRows(rows, room, geo.isWide, view.rowPx);
  const perUnit = rowPx / geo.rowSize;
  const half = (geo.plot.h / 2 - AIR / 2) / perUnit;
  const fits = low >= view.centre - half && high <= view.centre + half;
  if (rowPx === view.rowPx && fits) return view;
  return { ...view, rowPx, centre: (low + high) / 2 };
}

/** Prices that are fitted: of all visible bars, unless a crash among the older ones would flatten the rest. */
function fittedSpan(view, geo) {
  const all = spanOf(geo, geo.first, geo.last);
  const newest = view.following ? spanOf(geo, geo.last - Math.floor((geo.last - geo.first) / 3), geo.last) : null;
  if (!all || !newest) return all;
  const rows = (span) => (span[1] - span[0]) / geo.rowSize + 1;
  return rows(all) > TALL * Math.max(rows(newest), 12) ? newest : all;
}
