/** Position and account, working orders with move and cancel, and the round trips made. */

import { make, mark, rows, say, show, tag } from "./dom.js";
import {
  clock,
  distance,
  money,
  multiple,
  NONE,
  price as priceText,
  qty,
  readPrice,
  signed,
  words,
} from "./numbers.js";
import { keyOf } from "./keys.js";

export class Position {
  constructor(root, desk) {
    this.desk = desk;
    this.root = root;
    this.side = make("strong.side", { id: "position-side" });
    this.open = make("strong.open.num", {
      id: "open-r",
      title: "Open result in multiples of the risk at entry",
    });
    this.cells = Object.fromEntries(
      [
        ["average", "average", "Average entry price"],
        ["realized", "realised", "Result of closed round trips, in R"],
        ["mae", "MAE", "Furthest against you since the entry"],
        ["mfe", "MFE", "Furthest for you since the entry"],
        ["equity", "equity", "Cash and open result"],
        ["unit", "unit", "Money of the account"],
      ].map(([name, label, title]) => {
        const value = make("dd.num");
        return [name, { value, row: make("div", { title }, make("dt", { text: label }), value) }];
      }),
    );
    this.close = make("button", {
      type: "button",
      "data-key": "close",
      "aria-label": "Close the position",
      text: "close",
      onclick: () => desk.act("close"),
    });
    root.append(
      make("div.headline", {}, this.side, this.open, this.close),
      make("dl", {}, ...Object.values(this.cells).map((one) => one.row)),
    );
    desk.actions.close = () => desk.ask({ do: "order", action: { do: "close" } });
    desk.actions["cancel-all"] = () => desk.ask({ do: "order", action: { do: "cancel_all" } });
  }

  update({ account, trips, hello, last }) {
    const size = account?.position ?? 0;
    const open = trips.find((one) => one.exit_time === null || one.exit_time === undefined);
    say(this.side, size ? `${size > 0 ? "long" : "short"} ${qty(Math.abs(size), hello)}` : "flat");
    tag(this.root, "side", Math.sign(size));
    const result = account?.open_r ?? openResult({ account, last, hello });
    const told = account?.open_r === null ? `${result > 0 ? "+" : ""}${money(result)}` : multiple(result);
    say(this.open, size ? told : "");
    mark(this.open, "up", size && result > 0);
    mark(this.open, "down", size && result < 0);
    this.close.disabled = !size;
    const { average, mae, mfe, realized, equity, unit } = this.cells;
    say(average.value, size ? priceText(account.average, hello) : NONE);
    say(mae.value, size && open ? multiple(open.mae_r) : NONE);
    say(mfe.value, size && open ? multiple(open.mfe_r) : NONE);
    say(realized.value, multiple(account?.realized_r));
    say(equity.value, account ? money(account.equity) : NONE);
    say(unit.value, account?.unit ?? NONE);
  }
}

/** The open result before costs, in money; null where the page cannot tell it. Pure. */
export function openResult({ account, last, hello }) {
  const point = hello?.account?.point;
  if (!point || !account?.position || account.average === null || last === null) return null;
  return (last - account.average) * account.position * point;
}

/** Where an order without a price stands: at the market, or a distance behind it. Pure. */
export function standsAt(order, hello) {
  return typeof order.trail === "number" ? `${distance(order.trail, hello)} behind` : "mkt";
}

/** Orders without the legs that stand as orders of their own beside them. Pure. */
export function withoutTold(orders) {
  const parents = new Set(orders.map((one) => one.parent));
  return orders.map((one) => (parents.has(one.id) ? { ...one, stop: null, target: null } : one));
}

