/**
 * A binary frame of the server as objects; the other side of `orderflow_bt/replay/screen/wire.py`.
 * Pure: works without a page.
 */

const MAGIC = 0x3152464f; // "OFR1"
const RESET = 1;
const HEADER = 48;
const BAR = 20;
const PRINT = 6;
const ROW = 3;

/** Bits of a cell's flags. */
export const LIT = { buy: 1, sell: 2, stackedBuy: 4, stackedSell: 8 };

/**
 * @param {ArrayBuffer} buffer one message of the server
 * @returns {{seq: number, reset: boolean, state: object, closed: object[], forming: object|null,
 *   prints: object[], openPrint: object|null, recent: object[], profile: object[], marks: object[],
 *   gone: number[]}} `prints` are complete taker clusters, `openPrint` the one that the next trade
 *   may still belong to; `marks` are to be set by id, `gone` are ids to be dropped
 * @throws {Error} the buffer is no frame, or is cut off
 */
export function decode(buffer) {
  if (buffer.byteLength < HEADER) throw new Error(`a frame of ${buffer.byteLength} bytes`);
  const head = new Uint32Array(buffer, 0, HEADER / 4);
  if (head[0] !== MAGIC) throw new Error("this is no frame of the replay server");
  const [, seq, flags, json, closed, forming, cells, prints, recent, profile, , open] = head;
  const floats = (closed + forming) * BAR + cells * 2 + (prints + open) * PRINT
    + (recent + profile) * ROW;
  const padded = Math.ceil(cells / 8) * 8;
  if (buffer.byteLength !== HEADER + json + floats * 8 + padded) {
    throw new Error(`frame ${seq} is cut off, or longer than it says`);
  }
  let at = HEADER;
  const take = (count) => {
    const values = new Float64Array(buffer, at, count);
    at += count * 8;
    return values;
  };
  const state = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at, json)));
  at += json;
  const table = take((closed + forming) * BAR);
  const volumes = take(cells * 2);
  const lit = new Uint8Array(buffer, at, cells);
  at += padded;
  const bars = readBars(table, volumes, lit);
  const clusters = readPrints(take((prints + open) * PRINT));
  return {
    seq,
    reset: (flags & RESET) !== 0,
    state,
    closed: bars.slice(0, closed),
    forming: forming ? bars[closed] : null,
    prints: clusters.slice(0, prints),
    openPrint: open ? clusters[prints] : null,
    recent: readRows(take(recent * ROW)),
    profile: readRows(take(profile * ROW)),
    marks: state.marks ?? [],
    gone: state.marks_gone ?? [],
  };
}

function readPrints(values) {
  const found = [];
  for (let at = 0; at < values.length; at += PRINT) {
    found.push({
      time: values[at], first: values[at + 1], last: values[at + 2], qty: values[at + 3],
      side: values[at + 4], fills: values[at + 5],
    });
  }
  return found;
}

function readRows(values) {
  const found = [];
  for (let at = 0; at < values.length; at += ROW) {
    found.push({ price: values[at], bid: values[at + 1], ask: values[at + 2] });
  }
  return found;
}

/** Bars with their rows, lowest first, which are copied, so that the frame can be let go. */
function readBars(table, volumes, lit) {
  const count = lit.length;
  const bid = new Float64Array(count);
  const ask = new Float64Array(count);
  for (let row = 0; row < count; row += 1) {
    bid[row] = volumes[2 * row];
    ask[row] = volumes[2 * row + 1];
  }
  const cells = lit.slice();
  const bars = [];
  let first = 0;
  for (let at = 0; at < table.length; at += BAR) {
    const stop = first + table[at + 17];
    bars.push({
      number: table[at], open_time: table[at + 1], close_time: table[at + 2],
      open: table[at + 3], high: table[at + 4], low: table[at + 5], close: table[at + 6],
      volume: table[at + 7], delta: table[at + 8], min_delta: table[at + 9],
      max_delta: table[at + 10], cvd: table[at + 11], poc: table[at + 12],
      value_low: table[at + 13], value_high: table[at + 14], status: table[at + 15],
      first_row: table[at + 16], n_rows: table[at + 17], flags: table[at + 18],
      session: table[at + 19],
      bid: bid.subarray(first, stop),
      ask: ask.subarray(first, stop),
      cells: cells.subarray(first, stop),
    });
    first = stop;
  }
  return bars;
}
