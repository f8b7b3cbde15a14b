"""The person's lane and those of the strategies that are switched on, moved together."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.replay.engine.lane import chase, lane_of_person, lane_of_strategy, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orderflow_bt.detectors import Detector
    from orderflow_bt.replay.engine.checkpoints import Checkpoint
    from orderflow_bt.replay.engine.lane import Lane
    from orderflow_bt.replay.engine.window import Cut, ReplayWindow
    from orderflow_bt.sim import Session, SimConfig
    from orderflow_bt.sim.readings import Slice
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.types import BarSpec

PERSON = ""  # a strategy's lane has its name


class Lanes:
    """All lanes of a player, by name.

    Attributes:
        failed: Strategies that raised; they were switched off where they did.
    """

    def __init__(self, window: ReplayWindow, config: SimConfig) -> None:
        self._window, self._terms = window, terms_of(window, config)
        self._strategies: dict[str, Strategy] = {}  # as they were given: those that run are copies
        self._lanes: dict[str, Lane] = {}
        self.failed: dict[str, PluginError] = {}

    @property
    def person(self) -> Lane:
        """The person's."""
        return self._lanes[PERSON]

    @property
    def sessions(self) -> dict[str, Session]:
        """Of the strategies that are switched on."""
        return {name: lane.session for name, lane in self._lanes.items() if name != PERSON}

    def begin(self, bars: BarSpec, detectors: Sequence[Detector]) -> None:
        """Put every lane at its first row."""
        self._lanes[PERSON] = lane_of_person(
            self._window, bars, deepcopy(list(detectors)), self._terms
        )
        for name in self._strategies:
            self._lanes[name] = self._made(name)

    def _made(self, name: str) -> Lane:
        strategy = deepcopy(self._strategies[name])
        return lane_of_strategy(self._window, strategy, self._terms)

    def add(
        self, name: str, strategy: Strategy, checkpoints: Iterable[Checkpoint], *, ended: bool
    ) -> None:
        """Switch a strategy on, with its past; the checkpoints get its part of them."""
        if name == PERSON:
            raise UsageError("a strategy that is watched has a name")
        known = self._strategies.get(name)
        self._strategies[name] = strategy
        try:
            lane = self._made(name)
            for found in checkpoints:
                _run(lane, self._window, found.row)
                _save(name, lane, found.lanes)
            _run(lane, self._window, self.person.row)
            if ended:
                lane.finish(self._window.end)
        except BaseException:
            del self._strategies[name]
            if known is not None:
                self._strategies[name] = known
            raise
        self._lanes[name] = lane
        self.failed.pop(name, None)

    def remove(self, name: str) -> None:
        """Switch a strategy off."""
        if name != PERSON:
            self._lanes.pop(name, None)
            self._strategies.pop(name, None)
            self.failed.pop(name, None)

    def feed(self, cut: Cut) -> Slice:
        """Read the next trades; what the person gets to know of them."""
        return self._each(lambda lane: lane.feed(cut) if lane.row <= cut.row else None)

    def finish(self) -> Slice:
        """Let the clock reach the window's end."""
        return self._each(lambda lane: lane.finish(self._window.end))

    def _each(self, step: Callable[[Lane], Slice | None]) -> Slice:
        """Move every lane; a strategy that raises is switched off, the rest goes on."""
        known = step(self.person)
        assert known is not None
        for name, lane in list(self._lanes.items()):
            if name == PERSON:
                continue
            try:
                step(lane)
            except PluginError as error:
                self.remove(name)
                self.failed[name] = error
        return known

    def save(self) -> dict[str, bytes]:
        """What each lane saves; one that cannot be saved is left out."""
        saved: dict[str, bytes] = {}
        for name, lane in self._lanes.items():
            _save(name, lane, saved)
        return saved

    def load(self, found: Checkpoint) -> None:
        """Put back a checkpoint; a lane that it lacks is begun anew."""
        for name, lane in list(self._lanes.items()):
            if name in found.lanes:
                lane.load(found.lanes[name], (found.row, found.clock))
            else:
                self._lanes[name] = self._made(name)
                _run(self._lanes[name], self._window, found.row)


def _run(lane: Lane, window: ReplayWindow, row: int) -> None:
    for _ in chase(lane, window, row):
        pass


def _save(name: str, lane: Lane, saved: dict[str, bytes]) -> None:
    try:
        saved[name] = lane.save()
    except PluginError:
        saved.pop(name, None)
