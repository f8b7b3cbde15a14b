"""Finds detectors: installed ones by entry point, one's own by file or module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt import plugins
from orderflow_bt.detectors.base import Detector

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DETECTORS: plugins.Family[Detector] = plugins.Family(
    "detector",
    "detectors",
    "orderflow_bt.detectors",
    Detector,  # type: ignore[type-abstract] # asked for its subclasses, never made
)


def installed() -> dict[str, EntryPoint]:
    """Installed detectors by name. Reads names only: no plugin code runs."""
    return plugins.installed(DETECTORS.group)


def load_detector(text: str) -> type[Detector]:
    """The detector class a text names: an installed name, ``module:Class`` or ``file.py[:Class]``.

    Raises:
        UsageError: Nothing by that name, or not a detector.
        PluginError: The plugin's own code failed while it was imported.
    """
    return plugins.load(text, DETECTORS)
