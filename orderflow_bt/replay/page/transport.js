/** Play, speed, steps, jumps and the day's line: all of it asks the server, none of it loses anything. */

import { make, mark, say, show, tag } from "./dom.js";
import { clock, day, NONE, readTime, speed } from "./numbers.js";
import { keyOf } from "./keys.js";

export const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, "max"];

/** The next speed up or down a ladder of speeds. Pure. */
export function nextSpeed(speeds, now, step) {
  const value = (one) => (one === "max" ? Infinity : one);
  const ordered = [...speeds].sort((a, b) => value(a) - value(b));
  if (step > 0) return ordered.find((one) => value(one) > value(now)) ?? ordered.at(-1);
  return ordered.filter((one) => value(one) < value(now)).at(-1) ?? ordered[0];
}

/** Where a moment stands on the day's line, 0 to 1. Pure. */
export function place(time, span) {
  if (!span || time === null || time === undefined || span.end <= span.start) return 0;
  return Math.min(1, Math.max(0, (time - span.start) / (span.end - span.start)));
}

/** How the end of the line is told: midnight is the end of a day, not its beginning. Pure. */
export function borderOf(time, hello) {
  const text = clock(time, hello).slice(0, 5);
  return text === "00:00" && hello?.time !== "elapsed" ? "24:00" : text;
}

const STEPS = [
  ["step-trade", "trade", "trade"],
  ["step-cluster", "cluster", "cluster"],
  ["step-price", "price", "price"],
  ["step-bar", "bar", "bar"],
  ["step-minute", "minute", "minute"],
];
const JUMPS = [
  ["next-event", "next event", "next_event"],
  ["next-order", "next own order event", "next_order_event"],
  ["next-session", "next trading session", "next_session"],
  ["previous-session", "previous trading session", "previous_session"],
];

export class Transport {
  /** @param {HTMLElement} root @param {object} desk */
  constructor(root, desk) {
    this.desk = desk;
    this.dragging = false;
    this.play = this.button("play", "\u25b6", "Play or pause", "main");
    this.back = this.button("back-bar", "\u2039 bar", "One bar back");
    const steps = STEPS.map(([id, label]) => this.button(id, `${label} \u203a`, `One ${label} on`));
    this.speed = make("select", {
      id: "speed",
      title: `Speed [${keyOf("slower")} ${keyOf("faster")}]`,
      "aria-label": "Speed",
      onchange: () => this.setSpeed(this.speed.value),
    });
    this.jump = make(
      "select",
      { id: "jump", title: "Jump", "aria-label": "Jump to", onchange: () => this.jumped() },
      make("option", { value: "", text: "jump\u2026" }),
      ...JUMPS.map(([id, label]) => make("option", { value: id, text: `${label}  [${keyOf(id)}]` })),
      make("option", { value: "go-to", text: `to a time\u2026  [${keyOf("go-to")}]` }),
    );
    this.goto = make("input", {
      id: "go-to",
      type: "text",
      size: 14,
      placeholder: "14:05 or +10m",
      "aria-label": "Go to a time",
      title: `Go to a time [${keyOf("go-to")}]`,
      hidden: true,
      autocomplete: "off",
      onkeydown: (event) => this.typed(event),
      onblur: () => show(this.goto, false),
    });
    this.line = make("input", {
      id: "timeline",
      type: "range",
      min: 0,
      max: 100000,
      step: 1,
      value: 0,
      "aria-label": "Moment, up to the furthest seen",
      title: `Drag back: nothing is lost. ${keyOf("furthest")} returns to the furthest moment seen`,
      oninput: () => this.dragged(),
      onchange: () => this.dropped(),
    });
    this.seen = make("div.seen", { "aria-hidden": "true" });
    this.start = make("span.quiet.num");
    this.end = make("span.quiet.num");
    this.now = make("output.now.num", { id: "clock", for: "timeline", title: "Time of the last trade" });
    this.date = make("span.quiet.num", { id: "date" });
    this.zone = make("span.quiet");
    this.furthest = this.button("furthest", "\u21e5", "Back to the furthest moment seen");
    this.pauses = this.button("pauses", "pauses", "Choose what pauses");
    root.append(
      make("div.cluster", {}, this.play, this.back, ...steps),
      make("div.cluster", {}, this.speed, this.jump, this.goto, this.pauses),
      make("div.line", {}, this.start, make("div.track", {}, this.seen, this.line), this.end, this.furthest),
      make("div.cluster.time", {}, this.date, this.now, this.zone),
    );
    this.register();
  }

