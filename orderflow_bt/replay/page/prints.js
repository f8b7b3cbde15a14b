/** Time and sales: taker clusters, newest on top, as many rows as fit and no more. */

import { make, say, tag } from "./dom.js";
import { brief, clock, price, qty, readNumber, volume } from "./numbers.js";
import { foldButton } from "./panes.js";

/** The clusters to show: newest first, the unfinished one before all, none smaller than asked. Pure. */
export function shown(prints, open, least, room) {
  const found = open && open.qty >= least ? [open] : [];
  for (let at = prints.length - 1; at >= 0 && found.length < room; at -= 1) {
    if (prints[at].qty >= least) found.push(prints[at]);
  }
  return found;
}

/** The size that few clusters reach: nine of ten on screen are smaller. Pure. */
export function large(prints) {
  if (prints.length < 20) return Infinity;
  const sizes = prints.map((one) => one.qty).sort((a, b) => a - b);
  return sizes[Math.floor(sizes.length * 0.9)];
}

export class Prints {
  constructor(root, desk) {
    this.desk = desk;
    this.least = make("input", {
      type: "text",
      inputmode: "decimal",
      size: 6,
      id: "least",
      "aria-label": "Least size shown",
      title: "Show clusters of at least this size",
      placeholder: "all",
      onchange: () => this.filter(),
      autocomplete: "off",
    });
    if (desk.settings.get("least") > 0) this.least.value = String(desk.settings.get("least"));
    this.list = make("ol.prints.num", { "aria-label": "Taker clusters, newest first" });
    this.unit = make("span", { text: "size" });
    this.empty = make("p.empty", { text: "Clusters appear as trades pass." });
    root.append(
      make(
        "header",
        {},
        make("h2", {
          text: "Time & sales",
          title: "Trades of one taker order, joined: inferred from equal time and side",
        }),
        make("label.field", { for: "least" }, make("span.quiet", { text: "\u2265" }), this.least),
        foldButton("tape", desk),
      ),
      make(
        "div.heads.quiet",
        { "aria-hidden": "true" },
        make("span", { text: "time" }),
        make("span", { text: "price" }),
        this.unit,
        make("span", { text: "n" }),
      ),
      make("div.fill", {}, this.list, this.empty),
    );
    this.key = "";
    new ResizeObserver(() => {
      this.key = "";
      this.update(desk.store);
    }).observe(this.list.parentElement);
  }

  filter() {
    const value = readNumber(this.least.value);
    if (this.least.value.trim() && value === null)
      this.desk.toast(`\u201c${this.least.value}\u201d is no size`);
    this.desk.settings.set("least", Math.max(0, value ?? 0));
    this.key = "";
    this.update(this.desk.store);
  }

  update(store) {
    const least = this.desk.settings.get("least");
    say(this.unit, store.hello?.blind ? "size %" : "size");
    this.unit.title = store.hello?.blind ? "percent of a median bar" : "";
    const open = store.openPrint;
    const key = `${store.epoch} ${open?.fills} ${open?.qty} ${least} ${store.hello?.price_decimals}`;
    const newest = store.prints.at(-1);
    if (key === this.key && newest === this.newest) return;
    Object.assign(this, { key, newest });
    const line = parseFloat(getComputedStyle(this.list).lineHeight) || 16;
    const room = Math.max(1, Math.floor(this.list.parentElement.clientHeight / line));
    const found = shown(store.prints, open, least / volume(1, store.hello), room);
    const big = large(store.prints);
    while (this.list.childElementCount > found.length) this.list.lastElementChild.remove();
    while (this.list.childElementCount < found.length) this.list.append(this.row());
    found.forEach((one, at) => this.write(this.list.children[at], one, store.hello, big));
    this.empty.hidden = found.length > 0;
  }

  row() {
    return make("li", {}, make("span"), make("span"), make("span"), make("span"));
  }

  write(node, one, hello, big) {
    const [time, at, size, fills] = node.children;
    tag(node, "side", one.side > 0 ? "buy" : "sell");
    tag(node, "big", one.qty >= big);
    say(time, clock(one.time, hello));
    say(at, price(one.last, hello));
    say(size, brief(volume(one.qty, hello)));
    say(fills, one.fills > 1 ? one.fills : "");
    const { first, last } = one;
    const way =
      first === last ? `at ${price(last, hello)}` : `from ${price(first, hello)} to ${price(last, hello)}`;
    const trades = one.fills > 1 ? `, ${one.fills} trades` : "";
    node.title = `${qty(one.qty, hello)} ${way}${trades}, ${clock(one.time, hello, 6)}`;
  }
}
