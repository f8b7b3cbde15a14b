/** Numbers and times as people read them. Pure: works without a page. */

const MINUS = "\u2212";
export const NONE = "\u2013";

/** A number with a fixed count of decimals, thousands parted, a true minus. */
export function fixed(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const text = Math.abs(value).toFixed(decimals);
  const [whole, part] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = value < 0 && Number(text) !== 0 ? MINUS : "";
  return sign + grouped + (part === undefined ? "" : `.${part}`);
}

/** The same, with a plus before what is above zero. */
export function signed(value, decimals) {
  const text = fixed(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? `+${text}` : text;
}

/** Three significant digits: 984, 1.0k, 12k, 0.042. */
export function brief(value) {
  if (!Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : "";
  if (size === 0) return "0";
  for (const [unit, letter] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (size >= unit * 0.9995) {
      const scaled = size / unit;
      return `${sign}${scaled < 9.95 ? scaled.toFixed(1) : scaled.toFixed(0)}${letter}`;
    }
  }
  if (size >= 99.5) return sign + size.toFixed(0);
  if (size >= 9.95) return sign + size.toFixed(0);
  if (size >= 0.9995) return sign + size.toFixed(1);
  if (size >= 0.00095) return sign + size.toFixed(size >= 0.0995 ? 2 : 3);
  return sign + size.toExponential(0);
}

/** A price of the wire: decimals of the instrument; blind, ticks from the start. Not parted: it can be typed. */
export function price(value, hello) {
  if (value === null || value === undefined) return NONE;
  const decimals = hello?.price_decimals ?? 0;
  const text = fixed(value / 10 ** decimals, decimals).replaceAll(",", "");
  return hello?.blind && value > 0 ? `+${text}` : text;
}

/** Two prices, of the higher only the digits that differ: "61665.0\u201390.0". */
export function range(low, high, hello) {
  const [first, second] = [price(low, hello), price(high, hello)];
  if (first === second) return first;
  let same = 0;
  if (!hello?.blind && first.length === second.length) while (first[same] === second[same]) same += 1;
  if (second[same] === ".") same -= 1;
  else if (second[same - 1] === ".") same -= 2;
  return `${first}\u2013${second.slice(same)}`;
}

/** An amount of money: more decimals where one unit is much. */
export function money(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  return fixed(value, size >= 10 || size === 0 ? 2 : size >= 0.1 ? 4 : 6);
}

/** A distance of prices, without a sign of its own. */
export function distance(value, hello) {
  return price(value, { ...hello, blind: false });
}

/** What a person typed as a price, in units of the wire; null where it is no number. */
export function readPrice(text, hello) {
  const number = readNumber(text);
  return number === null ? null : Math.round(number * 10 ** (hello?.price_decimals ?? 0));
}

/** A number from text with any minus, parted thousands, a point or a lone comma before decimals. */
export function readNumber(text) {
  let plain = String(text).replace(/[\s']/g, "").replace(MINUS, "-");
  plain = plain.includes(".") ? plain.replaceAll(",", "") : plain.replace(",", ".");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain)) return null;
  return Number(plain);
}

/** Volumes are shown in units of the market; blind, in percent of a median bar. */
export const volume = (value, hello) => (hello?.blind ? 100 * value : value);

/** A quantity, decimals of the instrument, never more than it has. */
export function qty(value, hello) {
  if (value === null || value === undefined) return NONE;
  const decimals = hello?.qty_decimals ?? 3;
  return hello?.blind ? `${fixed(100 * value, Math.max(0, decimals - 2))} %` : fixed(value, decimals);
}

/** What a person typed as a quantity, in units of the wire. */
export function readQty(text, hello) {
  const number = readNumber(String(text).replace("%", ""));
  return number === null || !hello?.blind ? number : number / 100;
}

const two = (value) => String(value).padStart(2, "0");

/** The time of day of a moment, to the second or finer: "14:03:07.250". */
export function clock(time, hello, digits = 0) {
  if (time === null || time === undefined) return NONE;
  const sign = time < 0 ? MINUS : "";
  const size = Math.abs(time);
  const seconds = Math.floor(size / 1e6);
  const hours = Math.floor(seconds / 3600);
  const shown = hello?.time === "elapsed" ? hours : hours % 24;
  const text = `${sign}${two(shown)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  if (!digits) return text;
  const part = String(Math.floor(size % 1e6))
    .padStart(6, "0")
    .slice(0, digits);
  return `${text}.${part}`;
}

/** The day of a moment, "2024-01-01"; empty where the time is told from the start. */
export function day(time, hello) {
  if (time === null || time === undefined || hello?.time === "elapsed") return "";
  return new Date(time / 1e3).toISOString().slice(0, 10);
}

/**
 * The moment a person typed.
 * @param {string} text "14:05", "14:05:30", "2024-01-02 14:05", "+10m", "-30s"
 * @param {number} now µs of the wire
 * @param {object} hello
 * @returns {number|null} µs of the wire
 */
export function readTime(text, now, hello) {
  const plain = String(text).trim();
  const shift = /^([+-])\s*(\d+(?:\.\d+)?)\s*(s|m|h|d)$/i.exec(plain);
  if (shift) {
    const unit = { s: 1e6, m: 6e7, h: 3.6e9, d: 8.64e10 }[shift[3].toLowerCase()];
    return Math.round(now + (shift[1] === "+" ? 1 : -1) * Number(shift[2]) * unit);
  }
  const spoken = /^(?:(\d{4}-\d{2}-\d{2})[ T]+)?(\d{1,3}):(\d{2})(?::(\d{2}(?:\.\d+)?))?(?:\s*UTC|Z)?$/i.exec(
    plain,
  );
  if (!spoken) return null;
  const [, date, hours, minutes, seconds] = spoken;
  const inDay = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * 1e6;
  if (Number(minutes) > 59 || Number(seconds ?? 0) >= 60) return null;
  if (hello?.time === "elapsed") return date ? null : Math.round(inDay);
  if (Number(hours) > 23) return null;
  const start = date ? Date.parse(`${date}T00:00:00Z`) * 1e3 : Math.floor(now / 8.64e10) * 8.64e10;
  return Number.isFinite(start) ? Math.round(start + inDay) : null;
}

/** Multiples of the initial risk, "+1.25 R". */
export function multiple(value) {
  return value === null || value === undefined ? NONE : `${signed(value, 2)}\u00a0R`;
}

/** A stretch of time in the one unit that says it: "40 s", "4 min", "2.5 h". */
export function duration(micros) {
  const seconds = micros / 1e6;
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  if (seconds < 6000) return `${(seconds / 60).toFixed(0)} min`;
  return `${Number((seconds / 3600).toFixed(1))} h`;
}

/** A speed, "0.25×", "max". */
export function speed(value) {
  return value === "max" ? "max" : `${value}\u00d7`;
}

/** A word of code as words: "bar_close" -> "bar close". */
export function words(name) {
  return String(name).replaceAll("_", " ");
}
