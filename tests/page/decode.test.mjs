// Frames that Python wrote, read by the page's decoder: node --test, with FRAMES naming a folder.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import { decode } from "../../orderflow_bt/replay/page/decode.js";

const folder = process.env.FRAMES;
const frames = readdirSync(folder).filter((name) => name.endsWith(".bin")).sort();

function bufferOf(name) {
  const raw = readFileSync(`${folder}/${name}`);
  return raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
}

const plain = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);

test("every frame is read", () => {
  assert.ok(frames.length > 0);
  const read = frames.map((name) => decode(bufferOf(name)));
  writeFileSync(`${folder}/decoded.json`, JSON.stringify(read, plain));
});

test("a cut, a longer and a foreign buffer are refused", () => {
  const whole = bufferOf(frames[0]);
  assert.throws(() => decode(whole.slice(0, 20)), /20 bytes/);
  assert.throws(() => decode(whole.slice(0, whole.byteLength - 8)), /cut off/);
  const longer = new Uint8Array(whole.byteLength + 8);
  longer.set(new Uint8Array(whole));
  assert.throws(() => decode(longer.buffer), /longer/);
  assert.throws(() => decode(new ArrayBuffer(64)), /no frame/);
});

test("a bar's rows are its own", () => {
  const buffer = bufferOf(frames[0]);
  const { closed } = decode(buffer);
  const before = closed.map((bar) => Array.from(bar.bid));
  new Uint8Array(buffer).fill(0);
  assert.deepEqual(closed.map((bar) => Array.from(bar.bid)), before);
});
