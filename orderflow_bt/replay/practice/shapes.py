"""What the lines of a journal must hold for those who read them, checked once, where it is read.

A line that follows its chain can still have been written by something else: what it says is then
refused with the line and the field, in place of a number that is none further on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.types import DAY_US, BarSpec, Kind, MarketType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orderflow_bt.replay.practice.chain import Entry

FIX = "Put the original back: this program did not write it so"


def _is_bars(text: str) -> str:
    try:
        BarSpec.parse(text)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return text


Count = Annotated[int, Field(ge=0, lt=2**53)]
Bars = Annotated[str, AfterValidator(_is_bars)]
Money = Annotated[str, Field(pattern=r"^[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?$")]


class Shape(BaseModel):
    """Named values of exact types; what else there is stays unread."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Traded(Shape):
    """Whose trades were practised on."""

    exchange: str = "binance"
    market: Annotated[str, AfterValidator(lambda text: MarketType(text).value)] = "um"
    kind: Annotated[str, AfterValidator(lambda text: Kind(text).value)] = "aggTrades"
    symbol: Annotated[str, Field(pattern=r"^\w{1,64}$")]


class Window(Shape):
    """The stretch of tape, microseconds UTC."""

    start: Count
    end: Count
    warmup: Count = 0


class Assumed(Shape):
    """Options of the simulation, as they were typed; older journals lack the last ones."""

    model_config = ConfigDict(extra="forbid")

    latency: Annotated[float, Field(ge=0, le=DAY_US / 1000)] | None = None
    fills: str = "queue"
    fees: str = ""
    cash: str = ""
    leverage: str = "1"
    margin: str = ""
    liquidate_on: str = "last"
    trigger_on: str = "last"


class Practised(Shape):
    """What the first line must say so that a practice can be gone on with."""

    tape: Traded
    window: Window
    bars: Bars
    detectors: list[str] | None = None
    ticks_per_row: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    config: Assumed = Assumed()
    accept_gaps: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    blind: bool = False
    challenge: str = ""


class _Seen(Shape):
    bar: int | None = None
    marks: list[int] = Field(default_factory=list)


class _Line(Shape):
    n: Count
    wall: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    kind: str
    row: Count = 0
    time: Count = 0
    attempt: Count = 0
    seen: _Seen = _Seen()


class _Start(_Line):
    version: int = 0
    tape: Traded | None = None
    window: Window | None = None
    bars: Bars | None = None
    config: Assumed | None = None
    blind: bool = False
    start_id: str = ""
    challenge: str = ""


class _Act(Shape):
    do: str
    side: Literal[-1, 0, 1] = 0
    reason: str | None = None


class _Action(_Line):
    action: _Act
    order: Count | None = None


class _Fill(_Line):
    side: Literal[-1, 1]
    fill: Count | None = None


class _Trip(_Line):
    key: str
    side: Literal[-1, 1]
    qty: Annotated[int, Field(ge=1, lt=2**63)]
    entry_time: Count
    exit_time: Count
    r: float | None
    gross_r: float | None
    mae_r: float | None
    mfe_r: float | None
    net: Money
    gross: Money
    fees: Money
    slippage_ticks: float
    exit_role: str
    reason: str
    hindsight: bool
    entry_row: Count | None = None


class Area(Shape):
    """Times and prices that a question is about."""

    since: Count
    until: Count
    low: int
    high: int


Drill = Literal["aggression", "absorption", "auction", "outcome"]
Choices = Annotated[list[str], Field(min_length=2)]


class _Ask(_Line):
    id: Count
    question: str
    choices: Choices
    drill: Drill = "outcome"
    at_row: Count | None = None  # journals of before did not say it, nor what follows
    side: Literal[-1, 0, 1] = 0
    signal: bool = False
    hindsight: bool = False
    bars: Bars = "1m"

    @model_validator(mode="after")
    def _can_be_asked_again(self) -> _Ask:
        told = {"drill", "side", "signal", "hindsight", "bars"} <= self.model_fields_set
        if self.at_row is not None and not told:
            raise ValueError("with at_row go drill, side, signal, hindsight and bars")
        return self


class _Answer(_Line):
    id: Count
    drill: Drill
    question: str
    choices: Choices
    choice: str
    confidence: Annotated[int, Field(ge=50, le=100)]
    seconds: Annotated[float, Field(ge=0)]
    truth: str | None
    because: str | None
    hit: bool | None
    trend: str
    detector: str
    signal: bool
    hindsight: bool
    asked_at: Count
    at_row: Count
    area: Area
    ticks: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    minutes: Annotated[int, Field(ge=1, lt=2**31)] = 1

    @model_validator(mode="after")
    def _is_told(self) -> _Answer:
        if self.hit is not None and (self.truth is None or self.because is None):
            raise ValueError("a hit or a miss needs truth and because")
        return self


class _Seek(_Line):
    to: Count


class _Note(_Line):
    text: str = ""
    tags: list[str] = Field(default_factory=list)


class _Switched(_Line):
    on: list[str]


_KINDS: dict[str, type[_Line]] = {
    "start": _Start, "action": _Action, "fill": _Fill, "trip": _Trip, "ask": _Ask,
    "answer": _Answer, "truth": _Answer, "seek": _Seek, "note": _Note, "detectors": _Switched,
    "strategies": _Switched,
}  # fmt: skip


def check_entries(entries: Iterable[Entry], path: Path) -> None:
    """Refuse a journal whose lines do not hold what its readers take from them.

    Args:
        entries: Of the whole journal.
        path: The file.

    Raises:
        OrderflowError: A line does not; it says which, and what.
    """
    for number, entry in enumerate(entries, start=1):
        kind = entry.get("kind")
        shape = _KINDS.get(kind, _Line) if isinstance(kind, str) else _Line
        try:
            shape.model_validate(entry)
        except ValidationError as error:
            raise OrderflowError(
                f"line {number}, {told(error)}", where=str(path), fix=FIX
            ) from None


def practised_of(entry: Entry, where: Path) -> Practised:
    """What a journal's first line says of the practice.

    Raises:
        OrderflowError: It does not say enough to go on with it.
    """
    try:
        return Practised.model_validate(entry)
    except ValidationError as error:
        raise OrderflowError(
            f"the journal does not say what was practised on: {told(error)}",
            where=str(where),
            fix="Begin another practice",
        ) from None


def told(error: ValidationError) -> str:
    """The first of what is wrong, in words: the field, and what is asked of it."""
    first: Any = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    words = first["msg"][:1].lower() + first["msg"][1:]
    return f"{field}: {words}" if field else words
