/** The connection: commands out, frames in, acknowledged once painted, taken up again when lost. */

const FIRST_WAIT = 250;
const LONGEST_WAIT = 4000;
const PATIENCE = 60000;
const MOMENT = 400;

export class Connection {
  /**
   * @param {string} url of the WebSocket
   * @param {{onHello: Function, onFrame: Function, onNotice: Function, onState: Function,
   *   onBusy: Function}} listeners; `onBusy(true)` when an answer takes longer than a moment
   */
  constructor(url, listeners) {
    this.url = url;
    this.listeners = listeners;
    this.wait = FIRST_WAIT;
    this.nextId = 1;
    this.pending = new Map();
    this.sent = [];
    this.closed = false;
    this.open();
  }

  open() {
    this.listeners.onState(this.wait === FIRST_WAIT ? "connecting" : "lost");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.wait = FIRST_WAIT;
      this.listeners.onState("open");
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.read(JSON.parse(data));
      else this.listeners.onFrame(data);
    };
    socket.onclose = (event) => this.lost(event);
  }

  lost(event) {
    for (const { fail, timer } of this.pending.values()) {
      clearTimeout(timer);
      fail({
        what: "the connection was lost before the answer came",
        where: "",
        fix: "Look at orders and journal: the server may have done it",
      });
    }
    this.pending.clear();
    this.rest();
    if (this.closed) return;
    this.listeners.onState("lost", event.reason);
    setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  read(message) {
    if ("hello" in message) this.listeners.onHello(message);
    else if ("reply" in message) this.settle(message);
    else if ("notice" in message) this.listeners.onNotice(message.notice);
  }

  settle(message) {
    const waiting = this.pending.get(message.reply);
    if (!waiting) return;
    this.pending.delete(message.reply);
    clearTimeout(waiting.timer);
    this.rest();
    if (message.ok) waiting.done(message);
    else waiting.fail(message.error ?? { what: "the server refused", where: "", fix: "" });
  }

  /** Everything asked for was answered, or will not be. */
  rest() {
    if (this.pending.size) return;
    clearTimeout(this.moment);
    this.moment = undefined;
    this.listeners.onBusy(false);
  }

  /** Say that everything up to a frame is on the screen. */
  ack(seq) {
    this.write({ ack: seq });
  }

  /**
   * Ask the server for something.
   * @param {object} command `{do: …}`
   * @returns {Promise<object>} its reply; refused with `{what, where, fix}`
   */
  ask(command) {
    const id = this.nextId++;
    this.sent.push(command);
    if (this.sent.length > 200) this.sent.shift();
    return new Promise((done, fail) => {
      if (!this.write({ id, ...command })) {
        fail({
          what: "there is no connection to the server",
          where: command.do,
          fix: "Wait until it is back, or start orderflow-bt replay again",
        });
        return;
      }
      const timer = setTimeout(() => {
        this.pending.delete(id);
        this.rest();
        fail({ what: "the server does not answer", where: command.do, fix: "Reload the page" });
      }, PATIENCE);
      this.pending.set(id, { done, fail, timer });
      this.moment ??= setTimeout(() => this.listeners.onBusy(true), MOMENT);
    });
  }

  write(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
