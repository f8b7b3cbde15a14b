/** What the order pad's fields ask for: the action that is sent, in words too, or why it cannot be. Pure. */

import { distance, fixed, money, multiple, price as priceText, qty as qtyText } from "./numbers.js";

export const TYPES = [
  { value: "market", label: "mkt", title: "Market" },
  { value: "limit", label: "lmt", title: "Limit" },
  { value: "stop", label: "stp", title: "Stop: market once the price trades" },
  { value: "stop_limit", label: "s-l", title: "Stop-limit: limit once the price trades" },
  { value: "trailing", label: "trail", title: "Trailing stop" },
  { value: "bracket", label: "brkt", title: "Bracket: entry with stop and target" },
];

/** The price fields an order type shows. */
export const FIELDS = {
  market: [],
  limit: ["price"],
  stop: ["price"],
  stop_limit: ["price", "limit"],
  trailing: ["trail"],
  bracket: ["price", "stop", "target"],
};

/** How a bracket is entered: at market without a price, resting on the near side, triggered beyond. */
export function entryOf(form, last) {
  if (form.price === null) return "market";
  if (last === null) return "limit";
  return (form.price - last) * form.side > 0 ? "stop" : "limit";
}

/** Quantity that loses a share of equity at the stop, rounded down to the last decimal. */
export function sized(percent, entry, stop, account, hello) {
  const point = hello?.account?.point;
  const distance = Math.abs(entry - stop);
  if (!point || !account?.equity || !distance) return null;
  const step = 10 ** (hello.qty_decimals ?? 0);
  return Math.floor(((account.equity * percent) / 100 / (distance * point)) * step + 1e-9) / step;
}

/** Money lost at the stop, and its share of equity in percent; null where it cannot be said. */
export function atStake(qty, entry, stop, account, hello) {
  const point = hello?.account?.point;
  if (!point || qty === null || stop === null || entry === null) return null;
  const money = qty * Math.abs(entry - stop) * point;
  return { money, percent: account?.equity ? (100 * money) / account.equity : null };
}

/**
 * Read the pad.
 * @param {object} form `{type, side, price, limit, trail, stop, target, by, qty, risk, reason, reduce_only}`;
 *   prices in units of the wire, `by` "units" or "risk", null for an empty field
 * @param {object} store
 * @returns {{action: object|null, problems: Array<{field: string, text: string}>,
 *   says: {button: string, line: string}, size: number|null}}
 */
export function read(form, store) {
  const problems = [];
  const say = (field, text) => problems.push({ field, text });
  const { last, account, hello } = store;
  const fields = FIELDS[form.type];
  const entry = form.price ?? last;
  const reduces = form.reduce_only && form.type !== "bracket"; // a bracket's entry is never reduce-only
  for (const field of fields) {
    const optional = form.type === "bracket" && field !== "stop";
    if (form[field] === null && !optional)
      say(field, `a ${form.type.replace("_", "-")} order needs a ${lacking(field, form.type)}`);
  }
  if (form.type === "trailing" && form.trail !== null && form.trail <= 0)
    say("trail", "a trailing stop stays behind: give a distance above 0");
  if (form.type === "bracket") sides(form, entry, say);
  const size = sizeOf(form, entry, account, hello, say);
  if (!reduces && !form.reason) say("reason", "choose why you enter before you send");
  if (last === null) say("type", "nothing has traded yet");
  const action = problems.length ? null : actionOf(form, size, last);
  return { action, problems, size, says: describe(form, size, entry, store) };
}

function lacking(field, type) {
  if (field === "trail") return "distance";
  if (field !== "price") return `${field} price`;
  return type === "limit" ? "price" : "trigger price";
}

function sides(form, entry, say) {
  const { side, stop, target } = form;
  const way = side > 0 ? "below" : "above";
  if (stop !== null && entry !== null && (entry - stop) * side <= 0)
    say("stop", `a ${side > 0 ? "buy" : "sell"}'s stop lies ${way} its entry`);
  if (target !== null && entry !== null && (target - entry) * side <= 0)
    say("target", `a ${side > 0 ? "buy" : "sell"}'s target lies ${side > 0 ? "above" : "below"} its entry`);
}

function sizeOf(form, entry, account, hello, say) {
  if (form.by === "units") {
    if (form.qty === null || form.qty <= 0) say("size", "give an amount above 0");
    return form.qty;
  }
  if (form.type !== "bracket") say("size", "an amount by risk needs a stop: choose bracket, or units");
  if (form.risk === null || form.risk <= 0 || form.risk > 100)
    say("size", "give the percent of equity you would lose at the stop");
  if (form.type !== "bracket" || form.stop === null || entry === null || !form.risk) return null;
  const size = sized(form.risk, entry, form.stop, account, hello);
  if (size === 0) say("size", "that risk buys less than the smallest amount: a nearer stop or more risk");
  return size;
}

function actionOf(form, size, last) {
  const action = { do: form.type, side: form.side };
  if (form.by === "risk" && size === null) action.risk = form.risk;
  else action.qty = size;
  for (const field of FIELDS[form.type]) {
    if (form[field] !== null) action[field] = form[field];
  }
  if (form.type === "bracket") action.entry = entryOf(form, last);
  else if (form.reduce_only) action.reduce_only = true;
  if (form.reason) action.reason = form.reason;
  return action;
}

/** The order in words: what the button says, and the line below it. */
export function describe(form, size, entry, store) {
  const { hello, account, last } = store;
  const type = form.type === "bracket" ? entryOf(form, last) : form.type.replace("_", "-");
  const amount = size === null ? (form.by === "risk" ? `${form.risk ?? "?"} %` : "?") : qtyText(size, hello);
  const where =
    form.type === "trailing"
      ? `${form.trail === null ? "?" : distance(form.trail, hello)} behind`
      : form.price === null
        ? ""
        : priceText(form.price, hello);
  const button = [form.side > 0 ? "Buy" : "Sell", amount, type, where].filter(Boolean).join(" ");
  return { button, line: form.type === "bracket" ? stakes(form, size, entry, account, hello) : "" };
}

function stakes(form, size, entry, account, hello) {
  const stake = atStake(size, entry, form.stop, account, hello);
  const parts = [];
  if (stake)
    parts.push(
      `risk ${money(stake.money)} ${hello.account.unit ?? ""}`.trim() +
        (stake.percent === null ? "" : ` (${fixed(stake.percent, 2)} %)`),
    );
  if (form.target !== null && form.stop !== null && entry !== null && entry !== form.stop) {
    parts.push(`target ${multiple(Math.abs(form.target - entry) / Math.abs(entry - form.stop))}`);
  }
  return parts.join(", ");
}

/** A click in ladder or chart: the pad's bracket entered there; else a limit, or beyond the market a stop. */
export function clicked(side, price, store, form) {
  if (form.type === "bracket") return read({ ...form, side, price }, store);
  const type = store.last !== null && (price - store.last) * side > 0 ? "stop" : "limit";
  return read({ ...form, type, side, price }, store);
}
