/** What stands on each canvas: history (closed bars, grid, marks) and live (forming bar, orders, profile). */

import { paintBar } from "./paint_bar.js";
import { paintMarks } from "./paint_marks.js";
import { paintAxisTags, paintFills, paintLast, paintOrders, paintPosition, paintQuotes, paintTrips } from "./paint_orders.js";
import * as strips from "./paint_panes.js";
import { fade, SANS } from "./palette.js";
import { paintLevels, paintProfile, profileOf } from "./profile.js";

/**
 * Paint closed bars and what is behind them, unless nothing of it changed.
 * @param {CanvasRenderingContext2D} ctx
 * @param {object} stage `{geo, store, look, grid, sprites, hits}`
 * @param {string} before key of what stands there
 * @param {object} painted counters
 * @returns {string} key of what stands there now
 */
export function paintHistory(ctx, stage, before, painted) {
  const { geo, store, look, grid, sprites } = stage;
  const scales = strips.stripScales(geo);
  stage.scales = scales;
  const { colours } = look;
  const hides = hidden(store);
  stage.hides = hides;
  const picture = [geo.columnW, geo.rowPx, geo.merge, geo.mode, geo.dpr, colours.ground, colours.buy, look.unit, hides.auction].join("/");
  const { whole } = geo.rects;
  const key = [picture, geo.x(0), geo.yRow(0), whole.w, whole.h, geo.plot.w, store.epoch, store.bars.length, marksKey(store),
    hides.marks, Object.values(scales).join("/")].join("|");
  if (key === before) return before;
  painted.history += 1;
  strips.paintGround(ctx, geo, look);
  inside(ctx, geo.plot, () => {
    const closed = Math.min(geo.last, store.bars.length - 1);
    for (let slot = geo.first; slot <= closed; slot += 1) {
      const bar = geo.barAt(slot);
      const cells = () => hushed(grid.cellsOf(geo, slot), hides);
      sprites.draw(ctx, geo, cells, bar, grid.folded(bar, geo), look, geo.x(slot), picture);
    }
    sprites.trim(closed - geo.first + 1);
    strips.paintOutside(ctx, geo, look, closed);
  });
  inside(ctx, geo.rects.whole, () => {
    for (let slot = geo.first; slot <= Math.min(geo.last, store.bars.length - 1); slot += 1) {
      strips.paintStrips(ctx, geo, look, scales, slot);
    }
  }, geo.plot.w);
  strips.paintCvdScale(ctx, geo, look, scales);
  strips.paintCvd(ctx, geo, look, scales, geo.first - 1, Math.min(geo.last + 1, store.bars.length - 1));
  inside(ctx, geo.rects.whole, () => strips.paintGaps(ctx, geo, look), geo.plot.w);
  strips.paintStripLabels(ctx, geo, look, scales);
  strips.paintTimeAxis(ctx, geo, look);
  stage.hits.marks = [];
  let pennants = [0, 0];
  if (!hides.marks) {
    inside(ctx, geo.plot, () => {
      pennants = paintMarks(ctx, geo, store.marks, look, stage.hits.marks);
    });
  }
  paintLegend(ctx, geo, store, look, pennants);
  return key;
}

/** Paint what moves: the forming bar, profile, quotes, orders, tags. */
export function paintLive(ctx, stage, painted) {
  const { geo, store, look, grid, scales, hides } = stage;
  const { whole } = geo.rects;
  painted.live += 1;
  ctx.clearRect(0, 0, whole.w, whole.h);
  if (!geo.slots) {
    paintNothing(ctx, geo, look);
    return;
  }
  const profile = profileOf(store.profile, store.forming, geo);
  stage.hits.profile = profile;
  inside(ctx, geo.plot, () => {
    if (store.forming && geo.last === store.bars.length) paintForming(ctx, geo, grid, look, hides);
    paintQuotes(ctx, geo, store, look);
    stage.hits.own = [];
    paintTrips(ctx, geo, store, look, stage.hits.own);
    paintFills(ctx, geo, store, look, stage.hits.own);
  });
  if (store.forming && geo.last === store.bars.length) {
    inside(ctx, whole, () => strips.paintStrips(ctx, geo, look, scales, store.bars.length), geo.plot.w);
    strips.paintCvd(ctx, geo, look, scales, store.bars.length - 1, store.bars.length);
  }
  paintProfile(ctx, geo, profile, look);
  paintLevels(ctx, geo, store.levels, look);
  paintLast(ctx, geo, store, look);
  const handles = [];
  const tags = [];
  paintPosition(ctx, geo, store, look, tags);
  paintOrders(ctx, geo, store, look, { handles, tags, dragged: stage.dragged });
  stage.hits.handles = handles;
  strips.paintPriceAxis(ctx, geo, look, paintAxisTags(ctx, geo, store, look, tags));
  if (stage.behind > 0) paintBehind(ctx, geo, look, stage.behind);
}

