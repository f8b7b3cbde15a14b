/** The order pad: what it shows is what it sends. */

import { make, mark, say, segments, show } from "./dom.js";
import { distance, price as priceText, readNumber, readPrice, readQty } from "./numbers.js";
import { keyOf } from "./keys.js";
import { clicked, FIELDS, read, TYPES } from "./order.js";

const LABELS = { price: "price", limit: "limit", trail: "behind", stop: "stop", target: "target" };

export class Pad {
  constructor(root, desk) {
    this.desk = desk;
    this.root = root;
    this.form = {
      type: "market",
      side: 1,
      price: null,
      limit: null,
      trail: null,
      stop: null,
      target: null,
      by: desk.settings.get("size").by,
      qty: null,
      risk: null,
      reason: "",
      reduce_only: false,
    };
    this.sides = make("div.sides", { "aria-label": "Side" });
    this.showSide = segments(
      this.sides,
      [
        { value: "1", label: "Buy", title: `Buy [${keyOf("buy")}]` },
        { value: "-1", label: "Sell", title: `Sell [${keyOf("sell")}]` },
      ],
      (value) => this.set({ side: Number(value) }),
    );
    this.types = make("div.types", { "aria-label": "Order type" });
    this.showType = segments(
      this.types,
      TYPES.map((one) => ({ ...one, title: `${one.title} [${keyOf("type")}]` })),
      (type) => this.set({ type }),
    );
    this.inputs = Object.fromEntries(Object.keys(LABELS).map((name) => [name, this.priceInput(name)]));
    this.prices = make("div.prices", {}, ...Object.values(this.inputs).map((one) => one.row));
    this.size = make("input", {
      id: "pad-size",
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      "data-key": "size",
      "aria-label": "Amount",
      oninput: () => this.sizeTyped(),
    });
    this.by = make("div.by", { "aria-label": "Amount by" });
    this.showBy = segments(
      this.by,
      [
        { value: "units", label: "units", title: "Amount in units" },
        { value: "risk", label: "risk %", title: "Amount by the percent of equity lost at the stop" },
      ],
      (by) => this.sizeBy(by),
    );
    this.reason = make("input", {
      id: "pad-reason",
      type: "text",
      list: "reasons",
      maxlength: 80,
      placeholder: "why you enter\u2026",
      autocomplete: "off",
      "data-key": "reason",
      "aria-label": "Reason for entering",
      oninput: () => this.set({ reason: this.reason.value.trim() }),
    });
    this.reasons = make("datalist", { id: "reasons" });
    this.reduce = make("input", {
      type: "checkbox",
      id: "pad-reduce",
      onchange: () => this.set({ reduce_only: this.reduce.checked }),
    });
    this.reduceRow = make(
      "label.check",
      { for: "pad-reduce", title: "Never opens or turns a position; needs no reason" },
      this.reduce,
      "reduce only",
    );
    this.send = make("button.send", { type: "submit", "data-key": "send" });
    this.line = make("p.line.num");
    this.problem = make("p.problem", { role: "status" });
    this.body = make(
      "form",
      { autocomplete: "off", novalidate: true, onsubmit: (event) => this.submit(event) },
      this.sides,
      this.types,
      this.prices,
      make("div.row", {}, make("label", { for: "pad-size", text: "amount" }), this.size, this.by),
      make("div.row", {}, make("label", { for: "pad-reason", text: "reason" }), this.reason, this.reasons),
      this.send,
      make("div.below", {}, this.line, this.reduceRow),
      this.problem,
    );
    root.append(this.body);
    this.size.value = desk.settings.get("size").value;
    this.sizeTyped();
    this.register();
  }

  priceInput(name) {
    const input = make("input", {
      id: `pad-${name}`,
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      title: "Arrow keys move it by a tick, with Shift by ten",
      oninput: () => this.set({ [name]: readPrice(input.value, this.desk.store.hello) }, name),
      onkeydown: (event) => this.nudge(event, name),
    });
    const row = make("div.row", {}, make("label", { for: `pad-${name}`, text: LABELS[name] }), input);
    return { input, row };
  }

  nudge(event, name) {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const { hello, last } = this.desk.store;
    const step = (hello?.tick ?? 1) * (event.shiftKey ? 10 : 1) * way;
    const from = this.form[name] ?? (name === "trail" ? 0 : last);
    if (from !== null) this.put({ [name]: from + step });
  }

