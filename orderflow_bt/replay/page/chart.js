/** The chart: three canvases, painted only when a frame is due and only where something changed. */

import { paintCrosshair, readout, under } from "./crosshair.js";
import { listen } from "./gestures.js";
import { Grid, slotOfNumber } from "./grid.js";
import { geometry, panes } from "./layout.js";
import { lookOf } from "./look.js";
import { readPalette } from "./palette.js";
import { paintHistory, paintLive } from "./painting.js";
import { Readout } from "./readout.js";
import { Sprites } from "./sprites.js";
import { Surface } from "./surface.js";
import * as views from "./view.js";

const MODES = ["bidask", "delta", "volume"];
const DOUBLE_MS = 300;
const NOTHING = { bars: [], forming: null, profile: new Map(), marks: new Map(), fills: [], trips: [], orders: [], epoch: -1 };

/** A footprint chart in a container. */
export class Chart {
  /**
   * @param {HTMLElement} container
   * @param {{onPrice?: Function, onMove?: Function, onHover?: Function}} [told] `onPrice(price, {shift, ctrl, alt,
   *   button})` on a click, `onMove(orderId, price, part)` when an order's line was dragged, `onHover(info|null)`
   */
  constructor(container, told = {}) {
    this.container = container;
    this.told = told;
    this.store = NOTHING;
    this.view = views.newView();
    this.mode = MODES[0];
    this.grid = new Grid();
    this.sprites = new Sprites();
    this.look = null;
    this.geo = null;
    this.painted = { frames: 0, history: 0, live: 0, lastMs: 0, totalMs: 0 };
    this.hits = { handles: [], marks: [], own: [], profile: null };
    this.pointer = null;
    this.dragged = null;
    this.clicked = { at: -Infinity, button: 0 };
    this.seen = { epoch: null, slots: 0 };
    this.due = { frame: 0, live: true, overlay: true };
    this.historyKey = "";
    this.surface = new Surface(container);
    this.readout = new Readout(container);
    this.stop = listen(container, this.#answers());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(container);
    this.schemes = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.setTheme();
    this.schemes.addEventListener("change", this.onScheme);
    this.setTheme();
    this.resize();
  }

  /** Show what a store holds now. Cheap: paints when the next frame is due. @param {object} store */
  update(store) {
    this.store = store;
    const slots = store.bars.length + (store.forming ? 1 : 0);
    if (store.epoch !== this.seen.epoch) {
      this.#restart();
    } else if (slots !== this.seen.slots) {
      this.view = views.appended(this.view, slots - this.seen.slots);
    }
    this.seen = { epoch: store.epoch, slots };
    this.#ask();
  }

  /** After a reset: pictures are of bars that may not be the same, and a view of the past finds its bar again. */
  #restart() {
    const { hello } = this.store;
    if (this.look?.hello && (hello?.row_size !== this.look.hello.row_size || hello?.blind !== this.look.hello.blind)) {
      this.view = views.follow(this.view); // other rows, or other prices: no place of before means anything
    }
    this.sprites.clear();
    this.look = null;
    if (!this.view.following && this.geo && this.anchor !== null) {
      const slot = slotOfNumber(this.store.bars, this.anchor);
      const slots = this.store.bars.length + (this.store.forming ? 1 : 0);
      this.view = slot < 0 ? views.follow(this.view) : { ...this.view, back: Math.max(0, slots - 1 - slot) };
    }
  }

  /** @param {"bidask"|"delta"|"volume"} mode what cells show */
  setMode(mode) {
    if (!MODES.includes(mode)) throw new RangeError(`unknown mode ${mode}: ${MODES.join(", ")}`);
    this.mode = mode;
    this.#ask();
  }

  /**
   * Take colours from the page's variables again, after choosing which where they are given.
   * @param {"dark"|"light"|"system"} [scheme]
   * @param {"teal-red"|"blue-orange"} [palette]
   */
  setTheme(scheme, palette) {
    const root = document.documentElement;
    if (scheme === "system") delete root.dataset.theme;
    else if (scheme) root.dataset.theme = scheme;
    if (palette) root.dataset.palette = palette;
    this.colours = readPalette(this.container);
    this.look = null;
    this.#ask();
  }

  /** Back to the newest bar, prices fitted. */
  follow() {
    this.#look(views.follow(this.view));
  }

