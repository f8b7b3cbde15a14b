/** The end of a blind start: asked first, then what it was and how it went. */

import { at, make } from "./dom.js";
import { clock, day, words } from "./numbers.js";

const UTC = { time: "utc" };

/** What is told of a start, name and value. Pure. */
export function told(facts) {
  return Object.entries(facts)
    .filter(([name, value]) => !["reply", "ok"].includes(name) && value !== null && typeof value !== "object")
    .map(([name, value]) => [
      words(name),
      name === "start" ? `${day(value, UTC)} ${clock(value, UTC)} UTC` : String(value),
    ]);
}

/** How the practice went, in the scores' own words; nothing where nothing was done. Pure. */
export function verdicts(score) {
  const { reads, trades } = score ?? {};
  const found = [];
  if (reads?.all?.answers)
    found.push(`Reads: ${reads.all.hits} of ${reads.all.answers}. ${reads.all.verdict}`);
  if (trades?.round_trips) found.push(`Trades: ${trades.round_trips}. ${trades.verdict}`);
  return found;
}

/** Let a blind start be revealed; returns what to call when the state has changed. */
export function revealable(desk) {
  const dialog = at("unveiled");
  const button = at("reveal");
  const close = make("button.wide", { type: "button", text: "close", onclick: () => dialog.close() });
  const tell = (facts) => {
    const lines = told(facts).map(([name, value]) =>
      make("div", {}, make("dt", { text: name }), make("dd.num", { text: value })),
    );
    const score = verdicts(desk.store.score).map((text) => make("p.warning", { text }));
    dialog.replaceChildren(make("h2", { text: "It was" }), make("dl", {}, ...lines), ...score, close);
  };
  const reveal = async () => {
    const reply = await desk.ask({ do: "reveal" });
    if (reply) tell(reply.reveal ?? reply);
  };
  button.addEventListener("click", () => {
    dialog.replaceChildren(
      make("h2", { text: "End this practice?" }),
      make("p", { text: "Symbol, date and prices are shown, and no order or answer counts afterwards." }),
      make(
        "div.choices",
        {},
        make("button.main", { type: "button", text: "reveal", onclick: reveal }),
        make("button", { type: "button", text: "not yet", onclick: () => dialog.close() }),
      ),
    );
    dialog.showModal();
  });
  return ({ hello }) => {
    button.hidden = !hello?.blind || hello?.revealed === true;
    const code = at("challenge");
    code.hidden = !hello?.challenge;
    if (hello?.challenge) code.textContent = `challenge ${hello.challenge}`;
  };
}
