/** Panes that fold away, and the tabs of the dock. */

import { at, make } from "./dom.js";
import { keyOf } from "./keys.js";

const FOLDS = { tape: "time & sales", ladder: "the ladder", desk: "the desk" };

/** A button that folds a pane. */
export function foldButton(name, desk) {
  return make("button.fold", {
    type: "button",
    "data-key": name,
    "aria-label": `Fold ${FOLDS[name]}`,
    text: "\u2013",
    onclick: () => desk.act(name),
  });
}

/** Let panes fold, and come back by a button in the bar on top. */
export function foldable(desk) {
  const floor = at("floor");
  const rail = make("div.cluster", { id: "rail", "aria-label": "Folded panes", role: "group" });
  at("follow").after(rail);
  const draw = () => {
    const folded = desk.settings.get("folded");
    for (const name of Object.keys(FOLDS)) {
      floor.classList.toggle(`no-${name}`, folded.includes(name));
      at(name).hidden = folded.includes(name);
    }
    rail.replaceChildren(
      ...folded.map((name) =>
        make("button", {
          type: "button",
          text: FOLDS[name].replace("the ", ""),
          title: `Show ${FOLDS[name]} [${keyOf(name)}]`,
          onclick: () => desk.act(name),
        }),
      ),
    );
  };
  for (const name of Object.keys(FOLDS)) {
    desk.actions[name] = () => {
      const folded = desk.settings.get("folded").filter((one) => one in FOLDS);
      desk.settings.set(
        "folded",
        folded.includes(name) ? folded.filter((one) => one !== name) : [...folded, name],
      );
      draw();
    };
  }
  draw();
}

/**
 * Tabs over panels.
 * @param {HTMLElement} root
 * @param {object} desk
 * @param {Array<{id: string, label: string, panel: HTMLElement}>} tabs
 */
export function dock(root, desk, tabs) {
  const list = make("div.tabs", { role: "tablist", "aria-label": "Desk" });
  const buttons = new Map();
  for (const { id, label, panel } of tabs) {
    const button = make("button", {
      type: "button",
      role: "tab",
      id: `tab-${id}`,
      text: label,
      "aria-controls": `panel-${id}`,
      title: `${label} [${keyOf("tab")}: next tab]`,
      onclick: () => open(id),
    });
    panel.id = `panel-${id}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    buttons.set(id, button);
    list.append(button);
  }
  root.append(list, ...tabs.map(({ panel }) => panel));
  const open = (id) => {
    desk.settings.set("tab", id);
    for (const one of tabs) {
      one.panel.hidden = one.id !== id;
      buttons.get(one.id).setAttribute("aria-selected", String(one.id === id));
      buttons.get(one.id).tabIndex = one.id === id ? 0 : -1;
    }
    desk.repaint();
  };
  const step = (by) => {
    const now = tabs.findIndex((one) => one.id === desk.settings.get("tab"));
    const next = tabs[(now + by + tabs.length) % tabs.length].id;
    open(next);
    return buttons.get(next);
  };
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    step(by).focus();
  });
  desk.actions.tab = () => step(1);
  desk.openTab = open;
  desk.countOn = (id, count) => {
    const text = String(count || "");
    if (buttons.get(id).dataset.count !== text) buttons.get(id).dataset.count = text;
  };
  open(tabs.some((one) => one.id === desk.settings.get("tab")) ? desk.settings.get("tab") : tabs[0].id);
}
