/** Axes, grid, gaps, and the strips below: delta, volume, cumulative delta. Pure canvas. */

import { DAY, dayUtc, short, shortSigned, timeStep } from "./format.js";
import { fade, MONO, SANS } from "./palette.js";
import { niceCeiling, priceTicks, roundRange, snap } from "./scale.js";

const EMPTY = 1;
const GAP = 2;
const NUMBER_WIDTH = 38; // a strip's bar narrower than this carries no number

/** Scales of the strips, from what is visible; round, so that they change seldom. */
export function stripScales(geo) {
  let delta = 0;
  let volume = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let slot = Math.max(0, geo.first - 1); slot <= geo.last; slot += 1) {
    const bar = geo.barAt(slot);
    if (!bar) continue;
    delta = Math.max(delta, Math.abs(bar.delta) || 0);
    volume = Math.max(volume, bar.volume || 0);
    if (!Number.isFinite(bar.cvd)) continue;
    low = Math.min(low, bar.cvd);
    high = Math.max(high, bar.cvd);
  }
  const [cvdLow, cvdHigh] = low <= high ? roundRange(low, high) : [-1, 1];
  return { delta: niceCeiling(delta), volume: niceCeiling(volume), cvdLow, cvdHigh };
}

const hair = (ctx, x, y, w, h, colour) => {
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, w, h);
};

/** Ground, price grid, borders of panes. */
export function paintGround(ctx, geo, look) {
  const { colours } = look;
  const { whole, axis, times, delta, volume, cvd, profile } = geo.rects;
  const px = 1 / geo.dpr;
  hair(ctx, 0, 0, whole.w, whole.h, colours.ground);
  const { at } = priceTicks(geo.priceAt(geo.plot.y + geo.plot.h), geo.priceAt(geo.plot.y), geo.perUnit, geo.tick);
  for (const price of at) hair(ctx, geo.plot.x, snap(geo.yTick(price), geo.dpr), geo.plot.w, px, colours.rule);
  for (const pane of [delta, volume, cvd, times]) if (pane.h) hair(ctx, 0, pane.y, axis.x, px, colours.rule);
  hair(ctx, axis.x, 0, px, whole.h, colours.rule);
  if (profile.w) hair(ctx, profile.x, 0, px, profile.h, colours.rule);
}

/** Prices beside the plot; those under a tag are left out. @param {number[]} taken heights of tags */
export function paintPriceAxis(ctx, geo, look, taken) {
  const { axis } = geo.rects;
  const { at } = priceTicks(geo.priceAt(geo.plot.y + geo.plot.h), geo.priceAt(geo.plot.y), geo.perUnit, geo.tick);
  ctx.font = `11px ${MONO}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillStyle = look.colours.muted;
  for (const price of at) {
    const y = geo.yTick(price);
    if (y < 8 || y > geo.plot.h - 8 || taken.some((other) => Math.abs(other - y) < 16)) continue;
    ctx.fillText(look.write.price(price), axis.x + 8, y + 0.5);
  }
}

/** Which bars get a time below them. @returns {{slot: number, text: string, isDay: boolean}[]} */
export function timeLabels(geo, write) {
  const found = [];
  if (geo.last < geo.first || !geo.slots) return found;
  const first = geo.barAt(geo.first).open_time;
  const last = geo.barAt(geo.last).open_time;
  const room = write.isUtc ? 74 : 92;
  const step = timeStep(last - first, Math.max(1, Math.floor(geo.plot.w / room)));
  let free = geo.plot.x + 6;
  for (let slot = geo.first; slot <= geo.last; slot += 1) {
    const bar = geo.barAt(slot);
    const before = slot > 0 ? geo.barAt(slot - 1).open_time : bar.open_time - 1;
    const isStep = Math.floor(bar.open_time / step) !== Math.floor(before / step);
    const x = geo.x(slot) + geo.spine / 2;
    if ((!isStep && geo.slots > 1) || x < free || x > geo.plot.x + geo.plot.w - 30) continue;
    const isDay = write.isUtc && Math.floor(bar.open_time / DAY) !== Math.floor(before / DAY);
    found.push({ slot, text: isDay ? dayUtc(bar.open_time) : write.clock(bar.open_time), isDay });
    free = x + room - 12;
  }
  return found;
}

/** Times below, and a line where a trading session begins. */
export function paintTimeAxis(ctx, geo, look) {
  const { colours, write } = look;
  const { times, axis } = geo.rects;
  ctx.textBaseline = "middle";
  for (const { slot, text, isDay } of timeLabels(geo, write)) {
    const x = snap(geo.x(slot) + (geo.bare ? geo.columnW / 2 : geo.spine * 0.42), geo.dpr);
    hair(ctx, x - 0.5, times.y, 1, 4, colours.faint);
    ctx.font = `${isDay ? "600 " : ""}11px ${MONO}`;
    ctx.fillStyle = isDay ? colours.ink : colours.muted;
    ctx.textAlign = x < 24 ? "left" : "center";
    ctx.fillText(text, Math.max(2, x), times.y + times.h / 2 + 1);
  }
  ctx.font = `10.5px ${SANS}`;
  ctx.fillStyle = colours.muted;
  ctx.textAlign = "left";
  ctx.fillText(write.isUtc ? "UTC" : "elapsed", axis.x + 8, times.y + times.h / 2 + 1);
  for (let slot = Math.max(1, geo.first); slot <= geo.last; slot += 1) {
    if (geo.barAt(slot).session === geo.barAt(slot - 1).session) continue;
    hair(ctx, snap(geo.x(slot) - 0.5, geo.dpr), 0, 1 / geo.dpr, times.y, colours.faint);
  }
}

/** Hatch where trades are missing: never a clean bar across a hole. */
export function paintGaps(ctx, geo, look) {
  for (let slot = geo.first; slot <= geo.last; slot += 1) {
    if (geo.barAt(slot)?.status === GAP) paintGap(ctx, geo, look, geo.x(slot));
  }
}

function paintGap(ctx, geo, look, x) {
  const { delta, cvd } = geo.rects;
  const height = (cvd.h ? cvd.y + cvd.h : delta.y) - geo.plot.y;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, geo.plot.y, geo.columnW, height);
  ctx.clip();
  ctx.strokeStyle = fade(look.colours.muted, 0.4);
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let y = geo.plot.y - geo.columnW; y < geo.plot.y + height; y += 7) {
    ctx.moveTo(x, y + geo.columnW);
    ctx.lineTo(x + geo.columnW, y);
  }
  ctx.stroke();
  ctx.restore();
  if (geo.columnW < 26) return;
  ctx.font = `10px ${SANS}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  hair(ctx, x + geo.columnW / 2 - 12, 4, 24, 14, look.colours.ground);
  ctx.fillStyle = look.colours.muted;
  ctx.fillText("gap", x + geo.columnW / 2, 11);
}

