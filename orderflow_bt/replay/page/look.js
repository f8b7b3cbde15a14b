/** How the chart writes and colours what a store holds. Pure. */

import { writers } from "./format.js";
import { unitOf } from "./grid.js";

const FEW = 4; // bars by which the unit of volumes is decided

/**
 * @param {object} store
 * @param {object} colours of `readPalette`
 * @param {object|null} before kept while nothing it depends on changed
 * @returns {object} `{colours, write, hello, unit, whole, axis, isFirm}`
 */
export function lookOf(store, colours, before) {
  const { hello, bars, forming } = store;
  if (before?.isFirm && before.hello === hello && before.colours === colours) return before;
  const shown = forming ? [...bars, forming] : bars;
  const unit = unitOf(shown, Boolean(hello?.blind));
  const write = writers(hello);
  const sample = shown.length ? shown[shown.length - 1].high : 0;
  const longest = Math.max(6, write.price(sample).length);
  return {
    colours, write, hello, unit,
    whole: !hello?.blind && hello?.qty_decimals === 0 && unit === 1,
    axis: Math.ceil(longest * 6.63) + 20, // the width of the price axis
    isFirm: bars.length >= FEW,
  };
}
