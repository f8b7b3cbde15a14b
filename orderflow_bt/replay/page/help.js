/** `?`: every key, from the one table. */

import { at, make } from "./dom.js";
import { KEYS, written } from "./keys.js";

const MORE = [
  "In the ladder: arrows move, B and S place there; a click in its left half buys, in its right half sells,",
  "with Shift it only fills the pad. In price fields: arrows move by a tick, with Shift by ten. In the chart:",
  "drag moves, wheel zooms, double click follows, a click fills the pad, with Ctrl it sends.",
].join(" ");

/** The table by its groups, in order. Pure. */
export function groups(keys = KEYS) {
  const found = new Map();
  for (const one of keys) found.set(one.group, [...(found.get(one.group) ?? []), one]);
  return [...found];
}

/** Let `?` open the overlay. */
export function helpful(desk) {
  const dialog = at("help");
  const lists = groups().map(([name, keys]) =>
    make(
      "section",
      {},
      make("h3", { text: name }),
      make(
        "dl.keys",
        {},
        ...keys.flatMap((one) => [
          make(
            "dt",
            {},
            ...(one.shown
              ? [make("kbd", { text: one.shown })]
              : one.keys.map((key) => make("kbd", { text: written(key) }))),
          ),
          make("dd", { text: one.says, "data-action": one.id }),
        ]),
      ),
    ),
  );
  dialog.append(
    make(
      "header",
      {},
      make("h2", { text: "Keys" }),
      make("button.small", {
        type: "button",
        "aria-label": "Close",
        title: "Close [Esc]",
        text: "\u00d7",
        onclick: () => dialog.close(),
      }),
    ),
    make("div.columns", {}, ...lists),
    make("p.quiet", { text: MORE }),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  desk.actions.help = () => (dialog.open ? dialog.close() : dialog.showModal());
}
