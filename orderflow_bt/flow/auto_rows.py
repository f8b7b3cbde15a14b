"""``ticks_per_row=auto``: a plugin's row height, chosen from the day before and then fixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.flow.window import BarWindow
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.parameters import Parametrised
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

NAME = "ticks_per_row"


def is_auto(parameters: Mapping[str, Any]) -> bool:
    """Whether a row height is left to the day before."""
    return parameters.get(NAME) == "auto"


def with_rows(
    plugin: type[Parametrised],
    parameters: Mapping[str, Any],
    lake: Lake,
    tape: TapeId,
    window: tuple[int, int],
) -> dict[str, Any]:
    """The parameters, with ``ticks_per_row=auto`` as a number of ticks.

    It is what gives the plugin's ``bars`` of the UTC day before the window 12 to 20 rows
    (`grouping.auto_ticks_per_row`), the same for a whole run.

    Args:
        plugin: Whose parameters.
        parameters: By name.
        lake: Where the days are stored.
        tape: Which is read.
        window: First microsecond, and the first after it.

    Raises:
        UsageError: The plugin has no such parameter, or no bars to choose by.
        CoverageError: The day before is not stored.
    """
    if not is_auto(parameters):
        return dict(parameters)
    others = {name: value for name, value in parameters.items() if name != NAME}
    made = plugin(**others)
    bars = made.parameters().get("bars") and getattr(made, "bars", None)
    if NAME not in made.parameters() or not isinstance(bars, BarSpec):
        raise UsageError(
            f"{plugin.__name__} has no rows that could be chosen by its bars",
            where=f"--param {NAME}=auto",
            fix=f"Leave it out; its parameters: {', '.join(made.parameters())}",
        )
    read = BarWindow(lake, tape, bars, *window, ticks_per_row=None)
    return {**others, NAME: read.ticks_per_row}
