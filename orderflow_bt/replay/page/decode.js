/**
 * A binary frame of the server as objects; the other side of `orderflow_bt/replay/wire.py`.
 * Pure: works without a page.
 */

const MAGIC = 0x3152464f; // "OFR1"
const RESET = 1;
const HEADER = 48;
const BAR = ["number", "open_time", "close_time", "open", "high", "low", "close", "volume", "delta",
  "min_delta", "max_delta", "cvd", "poc", "value_low", "value_high", "status", "first_row",
  "n_rows", "flags", "session"];
const PRINT = ["time", "first", "last", "qty", "side", "fills"];
const ROW = ["price", "bid", "ask"];

/** What a bar's `status` says. */
export const STATUS = { ok: 0, empty: 1, gap: 2 };
/** Bits of a bar's `flags`. */
export const FLAGS = { unfinishedHigh: 1, unfinishedLow: 2 };
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
  const floats = (closed + forming) * BAR.length + cells * 2 + (prints + open) * PRINT.length
    + (recent + profile) * ROW.length;
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
  const table = take((closed + forming) * BAR.length);
  const volumes = take(cells * 2);
  const lit = new Uint8Array(buffer, at, cells);
  at += padded;
  const bars = readBars(table, volumes, lit);
  const clusters = records(take((prints + open) * PRINT.length), PRINT);
  return {
    seq,
    reset: (flags & RESET) !== 0,
    state,
    closed: bars.slice(0, closed),
    forming: forming ? bars[closed] : null,
    prints: clusters.slice(0, prints),
    openPrint: open ? clusters[prints] : null,
    recent: records(take(recent * ROW.length), ROW),
    profile: records(take(profile * ROW.length), ROW),
    marks: state.marks ?? [],
    gone: state.marks_gone ?? [],
  };
}

function records(values, names) {
  const width = names.length;
  const found = new Array(values.length / width);
  for (let n = 0; n < found.length; n += 1) {
    const one = {};
    for (let k = 0; k < width; k += 1) one[names[k]] = values[n * width + k];
    found[n] = one;
  }
  return found;
}

/** Bars with their rows, lowest first; a bar owns its rows, so that a frame can be let go. */
function readBars(table, volumes, lit) {
  const bars = records(table, BAR);
  let first = 0;
  for (const bar of bars) {
    const rows = bar.n_rows;
    bar.bid = new Float64Array(rows);
    bar.ask = new Float64Array(rows);
    for (let row = 0; row < rows; row += 1) {
      bar.bid[row] = volumes[2 * (first + row)];
      bar.ask[row] = volumes[2 * (first + row) + 1];
    }
    bar.cells = lit.slice(first, first + rows);
    first += rows;
  }
  return bars;
}
