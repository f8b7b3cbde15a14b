"""What detectors saw, and when it could first be known: as columns, and one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import TYPE_CHECKING, Any, NoReturn, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

# Columns of `EventColumns.rows`; from DETAILS on, the detector's own.
(
    KNOWN_AT, AT, SOURCE, BARS, KIND, STATE, DIRECTION, PRICE, PRICE_LOW, PRICE_HIGH, STRENGTH,
    SINCE, SPANS_GAP, ID,
) = range(14)  # fmt: skip
DETAILS = 14
ABSENT = -(2**63)  # a detail that an event does not have; a SINCE that is not known


class Details(dict[str, int]):
    """Details of an event: a dictionary that nobody can change, since all hear the same event."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("an event's details cannot be changed; take dict(event.details)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[Details], tuple[dict[str, int]]]:
        return Details, (dict(self),)


class _Unread:
    """Keeps an event's details as they were packed, as long as nobody looks at them."""

    __slots__ = ("_packed",)

    _packed: tuple[tuple[str, ...], list[int]]  # their names, and the columns from DETAILS on

    def __getattr__(self, name: str) -> Any:
        if name != "details":
            said = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(said, name=name, obj=self)
        pairs = zip(*self._packed, strict=False)
        details = Details([pair for pair in pairs if pair[1] != ABSENT])
        object.__setattr__(self, "details", details)
        return details


@dataclass(frozen=True, slots=True)
class Event(_Unread):
    """One observation of a detector.

    Attributes:
        known_at: Microseconds UTC; nothing the event says needs data after it.
        detector: The detector's name.
        kind: What was seen, such as ``regular``.
        direction: What it implies for price: +1 up, -1 down.
        state: Stage of its life, such as ``confirmed``.
        price: The price it is about, in price units.
        price_low: Lower edge of the area it is about.
        price_high: Upper edge.
        strength: How far beyond its threshold, 1 being just at it.
        spans_gap: Whether trades are missing in what it was read from.
        details: Further integers, named by the detector's documentation.
        id: Its number in the run, given by the session.
    """

    known_at: int
    detector: str
    kind: str
    direction: int
    state: str
    price: int
    price_low: int
    price_high: int
    strength: float
    spans_gap: bool = False
    details: Mapping[str, int] = field(default_factory=dict)
    id: int = -1


_SETTERS = {name: vars(kind)[name].__set__ for kind in (Event, _Unread) for name in kind.__slots__}


@dataclass(slots=True)
class EventWords:
    """The words behind the numbers of one detector's events.

    Attributes:
        detector: Its name.
        kinds: By the number in column KIND.
        states: By the number in column STATE.
        details: Names of the columns from DETAILS on.
    """

    detector: str
    kinds: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def pack(self, seen: Iterable[tuple[int, int, Event]]) -> NDArray[np.int64]:
        """Events as rows; words that are new are added.

        Args:
            seen: For each event, the row of the piece of tape before which it is known, the
                length of its bars (0: it is of a trade), and the event.

        Raises:
            TypeError: A number of an event is not whole.
            OverflowError: A number does not fit 64 bits.
        """
        rows, strengths = [], []
        for at, bars, e in seen:
            for name in e.details:
                if name not in self.details:
                    self.details.append(name)
            strengths.append(e.strength)
            rows.append(
                [
                    index(e.known_at), at, 0, bars, _place(self.kinds, e.kind),
                    _place(self.states, e.state), index(e.direction), index(e.price),
                    index(e.price_low), index(e.price_high), 0, ABSENT, int(e.spans_gap), e.id,
                    *(index(e.details.get(name, ABSENT)) for name in self.details),
                ]
            )  # fmt: skip
        packed = np.full((len(rows), DETAILS + len(self.details)), ABSENT, np.int64)
        for k, row in enumerate(rows):
            packed[k, : len(row)] = row
        packed[:, STRENGTH] = np.array(strengths, np.float64).view(np.int64)
        return packed


