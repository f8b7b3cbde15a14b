/** The chart: three canvases, painted only when a frame is due and only where something changed. */

import { short, writers } from "./format.js";
import { paintCrosshair, readout, under } from "./crosshair.js";
import { listen } from "./gestures.js";
import { Grid, slotOfNumber, unitOf } from "./grid.js";
import { geometry, panes } from "./layout.js";
import { readPalette } from "./palette.js";
import { paintHistory, paintLive } from "./painting.js";
import { Readout } from "./readout.js";
import { Sprites } from "./sprites.js";
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
    this.painted = { frames: 0, history: 0, live: 0, lastMs: 0, totalMs: 0 };
    this.hits = { handles: [], marks: [], profile: null };
    this.pointer = null;
    this.dragged = null;
    this.clicked = { at: -Infinity, button: 0 };
    this.seen = { epoch: null, slots: 0 };
    this.due = { frame: 0, live: true, overlay: true };
    this.historyKey = "";
    this.#build();
    this.stop = listen(container, this.#answers());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(container);
    this.schemes = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.setTheme();
    this.schemes.addEventListener("change", this.onScheme);
    this.setTheme();
    this.resize();
  }

  #build() {
    const { container } = this;
    container.classList.add("chart");
    if (!container.hasAttribute("tabindex")) container.tabIndex = 0;
    container.setAttribute("role", "application");
    if (!container.hasAttribute("aria-label")) {
      container.setAttribute("aria-label", "Footprint chart: plus and minus zoom, Shift with arrows moves, Home follows");
    }
    this.layers = ["history", "live", "overlay"].map((name) => {
      const canvas = document.createElement("canvas");
      canvas.className = `chart-layer chart-${name}`;
      canvas.setAttribute("aria-hidden", "true");
      container.append(canvas);
      return canvas.getContext("2d", { alpha: name !== "history" });
    });
    this.readout = new Readout(container);
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
    if (store.bars.length < 4) this.unit = undefined; // what it is decided by is still thin
    this.#ask();
  }

  /** After a reset: pictures are of bars that may not be the same, and a view of the past finds its bar again. */
  #restart() {
    const { hello } = this.store;
    if (this.look?.hello && (hello?.row_size !== this.look.hello.row_size || hello?.blind !== this.look.hello.blind)) {
      this.view = views.follow(this.view); // other rows, or other prices: no place of before means anything
    }
    this.sprites.clear();
    this.unit = undefined;
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
    const box = this.container.getBoundingClientRect();
    const dpr = devicePixelRatio || 1;
    const size = { w: Math.max(1, Math.round(box.width)), h: Math.max(1, Math.round(box.height)), dpr };
    if (this.size && size.w === this.size.w && size.h === this.size.h && size.dpr === this.size.dpr) return;
    this.size = size;
    for (const { canvas } of this.layers) {
      canvas.width = Math.round(size.w * dpr);
      canvas.height = Math.round(size.h * dpr);
    }
    this.historyKey = "";
    this.#ask();
  }

  /** Leave the container as it was. */
  destroy() {
    this.stop();
    this.observer.disconnect();
    this.schemes.removeEventListener("change", this.onScheme);
    cancelAnimationFrame(this.due.frame);
    for (const { canvas } of this.layers) canvas.remove();
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
      hasText: geo.hasText, unit: this.unit, plot: { ...geo.plot }, axis: geo.rects.axis.x, top: geo.priceAt(geo.plot.y),
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
    const { store, size, mode } = this;
    const facts = { bars: store.bars, forming: store.forming, rowSize: store.hello?.row_size || 1,
      tick: store.hello?.tick || 1, dpr: size.dpr, mode };
    const rects = panes(size.w, size.h, size.dpr, this.look.axis);
    return geometry(this.view, rects, facts);
  }

  #refreshLook() {
    const { store } = this;
    if (this.look && this.look.hello === store.hello && this.unit !== undefined) return;
    const shown = store.forming ? [...store.bars, store.forming] : store.bars;
    this.unit = unitOf(shown, Boolean(store.hello?.blind));
    const write = writers(store.hello);
    const sample = shown.length ? shown[shown.length - 1].high : 0;
    const longest = Math.max(6, write.price(sample).length, short(0).length);
    this.look = { colours: this.colours, write, hello: store.hello, unit: this.unit,
      whole: !store.hello?.blind && store.hello?.qty_decimals === 0 && this.unit === 1,
      axis: Math.ceil(longest * 6.63) + 20 };
  }

  #paint() {
    this.due.frame = 0;
    const begun = performance.now();
    if (this.due.live) {
      this.due.live = false;
      this.#refreshLook();
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
    const [history, live] = this.layers;
    for (const ctx of [history, live]) ctx.setTransform(geo.dpr, 0, 0, geo.dpr, 0, 0);
    this.historyKey = paintHistory(history, stage, this.historyKey, this.painted);
    paintLive(live, stage, this.painted);
  }

  #paintOverlay() {
    const { geo, look } = this;
    const ctx = this.layers[2];
    if (!geo || !this.due.overlay) return;
    this.due.overlay = false;
    ctx.setTransform(geo.dpr, 0, 0, geo.dpr, 0, 0);
    ctx.clearRect(0, 0, this.size.w, this.size.h);
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
    const near = this.hits.marks.filter((m) => x >= m.x - 3 && x <= m.x + m.w + 3 && y >= m.y - 3 && y <= m.y + m.h + 3);
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
