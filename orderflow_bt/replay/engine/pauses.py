"""Auto-pauses: what to stop at, exactly on the trade that made it known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.engine.scout import Found, Scout, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.replay.engine.player import Player

PAUSES = ("touch", "levels", "big_trade", "volume_spike", "absorption", "orders", "trades", "bar")
_EVENTS = {
    "touch": ("imbalance_zones:retested", "poc_retest:touch"),
    "big_trade": ("big_trades",),
    "volume_spike": ("volume_spike",),
    "absorption": ("absorption:candidate",),
}
_WORDS = {
    "bars": "a bar closed", "orders": "your order", "prices": "a level is touched",
    "lots": "a big trade", "row": "as many trades",
}  # fmt: skip
_OF_EVENTS = {
    "imbalance_zones": "a zone is touched", "poc_retest": "a POC is touched",
    "big_trades": "a big trade", "volume_spike": "a volume spike",
    "absorption": "an absorption candidate",
}  # fmt: skip
_MOST_LEVELS = 64
_MOST = 2**53  # beyond, neither a page's numbers nor sums of prices are whole


class Pauses:
    """Which of them are on, and where the next one is.

    Args:
        player: Who is to be paused.
        scout: Who looks ahead.

    Attributes:
        reason: Why the latest stop was asked for, in words; empty before.
    """

    def __init__(self, player: Player, scout: Scout | None = None) -> None:
        self._player = player
        self._scout = scout or Scout(player)
        self._on: dict[str, Any] = {}
        self._since = player.row  # from which trades are counted
        self.reason = ""

    def facts(self) -> dict[str, Any]:
        """Those that are on, as `set` takes them."""
        return dict(self._on)

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Switch pauses on and off; those that are not named stay as they are.

        Args:
            wanted: ``touch`` (of a zone or a naked POC), ``volume_spike``, ``absorption`` (a
                candidate), ``orders`` (anything heard of one's own, of several fills of an order
                the first and the last) and ``bar`` (its close): true or false. ``big_trade``: true
                for the detector's, a number of lots for single trades of as many, or false.
                ``levels``: a list of prices or of (low, high). ``trades``: how many, 0 for off.

        Raises:
            UsageError: An unknown one, a value that cannot be, or one that listens to a detector
                which is not on screen.
        """
        checked = {name: _checked(name, value) for name, value in wanted.items()}
        switched = frozenset(name for name, value in checked.items() if value is True)
        self._check_detectors(switched)
        self._on = {name: on for name, on in {**self._on, **checked}.items() if on}
        self._since = self._player.row

    def begin(self, row: int) -> None:
        """Count trades from a row on: somebody presses play."""
        self._since = row

    def within(self, first: int, stop: int) -> int | None:
        """The row in ``(first, stop]`` at which to stop, None for none; ``reason`` says why.

        Raises:
            UsageError: The cursor does not stand at ``first``.
        """
        if first != self._player.row:
            raise UsageError(f"the cursor stands at {self._player.row}, not at {first}")
        if not self._on:
            return None
        if not first - int(self._on.get("trades", 0)) < self._since <= first:
            self._since = first
        found = self._scout.find(self._wanted(), stop)
        if found is None:
            return None
        self._since = found.row
        self.reason = _said(found)
        return found.row

    def _wanted(self) -> Wanted:
        on = self._on
        big = on.get("big_trade", False)
        listened = [name for name in _EVENTS if on.get(name) is True]
        count = int(on.get("trades", 0))
        return Wanted(
            bars="bar" in on,
            events=frozenset(event for name in listened for event in _EVENTS[name]),
            orders="orders" in on,
            parts=False,
            prices=tuple(on.get("levels", ())),
            lots=0 if big is True else int(big),
            row=self._since + count if count else None,
        )

    def _check_detectors(self, names: frozenset[str]) -> None:
        shown = {detector.name for detector in self._player.detectors}
        for name in names.intersection(_EVENTS):
            needed = [event.partition(":")[0] for event in _EVENTS[name]]
            if not shown.intersection(needed):
                raise UsageError(
                    f"the pause {name!r} listens to {' or '.join(needed)}, which is not on",
                    fix="Switch the detector on first",
                )


def _checked(name: str, value: Any) -> Any:
    if name not in PAUSES:
        raise UsageError(f"there is no pause {name!r}", fix=f"Known: {', '.join(PAUSES)}")
    if name == "levels":
        return _checked_levels(value)
    if name == "trades" or (name == "big_trade" and not isinstance(value, bool)):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
            raise UsageError(f"the pause {name!r} takes a number, not {value!r}")
        return value
    if not isinstance(value, bool):
        raise UsageError(f"the pause {name!r} is true or false, not {value!r}")
    return value


def _checked_levels(value: Any) -> list[tuple[int, int]]:
    levels = value or []
    if not isinstance(levels, list | tuple) or len(levels) > _MOST_LEVELS:
        raise UsageError(f"levels are a list of at most {_MOST_LEVELS} prices")
    pairs = [(level, level) if isinstance(level, int) else level for level in levels]
    for pair in pairs:
        if (
            not isinstance(pair, list | tuple)
            or len(pair) != 2
            or not all(type(edge) is int and abs(edge) < _MOST for edge in pair)
            or pair[0] > pair[1]
        ):
            raise UsageError("a level is a price, or a low and a high one", where="levels")
    return [(pair[0], pair[1]) for pair in pairs]


def _said(found: Found) -> str:
    words = [_WORDS[reason] for reason in found.reasons if reason != "events"]
    words += [_OF_EVENTS.get(event.detector, event.detector) for event in found.events]
    return ", ".join(dict.fromkeys(words))
