/** What detectors saw, as known at the cursor: zones, walls, lines, levels, flags. Pure canvas. */

import { fade, SANS } from "./palette.js";
import { snap } from "./scale.js";

const SHAPES = {
  imbalance_zones: "zone",
  absorption: "wall",
  iceberg_like: "wall",
  delta_divergence: "line",
  poc_retest: "level",
  big_trades: "trade",
  taker_clusters: "trade",
};
const ROOM = 9; // pixels of the plot's width for a pennant; the strongest are drawn
/** Letters of a flag above or below its bar, where there is room. */
const LETTERS = { volume_spike: "VOL", tape_speed: "SPEED", exhaustion: "EXH", absorption_bar: "ABS" };

/** How a mark is drawn. @param {object} mark @returns {"zone"|"wall"|"line"|"level"|"trade"|"flag"} */
export function shapeOf(mark) {
  const shape = SHAPES[mark.detector] ?? "flag";
  return shape === "line" && mark.kind === "bar" ? "flag" : shape;
}

/**
 * Two ends of a divergence's line: its own points, or what its prices say.
 * @param {object} mark
 * @returns {[number, number][]} time, price
 */
export function endsOf(mark) {
  if (mark.points?.length === 2) return mark.points;
  const rises = (mark.direction < 0) === (mark.kind !== "hidden"); // bearish: a higher high, hidden a lower one
  const [one, two] = rises ? [mark.low, mark.high] : [mark.high, mark.low];
  return [[mark.from ?? mark.known_at, one], [mark.known_at, two]];
}

/**
 * Paint marks, and note where they can be met.
 * @param {CanvasRenderingContext2D} ctx
 * @param {object} geo
 * @param {Map<*, object>} marks
 * @param {object} look
 * @param {{x: number, y: number, w: number, h: number, text: string, id: *}[]} hits filled
 * @returns {[number, number]} pennants drawn, and how many there are
 */
export function paintMarks(ctx, geo, marks, look, hits) {
  if (!geo.slots) return [0, 0];
  const first = geo.barAt(geo.first).open_time;
  const last = geo.barAt(Math.max(geo.first, geo.last)).close_time;
  const flags = new Map();
  const byShape = { zone: [], wall: [], line: [], level: [], trade: [], flag: [] };
  for (const mark of marks.values()) {
    const begins = mark.from ?? mark.known_at;
    const ends = mark.until ?? (mark.invalid ? mark.known_at : Infinity);
    const shape = shapeOf(mark);
    const lasts = shape === "zone" || shape === "wall";
    if (begins > last || (lasts ? ends : mark.known_at) < first) continue;
    byShape[shape].push(mark);
  }
  const note = (mark, x, y, w, h) => hits.push({ x, y, w, h, text: mark.text || words(mark), id: mark.id });
  for (const mark of byShape.zone) paintZone(ctx, geo, mark, look, note);
  for (const mark of byShape.wall) paintWall(ctx, geo, mark, look, note);
  for (const mark of byShape.level) paintLevel(ctx, geo, mark, look, note);
  for (const mark of byShape.line) paintLine(ctx, geo, mark, look, note);
  const most = Math.max(20, Math.floor(geo.plot.w / ROOM));
  const strongest = byShape.trade.length > most
    ? [...byShape.trade].sort((a, b) => b.strength - a.strength).slice(0, most)
    : byShape.trade;
  for (const mark of strongest) paintTrade(ctx, geo, mark, look, note);
  for (const mark of byShape.flag) paintFlag(ctx, geo, mark, look, note, flags);
  return [strongest.length, byShape.trade.length];
}

const words = (mark) => [mark.detector, mark.kind, mark.state].filter(Boolean).join(" ").replaceAll("_", " ");
const sideColour = (mark, colours) => (mark.direction > 0 ? colours.buyLit : mark.direction < 0 ? colours.sellLit : colours.event);

/** Rectangle of a mark's rows, from its beginning to its end or to the edge. */
function box(geo, mark, minimum) {
  const begins = geo.xTime(mark.from ?? mark.known_at);
  const ends = mark.until !== undefined && mark.until !== null ? geo.xTime(mark.until)
    : mark.invalid ? geo.xTime(mark.known_at) : geo.plot.x + geo.plot.w + 4;
  const x = snap(Math.max(begins, geo.plot.x - 4), geo.dpr);
  const top = snap(geo.y(mark.high <= mark.low ? mark.low + geo.tick : mark.high), geo.dpr);
  const w = Math.max(minimum, snap(ends, geo.dpr) - x);
  return { x, y: top, w, h: Math.max(3, snap(geo.y(mark.low), geo.dpr) - top) };
}

