"""Binary frames from the server to the page: little endian, every section 8-byte aligned.

Header of twelve u32: magic, seq, flags, json bytes, closed bars, forming bars, cells, complete
prints, recent rows, profile rows, 0, open prints. Then JSON (padded with spaces), bars f64 [n, 20],
cells f64 [n, 2], cell flags u8 (padded), prints f64 [n, 6] (complete ones, then the open one),
recent f64 [n, 3], profile f64 [n, 3]. See ``docs/replay-frames.md``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orderflow_bt.kernels import picture as k

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.replay.screen.history import Bars
    from orderflow_bt.replay.screen.lens import Lens

MAGIC = 0x3152464F  # "OFR1"
RESET = 1
_HEADER = struct.Struct("<12I")
_TIMES = [k.OPEN_TIME, k.CLOSE_TIME]
_PRICES = [
    k.OPEN, k.HIGH, k.LOW, k.CLOSE, k.POC, k.VALUE_LOW, k.VALUE_HIGH, k.FIRST_ROW
]  # fmt: skip
_VOLUMES = [k.VOLUME, k.DELTA, k.MIN_DELTA, k.MAX_DELTA, k.CVD]


class Content(NamedTuple):
    """What a frame holds, in integers; prices of bars count from the lens's origin already.

    Attributes:
        reset: Whether the page drops all it has.
        state: JSON, UTF-8.
        closed: Closed bars.
        forming: The forming bar, or none.
        prints: int64 [n, 6]: time, first price, last price, quantity, side, fills.
        open_print: int64 [0 or 1, 6].
        recent: int64 [n, 3]: low edge, bid volume, ask volume.
        profile: int64 [n, 3]: the same; prices count from the lens's origin already.
    """

    reset: bool
    state: bytes
    closed: Bars
    forming: Bars
    prints: NDArray[np.int64]
    open_print: NDArray[np.int64]
    recent: NDArray[np.int64]
    profile: NDArray[np.int64]


def encode(seq: int, content: Content, lens: Lens) -> bytes:
    """A frame, as the page sees it through the lens."""
    text = content.state + b" " * (-len(content.state) % 8)
    bars = np.concatenate([content.closed.bars, content.forming.bars])
    rows = np.concatenate([content.closed.rows, content.forming.rows])
    prints = np.concatenate([content.prints, content.open_print])
    lit = rows[:, k.ROW_LIT].astype(np.uint8).tobytes()
    head = _HEADER.pack(
        MAGIC, seq & 0xFFFFFFFF, RESET * content.reset, len(text), len(content.closed.bars),
        len(content.forming.bars), len(rows), len(content.prints), len(content.recent),
        len(content.profile), 0, len(content.open_print),
    )  # fmt: skip
    return b"".join(
        (
            head,
            text,
            _bars(bars, lens),
            _le(lens.volumes(rows[:, :2])),
            lit + bytes(-len(lit) % 8),
            _prints(prints, lens),
            _rows(content.recent, lens, lens.origin),
            _rows(content.profile, lens, 0),
        )
    )


def _le(values: NDArray[np.float64]) -> bytes:
    return values.astype("<f8", copy=False).tobytes()


def _bars(bars: NDArray[np.int64], lens: Lens) -> bytes:
    out = bars.astype(np.float64)
    out[:, _TIMES] = lens.times(bars[:, _TIMES])
    out[:, _PRICES] = bars[:, _PRICES] / lens.step
    out[:, _VOLUMES] = lens.volumes(bars[:, _VOLUMES])
    return _le(out)


def _prints(prints: NDArray[np.int64], lens: Lens) -> bytes:
    out = prints.astype(np.float64)
    out[:, 0] = lens.times(prints[:, 0])
    out[:, 1:3] = lens.prices(prints[:, 1:3])
    out[:, 3] = lens.volumes(prints[:, 3])
    return _le(out)


def _rows(rows: NDArray[np.int64], lens: Lens, origin: int) -> bytes:
    out = np.empty(rows.shape, np.float64)
    out[:, 0] = (rows[:, 0] - origin) / lens.step
    out[:, 1:] = lens.volumes(rows[:, 1:])
    return _le(out)
