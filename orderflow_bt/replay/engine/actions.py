"""What a person asks of the exchange, as plain dicts that page and journal share.

``{"do": "limit", "side": 1, "qty": 5, "price": 100_000}``: sides +1 and -1, quantities in lots,
prices and distances in price units, all integers. A market, limit or stop order that carries
``stop`` (and ``target``, or ``trail``) is a bracket's entry.
"""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.sim.order_desk import NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.sim.session import Session

Action = dict[str, Any]

NOTES = ("reason", "note", "tags", "screen")  # for the journal; the exchange does not see them
_LIFE = ("expires", "until", "cancel_at")
_LEGS = ("stop", "target", "trail")
# For each kind of action what it must say and what it may.
_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "market": (("side", "qty"), ("worst", "reduce_only", "expires", "until", *_LEGS)),
    "limit": (
        ("side", "qty", "price"),
        ("post_only", "immediate", "fill_or_kill", "reduce_only", *_LIFE, *_LEGS),
    ),
    "stop": (("side", "qty", "price"), ("worst", "reduce_only", *_LIFE, *_LEGS)),
    "stop_limit": (("side", "qty", "price", "limit"), ("reduce_only", *_LIFE)),
    "trailing": (("side", "qty", "trail"), ("price", "worst", "reduce_only", *_LIFE)),
    "bracket": (("side", "qty", "stop"), ("target", "trail", "price", "entry", *_LIFE)),
    "replace": (("order",), ("qty", "price", "limit")),
    "cancel": (("order",), ()),
    "cancel_all": ((), ()),
    "close": ((), ()),
}
_FLAGS = ("reduce_only", "post_only", "immediate", "fill_or_kill")
_ENTRIES = ("market", "limit", "stop")


class Recorded(NamedTuple):
    """An action that was taken.

    Attributes:
        row: Trades that had passed: the first that it could meet, latency apart.
        time: The session's clock then, microseconds UTC.
        attempt: Which attempt took it.
        hindsight: Whether what came after that row had been seen already.
        action: What was asked.
        order: Id of the order that came of it, where one did.
    """

    row: int
    time: int
    attempt: int
    hindsight: bool
    action: Action
    order: int | None


def checked(action: Mapping[str, Any]) -> Action:
    """An action without empty fields.

    Raises:
        UsageError: It is none, lacks something, or says something that it cannot.
    """
    kind = action.get("do")
    if not isinstance(kind, str) or kind not in _WORDS:
        raise UsageError(f"{kind!r} is no action", where="do", fix=f"Known: {', '.join(_WORDS)}")
    needed, more = _WORDS[kind]
    given = {name: value for name, value in action.items() if value is not None}
    for name in needed:
        if name not in given:
            raise UsageError(f"a {kind} action needs {name!r}")
    for name, value in given.items():
        if name == "do" or name in NOTES:
            continue
        if name not in needed and name not in more:
            raise UsageError(
                f"a {kind} action has no {name!r}", fix=f"It has: {', '.join(needed + more)}"
            )
        _check_value(kind, name, value)
    if "stop" not in given and kind in _ENTRIES and ("target" in given or "trail" in given):
        raise UsageError("a target or a trail goes with a stop", where="stop")
    return given


def _check_value(kind: str, name: str, value: object) -> None:
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise UsageError(f"{name} of a {kind} action is true or false, not {value!r}")
        return
    if name == "entry":
        if value not in _ENTRIES:
            raise UsageError(f"a bracket is entered by {', '.join(_ENTRIES)}, not {value!r}")
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{name} of a {kind} action is an integer, not {value!r}")
    if name == "side" and value not in (1, -1):
        raise UsageError(f"a side is +1 or -1, not {value}")
    if name in ("qty", "trail") and value < 1:
        raise UsageError(f"{name} of a {kind} action is at least 1, not {value}")


def perform(action: Action, session: Session) -> int | None:
    """Ask a session's broker for what an action says; the order's id, if it makes one.

    Raises:
        UsageError: The broker finds it to be nonsense, or takes no orders now.
    """
    if not session.trading:
        raise UsageError(
            "no orders are taken: this moment is before the part to practise on, or behind its end"
        )
    session.thread = get_ident()
    try:
        order = _send({name: v for name, v in action.items() if name not in NOTES}, session)
    except PluginError as error:
        raise UsageError(error.what, where=error.where, fix=error.fix) from error
    return None if order == NOT_SENT else order


def _send(asked: Action, session: Session) -> int | None:
    broker, kind = session.broker, asked.pop("do")
    if kind == "bracket" or (kind in _ENTRIES and "stop" in asked):
        return _bracket(kind, asked, session)
    if kind == "market":
        return broker.market(**asked)
    if kind == "limit":
        return broker.limit(**asked)
    if kind in ("stop", "stop_limit"):
        return broker.stop(**asked)
    if kind == "trailing":
        return broker.trailing_stop(**asked)
    if kind == "close":
        return broker.close()
    if kind == "replace":
        broker.replace(asked.pop("order"), **asked)
    elif kind == "cancel":
        broker.cancel(asked["order"])
    else:
        broker.cancel_all()
    return None


def _bracket(kind: str, asked: Action, session: Session) -> int:
    price = asked.pop("price", None)
    entry = asked.pop("entry", None if kind == "bracket" else kind)
    if entry is None:
        entry = "market" if price is None else "limit"
    if (entry == "market") != (price is None):
        raise UsageError(f"a bracket entered by {entry} and a price of {price}", where="entry")
    for flag in _FLAGS:
        if asked.pop(flag, False):
            raise UsageError(f"a bracket's entry is never {flag}")
    if entry != "market":
        asked[f"{entry}_entry"] = price
    return session.broker.bracket(**asked)
