/** What a person set for their eyes: theme, palette, folded panes; kept by this browser. */

const KEY = "orderflow_bt.replay";
export const THEMES = ["system", "dark", "light"];
export const PALETTES = ["teal-red", "blue-orange"];

/** Settings read from the browser's storage, with what is missing or broken left out. */
export function load(storage) {
  const defaults = {
    theme: "system",
    palette: null,
    folded: [],
    tab: "orders",
    mode: "bidask",
    least: 0,
    seconds: 30,
    size: { by: "units", value: "" },
  };
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "{}");
    const known = Object.keys(defaults).filter((name) => name in kept);
    return Object.assign(defaults, Object.fromEntries(known.map((name) => [name, kept[name]])));
  } catch {
    return defaults; // a browser may forbid storage, or hold what another version wrote
  }
}

export class Settings {
  /** @param {Storage} storage */
  constructor(storage) {
    this.storage = storage;
    this.values = load(storage);
    this.listeners = [];
    this.light = matchMedia("(prefers-color-scheme: light)");
    this.light.addEventListener("change", () => this.apply());
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    try {
      this.storage.setItem(KEY, JSON.stringify(this.values));
    } catch {
      // full or forbidden: the setting holds until the page is left
    }
    this.apply();
  }

  /** The theme in force: what "system" means now. */
  get theme() {
    const { theme } = this.values;
    if (theme !== "system") return theme;
    return this.light.matches ? "light" : "dark";
  }

  get palette() {
    return PALETTES.includes(this.values.palette) ? this.values.palette : (this.offered ?? PALETTES[0]);
  }

  /** The palette the server was started with, for those who have not chosen one. */
  offer(palette) {
    if (PALETTES.includes(palette)) this.offered = palette;
    this.apply();
  }

  apply() {
    document.documentElement.dataset.theme = this.theme;
    document.documentElement.dataset.palette = this.palette;
    for (const listener of this.listeners) listener(this);
  }
}
