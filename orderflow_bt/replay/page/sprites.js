/** Pictures of finished bars, painted once and kept while width, height, mode and colours stay. */

import { PAD, paintBar } from "./paint_bar.js";

const MOST_PIXELS = 4096 * 512; // a taller bar is painted directly, only where it is visible
const SPARE = 160; // pictures kept beyond those on the screen

export class Sprites {
  constructor() {
    this.kept = new Map();
    this.painted = 0;
  }

  /** Forget every picture. */
  clear() {
    this.kept.clear();
  }

  /**
   * Draw a closed bar, from its picture where there is one.
   * @param {CanvasRenderingContext2D} ctx in CSS pixels
   * @param {object} geo
   * @param {() => object} cellsOf gives `Grid.cellsOf` of the bar
   * @param {object} bar
   * @param {object} rows its folded rows
   * @param {object} look
   * @param {number} x left edge of its column
   * @param {string} key what the picture depends on beside the bar
   */
  draw(ctx, geo, cellsOf, bar, rows, look, x, key) {
    if (geo.bare || rows.bid.length === 0) {
      paintBar(ctx, geo, { bar, rows }, look, x, geo.yRow); // a candle, or the dots of a bar without trades
      return;
    }
    const height = rows.bid.length * geo.rowPx + 2 * PAD;
    const top = geo.yRow(rows.low + rows.bid.length) - PAD;
    if (top > geo.plot.y + geo.plot.h || top + height < geo.plot.y) return;
    const pxW = Math.ceil((geo.columnW + 2) * geo.dpr);
    const pxH = Math.ceil(height * geo.dpr);
    if (pxW * pxH > MOST_PIXELS || pxH > 8192) {
      const clip = [geo.rowOf(geo.priceAt(geo.plot.y + geo.plot.h)), geo.rowOf(geo.priceAt(geo.plot.y))];
      paintBar(ctx, geo, cellsOf(), look, x, geo.yRow, clip);
      return;
    }
    let sprite = this.kept.get(bar.number);
    if (sprite?.key !== key || sprite.bar !== bar) {
      const canvas = new OffscreenCanvas(pxW, pxH);
      const own = canvas.getContext("2d");
      own.setTransform(geo.dpr, 0, 0, geo.dpr, 0, 0);
      const head = rows.low + rows.bid.length;
      paintBar(own, geo, cellsOf(), look, 0, (row) => PAD + (head - row) * geo.rowPx);
      sprite = { key, bar, canvas };
      this.painted += 1;
    } else {
      this.kept.delete(bar.number); // to the end: the oldest use goes first
    }
    this.kept.set(bar.number, sprite);
    ctx.drawImage(sprite.canvas, x, top, pxW / geo.dpr, pxH / geo.dpr);
  }

  /** Keep what the screen needs, and some beside it. @param {number} visible bars on the screen */
  trim(visible) {
    for (const number of this.kept.keys()) {
      if (this.kept.size <= visible + SPARE) return;
      this.kept.delete(number);
    }
  }
}
