// The chart's pure modules: numbers, scales, places, folded rows, profile, view, what lies under a place.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { decode } from "../../orderflow_bt/replay/page/decode.js";
import { under, readout } from "../../orderflow_bt/replay/page/crosshair.js";
import * as format from "../../orderflow_bt/replay/page/format.js";
import * as grid from "../../orderflow_bt/replay/page/grid.js";
import { column, geometry, panes } from "../../orderflow_bt/replay/page/layout.js";
import { endsOf, shapeOf } from "../../orderflow_bt/replay/page/paint_marks.js";
import { linesOf, linesOfAll, orderText, tagPlaces } from "../../orderflow_bt/replay/page/paint_orders.js";
import { cvdRuns, stripScales, timeLabels } from "../../orderflow_bt/replay/page/paint_panes.js";
import { mix, shades } from "../../orderflow_bt/replay/page/palette.js";
import { denseProfile, pointOfControl, profileOf, valueArea } from "../../orderflow_bt/replay/page/profile.js";
import * as scale from "../../orderflow_bt/replay/page/scale.js";
import * as views from "../../orderflow_bt/replay/page/view.js";
import { Market } from "./market.js";

const facts = (store, extra = {}) => ({ bars: store.bars, forming: store.forming, rowSize: store.hello.row_size,
  tick: store.hello.tick, dpr: 1, mode: "bidask", ...extra });
const rects = panes(1200, 600, 1, 80);

/** A view fitted to a store, and its geometry. */
function shown(store, view = views.newView(), extra = {}) {
  const fitted = views.settle(view, geometry(view, rects, facts(store, extra)), []);
  return { view: fitted, geo: geometry(fitted, rects, facts(store, extra)) };
}

test("short numbers have at most four characters, and match the report's", () => {
  const wanted = { 984: "984", 1000: "1.0k", 12345: "12k", 8.66: "8.7", 0.034: ".03", 0: "0", 0.001: "0+", 999.6: "1.0k",
    1e6: "1.0M", 4.2e9: "4.2B", 9.96: "10" };
  for (const [value, text] of Object.entries(wanted)) assert.equal(format.short(Number(value)), text, value);
  assert.equal(format.short(8, true), "8");
  assert.equal(format.shortSigned(-12345), "\u221212k");
  assert.equal(format.inR(-0.001), "0.00 R");
  assert.equal(format.inR(2), "+2.00 R");
});

test("exact numbers keep every digit and no false zero", () => {
  assert.equal(format.exact(1234567.1, 3), "1,234,567.1");
  assert.equal(format.exact(-0.0004, 3), "0");
  assert.equal(format.exactSigned(0.5, 3), "+0.5");
  assert.equal(format.exact(0.00000012, 8), "0.00000012");
});

test("prices and times are written as the replay says: decimals and UTC, or ticks and elapsed", () => {
  const open = format.writers({ price_decimals: 8, time: "utc", qty_decimals: 0 });
  assert.equal(open.price(1234), "0.00001234");
  assert.equal(open.clock(Date.UTC(2024, 0, 2, 9, 30, 7) * 1000), "09:30:07");
  assert.equal(open.moment(Date.UTC(2024, 0, 2, 9, 30) * 1000 + 250_000), "2024-01-02 09:30:00.250");
  const blind = format.writers({ blind: true, tick: 1, time: "elapsed", price_decimals: 0 });
  assert.equal(blind.price(-12), "\u221212");
  assert.equal(blind.price(0), "0");
  assert.equal(blind.clock(-61e6), "\u22120:01:01");
  assert.equal(blind.moment(5e9), "+1:23:20");
});

