// Pure modules around the chart: numbers, times, keys, orders, tape, ladder, journal.
import assert from "node:assert/strict";
import { test } from "node:test";

const page = "../../orderflow_bt/replay/page";
const numbers = await import(`${page}/numbers.js`);
const { KEYS, keyOf, meaning, pressed, written } = await import(`${page}/keys.js`);
const order = await import(`${page}/order.js`);
const { large, shown, since } = await import(`${page}/prints.js`);
const { topRow, recentRows } = await import(`${page}/ladder.js`);
const { nextSpeed, place, SPEEDS } = await import(`${page}/transport.js`);
const { gathered, tagsOf, textOf, moment } = await import(`${page}/journal.js`);
const { gapsInView, gapWords } = await import(`${page}/honesty.js`);
const { valueOf } = await import(`${page}/pauses.js`);
const { load, readCookie } = await import(`${page}/settings.js`);
const { told, verdicts } = await import(`${page}/reveal.js`);
const { noTrips, openResult, standsAt, withoutTold } = await import(`${page}/book.js`);
const { standing } = await import(`${page}/top.js`);
const { before, latest } = await import(`${page}/signals.js`);
const { readRows } = await import(`${page}/scores.js`);

const HELLO = {
  price_decimals: 2,
  qty_decimals: 3,
  tick: 1,
  row_size: 5,
  time: "utc",
  account: { unit: "USDT", point: 0.01 },
};
const BLIND = { ...HELLO, price_decimals: 0, blind: true, time: "elapsed" };
const NOON = Date.parse("2024-01-02T12:00:00Z") * 1e3;

test("numbers keep their decimals, thin thousands and a true minus", () => {
  assert.equal(numbers.fixed(-1234567.891, 2), "\u22121,234,567.89");
  assert.equal(numbers.fixed(-0.001, 2), "0.00");
  assert.equal(numbers.signed(0.42, 2), "+0.42");
  assert.equal(numbers.signed(0.001, 2), "0.00");
  assert.equal(numbers.fixed(null, 2), "\u2013");
  assert.deepEqual([984, 1000, 12345, 0.042, 0, 9.96, 99.6, 999.7, 1e9].map(numbers.brief), [
    "984",
    "1.0k",
    "12k",
    "0.042",
    "0",
    "10",
    "100",
    "1.0k",
    "1.0G",
  ]);
});

test("ranges and money are as short as they can be", () => {
  assert.equal(numbers.range(6166500, 6169000, HELLO), "61665.00\u201390.00");
  assert.equal(numbers.range(99950, 100050, HELLO), "999.50\u20131000.50");
  assert.equal(numbers.range(100, 175, HELLO), "1.00\u20131.75");
  assert.equal(numbers.range(5, 5, HELLO), "0.05");
  assert.equal(numbers.range(-12, 17, BLIND), "\u221212\u2013+17");
  assert.deepEqual([10123.456, 0.1623, 0.004321, 0, null].map(numbers.money), [
    "10,123.46",
    "0.1623",
    "0.004321",
    "0.00",
    "\u2013",
  ]);
});

test("an open result without a stop is told in money", () => {
  const held = { account: { position: -2, average: 4200000 }, last: 4199000, hello: HELLO };
  assert.equal(openResult(held), 20);
  assert.equal(openResult({ ...held, hello: { account: {} } }), null);
  assert.equal(openResult({ ...held, account: { position: 0, average: null } }), null);
});

test("what was written can be read again", () => {
  for (const value of [4200010, -300, 0, 7]) {
    assert.equal(numbers.readPrice(numbers.price(value, HELLO), HELLO), value);
    assert.equal(numbers.readPrice(numbers.price(value, BLIND), BLIND), value);
  }
  assert.equal(numbers.readNumber("1 234,5"), 1234.5);
  assert.equal(numbers.readNumber("1,234.5"), 1234.5);
  assert.equal(numbers.price(4200010, HELLO), "42000.10");
  assert.equal(numbers.price(12, BLIND), "+12");
  assert.equal(numbers.qty(0.014, BLIND), "1.4 %");
  assert.ok(Math.abs(numbers.readQty("1.4 %", BLIND) - 0.014) < 1e-12);
  assert.equal(numbers.readQty("1.4", HELLO), 1.4);
  for (const nonsense of ["", "abc", "1e5", "--3", "1.2.3", "0x10"])
    assert.equal(numbers.readNumber(nonsense), null);
});

