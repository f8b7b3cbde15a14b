/** The journal: notes and tags in, everything done out, newest first. Nothing is ever taken back. */

import { make, rows, say, show, tag } from "./dom.js";
import { clock, words } from "./numbers.js";
import { keyOf } from "./keys.js";

const SHOWN = 80;

/** Tags in a note: words after a hash. Pure. */
export function tagsOf(text) {
  return [...text.matchAll(/(?:^|\s)#([\p{L}\p{N}_-]+)/gu)].map((found) => found[1]);
}

/** The note without its tags. Pure. */
export function textOf(text) {
  return text
    .replace(/(^|\s)#[\p{L}\p{N}_-]+/gu, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

/** When an entry was written, in times of the wire. Pure. */
export function moment(entry, hello) {
  return entry.elapsed === undefined ? null : (hello?.span?.start ?? 0) + entry.elapsed;
}

/** Entries newest first; what was written several times in a row stands once, with its count. Pure. */
export function gathered(journal, most = SHOWN) {
  const found = [];
  for (let at = journal.length - 1; at >= 0; at -= 1) {
    const one = journal[at];
    const last = found.at(-1);
    if (last && last.kind === one.kind && last.text === one.text && one.kind === "fill") last.times += 1;
    else if (found.length === most) break;
    else found.push({ ...one, times: 1 });
  }
  return found;
}

export class Journal {
  constructor(desk) {
    this.desk = desk;
    this.panel = make("div.panel");
    this.input = make("input", {
      id: "note",
      type: "text",
      placeholder: "note, #tags",
      maxlength: 500,
      autocomplete: "off",
      "data-key": "note",
      "aria-label": "Note with tags",
      onkeydown: (event) => this.typed(event),
    });
    this.list = make("ol.journal", { "aria-label": "Journal, newest first" });
    this.empty = make(
      "p.empty",
      {},
      "Press ",
      make("kbd", { text: keyOf("note") }),
      " to write what you see. Orders, answers and jumps are kept by themselves.",
    );
    this.panel.append(this.input, this.list, this.empty);
    desk.actions.note = () => {
      if (desk.settings.get("folded").includes("desk")) desk.act("desk");
      desk.openTab("journal");
      this.input.focus();
    };
  }

  typed(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    const text = textOf(this.input.value);
    const tags = tagsOf(this.input.value);
    if (!text && !tags.length) return;
    this.desk.ask({ do: "note", text, tags }).then((reply) => {
      if (reply) this.input.value = "";
    });
    this.input.blur();
  }

  update({ journal, hello }) {
    const key = `${journal.length} ${journal.at(-1)?.n}`;
    if (key === this.key) return;
    this.key = key;
    show(this.empty, journal.length === 0);
    const latest = gathered(journal);
    const nodes = rows(this.list, latest.length, () =>
      make("li", {}, make("span.num.quiet"), make("span"), make("span.tags")),
    );
    latest.forEach((one, k) => {
      const [time, text, tags] = nodes[k].children;
      tag(nodes[k], "kind", one.kind ?? "");
      say(time, one.elapsed === undefined ? "" : clock(moment(one, hello), hello));
      say(text, `${one.text ?? words(one.kind ?? "")}${one.times > 1 ? ` \u00d7 ${one.times}` : ""}`);
      say(tags, (one.tags ?? []).map((name) => `#${name}`).join(" "));
    });
  }
}
