/** Colours of the canvas: read from the page's variables, mixed into shades. */

/** Variables that theme.css gives, and the names painting uses. */
const NAMES = ["ground", "panel", "rule", "ink", "muted", "buy", "sell", "buy-lit", "sell-lit", "accent", "event", "curve"];
/** Steps of a fill's depth. */
export const DEPTHS = 14;

export const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace';
export const SANS = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';

/**
 * `colour` laid over `ground` at an opacity.
 * @param {string} colour `#rrggbb`
 * @param {string} ground `#rrggbb`
 * @param {number} share 0 to 1
 * @returns {string} `#rrggbb`
 */
export function mix(colour, ground, share) {
  let text = "#";
  for (const at of [1, 3, 5]) {
    const front = parseInt(colour.slice(at, at + 2), 16);
    const back = parseInt(ground.slice(at, at + 2), 16);
    text += Math.round(share * front + (1 - share) * back).toString(16).padStart(2, "0");
  }
  return text;
}

/** `#rrggbb` with an opacity, as a canvas takes it. */
export function fade(colour, share) {
  return colour + Math.round(share * 255).toString(16).padStart(2, "0");
}

/**
 * Shades that painting uses, from the base colours.
 * @param {Record<string, string>} base by the names of the variables, `buyLit` for `buy-lit`
 */
export function shades(base) {
  const ladder = (colour, deepest = 0.85) =>
    Array.from({ length: DEPTHS + 1 }, (_, k) => mix(colour, base.ground, 0.07 + ((deepest - 0.07) * k) / DEPTHS));
  return {
    ...base,
    buyDepth: ladder(base.buy),
    sellDepth: ladder(base.sell),
    buyUnderText: ladder(base.buy, 0.48), // a lit number keeps its contrast
    sellUnderText: ladder(base.sell, 0.48),
    volumeDepth: ladder(mix(base.curve, base.muted, 0.5)),
    volume: mix(base.muted, base.ground, 0.55),
    buyBar: mix(base.buy, base.ground, 0.9),
    sellBar: mix(base.sell, base.ground, 0.9),
    buyProfile: mix(base.buy, base.ground, 0.62),
    sellProfile: mix(base.sell, base.ground, 0.62),
    buyQuiet: mix(base.buy, base.ground, 0.26),
    sellQuiet: mix(base.sell, base.ground, 0.26),
    area: mix(base.muted, base.ground, 0.34),
    faint: mix(base.muted, base.ground, 0.3),
  };
}

/** The colours that hold on an element now. @param {Element} element */
export function readPalette(element) {
  const style = getComputedStyle(element);
  const base = {};
  for (const name of NAMES) {
    const key = name.replace(/-(\w)/, (_, letter) => letter.toUpperCase());
    base[key] = style.getPropertyValue(`--${name}`).trim() || "#808080";
  }
  return shades(base);
}
