"""What the options of a backtest say about the simulation, and the configuration they become."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum
    from pathlib import Path

    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

_SECOND_US = 1_000_000
_MILLISECOND_US = 1_000


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Options as they were typed; an empty text or None leaves the market's default.

    Attributes:
        short: ``allowed`` or ``refused``; refused on spot if not given.
        fee_tables: ``[[fees]]`` of the configuration file, as read.
        margin_tables: ``[[margin]]`` of it.
        legs: Milliseconds of single legs of latency, by name; None where not given.
    """

    fills: str = "queue"
    latency: float | None = None
    fees: str = ""
    fee_tier: str = "regular"
    slippage: str = ""
    queue: str = ""
    participation: str = "1"
    max_wait: float = 60.0
    cash: str = ""
    leverage: str = "1"
    margin: str = ""
    liquidate_on: str = "auto"
    short: str = ""
    funding_fuzz: float = 0.0
    seed: int = 1
    fee_tables: Any = None
    margin_tables: Any = None
    legs: Mapping[str, float | None] = field(default_factory=dict)
    latency_sample: str = ""
    latency_table: Path | None = None
    reference: str = "cross"
    trigger_on: str = "last"
    stop_fill: str = "market"
    queue_decay: str = "0"
    gap_policy: str = "keep"
    end: str = "mark"
    off_tick: str = "round"
    max_open_orders: int = 200

    def config(self, lake: Lake, tape: TapeId, start: int, end: int) -> SimConfig:
        """The simulation's configuration for a tape and the window ``[start, end)``.

        Raises:
            UsageError: An option cannot be read, or is out of its range.
            CoverageError: Cash is in the coin and not given, and no trade tells the coin's price.
        """
        from orderflow_bt.run.cash import opening_coins
        from orderflow_bt.sim import SimConfig

        config = SimConfig.for_market(tape.market)
        if self.latency is not None:
            config = config.with_latency(round(self.latency * 1000))
        changes: dict[str, Any] = {
            **self._choices(),
            **self._delays(),
            "participation": _decimal(self.participation, "--participation"),
            "max_wait": round(self.max_wait * _SECOND_US),
            "funding_shift": round(self.funding_fuzz * _SECOND_US),
            "queue_decay": _decimal(self.queue_decay, "--queue-decay"),
            "max_open_orders": self.max_open_orders,
            "seed": self.seed,
            **self._fees(tape, start),
            **self._margin(tape),
        }
        if self.cash:
            changes["cash"] = _decimal(self.cash, "--cash")
        elif tape.market is MarketType.CM:
            changes["cash"] = opening_coins(lake, tape, start, end)
        if self.slippage:
            from orderflow_bt.sim.assumptions import parse_slippage

            changes |= parse_slippage(self.slippage)
        if self.queue:
            changes["queue"] = self.queue
        return replace(config, **changes)

    def _margin(self, tape: TapeId) -> dict[str, Any]:
        from orderflow_bt.sim.tiers import MarginMode, read_tiers

        margin = self.margin or "cross"
        if margin not in list(MarginMode):
            raise UsageError(
                f"{margin!r} is no kind of margin",
                where="--margin",
                fix="Use cross or isolated",
            )
        if self.short not in ("", "allowed", "refused"):
            raise UsageError(
                f"{self.short!r} is neither", where="--short", fix="Use allowed or refused"
            )
        leverage = _decimal(self.leverage, "--leverage")
        if not tape.market.is_futures and leverage != 1:
            raise UsageError(
                "spot is bought with the money there is", where="--leverage", fix="Leave it out"
            )
        found = {
            "leverage": leverage,
            "margin": MarginMode(margin),
            "tiers": read_tiers(self.margin_tables or [], tape, "orderflow-bt.toml"),
        }
        return found | ({"allow_short": self.short == "allowed"} if self.short else {})

    def _choices(self) -> dict[str, Any]:
        """Options that take one of a few words."""
        from orderflow_bt.sim import (
            End,
            FillPolicy,
            GapPolicy,
            LiquidateOn,
            OffTick,
            Reference,
            SimConfig,
            StopFill,
            TriggerOn,
        )

        words: dict[str, tuple[type[StrEnum], str, str]] = {
            "fills": (FillPolicy, self.fills, "a fill policy"),
            "reference": (Reference, self.reference, "a reference price"),
            "trigger_on": (TriggerOn, self.trigger_on, "a price that triggers"),
            "stop_fill": (StopFill, self.stop_fill, "a price for stops"),
            "gap_policy": (GapPolicy, self.gap_policy, "a gap policy"),
            "end": (End, self.end, "an end"),
            "liquidate_on": (LiquidateOn, self.liquidate_on, "a price to liquidate by"),
            "off_tick": (OffTick, self.off_tick, "a policy for prices"),
        }
        for name, (kind, text, what) in words.items():
            if text not in list(kind):
                usual = getattr(SimConfig(), name)
                *first, last = sorted(kind, key=lambda word: word != usual)  # the default first
                raise UsageError(
                    f"{text!r} is not {what}",
                    where=f"--{name.replace('_', '-')}",
                    fix=f"Use {', '.join(first)} or {last}",
                )
        return {name: kind(text) for name, (kind, text, _) in words.items()}

    def _delays(self) -> dict[str, Any]:
        """Latency beyond one number for all legs."""
        from orderflow_bt.sim import LatencySample, LatencyTable

        found: dict[str, Any] = {
            f"{leg}_latency": round(value * _MILLISECOND_US)
            for leg, value in self.legs.items()
            if value is not None
        }
        if self.latency_sample:
            mean, comma, std = self.latency_sample.partition(",")
            if not comma:
                raise UsageError(
                    f"{self.latency_sample!r} is not MEAN,STD",
                    where="--latency-sample",
                    fix="As in 120,40, milliseconds",
                )
            delays = (_decimal(text, "--latency-sample") * _MILLISECOND_US for text in (mean, std))
            found["latency_sample"] = LatencySample(*map(round, delays))
        if self.latency_table is not None:
            found["latency_table"] = LatencyTable.read(self.latency_table)
        return found

    def _fees(self, tape: TapeId, start: int) -> dict[str, Any]:
        from orderflow_bt.instruments import Fees
        from orderflow_bt.sim.fees import rates_of, read_fee_rows

        if self.fees:
            maker, comma, taker = self.fees.partition(",")
            if not comma:
                raise UsageError(
                    f"{self.fees!r} is not MAKER,TAKER", where="--fees", fix="As in 2,5"
                )
            flat = Fees(_decimal(maker, "--fees"), _decimal(taker, "--fees"))
            return {"fees": flat, "fee_changes": ()}
        rows = read_fee_rows(self.fee_tables or [], "orderflow-bt.toml")
        first, later = rates_of(rows, tape, self.fee_tier, start)
        return {"fees": first, "fee_changes": later}


def cautions(tape: TapeId, config: SimConfig) -> list[str]:
    """What a person should know about assumptions before the run."""
    from orderflow_bt.sim import StopFill
    from orderflow_bt.sim.config import MERGED_US

    found = []
    least = config.least_latency
    if tape.market.is_futures and least < MERGED_US:
        found.append(
            f"a latency of {least / _MILLISECOND_US:g} ms is less than the 100 ms whose trades a"
            " futures aggregate may merge: nothing so fast is known from this data"
        )
    if config.stop_fill is StopFill.TRIGGER_PRICE:
        found.append(
            "stops are given their trigger price, as bar-based tools have it: nobody gets such"
            " fills, so compare with this run, do not believe it"
        )
    return found


def _decimal(text: str, option: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise UsageError(f"{text!r} is not a number", where=option) from None
    if not value.is_finite():
        raise UsageError(f"{text!r} is not a finite number", where=option)
    return value
