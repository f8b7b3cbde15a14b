"""What a replay is opened with: the window, the detectors and strategies by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.detectors.registry import load_detector
from orderflow_bt.errors import UsageError
from orderflow_bt.flow.auto_rows import with_rows
from orderflow_bt.plugins import make
from orderflow_bt.replay.engine.player import Player
from orderflow_bt.replay.engine.window import open_window
from orderflow_bt.strategy.registry import load_strategy
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.detectors import Detector
    from orderflow_bt.replay.engine.listener import Listener
    from orderflow_bt.replay.engine.window import ReplayWindow
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import BarSpec, TapeId

WARMUP = DAY_US


class Scene(NamedTuple):
    """A replay that is ready to begin."""

    window: ReplayWindow
    bars: BarSpec
    detectors: dict[str, Detector]
    strategies: dict[str, Strategy]
    config: SimConfig

    def player(self, listeners: Sequence[Listener] = ()) -> Player:
        """A player at the beginning of the part to practise on."""
        return Player(
            self.window,
            bars=self.bars,
            detectors=list(self.detectors.values()),
            config=self.config,
            strategies=self.strategies,
            listeners=listeners,
        )


def open_scene(
    lake: Lake,
    tape: TapeId,
    start: int,
    end: int,
    *,
    bars: BarSpec,
    config: SimConfig,
    detectors: Iterable[str] = (),
    strategies: Iterable[str] = (),
    warmup: int = WARMUP,
    accept_gaps: bool = False,
) -> Scene:
    """Open a window and load the plugins that are named.

    Args:
        lake: Where the days are stored.
        tape: Whose trades.
        start: First moment of the part to practise on, microseconds UTC.
        end: End, exclusive.
        bars: The bars on screen; detectors that read bars read these, unless told.
        config: Assumptions of the simulation.
        detectors: Each an installed name, ``module:Class`` or ``file.py``, with parameters behind
            commas: ``imbalance_zones,least=4``.
        strategies: As detectors.
        warmup: How much earlier tape to read at least, in microseconds; detectors may want more.
        accept_gaps: Whether missing days and days with defects are accepted.

    Raises:
        CoverageError: No day is stored; or days or trades are missing, and that is not accepted.
        UsageError: A plugin is not known, or a parameter is wrong.
        PluginError: A plugin's own code failed.
    """
    span = (start, end)
    made = {text: _detector(text, bars, lake, tape, span) for text in detectors}
    wanted = max([warmup, *(detector.lookback for detector in made.values())])
    window = open_window(lake, tape, start, end, warmup=wanted, accept_gaps=accept_gaps)
    watched = {text: _strategy(text, lake, tape, span) for text in strategies}
    return Scene(window, bars, made, watched, config)


def _detector(
    text: str, bars: BarSpec, lake: Lake, tape: TapeId, span: tuple[int, int]
) -> Detector:
    name, given = plugin_of(text)
    cls = load_detector(name)
    if "bars" in cls.params:
        given.setdefault("bars", str(bars))
    return make(cls, **with_rows(cls, given, lake, tape, span))


def _strategy(text: str, lake: Lake, tape: TapeId, span: tuple[int, int]) -> Strategy:
    name, given = plugin_of(text)
    cls = load_strategy(name)
    return make(cls, **with_rows(cls, given, lake, tape, span))


def plugin_of(text: str) -> tuple[str, dict[str, Any]]:
    """A plugin's name, and the parameters behind it.

    Raises:
        UsageError: What stands behind a comma is not ``name=value``.
    """
    name, *parts = text.split(",")
    given: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{part!r} is not name=value", where=text)
        given[key.strip()] = value.strip()
    return name.strip(), given
