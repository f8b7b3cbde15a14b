/** The page: one state, one connection, panes that draw it, keys that act on it. */

import { Orders, Position, Trips } from "./book.js";
import { Chart } from "./chart.js";
import { decode } from "./decode.js";
import { at, make, say, show } from "./dom.js";
import { Drill } from "./drill.js";
import { helpful } from "./help.js";
import { Honesty } from "./honesty.js";
import { Journal } from "./journal.js";
import { listen } from "./keyboard.js";
import { Ladder } from "./ladder.js";
import { Pad } from "./pad.js";
import { dock, foldable } from "./panes.js";
import { Pauses } from "./pauses.js";
import { Prints } from "./prints.js";
import { revealable } from "./reveal.js";
import { Scores } from "./scores.js";
import { jar, Settings } from "./settings.js";
import { Signals } from "./signals.js";
import { Connection } from "./socket.js";
import { empty, fold, greet } from "./store.js";
import { tips } from "./tips.js";
import { toast } from "./toasts.js";
import { Top } from "./top.js";
import { Transport } from "./transport.js";

const store = empty();
let asked = false;
const unpainted = [];

/** What panes share: the state, settings, actions by name, and a way to ask the server. */
const desk = {
  store,
  settings: new Settings(jar),
  toast,
  actions: {},
  ask: (command) =>
    connection.ask(command).catch((error) => {
      toast(error);
      return null;
    }),
  repaint: () => soon(),
  act: (id, index) => desk.actions[id]?.(index),
  move: (order, part, price) =>
    desk.ask({ do: "order", action: { do: "replace", order: order.id, [part]: price } }),
};

const chart = new Chart(at("chart"), {
  onPrice: (price, { ctrl } = {}) => desk.pad.take(desk.pad.form.side, price, !ctrl),
  onMove: (order, price, part) => desk.move({ id: order }, part ?? "price", price),
  onHover: () => {},
});

desk.pad = new Pad(at("pad"), desk);
const drill = new Drill(desk);
const ladder = new Ladder(at("ladder"), desk);
const [orders, trips, signals, journal, scores] = [Orders, Trips, Signals, Journal, Scores].map(
  (Kind) => new Kind(desk),
);
new Pauses(desk);
const panes = [
  chart,
  desk.pad,
  drill,
  ladder,
  orders,
  trips,
  signals,
  journal,
  scores,
  new Top(desk, chart),
  new Transport(at("transport"), desk),
  new Prints(at("tape"), desk),
  new Position(at("position"), desk),
  new Honesty(at("honesty")),
  { update: revealable(desk) },
  { update: waiting },
];
dock(at("dock"), desk, [
  { id: "orders", label: "orders", panel: orders.panel },
  { id: "trades", label: "trades", panel: trips.panel },
  { id: "signals", label: "signals", panel: signals.panel },
  { id: "practice", label: "practice", panel: scores.panel },
  { id: "journal", label: "journal", panel: journal.panel },
]);
foldable(desk);
helpful(desk);
tips();
listen(desk, drill);

/** Draw once per picture of the screen, then tell the server what is on it. */
function paint() {
  asked = false;
  for (const pane of panes) pane.update(store);
  for (const seq of unpainted.splice(0)) connection.ack(seq);
}

function soon() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(paint);
}

function waiting({ hello, bars, forming, connection: state }) {
  const ready = Boolean(bars.length || forming);
  show(at("waiting"), !ready);
  if (ready) return;
  if (state === "lost")
    say(at("waiting"), "No server. Start orderflow-bt replay again, then this page goes on by itself.");
  else if (!hello) say(at("waiting"), "Waiting for the server\u2026");
  else
    at("waiting").replaceChildren(
      "Nothing has traded yet. Press ",
      make("kbd", { text: "Space" }),
      " to play, or ",
      make("kbd", { text: "." }),
      " for the first trade.",
    );
}

const connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
  onHello: (hello) => {
    greet(store, hello);
    desk.settings.offer(hello.palette);
    ladder.greet();
    soon();
  },
  onFrame: (buffer) => {
    const frame = decode(buffer);
    fold(store, frame);
    unpainted.push(frame.seq);
    soon();
  },
  onNotice: (notice) => toast(notice, "note"),
  onBusy: (busy) => {
    if (store.busy === busy) return;
    store.busy = busy;
    soon();
  },
  onState: (state, reason) => {
    store.connection = state;
    document.documentElement.dataset.connection = state;
    show(at("lost"), state === "lost");
    if (state === "lost")
      say(
        at("lost"),
        `Connection lost${reason ? `: ${reason}` : ""}. Orders and journal are kept by the server; trying again\u2026`,
      );
    if (state === "open") unpainted.length = 0;
    soon();
  },
});

/** For tests and the curious: to look at, not to change. */
Object.defineProperty(window, "orderflow", {
  value: Object.freeze({
    get store() {
      return store;
    },
    get sent() {
      return structuredClone(connection.sent);
    },
    get settings() {
      return structuredClone(desk.settings.values);
    },
    get pad() {
      return structuredClone(desk.pad.form);
    },
    get chart() {
      return chart.state();
    },
  }),
});
soon();
