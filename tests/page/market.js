/** A made market in the shape of the page's store, for tests and pictures of the chart. The same seed, the same bars. */

import { flagsOf } from "../../orderflow_bt/replay/page/grid.js";
import { pointOfControl, valueArea } from "../../orderflow_bt/replay/page/profile.js";

const MINUTE = 60e6;
const START = Date.UTC(2024, 0, 2, 8, 30) * 1000;

/** Numbers in [0, 1), the same for a seed (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const USUAL = { seed: 7, price: 421500, rowSize: 10, tick: 1, price_decimals: 1, qty_decimals: 3, qty: 1.4, perBar: 420,
  move: 3, pull: 0, minutes: 1, blind: false, title: "BTCUSDT 1m" };

/** Trades come out of it, and the store that a page would hold. */
export class Market {
  constructor(options = {}) {
    this.o = { ...USUAL, ...options };
    this.next = random(this.o.seed);
    this.price = this.o.blind ? 0 : this.o.price;
    this.time = this.o.blind ? -45 * MINUTE : START;
    this.cvd = 0;
    this.lean = 0;
    this.left = this.o.perBar;
    this.store = {
      version: 0, epoch: 1, bars: [], forming: null, prints: [], recent: [], profile: new Map(), marks: new Map(),
      marks_version: 0, orders: [], fills: [], trips: [], levels: [], account: null, drill: null, last: null, bid: null,
      ask: null, clock: { time: this.time },
      hello: { row_size: this.o.rowSize, tick: this.o.tick, price_decimals: this.o.price_decimals,
        qty_decimals: this.o.qty_decimals, blind: this.o.blind, time: this.o.blind ? "elapsed" : "utc", title: this.o.title },
    };
  }

  /** One trade, at most some rows from the last. */
  trade(jump = 0) {
    const { o, store } = this;
    if (!store.forming) this.#open();
    if (this.next() < 0.02) this.lean = (this.next() - 0.5) * 0.4;
    const back = o.pull * (this.price - o.price);
    const side = this.next() < 0.5 + this.lean - back ? 1 : -1;
    if (jump || this.next() < 0.4) this.price += jump + o.tick * side * Math.floor(this.next() ** 2 * o.move * 4);
    const step = 10 ** -o.qty_decimals;
    const qty = Math.max(1, Math.round((o.qty * Math.exp((this.next() + this.next() - 1) * 4)) / step)) * step;
    this.time += (o.minutes * MINUTE) / o.perBar;
    this.#add(this.price + (side > 0 ? o.tick : 0), qty, side);
    this.left -= 1;
    if (this.left <= 0) this.close();
  }

  /** Trades until some more bars are closed. */
  bars(count) {
    const wanted = this.store.bars.length + count;
    while (this.store.bars.length < wanted) this.trade();
    return this;
  }

