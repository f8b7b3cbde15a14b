/** Volume profile of the session at the chart's side: rows folded as the bars', POC, value area, naked levels. */

import { SANS } from "./palette.js";
import { snap } from "./scale.js";

/**
 * Dense rows of a profile.
 * @param {Map<number, {bid: number, ask: number}>} profile of closed bars, by low edge
 * @param {object|null} forming added on top
 * @param {number} rowSize
 * @returns {{low: number, bid: Float64Array, ask: Float64Array}|null} price of the lowest row, volumes low to high
 */
export function denseProfile(profile, forming, rowSize) {
  let low = Infinity;
  let high = -Infinity;
  const own = forming && forming.n_rows > 0 ? forming : null;
  for (const price of profile.keys()) {
    if (price < low) low = price;
    if (price > high) high = price;
  }
  if (own) {
    low = Math.min(low, own.first_row);
    high = Math.max(high, own.first_row + (own.n_rows - 1) * rowSize);
  }
  if (low > high) return null;
  const size = Math.round((high - low) / rowSize) + 1;
  const bid = new Float64Array(size);
  const ask = new Float64Array(size);
  for (const [price, side] of profile) {
    const row = Math.round((price - low) / rowSize);
    bid[row] += side.bid;
    ask[row] += side.ask;
  }
  if (own) {
    const from = Math.round((own.first_row - low) / rowSize);
    for (let i = 0; i < own.n_rows; i += 1) {
      bid[from + i] += own.bid[i];
      ask[from + i] += own.ask[i];
    }
  }
  return { low, bid, ask };
}

/**
 * Place of the point of control: most volume; ties by nearness to the middle, then the heavier side, then the lower.
 * @param {Float64Array} volumes low to high
 */
export function pointOfControl(volumes) {
  const most = volumes.reduce((a, b) => Math.max(a, b), 0);
  const near = most * (1 - 1e-12); // sums of decimals
  const first = volumes.findIndex((v) => v > 0);
  const last = volumes.findLastIndex((v) => v > 0);
  const middle = (first + last) / 2;
  let below = 0;
  let above = 0;
  for (let i = first; i <= last; i += 1) {
    if (i < middle) below += volumes[i];
    if (i > middle) above += volumes[i];
  }
  let best = -1;
  for (let i = Math.max(0, first); i <= last; i += 1) {
    if (volumes[i] < near) continue;
    const gain = best < 0 ? -1 : Math.abs(i - middle) - Math.abs(best - middle);
    if (gain < 0 || (gain === 0 && i > middle && above > below)) best = i;
  }
  return best;
}

/**
 * First and last row that hold 70 % of the volume: from the point of control two rows at a time, the larger pair
 * whole, the upper one where they weigh the same.
 * @param {Float64Array} volumes low to high
 * @param {number} poc
 * @returns {[number, number]}
 */
export function valueArea(volumes, poc) {
  const n = volumes.length;
  const needed = volumes.reduce((a, b) => a + b, 0) * 0.7 * (1 - 1e-12);
  let low = poc;
  let high = poc;
  let inside = volumes[poc];
  while (inside < needed && (low > 0 || high < n - 1)) {
    const above = (volumes[high + 1] ?? 0) + (volumes[high + 2] ?? 0);
    const below = (volumes[low - 1] ?? 0) + (volumes[low - 2] ?? 0);
    const goesUp = high < n - 1 && (low === 0 || above >= below * (1 - 1e-12));
    for (let k = 0; k < 2; k += 1) {
      if (goesUp && high < n - 1) inside += volumes[(high += 1)];
      else if (!goesUp && low > 0) inside += volumes[(low -= 1)];
    }
  }
  return [low, high];
}

/**
 * Profile as it is drawn: levels in prices, rows folded as the bars' rows.
 * @returns {{poc: number, low: number, high: number, rows: {row: number, bid: number, ask: number}[]}|null}
 */
export function profileOf(profile, forming, geo) {
  const dense = denseProfile(profile, forming, geo.rowSize);
  if (!dense) return null;
  const volumes = dense.bid.map((v, i) => v + dense.ask[i]);
  const poc = pointOfControl(volumes);
  if (poc < 0) return null;
  const [low, high] = valueArea(volumes, poc);
  const rows = [];
  for (let i = 0; i < volumes.length; i += 1) {
    const row = geo.rowOf(dense.low + i * geo.rowSize);
    let last = rows[rows.length - 1];
    if (last?.row !== row) rows.push((last = { row, bid: 0, ask: 0 }));
    last.bid += dense.bid[i];
    last.ask += dense.ask[i];
  }
  const price = (i) => dense.low + i * geo.rowSize;
  return { poc: price(poc), low: price(low), high: price(high), rows };
}

