/** The chart without the rest of the page, driven by a made market. */

import { Chart } from "../../orderflow_bt/replay/page/chart.js";
import { Market } from "./market.js";

const told = { prices: [], moves: [], hovers: [] };
const chart = new Chart(document.getElementById("chart"), {
  onPrice: (price, keys) => told.prices.push({ price, ...keys }),
  onMove: (id, price, part) => told.moves.push({ id, price, part }),
  onHover: (info) => told.hovers.push(info),
});
const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

/** What tests call. */
window.harness = {
  chart, told, frame, Market,
  market: null,
  /** Show a market of some bars, and some trades of the next. */
  async make(options = {}, count = 40, trades = 200) {
    this.market = new Market(options).bars(count);
    for (let k = 0; k < trades; k += 1) this.market.trade();
    return this.show();
  },
  async show() {
    chart.update(this.market.settle());
    await frame();
    return chart.state();
  },
  /** Colours on a layer from a place to the right, each as [r, g, b, a]. */
  pixels(layer, x, y, count) {
    const { canvas } = chart.surface.layers[["history", "live", "overlay"].indexOf(layer)];
    const copy = new OffscreenCanvas(count, 1).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, -Math.round(x * devicePixelRatio), -Math.round(y * devicePixelRatio));
    const { data } = copy.getImageData(0, 0, count, 1);
    return Array.from({ length: count }, (_, k) => [...data.slice(4 * k, 4 * k + 4)]);
  },
};
document.documentElement.dataset.ready = "yes";
