/** Crosshair and what stands under it, exactly: bar, cell, marks. */

import { exact } from "./format.js";
import { fade, MONO } from "./palette.js";
import { snap } from "./scale.js";

/**
 * What lies under a place.
 * @param {object} geo
 * @param {number} x CSS pixels
 * @param {number} y
 * @param {object|null} [profile] of `profileOf`
 * @returns {{bar: object|null, price: number|null, row: object|null, isProfile: boolean}|null} null outside plot,
 *   profile and strips
 */
export function under(geo, x, y, profile = null) {
  const { plot, times, profile: pane } = geo.rects;
  if (x > pane.x && x < pane.x + pane.w && y >= 0 && y <= pane.h) return underProfile(geo, y, profile);
  if (x < plot.x || x > plot.x + plot.w || y < 0 || y > times.y) return null;
  const slot = geo.slotAt(x);
  const bar = slot >= 0 && slot < geo.slots ? geo.barAt(slot) : null;
  const price = y <= plot.y + plot.h ? Math.round(geo.priceAt(y) / geo.tick - 0.5) * geo.tick : null;
  return { slot, bar, price, row: price === null || !bar ? null : cellAt(geo, bar, price), isProfile: false };
}

function underProfile(geo, y, profile) {
  const price = Math.round(geo.priceAt(y) / geo.tick - 0.5) * geo.tick;
  const number = geo.rowOf(price);
  const found = profile?.rows.find((one) => one.row === number);
  const low = geo.base + number * geo.shownRow;
  const row = found ? { ...found, low, high: low + geo.shownRow - geo.tick } : null;
  return { slot: -1, bar: null, price, row, isProfile: true };
}

/** Volumes of the shown row at a price, and the prices it spans. */
function cellAt(geo, bar, price) {
  const row = geo.rowOf(price);
  const low = geo.base + row * geo.shownRow;
  const from = Math.round((low - bar.first_row) / geo.rowSize);
  let bid = 0;
  let ask = 0;
  let any = false;
  for (let i = Math.max(0, from); i < Math.min(bar.n_rows, from + geo.merge); i += 1) {
    bid += bar.bid[i];
    ask += bar.ask[i];
    any = true;
  }
  return any ? { row, low, high: low + geo.shownRow - geo.tick, bid, ask } : null;
}

/**
 * Lines of the readout, as pairs of a word and a value.
 * @param {object} found of `under`
 * @param {object} write of `writers`
 * @param {string[]} marks texts of marks under the place
 * @returns {{name: string, value: string, tone: string}[][]}
 */
export function readout(found, write, marks) {
  const lines = [];
  const { bar, row } = found;
  const part = (name, value, tone = "") => ({ name, value, tone });
  const tone = (value) => (value > 0 ? "buy" : value < 0 ? "sell" : "");
  if (bar) {
    lines.push([part("", write.moment(bar.open_time))]);
    if (bar.status === 2) lines[0].push(part("", "trades are missing", "warn"));
    if (bar.status === 1) lines[0].push(part("", "no trade"));
    if (bar.volume > 0) {
      lines.push([part("O", write.price(bar.open)), part("H", write.price(bar.high)),
        part("L", write.price(bar.low)), part("C", write.price(bar.close))]);
      lines.push([part("Vol", write.qty(bar.volume)), part("\u0394", write.delta(bar.delta), tone(bar.delta)),
        part("min", write.delta(bar.min_delta)), part("max", write.delta(bar.max_delta)),
        part("CVD", write.delta(bar.cvd), tone(bar.cvd))]);
    }
  }
  if (found.isProfile) lines.push([part("", "volume of the session so far")]);
  if (row) {
    const span = row.low === row.high ? write.price(row.low) : `${write.price(row.low)} \u2026 ${write.price(row.high)}`;
    const delta = row.ask - row.bid;
    lines.push([part("", span), part("bid", write.qty(row.bid), "sell"), part("ask", write.qty(row.ask), "buy"),
      part("\u0394", write.delta(delta), tone(delta))]);
  }
  for (const text of marks.slice(0, 4)) lines.push([part("", text, "event")]);
  if (marks.length > 4) lines.push([part("", `and ${exact(marks.length - 4, 0)} more here`, "event")]);
  return lines;
}

/** Lines through the place, price and time on the axes. */
export function paintCrosshair(ctx, geo, look, x, y, found) {
  const { colours, write } = look;
  const { plot, axis, times } = geo.rects;
  const px = 1 / geo.dpr;
  ctx.fillStyle = fade(colours.ink, 0.32);
  const column = found.bar && !geo.bare;
  if (column) {
    ctx.fillStyle = fade(colours.muted, 0.1);
    ctx.fillRect(geo.x(found.slot), 0, geo.columnW, times.y);
  } else if (!found.isProfile) {
    ctx.fillRect(snap(x, geo.dpr), 0, px, times.y);
  }
  if (found.price !== null) {
    ctx.fillStyle = fade(colours.ink, 0.32);
    const at = snap(geo.yTick(found.price), geo.dpr);
    ctx.fillRect(plot.x, at, axis.x - plot.x, px);
    tag(ctx, axis.x + 1, at, axis.w - 1, write.price(found.price), colours, "left", 7);
  } else {
    ctx.fillStyle = fade(colours.ink, 0.2);
    ctx.fillRect(plot.x, snap(y, geo.dpr), plot.w, px);
  }
  if (found.bar) {
    const text = write.clock(found.bar.open_time);
    const wide = text.length * 6.8 + 12;
    const left = Math.min(Math.max(0, geo.x(found.slot) + geo.columnW / 2 - wide / 2), axis.x - wide);
    tag(ctx, left, times.y + times.h / 2 + 0.5, wide, text, colours, "center", wide / 2);
  }
}

function tag(ctx, x, y, w, text, colours, align, inset) {
  ctx.fillStyle = colours.panel;
  ctx.fillRect(x, y - 9, w, 18);
  ctx.strokeStyle = colours.muted;
  ctx.lineWidth = 1;
  ctx.strokeRect(x + 0.5, Math.round(y - 9) + 0.5, w - 1, 17);
  ctx.font = `11px ${MONO}`;
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  ctx.fillStyle = colours.ink;
  ctx.fillText(text, x + inset, y + 0.5);
}
