// Frames of the server folded into the page's store: node --test, with FRAMES naming a folder.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { decode } from "../../orderflow_bt/replay/page/decode.js";
import { empty, fold, greet } from "../../orderflow_bt/replay/page/store.js";

const folder = process.env.FRAMES;

function framesOf(place) {
  const names = readdirSync(place).filter((name) => name.endsWith(".bin")).sort();
  return names.map((name) => {
    const raw = readFileSync(`${place}/${name}`);
    return decode(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  });
}

function storeOf(place) {
  const store = greet(empty(), JSON.parse(readFileSync(`${folder}/hello.json`)));
  for (const frame of framesOf(place)) fold(store, frame);
  return store;
}

const near = (volume) => Math.round(volume * 1e6);

/** What is on screen; sums rounded, since floats added in another order differ in their last bits. */
function shown(store) {
  const rows = [...store.profile].filter(([, { bid, ask }]) => bid || ask);
  const { bars, forming, prints, openPrint, recent, marks, last, bid, ask, clock } = store;
  return JSON.parse(JSON.stringify({
    bars, forming, prints, openPrint, recent, last, bid, ask, clock,
    marks: [...marks].sort(([a], [b]) => a - b),
    profile: rows.map(([price, row]) => [price, near(row.bid), near(row.ask)])
      .sort(([a], [b]) => a - b),
  }));
}

test("a page that skipped frames holds what one holds that was sent each", () => {
  const each = storeOf(folder);
  const few = storeOf(`${folder}/folded`);
  assert.ok(each.version > 2 * few.version);
  assert.ok(each.bars.length > 100 && each.marks.size > 10 && each.profile.size > 10);
  assert.deepEqual(shown(few), shown(each));
});

test("bars follow each other, and the forming bar follows them", () => {
  const store = storeOf(folder);
  const numbers = [...store.bars, store.forming].map((bar) => bar.number);
  assert.deepEqual(numbers, numbers.map((_, n) => numbers[0] + n));
});