function paintForming(ctx, geo, grid, look, hides) {
  const slot = geo.slots - 1;
  const x = geo.x(slot);
  const clip = [geo.rowOf(geo.priceAt(geo.plot.y + geo.plot.h)), geo.rowOf(geo.priceAt(geo.plot.y))];
  ctx.fillStyle = fade(look.colours.muted, 0.06);
  ctx.fillRect(x, geo.plot.y, geo.columnW, geo.plot.h);
  paintBar(ctx, geo, hushed(grid.cellsOf(geo, slot), hides), look, x, geo.yRow, clip);
}

/** What an open question of a drill keeps from sight. */
function hidden(store) {
  const hides = store.drill && !store.drill.truth ? (store.drill.hides ?? []) : [];
  return { marks: hides.includes("marks"), auction: hides.includes("auction") };
}

const hushed = (cells, hides) => (hides.auction ? { ...cells, bar: { ...cells.bar, flags: 0 } } : cells);

function marksKey(store) {
  if (store.marks_version !== undefined) return store.marks_version;
  let faded = 0;
  let letters = 0;
  for (const mark of store.marks.values()) {
    faded += mark.invalid ? 1 : 0;
    letters += mark.state?.length ?? 0;
  }
  return `${store.marks.size}/${faded}/${letters}`;
}

/** Paint clipped to a pane. */
function inside(ctx, pane, paint, width = pane.w) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(pane.x, pane.y, width, pane.h);
  ctx.clip();
  paint();
  ctx.restore();
}

/** What a cell holds, said once in the corner. */
function paintLegend(ctx, geo, store, look, [drawn, all]) {
  if (!geo.slots) return;
  const what = geo.bare ? "candles" : { bidask: "sells | buys", delta: "delta", volume: "volume" }[geo.mode];
  const unit = geo.bare ? "" : store.hello?.blind
    ? { 1: ", in median bars", 100: ", % of a median bar" }[look.unit] ?? `, in 1/${look.unit} of a median bar`
    : look.unit === 1 ? "" : `, in 1/${look.unit.toLocaleString("en")}`;
  const rows = geo.merge > 1 && !geo.bare ? `  \u00b7  ${geo.merge} rows as one` : "";
  const prices = store.hello?.blind ? "  \u00b7  prices in ticks from the start" : "";
  const some = drawn < all ? `  \u00b7  the ${drawn} strongest of ${all} big trades` : "";
  const text = what + unit + rows + some + prices;
  ctx.font = `10.5px ${SANS}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const y = geo.plot.y + geo.plot.h - 11;
  ctx.fillStyle = look.colours.ground;
  ctx.fillRect(4, y - 8, ctx.measureText(text).width + 10, 16);
  ctx.fillStyle = look.colours.muted;
  ctx.fillText(text, 9, y);
}

function paintNothing(ctx, geo, look) {
  ctx.font = `14px ${SANS}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = look.colours.muted;
  ctx.fillText("No bar yet. Press play, or step to the first trade.", geo.plot.w / 2, geo.plot.h / 2);
}

/** The picture is of the past: how far, and how to come back. */
function paintBehind(ctx, geo, look, behind) {
  const text = `${behind} ${behind === 1 ? "bar" : "bars"} later is now  \u00b7  double-click to follow`;
  ctx.font = `11px ${SANS}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const wide = ctx.measureText(text).width + 16;
  const right = geo.plot.w - 6;
  const y = geo.plot.h - 13;
  ctx.fillStyle = look.colours.panel;
  ctx.fillRect(right - wide, y - 10, wide, 20);
  ctx.strokeStyle = look.colours.accent;
  ctx.lineWidth = 1;
  ctx.strokeRect(Math.round(right - wide) + 0.5, Math.round(y - 10) + 0.5, Math.round(wide) - 1, 19);
  ctx.fillStyle = look.colours.ink;
  ctx.fillText(text, right - 8, y + 0.5);
}