  #open(status = 0) {
    const { store, o } = this;
    const number = store.bars.length;
    const open_time = (this.o.blind ? -45 * MINUTE : START) + number * o.minutes * MINUTE;
    this.time = open_time;
    this.left = o.perBar * (0.6 + 0.8 * this.next());
    store.forming = { number, open_time, close_time: open_time + o.minutes * MINUTE, open: NaN, high: -Infinity, low: Infinity,
      close: this.price, volume: 0, delta: 0, min_delta: 0, max_delta: 0, cvd: this.cvd, poc: 0, value_low: 0, value_high: 0,
      status, first_row: 0, n_rows: 0, flags: 0, session: 0, bid: new Float64Array(0), ask: new Float64Array(0),
      cells: new Uint8Array(0) };
    return store.forming;
  }

  #add(price, qty, side) {
    const { store, o } = this;
    const bar = store.forming;
    const row = Math.floor(price / o.rowSize) * o.rowSize;
    widen(bar, row, o.rowSize);
    bar[side > 0 ? "ask" : "bid"][Math.round((row - bar.first_row) / o.rowSize)] += qty;
    if (!bar.volume) bar.open = price;
    bar.high = Math.max(bar.high, price);
    bar.low = Math.min(bar.low, price);
    bar.close = price;
    bar.volume += qty;
    bar.delta += side * qty;
    bar.min_delta = Math.min(bar.min_delta, bar.delta);
    bar.max_delta = Math.max(bar.max_delta, bar.delta);
    this.cvd += side * qty;
    bar.cvd = this.cvd;
    bar.close_time = Math.max(bar.close_time, this.time);
    store.last = price;
    store.bid = side > 0 ? price - o.tick : price;
    store.ask = side > 0 ? price : price + o.tick;
    store.clock.time = this.time;
  }

  /** What a frame would bring of the forming bar. */
  settle() {
    const { o } = this;
    const bar = this.store.forming;
    if (bar?.n_rows) {
      const volumes = bar.bid.map((v, i) => v + bar.ask[i]);
      const poc = pointOfControl(volumes);
      const [low, high] = valueArea(volumes, poc);
      bar.poc = bar.first_row + poc * o.rowSize;
      bar.value_low = bar.first_row + low * o.rowSize;
      bar.value_high = bar.first_row + high * o.rowSize;
      bar.cells = flagsOf(bar.bid, bar.ask, o.qty * 8);
      bar.flags = (bar.bid.at(-1) && bar.ask.at(-1) ? 1 : 0) | (bar.bid[0] && bar.ask[0] ? 2 : 0);
    }
    this.store.version += 1;
    return this.store;
  }

  /** Close the forming bar. */
  close() {
    this.settle();
    const { store } = this;
    const bar = store.forming;
    for (let i = 0; i < bar.n_rows; i += 1) {
      const row = bar.first_row + i * this.o.rowSize;
      const side = store.profile.get(row) ?? { bid: 0, ask: 0 };
      store.profile.set(row, { bid: side.bid + bar.bid[i], ask: side.ask + bar.ask[i] });
    }
    store.bars.push(bar);
    store.forming = null;
  }

  /** A bar without trades (status 1), or one that misses them (2). */
  hole(status) {
    if (this.store.forming) this.close();
    const bar = this.#open(status);
    Object.assign(bar, { open: this.price, high: this.price, low: this.price, close: this.price, first_row: Math.floor(this.price / this.o.rowSize) * this.o.rowSize });
    this.close();
    return this;
  }

  /** Marks of every kind, an open position with a bracket, a finished round trip, a naked level. */
  dress() {
    const { store, o } = this;
    const at = (k) => store.bars.at(k);
    const mark = (m) => store.marks.set(m.id, { text: `${m.detector.replaceAll("_", " ")} ${m.state}`, strength: 1.6, invalid: false, ...m });
    const zone = (k, direction, invalid, until) => {
      const bar = at(k);
      const low = bar.value_low;
      mark({ id: `z${k}`, detector: "imbalance_zones", kind: "stack", direction, state: invalid ? "broken" : "active", from: bar.open_time,
        known_at: bar.close_time, low, high: low + 4 * o.rowSize, invalid, ...(until ? { until: at(until).close_time } : {}) });
    };
    zone(-16, 1, false);
    zone(-21, -1, true, -12);
    mark({ id: "a1", detector: "absorption", kind: "level", direction: 1, state: "confirmed", from: at(-8).open_time, known_at: at(-8).close_time,
      low: at(-8).low, high: at(-8).low + 3 * o.rowSize });
    mark({ id: "a2", detector: "absorption", kind: "level", direction: -1, state: "candidate", from: at(-4).open_time + 10e6, known_at: at(-4).close_time - 10e6,
      low: at(-4).high - 2 * o.rowSize, high: at(-4).high + o.tick });
    mark({ id: "d1", detector: "delta_divergence", kind: "regular", direction: -1, state: "confirmed", known_at: at(-9).close_time, from: at(-19).open_time,
      low: at(-19).high, high: at(-11).high, points: [[at(-19).open_time, at(-19).high], [at(-11).open_time, at(-11).high]] });
    mark({ id: "p1", detector: "poc_retest", kind: "day", direction: 1, state: "touch", from: at(-18).open_time, known_at: at(-6).open_time + 20e6, low: at(-6).poc, high: at(-6).poc });
    for (const k of [-14, -13, -5, -3]) {
      mark({ id: `b${k}`, detector: "big_trades", kind: "big", direction: k % 2 ? 1 : -1, state: "confirmed", known_at: at(k).open_time + 35e6,
        low: at(k).poc, high: at(k).poc, strength: -k });
    }
    mark({ id: "v1", detector: "volume_spike", kind: "spike", direction: 1, state: "confirmed", from: at(-10).open_time, known_at: at(-10).close_time, low: at(-10).low, high: at(-10).high });
    mark({ id: "e1", detector: "exhaustion", kind: "fading", direction: -1, state: "confirmed", from: at(-10).open_time, known_at: at(-10).close_time, low: at(-10).low, high: at(-10).high });
    store.marks_version += 1;
    const entry = at(-5).close;
    const [stop, target] = [entry - 9 * o.rowSize, entry + 16 * o.rowSize];
    store.fills.push({ order: 1, time: at(-20).open_time + 20e6, price: at(-20).open, qty: 0.5, side: -1, rule: "next" },
      { order: 2, time: at(-15).open_time + 40e6, price: at(-15).close, qty: 0.5, side: 1, rule: "next" },
      { order: 3, time: at(-5).close_time - 5e6, price: entry, qty: 0.5, side: 1, rule: "next" });
    store.trips.push({ side: -1, entry_time: at(-20).open_time + 20e6, exit_time: at(-15).open_time + 40e6, entry: at(-20).open, exit: at(-15).close, r: 1.42 },
      { side: 1, entry_time: at(-5).close_time - 5e6, exit_time: null, entry, exit: null, r: null });
    store.orders.push({ id: 4, type: "stop", side: -1, qty: 0.5, price: stop, filled: 0, state: "working", parent: 3 },
      { id: 5, type: "limit", side: -1, qty: 0.5, price: target, filled: 0, state: "working", parent: 3 },
      { id: 6, type: "limit", side: 1, qty: 0.25, price: entry - 5 * o.rowSize, stop: null, target: null, filled: 0, state: "working" });
    store.account = { position: 0.5, average: entry, open_r: (store.last - entry) / (entry - stop), unit: "USDT" };
    store.levels = [{ price: at(-24).low, kind: "poc", since: at(-24).open_time, text: "nPOC" }];
    return this;
  }
}

/** A bar's rows made to hold a row. */
function widen(bar, row, rowSize) {
  if (!bar.n_rows) {
    Object.assign(bar, { first_row: row, n_rows: 1, bid: new Float64Array(1), ask: new Float64Array(1) });
    return;
  }
  const low = Math.min(bar.first_row, row);
  const high = Math.max(bar.first_row + (bar.n_rows - 1) * rowSize, row);
  const size = Math.round((high - low) / rowSize) + 1;
  if (size === bar.n_rows) return;
  const shift = Math.round((bar.first_row - low) / rowSize);
  for (const side of ["bid", "ask"]) {
    const wider = new Float64Array(size);
    wider.set(bar[side], shift);
    bar[side] = wider;
  }
  Object.assign(bar, { first_row: low, n_rows: size });
}
