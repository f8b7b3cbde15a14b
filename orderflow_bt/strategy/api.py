"""What a hook is given: the market as known now, a broker to trade with, and the records of both.

Prices are integer price units, quantities integer lots, times microseconds UTC. ``side`` is +1 to
buy, -1 to sell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from orderflow_bt.flow import Footprint
    from orderflow_bt.flow.events import Event
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.strategy.series import History, Series
    from orderflow_bt.types import Bar, BarSpec


class Order(NamedTuple):
    """An order as it stands.

    ``status`` is sent, working, triggered, waiting, filled, cancelled, expired or rejected.
    ``price`` is the limit or trigger price, None for a market order; of a trailing stop, where it
    stood when it was accepted, then where it triggered. ``why`` tells the end of an order that did
    not fill whole. ``ahead`` is the inferred volume in front of it when it came to rest, None for
    an order that never rested. ``arrival_time`` is when it is to reach the exchange, then when it
    did (a changed order: when it queued anew). ``limit_price`` is the limit of a stop-limit,
    ``trail`` the distance of a trailing stop, ``worst_price`` the bound of a market order.
    """

    id: int
    parent_id: int | None
    kind: str  # market, limit, stop, stop_limit, trailing_stop, if_touched
    role: str  # entry, stop, target, exit
    side: int
    qty: int
    price: int | None
    decision_time: int
    arrival_time: int | None
    done_time: int | None
    status: str
    filled_qty: int
    ahead: int | None
    why: str
    event_id: int | None
    limit_price: int | None = None
    trail: int | None = None
    worst_price: int | None = None
    trigger_time: int | None = None


class Fill(NamedTuple):
    """A part of an order that traded. ``rule`` says why: took, queue, touch, through or end.

    ``reference`` is the price before slippage. ``slippage_ticks`` is all of it; ``spread_ticks``,
    ``bps_ticks`` and ``impact_ticks`` are what half the spread, basis points and the square-root
    law added, the rest of it are fixed ticks.
    """

    id: int
    order_id: int
    time: int
    trade_id: int
    side: int
    qty: int
    price: int
    role: str
    liquidity: str  # maker, taker
    rule: str
    ahead: int
    slippage_ticks: int
    fee: Decimal
    event_id: int | None
    reference: int = 0
    spread_ticks: int = 0
    bps_ticks: int = 0
    impact_ticks: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """What is held now.

    Attributes:
        qty: Signed lots.
        average_price: None when flat.
        opened_at: Microseconds UTC, 0 when flat.
        is_flat: Nothing is held. (Every hook asks, so it is no property.)
    """

    qty: int
    average_price: Decimal | None
    opened_at: int
    is_flat: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_flat", self.qty == 0)

    @property
    def side(self) -> int:
        """+1 long, -1 short, 0 flat."""
        return (self.qty > 0) - (self.qty < 0)


class BarHistory(Protocol):
    """Closed bars, oldest first: ``len``, ``[-1]``, ``[-20:-1]``, iteration."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Bar: ...
    @overload
    def __getitem__(self, index: slice) -> BarHistory: ...
    def __iter__(self) -> Iterator[Bar]: ...

    def last(self, count: int) -> BarHistory:
        """The last ``count`` closed bars (fewer at the start of the tape)."""
        ...

    def extreme(self, side: int) -> int:
        """Highest high (``side`` +1) or lowest low (-1)."""
        ...

    def atr(self, count: int) -> int | None:
        """Average true range of the last ``count`` bars, rounded down; None if fewer."""
        ...

    def count_since(self, time: int) -> int:
        """How many bars have closed after ``time``."""
        ...

    def vwap_since(self, time: int) -> int | None:
        """Volume-weighted price of bars opened from ``time`` on, rounded; None without volume."""
        ...


class Market(Protocol):
    """The tape as known now. Nothing here can see a trade that has not happened."""

    @property
    def now(self) -> int:
        """Time of the decision, microseconds UTC."""
        ...

    @property
    def instrument(self) -> Instrument:
        """Units, tick and lot."""
        ...

    @property
    def position(self) -> Position:
        """What is held."""
        ...

    @property
    def equity(self) -> Decimal:
        """Cash and position at the last price."""
        ...

    @property
    def last(self) -> int:
        """Price of the last trade."""
        ...

    @property
    def inferred_bid(self) -> int | None:
        """Best bid inferred from trades, None until a trade told."""
        ...

    @property
    def inferred_ask(self) -> int | None:
        """Best ask inferred from trades, None until a trade told."""
        ...

    def bars(self, spec: BarSpec) -> BarHistory:
        """Closed bars of a specification the strategy declared."""
        ...

    def footprint(self, spec: BarSpec) -> Sequence[Footprint]:
        """Footprints of the latest closed bars, oldest first."""
        ...

    def series(self, name: str | Series) -> History:
        """What is known now of a series the strategy declared: by its name, or itself."""
        ...

    def price(self, units: int) -> Decimal:
        """Price units as an exact decimal."""
        ...


