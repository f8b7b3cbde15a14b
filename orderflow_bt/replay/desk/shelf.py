"""Plugins that can be switched on at the desk: detectors on the bars shown, strategies beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.detectors.registry import installed as installed_detectors
from orderflow_bt.detectors.registry import load_detector
from orderflow_bt.errors import UsageError
from orderflow_bt.plugins import make
from orderflow_bt.replay.engine.scene import plugin_of
from orderflow_bt.strategy.registry import installed as installed_strategies
from orderflow_bt.strategy.registry import load_strategy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orderflow_bt.detectors import Detector
    from orderflow_bt.replay.screen.footprints import View
    from orderflow_bt.strategy import Strategy


class Shelf:
    """What there is to switch on: what is installed, and what was named.

    Args:
        detectors: Each an installed name, ``module:Class`` or ``file.py``, with parameters behind
            commas: ``imbalance_zones,least=4``.
        strategies: As detectors.

    Raises:
        UsageError: What stands behind a comma is not ``name=value``.
    """

    def __init__(self, detectors: Iterable[str] = (), strategies: Iterable[str] = ()) -> None:
        self._detectors: dict[str, dict[str, Any]] = {n: {} for n in sorted(installed_detectors())}
        self._strategies: dict[str, dict[str, Any]] = {
            name: {} for name in sorted(installed_strategies())
        }
        self._detectors |= dict(map(plugin_of, detectors))
        self._strategies |= dict(map(plugin_of, strategies))

    @property
    def detectors(self) -> list[str]:
        """Names, in order."""
        return list(self._detectors)

    @property
    def strategies(self) -> list[str]:
        """Names, in order."""
        return list(self._strategies)

    def detector(self, name: str, view: View) -> Detector:
        """A new one, on the bars and the rows that are shown unless it was told others.

        Raises:
            UsageError: There is none of that name, or a parameter is wrong.
            PluginError: Its code failed.
        """
        given = _given(name, self._detectors, "detector")
        kind = load_detector(name)
        shown: dict[str, Any] = {}
        if "bars" in kind.params and view.spec.kind == "time":
            shown["bars"] = view.spec
        if "ticks_per_row" in kind.params:
            shown["ticks_per_row"] = view.ticks_per_row
        return make(kind, **{**shown, **given})

    def strategy(self, name: str) -> Strategy:
        """A new one.

        Raises:
            UsageError: There is none of that name, or a parameter is wrong.
            PluginError: Its code failed.
        """
        given = _given(name, self._strategies, "strategy")  # first: a page names no files to load
        return make(load_strategy(name), **given)


def _given(name: str, known: dict[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    if name not in known:
        raise UsageError(f"there is no {kind} {name!r} here", fix=f"Known: {', '.join(known)}")
    return known[name]