  button(id, label, says, kind = "") {
    return make(`button${kind ? `.${kind}` : ""}`, {
      type: "button",
      id: `do-${id}`,
      "data-key": id,
      "aria-label": says,
      text: label,
      onclick: () => this.desk.act(id),
    });
  }

  register() {
    const { actions, ask } = this.desk;
    actions.play = () => ask({ do: this.clock.playing ? "pause" : "play" });
    actions.faster = () => this.setSpeed(nextSpeed(this.speeds, this.clock.speed, 1));
    actions.slower = () => this.setSpeed(nextSpeed(this.speeds, this.clock.speed, -1));
    for (const value of [1, 10, 100, 1000, "max"]) actions[`speed-${value}`] = () => this.setSpeed(value);
    for (const [id, , by] of STEPS) actions[id] = () => ask({ do: "step", by, count: 1 });
    actions["back-bar"] = () => ask({ do: "back", by: "bar", count: 1 });
    for (const [id, , to] of JUMPS) actions[id] = () => ask({ do: "jump", to });
    actions["go-to"] = () => {
      show(this.goto, true);
      this.goto.value = "";
      this.goto.focus();
    };
    actions.furthest = () => ask({ do: "jump", to: "furthest" });
  }

  get clock() {
    return this.desk.store.clock;
  }

  get speeds() {
    return this.desk.store.hello?.speeds ?? SPEEDS;
  }

  setSpeed(value) {
    return this.desk.ask({ do: "speed", value: value === "max" ? "max" : Number(value) });
  }

  jumped() {
    const id = this.jump.value;
    this.jump.value = "";
    this.jump.blur();
    if (id) this.desk.act(id);
  }

  typed(event) {
    if (event.key !== "Enter") return;
    event.stopPropagation();
    const { hello, clock: moment } = this.desk.store;
    const time = readTime(this.goto.value, moment.time ?? 0, hello);
    if (time === null) {
      this.desk.toast({
        what: `\u201c${this.goto.value}\u201d is no time`,
        where: "go to",
        fix: "Type 14:05, 14:05:30, a day and a time, or a step such as +10m",
      });
      return;
    }
    this.goto.blur();
    this.desk.ask({ do: "seek", time });
  }

  timeAt(share) {
    const { span } = this.desk.store.hello ?? {};
    return span ? Math.round(span.start + share * (span.end - span.start)) : null;
  }

  dragged() {
    this.dragging = true;
    const { hello } = this.desk.store;
    const most = Math.floor(this.most());
    if (Number(this.line.value) > most) this.line.value = most;
    say(this.now, clock(this.timeAt(this.line.value / 100000), hello));
  }

  dropped() {
    this.dragging = false;
    const { furthest_time: furthest } = this.clock;
    const time = this.timeAt(this.line.value / 100000);
    if (time === null) return;
    if (this.line.value >= Math.floor(this.most())) this.desk.act("furthest");
    else this.desk.ask({ do: "seek", time: Math.min(time, furthest ?? time) });
  }

  /** The furthest place on the line that may be gone to. */
  most() {
    return place(this.clock.furthest_time, this.desk.store.hello?.span) * 100000;
  }

  update({ hello, clock: now }) {
    say(this.play, now.playing ? "\u2016" : "\u25b6");
    this.play.setAttribute("aria-pressed", String(Boolean(now.playing)));
    mark(this.play, "on", now.playing);
    tag(this.play, "end", now.at_end);
    this.offer(hello);
    if (document.activeElement !== this.speed) this.speed.value = String(now.speed);
    if (!this.dragging) {
      const share = place(now.time, hello?.span);
      const value = String(Math.round(share * 100000));
      if (this.line.value !== value) this.line.value = value;
      say(this.now, clock(now.time, hello, 3));
    }
    const seen = place(now.furthest_time ?? now.time, hello?.span);
    this.seen.style.setProperty("--seen", `${(seen * 100).toFixed(2)}%`);
    say(this.start, hello?.span ? clock(hello.span.start, hello).slice(0, 5) : NONE);
    say(this.end, hello?.span ? borderOf(hello.span.end, hello) : NONE);
    say(this.date, day(now.time, hello));
    say(this.zone, hello?.time === "elapsed" ? "since start" : "UTC");
    mark(this.furthest, "lit", now.furthest === false);
    this.line.setAttribute("aria-valuetext", clock(now.time, hello));
  }

  offer(hello) {
    const key = JSON.stringify(hello?.speeds ?? SPEEDS);
    if (this.offered === key) return;
    this.offered = key;
    this.speed.replaceChildren(...this.speeds.map((one) => make("option", { value: one, text: speed(one) })));
  }
}