  /** @param {number} factor wider columns above 1 */
  zoomTime(factor) {
    if (this.geo) this.#look(views.zoomTime(this.view, this.geo, factor, this.geo.plot.w / 2));
  }

  /** @param {number} factor higher rows above 1 */
  zoomPrice(factor) {
    if (this.geo) this.#look(views.zoomPrice(this.view, this.geo, factor, this.geo.plot.h / 2));
  }

  /** @param {number} columns to the past @param {number} rows upward */
  pan(columns, rows) {
    if (this.geo) this.#look(views.pan(this.view, this.geo, columns * this.geo.columnW, rows * this.geo.rowPx));
  }

  #look(view) {
    this.view = view;
    this.#ask();
  }

  /** Take the container's size again. */
  resize() {
    if (!this.surface.measure()) return;
    this.historyKey = "";
    this.#ask();
  }

  /** Leave the container as it was. */
  destroy() {
    this.stop();
    this.observer.disconnect();
    this.schemes.removeEventListener("change", this.onScheme);
    cancelAnimationFrame(this.due.frame);
    this.surface.remove();
    this.readout.remove();
  }

  /** What the chart shows, for tests and for the page. */
  state() {
    const { geo, view } = this;
    if (!geo) return { bars: 0, mode: this.mode, painted: { ...this.painted } };
    const shown = geo.slots ? [geo.barAt(Math.max(0, geo.first)).number, geo.barAt(Math.max(0, geo.last)).number] : null;
    return {
      bars: this.store.bars.length, forming: this.store.forming?.number ?? null, visible: shown, mode: this.mode,
      following: view.following, autoPrice: view.autoPrice, columnW: geo.columnW, rowPx: geo.rowPx, merge: geo.merge,
      hasText: geo.hasText, unit: this.look?.unit ?? null, plot: { ...geo.plot }, axis: geo.rects.axis.x, top: geo.priceAt(geo.plot.y),
      bottom: geo.priceAt(geo.plot.y + geo.plot.h), hover: this.hovered ?? null, readout: this.readout.text(),
      handles: this.hits.handles.map(({ id, part, x, y }) => ({ id, part, x, y })), marks: this.hits.marks.length,
      palette: { ground: this.colours.ground, buy: this.colours.buy }, sprites: this.sprites.kept.size,
      spritesPainted: this.sprites.painted, dpr: geo.dpr, painted: { ...this.painted },
    };
  }

  /** Middle of a tick on the screen, from the container's top. */
  yOf(price) {
    return this.geo.yTick(price);
  }

  /** Left edge of a bar's column, from the container's left; null where it is not known. */
  xOf(number) {
    const slot = this.store.forming?.number === number ? this.store.bars.length : slotOfNumber(this.store.bars, number);
    return slot < 0 ? null : this.geo.x(slot);
  }

  #ask() {
    this.due.live = true;
    this.#askOverlay();
  }

  #askOverlay() {
    this.due.overlay = true;
    if (!this.due.frame) this.due.frame = requestAnimationFrame(() => this.#paint());
  }

  #geometry() {
    const { store, mode } = this;
    const { size } = this.surface;
    const facts = { bars: store.bars, forming: store.forming, rowSize: store.hello?.row_size || 1,
      tick: store.hello?.tick || 1, dpr: size.dpr, mode };
    const rects = panes(size.w, size.h, size.dpr, this.look.axis);
    return geometry(this.view, rects, facts);
  }

  #paint() {
    this.due.frame = 0;
    const begun = performance.now();
    if (devicePixelRatio !== this.surface.size.dpr) this.resize(); // another screen
    if (this.due.live) {
      this.due.live = false;
      this.look = lookOf(this.store, this.colours, this.look);
      this.geo = this.#geometry();
      const settled = views.settle(this.view, this.geo, this.#levels());
      if (settled !== this.view) {
        this.view = settled;
        this.geo = this.#geometry();
      }
      const edge = Math.min(this.geo.slots - 1, Math.round(this.geo.slots - 1 - this.view.back));
      this.anchor = this.geo.slots ? this.geo.barAt(Math.max(0, edge)).number : null;
      this.#paintLayers();
    }
    this.#paintOverlay();
    this.painted.frames += 1;
    this.painted.lastMs = performance.now() - begun;
    this.painted.totalMs += this.painted.lastMs;
  }

  #levels() {
    const { store } = this;
    const prices = (store.orders ?? []).flatMap((order) => [order.price, order.stop, order.target]);
    if (store.account?.position) prices.push(store.account.average);
    return prices.filter((price) => Number.isFinite(price));
  }

  #paintLayers() {
    const { geo, store, look, grid, sprites } = this;
    const stage = { geo, store, look, grid, sprites, hits: this.hits, dragged: this.dragged,
      behind: Math.round(this.view.back) };
    const [history, live] = this.surface.contexts();
    this.historyKey = paintHistory(history, stage, this.historyKey, this.painted);
    paintLive(live, stage, this.painted);
  }

  #paintOverlay() {
    const { geo, look } = this;
    if (!geo || !this.due.overlay) return;
    this.due.overlay = false;
    const ctx = this.surface.contexts()[2];
    ctx.clearRect(0, 0, geo.rects.whole.w, geo.rects.whole.h);
    const found = this.pointer && !this.dragged ? under(geo, ...this.pointer, this.hits.profile) : null;
    const told = found && { price: found.price, number: found.bar?.number ?? null, row: found.row };
    if (JSON.stringify(told) !== JSON.stringify(this.hovered ?? null)) {
      this.hovered = told;
      this.told.onHover?.(told);
    }
    if (!found) {
      this.readout.hide();
      return;
    }
    const [x, y] = this.pointer;
    paintCrosshair(ctx, geo, look, x, y, found);
    const isNear = (m) => x >= m.x - 3 && x <= m.x + m.w + 3 && y >= m.y - 3 && y <= m.y + m.h + 3;
    const near = [...this.hits.own, ...this.hits.marks].filter(isNear);
    this.readout.show(readout(found, look.write, near.map((m) => m.text)), x, y, geo.plot);
  }

  #answers() {
    return {
      areaAt: (x, y) => this.#areaAt(x, y),
      handleAt: (x, y) => this.hits.handles.find((h) => x >= h.x && x <= h.x + h.w && y >= h.y && y <= h.y + h.h) ?? null,
      pricesFollow: () => this.view.autoPrice,
      zoomAt: (axis, factor, x, y) => {
        if (!this.geo) return;
        const { plot } = this.geo;
        if (axis === "price") this.#look(views.zoomPrice(this.view, this.geo, factor, y ?? plot.h / 2));
        else this.#look(views.zoomTime(this.view, this.geo, factor, x ?? plot.w));
      },
      panBy: (dx, dy) => this.geo && this.#look(views.pan(this.view, this.geo, dx, dy)),
      hover: (x, y) => {
        this.pointer = x === null ? null : [x, y];
        this.#askOverlay();
      },
      click: (x, y, event) => {
        const { at, button } = this.clicked;
        this.clicked = { at: event.timeStamp, button: event.button };
        if (event.timeStamp - at < DOUBLE_MS && event.button === button) return; // the second of a double click: one order is meant, or none
        const found = this.geo && under(this.geo, x, y);
        if (!found || found.price === null) return;
        this.told.onPrice?.(found.price, { shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey,
          alt: event.altKey, button: event.button });
      },
      moving: (handle, y) => {
        this.dragged = handle && { ...handle, price: this.#priceAt(y) };
        this.#ask();
      },
      moved: (handle, y) => {
        this.dragged = null;
        this.told.onMove?.(handle.id, this.#priceAt(y), handle.part);
        this.#ask();
      },
      double: (area) => {
        if (area === "prices") this.#look({ ...this.view, autoPrice: true });
        else if (area === "times") this.#look({ ...this.view, columnW: views.newView().columnW });
        else this.follow();
      },
      key: (event) => this.#key(event),
    };
  }

  #priceAt(y) {
    return Math.round(this.geo.priceAt(y) / this.geo.tick - 0.5) * this.geo.tick;
  }

  #areaAt(x, y) {
    if (!this.geo) return "plot";
    const { axis, times, plot } = this.geo.rects;
    if (y >= times.y) return "times";
    if (x >= axis.x) return "prices";
    return y <= plot.y + plot.h ? "plot" : "strips";
  }

  /** @returns {boolean} whether the chart took the key */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.shiftKey && arrows[event.key]) this.pan(...arrows[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomTime(1.25);
    else if (event.key === "-") this.zoomTime(0.8);
    else if (event.key === "*") this.zoomPrice(1.25);
    else if (event.key === "_") this.zoomPrice(0.8);
    else if (event.key === "Home") this.follow();
    else return false;
    return true;
  }
}
