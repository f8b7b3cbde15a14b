"""What a strategy keeps from before its first trade and who can have told it."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from orderflow_bt.strategy.base import Strategy
    from orderflow_bt.types import Trades

MANY = 32  # numbers kept before the first trade that need a reason
MOST_PRICES = 2_000_000
DEEPEST = 6
_READERS = ("Lake", "SeriesStore", "BarWindow", "DuckDBPyConnection", "Connection", "Tape")
CHANCE_DIGITS = 6  # a number with fewer may be a statistic of the tape by chance
MOST = 0.5


class Facts:
    """What only somebody who has read the whole tape knows of it."""

    def __init__(self, price_decimals: int) -> None:
        self._unit = 10**price_decimals
        self._count = 0
        self._base = 0  # the first price; the sums are of distances from it, to stay exact enough
        self._sum = self._squares = self._paid = self._volume = 0.0
        self._prices: NDArray[np.int64] = np.zeros(0, np.int64)
        self._first = self._last = 0

    def take(self, trades: Trades) -> None:
        """Read the next piece of tape."""
        if not trades.rows:
            return
        if not self._count:
            self._base, self._first = int(trades.price[0]), int(trades.time[0])
        away = (trades.price - self._base).astype(np.float64)
        self._count += trades.rows
        self._sum += float(away.sum())
        self._squares += float((away * away).sum())
        self._paid += float((away * trades.qty).sum())
        self._volume += float(trades.qty.sum())
        if len(self._prices) < MOST_PRICES:
            self._prices = np.union1d(self._prices, trades.price)
        self._last = int(trades.time[-1])

    def numbers(self) -> dict[str, float]:
        """Statistics of the prices, by name, in price units."""
        if not self._count:
            return {}
        away = self._sum / self._count
        spread = max(self._squares / self._count - away * away, 0.0) ** 0.5
        found = {"mean price": self._base + away, "deviation of prices": spread}
        if self._volume:
            found["volume-weighted price"] = self._base + self._paid / self._volume
        return found

    def name_of(self, value: float) -> str:
        """Which statistic of the whole tape a number is, empty where none."""
        if len(repr(value).replace(".", "").strip("0")) < CHANCE_DIGITS:
            return ""
        for name, known in self.numbers().items():
            for scaled in (known, known / self._unit):
                if abs(value - scaled) <= 1e-9 * abs(scaled):
                    return name
        return ""

    def are_of_the_tape(self, values: NDArray[Any]) -> str:
        """What of the tape an array holds, empty where nothing."""
        if values.size < MANY or values.dtype.kind not in "iuf":
            return ""
        distinct = np.unique(values[np.isfinite(values)].astype(np.float64))
        if distinct.size < MANY // 4:
            return ""
        for unit in (1, self._unit):
            hits = np.isin(np.rint(distinct * unit), self._prices.astype(np.float64))
            exact = np.abs(distinct * unit - np.rint(distinct * unit)) < 1e-6
            if (hits & exact).mean() > MOST:
                return "prices of this tape"
        for unit in (1, 1_000, 1_000_000):
            inside = (distinct * unit >= self._first) & (distinct * unit <= self._last)
            if inside.mean() > MOST:
                return "times of this tape"
        return ""


def kept(strategy: Strategy) -> Iterator[tuple[str, Any]]:
    """Everything a strategy's hooks can reach before the first trade, with a name for each."""
    own = type(strategy)
    roots: list[tuple[str, Any]] = [(f"self.{name}", v) for name, v in vars(strategy).items()]
    for cls in own.__mro__:
        if cls.__module__.startswith("orderflow_bt.") or cls is object:
            continue
        roots += [(f"{cls.__name__}.{name}", value) for name, value in vars(cls).items()]
    waiting = deque((name, value, 0) for name, value in roots)
    seen: set[int] = set()
    while waiting:
        name, value, depth = waiting.popleft()
        if id(value) in seen or depth > DEEPEST:
            continue
        seen.add(id(value))
        yield name, value
        waiting += [(inner, thing, depth + 1) for inner, thing in _within(name, value)]


def _within(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, staticmethod | classmethod):
        return [(name, value.__func__)]
    if isinstance(value, property):
        return [(name, value.fget)]
    if isinstance(value, FunctionType):
        return _of_function(name, value)
    if isinstance(value, dict):
        return [(f"{name}[{key!r}]", inner) for key, inner in list(value.items())[:MANY]]
    if isinstance(value, list | tuple | deque):
        names = getattr(value, "_fields", None) or [f"[{k}]" for k in range(min(len(value), MANY))]
        return [(f"{name}.{n}".replace(".[", "["), v) for n, v in zip(names, value, strict=False)]
    home = str(getattr(type(value), "__module__", ""))
    if hasattr(value, "__dict__") and not isinstance(value, type | ModuleType):
        if home.startswith(("builtins", "numpy", "numba", "pyarrow", "polars", "pandas")):
            return []
        return [(f"{name}.{n}", v) for n, v in vars(value).items()]
    return []


def _of_function(name: str, function: FunctionType) -> list[tuple[str, Any]]:
    found = [
        (f"{variable} (closure of {name})", cell.cell_contents)
        for variable, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        )
    ]
    found += [(f"a default of {name}", value) for value in function.__defaults__ or ()]
    names = _names_in(function.__code__)
    home = function.__module__ or ""
    if home.startswith("orderflow_bt."):
        return found
    return found + [
        (f"{variable} (global of {name})", function.__globals__[variable])
        for variable in names
        if variable in function.__globals__
    ]


def _names_in(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names_in(constant)
    return names


def suspicious(strategy: Strategy, facts: Facts) -> Iterator[tuple[str, str]]:
    """(name, what it is) of everything kept that only the whole tape, or a file, can have told."""
    for name, value in kept(strategy):
        if isinstance(value, float | Decimal | np.floating) and not isinstance(value, bool):
            if known := facts.name_of(float(value)):
                yield name, f"the {known} of the whole tape"
            continue
        if type(value).__name__ in _READERS and not isinstance(value, type):
            yield name, f"a {type(value).__name__}, which reads any moment"
            continue
        numbers = _numbers(value)
        if numbers is None or numbers.size < MANY:
            continue
        if of_tape := facts.are_of_the_tape(numbers):
            yield name, f"{numbers.size:,} {of_tape}"
        elif np.ptp(numbers) > 0:
            yield name, f"{numbers.size:,} numbers of unknown origin"


def _numbers(value: Any) -> NDArray[Any] | None:
    """The numbers a value holds, None where it holds none."""
    if hasattr(value, "to_numpy") and not isinstance(value, np.ndarray):
        try:
            value = value.to_numpy()
        except (TypeError, ValueError, NotImplementedError):
            return None
    if hasattr(value, "to_pydict"):
        value = [n for column in value.to_pydict().values() for n in column]
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list | tuple | deque | np.ndarray):
        try:
            array = np.asarray(value)
        except ValueError:  # of tuples in a tuple, say
            return None
        if not array.ndim:
            return None
        if array.dtype.kind == "O":
            try:
                array = array.astype(np.float64)
            except (TypeError, ValueError):
                return None
        flat = array.ravel()
        return flat[np.isfinite(flat)] if flat.dtype.kind in "iuf" else None
    return None
