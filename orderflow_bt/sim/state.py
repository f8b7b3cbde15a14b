"""What a session and its matching kernel know together: the kernel's state vector, and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.memory import address_of
from orderflow_bt.kernels.records import CHUNK, CHUNK_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from orderflow_bt.sim.shelf import Shelf


class KernelState:
    """The state vector of `orderflow_bt.kernels.orders`.

    Attributes:
        vector: Int64 [STATE_SLOTS], for kernels.
        slots: The same for Python: numbers go in and out several times as fast.
        address: Where it lies, for a kernel that is called very often.
    """

    def __init__(self) -> None:
        self.__setstate__(np.zeros(k.STATE_SLOTS, np.int64))

    def __getstate__(self) -> NDArray[np.int64]:
        return self.vector

    def __setstate__(self, vector: NDArray[np.int64]) -> None:
        self.vector = vector
        self.slots = vector.data
        self.address = address_of(vector)


class Chunks:
    """Rows of int64 by `CHUNK`, which a kernel finds by a slot of its state.

    Args:
        state: Of the kernel.
        slot: Where the address of the chunks' addresses goes.
        width: Numbers in a row.

    Attributes:
        room: Rows that there is room for.
    """

    def __init__(self, state: KernelState, slot: int, width: int) -> None:
        self.width = width
        self._state = state
        self._slot = slot
        self._chunks: list[bytearray | None] = []  # None: it is on the shelf
        self._shelf: Shelf | None = None
        self._away: dict[int, int] = {}  # by chunk: its number on the shelf
        self._here: list[int] = []  # the other chunks
        self.room = 0
        self._look()

    def _look(self) -> None:
        self._views = [None if c is None else memoryview(c).cast("q") for c in self._chunks]
        self._tables = [None if c is None else np.frombuffer(c, np.int64) for c in self._chunks]
        self._addresses = np.zeros(max(16, 2 * len(self._chunks)), np.int64)
        self._addresses[: len(self._chunks)] = [
            0 if table is None else address_of(table) for table in self._tables
        ]
        self._state.slots[self._slot] = address_of(self._addresses)

    def __getstate__(self) -> dict[str, Any]:
        views = ("_views", "_tables", "_addresses")
        return {name: value for name, value in self.__dict__.items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._look()

    def grow(self) -> None:
        """Let there be room for another `CHUNK` of rows."""
        chunk = bytearray(8 * self.width * CHUNK)
        self._here.append(len(self._chunks))
        self._chunks.append(chunk)
        self.room += CHUNK
        if len(self._chunks) > len(self._addresses):
            self._look()
            return
        table = np.frombuffer(chunk, np.int64)
        self._views.append(memoryview(chunk).cast("q"))
        self._tables.append(table)
        self._addresses[len(self._chunks) - 1] = address_of(table)

    # -- rows that nobody changes any more --------------------------------------------------------

    def shelve(self, shelf: Shelf) -> None:
        """Have `put_away` put chunks there."""
        self._shelf = shelf

    def put_away(self, stop: int, busy: AbstractSet[int] = frozenset()) -> None:
        """Put chunks on the shelf, if there is one: whole ones before row ``stop``.

        Args:
            stop: Nobody changes the rows before it any more,
            busy: but for those of these chunks.
        """
        if self._shelf is None:
            return
        last = stop >> CHUNK_BITS
        for number in [one for one in self._here if one < last and one not in busy]:
            chunk = self._chunks[number]
            assert chunk is not None
            self._away[number] = self._shelf.put(memoryview(chunk))
            self._here.remove(number)
            self._chunks[number] = self._views[number] = self._tables[number] = None
            self._addresses[number] = 0  # a kernel has no business there

    def _chunk(self, number: int) -> bytearray | bytes:
        """A chunk, wherever it lies."""
        chunk = self._chunks[number]
        if chunk is not None:
            return chunk
        assert self._shelf is not None
        return self._shelf.get(self._away[number])

    def _table(self, number: int) -> NDArray[np.int64]:
        table = self._tables[number]
        return np.frombuffer(self._chunk(number), np.int64) if table is None else table

    # -- rows -------------------------------------------------------------------------------------

    def place(self, number: int) -> tuple[bytearray | bytes, int]:
        """Where a row lies: its chunk, and the offset in bytes."""
        chunk = self._chunks[number >> CHUNK_BITS] or self._chunk(number >> CHUNK_BITS)
        return chunk, 8 * self.width * (number & (CHUNK - 1))

    def row(self, number: int) -> memoryview:
        """A row, to be changed in place as long as it is not put away."""
        first = self.width * (number & (CHUNK - 1))
        view = self._views[number >> CHUNK_BITS]
        if view is None:
            view = memoryview(self._chunk(number >> CHUNK_BITS)).cast("q")
        return view[first : first + self.width]

    def value(self, number: int, place: int) -> int:
        """One number of a row."""
        view = self._views[number >> CHUNK_BITS]
        if view is None:
            return self.row(number)[place]
        return view[self.width * (number & (CHUNK - 1)) + place]

    def array(self, number: int) -> NDArray[np.int64]:
        """As `row`, for a kernel."""
        first = self.width * (number & (CHUNK - 1))
        return self._table(number >> CHUNK_BITS)[first : first + self.width]

    def rows(self, first: int, stop: int) -> NDArray[np.int64]:
        """Int64 [stop - first, width], not to be changed."""
        if stop <= first:
            return np.zeros((0, self.width), np.int64)
        low = first >> CHUNK_BITS
        tables = [self._table(n) for n in range(low, ((stop - 1) >> CHUNK_BITS) + 1)]
        whole = tables[0] if len(tables) == 1 else np.concatenate(tables)
        rows = whole.reshape(-1, self.width)
        return rows[first - (low << CHUNK_BITS) : stop - (low << CHUNK_BITS)]

    def blocks(self, count: int) -> Iterator[NDArray[np.int64]]:
        """The first ``count`` rows, a chunk at a time, not to be changed."""
        for first in range(0, count, CHUNK):
            yield self.rows(first, min(first + CHUNK, count))
