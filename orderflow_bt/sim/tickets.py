"""An order as it was asked for: what can only be a mistake, and what the exchange's grid makes."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from orderflow_bt.errors import PluginError
from orderflow_bt.flow.events import Event
from orderflow_bt.types import DAY_US

LONGEST_LIFE = 3_660 * DAY_US  # of an order; a longer one is a time given for a duration
LARGEST = 10**15  # lots or price units; more cannot be meant and could not be counted with
_WHEN = ("expires", "until")
_NEEDED = ("quantity", "stop")
N = TypeVar("N", bound=int | None)
_PLAIN = frozenset({int, type(None)})
_NUMBERS = ("side", "qty", "price", "limit", "trail", "worst", "expires", "until", "cancel_at")


class Ticket(NamedTuple):
    """One order, all of it. Names are those of `orderflow_bt.Broker`'s methods.

    ``price`` is the limit price, or the trigger price of an order that has one; ``limit`` the
    limit price of what a trigger sends.
    """

    kind: str
    role: str
    side: int
    qty: int
    price: int | None = None
    limit: int | None = None
    trail: int | None = None
    worst: int | None = None
    reduce_only: bool = False
    post_only: bool = False
    immediate: bool = False
    fill_or_kill: bool = False
    expires: int | None = None
    until: int | None = None
    cancel_at: int | None = None
    reason: Event | None = None
    parent: int | None = None

    def checked(self) -> Ticket:
        """The ticket in plain integers; refuses what can only be a mistake in the plugin.

        Raises:
            PluginError: A number is none, or the order contradicts itself.
        """
        if self.side not in (1, -1) or not is_whole(self.side):
            raise PluginError(f"an order's side is +1 or -1, not {self.side!r}")
        check_numbers(
            quantity=self.qty, price=self.price, limit=self.limit, trail=self.trail,
            worst=self.worst, expires=self.expires, until=self.until, cancel_at=self.cancel_at,
        )  # fmt: skip
        if self.price is None and self.kind not in ("market", "trailing_stop"):
            raise PluginError(f"a {self.kind} order needs a price")
        if self.price == 0 and self.parent is None and self.kind != "trailing_stop":
            raise PluginError(
                "an order's price is above 0", fix="market.last is 0 before the first trade"
            )
        if self.trail == 0:
            raise PluginError("a trailing stop stays at least one price unit behind, not 0")
        if self.post_only and (self.immediate or self.fill_or_kill):
            raise PluginError("a post-only order rests and an immediate one takes: choose one")
        if (self.expires or 0) > LONGEST_LIFE:
            raise PluginError(
                f"expires is how long an order lives, in microseconds: {self.expires} are"
                f" {(self.expires or 0) // DAY_US:,} days",
                fix="Give a duration, or the time itself as until=",
            )
        check_reason(self.reason)
        numbers = (
            self.side, self.qty, self.price, self.limit, self.trail, self.worst, self.expires,
            self.until, self.cancel_at,
        )  # fmt: skip
        if {number.__class__ for number in numbers} <= _PLAIN:
            return self
        # numpy's integers would overflow in what is counted with them
        plain: dict[str, Any] = {name: plain_int(getattr(self, name)) for name in _NUMBERS}
        return self._replace(**plain)

    def on_grid(self, tick: int, lot: int) -> Ticket:
        """The ticket in whole lots and ticks, rounded so that it never asks for more than meant."""
        trail = self.trail or 0
        if tick == 1 and lot == 1:
            return self
        if self.qty % lot == 0 and trail % tick == 0 and not self.off_grid(tick):
            return self
        return self._replace(
            qty=self.qty - self.qty % lot,
            price=self.price_on_grid(self.price, tick),
            limit=self.limit_on_grid(self.limit, tick),
            worst=self.limit_on_grid(self.worst, tick),
            trail=None if self.trail is None else -(-trail // tick) * tick,
        )

    def price_on_grid(self, price: int | None, tick: int) -> int | None:
        """A limit or trigger price on the exchange's tick; stops away from the market."""
        below = self.kind in ("limit", "if_touched")
        return _rounded(price, tick, down=(self.side > 0) == below)

    def limit_on_grid(self, price: int | None, tick: int) -> int | None:
        """A price that is not to be exceeded, on the exchange's tick."""
        return _rounded(price, tick, down=self.side > 0)

    def off_grid(self, tick: int) -> bool:
        """Whether a price is not a whole number of ticks."""
        return any((price or 0) % tick for price in (self.price, self.limit, self.worst))


def check_reason(reason: object) -> None:
    """Refuse what is no event.

    Raises:
        PluginError: It is something else.
    """
    if reason is not None and not isinstance(reason, Event):
        raise PluginError(
            f"a reason is the event that on_event was given, not {reason!r}",
            fix="Leave it out where no event led to the order",
        )


def check_numbers(**values: object) -> None:
    """Refuse what is no quantity, price, duration or time.

    Raises:
        PluginError: A value is neither None nor a whole number from 0 on, or is beyond belief.
    """
    for name, value in values.items():
        if value is None:
            if name not in _NEEDED:
                continue
        elif value.__class__ is int and 0 <= value <= LARGEST:
            continue
        if not is_whole(value) or value < 0:  # type: ignore[operator] # whole: it compares
            raise PluginError(
                f"an order's {name} is a non-negative integer, not {value!r}",
                fix="Quantities are lots, prices price units, durations microseconds",
            )
        if name not in _WHEN and value > LARGEST:  # type: ignore[operator] # whole: it compares
            raise PluginError(f"an order's {name} of {value} is beyond belief")


def is_whole(value: object) -> bool:
    """Whether a value is an integer, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_size(risk: object, entry: object, stop: object) -> None:
    """Refuse what no size follows from.

    Raises:
        PluginError: The risk is no share, or a price no number.
    """
    if not _is_number(risk) or risk < 0:  # type: ignore[operator] # a number: it compares
        raise PluginError(f"risk is a share of equity, such as 0.005, not {risk!r}")
    for name, price in (("entry", entry), ("stop", stop)):
        if not _is_number(price):
            raise PluginError(f"a size's {name} is a price in price units, not {price!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real | Decimal) and isfinite(value)


def plain_int(value: N) -> N:
    """A whole number in Python's own integers; None stays None."""
    return cast("N", int(value)) if isinstance(value, np.integer) else value


def _rounded(price: int | None, tick: int, *, down: bool) -> int | None:
    if price is None:
        return None
    return price // tick * tick if down else -(-price // tick) * tick
