"""Assumptions as texts: queue estimates and slippage models, into what the kernel counts with."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from orderflow_bt.errors import UnsupportedError, UsageError
from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.quotes import MAX_VISITS, ONE

MOST_BPS = 1_000
_KNOWN_QUEUES = f"Use visits:N (1 to {MAX_VISITS}), last_visit, zero or const:LOTS"
_KNOWN_SLIPPAGE = "Use ticks=K, bps=B, half_spread and sqrt=FACTOR, several joined by commas"


class FillPolicy(StrEnum):
    """When a resting order at the traded price fills."""

    TOUCH = "touch"  # at once: soonest
    QUEUE = "queue"  # after the volume inferred ahead of it
    THROUGH = "through"  # only when price trades beyond it: last


class Reference(StrEnum):
    """What a market order pays at a trade, before slippage."""

    CROSS = "cross"  # the worse of the trade and the inferred quote on the other side
    NEXT_PRINT = "next_print"  # the trade's price: optimistic, for comparisons
    NEXT_SAME_SIDE = "next_same_side"  # waits for a trade of its own side, then crosses


class StopFill(StrEnum):
    """At what price a triggered stop fills."""

    MARKET = "market"  # as a market order does
    TRIGGER_PRICE = "trigger_price"  # at its trigger, as bar-based tools do: never an honest price


class GapPolicy(StrEnum):
    """What happens where trades are missing."""

    KEEP = "keep"  # orders and position stay
    CANCEL_ORDERS = "cancel_orders"  # no order outlives the gap
    FLATTEN_AFTER = "flatten_after"  # and the position is closed after the gap


class End(StrEnum):
    """What becomes of a position that is open at the end."""

    MARK = "mark"  # valued at the last price, listed apart
    CLOSE = "close"  # closed at the last price, taker fee


class LiquidateOn(StrEnum):
    """Which price is tested for liquidation."""

    AUTO = "auto"  # the mark price where minutes of it are stored, elsewhere the last price
    MARK = "mark"  # the mark price, and no run without it
    LAST = "last"  # that of each trade


class TriggerOn(StrEnum):
    """Which price triggers stops, trailing stops and if-touched orders."""

    LAST = "last"  # that of each trade
    MARK = "mark"  # the mark price, and no run without it


class OffTick(StrEnum):
    """What becomes of an order whose price is not a whole number of ticks."""

    ROUND = "round"  # never beyond what was meant
    REJECT = "reject"


def queue_setting(text: str, window: int) -> tuple[int, int]:
    """A queue estimator as the kernel's numbers: (visits, trades to look back over).

    Visits are 0 for nothing ahead and minus a constant. ``visits:N`` and ``visit_median:N`` are
    the same; ``,W`` behind them looks back over fewer trades than ``window``.

    Raises:
        UsageError: The text is no queue estimate.
        UnsupportedError: It needs what trades do not carry.
    """
    name, _, number = text.partition(":")
    if text == "zero":
        return 0, window
    if text == "last_visit":
        return 1, window
    if name == "snapshot":
        raise UnsupportedError(
            "the queue estimate 'snapshot' needs order-book snapshots, which trades do not carry",
            fix="Use visits:5, last_visit, zero or const:LOTS",
        )
    if name == "const" and number.isdecimal():
        return -int(number), window
    if name in ("visits", "visit_median"):
        count, comma, back = number.partition(",")
        if count.isdecimal() and 1 <= int(count) <= MAX_VISITS and not comma:
            return int(count), window
        if count.isdecimal() and 1 <= int(count) <= MAX_VISITS and back.isdecimal() and int(back):
            return int(count), min(int(back), window)
    raise UsageError(f"{text!r} is not a queue estimate", fix=_KNOWN_QUEUES)


def decay_table(per_second: Decimal) -> list[int]:
    """What is left of the volume ahead after 1, 2, 4 ... microseconds, in 2**-30, rounded up."""
    rate = per_second / 1_000_000
    return [math.ceil((-rate * 2**b).exp() * ONE) for b in range(k.DECAY_BITS)]


def parse_slippage(text: str) -> dict[str, Any]:
    """``ticks=1,bps=0.5,half_spread,sqrt=0.8`` as fields of `SimConfig`; a bare number is ticks.

    What is not named is not paid.

    Raises:
        UsageError: The text is no list of slippage models.
    """
    fields: dict[str, Any] = {
        "slippage_ticks": 0, "slippage_bps": Decimal(0), "half_spread": False,
        "impact": Decimal(0),
    }  # fmt: skip
    names = {"ticks": "slippage_ticks", "bps": "slippage_bps", "sqrt": "impact"}
    if text.strip().isdecimal():
        return fields | {"slippage_ticks": int(text)}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name == "half_spread" and not equals:
            fields["half_spread"] = True
            continue
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal(-1)
        if name not in names or not number.is_finite() or number < 0 or (
            name == "ticks" and number % 1
        ):  # fmt: skip
            raise UsageError(
                f"{part.strip()!r} is not a slippage model", where="--slippage", fix=_KNOWN_SLIPPAGE
            )
        fields[names[name]] = int(number) if name == "ticks" else number
    return fields