test("times are read as people type them", () => {
  assert.equal(numbers.clock(NOON + 1_250_000, HELLO, 3), "12:00:01.250");
  assert.equal(numbers.readTime("14:05", NOON, HELLO), NOON + 125 * 6e7);
  assert.equal(numbers.readTime("2024-01-03 00:00:30", NOON, HELLO), NOON + 12 * 3.6e9 + 3e7);
  assert.equal(numbers.readTime("+10m", NOON, HELLO), NOON + 6e8);
  assert.equal(numbers.readTime("-1.5h", NOON, HELLO), NOON - 5.4e9);
  assert.equal(numbers.readTime("25:00", NOON, HELLO), null);
  assert.equal(numbers.readTime("later", NOON, HELLO), null);
  assert.equal(numbers.readTime("26:30", 0, BLIND), 95_400_000_000);
  assert.equal(numbers.readTime("2024-01-03 10:00", 0, BLIND), null, "a blind page knows no dates");
  assert.equal(numbers.day(5, BLIND), "");
});

test("every key means one thing at a time", () => {
  for (const when of [undefined, "drill"]) {
    const keys = KEYS.filter((one) => one.when === when).flatMap((one) => one.keys);
    assert.equal(new Set(keys).size, keys.length);
  }
  assert.equal(new Set(KEYS.map((one) => one.id)).size, KEYS.length);
  assert.equal(pressed({ key: "B", shiftKey: true }), "Shift+B");
  assert.equal(pressed({ key: "?", shiftKey: true }), "?");
  assert.equal(pressed({ key: "b", ctrlKey: true }), "");
  assert.deepEqual(meaning({ key: "2" }, { drill: false }), { id: "speed-10", index: 0 });
  assert.deepEqual(meaning({ key: "2" }, { drill: true }), { id: "answer", index: 1 });
  assert.equal(meaning({ key: " " }, { drill: true }).id, "play");
  assert.equal(meaning({ key: "z" }, { drill: false }), null);
  assert.equal(keyOf("close"), "Shift X");
  assert.equal(written("+"), "+");
});

const EMPTY = {
  type: "market",
  side: 1,
  price: null,
  limit: null,
  trail: null,
  stop: null,
  target: null,
  by: "units",
  qty: 0.5,
  risk: null,
  reason: "trend",
  reduce_only: false,
};
const STORE = { last: 4200000, account: { equity: 10000, position: 0 }, hello: HELLO };
const read = (changes) => order.read({ ...EMPTY, ...changes }, STORE);

test("each order type sends what the exchange is asked", () => {
  assert.deepEqual(read({}).action, { do: "market", side: 1, qty: 0.5, reason: "trend" });
  assert.deepEqual(read({ type: "limit", side: -1, price: 4200100 }).action, {
    do: "limit",
    side: -1,
    qty: 0.5,
    price: 4200100,
    reason: "trend",
  });
  assert.deepEqual(read({ type: "stop_limit", price: 4200100, limit: 4200200 }).action, {
    do: "stop_limit",
    side: 1,
    qty: 0.5,
    price: 4200100,
    limit: 4200200,
    reason: "trend",
  });
  assert.deepEqual(read({ type: "trailing", side: -1, trail: 500, reduce_only: true, reason: "" }).action, {
    do: "trailing",
    side: -1,
    qty: 0.5,
    trail: 500,
    reduce_only: true,
  });
  const bracket = { type: "bracket", stop: 4190000, target: 4220000 };
  assert.equal(read(bracket).action.entry, "market");
  assert.equal(read({ ...bracket, price: 4199000 }).action.entry, "limit");
  assert.deepEqual(read({ ...bracket, price: 4201000 }).action, {
    do: "bracket",
    side: 1,
    qty: 0.5,
    price: 4201000,
    stop: 4190000,
    target: 4220000,
    entry: "stop",
    reason: "trend",
  });
});

test("what cannot be meant is not sent", () => {
  const wrong = (changes) => {
    const { action, problems } = read(changes);
    assert.equal(action, null);
    return problems.map((one) => one.field);
  };
  assert.deepEqual(wrong({ reason: "" }), ["reason"]);
  assert.deepEqual(wrong({ type: "bracket", stop: 4190000, reason: "", reduce_only: true }), ["reason"]);
  assert.deepEqual(wrong({ qty: null }), ["size"]);
  assert.deepEqual(wrong({ qty: -1 }), ["size"]);
  assert.deepEqual(wrong({ type: "limit" }), ["price"]);
  assert.deepEqual(wrong({ type: "bracket", stop: 4210000 }), ["stop"]);
  assert.deepEqual(wrong({ type: "bracket", side: -1, stop: 4210000, target: 4220000 }), ["target"]);
  assert.deepEqual(wrong({ by: "risk", risk: 1 }), ["size"]);
  assert.deepEqual(wrong({ type: "trailing", trail: 0 }), ["trail"]);
});

