/** The strip that always says what the page is made of, and what it does not have. */

import { make, mark, say } from "./dom.js";
import { clock } from "./numbers.js";

/** The gaps that touch what is on the page. Pure. */
export function gapsInView(gaps, bars, forming) {
  const first = bars[0]?.open_time ?? forming?.open_time;
  const last = forming?.close_time ?? bars.at(-1)?.close_time;
  if (first === undefined || last === undefined) return [];
  return gaps.filter(([start, end]) => start < last && end > first);
}

/** What the strip says of gaps. Pure. */
export function gapWords(gaps, hello) {
  if (!gaps.length) return "no gaps in view";
  const [[start, end]] = gaps;
  const where = `${clock(start, hello)}\u2013${clock(end, hello)}`;
  return gaps.length === 1 ? `gap ${where}` : `${gaps.length} gaps in view, first ${where}`;
}

export class Honesty {
  constructor(root) {
    this.parts = Object.fromEntries(
      ["source", "hash", "rows", "gaps", "book", "guessed", "market"].map((name) => [
        name,
        make(`span.${name}`),
      ]),
    );
    root.append(...Object.values(this.parts));
    say(this.parts.guessed, "quotes and taker clusters inferred from trades");
  }

  update({ hello, bars, forming, gaps: missing }) {
    const facts = hello?.honesty;
    const { source, hash, rows, gaps, book, market } = this.parts;
    say(source, facts?.sealed ? "source sealed until the reveal" : (facts?.source ?? "no source yet"));
    say(
      hash,
      facts?.sealed ? `sealed ${shortHash(facts.hash)}` : facts?.hash ? `data ${shortHash(facts.hash)}` : "",
    );
    hash.title = facts?.hash ?? "";
    const tall = hello?.ticks_per_row ?? facts?.ticks_per_row;
    say(rows, tall ? `${tall} tick${tall === 1 ? "" : "s"} per row` : "");
    const found = gapsInView(missing, bars, forming);
    say(gaps, bars.length || forming ? gapWords(found, hello) : "");
    mark(gaps, "warn", found.length > 0);
    say(book, facts?.book ?? "no resting book in this replay");
    say(market, facts?.market ?? "");
  }
}

function shortHash(hash) {
  return String(hash ?? "").slice(0, 12);
}