test("rows are merged in steps of 1, 2, 5 until they can be read, on whole pixels", () => {
  assert.deepEqual([1, 1.5, 2, 3, 7, 11, 1e3, 1001].map(scale.mergeAtLeast), [1, 2, 2, 5, 10, 20, 1000, 2000]);
  assert.deepEqual(scale.rowsFor(17, true, 1), { merge: 1, rowPx: 17 });
  assert.deepEqual(scale.rowsFor(6, true, 1), { merge: 2, rowPx: 12 });
  assert.deepEqual(scale.rowsFor(6, false, 1), { merge: 1, rowPx: 6 });
  for (const dpr of [1, 1.25, 2]) {
    for (let wanted = 0.01; wanted < 40; wanted *= 1.3) {
      const { merge, rowPx } = scale.rowsFor(wanted, true, dpr);
      assert.ok(Math.abs(rowPx * dpr - Math.round(rowPx * dpr)) < 1e-9);
      assert.ok(rowPx >= scale.TEXT_HEIGHT, `${wanted}`);
      assert.equal(scale.mergeAtLeast(merge), merge);
    }
  }
});

test("fitted rows show the range, and stay while they do", () => {
  for (const isWide of [true, false]) {
    for (let rows = 1; rows < 1e5; rows = Math.ceil(rows * 1.7)) {
      const wanted = scale.fitRows(rows, 500, isWide);
      const { merge, rowPx } = scale.rowsFor(wanted, isWide, 1);
      assert.ok((rows / merge) * rowPx <= 501, `${rows} rows of ${wanted}`);
      assert.equal(scale.fitRows(rows, 500, isWide, wanted), wanted);
    }
  }
  const before = scale.fitRows(30, 500, true);
  assert.equal(scale.fitRows(28, 500, true, before), before);
  assert.notEqual(scale.fitRows(60, 500, true, before), before);
});

test("labels of prices are round, on the tick, and keep their distance", () => {
  const { step, at } = scale.priceTicks(421_503, 421_777, 2, 5, 44);
  assert.equal(step, 25);
  assert.ok(at.every((price) => price % step === 0 && price >= 421_503 && price <= 421_777));
  assert.equal(scale.niceCeiling(0), 1);
  assert.equal(scale.niceCeiling(340), 400);
});

test("panes tile the height and never overlap", () => {
  for (const [width, height] of [[300, 150], [683, 384], [1366, 768], [3840, 2160]]) {
    const r = panes(width, height, 1, 80);
    assert.equal(r.plot.h + r.delta.h + r.volume.h + r.cvd.h + r.times.h, height);
    assert.ok(r.plot.h >= 60 && r.plot.w > 0);
    assert.equal(r.plot.w + r.profile.w, r.axis.x);
  }
});

test("text needs a half-cell over 22 pixels; a narrow column is a candle", () => {
  assert.ok(column(70, "bidask", 1).isWide);
  assert.ok(!column(50, "bidask", 1).isWide);
  assert.ok(column(50, "delta", 1).isWide);
  assert.ok(column(4, "bidask", 1).bare);
  const c = column(61, "bidask", 1.25);
  assert.equal(c.cells, 2 * c.half);
  assert.ok(c.spine + c.cells + c.gap <= 61 + 1);
});

test("pixels and prices, slots and times go both ways", () => {
  const { store } = new Market().bars(40);
  const { geo } = shown(store);
  for (const price of [store.last, store.last - 40, store.last + 17]) {
    assert.ok(Math.abs(geo.priceAt(geo.y(price)) - price) < 1e-6);
    const row = geo.rowOf(price);
    assert.ok(geo.yRow(row) >= geo.y(price) - 1e-6 && geo.yRow(row + 1) < geo.y(price));
  }
  for (let slot = geo.first; slot <= geo.last; slot += 1) {
    assert.equal(geo.slotAt(geo.x(slot) + 1), slot);
    const bar = geo.barAt(slot);
    assert.equal(geo.slotOfTime(bar.open_time), slot);
    const x = geo.xTime((bar.open_time + bar.close_time) / 2);
    assert.ok(x > geo.x(slot) && x < geo.x(slot + 1));
  }
});

