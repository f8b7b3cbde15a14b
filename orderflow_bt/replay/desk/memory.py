"""Where one stood at the desk: ``desk.json`` of a practice folder, for a server started again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.engine.transport import SPEEDS
from orderflow_bt.replay.practice.shapes import Bars, Count, Shape, told

if TYPE_CHECKING:
    from pathlib import Path

FILE = "desk.json"
FIX = "Delete it: the practice then goes on where its journal ends"


class Memory(Shape):
    """What a desk wants back.

    Attributes:
        row: Where the cursor stood.
        furthest: The highest row that was seen.
        bars: On screen.
        ticks_per_row: Height of a row.
        detectors: That were on; None for those that a practice begins with.
        strategies: That ran beside.
        every: Minutes between two questions that come by themselves, 0 for none.
        pauses: As `Pauses.set` takes them.
        furthest_time: Of the last trade seen, microseconds UTC.
        speed: Tape seconds a wall second.
    """

    row: Count
    furthest: Count
    bars: Bars | None = None
    ticks_per_row: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    detectors: list[str] | None = None
    strategies: list[str] = Field(default_factory=list)
    every: Annotated[int, Field(ge=0, le=24 * 60)] = 0
    pauses: dict[str, Any] = Field(default_factory=dict)
    furthest_time: Count = 0
    speed: Annotated[float, Field(ge=SPEEDS[0], le=SPEEDS[-2])] | Literal["max"] = 1.0


class Shelter:
    """Keeps it in a practice folder.

    Args:
        folder: Of the practice.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._kept = ""

    def keep(self, memory: Memory) -> None:
        """Write it down, where it changed.

        Raises:
            OrderflowError: It cannot be written.
        """
        text = memory.model_dump_json()
        if text == self._kept:
            return
        fresh = self.path.with_suffix(".new")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.path)
        except OSError as error:
            raise OrderflowError(
                f"where you stand cannot be noted: {error.strerror or error}",
                where=str(self.path),
                fix="Free some space",
            ) from error
        self._kept = text

    def recall(self) -> Memory | None:
        """What was kept last; None where nothing was.

        Raises:
            UsageError: It cannot be read, or is none.
        """
        try:
            found = json.loads(self.path.read_bytes())
            return Memory.model_validate(found)
        except FileNotFoundError:
            return None
        except OSError as error:
            why = error.strerror or str(error)
        except ValidationError as error:
            why = told(error)
        except (ValueError, RecursionError):
            why = "it is no JSON"
        raise UsageError(f"it does not say where one stood: {why}", where=str(self.path), fix=FIX)