test("an amount by risk loses that much at the stop", () => {
  const { action, size, says } = read({
    type: "bracket",
    by: "risk",
    risk: 0.5,
    stop: 4190000,
    target: 4220000,
  });
  assert.equal(size, 0.5); // 50 of 10 000, a distance of 100.00
  assert.equal(action.qty, 0.5);
  assert.equal(says.button, "Buy 0.500 market");
  assert.equal(says.line, "risk 50.00 USDT (0.50 %), target +2.00\u00a0R");
  const blind = order.read(
    { ...EMPTY, type: "bracket", by: "risk", risk: 0.5, stop: -10 },
    { last: 0, account: { position: 0 }, hello: { ...BLIND, account: { unit: "R" } } },
  );
  assert.deepEqual(blind.action, {
    do: "bracket",
    side: 1,
    risk: 0.5,
    stop: -10,
    entry: "market",
    reason: "trend",
  });
});

test("a click rests on the near side and triggers beyond", () => {
  assert.equal(order.clicked(1, 4199000, STORE, EMPTY).action.do, "limit");
  assert.equal(order.clicked(1, 4201000, STORE, EMPTY).action.do, "stop");
  assert.equal(order.clicked(-1, 4201000, STORE, EMPTY).action.do, "limit");
  const { action } = order.clicked(-1, 4201000, STORE, { ...EMPTY, type: "bracket", stop: 4205000 });
  assert.deepEqual([action.do, action.entry, action.price], ["bracket", "limit", 4201000]);
});

test("the tape shows the newest first, filtered and bounded", () => {
  const prints = Array.from({ length: 50 }, (_, k) => ({ qty: k }));
  assert.deepEqual(
    shown(prints, 48, 10).map((one) => one.qty),
    [49, 48],
  );
  assert.deepEqual(
    shown(prints, 0, 3).map((one) => one.qty),
    [49, 48, 47],
  );
  assert.deepEqual(since(prints, prints[47]), prints.slice(48));
  assert.deepEqual(since(prints, prints[49]), []);
  assert.equal(since(prints, { qty: 47 }), null, "one that is not there any more");
  assert.equal(since(prints, undefined), null);
  assert.equal(large(prints), 45);
  assert.equal(large(prints.slice(0, 5)), Infinity);
});

test("the ladder stands still until the price nears its edge", () => {
  assert.equal(topRow(null, 100, 20, 5), 150);
  assert.equal(topRow(150, 120, 20, 5), 150);
  assert.equal(topRow(150, 145, 20, 5), 195);
  assert.equal(topRow(150, 5000, 20, 5), 5050);
  const store = { hello: HELLO, bars: [], forming: { first_row: 3 } };
  const rows = recentRows(
    [
      { price: 3, bid: 1, ask: 0 },
      { price: 7, bid: 1, ask: 2 },
      { price: 8, bid: 0, ask: 4 },
    ],
    store,
  );
  assert.deepEqual(
    [...rows],
    [
      [3, { bid: 2, ask: 2 }],
      [8, { bid: 0, ask: 4 }],
    ],
  );
});

test("speeds step along what is offered", () => {
  assert.equal(nextSpeed(SPEEDS, 1, 1), 2);
  assert.equal(nextSpeed(SPEEDS, 1000, 1), "max");
  assert.equal(nextSpeed(SPEEDS, "max", 1), "max");
  assert.equal(nextSpeed(SPEEDS, "max", -1), 1000);
  assert.equal(nextSpeed(SPEEDS, 0.25, -1), 0.25);
  assert.equal(nextSpeed(SPEEDS, 30, 1), 50);
  assert.equal(place(5, { start: 0, end: 10 }), 0.5);
  assert.equal(place(50, { start: 0, end: 10 }), 1);
  assert.equal(place(null, { start: 0, end: 10 }), 0);
});

