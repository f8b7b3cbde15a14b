/** Three stacked canvases in a container: history, live, overlay. DOM only. */

const NAMES = ["history", "live", "overlay"];
const LABEL = "Footprint chart: plus and minus zoom, Shift with arrows moves, Home follows";

export class Surface {
  /** @param {HTMLElement} container */
  constructor(container) {
    this.container = container;
    container.classList.add("chart");
    if (!container.hasAttribute("tabindex")) container.tabIndex = 0;
    container.setAttribute("role", "application");
    if (!container.hasAttribute("aria-label")) container.setAttribute("aria-label", LABEL);
    this.layers = NAMES.map((name) => {
      const canvas = document.createElement("canvas");
      canvas.className = `chart-layer chart-${name}`;
      canvas.setAttribute("aria-hidden", "true");
      container.append(canvas);
      return canvas.getContext("2d", { alpha: name !== "history" });
    });
    this.size = { w: 0, h: 0, dpr: 0 };
  }

  /** Take the container's size, in CSS pixels, and the screen's sharpness. @returns {boolean} whether they changed */
  measure() {
    const box = this.container.getBoundingClientRect();
    const dpr = devicePixelRatio || 1;
    const [w, h] = [Math.max(1, Math.round(box.width)), Math.max(1, Math.round(box.height))];
    if (w === this.size.w && h === this.size.h && dpr === this.size.dpr) return false;
    this.size = { w, h, dpr };
    for (const { canvas } of this.layers) {
      canvas.width = Math.round(w * dpr);
      canvas.height = Math.round(h * dpr);
    }
    return true;
  }

  /** Layers, ready to be painted in CSS pixels. */
  contexts() {
    for (const layer of this.layers) layer.setTransform(this.size.dpr, 0, 0, this.size.dpr, 0, 0);
    return this.layers;
  }

  /** Take the canvases away. */
  remove() {
    for (const { canvas } of this.layers) canvas.remove();
  }
}
