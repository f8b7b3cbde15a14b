/**
 * The traded ladder: what traded at each price, in the session and lately. No resting book: best bid
 * and ask are inferred from trades and say so.
 */

import { make, mark, say, tag } from "./dom.js";
import { short } from "./format.js";
import { price as priceText, qty, volume } from "./numbers.js";
import { keyOf } from "./keys.js";
import { Pace } from "./pace.js";
import { foldButton } from "./panes.js";
import { rowOf, traded } from "./store.js";

const SECONDS = [5, 15, 30, 60, 300];

/** Where the top row stands so that the last price stays within the middle. Pure. */
export function topRow(top, last, count, size) {
  if (top === null || !Number.isFinite(top)) return last + Math.floor(count / 2) * size;
  const at = (top - last) / size;
  const margin = Math.max(2, Math.floor(count * 0.15));
  if (at < margin || at > count - 1 - margin) return last + Math.floor(count / 2) * size;
  return top;
}

/** Recent volume by the ladder's rows. Pure. */
export function recentRows(recent, store) {
  const rows = new Map();
  for (const { price, bid, ask } of recent) {
    const row = rowOf(price, store);
    const cell = rows.get(row);
    if (cell) {
      cell.bid += bid;
      cell.ask += ask;
    } else rows.set(row, { bid, ask });
  }
  return rows;
}

export class Ladder {
  constructor(root, desk) {
    this.desk = desk;
    this.top = null;
    this.pace = new Pace(() => this.update(this.desk.store));
    this.seconds = make(
      "select",
      {
        id: "seconds",
        "aria-label": "Seconds of recent volume",
        title: "Length of the inner columns",
        onchange: () => this.choose(),
      },
      ...SECONDS.map((one) =>
        make("option", { value: one, text: one < 60 ? `${one} s` : `${one / 60} min` }),
      ),
    );
    this.seconds.value = String(desk.settings.get("seconds"));
    this.body = make("div.rungs.num", {
      role: "grid",
      "aria-label": "Traded volume by price",
      tabindex: 0,
      "aria-description":
        "Click left to buy there, right to sell there; with Shift the price only goes to the pad",
    });
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("keydown", (event) => this.walk(event));
    this.note = make("p.inferred", { text: "bid and ask inferred from trades" });
    root.append(
      make(
        "header",
        {},
        make("h2", { text: "Ladder", title: "Traded volume; there is no resting book in a tape of trades" }),
        make("label.field", { for: "seconds" }, make("span.quiet", { text: "last" }), this.seconds),
        foldButton("ladder", desk),
      ),
      make(
        "div.heads.quiet",
        { "aria-hidden": "true" },
        ...["sold", "lately", "price", "lately", "bought"].map((text) => make("span", { text })),
      ),
      make("div.fill", {}, this.body),
      this.note,
    );
    new ResizeObserver(() => {
      this.key = "";
      this.update(desk.store);
    }).observe(this.body.parentElement);
  }

  choose() {
    const seconds = Number(this.seconds.value);
    this.desk.settings.set("seconds", seconds);
    this.desk.ask({ do: "ladder", seconds });
  }

  /** Tell a server that has just answered how long "lately" is. */
  greet() {
    this.desk.ask({ do: "ladder", seconds: this.desk.settings.get("seconds") });
  }

  clicked(event) {
    const rung = event.target.closest(".rung");
    if (!rung || rung.dataset.price === undefined) return;
    const box = rung.getBoundingClientRect();
    const side = event.clientX - box.left < box.width / 2 ? 1 : -1;
    this.desk.pad.take(side, Number(rung.dataset.price), event.shiftKey);
  }

