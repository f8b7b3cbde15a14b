"""From one hook to the next: trades, messages, fundings and notices in their order.

Between two moments at which a hook may run, the matching kernel advances over the trades; it stops
where something is for Python, or for the strategy to hear of. It also says how far nothing can
happen unless somebody acts: until there a bar's close costs two comparisons.
"""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

from orderflow_bt.kernels import orders as k
from orderflow_bt.kernels.bars import first_at_or_after
from orderflow_bt.kernels.broker import advance
from orderflow_bt.sim.books import Books
from orderflow_bt.sim.broker import SimBroker
from orderflow_bt.sim.buffer import empty_stretch
from orderflow_bt.sim.context import Context
from orderflow_bt.sim.funding import FundingClock
from orderflow_bt.sim.guard import from_elsewhere
from orderflow_bt.sim.hooks import Hooks
from orderflow_bt.sim.liquidation import end_jointly, liquidate, look_at_mark, skip_marks
from orderflow_bt.sim.mark_prices import MarkClock
from orderflow_bt.sim.market import MarketView
from orderflow_bt.sim.notices import Due, Notices
from orderflow_bt.sim.pace import Pace
from orderflow_bt.sim.state import KernelState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orderflow_bt.errors import PluginError
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim.config import SimConfig
    from orderflow_bt.sim.context import Source
    from orderflow_bt.sim.funding import Funding
    from orderflow_bt.sim.joint import Doom
    from orderflow_bt.sim.mark_prices import MarkPrices
    from orderflow_bt.sim.portfolio import Seat
    from orderflow_bt.strategy.base import Strategy
    from orderflow_bt.types import BarSpec