function paintZone(ctx, geo, mark, { colours }, note) {
  const { x, y, w, h } = box(geo, mark, 8);
  const colour = sideColour(mark, colours);
  ctx.fillStyle = fade(colour, mark.invalid ? 0.02 : 0.07);
  ctx.fillRect(x, y, w, h);
  ctx.strokeStyle = fade(colour, mark.invalid ? 0.28 : 0.8);
  ctx.lineWidth = 1;
  ctx.setLineDash(mark.invalid ? [2, 3] : []);
  ctx.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  ctx.setLineDash([]);
  if (mark.invalid) ctx.globalAlpha = 0.5;
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, 2, h);
  ctx.globalAlpha = 1;
  note(mark, x, y, w, h);
}

/** Volume into rows that did not give way: a post at the moment, arms over the rows it is about. */
function paintWall(ctx, geo, mark, { colours }, note) {
  const { x: begins, y, h } = box(geo, mark, 10);
  const x = snap(geo.xTime(mark.known_at), geo.dpr);
  const isSure = mark.state === "confirmed";
  ctx.globalAlpha = mark.invalid ? 0.35 : 1;
  ctx.strokeStyle = colours.event;
  ctx.lineWidth = 1;
  ctx.setLineDash(isSure ? [] : [3, 2]);
  const { left, w } = wallSpan(geo, mark, begins, x);
  const middle = geo.hasText ? left + w / 2 : x;
  ctx.strokeRect(left + 0.5, y + 0.5, w - 1, h - 1);
  ctx.setLineDash([]);
  ctx.fillStyle = fade(colours.event, 0.12);
  ctx.fillRect(left, y, w, h);
  const size = 5;
  const base = mark.direction < 0 ? y - 3 : y + h + 3;
  const tip = mark.direction < 0 ? base - size - 1 : base + size + 1;
  ctx.beginPath(); // the arrow stands on the far side of the wall and points to where it sends the price
  ctx.moveTo(middle - size, tip);
  ctx.lineTo(middle + size, tip);
  ctx.lineTo(middle, base);
  ctx.closePath();
  ctx.fillStyle = isSure ? colours.event : colours.ground;
  ctx.fill();
  ctx.stroke();
  ctx.globalAlpha = 1;
  note(mark, left, Math.min(y, tip), w, h + size + 6);
}

/** From its beginning to its moment; over cells with numbers, a frame of whole cells. */
function wallSpan(geo, mark, begins, ends) {
  if (!geo.hasText) return { left: Math.min(begins, ends - 8), w: Math.max(8, ends - begins) };
  const last = geo.slotOfTime(mark.known_at - 1);
  const first = Math.min(last, geo.slotOfTime(mark.from ?? mark.known_at));
  const left = geo.x(first) + geo.spine;
  return { left, w: geo.x(last) + geo.spine + geo.cells - left };
}

function paintLevel(ctx, geo, mark, { colours }, note) {
  const y = snap(geo.yTick(mark.low), geo.dpr);
  const x = geo.xTime(mark.known_at);
  const from = Math.max(geo.plot.x, geo.xTime(mark.from ?? mark.known_at));
  ctx.globalAlpha = mark.invalid ? 0.35 : 0.9;
  ctx.strokeStyle = colours.event;
  ctx.lineWidth = 1;
  ctx.setLineDash([5, 3]);
  ctx.beginPath();
  ctx.moveTo(from, y + 0.5);
  ctx.lineTo(x, y + 0.5);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(x - 5, y);
  ctx.lineTo(x, y - 5);
  ctx.lineTo(x + 5, y);
  ctx.lineTo(x, y + 5);
  ctx.closePath();
  ctx.fillStyle = mark.state === "rejected" || mark.state === "accepted" ? colours.event : colours.ground;
  ctx.fill();
  ctx.stroke();
  ctx.globalAlpha = 1;
  note(mark, x - 6, y - 6, 12, 12);
}

