/** Where everything stands: panes, columns, rows, and from pixels back to prices and bars. Pure. */

import { clamp, rowsFor, snap, TEXT_HEIGHT, TEXT_WIDTH, upperBound } from "./scale.js";

const TIMES = 24;
const MARGIN_COLUMNS = 1.6;

/**
 * Rectangles of the panes.
 * @param {number} width CSS pixels
 * @param {number} height
 * @param {number} dpr
 * @param {number} axis width of the price axis
 * @returns {Record<string, {x: number, y: number, w: number, h: number}>}
 */
export function panes(width, height, dpr, axis) {
  const s = (v) => snap(v, dpr);
  const profileW = width < 520 ? 0 : s(clamp(width * 0.085, 64, 168));
  const axisX = s(width - axis);
  const plotW = Math.max(40, axisX - profileW);
  const timesY = s(height - TIMES);
  const cvdH = height < 260 ? 0 : s(clamp(height * 0.115, 44, 150));
  const deltaH = height < 200 ? 0 : s(clamp(height * 0.08, 34, 100));
  const volumeH = height < 320 ? 0 : s(clamp(height * 0.055, 24, 70));
  const cvdY = timesY - cvdH;
  const volumeY = cvdY - volumeH;
  const deltaY = volumeY - deltaH;
  return {
    plot: { x: 0, y: 0, w: plotW, h: deltaY },
    profile: { x: plotW, y: 0, w: profileW, h: deltaY },
    axis: { x: axisX, y: 0, w: width - axisX, h: timesY },
    delta: { x: 0, y: deltaY, w: plotW, h: deltaH },
    volume: { x: 0, y: volumeY, w: plotW, h: volumeH },
    cvd: { x: 0, y: cvdY, w: plotW, h: cvdH },
    times: { x: 0, y: timesY, w: axisX, h: TIMES },
    whole: { x: 0, y: 0, w: width, h: height },
  };
}

/** Where the newest column ends while following: some air for what is ahead of it. */
export const rightEdge = (plot, columnW) => plot.x + plot.w - Math.min(MARGIN_COLUMNS * columnW, 0.12 * plot.w);

/**
 * How a column is divided: candle, cells, and what stands beside them.
 * @param {number} columnW CSS pixels
 * @param {string} mode `bidask`, `delta` or `volume`
 * @param {number} dpr
 */
export function column(columnW, mode, dpr) {
  const bare = columnW < 10; // a candle only
  const spine = bare ? columnW : snap(Math.min(10, columnW * 0.24), dpr);
  const gap = columnW >= 30 ? 7 : columnW >= 12 ? 2 : 1;
  const cells = bare ? 0 : Math.max(2 / dpr, snap(columnW - spine - gap, dpr));
  const half = Math.floor((cells * dpr) / 2) / dpr;
  const room = mode === "bidask" ? half : cells;
  return { columnW, bare, spine, gap, cells: mode === "bidask" ? 2 * half : cells, half, room,
    isWide: room > TEXT_WIDTH };
}

/**
 * Everything that painting needs to know about places, from what the reader chose and what there is.
 * @param {object} view see `view.js`
 * @param {object} rects of `panes`
 * @param {{bars: object[], forming: object|null, rowSize: number, tick: number, dpr: number, mode: string}} facts
 */
export function geometry(view, rects, facts) {
  const { bars, forming, rowSize, tick, dpr, mode } = facts;
  const plot = rects.plot;
  const slots = bars.length + (forming ? 1 : 0);
  const col = column(snap(view.columnW, dpr), mode, dpr);
  const { merge, rowPx } = rowsFor(view.rowPx, col.isWide, dpr);
  const first = bars[0] ?? forming;
  const base = first ? ((first.first_row % rowSize) + rowSize) % rowSize || 0 : 0;
  const shownRow = rowSize * merge;
  const perUnit = rowPx / shownRow;
  const middle = plot.y + plot.h / 2;
  const y0 = snap(middle + (view.centre - base) * perUnit, dpr);
  const right = rightEdge(plot, col.columnW);
  const edge = snap(right - (slots - view.back) * col.columnW, dpr);
  const x = (slot) => edge + slot * col.columnW;
  const y = (price) => y0 - (price - base) * perUnit;
  const barAt = (slot) => (slot < bars.length ? bars[slot] : slot === bars.length ? forming : null);
  const slotOfTime = (time) =>
    clamp(upperBound(slots, (k) => barAt(k).open_time, time) - 1, 0, Math.max(0, slots - 1));
  return {
    ...col, rects, plot, slots, forming: forming?.number ?? null, merge, rowPx, base, rowSize, shownRow, perUnit, tick, dpr, mode, x, y, barAt, slotOfTime,
    hasText: col.isWide && rowPx >= TEXT_HEIGHT,
    first: clamp(Math.floor((plot.x - edge) / col.columnW), 0, Math.max(0, slots - 1)),
    last: clamp(Math.ceil((plot.x + plot.w - edge) / col.columnW) - 1, -1, slots - 1),
    /** Low edge of a shown row on the screen. */
    yRow: (row) => y0 - row * rowPx,
    /** Shown row of a price. */
    rowOf: (price) => Math.floor((price - base) / shownRow + 1e-9),
    priceAt: (at) => base + (y0 - at) / perUnit,
    slotAt: (at) => Math.floor((at - edge) / col.columnW),
    /** The middle of a tick: a price is a tick tall, not a line. */
    yTick: (price) => y(price + tick / 2),
    slotOfTime,
    /** Where a moment stands, inside the cells of its bar. */
    xTime: (time) => {
      if (!slots) return right;
      const slot = slotOfTime(time);
      const bar = barAt(slot);
      const share = clamp((time - bar.open_time) / Math.max(1, bar.close_time - bar.open_time), 0, 1);
      return x(slot) + (col.bare ? share * col.columnW : col.spine + share * col.cells);
    },
  };
}
