/** The small box that tells exact values under the crosshair. DOM only. */

const GAP = 10;

export class Readout {
  /** @param {HTMLElement} container */
  constructor(container) {
    this.box = document.createElement("div");
    this.box.className = "chart-readout";
    this.box.hidden = true;
    container.append(this.box);
  }

  /**
   * Show lines in the corner away from the pointer.
   * @param {{name: string, value: string, tone: string}[][]} lines
   * @param {number} x pointer, CSS pixels
   * @param {number} y
   * @param {{w: number, h: number}} plot
   */
  show(lines, x, y, plot) {
    if (!lines.length) {
      this.hide();
      return;
    }
    this.box.replaceChildren(...lines.map(line));
    this.box.hidden = false;
    const isNear = x < this.box.offsetWidth + 4 * GAP && y < this.box.offsetHeight + 4 * GAP;
    const left = isNear ? Math.max(GAP, plot.w - this.box.offsetWidth - GAP) : GAP;
    this.box.style.translate = `${left}px ${GAP}px`;
  }

  hide() {
    this.box.hidden = true;
  }

  /** What it says; empty while hidden. */
  text() {
    return this.box.hidden ? "" : [...this.box.children].map((row) => row.textContent.trim()).join("\n");
  }

  remove() {
    this.box.remove();
  }
}

function line(parts) {
  const row = document.createElement("div");
  for (const { name, value, tone } of parts) {
    if (name) {
      const word = document.createElement("span");
      word.className = "chart-word";
      word.textContent = `${name} `;
      row.append(word);
    }
    const number = document.createElement("span");
    number.className = tone ? `chart-value chart-${tone}` : "chart-value";
    number.textContent = value;
    row.append(number, " ");
  }
  return row;
}
