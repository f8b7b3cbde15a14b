/** A question about the tape: choose, say how sure, learn what was so. */

import { at, make, say, show } from "./dom.js";
import { fixed } from "./numbers.js";
import { keyOf } from "./keys.js";

const LEAST = 50;
const STEP = 10;
const LATE_STAYS = 8000;

/** Seconds since a question appeared on the screen. Pure. */
export function elapsed(shownAt, now) {
  return Math.max(0, (now - shownAt) / 1000);
}

export class Drill {
  constructor(desk) {
    this.desk = desk;
    this.card = at("drill");
    this.now = null;
    this.choice = null;
    this.confidence = 70;
    Object.assign(desk.actions, {
      drill: () => desk.ask({ do: "drill" }),
      answer: (index) => this.choose(index),
      "confidence-down": () => this.sure(this.confidence - STEP),
      "confidence-up": () => this.sure(this.confidence + STEP),
      submit: () => this.submit(),
    });
    setInterval(() => this.tick(), 250);
  }

  /** Whether keys mean answers now. */
  get open() {
    return this.now !== null;
  }

  update({ drill, clock }) {
    const key = drill ? `${drill.id} ${drill.choice} ${drill.truth}` : "";
    if (key === this.key) {
      this.expire(clock);
      return;
    }
    const waited = this.key && drill?.truth && this.key === `${drill.id} ${drill.choice} null`;
    this.key = key;
    this.now = drill;
    show(this.card, drill !== null);
    if (!drill) return;
    if (drill.choice === undefined) this.ask(drill);
    else this.tell(drill);
    this.toldAt = { row: clock.row, until: waited ? performance.now() + LATE_STAYS : 0 };
  }

  /** An answer that was told goes when the tape goes on; one told late stays some seconds. */
  expire(clock) {
    if (!this.now || this.choices || clock.row === this.toldAt.row) return;
    if (performance.now() > this.toldAt.until) this.leave();
  }

  ask(drill) {
    this.choice = null;
    this.sending = false;
    this.card.dataset.hit = "";
    this.shownAt = performance.now();
    this.timer = make("span.num.quiet", { "aria-label": "Seconds since the question" });
    this.choices = make(
      "div.choices",
      { role: "radiogroup", "aria-label": "Answers" },
      ...drill.choices.map((text, k) =>
        make(
          "button",
          {
            type: "button",
            role: "radio",
            "aria-checked": "false",
            title: `Choose [${k + 1}]`,
            onclick: () => this.choose(k),
          },
          make("kbd", { text: String(k + 1) }),
          text,
        ),
      ),
    );
    this.range = make("input", {
      type: "range",
      min: LEAST,
      max: 100,
      step: 5,
      value: this.confidence,
      id: "confidence",
      "aria-label": "How sure",
      title: `How sure [${keyOf("confidence-down")} ${keyOf("confidence-up")}]`,
      oninput: () => this.sure(Number(this.range.value)),
    });
    this.percent = make("output.num", { for: "confidence" });
    this.button = make("button.main", {
      type: "button",
      text: "answer",
      title: `Answer [${keyOf("submit")}]`,
      disabled: true,
      onclick: () => this.submit(),
    });
    this.card.replaceChildren(
      make(
        "header",
        {},
        make("h2", { text: drill.concept ?? "Read the tape" }),
        this.timer,
        make("button.small", {
          type: "button",
          "aria-label": "Skip",
          title: "Leave it unanswered",
          text: "\u00d7",
          onclick: () => this.leave(),
        }),
      ),
      make("p.question", { text: drill.question }),
      this.choices,
      make(
        "div.sure",
        {},
        make("label", { for: "confidence", text: "sure" }),
        this.range,
        this.percent,
        this.button,
      ),
    );
    this.sure(this.confidence);
    this.tick();
  }

  tell(drill) {
    const known = Boolean(drill.truth) && drill.truth !== "unknown";
    const title = known
      ? drill.hit
        ? "Right"
        : "Not so"
      : drill.truth
        ? "Cannot be told"
        : "Noted: told when its time comes";
    this.choices = null;
    this.card.replaceChildren(
      ...[
        make(
          "header",
          {},
          make("h2", { text: title }),
          make("button.small", {
            type: "button",
            "aria-label": "Close",
            title: `Close [${keyOf("submit")}]`,
            text: "\u00d7",
            onclick: () => this.leave(),
          }),
        ),
        drill.question ? make("p.question", { text: drill.question }) : null,
        make(
          "p.truth",
          {},
          ...(known
            ? [make("span.quiet", { text: "it was " }), make("strong", { text: drill.truth }), ", "]
            : []),
          make("span.quiet", { text: `you said ${drill.choice}, ${drill.confidence} % sure` }),
        ),
        drill.because ? make("p.because", { text: drill.because }) : null,
        typeof drill.brier === "number"
          ? make("p.quiet", { text: `Brier ${fixed(drill.brier, 2)}: 0 is perfect, 0.25 a coin` })
          : null,
        this.running(),
        make("button.main", {
          type: "button",
          text: "go on",
          title: `Go on [${keyOf("submit")}]`,
          onclick: () => this.leave(),
        }),
      ].filter(Boolean),
    );
    this.card.dataset.hit = known ? String(drill.hit) : "";
  }

  running() {
    const all = this.desk.store.score?.reads?.all;
    if (!all?.answers) return null;
    return make("p.num.quiet", {
      text: `so far ${all.hits} of ${all.answers} right, Brier ${fixed(all.brier, 2)}`,
    });
  }

  choose(index) {
    if (!this.choices || index >= this.choices.children.length) return;
    this.choice = index;
    [...this.choices.children].forEach((node, k) => node.setAttribute("aria-checked", String(k === index)));
    this.button.disabled = false;
  }

  sure(value) {
    this.confidence = Math.min(100, Math.max(LEAST, value));
    if (!this.range) return;
    this.range.value = this.confidence;
    say(this.percent, `${this.confidence} %`);
  }

  submit() {
    if (!this.choices) {
      this.leave();
      return;
    }
    if (this.choice === null) {
      this.desk.toast("choose an answer first", "note");
      return;
    }
    if (this.sending) return;
    this.sending = true;
    const choice = this.now.choices[this.choice];
    this.desk
      .ask({
        do: "answer",
        choice,
        confidence: this.confidence,
        seconds: elapsed(this.shownAt, performance.now()),
      })
      .finally(() => {
        this.sending = false;
      });
  }

  leave() {
    const unanswered = this.choices !== null;
    this.now = null;
    this.choices = null;
    show(this.card, false);
    if (unanswered) this.desk.ask({ do: "answer", choice: null });
  }

  tick() {
    if (this.choices && this.timer)
      say(this.timer, `${elapsed(this.shownAt, performance.now()).toFixed(0)} s`);
  }
}
