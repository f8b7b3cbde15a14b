/** One bar: candle, cells, imbalances, point of control, value area, unfinished auction. Pure canvas. */

import { short, shortSigned } from "./format.js";
import { LIT, runs } from "./grid.js";
import { DEPTHS, fade, MONO } from "./palette.js";
import { snap } from "./scale.js";

/** Room above and below the cells for the dot of an unfinished auction, CSS pixels. */
export const PAD = 9;
const EMPTY = 1;
const GAP = 2;
const OPEN_HIGH = 1;
const OPEN_LOW = 2;

/**
 * Paint a bar at its place.
 * @param {CanvasRenderingContext2D} ctx in CSS pixels
 * @param {object} geo of `geometry`
 * @param {object} cells of `Grid.cellsOf`
 * @param {object} look `{colours, unit, whole}`
 * @param {number} x left edge of the column
 * @param {(row: number) => number} yRow low edge of a shown row
 * @param {[number, number]} [clip] lowest and highest shown row worth painting
 */
export function paintBar(ctx, geo, cells, look, x, yRow, clip = [-Infinity, Infinity]) {
  const { bar, rows } = cells;
  if (bar.status === EMPTY || rows.bid.length === 0) {
    paintEmpty(ctx, geo, bar, look, x, yRow);
    return;
  }
  const from = Math.max(0, clip[0] - rows.low);
  const to = Math.min(rows.bid.length, clip[1] - rows.low + 1);
  if (!geo.bare) {
    const left = x + geo.spine;
    if (geo.mode === "bidask") paintSides(ctx, geo, cells, look, left, yRow, from, to);
    else if (geo.mode === "delta") paintDelta(ctx, geo, cells, look, left, yRow, from, to);
    else paintVolume(ctx, geo, cells, look, left, yRow, from, to);
    paintArea(ctx, geo, cells, look, left, yRow);
    paintStacks(ctx, geo, cells, look, left, yRow);
    paintPoc(ctx, geo, cells, look, left, yRow);
    if (geo.hasText) paintNumbers(ctx, geo, cells, look, left, yRow, from, to);
  }
  paintSpine(ctx, geo, bar, look, x, yRow);
  if (geo.columnW >= 20) paintUnfinished(ctx, geo, bar, look, x, yRow);
}

const yOf = (geo, yRow, price) => yRow((price - geo.base) / geo.shownRow);
const rowGap = (geo) => (geo.rowPx >= 6 ? 1 / geo.dpr : 0);
const step = (volume, depth) => Math.round(Math.min(1, (volume / depth) ** 0.8) * DEPTHS);

function paintSides(ctx, geo, { rows, depth, flags }, { colours }, left, yRow, from, to) {
  const h = geo.rowPx - rowGap(geo);
  const half = geo.half;
  const seam = half >= 8 ? 1 / geo.dpr : 0;
  for (const [volumes, shades, x] of [
    [rows.bid, geo.hasText ? colours.sellUnderText : colours.sellDepth, left],
    [rows.ask, geo.hasText ? colours.buyUnderText : colours.buyDepth, left + half],
  ]) {
    for (let i = from; i < to; i += 1) {
      ctx.fillStyle = shades[step(volumes[i], depth)];
      ctx.fillRect(x, yRow(rows.low + i) - geo.rowPx, half - seam, h);
    }
  }
  const tick = Math.max(1, Math.min(2, half / 8));
  for (const [bit, lit, x] of [
    [LIT.sell, colours.sellLit, left],
    [LIT.buy, colours.buyLit, left + 2 * half - seam - tick],
  ]) {
    ctx.fillStyle = lit;
    for (let i = from; i < to; i += 1) {
      if (flags[i] & bit) ctx.fillRect(x, yRow(rows.low + i) - geo.rowPx, tick, h);
    }
  }
}