/** Small signs for bars that lie wholly above or below what is shown. */
export function paintOutside(ctx, geo, { colours }, last) {
  if (geo.columnW < 5) return;
  const { y: top, h } = geo.plot;
  ctx.fillStyle = colours.muted;
  for (let slot = geo.first; slot <= last; slot += 1) {
    const bar = geo.barAt(slot);
    if (!(bar.volume > 0)) continue;
    const isAbove = geo.y(bar.low) < top;
    if (!isAbove && geo.y(bar.high) <= top + h) continue;
    const x = geo.x(slot) + geo.columnW / 2;
    const [tip, foot] = isAbove ? [top + 3, top + 7] : [top + h - 3, top + h - 7];
    ctx.beginPath();
    ctx.moveTo(x, tip);
    ctx.lineTo(x - 3.5, foot);
    ctx.lineTo(x + 3.5, foot);
    ctx.closePath();
    ctx.fill();
  }
}

/** Names of the strips and how far they reach. */
export function paintStripLabels(ctx, geo, look, scales) {
  const { colours, unit, whole } = look;
  const { delta, volume, cvd, axis } = geo.rects;
  for (const [pane, name, most] of [
    [delta, "Delta", `\u00b1${short(scales.delta * unit, whole)}`],
    [volume, "Volume", short(scales.volume * unit, whole)],
    [cvd, "CVD", ""],
  ]) {
    if (!pane.h) continue;
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    ctx.font = `10.5px ${SANS}`;
    ctx.fillStyle = colours.muted;
    ctx.fillText(name, axis.x + 8, pane.y + (pane === cvd ? 13 : pane.h / 2 - 2));
    ctx.font = `10.5px ${MONO}`;
    if (most) ctx.fillText(most, axis.x + 8, pane.y + pane.h / 2 + 11);
  }
  if (delta.h) hair(ctx, 0, snap(delta.y + delta.h / 2, geo.dpr), delta.w, 1 / geo.dpr, colours.rule);
}

/** Delta and volume of one bar, aligned with it. */
export function paintStrips(ctx, geo, look, scales, slot) {
  const bar = geo.barAt(slot);
  if (!bar || bar.status === EMPTY) return;
  const { colours } = look;
  const { delta, volume } = geo.rects;
  const x = geo.x(slot) + (geo.bare ? 0 : geo.spine);
  const w = geo.bare ? Math.max(1, geo.columnW - 1) : geo.cells;
  if (delta.h) {
    const middle = snap(delta.y + delta.h / 2, geo.dpr);
    const reach = (bar.delta / scales.delta) * (delta.h / 2 - 3);
    const long = Math.max(bar.delta ? 1 : 0, snap(Math.abs(reach), geo.dpr));
    hair(ctx, x, reach > 0 ? middle - long : middle, w, long, bar.delta > 0 ? colours.buyBar : colours.sellBar);
  }
  if (volume.h) {
    const tall = Math.max(bar.volume > 0 ? 1 : 0, snap((bar.volume / scales.volume) * (volume.h - 4), geo.dpr));
    hair(ctx, x, volume.y + volume.h - tall, w, tall, colours.volume);
  }
  if (w >= NUMBER_WIDTH && bar.volume > 0) paintStripNumbers(ctx, geo, look, bar, x + w / 2);
}