function paintLine(ctx, geo, mark, { colours }, note) {
  const ends = endsOf(mark);
  const out = mark.direction < 0 ? -1 : 1;
  const [[x0, y0], [x1, y1]] = ends.map(([time, price]) => {
    const edge = mark.direction < 0 ? geo.y(price + geo.tick) : geo.y(price);
    return [middleOf(geo, time), edge + out * 4];
  });
  ctx.strokeStyle = colours.event;
  ctx.fillStyle = colours.event;
  ctx.globalAlpha = mark.invalid ? 0.35 : 1;
  ctx.lineWidth = 1.5;
  ctx.setLineDash(mark.kind === "hidden" ? [5, 3] : []);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.setLineDash([]);
  for (const [x, y] of [[x0, y0], [x1, y1]]) {
    ctx.beginPath();
    ctx.arc(x, y, 2.5, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
  const top = Math.min(y0, y1);
  note(mark, Math.min(x0, x1) - 3, top - 4, Math.abs(x1 - x0) + 6, Math.abs(y1 - y0) + 8);
}

/** Middle of the bar that holds a moment: a pivot is its bar's. */
function middleOf(geo, time) {
  return geo.x(geo.slotOfTime(time)) + (geo.bare ? geo.columnW / 2 : geo.spine * 0.42);
}

/** A pennant at its price and moment: away from the numbers, its pole on the price. */
function paintTrade(ctx, geo, mark, { colours }, note) {
  const slot = geo.slotOfTime(mark.known_at);
  const x = snap(geo.hasText ? geo.x(slot) + 1 : geo.xTime(mark.known_at), geo.dpr); // beside numbers, not on them
  const y = snap(geo.yTick((mark.low + Math.max(mark.low, mark.high - geo.tick)) / 2), geo.dpr);
  const size = Math.min(9, 5 + Math.log2(Math.max(1, mark.strength || 1)));
  ctx.fillStyle = sideColour(mark, colours);
  ctx.strokeStyle = colours.ground;
  ctx.lineWidth = 1;
  ctx.globalAlpha = mark.invalid ? 0.4 : 1;
  ctx.beginPath(); // a buy's flag flies above its price, a sell's below
  const up = mark.direction < 0 ? 1 : -1;
  ctx.moveTo(x, y);
  ctx.lineTo(x, y + up * (size + 4));
  ctx.lineTo(x + size, y + up * (size / 2 + 4));
  ctx.lineTo(x + 1.5, y + up * 4);
  ctx.lineTo(x + 1.5, y);
  ctx.closePath();
  ctx.stroke();
  ctx.fill();
  ctx.globalAlpha = 1;
  note(mark, x - 1, Math.min(y, y + up * (size + 4)), size + 2, size + 5);
}

/** A small sign beyond its bar, where it hides no number; several stack outward. */
function paintFlag(ctx, geo, mark, { colours }, note, stacked) {
  const slot = geo.slotOfTime(mark.known_at - 1); // a bar's close is the next one's open: the sign stands with its own bar
  const bar = geo.barAt(slot);
  const isAbove = mark.direction < 0;
  const at = `${slot}/${isAbove}`;
  const place = stacked.get(at) ?? 0;
  stacked.set(at, place + 1);
  const x = geo.x(slot) + (geo.bare ? geo.columnW / 2 : geo.spine * 0.42);
  const text = geo.columnW >= 34 ? (LETTERS[mark.detector] ?? mark.detector.slice(0, 4).toUpperCase()) : "";
  const step = text ? 14 : 7;
  const edge = isAbove ? geo.y(bar.high + geo.tick) - 16 - place * step : geo.y(bar.low) + 16 + place * step;
  const y = snap(Math.min(Math.max(edge, geo.plot.y + 8), geo.plot.y + geo.plot.h - 24), geo.dpr);
  ctx.globalAlpha = mark.invalid ? 0.4 : 1;
  ctx.font = `600 8.5px ${SANS}`;
  const w = text ? ctx.measureText(text).width + 8 : 5;
  const h = text ? 12 : 5;
  ctx.fillStyle = text ? fade(colours.event, 0.16) : sideColour(mark, colours);
  ctx.fillRect(x - (text ? 3 : 2.5), y - h / 2, w, h);
  ctx.fillStyle = sideColour(mark, colours);
  if (text) {
    ctx.fillRect(x - 3, y - h / 2, 2, h);
    ctx.fillStyle = colours.event;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(text, x + 2, y + 0.5);
  }
  ctx.globalAlpha = 1;
  note(mark, x - 3, y - h / 2, w, h);
}
