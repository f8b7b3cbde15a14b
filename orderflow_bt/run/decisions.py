"""Writes down what a strategy decides, when, and what it looked at: for the look-ahead audit.

A watched strategy is the author's own class with its hooks wrapped: the hook is handed a market and
a broker that note every use and pass it on.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import PluginError
from orderflow_bt.flow.events import Event
from orderflow_bt.strategy.base import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from orderflow_bt.run.outside import Outside
    from orderflow_bt.sim import Session

HOOKS = tuple(name for name in vars(Strategy) if name.startswith("on_"))
LONGEST = 300  # of a value in words
_QUESTIONS = ("size", "refusal", "working")  # of the broker; everything else there is a deed
_OWN_DATA = ("instrument", "now", "price")  # of the market; they cannot tell the future


class Decision(NamedTuple):
    """Something asked of the broker.

    Attributes:
        time: Of the market, microseconds UTC.
        row: Trades of the tape that were over; the next one is the first an order can meet.
        hook: In which hook.
        deed: What was asked, in words.
    """

    time: int
    row: int
    hook: str
    deed: str


class Look(NamedTuple):
    """Something a hook read, in words."""

    what: str
    value: str


@dataclass
class Diary:
    """What a watched strategy does.

    Attributes:
        decisions: In order.
        detail_at: The market time at which everything looked at is written down too.
        looks: What was looked at then.
        private: Names behind which a hook reached past what it was given.
        outside: Notices files and connections that hooks open.
    """

    detail_at: int | None = None
    outside: Outside | None = None
    session: Session | None = None
    decisions: list[Decision] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    private: set[str] = field(default_factory=set)
    hook: str = ""

    def decide(self, deed: str) -> None:
        """Note something asked of the broker."""
        session = self.session
        if session is not None and self.hook != "on_end":
            self.decisions.append(Decision(session.now, session.next_index, self.hook, deed))

    def look(self, what: str, value: object) -> None:
        """Note something read, if it is wanted."""
        if self.session is not None and self.session.now == self.detail_at:
            self.looks.append(Look(what, words(value)))


def watched(strategy: Strategy, diary: Diary) -> Strategy:
    """A copy of the strategy whose hooks are written down in ``diary``."""
    try:
        twin = copy.deepcopy(strategy)
    except TypeError as error:
        raise PluginError(
            f"{type(strategy).__name__} cannot be copied: {error}",
            fix="Keep plain Python attributes in a strategy: it is also saved by them",
        ) from error
    cls = type(strategy)
    heard = {
        name: _wrapped(name, getattr(cls, name), diary)
        for name in HOOKS
        if getattr(cls, name) is not getattr(Strategy, name)
    }
    body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, **heard}
    twin.__class__ = type(cls.__name__, (cls,), body)
    return twin


def _wrapped(name: str, hook: Callable[..., None], diary: Diary) -> Callable[..., None]:
    def wrapped(self: Strategy, *given: Any) -> None:
        *told, market, broker = given
        diary.hook = name
        for thing in told:
            diary.look(name.removeprefix("on_"), thing)
        arguments = (*told, _Market(market, diary), _Broker(broker, diary))
        if diary.outside is None:
            hook(self, *arguments)
        else:
            with diary.outside.inside(name, diary.session.now if diary.session else 0):
                hook(self, *arguments)

    return wrapped


class _Watched:
    """Passes everything on; names that begin with an underscore are noted."""

    _label = ""

    def __init__(self, real: Any, diary: Diary) -> None:
        self._real = real
        self._diary = diary

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if name.startswith("_"):
            self._diary.private.add(f"{self._label}.{name}")
            return value
        return self._noted(name, value)

    def _noted(self, name: str, value: Any) -> Any:
        raise NotImplementedError


class _Market(_Watched):
    _label = "market"

    def _noted(self, name: str, value: Any) -> Any:
        if name in _OWN_DATA:
            return value
        if not callable(value):
            self._diary.look(f"market.{name}", value)
            return value

        def asked(*given: Any, **named: Any) -> Any:
            answer = value(*given, **named)
            self._diary.look(f"market.{name}({_arguments(given, named)})", answer)
            return answer

        return asked


class _Broker(_Watched):
    _label = "broker"

    def _noted(self, name: str, value: Any) -> Any:
        if not callable(value):
            self._diary.look(f"broker.{name}", value)
            return value

        def asked(*given: Any, **named: Any) -> Any:
            call = f"{name}({_arguments(given, named)})"
            if name not in _QUESTIONS:
                self._diary.decide(call)
                return value(*given, **named)
            answer = value(*given, **named)
            self._diary.look(f"broker.{call}", answer)
            return answer

        return asked


def _arguments(given: tuple[Any, ...], named: dict[str, Any]) -> str:
    parts = [words(value) for value in given]
    return ", ".join(parts + [f"{name}={words(value)}" for name, value in named.items()])


def words(value: object) -> str:
    """A value so that two runs can be compared by it and a person can read it."""
    if isinstance(value, Event):
        return f"{value.detector} {value.kind} {value.direction:+d} at {value.price}"
    if hasattr(value, "extreme"):  # a bar history: as long as it is, and its newest bar
        count = len(value)  # type: ignore[arg-type] # every bar history has a length
        newest = value[-1] if count else None  # type: ignore[index] # and can be indexed
        return f"{count} bars, newest {newest!r}"[:LONGEST]
    if type(value).__name__ == "Footprints":
        footprints: Any = value
        newest = footprints[-1].cells.tolist() if len(footprints) else None
        return f"{len(footprints)} footprints, newest {newest}"[:LONGEST]
    return repr(value)[:LONGEST] if not isinstance(value, tuple) or value else "none"
