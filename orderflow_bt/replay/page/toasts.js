/** Messages that come and go: an error says what, where and what to do. */

import { at, make } from "./dom.js";

const STAYS = 9000;
const MOST = 4;

/**
 * Show a message.
 * @param {string|{what: string, where?: string, fix?: string}} message
 * @param {"error"|"note"} [kind]
 */
export function toast(message, kind = "error") {
  const { what, where, fix } = typeof message === "string" ? { what: message } : message;
  const box = at("toasts");
  const node = make(
    `div.toast.${kind}`,
    {},
    make("p.what", { text: what }),
    where ? make("p.where", { text: where }) : null,
    fix ? make("p.fix", { text: fix }) : null,
    make("button", {
      type: "button",
      "aria-label": "Dismiss",
      title: "Dismiss [Esc]",
      text: "\u00d7",
      onclick: () => node.remove(),
    }),
  );
  box.append(node);
  while (box.childElementCount > MOST) box.firstElementChild.remove();
  setTimeout(() => node.remove(), STAYS);
}

/** Take every message away; true where there was one. */
export function dismiss() {
  const box = at("toasts");
  const some = box.childElementCount > 0;
  box.replaceChildren();
  return some;
}
