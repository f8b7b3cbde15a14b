"""How far round trips went for and against while they were open, from change to change."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.kernels import excursions as e
from orderflow_bt.kernels import records as r
from orderflow_bt.kernels._jit import exact
from orderflow_bt.kernels.marking import ENDS, OPENS
from orderflow_bt.kernels.orders import NEVER
from orderflow_bt.sim.entry import Entry
from orderflow_bt.sim.rounding import PER_UNIT, half_even

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orderflow_bt.sim.account import Account

NOTHING = np.array([NEVER, -NEVER])  # prices of a stretch in which none traded
_excurse_exactly, _reach_exactly = exact(e.excurse), exact(e.reach)


class Excursions:
    """Follows one account; `docs/metrics.md` says what is measured.

    Args:
        account: Whose.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tick = account.instrument.tick_size
        self._is_inverse = account.instrument.is_inverse
        self._carried: NDArray[Any] = np.zeros(e.CARRIED, np.int64)
        self._entry = Entry(account.worth)  # of an inverse position

    def follow(self, changes: NDArray[np.int64], lived: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take in changes of the account; arguments as of `kernels.excursions.excurse`.

        Returns:
            Int64 [n, 4] of the round trips that ended, in order: ticks against and for each, and
            the same in hundred-millionths of money; `ABSENT` where 64 bits do not hold that.
        """
        ended: NDArray[Any] = np.zeros((np.count_nonzero(changes[:, r.C_TRIP] & ENDS), 4), np.int64)
        if self._is_inverse:
            self._follow_inverse(changes.tolist(), lived.tolist(), ended)
            return ended
        unit, cent = self._account.unit, self._account.cent
        done = n_ended = 0
        if self._carried.dtype == np.int64 and max(unit, cent) < NEVER:
            done, n_ended = e.excurse(
                changes, lived, 0, unit, cent, self._tick, False, self._carried, ended
            )  # fmt: skip
        if done < len(changes):
            carried, rest = self._carried.astype(object), ended[n_ended:].astype(object)
            _excurse_exactly(
                changes[done:].astype(object), lived[done:].astype(object), 0, unit, cent,
                self._tick, True, carried, rest,
            )  # fmt: skip
            fits = max(map(abs, carried.tolist())) < NEVER
            self._carried = carried.astype(np.int64) if fits else carried
            for row, values in enumerate(rest.tolist(), n_ended):
                ended[row] = _bounded(values)
        return ended

    def _follow_inverse(
        self, changes: list[list[int]], lived: list[list[int]], ended: NDArray[np.int64]
    ) -> None:
        carried, n_ended = self._carried, 0
        for change, (low, high) in zip(changes, lived, strict=True):
            held, after = int(carried[e.HELD]), change[r.C_POSITION]
            if held and low <= high:
                carried[e.WORST :] = self._inverse(low, high)
            if change[r.C_TRIP] & ENDS:
                ended[n_ended] = carried[e.WORST :]
                n_ended += 1
            if change[r.C_TRIP] & OPENS:
                carried[e.WORST :] = 0
            if after != held:
                self._entry.add(1 if after > held else -1, abs(after - held), change[r.C_PRICE])
            carried[e.HELD] = after

    def _inverse(self, low: int, high: int) -> list[int]:
        """What is carried of an inverse position, with prices that traded."""
        account, held = self._account, int(self._carried[e.HELD])
        found, side = self._carried[e.WORST :].tolist(), 1 if held > 0 else -1
        entered: int | Fraction = self._entry.worth
        average = account.mean_price(entered, abs(held))
        for k, choose in enumerate((min, max)):
            price = (low, high)[k if side > 0 else 1 - k]
            gain = side * (price - average) / self._tick
            made = account.profit(side, entered, account.worth(price, abs(held)))
            money = Fraction(made) * PER_UNIT / account.scale
            found[k] = choose(found[k], half_even(gain.numerator, gain.denominator))
            found[k + 2] = choose(found[k + 2], half_even(money.numerator, money.denominator))
        return _bounded(found)

    def under_way(self, low: int, high: int) -> list[int]:
        """Of the round trip under way, with prices that traded since the last change."""
        if self._is_inverse:
            return self._inverse(low, high) if low <= high else self._carried[e.WORST :].tolist()
        carried = self._carried.astype(object)
        if low <= high:
            account = self._account
            _reach_exactly(low, high, account.unit, account.cent, self._tick, carried)
        return _bounded(carried[e.WORST :].tolist())


def _bounded(values: list[int]) -> list[int]:
    """Money that 64 bits do not hold is not kept."""
    return [value if abs(value) < NEVER else r.ABSENT for value in values]
