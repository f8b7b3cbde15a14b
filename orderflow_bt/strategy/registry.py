"""Finds strategies: installed ones by entry point, one's own by file or module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt import plugins
from orderflow_bt.plugins import source_of
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["STRATEGIES", "installed", "load_strategy", "source_of"]

STRATEGIES = plugins.Family("strategy", "strategies", "orderflow_bt.strategies", Strategy)


def installed() -> dict[str, EntryPoint]:
    """Installed strategies by name. Reads names only: no plugin code runs."""
    return plugins.installed(STRATEGIES.group)


def load_strategy(text: str) -> type[Strategy]:
    """The strategy class a text names: an installed name, ``module:Class`` or ``file.py[:Class]``.

    Raises:
        UsageError: Nothing by that name, or not a strategy.
        PluginError: The plugin's own code failed while it was imported.
    """
    return plugins.load(text, STRATEGIES)
