/** The bar on top: what is replayed, bars and cells, last price, badges, theme. */

import { at, make, mark, say, segments, show } from "./dom.js";
import { duration, NONE, price as priceText, words } from "./numbers.js";
import { keyOf } from "./keys.js";
import { PALETTES, THEMES } from "./settings.js";

const MODES = [
  { value: "bidask", label: "bid\u00d7ask", title: "Sells left, buys right" },
  { value: "delta", label: "delta", title: "Buys less sells" },
  { value: "volume", label: "volume", title: "Buys and sells together" },
];

/** Why the tape stands, or where it is going; empty where there is nothing to say. Pure. */
export function standing({ playing, seeking, at_end: ended, paused_by: reason, skipped }, busy = false) {
  if (busy) return "working\u2026";
  if (seeking) return "on the way\u2026";
  if (ended) return "end of the window";
  if (playing && skipped) return `skipped ${duration(skipped[1] - skipped[0])} of silence`;
  return !playing && reason ? `paused: ${words(reason)}` : "";
}

export class Top {
  /** @param {object} desk @param {object} chart */
  constructor(desk, chart) {
    this.desk = desk;
    this.chart = chart;
    const { settings, actions } = desk;
    this.showMode = segments(
      at("mode"),
      MODES.map((one) => ({ ...one, title: `${one.title} [${keyOf("mode")}]` })),
      (mode) => this.setMode(mode),
    );
    this.showTheme = segments(
      at("theme"),
      THEMES.map((value) => ({
        value,
        label: { system: "auto", dark: "dark", light: "light" }[value],
        title: `${value === "system" ? "As the system" : `Always ${value}`} [${keyOf("theme")}]`,
      })),
      (value) => settings.set("theme", value),
    );
    this.bars = at("bars");
    this.bars.addEventListener("change", () => desk.ask({ do: "bars", spec: this.bars.value }));
    at("follow").addEventListener("click", () => desk.act("follow"));
    at("palette").addEventListener("click", () => desk.act("palette"));
    at("help-button").addEventListener("click", () => desk.act("help"));
    this.last = make("strong.last.num", { id: "last", title: "Last trade" });
    this.bid = make("span.num", { id: "bid" });
    this.ask = make("span.num", { id: "ask" });
    at("quote").append(
      this.last,
      make(
        "span.quotes",
        { title: "Best bid and ask, inferred from trades: there is no resting book" },
        this.bid,
        make("span.quiet", { text: " \u00d7 " }),
        this.ask,
        make("span.quiet.note", { text: " inferred" }),
      ),
    );
    Object.assign(actions, {
      mode: () =>
        this.setMode(
          MODES[(MODES.findIndex((one) => one.value === settings.get("mode")) + 1) % MODES.length].value,
        ),
      follow: () => chart.follow(),
      bars: () => this.bars.focus(),
      theme: () => settings.set("theme", THEMES[(THEMES.indexOf(settings.get("theme")) + 1) % THEMES.length]),
      palette: () =>
        settings.set("palette", PALETTES[(PALETTES.indexOf(settings.palette) + 1) % PALETTES.length]),
    });
    settings.listeners.push(() => this.dress());
    this.setMode(settings.get("mode"));
    settings.apply();
  }

  setMode(mode) {
    this.desk.settings.set("mode", mode);
    this.showMode(mode);
    this.chart.setMode(mode);
  }

  dress() {
    const { settings } = this.desk;
    this.showTheme(settings.get("theme"));
    say(at("palette"), settings.palette === "teal-red" ? "teal\u00b7red" : "blue\u00b7orange");
    this.chart.setTheme(settings.theme, settings.palette);
  }

  update({ hello, clock, last, bid, ask, busy }) {
    const title = hello ? hello.title || hello.symbol || "Blind start" : "Replay";
    say(at("title"), title);
    if (document.title !== `${title} \u2013 replay`) document.title = `${title} \u2013 replay`;
    this.offer(hello);
    say(this.last, priceText(last, hello));
    say(this.bid, bid === null ? NONE : priceText(bid, hello));
    say(this.ask, ask === null ? NONE : priceText(ask, hello));
    show(at("hindsight"), clock.furthest === false);
    const why = standing(clock, busy);
    show(at("paused"), why !== "");
    say(at("paused"), why);
    mark(document.body, "playing", clock.playing);
  }

  offer(hello) {
    if (!hello) return;
    const specs = [...new Set([hello.bars, ...(hello.bar_specs ?? [])])].filter(Boolean);
    const key = specs.join(" ");
    if (key !== this.offered) {
      this.offered = key;
      this.bars.replaceChildren(...specs.map((spec) => make("option", { value: spec, text: spec })));
    }
    if (document.activeElement !== this.bars && this.bars.value !== hello.bars) this.bars.value = hello.bars;
  }
}