  sizeBy(by) {
    this.desk.settings.set("size", { by, value: "" });
    this.size.value = "";
    this.set({ by, qty: null, risk: null });
  }

  sizeTyped() {
    const { value } = this.size;
    this.desk.settings.set("size", { by: this.form.by, value });
    this.set(
      this.form.by === "risk" ? { risk: readNumber(value) } : { qty: readQty(value, this.desk.store.hello) },
    );
  }

  register() {
    const { actions } = this.desk;
    actions.buy = () => this.set({ side: 1 });
    actions.sell = () => this.set({ side: -1 });
    actions.type = () => {
      const at = TYPES.findIndex((one) => one.value === this.form.type);
      this.set({ type: TYPES[(at + 1) % TYPES.length].value });
    };
    actions.size = () => this.size.select();
    actions.reason = () => this.reason.select();
    actions.send = () => this.submit();
    actions["buy-market"] = () => this.market(1);
    actions["sell-market"] = () => this.market(-1);
  }

  /** Change fields as if typed, and show them. */
  put(changes) {
    for (const name of Object.keys(LABELS)) {
      if (name in changes) this.write(name, changes[name]);
    }
    this.set(changes);
  }

  write(name, value) {
    const { hello } = this.desk.store;
    const { input } = this.inputs[name];
    if (value === null) input.value = "";
    else if (name === "trail") input.value = distance(value, hello);
    else input.value = priceText(value, hello);
  }

  set(changes) {
    Object.assign(this.form, changes);
    this.draw();
  }

  market(side) {
    this.order(read({ ...this.form, type: "market", side, price: null }, this.desk.store));
  }

  /** A price chosen in ladder or chart: sent at once, or with Shift only put into the pad. */
  take(side, price, onlyPut) {
    if (onlyPut) {
      const type = FIELDS[this.form.type].includes("price") ? this.form.type : "limit";
      this.put({ side, price, type });
      return;
    }
    this.order(clicked(side, price, this.desk.store, this.form));
  }

  submit(event) {
    event?.preventDefault();
    this.order(read(this.form, this.desk.store));
  }

  order({ action, problems }) {
    if (!action) {
      const [first] = problems;
      this.desk.toast({ what: first.text, where: "order pad", fix: "" });
      const input = this.field(first.field);
      input?.focus();
      return;
    }
    this.desk.ask({ do: "order", action });
  }

  field(name) {
    if (name === "size") return this.size;
    if (name === "reason") return this.reason;
    return this.inputs[name]?.input ?? null;
  }

  draw() {
    const { form } = this;
    const result = read(form, this.desk.store);
    this.showSide(form.side);
    this.showType(form.type);
    this.showBy(form.by);
    mark(this.root, "selling", form.side < 0);
    for (const [name, { row }] of Object.entries(this.inputs)) show(row, FIELDS[form.type].includes(name));
    const label = form.type === "bracket" ? "entry" : form.type === "limit" ? "price" : "trigger";
    say(this.inputs.price.row.firstChild, label);
    this.inputs.price.input.placeholder = form.type === "bracket" ? "at market" : "";
    this.inputs.target.input.placeholder = "none";
    show(this.reduceRow, form.type !== "bracket");
    say(this.send, result.says.button);
    say(this.line, result.says.line);
    mark(this.send, "unready", !result.action);
    const bad = result.problems.find((one) => this.touched(one.field)) ?? null;
    say(this.problem, bad?.text ?? "");
    for (const name of ["size", "reason", ...Object.keys(LABELS)]) {
      this.field(name).setAttribute("aria-invalid", String(bad?.field === name));
    }
  }

  /** A field that is still empty is not wrong yet. */
  touched(name) {
    const input = this.field(name);
    return Boolean(input && input.value.trim());
  }

  update(store) {
    const reasons = store.hello?.reasons ?? [];
    const key = reasons.join("\n");
    if (this.offered !== key) {
      this.offered = key;
      this.reasons.replaceChildren(...reasons.map((text) => make("option", { value: text })));
    }
    if (store.hello && this.blind !== store.hello.blind) {
      this.blind = store.hello.blind; // prices and amounts mean something else now
      this.put({ price: null, limit: null, trail: null, stop: null, target: null });
      this.size.placeholder = this.blind ? "% median bar" : "";
      this.sizeTyped();
    }
    const now = `${store.last} ${store.account?.equity}`;
    if (this.key !== now) {
      this.key = now;
      this.draw();
    }
  }
}