  /** Arrows move a cursor over prices; B and S on it place an order there. */
  walk(event) {
    const rungs = [...this.body.children];
    let at = rungs.findIndex((rung) => rung.classList.contains("cursor"));
    const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (step) {
      if (at < 0) at = rungs.findIndex((rung) => rung.dataset.last === "true");
      const next = Math.min(rungs.length - 1, Math.max(0, at + step));
      rungs.forEach((rung, k) => mark(rung, "cursor", k === next));
      this.cursor = Number(rungs[next].dataset.price);
    } else if (["b", "s"].includes(event.key) && at >= 0) {
      this.desk.pad.take(event.key === "b" ? 1 : -1, Number(rungs[at].dataset.price), false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  update(store) {
    const key = `${store.version} ${store.hello?.row_size}`;
    if (key === this.key || store.last === null || !this.pace.due(store.clock.playing)) return;
    if (this.body.offsetParent === null) return;
    this.key = key;
    const size = store.hello?.row_size ?? 1;
    const line = parseFloat(getComputedStyle(this.body).lineHeight) || 16;
    const count = Math.max(3, Math.floor(this.body.parentElement.clientHeight / line));
    const last = rowOf(store.last, store);
    if (this.size !== size || this.epoch !== store.epoch || this.count !== count) this.top = null;
    Object.assign(this, { size, count, epoch: store.epoch });
    this.top = topRow(this.top, last, count, size);
    this.draw(store, count, size, last);
  }

  draw(store, count, size, last) {
    while (this.body.childElementCount > count) this.body.lastElementChild.remove();
    while (this.body.childElementCount < count) this.body.append(this.rung());
    const recent = recentRows(store.recent, store);
    const prices = Array.from({ length: count }, (_, k) => this.top - k * size);
    const cells = prices.map((price) => traded(store, price));
    const most = Math.max(1e-12, ...cells.map(({ bid, ask }) => Math.max(bid, ask)));
    const orders = new Map();
    for (const order of store.orders) {
      const at = order.price ?? order.stop;
      if (at !== null && at !== undefined) {
        const row = rowOf(at, store);
        orders.set(row, [...(orders.get(row) ?? []), order]);
      }
    }
    const bid = store.bid === null ? null : rowOf(store.bid, store);
    const ask = store.ask === null ? null : rowOf(store.ask, store);
    const entry =
      store.account?.position && store.account.average !== null ? rowOf(store.account.average, store) : null;
    prices.forEach((price, k) =>
      this.write(this.body.children[k], {
        price,
        cell: cells[k],
        recent: recent.get(price),
        most,
        hello: store.hello,
        last: price === last,
        bid: price === bid,
        ask: price === ask,
        orders: orders.get(price),
        entry: price === entry,
      }),
    );
  }

  rung() {
    return make(
      "div.rung",
      { role: "row" },
      ...["sold", "sold-now", "price", "bought-now", "bought"].map((name) =>
        make(`span.${name}`, { role: "gridcell" }),
      ),
    );
  }

  write(node, now) {
    const [sold, soldNow, price, boughtNow, bought] = node.children;
    tag(node, "price", now.price);
    tag(node, "last", now.last);
    tag(node, "quote", now.bid && now.ask ? "both" : now.bid ? "bid" : now.ask ? "ask" : "");
    tag(node, "entry", now.entry);
    mark(node, "cursor", this.cursor === now.price && this.body === document.activeElement);
    say(sold, now.cell.bid ? short(volume(now.cell.bid, now.hello)) : "");
    say(bought, now.cell.ask ? short(volume(now.cell.ask, now.hello)) : "");
    say(soldNow, now.recent?.bid ? short(volume(now.recent.bid, now.hello)) : "");
    say(boughtNow, now.recent?.ask ? short(volume(now.recent.ask, now.hello)) : "");
    say(price, priceText(now.price, now.hello));
    fill(sold, now.cell.bid / now.most);
    fill(bought, now.cell.ask / now.most);
    const own = now.orders?.[0];
    tag(node, "own", own ? (own.side > 0 ? "buy" : "sell") : "");
    const title =
      `sold ${qty(now.cell.bid, now.hello)}, bought ${qty(now.cell.ask, now.hello)} in this session. ` +
      "Click left: buy here, right: sell here; Shift: only into the pad" +
      (now.bid || now.ask ? `. Best ${now.bid ? "bid" : "ask"}: inferred from trades` : "") +
      (own ? `. ${now.orders.length} own order(s) [${keyOf("cancel-all")} cancels all]` : "");
    if (node.title !== title) node.title = title;
  }
}

function fill(node, share) {
  const text = `${Math.round(share * 50) * 2}%`;
  if (node.__fill !== text) {
    node.__fill = text;
    node.style.setProperty("--fill", text);
  }
}