function paintDelta(ctx, geo, { rows, depth, flags }, { colours }, left, yRow, from, to) {
  const h = geo.rowPx - rowGap(geo);
  const [buys, sells] = geo.hasText
    ? [colours.buyUnderText, colours.sellUnderText]
    : [colours.buyDepth, colours.sellDepth];
  for (let i = from; i < to; i += 1) {
    const delta = rows.ask[i] - rows.bid[i];
    const shades = delta < 0 ? sells : buys;
    const y = yRow(rows.low + i) - geo.rowPx;
    ctx.fillStyle = shades[step(Math.abs(delta), depth)];
    ctx.fillRect(left, y, geo.cells, h);
    if (flags[i] & (LIT.buy | LIT.sell)) paintTicks(ctx, flags[i], colours, left, geo.cells, y, h);
  }
}

function paintVolume(ctx, geo, { rows, depth, flags }, { colours }, left, yRow, from, to) {
  const h = geo.rowPx - rowGap(geo);
  for (let i = from; i < to; i += 1) {
    const y = yRow(rows.low + i) - geo.rowPx;
    const volume = rows.bid[i] + rows.ask[i];
    const reach = Math.min(1, volume / (2 * depth));
    ctx.fillStyle = colours.volumeDepth[0];
    ctx.fillRect(left, y, geo.cells, h);
    ctx.fillStyle = colours.volumeDepth[Math.round(4 + 6 * reach)];
    ctx.fillRect(left, y, Math.max(volume > 0 ? 1 / geo.dpr : 0, snap(reach * geo.cells, geo.dpr)), h);
    if (flags[i] & (LIT.buy | LIT.sell)) paintTicks(ctx, flags[i], colours, left, geo.cells, y, h);
  }
}

function paintTicks(ctx, flags, colours, left, width, y, h) {
  const tick = Math.max(1, Math.min(2, width / 16));
  if (flags & LIT.sell) {
    ctx.fillStyle = colours.sellLit;
    ctx.fillRect(left, y, tick, h);
  }
  if (flags & LIT.buy) {
    ctx.fillStyle = colours.buyLit;
    ctx.fillRect(left + width - tick, y, tick, h);
  }
}

/** A quiet band beside the rows of the value area. */
function paintArea(ctx, geo, { bar }, { colours }, left, yRow) {
  if (geo.gap < 7 || !(bar.volume > 0)) return;
  const top = yOf(geo, yRow, bar.value_high + geo.rowSize);
  const bottom = yOf(geo, yRow, bar.value_low);
  ctx.fillStyle = colours.area;
  ctx.fillRect(snap(left + geo.cells + 4.5, geo.dpr), snap(top, geo.dpr), 1.5, Math.max(1, snap(bottom - top, geo.dpr)));
}

/** A bracket beside three or more imbalances in a row. */
function paintStacks(ctx, geo, { rows, flags }, { colours }, left, yRow) {
  if (geo.columnW < 20 || geo.rowPx < 2) return;
  const right = left + geo.cells;
  ctx.lineWidth = 1.25;
  for (const [bit, x, reach, lit] of [
    [LIT.stackedSell, left - 1.5, 2.5, colours.sellLit],
    [LIT.stackedBuy, right + 2, -2.5, colours.buyLit],
  ]) {
    ctx.strokeStyle = lit;
    for (const [start, stop] of runs(flags, bit)) {
      const low = yRow(rows.low + start) - 1.5;
      const high = yRow(rows.low + stop) + 1;
      ctx.beginPath();
      ctx.moveTo(x + reach, low);
      ctx.lineTo(x, low);
      ctx.lineTo(x, high);
      ctx.lineTo(x + reach, high);
      ctx.stroke();
    }
  }
}

function paintPoc(ctx, geo, { rows }, { colours }, left, yRow) {
  if (rows.poc < 0 || geo.columnW < 10) return;
  const y = yRow(rows.low + rows.poc) - geo.rowPx;
  if (geo.rowPx < 4) {
    ctx.fillStyle = fade(colours.accent, 0.6);
    ctx.fillRect(left, y + geo.rowPx / 2 - 0.5, geo.cells, 1);
    return;
  }
  ctx.strokeStyle = geo.hasText ? colours.accent : fade(colours.accent, 0.6);
  ctx.lineWidth = 1;
  ctx.strokeRect(left + 0.5, y + 0.5, geo.cells - 1, geo.rowPx - rowGap(geo) - 1);
}

