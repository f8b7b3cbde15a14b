/** Scores: reads beside two baselines, trades in R with what they cost to hold. Asked for, not pushed. */

import { make } from "./dom.js";
import { fixed, multiple, NONE, signed, words } from "./numbers.js";
import { keyOf } from "./keys.js";

const share = (value) => (value === null || value === undefined ? NONE : `${fixed(100 * value, 0)} %`);
const number = (value, decimals = 2) =>
  value === null || value === undefined ? NONE : fixed(value, decimals);

/** Rows of the table of reads: kinds that were answered, all of them first. Pure. */
export function readRows(reads) {
  return Object.entries(reads ?? {})
    .filter(([, one]) => one.answers > 0)
    .map(([kind, one]) => [
      words(kind),
      String(one.answers),
      share(one.hit_rate),
      share(one.chance),
      number(one.brier),
      number(one.baselines?.trend?.brier),
      number(one.baselines?.detector?.brier),
    ]);
}

/** What is told of round trips, name and value. Pure. */
export function tradeLines(trades) {
  const [low, high] = trades.expectancy_interval ?? [null, null];
  return [
    ["round trips", String(trades.round_trips)],
    ["expectancy", multiple(trades.expectancy_r)],
    ["95 % between", low === null ? NONE : `${signed(low, 2)}\u2026${signed(high, 2)}`],
    ["won", share(trades.win_rate)],
    ["mean MAE", multiple(trades.mae_r)],
    ["mean MFE", multiple(trades.mfe_r)],
    ["slippage", trades.slippage_ticks === null ? NONE : `${number(trades.slippage_ticks)} ticks`],
    ["hindsight", String(trades.hindsight ?? 0)],
  ];
}

export class Scores {
  constructor(desk) {
    this.desk = desk;
    this.panel = make("div.panel");
    this.every = make(
      "select",
      {
        id: "drills-every",
        "aria-label": "Questions by themselves",
        title: "How often a question comes by itself",
        onchange: () => desk.ask({ do: "drills", every: Number(this.every.value) }),
      },
      ...[
        [0, "only when asked"],
        [5, "every 5 minutes"],
        [15, "every 15 minutes"],
        [30, "every 30 minutes"],
      ].map(([value, text]) => make("option", { value, text })),
    );
    this.kinds = make("div.kinds", { role: "group", "aria-label": "Questions" });
    this.body = make("div.scores");
    this.panel.append(
      make("div.headline", {}, make("h3", { text: "questions" }), this.every),
      this.kinds,
      this.body,
    );
  }

  update({ hello, score, drills }) {
    const kinds = JSON.stringify(hello?.drills ?? []);
    if (kinds !== this.offered) {
      this.offered = kinds;
      this.kinds.replaceChildren(
        make("button.small", {
          type: "button",
          "data-key": "drill",
          "aria-label": "Ask any question",
          text: "any",
          title: `Any question [${keyOf("drill")}]`,
          onclick: () => this.desk.act("drill"),
        }),
        ...(hello?.drills ?? []).map((one) => {
          const kind = typeof one === "string" ? one : one.kind;
          return make("button.small", {
            type: "button",
            text: words(kind),
            title: `Ask about ${words(kind)}`,
            onclick: () => this.desk.ask({ do: "drill", kind }),
          });
        }),
      );
    }
    if (drills?.every !== undefined && document.activeElement !== this.every)
      this.every.value = String(drills.every);
    const key = JSON.stringify(score);
    if (key === this.key) return;
    this.key = key;
    this.draw(score);
  }

  draw(score) {
    const reads = readRows(score?.reads);
    const trades = score?.trades;
    const parts = [];
    if (reads.length) {
      parts.push(
        table(
          "Reads",
          [
            ["", ""],
            ["n", "Answers"],
            ["right", "Share that was right"],
            ["chance", "What guessing gets"],
            ["Brier", "0 is perfect, 0.25 a coin"],
            ["trend", "Brier score of who always goes with the trend"],
            ["signal", "Brier score of the detectors"],
          ],
          reads,
        ),
      );
      parts.push(verdict(score.reads.all?.verdict));
    } else {
      parts.push(
        make("p.empty", {
          text: "Answer questions: hit rate and Brier score stand here, beside what the trend and the detectors would have said.",
        }),
      );
    }
    if (trades?.round_trips || trades?.hindsight) {
      parts.push(
        make("h3", { text: "trades" }),
        make(
          "dl",
          {},
          ...tradeLines(trades).map(([name, value]) =>
            make("div", {}, make("dt", { text: name }), make("dd.num", { text: value })),
          ),
        ),
        verdict(trades.verdict),
      );
    }
    for (const text of score?.warnings ?? []) parts.push(verdict(text));
    this.body.replaceChildren(...parts.filter(Boolean));
  }
}

function verdict(text) {
  return text ? make("p.warning", { text }) : null;
}

function table(caption, heads, lines) {
  return make(
    "table",
    {},
    make("caption.sr", { text: caption }),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...heads.map(([text, title], k) => make(k ? "th.n" : "th", { text, title, scope: "col" })),
      ),
    ),
    make(
      "tbody",
      {},
      ...lines.map((cells) => make("tr", {}, ...cells.map((text, k) => make(k ? "td.n" : "td", { text })))),
    ),
  );
}
