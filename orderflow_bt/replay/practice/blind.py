"""Blind starts: a market, a day and an hour drawn by chance, and a code that gives them again."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.errors import CoverageError, UsageError
from orderflow_bt.replay.practice.chain import Entry, read_lines
from orderflow_bt.replay.practice.journal_file import FILE
from orderflow_bt.replay.screen.lens import SHOWN_BEFORE_US
from orderflow_bt.run.window import find_window
from orderflow_bt.types import HOUR_US, MINUTE_US, SECOND_US

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from orderflow_bt.replay.practice.journal import Journal
    from orderflow_bt.store import DayInfo, Lake
    from orderflow_bt.types import TapeId

WARMUP_US = SHOWN_BEFORE_US  # of the day before the start, or a third of what the day holds
AFTER_US = 2 * HOUR_US  # of the day behind it, or a third
LEAST_ROWS = 2_000  # trades of a day that is worth reading
_STEP_US = 5 * MINUTE_US
_TRIES = 200  # draws until one is not seen before

# A code: seed, place and content of the day, check; in letters that are not mistaken for others.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
_SEED, _PLACE, _CONTENT, _CHECK = 5, 5, 3, 2  # letters, five bits each
MOST_SEEDS = 1 << (5 * _SEED)
_CRC = 0x233  # x^10 + x^9 + x^5 + x^4 + x + 1, of ten bits: no swap or single slip goes unseen


@dataclass(frozen=True, slots=True)
class Start:
    """Where a practice begins.

    Attributes:
        tape: Whose trades.
        start: First moment, microseconds UTC.
        end: Where it had best end, exclusive.
        seed: Of the draw.
        day: What the start's day says of itself.
    """

    tape: TapeId
    start: int
    end: int
    seed: int
    day: DayInfo

    @property
    def id(self) -> str:
        """Names the start without telling it."""
        text = f"{self.tape.label} {self.start}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def draw_start(lake: Lake, seed: int | None = None, seen: AbstractSet[str] = frozenset()) -> Start:
    """Draw a tape, a stored day of it, and a moment with history before it and time after it.

    Args:
        lake: Where the days are stored.
        seed: Of the draw: the same seed and lake give the same start, seen or not. None draws one,
            and again until the start is not among those seen.
        seen: Ids of starts that were practised on (`seen_starts`).

    Raises:
        UsageError: The seed is out of range.
        CoverageError: The lake holds no day to practise on.
    """
    if seed is not None and not 0 <= seed < MOST_SEEDS:
        raise UsageError(f"a seed of {seed}", where="--seed", fix=f"Take 0 to {MOST_SEEDS - 1:,}")
    tapes = [(tape, dates) for tape in lake.tapes() if (dates := lake.dates(tape))]
    if not tapes:
        raise _nothing(lake)
    start = None
    for _ in range(_TRIES):
        start = _drawn(lake, tapes, secrets.randbelow(MOST_SEEDS) if seed is None else seed)
        if seed is not None or start.id not in seen:
            break
    assert start is not None
    return start


def _drawn(lake: Lake, tapes: list[tuple[TapeId, list[dt.date]]], seed: int) -> Start:
    """One draw; days that are too thin, or have defects, are drawn over."""
    draw = np.random.default_rng(seed)
    left = [list(dates) for _, dates in tapes]
    while any(left):
        number = int(draw.integers(len(tapes)))
        if not left[number]:
            continue
        date = left[number].pop(int(draw.integers(len(left[number]))))
        day = lake.day(tapes[number][0], date)
        if day is not None and day.rows >= LEAST_ROWS and day.quality.is_clean:
            start = _start_in(day, seed)
            if _lacks_nothing(lake, start):
                return start
    raise _nothing(lake)


def _lacks_nothing(lake: Lake, start: Start) -> bool:
    """Whether ids go on from the day before and into the day after, where those are stored."""
    try:
        find_window(lake, start.tape, start.start, start.end, lookback=0, accept_gaps=False)
    except CoverageError:
        return False
    return True


def _start_in(day: DayInfo, seed: int) -> Start:
    """The start that a seed gives in a day: of the day alone, whatever else a lake holds."""
    span = day.last_time - day.first_time
    earliest = day.first_time + min(WARMUP_US, span // 3)
    latest = max(day.last_time - min(AFTER_US, span // 3), earliest)
    first, last = -(-earliest // _STEP_US), latest // _STEP_US
    if first <= last:
        start = int(np.random.default_rng([seed, 1]).integers(first, last + 1)) * _STEP_US
    else:  # a day of minutes
        start = min(-(-earliest // SECOND_US) * SECOND_US, day.last_time)
    return Start(day.tape, start, min(start + AFTER_US, day.last_time + 1), seed, day)


def _nothing(lake: Lake) -> CoverageError:
    return CoverageError(
        f"the lake holds no clean day of {LEAST_ROWS:,} trades or more to practise on",
        where=str(lake.root),
        fix="Get some: orderflow-bt download BTCUSDT --market um --from … --to …",
    )


# Codes -------------------------------------------------------------------------------------------


def challenge_code(start: Start) -> str:
    """A start as 15 letters, such as ``K7Q2X-9XABC-3F4TM``, that tell a person nothing."""
    return _code(start.seed, start.day)


def open_challenge(lake: Lake, code: str) -> Start:
    """The start that a code stands for.

    Raises:
        UsageError: It is mistyped.
        CoverageError: The lake lacks the day, or holds another content of it.
    """
    plain = code.upper().translate(_ALIKE).replace("-", "").replace(" ", "")
    letters = _SEED + _PLACE + _CONTENT
    if len(plain) != letters + _CHECK or any(letter not in _LETTERS for letter in plain):
        raise UsageError(
            f"{code!r} is no challenge code",
            fix=f"It has {letters + _CHECK} letters and digits, such as K7Q2X-9XABC-3F4TM",
        )
    if _check(plain[:letters]) != plain[letters:]:
        raise UsageError(f"{code!r} is mistyped: its last letters do not fit the others")
    seed = _number(plain[:_SEED])
    place, content = plain[_SEED : _SEED + _PLACE], plain[_SEED + _PLACE : letters]
    differs = False
    for tape in lake.tapes():
        for date in lake.dates(tape):
            if _place(tape, date) != place:
                continue
            day = lake.day(tape, date)
            if day is not None and _content(day) == content:
                return _start_in(day, seed)
            differs = True
    if differs:
        raise CoverageError(
            "the lake holds the day of this challenge with other trades in it",
            where=str(lake.root),
            fix="orderflow-bt recheck tells days that the exchange has published anew",
        )
    raise CoverageError(
        "the lake lacks the day of this challenge",
        where=str(lake.root),
        fix="Ask who gave the code which days it is drawn from, and download them",
    )


def _code(seed: int, day: DayInfo) -> str:
    plain = _text(seed, _SEED) + _place(day.tape, day.date) + _content(day)
    plain += _check(plain)
    return "-".join(plain[at : at + 5] for at in range(0, len(plain), 5))


def _place(tape: TapeId, date: dt.date) -> str:
    return _hashed(f"{tape.label} {date}", _PLACE)


def _content(day: DayInfo) -> str:
    """Of what the day holds: not of its file, which may be written anew."""
    quality = day.quality
    facts = (quality.rows, quality.first_id, quality.last_id, day.first_time, day.last_time)
    return _hashed(repr(facts), _CONTENT)


def _hashed(text: str, letters: int) -> str:
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return _text(digest % (1 << (5 * letters)), letters)


def _text(number: int, letters: int) -> str:
    return "".join(_LETTERS[number >> (5 * at) & 31] for at in reversed(range(letters)))


def _number(text: str) -> int:
    number = 0
    for letter in text:
        number = number << 5 | _LETTERS.index(letter)
    return number


def _check(text: str) -> str:
    """Two letters by cyclic redundancy."""
    left = 0x2A5
    for letter in text:
        for bit in reversed(range(5)):
            top = (left >> 9 ^ _LETTERS.index(letter) >> bit) & 1
            left = (left << 1 & 0x3FF) ^ (_CRC if top else 0)
    return _text(left, _CHECK)


# Starts that were seen, and the reveal ----------------------------------------------------------


def seen_starts(root: Path) -> frozenset[str]:
    """Ids of the starts of every practice below a folder; what cannot be read is passed over."""
    return frozenset(entry["start_id"] for entry in _firsts(root) if "start_id" in entry)


def _firsts(root: Path) -> Iterator[Entry]:
    for path in sorted(root.glob(f"*/{FILE}")):
        try:
            found = read_lines(path.read_bytes())
        except OSError:
            continue
        if found.entries:
            yield found.entries[0]


def start_facts(start: Start) -> Entry:
    """What a journal's first line says of a blind start."""
    return {
        "blind": True,
        "challenge": challenge_code(start),
        "seed": start.seed,
        "start_id": start.id,
    }


def reveal(journal: Journal, start: Start, *, row: int, time: int, attempt: int = 0) -> Entry:
    """End the practice of a blind start and say what it was; the journal holds it.

    Args:
        journal: Of the practice.
        start: Its start.
        row: Where the cursor stands.
        time: The market's time there.
        attempt: Of the practice.

    Returns:
        What may be shown now: tape, date, times.

    Raises:
        UsageError: It was revealed before.
    """
    if journal.is_revealed:
        raise UsageError("it was revealed before", where=str(journal.folder))
    facts: dict[str, Any] = {
        "symbol": start.tape.symbol,
        "market": start.tape.market.value,
        "exchange": start.tape.exchange,
        "tape_kind": start.tape.kind.value,
        "date": start.day.date.isoformat(),
        "start": start.start,
    }
    journal.write("reveal", row=row, time=time, attempt=attempt, **facts)
    return facts
