/** What a person set for their eyes: theme, palette, folded panes; kept by this browser. */

const KEY = "orderflow-bt-view";
const YEAR = 365 * 24 * 3600;
export const THEMES = ["system", "dark", "light"];
export const PALETTES = ["teal-red", "blue-orange"];

/**
 * The value of a cookie. Pure.
 * @param {string} cookies as the document holds them
 * @returns {string|null} null where there is none
 */
export function readCookie(cookies, name) {
  const found = cookies.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found === undefined ? null : decodeURIComponent(found.slice(name.length + 1));
}

/** A storage for all ports of this machine: each practice has its own, and local storage would forget. */
export const jar = {
  getItem: (key) => readCookie(document.cookie, key),
  setItem: (key, value) => {
    document.cookie = `${key}=${encodeURIComponent(value)}; Path=/; Max-Age=${YEAR}; SameSite=Strict`;
  },
};

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
  /** @param {{getItem: Function, setItem: Function}} storage */
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
