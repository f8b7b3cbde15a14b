/** Scores: reads beside two baselines, trades in R with what they cost to hold. Asked for, not pushed. */

import { make } from "./dom.js";
import { fixed, multiple, NONE, words } from "./numbers.js";
import { keyOf } from "./keys.js";

const ENOUGH = 30;

const share = (value) => (value === null || value === undefined ? NONE : `${fixed(100 * value, 0)} %`);
const number = (value, decimals = 2) => (value === null || value === undefined ? NONE : fixed(value, decimals));

/** Rows of the table of reads. Pure. */
export function readRows(reads) {
  return Object.entries(reads ?? {}).map(([concept, one]) => [words(concept), String(one.count ?? 0),
    share(one.hit_rate), number(one.brier), one.seconds === undefined ? NONE : `${number(one.seconds, 0)} s`,
    share(one.trend), share(one.detector)]);
}

export class Scores {
  constructor(desk) {
    this.desk = desk;
    this.panel = make("div.panel");
    this.every = make("select", { id: "drills-every", "aria-label": "Questions by themselves", title: "How often a question comes by itself",
      onchange: () => desk.ask({ do: "drills", every: Number(this.every.value) }) },
      ...[[0, "only when asked"], [5, "every 5 minutes"], [15, "every 15 minutes"], [30, "every 30 minutes"]].map(([value, text]) => make("option", { value, text })));
    this.kinds = make("div.kinds", { role: "group", "aria-label": "Questions" });
    this.body = make("div.scores");
    this.panel.append(
      make("div.headline", {}, make("h3", { text: "questions" }), this.every), this.kinds, this.body);
  }

  update({ hello, score, drills }) {
    const kinds = JSON.stringify(hello?.drills ?? []);
    if (kinds !== this.offered) {
      this.offered = kinds;
      this.kinds.replaceChildren(
        make("button.small", { type: "button", "data-key": "drill", "aria-label": "Ask any question", text: "any", title: `Any question [${keyOf("drill")}]`, onclick: () => this.desk.act("drill") }),
        ...(hello?.drills ?? []).map((one) => {
          const kind = typeof one === "string" ? one : one.kind;
          return make("button.small", { type: "button", text: words(kind), title: `Ask about ${words(kind)}`, onclick: () => this.desk.ask({ do: "drill", kind }) });
        }));
    }
    if (drills?.every !== undefined && document.activeElement !== this.every) this.every.value = String(drills.every);
    const key = JSON.stringify(score);
    if (key === this.key) return;
    this.key = key;
    this.draw(score);
  }

  draw(score) {
    const reads = readRows(score?.reads);
    const trades = score?.trades;
    const parts = [];
    if (reads.length) parts.push(table("Reads", ["", "n", "right", "Brier", "time", "trend", "detector"], reads));
    else parts.push(make("p.empty", { text: "Answer questions: hit rate and Brier score stand here beside what the trend and the detector would have said." }));
    if (trades?.count) {
      parts.push(make("h3", { text: "trades" }), make("dl", {}, ...[
        ["round trips", String(trades.count)], ["expectancy", multiple(trades.expectancy)], ["won", share(trades.hit_rate)],
        ["MAE", multiple(trades.mae)], ["MFE", multiple(trades.mfe)], ["slippage", number(trades.slippage)],
      ].map(([name, value]) => make("div", {}, make("dt", { text: name }), make("dd.num", { text: value })))));
      if (trades.count < ENOUGH) parts.push(make("p.warning", { text: `${trades.count} round trips say little: under ${ENOUGH}, luck decides.` }));
    }
    for (const text of score?.warnings ?? []) parts.push(make("p.warning", { text }));
    this.body.replaceChildren(...parts);
  }
}

function table(caption, heads, lines) {
  return make("table", {}, make("caption.sr", { text: caption }),
    make("thead", {}, make("tr", {}, ...heads.map((text, k) => make(k ? "th.n" : "th", { text, scope: "col" })))),
    make("tbody", {}, ...lines.map((cells) => make("tr", {}, ...cells.map((text, k) => make(k ? "td.n" : "td", { text }))))));
}
