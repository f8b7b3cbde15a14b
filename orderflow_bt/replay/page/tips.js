/** Every control says its key: in its tooltip, and to those who listen to the page. */

import { keyOf } from "./keys.js";

/** Give what carries `data-key` its tooltip. */
export function tips(root = document) {
  for (const node of root.querySelectorAll("[data-key]")) {
    const key = keyOf(node.dataset.key);
    if (!key || node.dataset.tipped) continue;
    node.dataset.tipped = "yes";
    const says = node.title || node.getAttribute("aria-label") || node.textContent;
    node.title = `${says} [${key}]`;
    node.setAttribute("aria-keyshortcuts", key.replaceAll(" ", "+"));
  }
}