class Broker(Protocol):
    """Sends orders; each travels for the entry latency and meets later trades only.

    Methods that send return the order's id. Quantities are positive lots; prices and distances are
    price units, and those off the exchange's tick are rounded, never across the market's side of
    them. What several methods take:

    * ``expires``: how long the order lives, microseconds; ``until``: the time its life ends.
    * ``cancel_at``: a price whose trading has the client cancel it.
    * ``worst``: beyond this price a market order, or what a trigger sends, takes nothing: the rest
      is cancelled.
    * ``reduce_only``: never trades more than the position.
    * ``reason``: the event that led to it.
    """

    @property
    def working(self) -> tuple[Order, ...]:
        """Orders that can still fill, children of unfilled brackets included."""
        ...

    def market(
        self,
        side: int,
        qty: int,
        *,
        worst: int | None = None,
        reduce_only: bool = False,
        expires: int | None = None,
        until: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """Take what trades offer from arrival on."""
        ...

    def limit(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        post_only: bool = False,
        immediate: bool = False,
        fill_or_kill: bool = False,
        reduce_only: bool = False,
        expires: int | None = None,
        until: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """Trade at ``price`` or better.

        ``post_only``: rejected where it would take. ``immediate``: takes at once what it can, the
        rest is cancelled. ``fill_or_kill``: takes its whole quantity at once, or nothing.
        """
        ...

    def stop(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        limit: int | None = None,
        worst: int | None = None,
        reduce_only: bool = False,
        expires: int | None = None,
        until: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """A market order, or a limit order at ``limit``, once ``price`` trades."""
        ...

    def trailing_stop(
        self,
        side: int,
        qty: int,
        trail: int,
        *,
        price: int | None = None,
        worst: int | None = None,
        reduce_only: bool = False,
        expires: int | None = None,
        until: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """A stop that stays ``trail`` behind the best price since its arrival.

        ``price``: where it starts, if that is closer; it never moves away from the market.
        """
        ...

    def if_touched(
        self,
        side: int,
        qty: int,
        price: int,
        *,
        limit: int | None = None,
        worst: int | None = None,
        reduce_only: bool = False,
        expires: int | None = None,
        until: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """A market order, or a limit order at ``limit``, once price comes as good as ``price``."""
        ...

    def bracket(
        self,
        side: int,
        qty: int,
        *,
        stop: int,
        target: int | None = None,
        trail: int | None = None,
        stop_entry: int | None = None,
        limit_entry: int | None = None,
        expires: int | None = None,
        until: int | None = None,
        cancel_at: int | None = None,
        reason: Event | None = None,
    ) -> int:
        """An entry (market unless a price is given) that on filling sets a stop and a target.

        The two close what the entry filled, and the one that fills shrinks the other. With
        ``trail`` the stop begins at ``stop`` and then stays that far behind the best price.
        """
        ...

    def replace(
        self,
        order_id: int,
        *,
        qty: int | None = None,
        price: int | None = None,
        limit: int | None = None,
    ) -> None:
        """Ask for a change of an order where it stands; it arrives an entry latency later.

        ``qty`` is its whole quantity, filled part included: no more than that ends it. ``price``
        is its limit or trigger price, ``limit`` a stop-limit's limit. A resting order that asks
        for more, or for another price, queues anew; one that asks for less keeps its place.
        """
        ...

    def cancel(self, order_id: int) -> None:
        """Ask for an order's end; fills that reach the exchange first still count."""
        ...

    def cancel_all(self) -> None:
        """Ask for the end of every working order."""
        ...

    def close(self, *, reason: Event | None = None) -> int | None:
        """Market order for the whole position, reduce-only; None when flat."""
        ...

    def size(self, risk: float, entry: int, stop: int) -> int:
        """Lots that lose ``risk`` of equity between entry and stop, at most equity's worth."""
        ...

    def refusal(self, entry: int, stop: int, target: int, *, risk: float | None = None) -> str:
        """Why a setup is not worth its costs, empty where it is.

        With ``risk``, the share of equity that is to be lost at the stop, also why `size` would
        give nothing that the exchange takes.
        """
        ...

    def skip(self, event: Event, why: str) -> None:
        """Write down that an event led to no order, and why: the report counts the reasons."""
        ...

    def timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``."""
        ...


class TradeView(NamedTuple):
    """One trade, for ``on_trade``."""

    id: int
    time: int
    price: int
    qty: int
    side: int
