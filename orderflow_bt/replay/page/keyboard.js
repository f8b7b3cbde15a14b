/** Keys to actions, apart from what is typed into fields. */

import { meaning } from "./keys.js";
import { dismiss } from "./toasts.js";

const TYPED = new Set(["text", "search", "number"]);

function isField(node) {
  return node instanceof HTMLTextAreaElement || (node instanceof HTMLInputElement && TYPED.has(node.type));
}

/** Whether the focused element has its own use for this key. */
function keeps(node, key) {
  if (isField(node) || node instanceof HTMLSelectElement) return key !== "Escape";
  if (node instanceof HTMLInputElement) {
    // sliders and boxes
    return node.type === "range" ? /^(Arrow|Page|Home|End)/.test(key) : key === " ";
  }
  const pressed = key === " " || key === "Enter";
  return (
    pressed &&
    node instanceof HTMLElement &&
    node.matches("button, summary, a") &&
    node.matches(":focus-visible")
  );
}

function escape() {
  const node = document.activeElement;
  if (isField(node) || node instanceof HTMLSelectElement) node.blur();
  else dismiss();
}

/**
 * Listen for keys.
 * @param {object} desk
 * @param {{open: boolean}} drill
 */
export function listen(desk, drill) {
  desk.actions.escape = escape;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const dialog = document.querySelector("dialog[open]");
    const found = meaning(event, { drill: drill.open });
    if (!found || keeps(event.target, event.key)) return;
    if (dialog && !["help", "escape"].includes(found.id)) return;
    if (dialog && found.id === "escape") return; // the browser closes it
    if (
      event.repeat &&
      ["play", "send", "buy-market", "sell-market", "close", "submit", "drill"].includes(found.id)
    )
      return;
    event.preventDefault();
    desk.act(found.id, found.index);
  });
  // A button pressed by mouse gives the keys back to the page.
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button && event.detail > 0) button.blur();
  });
  document.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) event.target.blur();
  });
}
