"""``assert_no_lookahead(MyStrategy, tape)``: the audit of ``orderflow-bt lookahead``, in a test."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from orderflow_bt.run.lookahead import Material, audit
from orderflow_bt.sim.context import Given
from orderflow_bt.testing.tape import PLAIN, Tape, check_given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orderflow_bt.instruments import Instrument
    from orderflow_bt.run.lookahead import Audit
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.strategy import Strategy
    from orderflow_bt.strategy.series import Known
    from orderflow_bt.types import Trades

MOST_CUTS = 40


def assert_no_lookahead(
    strategy: Strategy | Callable[[], Strategy],
    tape: Tape | tuple[Trades, Instrument],
    *,
    config: SimConfig = PLAIN,
    seed: int = 1,
    cuts: int | None = None,
    allow_outside: bool = False,
    series: Mapping[str, Sequence[Known]] | None = None,
) -> Audit:
    """Audit a strategy on a tape; returns what was checked.

    Args:
        strategy: A class with defaults, a strategy (it is copied), or a function that makes one.
        tape: Typed as text, or columns with their units.
        config: Assumptions; by default no fees, latency, slippage or queue.
        seed: Of the moments at which the tape is cut and shuffled.
        cuts: How many prefixes and shuffles; by default as many as the tape has trades, to 40.
        allow_outside: Let the strategy read files and keep tables of its own.
        series: Rows of the series that the strategy reads, by name.

    Raises:
        AssertionError: It decides otherwise when the future is taken from it, or knows things that
            the tape did not tell it.
    """
    trades, instrument = (tape.trades, tape.instrument) if isinstance(tape, Tape) else tape
    pristine = None if callable(strategy) else copy.deepcopy(strategy)

    def make() -> Strategy:
        return strategy() if callable(strategy) else copy.deepcopy(pristine)  # type: ignore[return-value] # one of them is there

    end = int(trades.time[-1]) if trades.rows else 0
    rows = series or {}
    material = Material(
        instrument, lambda: iter([trades]), True, 0, end,
        context=lambda: {name: Given(known) for name, known in rows.items()},
    )  # fmt: skip
    check_given(make(), rows)
    found = audit(
        make, material, config, seed=seed,
        cuts=min(trades.rows, MOST_CUTS) if cuts is None else cuts, allow_outside=allow_outside,
    )  # fmt: skip
    if found.findings:
        told = "\n  ".join(map(str, found.findings))
        raise AssertionError(f"the strategy knows what it cannot know yet:\n  {told}")
    return found