test("notes, gaps, pauses and settings", () => {
  assert.deepEqual(tagsOf("sellers give up #absorption, #t2 a#b"), ["absorption", "t2"]);
  assert.equal(textOf("sellers #absorption give up"), "sellers give up");
  assert.equal(moment({ elapsed: 5 }, { span: { start: 100 } }), 105);
  const filled = { kind: "fill", text: "buy filled" };
  const lines = gathered([{ kind: "note", text: "a" }, filled, filled, { kind: "note", text: "b" }, filled]);
  assert.deepEqual(
    lines.map((one) => [one.text, one.times]),
    [
      ["buy filled", 1],
      ["b", 1],
      ["buy filled", 2],
      ["a", 1],
    ],
  );
  const bars = [
    { open_time: 100, close_time: 200 },
    { open_time: 200, close_time: 300 },
  ];
  assert.deepEqual(
    gapsInView(
      [
        [10, 100],
        [150, 160],
        [290, 500],
        [300, 400],
      ],
      bars,
      null,
    ),
    [
      [150, 160],
      [290, 500],
    ],
  );
  assert.equal(gapWords([], HELLO), "no gaps in view");
  assert.equal(valueOf("prices", "10.5 11", HELLO).join(), "1050,1100");
  assert.equal(valueOf("prices", "10 x", HELLO), null);
  assert.equal(valueOf("count", "1.5", HELLO), null);
  assert.equal(valueOf("size", "", HELLO), true);
  assert.equal(readCookie("a=1; view=%7B%22x%22%3A1%7D; b=2", "view"), '{"x":1}');
  assert.equal(readCookie("preview=1", "view"), null);
  assert.equal(load({ getItem: () => null }).theme, "system");
  assert.equal(load({ getItem: () => "{broken" }).theme, "system");
  assert.equal(load({ getItem: () => '{"theme": "dark", "other": 1}' }).other, undefined);
  const bracket = [
    { id: 0, parent: null, stop: 5 },
    { id: 1, parent: 0, stop: null },
  ];
  assert.deepEqual(
    withoutTold(bracket).map((one) => one.stop),
    [null, null],
  );
  assert.deepEqual(
    withoutTold(bracket.slice(0, 1)).map((one) => one.stop),
    [5],
  );
  assert.equal(standsAt({ price: null, trail: null }, HELLO), "mkt");
  assert.equal(standsAt({ price: null, trail: 40 }, HELLO), "0.40 behind");
  assert.equal(standing({ playing: false, paused_by: "a bar closed" }), "paused: a bar closed");
  assert.equal(standing({ playing: true, paused_by: "a bar closed" }), "");
  assert.equal(standing({ playing: true, paused_by: "" }, true), "working\u2026");
  const marks = new Map([
    [1, { known_at: 5 }],
    [2, { known_at: 9 }],
    [3, { known_at: 7 }],
  ]);
  assert.equal(before(marks, 9), 7);
  assert.equal(before(marks, 5), null);
  assert.deepEqual(
    latest(marks, 2).map((one) => one.known_at),
    [9, 7],
  );
  assert.deepEqual(told({ reply: 1, ok: true, tape_kind: "aggTrades", start: NOON, seed: null }), [
    ["tape kind", "aggTrades"],
    ["start", "2024-01-02 12:00:00 UTC"],
  ]);
  assert.deepEqual(
    verdicts({ reads: { all: { answers: 2, hits: 1, verdict: "Too few." } }, trades: { round_trips: 0 } }),
    ["Reads: 1 of 2. Too few."],
  );
  assert.deepEqual(verdicts(null), []);
  assert.deepEqual(readRows({ all: { answers: 0 } }), []);
});

test("an empty list of round trips says which attempt it is of", () => {
  assert.match(noTrips(0), /^No round trips yet/);
  assert.match(noTrips(2), /in attempt 3.*journal/);
});

test("what takes longer than a moment is said, and its end too", async () => {
  const { Connection } = await import(`${page}/socket.js`);
  const opened = [];
  globalThis.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    sent = [];
    constructor() {
      opened.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
  };
  const heard = [];
  const nothing = () => {};
  const connection = new Connection("ws://desk/ws", {
    onHello: nothing,
    onFrame: nothing,
    onNotice: nothing,
    onState: nothing,
    onBusy: (busy) => heard.push(busy),
  });
  const answer = (id) => opened[0].onmessage({ data: JSON.stringify({ reply: id, ok: true }) });
  const quick = connection.ask({ do: "step" });
  answer(1);
  await quick;
  assert.deepEqual(heard, [false]);
  const [slow, other] = [connection.ask({ do: "bars" }), connection.ask({ do: "play" })];
  await new Promise((done) => setTimeout(done, 450));
  assert.deepEqual(heard, [false, true]);
  answer(3);
  await other;
  assert.deepEqual(heard, [false, true]); // one is still open
  answer(2);
  await slow;
  assert.deepEqual(heard, [false, true, false]);
  delete globalThis.WebSocket;
});

test("a running tape is drawn now and then, and its last picture is not lost", async () => {
  const { Pace, QUICK } = await import(`${page}/pace.js`);
  let drawn = 0;
  const pace = new Pace(() => (drawn += pace.due(true) ? 1 : 0));
  assert.equal(pace.due(true), true);
  assert.equal(pace.due(true), false);
  assert.equal(pace.due(true), false);
  assert.equal(pace.due(false), true); // a tape that stands is drawn at once
  await new Promise((done) => setTimeout(done, 2 * QUICK + 50));
  assert.equal(drawn + (pace.later ? 1 : 0), 1); // put off once, however often it was asked for
});
