"""Plugins that can be switched on at the desk: detectors on the bars shown, strategies beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.detectors.registry import installed as installed_detectors
from orderflow_bt.detectors.registry import load_detector
from orderflow_bt.errors import UsageError
from orderflow_bt.strategy.registry import installed as installed_strategies
from orderflow_bt.strategy.registry import load_strategy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orderflow_bt.detectors import Detector
    from orderflow_bt.replay.footprints import View
    from orderflow_bt.strategy import Strategy


class Shelf:
    """What there is to switch on.

    Args:
        detectors: Detectors beyond the installed ones: ``module:Class`` or ``file.py``.
        strategies: The same of strategies.

    Attributes:
        detectors: Names, in order.
        strategies: Names, in order.
    """

    def __init__(self, detectors: Iterable[str] = (), strategies: Iterable[str] = ()) -> None:
        self.detectors = list(dict.fromkeys([*sorted(installed_detectors()), *detectors]))
        self.strategies = list(dict.fromkeys([*sorted(installed_strategies()), *strategies]))

    def detector(self, name: str, view: View) -> Detector:
        """A new one with its defaults, on the bars and the rows that are shown.

        Raises:
            UsageError: There is none of that name.
            PluginError: Its code failed.
        """
        _check(name, self.detectors, "detector")
        kind = load_detector(name)
        given: dict[str, object] = {}
        if "bars" in kind.params and view.spec.kind == "time":
            given["bars"] = view.spec
        if "ticks_per_row" in kind.params:
            given["ticks_per_row"] = view.ticks_per_row
        return kind(**given)

    def strategy(self, name: str) -> Strategy:
        """A new one with its defaults.

        Raises:
            UsageError: There is none of that name.
            PluginError: Its code failed.
        """
        _check(name, self.strategies, "strategy")
        return load_strategy(name)()


def _check(name: str, known: list[str], kind: str) -> None:
    if name not in known:
        raise UsageError(f"there is no {kind} {name!r} here", fix=f"Known: {', '.join(known)}")
