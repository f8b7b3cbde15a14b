"""The exchanges whose archives can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.archive.binance import Binance
from orderflow_bt.errors import UnsupportedError

if TYPE_CHECKING:
    from orderflow_bt.archive.protocol import Exchange

_EXCHANGES: dict[str, Exchange] = {"binance": Binance()}


def register(archive: Exchange) -> None:
    """Make the archive of another exchange known under its name, for this process."""
    _EXCHANGES[archive.name] = archive


def exchange(name: str) -> Exchange:
    """The archive of the exchange called ``name``.

    Raises:
        UnsupportedError: This version does not read that exchange's archive.
    """
    if name not in _EXCHANGES:
        raise UnsupportedError(
            f"archives of {name!r} are not read by this version",
            fix="Known: " + ", ".join(sorted(_EXCHANGES)),
        )
    return _EXCHANGES[name]