class Stepper:
    """Where a session is, what it consists of, and how it gets to the next hook.

    Attributes:
        now: The session's clock.
        tape: The stretch in hand.
        cursor: Its next row to process.
        hook: Which of the strategy's hooks runs; empty where none does.
        orders_from: When orders are taken: from the end of the warm-up on, never after the end.
        trips: Round trips so far.
        thread: The one that may ask the broker: it runs the hooks, or takes a person's orders.
        intruded: What there is to say where another one did.
    """

    def __init__(
        self,
        strategy: Strategy,
        instrument: Instrument,
        config: SimConfig,
        specs: list[BarSpec],
        *,
        start: int,
        funding: Sequence[Funding],
        context: Mapping[str, Source] | None,
        marks: MarkPrices | None,
    ) -> None:
        self.strategy = strategy
        self.instrument = instrument
        self.config = config
        self.specs = specs
        self.start = self.orders_from = start
        self.now = 0
        self._last_price = 0
        self._unpriced = 0  # row behind the last trade, where nobody has asked for its price yet
        self.tape = empty_stretch()
        self.cursor = 0
        self.hook = ""
        self.thread = get_ident()
        self.intruded: PluginError | None = None
        self.seat: Seat | None = None  # in a portfolio,
        self.doom: Doom | None = None  # whose account ends here, if that is known
        self.doom_time, self._doom_row = k.NEVER, -1  # of another symbol's trade, or our own
        self.pace = Pace(type(strategy).__name__)
        self.state = KernelState()
        self.context = Context(context or {})
        self.market = MarketView(self, instrument, specs)
        self.funding = FundingClock(funding, config.funding_shift)
        units = instrument.price_decimals
        self.marks = None if marks is None else MarkClock(marks, config, units, self.state)
        self.books = Books(self)
        self.account, self.margin = self.books.account, self.books.margin
        self.trips = self.books.trips
        self.hooks = Hooks(self)
        self._notices = Notices(config)
        self.tell = self._notices.tell
        self.broker = SimBroker(self)
        self._quiet_row = -1  # nothing happens before this row of the stretch in hand
        self._quiet_time = 0  # and this time
        self._unseen: int | None = None  # a processed trade that on_trade has not seen yet

    # -- what broker, books and market ask -----------------------------------------------------

    @property
    def last_price(self) -> int:
        """Of the last trade."""
        if self._unpriced:  # mostly nobody asks: a look at the tape loads a page of a mapped day
            self._last_price, self._unpriced = self.tape.price_of(self._unpriced - 1), 0
        return self._last_price

    @property
    def trading(self) -> bool:
        """Whether orders are enabled: the warm-up is over, and the run is not."""
        return self.now >= self.orders_from

    @property
    def next_notice(self) -> int | None:
        """When the next hook is due that something other than the tape causes."""
        heard: int = self.state.slots[k.HEARD_AT]
        if self._notices.due:
            return min(self._notices.due[0][0], heard)
        return heard if heard < k.NEVER else None

    @property
    def next_index(self) -> int:
        """Tape index of the next trade: the first that an order decided now may touch."""
        return self.tape.base + self.cursor

    def check_thread(self) -> None:
        """Refuse what comes from a thread of the plugin's own, and let the run end with it.

        Raises:
            PluginError: It does.
        """
        if get_ident() != self.thread:
            self.intruded = self.intruded or from_elsewhere(self.strategy)
            raise from_elsewhere(self.strategy)

    def quotes(self) -> tuple[int, int]:
        """Inferred best (bid, ask) now."""
        return self.tape.quotes(self.cursor)

    def set_timer(self, time: int) -> None:
        """Have ``on_timer`` called at ``time``, or now if that is past."""
        self.check_thread()
        self._notices.set_timer(max(time, self.now))
        self.stir()

    def stir(self) -> None:
        """Somebody acted: anything may happen again."""
        self._quiet_row = -1
        if self.marks is not None:
            self.marks.act(self.now)

    # -- steps -------------------------------------------------------------------------------

    def _settle(self, until: int) -> None:
        """Apply fundings, and changes of fees and margin tiers, that fall due by ``until``.

        A funding counts for the position after all earlier trades, and comes before anything else
        of its time.
        """
        self.state.slots[k.REACHED] = self.market.reached
        while (due := self.next_due) <= until:
            row = first_at_or_after(self.tape.time, self.cursor, self.tape.end, due)
            self._run_to(row, due - 1)
            self._clock(due)
            self.books.charge(due)
            if self.doom_time == due:
                end_jointly(self, self.cursor - 1)
            elif self.margin.next_change == due:
                self.margin.change_tiers()
            elif self.marks is not None and self.marks.next_time == due:
                look_at_mark(self, self.marks)
                self.stir()
            elif self.funding.next_time == due:  # else a look that was passed over meanwhile
                self.books.pay(self.funding)

    @property
    def next_due(self) -> int:
        """When the next funding, change of fees or tiers, or look at the mark price is due."""
        account, margin = self.account, self.margin
        due = min(self.funding.next_time, margin.next_change, account.next_change, self.doom_time)
        return due if self.marks is None else min(due, self.marks.next_time)

    def _run_to(self, stop: int, until: int, *, at_moment: bool = False) -> None:
        """Process trades up to row ``stop`` and notices due by ``until``.

        Before the bars of a moment, what waits for them to be delivered is left: timers set for
        that very time, and `on_trade` of a trade that completed one of them.
        """
        if self.cursor <= self._doom_row < stop:
            self._end_at(self._doom_row)
        notices, slots, hooks = self._notices, self.state.slots, self.hooks
        step = self._step_trade if hooks.hears_trades else self._step
        while True:
            due = notices.due[0] if notices.due else None
            if self._unseen is not None and self._is_to_be_seen(due, stop, until, at_moment):
                row, self._unseen = self._unseen, None
                hooks.show_trade(row)
                continue
            limit, before = until, k.NEVER
            if due is not None and (
                due[0] < until or (due[0] == until and self._is_due(due, stop, at_moment=at_moment))
            ):
                limit = before = due[0]
            if step(stop, limit, before):
                continue
            if slots[k.HEARD_AT] <= limit:
                self._clock(slots[k.HEARD_AT])
                hooks.hear()
            elif due is not None and before < k.NEVER:
                notices.pop()
                self._clock(due[0])
                hooks.notify(due[2])
            else:
                break
        self._clock(until)
        if hooks.hears_trades or self.cursor <= self._doom_row:
            self._quiet_row = -1
        self._quiet_time = min(
            slots[k.QUIET_TIME], slots[k.HEARD_AT], due[0] if due else k.NEVER
        )  # fmt: skip
        if self.marks is not None and self._quiet_row > self.cursor < self.tape.end:
            skip_marks(self, self.marks, self._quiet_row, self._quiet_time)
        self._quiet_time = min(self._quiet_time, self.next_due)

    def _end_at(self, row: int) -> None:
        """Live up to the trade that ends the account, and end it with that."""
        self._doom_row = -1
        self._run_to(row, self.tape.time.item(row))
        end_jointly(self, row)
        self._last_price, self._unpriced = self.tape.price.item(row), 0
        self._unseen = row if self.hooks.hears_trades else None

    def _is_to_be_seen(
        self,
        due: Due | None,
        stop: int,
        until: int,
        at_moment: bool,  # noqa: FBT001 - as it is passed on
    ) -> bool:
        """Whether `on_trade` comes next, not a notice due or a bar that the trade completed."""
        if due and due[2] is not None and due[0] <= self.now:
            return False
        at_end = at_moment and self.cursor == stop and stop > 0
        return not (at_end and self.tape.time.item(stop - 1) >= until)

    def _is_due(self, due: Due, stop: int, *, at_moment: bool) -> bool:
        """Whether what is set for the very time a run ends at comes before what the run is for.

        A timer does if a trade of that time is still to be processed, which it must precede.
        """
        if due[2] is not None or not at_moment:
            return True
        return self.cursor < stop and self.tape.time.item(stop - 1) >= due[0]

    def _clock(self, time: int) -> None:
        if time > self.now:  # noqa: PLR1730 - a call more for each fill
            self.now = time

    def _step_trade(self, stop: int, until: int, before: int) -> bool:
        """As `_step`, but not beyond the next trade: `on_trade` is to see it first."""
        row, tape = self.cursor, self.tape
        if row < stop and tape.time.item(row) < before:
            self._step(row + 1, tape.time.item(row), k.NEVER)
            if self.cursor > row:
                self._unseen = row  # shown to the strategy once earlier notices are delivered
            return True
        return self._step(stop, until, before)

    def run_agenda(self, until: int) -> None:
        """Let what orders do by themselves earlier than ``until`` happen, and no trade."""
        while self._step(self.cursor, until, k.NEVER):
            pass

    def _step(self, stop: int, until: int, before: int) -> bool:
        """Process trades to row ``stop`` earlier than ``before``, and what is due by ``until``.

        Not beyond the time at which the strategy hears of a fill. Returns whether there is more to
        process: something happened first that needed attention.
        """
        start, broker, slots = self.cursor, self.broker, self.state.slots
        if slots[k.BAND] == k.UNKNOWN:
            self.books.show()
        if broker.rows or slots[k.HEARD_AT] < k.NEVER or self.books.can_be_liquidated:
            if broker.tape is not self.tape:
                broker.begin(self.tape)
            cursor = advance(self.state.address, broker.rows, start, stop, before, until)
            if cursor > start:
                self.cursor, self._last_price, self._unpriced = cursor, slots[k.LAST_PRICE], 0
                self._clock(slots[k.LAST_TIME])
            to_do = slots[k.TO_DO]
            if to_do:
                self._attend(to_do)
        else:
            if before < k.NEVER:
                stop = first_at_or_after(self.tape.time, start, stop, before)
            if stop > start:
                self.cursor = self._unpriced = stop
                self._clock(self.tape.time_of(stop - 1))
            broker.rest()
        self._quiet_row = slots[k.QUIET_ROW]
        return not slots[k.FINISHED]

    def _attend(self, to_do: int) -> None:
        """Do what a kernel left to be done."""
        if to_do & k.FILLS_CAME:
            self.books.take_over()
        if to_do & k.REPORTS_WAIT:
            self.broker.reader.read()
        if to_do & k.WAS_LIQUIDATED:
            liquidate(self, self.cursor - 1)
        if to_do & k.NEEDS_ROOM:
            self.books.make_room()
        if to_do & k.ALL_ENDED:
            self.broker.empty()