test("folding keeps every lot and the row that a price is in, wherever rows are anchored", () => {
  const { store } = new Market({ seed: 3 }).bars(3);
  const bar = store.bars[2];
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  for (const base of [0, 3]) {
    const moved = { ...bar, first_row: bar.first_row + base, poc: bar.poc + base };
    for (const merge of [1, 2, 5, 20]) {
      const rows = grid.fold(moved, 10, merge, base);
      assert.ok(Math.abs(sum(rows.bid) - sum(bar.bid)) < 1e-6);
      assert.ok(Math.abs(sum(rows.ask) - sum(bar.ask)) < 1e-6);
      assert.equal(rows.low, Math.floor((moved.first_row - base) / (10 * merge)));
      assert.equal(rows.most, Math.max(...rows.bid, ...rows.ask));
      const totals = rows.bid.map((v, i) => v + rows.ask[i]);
      assert.equal(totals[rows.poc], Math.max(...totals));
    }
  }
});

test("a folded imbalance is three to one across the diagonal, inside the bar; three in a row are a stack", () => {
  const { buy, sell, stackedBuy } = grid.LIT;
  const flags = grid.flagsOf([1, 1, 1, 9], [5, 3, 3, 3], 2);
  assert.deepEqual([...flags].map((f) => f & buy), [0, buy, buy, buy]);
  assert.deepEqual([...flags].map((f) => f & stackedBuy), [0, stackedBuy, stackedBuy, stackedBuy]);
  assert.deepEqual([...grid.flagsOf([9, 1], [1, 3], 2)].map((f) => f & sell), [sell, 0]);
  assert.equal(grid.flagsOf([0.1, 0], [0, 0.3], 0.1)[1] & buy, buy); // 0.3 is three times 0.1
  assert.equal(grid.flagsOf([0.1, 0], [0, 0.3], 0.4)[1], 0);
  assert.deepEqual(grid.runs(Uint8Array.of(1, 1, 0, 1), 1), [[0, 2], [3, 4]]);
});

test("depth and flags of a bar look at it and the past only", () => {
  const { store } = new Market({ seed: 5 }).bars(30);
  const view = { ...views.newView(), rowPx: 4, centre: store.last, autoPrice: false };
  const look = (bars) => {
    const geo = geometry(view, rects, facts({ ...store, bars, forming: null }));
    const { depth, flags } = new grid.Grid().cellsOf(geo, 12);
    return { depth, flags: [...flags], merge: geo.merge };
  };
  const short = look(store.bars.slice(0, 13));
  assert.ok(short.merge > 1);
  assert.deepEqual(look(store.bars), short);
  assert.equal(grid.depthOf([0, 0]), 1);
  assert.equal(grid.depthOf([5, ...Array(20).fill(1)]), 1); // one giant does not darken the rest
});

test("volumes too small to read get a unit; multiples of the median bar become percent", () => {
  const bars = (v) => [{ bid: [v, v], ask: [v] }];
  assert.equal(grid.unitOf(bars(3), false), 1);
  assert.equal(grid.unitOf(bars(0.004), false), 1000);
  assert.equal(grid.unitOf(bars(0.004), true), 100);
  assert.equal(grid.unitOf([], false), 1);
});

test("point of control and value area are the library's", () => {
  // docs/readings/profile.md
  const poc = (...v) => pointOfControl(Float64Array.from(v));
  assert.equal(poc(10, 30, 20, 30, 5), 1);
  assert.equal(poc(10, 30, 20, 30, 20), 3);
  assert.equal(poc(0, 0), -1);
  const area = (...v) => valueArea(Float64Array.from(v), pointOfControl(Float64Array.from(v)));
  assert.deepEqual(area(5, 10, 25, 40, 15, 30, 10, 5), [1, 5]);
  assert.deepEqual(area(1, 4, 10, 4, 1), [2, 4]);
  assert.deepEqual(area(7), [0, 0]);
});

test("bars that Python sent have the point of control and value area that their rows give here", () => {
  const folder = process.env.FRAMES;
  const bars = readdirSync(folder).filter((name) => name.endsWith(".bin")).sort().flatMap((name) => {
    const raw = readFileSync(`${folder}/${name}`);
    return decode(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)).closed;
  }).filter((bar) => bar.n_rows > 0 && bar.volume > 0);
  const rowSize = JSON.parse(readFileSync(`${folder}/hello.json`)).row_size;
  assert.ok(bars.length > 100);
  for (const bar of bars) {
    const volumes = bar.bid.map((v, i) => v + bar.ask[i]);
    const poc = pointOfControl(volumes);
    const [low, high] = valueArea(volumes, poc);
    const here = [poc, low, high].map((row) => bar.first_row + row * rowSize);
    assert.deepEqual(here, [bar.poc, bar.value_low, bar.value_high], `bar ${bar.number}`);
  }
});

