"""The replay page's server: how soon it answers, what it costs while paused, how it hears at speed.

python benchmarks/replay_server.py --data LAKE --symbol BTCUSDT --date 2024-01-04 [--time 00:00]

Without a lake, of a simulated day. The command runs as a person runs it; a client without a browser
connects, acknowledges each frame, and asks while the day passes at the highest speed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from cases import parser_of
from websockets.sync.client import connect


class Client:
    """A page that only acknowledges."""

    def __init__(self, address: str) -> None:
        found = re.match(r"http://([\d.]+):(\d+)/\?token=(.+)", address)
        host, port, token = found.groups()
        origin = f"http://{host}:{port}"
        cookie = {"Cookie": f"orderflow-bt-{port}={token}"}
        opened = connect(
            f"ws://{host}:{port}/ws", origin=origin, additional_headers=cookie, max_size=None,
            compression=None, ping_interval=None,
        )  # fmt: skip
        self.socket = opened.__enter__()
        self.clock: dict = {}
        self.frames = self.bytes = self.asked = 0

    def take(self, timeout: float = 60.0) -> dict | None:
        """The next text, or None after a frame."""
        received = self.socket.recv(timeout=timeout)
        if isinstance(received, str):
            return json.loads(received)
        size = int.from_bytes(received[12:16], "little")
        self.clock = json.loads(received[48 : 48 + size])["clock"]
        self.frames += 1
        self.bytes += len(received)
        self.socket.send(json.dumps({"ack": int.from_bytes(received[4:8], "little")}))
        return None

    def say(self, do: str, **fields: object) -> float:
        """Seconds until a command was answered."""
        self.asked += 1
        began = time.perf_counter()
        self.socket.send(json.dumps({"id": self.asked, "do": do, **fields}))
        while (self.take() or {}).get("reply") != self.asked:
            pass
        return time.perf_counter() - began


def busy(process: psutil.Process, seconds: float) -> float:
    """Percent of a core that a process uses while nobody asks it anything."""
    before, began = process.cpu_times(), time.perf_counter()
    time.sleep(seconds)
    after, wall = process.cpu_times(), time.perf_counter() - began
    return 100 * (after.user + after.system - before.user - before.system) / wall


def held(process: psutil.Process) -> float:
    """MiB that a process holds, without what it has mapped of files."""
    memory = process.memory_info()
    return (memory.rss - memory.shared) / 2**20


def simulated(folder: Path, trades: int) -> argparse.Namespace:
    """A lake with a day of a simulated market."""
    from orderflow_bt.synth import SimulatedMarket, store_market

    date = dt.date(2026, 1, 5)
    market = SimulatedMarket(seed=7, start=date, days=1, trades_per_day=trades)
    store_market(market, folder / "data")
    return argparse.Namespace(data=str(folder / "data"), symbol=market.symbol, date=str(date))


def measure(options: argparse.Namespace, out: Path) -> None:
    """Serve, connect, wait, and let the day pass."""
    command = [
        sys.executable, "-m", "orderflow_bt", "--data", options.data, "replay", options.symbol,
        "--date", options.date, "--time", options.time, "--warmup", options.warmup,
        "--no-open", "--out", str(out),
    ]  # fmt: skip
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            report(server, began)
        finally:
            server.send_signal(signal.SIGINT)


def report(server: subprocess.Popen, began: float) -> None:
    """Connect to a server that was just started, and print what it does."""
    address = server.stdout.readline().removeprefix("replay: ").strip()
    announced = time.perf_counter() - began
    client = Client(address)
    while not client.clock:
        client.take()
    first = time.perf_counter() - began
    process = psutil.Process(server.pid)
    print(f"address printed      {announced:8.2f} s after the command")
    print(f"first frame          {first:8.2f} s, {client.bytes / 1e6:.2f} MB")
    time.sleep(1)
    print(f"CPU while paused     {busy(process, 5):8.2f} % of a core, one page open")
    begun_with = held(process)
    client.say("speed", value="max")
    client.frames = client.bytes = 0
    row, began = client.clock["row"], time.perf_counter()
    client.say("play")
    waits = []
    while not client.clock["at_end"]:
        waits.append(client.say("ladder", seconds=30))
        until = time.perf_counter() + 0.05
        while time.perf_counter() < until and not client.clock["at_end"]:
            client.take()
    lasted, passed = time.perf_counter() - began, client.clock["row"] - row
    print(f"the day at max       {lasted:8.2f} s, {passed:,} trades, {client.frames} frames")
    waits = [1e3 * wait for wait in waits]
    print(f"answers meanwhile    {median(waits):8.1f} ms, at worst {max(waits):.0f} ms")
    print(f"memory               {begun_with:8.0f} MiB before, {held(process):.0f} behind it")
    print(f"CPU at the end       {busy(process, 3):8.2f} % of a core")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data")
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--date", default="2024-01-04")
    parser.add_argument("--time", default="00:00")
    parser.add_argument("--warmup", default="24")
    parser.add_argument("--trades", type=int, default=1_500_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.data is None:
            vars(options).update(vars(simulated(folder, options.trades)))
        measure(options, folder / "practice")


if __name__ == "__main__":
    main()
