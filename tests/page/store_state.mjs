// Prints the store of a page that was sent the frames of a folder.
import { readdirSync, readFileSync } from "node:fs";

import { decode } from "../../orderflow_bt/replay/page/decode.js";
import { empty, fold, greet, traded } from "../../orderflow_bt/replay/page/store.js";

const folder = process.argv[2];
const store = greet(empty(), JSON.parse(readFileSync(`${folder}/hello.json`, "utf8")));
for (const name of readdirSync(folder)
  .filter((one) => one.endsWith(".bin"))
  .sort()) {
  const raw = readFileSync(`${folder}/${name}`);
  fold(store, decode(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)));
}
const { version, epoch, marks_version: marksVersion, ...shown } = store;
const rows = [...store.profile.keys()].sort((a, b) => a - b);
const text = JSON.stringify(
  {
    ...shown,
    bars: store.bars,
    profile: rows.map((row) => [row, store.profile.get(row)]),
    marks: [...store.marks].sort(([a], [b]) => a - b),
    traded: rows.map((row) => traded(store, row)),
  },
  (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value),
);
process.stdout.write(JSON.stringify({ version, epoch, marksVersion, shown: JSON.parse(text) }));
