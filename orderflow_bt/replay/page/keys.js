/** Every key of the page: one table for what they do, what tooltips say and what `?` shows. Pure. */

/** id, keys (the first is shown), what it does; `when: "drill"` holds only while a question is open. */
export const KEYS = [
  { group: "Play", id: "play", keys: ["Space"], says: "play or pause" },
  { group: "Play", id: "slower", keys: ["-"], says: "slower" },
  { group: "Play", id: "faster", keys: ["+", "="], says: "faster" },
  { group: "Play", id: "speed-1", keys: ["1"], says: "speed 1\u00d7" },
  { group: "Play", id: "speed-10", keys: ["2"], says: "speed 10\u00d7" },
  { group: "Play", id: "speed-100", keys: ["3"], says: "speed 100\u00d7" },
  { group: "Play", id: "speed-1000", keys: ["4"], says: "speed 1000\u00d7" },
  { group: "Play", id: "speed-max", keys: ["0"], says: "as fast as it goes" },

  { group: "Step", id: "step-trade", keys: ["."], says: "one trade on" },
  { group: "Step", id: "step-cluster", keys: ["c"], says: "one taker cluster on" },
  { group: "Step", id: "step-price", keys: ["p"], says: "on to the next change of price" },
  { group: "Step", id: "step-bar", keys: ["ArrowRight"], says: "one bar on" },
  { group: "Step", id: "step-minute", keys: ["m"], says: "one minute on" },
  { group: "Step", id: "back-bar", keys: ["ArrowLeft"], says: "one bar back" },

  { group: "Jump", id: "next-event", keys: ["n"], says: "on to the next event" },
  { group: "Jump", id: "previous-event", keys: ["Shift+N"], says: "back to the event before" },
  { group: "Jump", id: "next-order", keys: ["o"], says: "on to the next event of an own order" },
  { group: "Jump", id: "next-session", keys: ["]"], says: "next trading session" },
  { group: "Jump", id: "previous-session", keys: ["["], says: "previous trading session" },
  { group: "Jump", id: "go-to", keys: ["g"], says: "go to a time" },
  { group: "Jump", id: "furthest", keys: ["End"], says: "back to the furthest moment seen" },
  { group: "Jump", id: "pauses", keys: ["u"], says: "choose what pauses" },

  { group: "Orders", id: "buy", keys: ["b"], says: "order pad: buy" },
  { group: "Orders", id: "sell", keys: ["s"], says: "order pad: sell" },
  { group: "Orders", id: "type", keys: ["t"], says: "next order type" },
  { group: "Orders", id: "size", keys: ["a"], says: "to the amount" },
  { group: "Orders", id: "reason", keys: ["r"], says: "to the reason" },
  { group: "Orders", id: "send", keys: ["Shift+Enter"], says: "send the order the pad shows" },
  { group: "Orders", id: "buy-market", keys: ["Shift+B"], says: "buy at market, the pad's size" },
  { group: "Orders", id: "sell-market", keys: ["Shift+S"], says: "sell at market, the pad's size" },
  { group: "Orders", id: "close", keys: ["Shift+X"], says: "close the position" },
  { group: "Orders", id: "cancel-all", keys: ["Shift+C"], says: "cancel every working order" },

  { group: "Practice", id: "drill", keys: ["d"], says: "on to the next question" },
  {
    group: "Practice",
    id: "answer",
    keys: ["1", "2", "3", "4", "5"],
    when: "drill",
    shown: "1 \u2026 5",
    says: "in a question: choose an answer",
  },
  { group: "Practice", id: "confidence-down", keys: [","], when: "drill", says: "in a question: less sure" },
  { group: "Practice", id: "confidence-up", keys: ["'"], when: "drill", says: "in a question: surer" },
  { group: "Practice", id: "submit", keys: ["Enter"], when: "drill", says: "in a question: answer, go on" },
  { group: "Practice", id: "note", keys: ["j"], says: "write a note" },

  { group: "View", id: "mode", keys: ["v"], says: "cells: bid\u00d7ask, delta, volume" },
  { group: "View", id: "follow", keys: ["f"], says: "follow the price again" },
  { group: "View", id: "bars", keys: ["i"], says: "to the choice of bars" },
  { group: "View", id: "tape", keys: ["q"], says: "fold time & sales" },
  { group: "View", id: "ladder", keys: ["l"], says: "fold the ladder" },
  { group: "View", id: "desk", keys: ["e"], says: "fold the desk" },
  { group: "View", id: "tab", keys: ["k"], says: "next tab of the desk" },
  { group: "View", id: "theme", keys: ["y"], says: "system, dark or light" },
  { group: "View", id: "palette", keys: ["Shift+Y"], says: "teal\u00b7red or blue\u00b7orange" },
  { group: "View", id: "help", keys: ["?", "F1"], says: "every key" },
  { group: "View", id: "escape", keys: ["Escape"], says: "leave a field, close what is open" },
];

const NAMES = {
  ArrowRight: "\u2192",
  ArrowLeft: "\u2190",
  ArrowUp: "\u2191",
  ArrowDown: "\u2193",
  Escape: "Esc",
  "-": "\u2212",
};

/** How a key is written for people. */
export function written(key) {
  const parts = key.length > 1 ? key.split("+") : [key];
  return parts.map((part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(" ");
}

/** The key of an action, as tooltips show it; empty where it has none. */
export function keyOf(id) {
  const entry = KEYS.find((one) => one.id === id);
  return entry ? (entry.shown ?? written(entry.keys[0])) : "";
}

/** The keys an event means, in the table's writing: a letter with Shift, or the sign itself. */
export function pressed({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey || !key) return "";
  if (key === " ") return "Space";
  if (key.length === 1 && key.toLowerCase() !== key.toUpperCase()) {
    return shiftKey ? `Shift+${key.toUpperCase()}` : key.toLowerCase();
  }
  return key === "Enter" && shiftKey ? "Shift+Enter" : key;
}

/**
 * What a key does now.
 * @param {object} event a keyboard event
 * @param {{drill: boolean}} now whether a question is open
 * @returns {{id: string, index: number}|null} the action, and which of its keys it was
 */
export function meaning(event, now) {
  const name = pressed(event);
  if (!name) return null;
  const found = KEYS.filter((one) => one.keys.includes(name));
  const entry = (now.drill && found.find((one) => one.when === "drill")) || found.find((one) => !one.when);
  return entry ? { id: entry.id, index: entry.keys.indexOf(name) } : null;
}