test("the profile holds the closed bars and the forming one", () => {
  const market = new Market({ seed: 11 }).bars(12);
  for (let k = 0; k < 50; k += 1) market.trade();
  const { store } = market;
  const volume = [...store.bars, store.forming].reduce((sum, bar) => sum + bar.volume, 0);
  const { geo } = shown(store);
  const found = profileOf(store.profile, store.forming, geo);
  const inRows = found.rows.reduce((sum, row) => sum + row.bid + row.ask, 0);
  assert.ok(Math.abs(inRows - volume) < 1e-6);
  assert.ok(found.low <= found.poc && found.poc <= found.high);
  assert.equal(denseProfile(new Map(), null, 10), null);
});

test("a view follows until it is moved, and comes back", () => {
  const { store } = new Market().bars(60);
  const { view, geo } = shown(store);
  assert.ok(view.following && geo.last === 59);
  assert.equal(views.settle(view, geo, []), view);
  const back = views.pan(view, geo, 5 * geo.columnW, 0);
  assert.ok(!back.following && back.autoPrice);
  assert.equal(back.back, 5);
  assert.equal(views.appended(back, 2).back, 7);
  assert.equal(views.appended(view, 2).back, 0);
  assert.ok(views.pan(back, geo, -900, 0).following);
  const free = views.pan(view, geo, 0, 34);
  assert.ok(!free.autoPrice && free.centre > view.centre);
  assert.deepEqual(views.follow(free), { ...free, back: 0, following: true, autoPrice: true });
});

test("an old crash does not flatten what is read now", () => {
  const market = new Market({ seed: 4 }).bars(8);
  for (let k = 0; k < 200; k += 1) market.trade(-25);
  market.close();
  const crash = shown(market.store).geo;
  const [low, high] = [market.store.bars[8].low, market.store.bars[8].high];
  assert.ok(crash.y(low) < crash.plot.h && crash.y(high) > 0);
  market.bars(9);
  const after = shown(market.store).geo;
  assert.ok(after.first <= 8 && after.merge < crash.merge);
  assert.ok(after.y(market.store.last) > 0 && after.y(market.store.last) < after.plot.h);
});

test("zooming keeps what is under the pointer there", () => {
  const { store } = new Market().bars(60);
  const { view } = shown(store);
  const moved = { ...view, back: 12, following: false };
  const geo = geometry(moved, rects, facts(store));
  const zoomed = geometry(views.zoomTime(moved, geo, 0.8, 300), rects, facts(store));
  assert.equal(zoomed.slotAt(300), geo.slotAt(300));
  const higher = geometry(views.zoomPrice(view, geo, 2, 120), rects, facts(store));
  assert.ok(Math.abs(higher.priceAt(120) - geo.priceAt(120)) < 2 / geo.perUnit);
  assert.equal(views.zoomTime(view, geo, 1e-9, 0).columnW, scale.COLUMN.least);
});

test("prices of orders are shown with the bars unless they are far", () => {
  const { store } = new Market().bars(30);
  const { view, geo } = shown(store);
  const [low, high] = grid.spanOf(geo, geo.first, geo.last);
  const near = views.settle({ ...view, centre: NaN }, geo, [high + 0.4 * (high - low)]);
  assert.ok(geometry(near, rects, facts(store)).y(high + 0.4 * (high - low)) > 0);
  const far = views.settle({ ...view, centre: NaN }, geo, [high + 40 * (high - low)]);
  assert.equal(far.rowPx, view.rowPx);
});