def _place(words: list[str], word: str) -> int:
    if word not in words:
        words.append(word)
    return words.index(word)


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns(Sequence[Event]):
    """Events in the order of knowing. An `Event` is made when one is looked at.

    Attributes:
        rows: int64 [n, DETAILS or more]. KNOWN_AT: microseconds. AT: row of the piece of tape
            before which it is known. SOURCE: place of its detector in ``words``. BARS: length of
            the bars it is of, as `BarSpec.size`; 0 if it is of a trade. KIND, STATE: numbers of
            words. PRICE, PRICE_LOW, PRICE_HIGH: price units. STRENGTH: the bits of a float64.
            SINCE: time from which on the tape counted for it. SPANS_GAP: 0 or 1. ID: its number in
            the run, -1 in the warm-up. From DETAILS on: the detector's details, ABSENT where there
            is none.
        words: What the numbers of each detector's events mean.
    """

    rows: NDArray[np.int64]
    words: Sequence[EventWords]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> EventColumns: ...
    def __getitem__(self, index: int | slice) -> Event | EventColumns:
        if isinstance(index, slice):
            return EventColumns(self.rows[index], self.words)
        return _events(self.rows[index][np.newaxis], self.words)[0]

    def __iter__(self) -> Iterator[Event]:
        return iter(_events(self.rows, self.words))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # compared by what they hold

    @property
    def strength(self) -> NDArray[np.float64]:
        """Float64 [n]: how far beyond its threshold each is."""
        return np.ascontiguousarray(self.rows[:, STRENGTH]).view(np.float64)

    def since(self, time: int) -> EventColumns:
        """Those known at ``time`` or later."""
        first = int(np.searchsorted(self.rows[:, KNOWN_AT], time))
        return EventColumns(self.rows[first:], self.words) if first else self

    @classmethod
    def concat(cls, parts: Sequence[EventColumns]) -> EventColumns:
        """Events of one reading, of which pieces are given in order."""
        return cls(stack([part.rows for part in parts]), parts[-1].words if parts else ())


def _events(rows: NDArray[np.int64], words: Sequence[EventWords]) -> list[Event]:
    """Rows as events, column by column: by their slots, as nobody may write to one."""
    sources: list[int] = rows[:, SOURCE].tolist()
    known_at, kinds, states, directions, prices, lows, highs, ids = (
        rows[:, column].tolist()
        for column in (KNOWN_AT, KIND, STATE, DIRECTION, PRICE, PRICE_LOW, PRICE_HIGH, ID)
    )
    names = [tuple(of.details) for of in words]
    columns: dict[str, list[Any]] = {
        "known_at": known_at,
        "detector": [words[source].detector for source in sources],
        "kind": [words[source].kinds[kind] for source, kind in zip(sources, kinds, strict=True)],
        "direction": directions,
        "state": [words[source].states[at] for source, at in zip(sources, states, strict=True)],
        "price": prices,
        "price_low": lows,
        "price_high": highs,
        "strength": np.ascontiguousarray(rows[:, STRENGTH]).view(np.float64).tolist(),
        "spans_gap": rows[:, SPANS_GAP].astype(np.bool_).tolist(),
        "id": ids,
        "_packed": list(
            zip([names[source] for source in sources], rows[:, DETAILS:].tolist(), strict=True)
        ),
    }
    made = [Event.__new__(Event) for _ in sources]
    for name, column in columns.items():
        deque(map(_SETTERS[name], made, column), maxlen=0)
    return made


def stack(parts: Sequence[NDArray[np.int64]], least_width: int = DETAILS) -> NDArray[np.int64]:
    """Rows of events below each other, as wide as the widest."""
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    width = max((part.shape[1] for part in parts), default=least_width)
    rows = np.full((sum(map(len, parts)), width), ABSENT, np.int64)
    filled = 0
    for part in parts:
        rows[filled : filled + len(part), : part.shape[1]] = part
        filled += len(part)
    return rows


NO_EVENTS = EventColumns(np.zeros((0, DETAILS), np.int64), ())
