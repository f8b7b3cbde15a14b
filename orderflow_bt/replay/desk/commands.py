"""What a page may ask of the desk: each command with its fields, checked once, here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.engine.pauses import PAUSES
from orderflow_bt.replay.engine.transport import JUMPS, SPEEDS, STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orderflow_bt.replay.desk.messages import Message
    from orderflow_bt.replay.screen.lens import Lens

MOST_STEPS = 100_000
_MOST_TEXT = 4000
_MOST_WORD = 200
_MOST_NUMBER = 2**53  # beyond, a page's numbers are not whole
_PRICES = ("price", "limit", "stop", "target", "worst", "cancel_at")
_NEEDED = object()


class Field(NamedTuple):
    """A field of a command: how it is read, and what it is when absent."""

    read: Callable[[object], Any]
    default: Any = _NEEDED


def number(least: float, most: float) -> Callable[[object], float]:
    """Reads a finite number within bounds."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number")  # noqa: TRY004 - said in words by who reads
        if not least <= value <= most:  # nor nan
            raise ValueError(f"a number from {least:g} to {most:g}")
        return value

    return read


def integer(least: int, most: int) -> Callable[[object], int]:
    """Reads a whole number within bounds."""

    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return value

    return read


def text(most: int) -> Callable[[object], str]:
    """Reads a text of bounded length that can be written down."""

    def read(value: object) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise ValueError(f"a text of at most {most} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("a text of whole characters") from None
        return value

    return read


def one_of(*words: str) -> Callable[[object], str]:
    """Reads one of some words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError("one of " + ", ".join(words))
        return value

    return read


def words(most: int) -> Callable[[object], list[str]]:
    """Reads a list of words."""
    word = text(_MOST_WORD)

    def read(value: object) -> list[str]:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"a list of at most {most} words")
        return [word(item) for item in value]

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - as above
    return value


def _speed(value: object) -> float:
    if value == "max":
        return math.inf
    try:
        return number(SPEEDS[0], SPEEDS[-2])(value)
    except ValueError:
        raise ValueError(f"a number from {SPEEDS[0]:g} to {SPEEDS[-2]:g}, or max") from None


def _pause(value: object) -> Any:
    """On, off, a number or a list of levels; which of them fits, the pauses say."""
    if isinstance(value, list):
        return [_level(level) for level in value]
    return value if isinstance(value, bool) else _ANY_NUMBER(value)


def _level(value: object) -> float | list[float]:
    if isinstance(value, list):
        return [_ANY_NUMBER(edge) for edge in value]
    return _ANY_NUMBER(value)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object")  # noqa: TRY004 - as above
    return value


_ANY_NUMBER = number(-_MOST_NUMBER, _MOST_NUMBER)
_NAME = text(_MOST_WORD)
_SWITCH = {"name": Field(_NAME), "on": Field(_flag)}

COMMANDS: dict[str, dict[str, Field]] = {
    "play": {},
    "pause": {},
    "speed": {"value": Field(_speed)},
    "step": {"by": Field(one_of(*STEPS), "trade"), "count": Field(integer(1, MOST_STEPS), 1)},
    "back": {"by": Field(one_of("bar"), "bar"), "count": Field(integer(1, MOST_STEPS), 1)},
    "seek": {
        "time": Field(_ANY_NUMBER, None),
        "row": Field(integer(0, _MOST_NUMBER), None),
    },
    "jump": {"to": Field(one_of(*JUMPS)), "kinds": Field(words(100), None)},
    "pauses": {name: Field(_pause, None) for name in PAUSES},
    "detectors": _SWITCH,
    "strategies": _SWITCH,
    "bars": {"spec": Field(_NAME), "ticks_per_row": Field(integer(1, 10**9), None)},
    "order": {"action": Field(_object)},
    "drill": {"kind": Field(_NAME, None)},
    "answer": {
        "choice": Field(_NAME, None),
        "confidence": Field(integer(50, 100), 50),
        "seconds": Field(number(0, 1e6), 0),
    },
    "drills": {"every": Field(integer(0, 24 * 60))},
    "note": {"text": Field(text(_MOST_TEXT)), "tags": Field(words(20), ())},
    "ladder": {"seconds": Field(integer(1, 3600))},
    "reveal": {},
    "scores": {},
    "journal": {},
}

_ACTION: dict[str, Callable[[object], Any]] = {
    "do": _NAME,
    "side": integer(-1, 1),
    "qty": number(0, _MOST_NUMBER),
    "risk": number(0, 100),
    "trail": number(0, _MOST_NUMBER),
    "order": integer(0, _MOST_NUMBER),
    "expires": number(0, _MOST_NUMBER),
    "until": _ANY_NUMBER,
    "entry": _NAME,
    "reason": text(_MOST_WORD),
    **dict.fromkeys(_PRICES, _ANY_NUMBER),
    **dict.fromkeys(("reduce_only", "post_only", "immediate", "fill_or_kill"), _flag),
}


def command_of(message: Message) -> tuple[str, dict[str, Any]]:
    """A command with all its fields.

    Raises:
        UsageError: There is no such command, or a field is missing, unknown or not what it must be.
    """
    wanted = COMMANDS.get(message.do)
    if wanted is None:
        raise UsageError(
            f"unknown command {message.do[:_MOST_WORD]!r}", fix=f"Known: {', '.join(COMMANDS)}"
        )
    _refuse_unknown(message.do, message.fields, wanted)
    found: dict[str, Any] = {}
    for name, field in wanted.items():
        value = message.fields.get(name)
        if value is None:
            if field.default is _NEEDED:
                raise UsageError(f"{message.do} needs {name!r}")
            found[name] = field.default
        else:
            found[name] = _read(field.read, value, f"{name} of {message.do}")
    return message.do, found


def action_of(given: Mapping[str, Any], lens: Lens) -> tuple[dict[str, Any], float | None]:
    """An action in the units of the tape, from one in the page's.

    Returns:
        The action, and the percent of equity to risk where it names no quantity.

    Raises:
        UsageError: A field is unknown or not what it must be.
    """
    _refuse_unknown("an order", given, _ACTION)
    action: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        read = _read(_ACTION[name], value, f"{name} of an order")
        if name in _PRICES:
            read = lens.units_of(read)
            if read < 1:
                raise UsageError(f"{name} of an order is not above zero")
        elif name == "qty":
            read = lens.lots_of(read)
        elif name == "trail":
            read = round(read * lens.step)
        elif name == "until":
            read = lens.moment_of(read)
        elif name == "expires":
            read = round(read)
        action[name] = read
    return action, action.pop("risk", None)


def _read(read: Callable[[object], Any], value: object, where: str) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise UsageError(f"{where} is not {error}", fix="Give what it asks for") from None


def _refuse_unknown(what: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(
                f"{what} has no {name[:_MOST_WORD]!r}",
                fix=f"It has: {', '.join(known) or 'nothing'}",
            )