test("what lies under a place is exact, folded or not", () => {
  const { store } = new Market({ seed: 2 }).bars(30);
  const { geo } = shown(store);
  const bar = store.bars[28];
  const row = geo.rowOf(bar.poc);
  const found = under(geo, geo.x(28) + 20, geo.yRow(row) - geo.rowPx / 2);
  assert.equal(found.bar, bar);
  const inside = [...bar.bid.keys()].filter((i) => geo.rowOf(bar.first_row + i * 10) === row);
  assert.equal(found.row.bid, inside.reduce((sum, i) => sum + bar.bid[i], 0));
  assert.equal(found.row.high, found.row.low + geo.shownRow - 1);
  assert.equal(found.price % geo.tick, 0);
  assert.equal(under(geo, -5, 10), null);
  const profile = profileOf(store.profile, null, geo);
  const beside = under(geo, geo.rects.profile.x + 5, geo.yRow(row) - geo.rowPx / 2, profile);
  assert.equal(beside.bar, null);
  assert.equal(beside.row.ask, profile.rows.find((one) => one.row === row).ask);
  const lines = readout(found, format.writers(store.hello), ["a zone"]).map((parts) => parts.map((p) => p.name + p.value).join(" "));
  assert.ok(lines.some((line) => line.includes(`bid${format.exact(found.row.bid, 3)}`)));
  assert.ok(lines.includes("a zone"));
});

test("strips: round scales, cumulative delta not joined over what is missing", () => {
  const market = new Market().bars(5);
  market.hole(1).bars(2);
  market.hole(2).bars(2);
  const { geo } = shown(market.store);
  assert.deepEqual(cvdRuns(geo, 0, geo.slots - 1), [[0, 1, 2, 3, 4, 5, 6, 7], [9, 10]]);
  market.store.bars[10].session = 1;
  assert.deepEqual(cvdRuns(geo, 8, 10), [[9], [10]]);
  const scales = stripScales(geo);
  assert.equal(scales.delta, scale.niceCeiling(scales.delta));
  for (const bar of market.store.bars) assert.ok(scales.cvdLow <= bar.cvd && bar.cvd <= scales.cvdHigh);
});

test("the strip of cumulative delta holds its zero unless that is far", () => {
  assert.deepEqual(scale.roundRange(10, 90), [0, 100]);
  assert.deepEqual(scale.roundRange(-90, -10), [-100, 0]);
  assert.deepEqual(scale.roundRange(-30, 70), [-50, 75]);
  const [low, high] = scale.roundRange(-135, -120);
  assert.ok(low <= -135 && high >= -120 && high < 0);
  assert.deepEqual(scale.roundRange(5, 5).map(Math.sign), [1, 1]);
  assert.ok(scale.roundRange(0, 0)[0] < scale.roundRange(0, 0)[1]);
});

test("times stand under bars, on round steps, a day by its date", () => {
  const { store } = new Market({ minutes: 30 }).bars(60);
  const { geo } = shown(store, { ...views.newView(), columnW: 18 });
  const labels = timeLabels(geo, format.writers(store.hello));
  assert.ok(labels.length >= 5);
  assert.deepEqual(labels.filter((label) => label.isDay).map((label) => label.text), ["3 Jan"]);
  assert.ok(labels.every((label) => label.isDay || /^\d\d:00$/.test(label.text)));
});

test("marks know their shape; divergences their ends", () => {
  assert.equal(shapeOf({ detector: "imbalance_zones" }), "zone");
  assert.equal(shapeOf({ detector: "delta_divergence", kind: "bar" }), "flag");
  assert.equal(shapeOf({ detector: "somebody_elses" }), "flag");
  const mark = { known_at: 9, from: 1, low: 100, high: 110 };
  assert.deepEqual(endsOf({ ...mark, direction: -1, kind: "regular" }), [[1, 100], [9, 110]]);
  assert.deepEqual(endsOf({ ...mark, direction: -1, kind: "hidden" }), [[1, 110], [9, 100]]);
  assert.deepEqual(endsOf({ ...mark, direction: 1, kind: "regular" }), [[1, 110], [9, 100]]);
  assert.deepEqual(endsOf({ ...mark, points: [[2, 5], [7, 6]] }), [[2, 5], [7, 6]]);
});