export class Orders {
  constructor(desk) {
    this.desk = desk;
    this.panel = make("div.panel");
    this.list = make("table", {}, make("caption.sr", { text: "Working orders" }));
    this.body = make("tbody");
    this.list.append(
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...["order", "at", "stop", "target", ""].map((text, k) =>
            make(k ? "th.n" : "th", { text, scope: "col" }),
          ),
        ),
      ),
      this.body,
    );
    this.all = make("button.wide", {
      type: "button",
      "data-key": "cancel-all",
      "aria-label": "Cancel every working order",
      text: "cancel all",
      onclick: () => desk.act("cancel-all"),
    });
    this.empty = make(
      "p.empty",
      {},
      "No working orders. Fill the pad and press ",
      make("kbd", { text: keyOf("send") }),
      ", or click a price in the ladder.",
    );
    this.panel.append(this.list, this.all, this.empty);
  }

  update({ orders, hello }) {
    const key = JSON.stringify(orders) + (hello?.price_decimals ?? "");
    if (key === this.key || this.body.contains(document.activeElement)) return;
    this.key = key;
    show(this.list, orders.length > 0);
    show(this.all, orders.length > 1);
    show(this.empty, orders.length === 0);
    this.desk.countOn("orders", orders.length);
    const told = withoutTold(orders);
    this.list.classList.toggle(
      "legless",
      told.every((one) => (one.stop ?? one.target ?? null) === null),
    );
    this.body.replaceChildren(...told.map((order) => this.row(order, hello)));
  }

  row(order, hello) {
    const kind = `${order.side > 0 ? "buy" : "sell"} ${words(order.type)}`;
    const left = order.qty ? qty(order.qty - (order.filled ?? 0), hello) : "";
    return make(
      "tr",
      { "data-order": order.id, "data-side": order.side > 0 ? "buy" : "sell", title: order.state ?? "" },
      make(
        "td",
        {},
        make("span.kind", { text: kind }),
        left ? make("span.num.quiet", { text: ` ${left}` }) : null,
        order.state === "cancel sent" ? make("span.quiet", { text: " cancel sent" }) : null,
        order.parent !== null && order.parent !== undefined
          ? make("span.quiet", { text: ` · bracket #${order.parent}` })
          : null,
      ),
      ...["price", "stop", "target"].map((part) => make("td.n", {}, this.cell(order, part, hello))),
      make(
        "td.n",
        {},
        make("button.small", {
          type: "button",
          "aria-label": `Cancel ${kind} ${order.id}`,
          title: `Cancel [${keyOf("cancel-all")}: all]`,
          text: "\u00d7",
          onclick: () => this.desk.ask({ do: "order", action: { do: "cancel", order: order.id } }),
        }),
      ),
    );
  }

  cell(order, part, hello) {
    const value = order[part];
    if (value === null || value === undefined)
      return make("span.quiet", { text: part === "price" ? standsAt(order, hello) : "" });
    const input = make("input.move.num", {
      type: "text",
      inputmode: "decimal",
      value: priceText(value, hello),
      size: 9,
      "aria-label": `Move ${part} of order ${order.id}`,
      title: "Type a price or press \u2191 \u2193, then Enter moves the order",
      onkeydown: (event) => this.pressed(event, input, order, part),
    });
    input.addEventListener("blur", () => {
      input.value = priceText(value, hello);
    });
    return input;
  }

  pressed(event, input, order, part) {
    const { hello } = this.desk.store;
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (way) {
      event.preventDefault();
      const now = readPrice(input.value, hello) ?? order[part];
      input.value = priceText(now + way * (hello?.tick ?? 1) * (event.shiftKey ? 10 : 1), hello);
    } else if (event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
      const price = readPrice(input.value, hello);
      input.blur();
      if (price === null)
        this.desk.toast({ what: `\u201c${input.value}\u201d is no price`, where: `order ${order.id}` });
      else this.desk.move(order, part, price);
    }
  }
}

/** Why no round trip is listed: going back over one's own begins anew, and loses nothing. Pure. */
export function noTrips(attempt) {
  return attempt
    ? `No round trips in attempt ${attempt + 1}. Those before you went back stand in the journal, and count in practice.`
    : "No round trips yet. Results are told in R: multiples of what the stop risked.";
}

export class Trips {
  constructor(desk) {
    this.desk = desk;
    this.panel = make("div.panel");
    this.body = make("tbody");
    this.table = make(
      "table",
      {},
      make("caption.sr", { text: "Round trips" }),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...["", "in", "out", "R", "MAE", "MFE"].map((text, k) =>
            make(k > 1 ? "th.n" : "th", { text, scope: "col" }),
          ),
        ),
      ),
      this.body,
    );
    this.empty = make("p.empty");
    this.panel.append(this.table, this.empty);
  }

  update({ trips, hello, clock: now }) {
    const key = `${JSON.stringify(trips)} ${now.attempt}`;
    if (key === this.key) return;
    this.key = key;
    say(this.empty, noTrips(now.attempt));
    show(this.table, trips.length > 0);
    show(this.empty, trips.length === 0);
    this.desk.countOn("trades", trips.filter((one) => one.exit_time).length);
    const latest = trips.slice(-60).reverse();
    const found = rows(this.body, latest.length, () =>
      make("tr", {}, make("td"), make("td.num"), make("td.n"), make("td.n.r"), make("td.n"), make("td.n")),
    );
    latest.forEach((trip, k) => this.write(found[k], trip, hello));
  }

  write(node, trip, hello) {
    const [side, begun, ended, r, mae, mfe] = node.children;
    const done = trip.exit_time !== null && trip.exit_time !== undefined;
    tag(node, "side", trip.side > 0 ? "buy" : "sell");
    tag(node, "hindsight", Boolean(trip.hindsight));
    say(side, trip.side > 0 ? "long" : "short");
    say(begun, clock(trip.entry_time, hello).slice(0, 8));
    say(ended, done ? clock(trip.exit_time, hello).slice(0, 8) : "open");
    say(r, trip.r === null || trip.r === undefined ? NONE : signed(trip.r, 2));
    mark(r, "up", trip.r > 0);
    mark(r, "down", trip.r < 0);
    say(mae, trip.mae_r === null || trip.mae_r === undefined ? NONE : signed(trip.mae_r, 2));
    say(mfe, trip.mfe_r === null || trip.mfe_r === undefined ? NONE : signed(trip.mfe_r, 2));
    node.title = [
      `${priceText(trip.entry, hello)} \u2192 ${done ? priceText(trip.exit, hello) : "\u2026"}`,
      trip.reason ? `reason: ${trip.reason}` : "",
      trip.hindsight ? "hindsight: not scored" : "",
    ]
      .filter(Boolean)
      .join("; ");
  }
}
