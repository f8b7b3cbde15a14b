/** What the reader did: orders, position, fills, round trips; and last price and inferred quotes. Pure canvas. */

import { inR } from "./format.js";
import { fade, MONO, SANS } from "./palette.js";
import { snap } from "./scale.js";

const TYPES = { market: "MKT", limit: "LMT", stop: "STP", stop_limit: "STP LMT", trailing_stop: "TRAIL" };
const TAG = 19; // pixels a tag on the axis takes
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const inPlot = (geo, y) => y >= geo.plot.y && y <= geo.plot.y + geo.plot.h;

function line(ctx, x0, x1, y, colour, dash = [], width = 1) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x0, y);
  ctx.lineTo(x1, y);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Best bid and ask as the last trades imply them: dashed, grey, and said to be inferred. */
export function paintQuotes(ctx, geo, store, look) {
  if (!store.forming || geo.last !== store.bars.length) return;
  const from = geo.x(geo.slots) + 1;
  const to = geo.plot.x + geo.plot.w;
  const quotes = [[store.ask, -1], [store.bid, 1]].filter(([price]) => isNumber(price));
  for (const [price] of quotes) {
    const y = snap(geo.yTick(price), geo.dpr) + 0.5;
    if (inPlot(geo, y)) line(ctx, from, to, y, look.colours.muted, [3, 3]);
  }
  if (!quotes.length || to - from < 50) return;
  ctx.font = `9.5px ${SANS}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = look.colours.muted;
  const [price, below] = quotes[0];
  ctx.fillText("inferred", to - 4, geo.yTick(price) + (below > 0 ? 11 : -4));
}

/** A line from the newest bar to the axis at the last price. */
export function paintLast(ctx, geo, store, look) {
  if (!isNumber(store.last)) return;
  const y = snap(geo.yTick(store.last), geo.dpr) + 0.5;
  if (!inPlot(geo, y)) return;
  line(ctx, Math.max(0, Math.min(geo.x(geo.slots), geo.plot.w)), geo.rects.axis.x, y, fade(look.colours.accent, 0.75), [1, 2]);
}

/** Fills as triangles: the tip at price and moment; a buy points up from below, a sell down from above. */
export function paintFills(ctx, geo, store, look, hits) {
  const { colours, write } = look;
  const first = geo.barAt(geo.first).open_time;
  for (const fill of store.fills ?? []) {
    if (fill.time < first) continue;
    const x = geo.xTime(fill.time);
    const y = geo.yTick(fill.price);
    const base = y + fill.side * 9;
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x - 5.5, base);
    ctx.lineTo(x + 5.5, base);
    ctx.closePath();
    ctx.fillStyle = fill.side > 0 ? colours.buyLit : colours.sellLit;
    ctx.strokeStyle = colours.ground;
    ctx.lineWidth = 2;
    ctx.stroke();
    ctx.fill();
    const text = `${fill.side > 0 ? "bought" : "sold"} ${write.qty(fill.qty)} at ${write.price(fill.price)}`;
    hits.push({ x: x - 6, y: Math.min(y, base), w: 12, h: 9, text });
  }
}

/** Round trips that are over: entry to exit, and the result in R at the end. */
export function paintTrips(ctx, geo, store, look, hits) {
  const { colours, write } = look;
  const first = geo.barAt(geo.first).open_time;
  for (const trip of store.trips ?? []) {
    if (!isNumber(trip.exit_time) || trip.exit_time < first) continue;
    const [x0, y0] = [geo.xTime(trip.entry_time), geo.yTick(trip.entry)];
    const [x1, y1] = [geo.xTime(trip.exit_time), geo.yTick(trip.exit)];
    ctx.strokeStyle = fade(colours.ink, 0.7);
    ctx.lineWidth = 1.25;
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
    ctx.setLineDash([]);
    if (x1 < geo.plot.x) continue;
    const won = trip.r > 0;
    const colour = trip.hindsight ? colours.muted : won ? colours.buyLit : colours.sellLit;
    const text = (isNumber(trip.r) ? inR(trip.r) : "closed") + (trip.hindsight ? " hindsight" : "");
    const away = won === trip.side > 0 ? -1 : 1;
    const box = pill(ctx, geo, { x: x1 + 8, y: y1 + away * 16, text, colour, colours, bold: true });
    const story = `${trip.side > 0 ? "long" : "short"} ${write.price(trip.entry)} to ${write.price(trip.exit)}`;
    const reach = [["worst", trip.mae_r], ["best", trip.mfe_r]].filter(([, r]) => isNumber(r)).map(([name, r]) => `, ${name} ${inR(r)}`);
    hits.push({ ...box, text: story + reach.join("") });
  }
}

/** Text in a framed box that stays inside the plot. @returns {{x: number, y: number, w: number, h: number}} */
function pill(ctx, geo, { x, y, text, colour, colours, bold = false, filled = false, right = false }) {
  ctx.font = `${bold ? "600 " : ""}11px ${MONO}`;
  const w = Math.ceil(ctx.measureText(text).width) + 12;
  const h = 18;
  const wanted = right ? x - w : x;
  const left = Math.round(Math.min(Math.max(wanted, geo.plot.x + 2), geo.plot.x + geo.plot.w - w - 2));
  const top = Math.round(Math.min(Math.max(y - h / 2, geo.plot.y + 1), geo.plot.y + geo.plot.h - h - 1));
  ctx.fillStyle = filled ? colour : colours.ground;
  ctx.fillRect(left, top, w, h);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1;
  ctx.strokeRect(left + 0.5, top + 0.5, w - 1, h - 1);
  ctx.fillStyle = filled ? colours.ground : colour;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + 6, top + h / 2 + 0.5);
  return { x: left, y: top, w, h };
}

/** The open position: a line from its entry to now, with its result so far. */
export function paintPosition(ctx, geo, store, look, tags) {
  const { account } = store;
  if (!account?.position || !isNumber(account.average)) return;
  const { colours, write } = look;
  const side = Math.sign(account.position);
  const colour = side > 0 ? colours.buyLit : colours.sellLit;
  const y = snap(geo.yTick(account.average), geo.dpr) + 0.5;
  const from = Math.max(geo.plot.x, geo.xTime(entryTime(store)));
  tags.push({ price: account.average, y, colour, name: "entry" });
  if (!inPlot(geo, y)) return;
  halo(ctx, from, geo.rects.axis.x, y, colours);
  line(ctx, from, geo.rects.axis.x, y, colour, [], 1.5);
  const result = isNumber(account.open_r) ? `  ${inR(account.open_r)}` : "";
  const text = `${side > 0 ? "LONG" : "SHORT"} ${write.qty(Math.abs(account.position))}${result}`;
  pill(ctx, geo, { x: geo.plot.w - 6, y, text, colour, colours, bold: true, filled: true, right: true });
}

function entryTime(store) {
  const open = (store.trips ?? []).findLast((trip) => !isNumber(trip.exit_time));
  return open?.entry_time ?? store.clock?.time ?? 0;
}

/** A rim of the ground, so that a line parts from the cells. */
function halo(ctx, x0, x1, y, colours) {
  line(ctx, x0, x1, y, fade(colours.ground, 0.6), [], 3.5);
}

/**
 * Lines of an order: where it works, its protective stop, its target. At market there is no price to work at.
 * @param {object} order
 * @returns {{id: number, part: string, price: number, isMain: boolean}[]}
 */
export function linesOf(order) {
  const main = order.type === "market" ? null : isNumber(order.price) ? "price" : isNumber(order.stop) ? "stop" : "target";
  return ["price", "stop", "target"].filter((part) => isNumber(order[part]))
    .map((part) => ({ id: order.id, part, price: order[part], isMain: part === main }));
}

/** Every line of the working orders; a leg that stands as an order of its own is not drawn for its parent too. */
export function linesOfAll(orders) {
  const own = new Set(orders.filter((order) => isNumber(order.parent)).map((order) => `${order.parent}/${order.price}`));
  return orders.flatMap((order) => linesOf(order)
    .filter((line) => line.isMain || !own.has(`${order.id}/${line.price}`)).map((line) => ({ order, line })));
}

/** What a line is for: `stop` and `target` protect a position, `entry` opens or changes one. */
function roleOf(order, { part, isMain }) {
  if (!isMain) return part;
  if (order.role === "stop" || order.role === "target") return order.role;
  if (order.parent === undefined || order.parent === null) return "entry";
  return order.type === "limit" ? "target" : "stop";
}

/** What an order's line says. */
export function orderText(order, line, write) {
  const role = roleOf(order, line);
  if (!line.isMain) return role.toUpperCase();
  const left = Math.max(0, (order.qty ?? 0) - (order.filled ?? 0));
  const kind = TYPES[order.type] ?? String(order.type ?? "").toUpperCase();
  const name = role === "entry" ? `${order.side > 0 ? "BUY" : "SELL"} ${kind}` : role.toUpperCase();
  return left > 0 ? `${name} ${write.qty(left)}` : name; // a leg has no amount before its entry fills
}

/** Working orders as lines with handles to drag. */
export function paintOrders(ctx, geo, store, look, { handles, tags, dragged }) {
  const { colours, write } = look;
  const isOpen = Boolean(store.account?.position);
  const entered = isOpen ? Math.max(geo.plot.x, geo.xTime(entryTime(store))) : geo.plot.x;
  const placed = [];
  for (const { order, line: each } of linesOfAll(store.orders ?? [])) {
    const { id, part, price } = each;
    const role = roleOf(order, each);
    const isMoved = dragged && dragged.id === id && dragged.part === part;
    const shown = isMoved ? dragged.price : price;
    const buys = role === "target" || (role === "entry" && order.side > 0);
    const colour = buys ? colours.buyLit : colours.sellLit;
    const y = snap(geo.yTick(shown), geo.dpr) + 0.5;
    tags.push({ price: shown, y, colour, name: part });
    if (!inPlot(geo, y)) continue;
    const isChild = order.parent !== undefined && order.parent !== null;
    const from = isChild && isOpen ? entered : geo.plot.x + geo.plot.w * 0.35;
    halo(ctx, from, geo.rects.axis.x, y, colours);
    line(ctx, from, geo.rects.axis.x, y, colour, role === "target" ? [] : role === "stop" ? [6, 3] : [2, 2], isMoved ? 2 : 1.25);
    placed.push({ order, each, y, colour, isMoved });
  }
  const used = []; // after all lines, so that none strikes through a text
  for (const { order, each, y, colour, isMoved } of placed) {
    let x = geo.plot.w - 6;
    for (const other of used) if (Math.abs(other.y - y) < 19) x = Math.min(x, other.x - 4);
    const drawn = pill(ctx, geo, { x, y, text: `\u2261 ${orderText(order, each, write)}`, colour, colours, right: true, filled: isMoved });
    used.push({ y, x: drawn.x });
    handles.push({ id: each.id, part: each.part, ...drawn });
  }
}

/**
 * Heights of tags so that none hides another and their order stays that of the prices.
 * @param {number[]} wanted the first one (the last price) gives way least
 * @param {number} low least height
 * @param {number} high largest height
 * @returns {number[]}
 */
export function tagPlaces(wanted, low, high) {
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b] || a - b);
  const groups = []; // tags that touch: their common place is the weighted mean of where each would have it
  for (const k of order) {
    let group = { at: Math.min(Math.max(wanted[k], low), high), weight: k === 0 ? 50 : 1, members: [k] };
    for (let before = groups.at(-1); before && before.at + before.members.length * TAG > group.at; before = groups.at(-1)) {
      groups.pop();
      const weight = before.weight + group.weight;
      const at = (before.at * before.weight + (group.at - before.members.length * TAG) * group.weight) / weight;
      const most = high - (before.members.length + group.members.length - 1) * TAG;
      group = { at: Math.max(low, Math.min(at, most)), weight, members: [...before.members, ...group.members] };
    }
    groups.push(group);
  }
  const places = [];
  for (const { at, members } of groups) members.forEach((k, place) => (places[k] = at + place * TAG));
  return places;
}

/**
 * Last price, position and orders on the price axis.
 * @returns {number[]} where tags stand: labels of the axis keep clear of them
 */
export function paintAxisTags(ctx, geo, store, look, tags) {
  const { axis, plot } = geo.rects;
  const { colours, write } = look;
  const last = isNumber(store.last) ? [{ price: store.last, y: geo.yTick(store.last), colour: colours.accent, isLast: true }] : [];
  const all = [...last, ...tags];
  const places = tagPlaces(all.map((tag) => tag.y), plot.y + 10, plot.y + plot.h - 10);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  all.forEach(({ price, y, colour, isLast }, k) => {
    const top = Math.round(places[k] - 9);
    ctx.fillStyle = isLast ? colour : colours.ground;
    ctx.fillRect(axis.x + 1, top, axis.w - 1, 18);
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.strokeRect(axis.x + 1.5, top + 0.5, axis.w - 2.5, 17);
    ctx.font = `${isLast ? "700 " : ""}11px ${MONO}`;
    ctx.fillStyle = isLast ? colours.ground : colour;
    const arrow = y < plot.y ? "\u2191" : y > plot.y + plot.h ? "\u2193" : "";
    ctx.fillText(arrow + write.price(price), axis.x + 8, top + 9.5);
  });
  return places;
}
