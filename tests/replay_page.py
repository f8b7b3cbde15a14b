"""A page in Python: reads frames as ``decode.js`` does, and folds them as ``store.js`` does."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

BAR = [
    "number", "open_time", "close_time", "open", "high", "low", "close", "volume", "delta",
    "min_delta", "max_delta", "cvd", "poc", "value_low", "value_high", "status", "first_row",
    "n_rows", "flags", "session",
]  # fmt: skip
PRINT = ["time", "first", "last", "qty", "side", "fills"]
ROW = ["price", "bid", "ask"]
PRINTS = 500


def decode(frame: bytes) -> dict:
    """A frame as plain numbers, in the shape of decode.js."""
    head = struct.unpack("<12I", frame[:48])
    magic, seq, flags, size, closed, forming, cells, prints, recent, profile, nothing, opened = head
    assert (magic, nothing) == (0x3152464F, 0)
    at = 48
    assert size % 8 == 0
    state = json.loads(frame[at : at + size])
    at += size

    def floats(rows, width):
        nonlocal at
        values = np.frombuffer(frame, "<f8", rows * width, at).reshape(rows, width)
        at += values.nbytes
        return values.tolist()

    bars = [dict(zip(BAR, row, strict=True)) for row in floats(closed + forming, len(BAR))]
    volumes = iter(floats(cells, 2))
    lit = iter(frame[at : at + cells])
    at += -(-cells // 8) * 8
    for bar in bars:
        rows = list(islice(volumes, int(bar["n_rows"])))
        bar["bid"] = [bid for bid, _ in rows]
        bar["ask"] = [ask for _, ask in rows]
        bar["cells"] = list(islice(lit, len(rows)))
    clusters = [dict(zip(PRINT, row, strict=True)) for row in floats(prints + opened, len(PRINT))]
    near = [dict(zip(ROW, row, strict=True)) for row in floats(recent, 3)]
    sums = [dict(zip(ROW, row, strict=True)) for row in floats(profile, 3)]
    assert at == len(frame)
    return {
        "seq": seq,
        "reset": bool(flags & 1),
        "state": state,
        "closed": bars[:closed],
        "forming": bars[closed] if forming else None,
        "prints": clusters[:prints],
        "openPrint": clusters[prints] if opened else None,
        "recent": near,
        "profile": sums,
        "marks": state.get("marks", []),
        "gone": state.get("marks_gone", []),
    }


@dataclass
class Page:
    """What a page holds after the frames it was sent."""

    row_size: float
    bars: list = field(default_factory=list)
    forming: dict | None = None
    prints: list = field(default_factory=list)
    open_print: dict | None = None
    recent: list = field(default_factory=list)
    profile: dict = field(default_factory=dict)
    session: float | None = None
    marks: dict = field(default_factory=dict)
    fills: list = field(default_factory=list)
    journal: list = field(default_factory=list)
    state: dict = field(default_factory=dict)

    def fold(self, raw: bytes) -> None:
        frame = decode(raw)
        if frame["reset"]:
            self.__init__(self.row_size)
        before = len(self.bars)
        for bar in frame["closed"]:
            assert not self.bars or bar["number"] == self.bars[-1]["number"] + 1
            self._turn(bar["session"])
            self.bars.append(bar)
        self.forming = frame["forming"]
        if self.forming:
            self._turn(self.forming["session"])
        if frame["reset"]:
            self.profile = {row["price"]: (row["bid"], row["ask"]) for row in frame["profile"]}
        else:
            for bar in self.bars[before:]:
                self._grow(bar)
        self.prints = (self.prints + frame["prints"])[-PRINTS:]
        self.open_print = frame["openPrint"]
        self.recent = frame["recent"]
        for mark in frame["marks"]:
            self.marks[mark["id"]] = mark
        for number in frame["gone"]:
            self.marks.pop(number, None)
        for name, value in frame["state"].items():
            if name in ("fills", "journal"):
                getattr(self, name).extend(value)
            elif name not in ("marks", "marks_gone"):
                self.state[name] = value

    def _turn(self, session):
        if session != self.session:
            self.session, self.profile = session, {}

    def _grow(self, bar):
        if bar["session"] != self.session:
            return
        for n, (bid, ask) in enumerate(zip(bar["bid"], bar["ask"], strict=True)):
            price = bar["first_row"] + n * self.row_size
            was = self.profile.get(price, (0.0, 0.0))
            if bid or ask:
                self.profile[price] = (was[0] + bid, was[1] + ask)

    def shown(self, bars: int = 10_000) -> dict:
        """All of it, sums rounded: floats added in another order differ in their last bits."""
        profile = {
            price: (round(bid, 6), round(ask, 6)) for price, (bid, ask) in self.profile.items()
        }
        return {
            "bars": self.bars[-bars:],
            "forming": self.forming,
            "prints": self.prints,
            "open_print": self.open_print,
            "recent": self.recent,
            "profile": profile,
            "marks": self.marks,
            "fills": self.fills,
            "journal": self.journal,
            "state": self.state,
        }
