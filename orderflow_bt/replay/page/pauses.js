/** What stops the tape by itself: a dialog of switches, some with a number. */

import { at, make } from "./dom.js";
import { readNumber, words } from "./numbers.js";

/** How each pause is said, and the number it takes; one the server adds is said by its name. */
export const PAUSES = {
  bar_close: { says: "at a bar's close" },
  big_trade: { says: "at a big trade, of at least", number: "qty", value: 10 },
  volume_spike: { says: "at a volume spike" },
  absorption: { says: "at an absorption candidate" },
  order: { says: "when stop or target is reached" },
  stop_target: { says: "when stop or target is reached" },
  level: { says: "when a marked level is touched" },
  level_touch: { says: "when a level is touched" },
  trades: { says: "after this many trades", number: "count", value: 500 },
};

/** The pauses a server offers, as `{name, says, number, value}`. Pure. */
export function offered(hello) {
  return (hello?.pauses ?? Object.keys(PAUSES)).map((one) => {
    const given = typeof one === "string" ? { name: one } : one;
    const known = PAUSES[given.name] ?? { says: words(given.name) };
    return { ...known, ...given };
  });
}

export class Pauses {
  constructor(desk) {
    this.desk = desk;
    this.dialog = at("pauses");
    desk.actions.pauses = () => this.open();
  }

  open() {
    const { hello, pauses } = this.desk.store;
    const rows = offered(hello).map((one) => this.row(one, pauses?.[one.name]));
    this.dialog.replaceChildren(
      make("form", { method: "dialog" }, make("h2", { text: "Pause by itself" }),
        make("p.quiet", { text: "The tape stops right after the trade that fulfils it, at any speed." }),
        make("ul.switches", {}, ...rows),
        make("button.wide", { value: "done", text: "done" })));
    this.dialog.showModal();
  }

  row(one, now) {
    const box = make("input", { type: "checkbox", id: `pause-${one.name}` });
    box.checked = now !== undefined && now !== null && now !== false;
    let number = null;
    const send = () => {
      const value = number ? readNumber(number.value) : true;
      if (box.checked && (value === null || value <= 0)) {
        this.desk.toast({ what: `\u201c${number.value}\u201d is no number above 0`, where: one.says });
        box.checked = false;
        return;
      }
      this.desk.ask({ do: "pauses", [one.name]: box.checked ? value : false });
    };
    box.addEventListener("change", send);
    if (one.number) {
      number = make("input.num", { type: "text", inputmode: "decimal", size: 8, "aria-label": `${one.says}: number`,
        value: typeof now === "number" ? now : (one.value ?? ""), onchange: () => box.checked && send() });
    }
    return make("li", {}, make("label.check", { for: box.id }, box, one.says), number);
  }
}