/** The candle: a thin spine left of its cells, or alone where there is no room for them. */
function paintSpine(ctx, geo, bar, { colours }, x, yRow) {
  const y = (price) => yOf(geo, yRow, price);
  const middle = geo.bare
    ? x + Math.max(0.5 / geo.dpr, snap((geo.columnW - 1) / 2, geo.dpr))
    : x + snap(geo.spine * 0.42, geo.dpr);
  const isFlat = bar.close === bar.open;
  ctx.fillStyle = isFlat ? colours.muted : bar.close > bar.open ? colours.buy : colours.sell;
  const top = snap(y(bar.high + geo.tick), geo.dpr);
  const wick = 1 / Math.min(geo.dpr, 1);
  ctx.fillRect(middle - wick / 2, top, wick, Math.max(1, snap(y(bar.low), geo.dpr) - top));
  const body = geo.bare ? Math.max(1, geo.columnW - 1) : Math.max(2, Math.min(4, snap(geo.spine * 0.42, geo.dpr)));
  const head = snap(y(Math.max(bar.open, bar.close) + geo.tick), geo.dpr);
  const foot = snap(y(Math.min(bar.open, bar.close)), geo.dpr);
  ctx.fillRect(geo.bare ? x : middle - body / 2, head, body, Math.max(1, foot - head));
}

/** A small open dot beyond an extreme at which both sides traded. */
function paintUnfinished(ctx, geo, bar, { colours }, x, yRow) {
  const middle = x + snap(geo.spine * 0.42, geo.dpr);
  ctx.strokeStyle = colours.muted;
  ctx.lineWidth = 1;
  for (const [bit, y] of [
    [OPEN_HIGH, yOf(geo, yRow, bar.high + geo.tick) - 5],
    [OPEN_LOW, yOf(geo, yRow, bar.low) + 5],
  ]) {
    if (!(bar.flags & bit)) continue;
    ctx.beginPath();
    ctx.arc(middle, y, 2.4, 0, 2 * Math.PI);
    ctx.stroke();
  }
}

/** A bar without trades: a dotted line at the price that stood. */
function paintEmpty(ctx, geo, bar, { colours }, x, yRow) {
  if (bar.status === GAP || !Number.isFinite(bar.close)) return;
  const y = snap(yOf(geo, yRow, bar.close + geo.tick / 2), geo.dpr);
  ctx.fillStyle = colours.muted;
  for (let at = x + 1; at < x + geo.columnW - 1; at += 4) ctx.fillRect(at, y - 0.5, 1.5, 1);
}

function paintNumbers(ctx, geo, { rows, flags }, look, left, yRow, from, to) {
  const { colours, unit, whole } = look;
  const wide = geo.mode === "bidask" ? geo.half : geo.cells;
  const letters = geo.mode === "delta" ? 5 : 4;
  const size = Math.min(geo.rowPx * 0.8, (wide - 6) / (letters * 0.602), 12);
  const dim = colours.ink;
  const plain = `${size}px ${MONO}`;
  const bold = `700 ${size}px ${MONO}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  const drop = (geo.rowPx - rowGap(geo)) / 2 - size * 0.365;
  const write = (text, x, i, lit) => {
    ctx.font = lit ? bold : plain;
    ctx.fillStyle = lit ?? dim;
    ctx.fillText(text, x, yRow(rows.low + i) - rowGap(geo) - drop);
  };
  const right = left + geo.cells - 3.5;
  for (let i = from; i < to; i += 1) {
    const buy = flags[i] & LIT.buy ? colours.buyLit : null;
    const sell = flags[i] & LIT.sell ? colours.sellLit : null;
    const bid = rows.bid[i];
    const ask = rows.ask[i];
    if (geo.mode === "bidask") {
      if (bid) write(short(bid * unit, whole), left + geo.half - 4, i, sell);
      if (ask) write(short(ask * unit, whole), right, i, buy);
    } else if (bid || ask) {
      const value = geo.mode === "delta" ? shortSigned((ask - bid) * unit, whole) : short((bid + ask) * unit, whole);
      write(value, right, i, buy ?? sell);
    }
  }
}