/** Delta on the free side of its zero, volume at the foot of its bar. */
function paintStripNumbers(ctx, geo, { colours, unit, whole }, bar, middle) {
  const { delta, volume } = geo.rects;
  ctx.font = `10px ${MONO}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  if (delta.h >= 34) {
    ctx.fillStyle = bar.delta > 0 ? colours.buyLit : bar.delta < 0 ? colours.sellLit : colours.muted;
    ctx.fillText(shortSigned(bar.delta * unit, whole), middle, delta.y + delta.h / 2 + (bar.delta > 0 ? 9 : -8));
  }
  if (volume.h >= 24) {
    ctx.fillStyle = colours.ink;
    ctx.fillText(short(bar.volume * unit, whole), middle, volume.y + volume.h - 8);
  }
}

/**
 * Runs of bars that cumulative delta may join: not across missing data, nor where it begins anew.
 * @returns {number[][]} slots
 */
export function cvdRuns(geo, first, last) {
  const found = [];
  let run = [];
  for (let slot = Math.max(0, first); slot <= last; slot += 1) {
    const bar = geo.barAt(slot);
    const before = slot > 0 ? geo.barAt(slot - 1) : null;
    const breaks = bar.status === GAP || before?.status === GAP || (before && before.session !== bar.session);
    if (breaks && run.length) {
      found.push(run);
      run = [];
    }
    if (bar.status !== GAP && Number.isFinite(bar.cvd)) run.push(slot);
  }
  if (run.length) found.push(run);
  return found;
}

const cvdY = (pane, scales) => (value) =>
  pane.y + 5 + ((scales.cvdHigh - value) / (scales.cvdHigh - scales.cvdLow)) * (pane.h - 10);

/** Zero of cumulative delta, or where it lies; and how far the strip reaches. */
export function paintCvdScale(ctx, geo, look, scales) {
  const { cvd: pane, axis } = geo.rects;
  if (!pane.h) return;
  const { colours, unit, whole } = look;
  const y = cvdY(pane, scales);
  const isIn = scales.cvdLow <= 0 && scales.cvdHigh >= 0;
  const zero = snap(y(0), geo.dpr);
  if (isIn) hair(ctx, 0, zero, pane.w, 1 / geo.dpr, colours.faint);
  ctx.font = `10.5px ${MONO}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillStyle = colours.muted;
  let free = pane.y + 26; // below the strip's name
  for (const value of new Set([scales.cvdHigh, ...(isIn ? [0] : []), scales.cvdLow])) {
    const at = Math.min(value === scales.cvdHigh ? free : y(value), pane.y + pane.h - 8);
    const isCrowded = value !== 0 && isIn && Math.abs(at - zero) < 13;
    if (isCrowded || at < free) continue;
    free = at + 13;
    const text = value < 0 ? `\u2212${short(-value * unit, whole)}` : short(value * unit, whole);
    ctx.fillText(text, axis.x + 8, at);
  }
  if (isIn) return;
  ctx.font = `10.5px ${SANS}`;
  ctx.fillText(scales.cvdLow > 0 ? "zero \u2193" : "zero \u2191", axis.x + 8, pane.y + pane.h / 2);
}

/** Cumulative delta as a line, a dot where it stands now. */
export function paintCvd(ctx, geo, look, scales, first, last) {
  const { cvd: pane } = geo.rects;
  if (!pane.h) return;
  const { colours } = look;
  const y = cvdY(pane, scales);
  const x = (slot) => geo.x(slot) + (geo.bare ? geo.columnW / 2 : geo.spine + geo.cells / 2);
  ctx.save();
  ctx.beginPath();
  ctx.rect(pane.x, pane.y, pane.w, pane.h);
  ctx.clip();
  ctx.strokeStyle = colours.curve;
  ctx.fillStyle = colours.curve;
  ctx.lineWidth = 1.5;
  ctx.lineJoin = "round";
  for (const run of cvdRuns(geo, first, last)) {
    ctx.beginPath();
    run.forEach((slot, k) => ctx[k ? "lineTo" : "moveTo"](x(slot), y(geo.barAt(slot).cvd)));
    ctx.stroke();
    const end = run[run.length - 1];
    if (run.length > 1 && end !== geo.slots - 1) continue;
    ctx.beginPath();
    ctx.arc(x(end), y(geo.barAt(end).cvd), end === geo.slots - 1 ? 2.5 : 1.5, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}
