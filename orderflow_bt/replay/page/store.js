/**
 * The one state of the page: hello and frames folded in. Pure: works without a page.
 *
 * Folding a frame that stands for several gives the same state as folding each of them.
 */

const PRINTS = 500;
const JOURNAL = 2000;
/** Lists of the state that grow: a frame brings what is new, one that begins anew brings all. */
const GROWING = ["fills", "journal"];

/** State that frames repeat only where it changed, before any has come. */
const BLANK = {
  clock: {
    time: null,
    row: 0,
    playing: false,
    speed: 1,
    at_end: false,
    paused_by: null,
    furthest: true,
    furthest_time: null,
    seeking: false,
    attempt: 0,
  },
  last: null,
  bid: null,
  ask: null,
  orders: [],
  account: null,
  levels: [],
  gaps: [],
  trips: [],
  pauses: {},
  detectors: [],
  strategies: [],
  drill: null,
  drills: null,
  score: null,
};

/** @returns {object} the state before anything has come */
export function empty() {
  return {
    version: 0,
    epoch: 0,
    connection: "connecting",
    busy: false, // an answer takes longer than a moment
    hello: null,
    ...structuredClone(BLANK),
    bars: [],
    forming: null,
    prints: [],
    openPrint: null,
    recent: [],
    profile: new Map(),
    session: null,
    marks: new Map(),
    marks_version: 0,
    fills: [],
    journal: [],
  };
}

/** Take the server's first words; said again when bars or rows change. */
export function greet(store, hello) {
  store.hello = { ...hello };
  for (const name of ["detectors", "strategies"]) {
    if (!store[name].length)
      store[name] = (hello[name] ?? []).map((one) =>
        typeof one === "string" ? { name: one, on: false } : one,
      );
  }
  store.version += 1;
  return store;
}

/**
 * Fold one decoded frame in.
 * @param {object} store changed in place
 * @param {object} frame as decode.js gives it
 */
export function fold(store, frame) {
  const { state } = frame;
  if (frame.reset) forget(store);
  const before = store.bars.length;
  for (const bar of frame.closed) close(store, bar);
  store.forming = frame.forming;
  if (frame.forming && frame.forming.session !== store.session) turn(store, frame.forming.session);
  if (frame.reset) {
    store.profile = new Map(frame.profile.map(({ price, bid, ask }) => [price, { bid, ask }]));
  } else {
    for (const bar of store.bars.slice(before)) grow(store, bar);
  }
  append(store.prints, frame.prints, PRINTS);
  store.openPrint = frame.openPrint;
  store.recent = frame.recent;
  for (const one of frame.marks) store.marks.set(one.id, one);
  for (const id of frame.gone) store.marks.delete(id);
  if (frame.marks.length || frame.gone.length || frame.reset) store.marks_version += 1;
  for (const name of GROWING) append(store[name], state[name] ?? [], JOURNAL);
  for (const [name, value] of Object.entries(state)) {
    if (name in BLANK && name !== "clock") store[name] = value;
  }
  if (state.clock) store.clock = { ...store.clock, ...state.clock };
  store.version += 1;
  return store;
}

function forget(store) {
  store.epoch += 1;
  Object.assign(store, {
    bars: [],
    forming: null,
    prints: [],
    recent: [],
    openPrint: null,
    profile: new Map(),
    session: null,
    marks: new Map(),
    fills: [],
    journal: [],
  });
}

function close(store, bar) {
  const last = store.bars.at(-1);
  if (last && last.number >= bar.number) return; // sent again: its acknowledgement was lost
  if (bar.session !== store.session) turn(store, bar.session);
  store.bars.push(bar);
}

function turn(store, session) {
  store.session = session;
  store.profile = new Map();
}

function grow(store, bar) {
  if (bar.session !== store.session) return;
  const size = store.hello?.row_size ?? 1;
  for (let row = 0; row < bar.n_rows; row += 1) {
    const price = bar.first_row + row * size;
    const { bid, ask } = store.profile.get(price) ?? { bid: 0, ask: 0 };
    store.profile.set(price, { bid: bid + bar.bid[row], ask: ask + bar.ask[row] });
  }
}

function append(list, more, most) {
  for (const one of more) list.push(one);
  if (list.length > most) list.splice(0, list.length - most);
}

/** Volume at a row in the running trading session, the forming bar included. */
export function traded(store, price) {
  let { bid, ask } = store.profile.get(price) ?? { bid: 0, ask: 0 };
  const bar = store.forming;
  if (bar) {
    const row = Math.round((price - bar.first_row) / (store.hello?.row_size ?? 1));
    if (row >= 0 && row < bar.n_rows) {
      bid += bar.bid[row];
      ask += bar.ask[row];
    }
  }
  return { bid, ask };
}

/** The low edge of the row a price lies in; rows begin where the bars' do. */
export function rowOf(price, store) {
  const size = store.hello?.row_size ?? 1;
  const origin = (store.forming ?? store.bars.at(-1))?.first_row ?? 0;
  return Math.floor((price - origin) / size) * size + origin;
}
