/** Time and sales: taker clusters, newest on top, as many rows as fit and no more. */

import { make, mark, say, show, tag } from "./dom.js";
import { brief, clock, price, qty, readNumber, volume } from "./numbers.js";
import { Pace, QUICK, SLOW } from "./pace.js";
import { foldButton } from "./panes.js";

/** The clusters to show: newest first, none smaller than asked. Pure. */
export function shown(prints, least, room) {
  const found = [];
  for (let at = prints.length - 1; at >= 0 && found.length < room; at -= 1) {
    if (prints[at].qty >= least) found.push(prints[at]);
  }
  return found;
}

/** The clusters behind the one that was the newest; null where it has gone. Pure. */
export function since(prints, newest) {
  if (newest === undefined) return null;
  const at = prints.lastIndexOf(newest);
  return at < 0 ? null : prints.slice(at + 1);
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
    this.pace = new Pace(() => this.update(this.desk.store));
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
    this.head = make("ol.prints.num.unfinished", { "aria-label": "Cluster that may still grow" }, this.row());
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
      this.head,
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
    if (!this.pace.due(store.clock.playing)) return;
    const least = this.desk.settings.get("least");
    const { hello, prints, openPrint: open } = store;
    say(this.unit, hello?.blind ? "size %" : "size");
    this.unit.title = hello?.blind ? "percent of a median bar" : "";
    const key = `${store.epoch} ${least} ${hello?.price_decimals} ${hello?.blind}`;
    const floor = least / volume(1, hello);
    const fresh = key === this.key ? since(prints, this.newest) : null;
    this.key = key;
    if (fresh === null) this.lay(prints, floor, hello);
    else
      this.add(
        fresh.filter((one) => one.qty >= floor),
        hello,
        large(prints),
      );
    this.pace.every = fresh !== null && 2 * fresh.length < this.room ? QUICK : SLOW;
    this.newest = prints.at(-1);
    const grows = Boolean(open) && open.qty >= floor;
    mark(this.head, "idle", !grows);
    if (grows) this.write(this.head.firstChild, open, hello, Infinity);
    show(this.empty, this.list.childElementCount === 0 && !grows);
  }

  /** Fill the list anew. */
  lay(prints, floor, hello) {
    const line = parseFloat(getComputedStyle(this.list).lineHeight) || 16;
    this.room = Math.max(1, Math.ceil(this.list.parentElement.clientHeight / line));
    const big = large(prints);
    const nodes = shown(prints, floor, this.room).map((one) => this.write(this.row(), one, hello, big));
    this.list.replaceChildren(...nodes);
  }

  /** Put new clusters on top: rows that fall off the bottom are used again. */
  add(fresh, hello, big) {
    for (const one of fresh.slice(-this.room)) {
      const full = this.list.childElementCount >= this.room;
      this.list.prepend(this.write(full ? this.list.lastChild : this.row(), one, hello, big));
    }
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
    return node;
  }
}