/** Paint the profile into its pane. */
export function paintProfile(ctx, geo, found, look) {
  const { profile: pane } = geo.rects;
  if (!pane.w) return;
  const { colours } = look;
  ctx.save();
  ctx.beginPath();
  ctx.rect(pane.x, pane.y, pane.w, pane.h);
  ctx.clip();
  if (found) {
    paintRows(ctx, geo, found, colours, pane);
    const poc = geo.y(found.poc + geo.rowSize / 2);
    for (const [name, price, colour] of [
      ["VAH", found.high, colours.muted],
      ["VAL", found.low, colours.muted],
      ["POC", found.poc, colours.accent],
    ]) {
      const y = snap(geo.y(price + geo.rowSize / 2), geo.dpr);
      ctx.fillStyle = colour;
      ctx.fillRect(pane.x + 2, y - 0.5, pane.w - 2, 1);
      if (name === "POC" || Math.abs(y - poc) > 12) label(ctx, name, pane.x + 5, y - 3, colour, colours.ground);
    }
    if (poc < pane.y || poc > pane.y + pane.h) {
      const y = poc < pane.y ? pane.y + 26 : pane.y + pane.h - 8;
      label(ctx, `POC ${poc < pane.y ? "\u2191" : "\u2193"}`, pane.x + 5, y, colours.accent, colours.ground);
    }
    label(ctx, "Profile", pane.x + 5, pane.y + 13, colours.muted, colours.ground);
  }
  ctx.restore();
}

function paintRows(ctx, geo, found, colours, pane) {
  const reach = pane.w - 6;
  const h = Math.max(1 / geo.dpr, geo.rowPx - (geo.rowPx >= 5 ? 1 / geo.dpr : 0));
  const shown = found.rows.filter(({ row }) => geo.yRow(row) > pane.y && geo.yRow(row) - geo.rowPx < pane.y + pane.h);
  const most = shown.reduce((largest, { bid, ask }) => Math.max(largest, bid + ask), 0) || 1; // of what is in sight
  for (const { row, bid, ask } of shown) {
    const y = geo.yRow(row) - geo.rowPx;
    const middle = geo.base + (row + 0.5) * geo.shownRow;
    const isInside = middle >= found.low && middle <= found.high + geo.rowSize;
    const sold = snap((bid / most) * reach, geo.dpr);
    const bought = snap((ask / most) * reach, geo.dpr);
    ctx.fillStyle = isInside ? colours.buyProfile : colours.buyQuiet;
    ctx.fillRect(pane.x + pane.w - bought, y, bought, h);
    ctx.fillStyle = isInside ? colours.sellProfile : colours.sellQuiet;
    ctx.fillRect(pane.x + pane.w - bought - sold, y, sold, h);
  }
}

/** A word with a rim of the ground, so that it stands off what is behind it. */
function label(ctx, text, x, y, colour, ground, align = "left") {
  ctx.font = `10.5px ${SANS}`;
  ctx.textAlign = align;
  ctx.textBaseline = "alphabetic";
  ctx.lineJoin = "round";
  ctx.lineWidth = 3;
  ctx.strokeStyle = ground;
  ctx.setLineDash([]);
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Naked levels of earlier sessions: dashed, from where they came from to the price axis. */
export function paintLevels(ctx, geo, levels, look) {
  const { colours } = look;
  ctx.save();
  for (const level of levels ?? []) {
    const y = snap(geo.y(level.price + geo.rowSize / 2), geo.dpr) + 0.5 / geo.dpr;
    if (y < geo.plot.y || y > geo.plot.y + geo.plot.h) continue;
    const isPoc = level.kind === "poc";
    const from = level.since === undefined ? geo.plot.x : Math.max(geo.plot.x, geo.xTime(level.since));
    ctx.setLineDash([2, 3]);
    ctx.lineWidth = 1;
    ctx.strokeStyle = isPoc ? colours.accent : colours.muted;
    ctx.globalAlpha = isPoc ? 0.75 : 0.6;
    ctx.beginPath();
    ctx.moveTo(from, y);
    ctx.lineTo(geo.plot.x + geo.plot.w + geo.rects.profile.w, y);
    ctx.stroke();
    ctx.globalAlpha = 1;
    label(ctx, level.text ?? level.kind, geo.plot.x + geo.plot.w - 4, y - 3, isPoc ? colours.accent : colours.muted, colours.ground, "right");
  }
  ctx.restore();
}
