"""Random tapes for property tests with hypothesis: bursts, jumps, silences, one-sided runs.

from hypothesis import given
from orderflow_bt.testing import assert_no_lookahead
from orderflow_bt.testing.tapes import tapes

@given(tapes())
def test_knows_no_future(tape):
    assert_no_lookahead(MyStrategy, tape, cuts=4)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderflow_bt.errors import UnsupportedError
from orderflow_bt.testing.tape import MIDNIGHT_2024, Tape
from orderflow_bt.types import MINUTE_US, SECOND_US

try:
    import hypothesis.strategies as st
except ImportError as error:  # pragma: no cover - the tests of this package have it
    raise UnsupportedError(
        "random tapes need hypothesis, which is not installed", fix="pip install hypothesis"
    ) from error

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_BURST = st.just(0)
_SOON = st.integers(1, 500_000)
_LATER = st.sampled_from([SECOND_US, SECOND_US - 1, MINUTE_US, 5 * MINUTE_US, 95 * SECOND_US])
_STEPS = st.one_of(_BURST, _SOON, _LATER)
_MOVES = st.one_of(st.integers(-2, 2), st.sampled_from([0] * 6 + [-40, 40]))


def tapes(
    *,
    min_trades: int = 1,
    max_trades: int = 60,
    start_price: int = 1_000,
    most: int = 50,
    holes: bool = False,
) -> SearchStrategy[Tape]:
    """Tapes of whole numbers: prices from 1 up, a tick of 1, quantities from 1 to ``most``.

    Args:
        min_trades: Fewest trades.
        max_trades: Most trades.
        start_price: Price that the walk begins at.
        most: Largest quantity.
        holes: Let ids be missing, as where trades were lost.
    """
    return _drawn((min_trades, max_trades), start_price, most, (1, 2, 7) if holes else (1,))


@st.composite
def _drawn(
    draw: DrawFn, length: tuple[int, int], start_price: int, most: int, id_steps: tuple[int, ...]
) -> Tape:
    sides = st.sampled_from(draw(st.sampled_from(["BS", "B", "S", "BBBS", "BSSS"])))
    next_id = st.sampled_from([1] * 20 + list(id_steps))
    number, price, rows = 1, start_price, []
    for k in range(draw(st.integers(*length))):
        step = draw(_STEPS) if k else 0
        price = max(1, price + draw(_MOVES))
        number += draw(next_id) if k else 0
        rows.append(f"#{number} +{step}us {draw(sides)} {price} {draw(st.integers(1, most))}")
    return Tape(" | ".join(rows), start=MIDNIGHT_2024)
