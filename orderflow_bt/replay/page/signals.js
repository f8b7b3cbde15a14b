/** The switchboard: detectors and strategies on and off, and the latest events, to step through. */

import { make, mark, rows, say, show, tag } from "./dom.js";
import { clock, multiple, range, words } from "./numbers.js";
import { keyOf } from "./keys.js";

const SHOWN = 40;
const OFF = "Switch a detector on: its events appear here and on the chart as they become known.";
const QUIET = "Nothing was seen yet: events appear here as they become known.";

/** Events newest first, as known at the cursor; only of detectors that are on. Pure. */
export function latest(marks, most = SHOWN) {
  return [...marks.values()].sort((a, b) => b.known_at - a.known_at).slice(0, most);
}

/** When the event before this moment became known; null where there is none on the page. Pure. */
export function before(marks, time) {
  const earlier = [...marks.values()].map((one) => one.known_at).filter((known) => known < time);
  return earlier.length ? Math.max(...earlier) : null;
}

export class Signals {
  constructor(desk) {
    this.desk = desk;
    this.panel = make("div.panel");
    this.detectors = make("ul.switches", { "aria-label": "Detectors" });
    this.strategies = make("ul.switches", { "aria-label": "Strategies" });
    this.events = make("ol.events", { "aria-label": "Events, newest first" });
    this.empty = make("p.empty");
    this.next = make("button.small", {
      type: "button",
      "data-key": "next-event",
      text: "event \u203a",
      "aria-label": "On to the next event",
      onclick: () => desk.act("next-event"),
    });
    this.previous = make("button.small", {
      type: "button",
      "data-key": "previous-event",
      text: "\u2039 event",
      "aria-label": "Back to the event before",
      onclick: () => desk.act("previous-event"),
    });
    desk.actions["previous-event"] = () => {
      const { marks, clock: now } = desk.store;
      const known = before(marks, now.time);
      if (known === null) desk.toast("there is no earlier event on the page", "note");
      else desk.ask({ do: "seek", time: known + 1 });
    };
    this.panel.append(
      make("h3", { text: "detectors" }),
      this.detectors,
      make("h3", { text: "strategies, on the same moments as you" }),
      this.strategies,
      make("div.headline", {}, make("h3", { text: "events" }), this.previous, this.next),
      this.events,
      this.empty,
    );
  }

  update({ detectors, strategies, marks, marks_version: version, hello, epoch }) {
    const key = JSON.stringify([detectors, strategies]);
    if (key !== this.key) {
      this.key = key;
      this.list(this.detectors, detectors, "detectors");
      this.list(this.strategies, strategies, "strategies");
    }
    const seen = `${key} ${version} ${marks.size} ${epoch} ${hello?.price_decimals}`;
    if (seen === this.seen || this.panel.hidden) return;
    this.seen = seen;
    const found = latest(marks);
    show(this.empty, found.length === 0);
    say(this.empty, detectors.some((one) => one.on) ? QUIET : OFF);
    const nodes = rows(this.events, found.length, () =>
      make("li", {}, make("span.num"), make("span"), make("span.num")),
    );
    found.forEach((one, k) => this.write(nodes[k], one, hello));
  }

  list(parent, offered, what) {
    parent.replaceChildren(
      ...offered.map((one) => {
        const box = make("input", {
          type: "checkbox",
          id: `${what}-${one.name}`,
          onchange: () => this.desk.ask({ do: what, name: one.name, on: box.checked }),
        });
        box.checked = Boolean(one.on);
        const result = typeof one.r === "number" ? make("span.num", { text: multiple(one.r) }) : null;
        return make(
          "li",
          {},
          make("label.check", { for: box.id, title: one.says ?? words(one.name) }, box, words(one.name)),
          result,
        );
      }),
    );
    if (!offered.length) parent.append(make("li.quiet", { text: "none installed" }));
  }

  write(node, one, hello) {
    const [time, text, price] = node.children;
    tag(node, "side", one.direction > 0 ? "buy" : one.direction < 0 ? "sell" : "");
    mark(node, "invalid", one.invalid);
    say(time, clock(one.known_at, hello));
    const seen = words(one.detector ?? one.kind);
    say(text, one.state && one.state !== "confirmed" ? `${seen}, ${words(one.state)}` : seen);
    say(price, range(one.low, one.high, hello));
    const title = [
      words(one.kind ?? ""),
      one.text,
      `known at ${clock(one.known_at, hello, 3)}`,
      `[${keyOf("next-event")}] goes to the next`,
    ]
      .filter(Boolean)
      .join("; ");
    if (node.title !== title) node.title = title;
  }
}
