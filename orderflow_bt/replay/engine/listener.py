"""What a player tells those who follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orderflow_bt.replay.engine.actions import Recorded
    from orderflow_bt.replay.engine.hand import Heard
    from orderflow_bt.sim.readings import Slice


class Passed(NamedTuple):
    """What the cursor passed.

    Attributes:
        first: Row of its first trade.
        stop: Row behind its last trade.
        slices: The trades, and the bars and events that became known among them.
        happenings: What the person heard of their orders, in order.
    """

    first: int
    stop: int
    slices: list[Slice]
    happenings: list[Heard]


class Listener:
    """Follows a player. Override what you need."""

    def passed(self, passed: Passed) -> None:
        """The cursor passed some trades: all of what one learns, in order, each once."""

    def acted(self, recorded: Recorded) -> None:
        """The person took an action, or it is taken again on the way to where they went back to."""

    def rewound(self, row: int) -> None:
        """The cursor went back to a checkpoint at a row: forget what came after it.

        `restore` follows if something was saved there; else forget everything. Then the stretch up
        to where the cursor goes is passed again.
        """

    def snapshot(self) -> bytes:
        """What to give back on going back to here; nothing, if all is learned again."""
        return b""

    def restore(self, raw: bytes) -> None:
        """Take up what `snapshot` gave."""