test("an order has a line for each of its prices", () => {
  const bracket = { id: 3, type: "limit", side: 1, qty: 2, filled: 0.5, price: 100, stop: 90, target: 120 };
  assert.deepEqual(linesOf(bracket).map(({ part, price }) => [part, price]), [["price", 100], ["stop", 90], ["target", 120]]);
  assert.deepEqual(linesOf({ id: 4, type: "stop", side: -1, price: null, stop: 95, target: null }).map((l) => [l.part, l.price]), [["stop", 95]]);
  const write = format.writers({ qty_decimals: 3 });
  assert.deepEqual(linesOf(bracket).map((line) => orderText(bracket, line, write)), ["BUY LMT 1.5", "STOP", "TARGET"]);
  const child = { id: 5, type: "limit", side: -1, qty: 2, price: 120, parent: 3 };
  assert.equal(orderText(child, linesOf(child)[0], write), "TARGET 2");
  assert.equal(linesOfAll([bracket]).length, 3);
  assert.deepEqual(linesOfAll([bracket, child]).map(({ order, line }) => [order.id, line.part]), [[3, "price"], [3, "stop"], [5, "price"]]);
  const sent = { id: 7, type: "market", side: 1, qty: 2, price: null, stop: 90, target: 120 };
  const legs = [["stop", 90], ["limit", 120]].map(([type, price], k) => ({ id: 8 + k, type, side: -1, qty: 0, price, parent: 7 }));
  assert.deepEqual(linesOfAll([sent, ...legs]).map(({ order, line }) => orderText(order, line, write)), ["STOP", "TARGET"]);
  assert.deepEqual(linesOfAll([sent]).map(({ order, line }) => orderText(order, line, write)), ["STOP", "TARGET"]);
  const stop = { id: 6, type: "stop", side: -1, qty: 2, stop: 90 };
  assert.equal(orderText(stop, linesOf(stop)[0], write), "SELL STP 2");
});

test("tags on the axis hide none another, keep the order of prices, and the last price its place", () => {
  assert.deepEqual(tagPlaces([100, 300], 10, 400), [100, 300]);
  const wanted = [200, 195, 207, 300, -50, 900, 196, 201];
  const places = tagPlaces(wanted, 10, 400);
  assert.ok(Math.abs(places[0] - 200) < 3 && places[3] === 300);
  assert.ok(places.every((y) => y >= 10 && y <= 400), `${places}`);
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b]);
  order.slice(1).forEach((k, i) => assert.ok(places[k] - places[order[i]] >= 19 - 1e-9, `${places}`));
});

/** WCAG contrast of two colours. */
function contrast(...colours) {
  const [low, high] = colours.map((colour) => [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0)).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

test("numbers are readable on the deepest cell of every palette", () => {
  const sheet = readFileSync(new URL("../../orderflow_bt/replay/page/theme.css", import.meta.url), "utf8");
  const rules = [...sheet.matchAll(/^(:root\S*) \{\n(.*?)\n\}/gms)].map(([, selector, body]) => [selector,
    Object.fromEntries([...body.matchAll(/--([a-z-]+): (#[0-9a-f]{6})/g)].map(([, name, colour]) =>
      [name.replace(/-(\w)/, (_, letter) => letter.toUpperCase()), colour]))]);
  assert.equal(rules.length, 4);
  const [dark, darkSafe, light, lightSafe] = rules.map(([, colours]) => colours);
  for (const base of [dark, { ...dark, ...darkSafe }, light, { ...light, ...lightSafe }]) {
    const look = shades(base);
    for (const [lit, deepest] of [[base.buyLit, look.buyUnderText.at(-1)], [base.sellLit, look.sellUnderText.at(-1)]]) {
      assert.ok(contrast(lit, deepest) >= 4.5, `${lit} on ${deepest}: ${contrast(lit, deepest)}`);
      assert.ok(contrast(base.ink, deepest) >= 4.5, `${base.ink} on ${deepest}`);
    }
    assert.ok(contrast(base.ink, look.volume) >= 4.5);
  }
});

test("colours are mixed as the report mixes them", () => {
  assert.equal(mix("#ff0000", "#0000ff", 0.25), "#4000bf");
});
