/** What stops the tape by itself: a dialog of switches, some with a number. */

import { at, make } from "./dom.js";
import { price, readNumber, readPrice, readQty, volume, words } from "./numbers.js";

/** How each pause is said, and what it takes beside on and off. */
export const PAUSES = {
  bar: { says: "at a bar's close" },
  touch: { says: "when a zone or a naked POC is touched" },
  levels: { says: "when one of these prices trades", takes: "prices" },
  big_trade: { says: "at a big trade; of at least", takes: "size", hint: "as detected" },
  volume_spike: { says: "at a volume spike" },
  absorption: { says: "at an absorption candidate" },
  orders: { says: "when anything happens to your orders; of fills, the first and last" },
  trades: { says: "after this many trades", takes: "count", hint: "500" },
};

/** The pauses a server offers, as `{name, says, takes, hint}`. Pure. */
export function offered(hello) {
  return (hello?.pauses ?? Object.keys(PAUSES)).map((name) => ({ name, says: words(name), ...PAUSES[name] }));
}

/**
 * What a pause is switched to; null where what was typed makes no sense. Pure.
 * @param {string|undefined} takes "prices", "size", "count" or nothing
 * @param {string} text what was typed
 */
export function valueOf(takes, text, hello) {
  if (!takes) return true;
  if (takes === "prices") {
    const prices = text
      .split(/[,;\s]+/)
      .filter(Boolean)
      .map((one) => readPrice(one, hello));
    return prices.length && !prices.includes(null) ? prices : null;
  }
  if (takes === "size" && !text.trim()) return true;
  const value = takes === "size" ? readQty(text, hello) : readNumber(text);
  return value === null || value <= 0 || (takes === "count" && !Number.isInteger(value)) ? null : value;
}

/** What stands in a pause's field. Pure. */
export function shownValue(takes, now, hello) {
  if (takes === "prices")
    return Array.isArray(now)
      ? now
          .flat()
          .map((one) => price(one, hello))
          .join(" ")
      : "";
  if (typeof now !== "number") return "";
  return String(takes === "size" ? Number(volume(now, hello).toFixed(6)) : now);
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
      make(
        "form",
        { method: "dialog" },
        make("h2", { text: "Pause by itself" }),
        make("p.quiet", { text: "The tape stops right after the trade that fulfils it, at any speed." }),
        make("ul.switches", {}, ...rows),
        make("button.wide", { value: "done", text: "done" }),
      ),
    );
    this.dialog.showModal();
  }

  row(one, now) {
    const { hello } = this.desk.store;
    const box = make("input", { type: "checkbox", id: `pause-${one.name}` });
    box.checked = now !== undefined && now !== null && now !== false;
    const field = one.takes
      ? make("input.num", {
          type: "text",
          size: 12,
          "aria-label": `${one.says}: ${one.takes}`,
          placeholder: one.hint ?? one.takes,
          value: shownValue(one.takes, now, hello),
          autocomplete: "off",
        })
      : null;
    const send = () => {
      const text = field ? field.value || (one.takes === "count" ? one.hint : "") : "";
      const value = valueOf(one.takes, text, hello);
      if (box.checked && value === null) {
        this.desk.toast({
          what: `\u201c${text}\u201d cannot be read as ${one.takes}`,
          where: `pause ${one.says}`,
        });
        box.checked = false;
        return;
      }
      const off = one.takes === "prices" ? [] : one.takes === "count" ? 0 : false;
      this.desk.ask({ do: "pauses", [one.name]: box.checked ? value : off });
    };
    box.addEventListener("change", send);
    field?.addEventListener("change", () => {
      if (box.checked) send();
    });
    return make("li", {}, make("label.check", { for: box.id }, box, one.says), field);
  }
}
