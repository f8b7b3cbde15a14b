"""What the options of a backtest say about the simulation, and the configuration they become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from orderflow_bt.sim import SimConfig
    from orderflow_bt.store import Lake
    from orderflow_bt.types import TapeId

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Options as they were typed; an empty text or None leaves the market's default.

    Attributes:
        short: ``allowed`` or ``refused``; refused on spot if not given.
        fee_tables: ``[[fees]]`` of the configuration file, as read.
        margin_tables: ``[[margin]]`` of it.
    """

    fills: str = "queue"
    latency: float | None = None
    fees: str = ""
    fee_tier: str = "regular"
    slippage: int | None = None
    queue: str = ""
    participation: str = "1"
    max_wait: float = 60.0
    cash: str = ""
    leverage: str = "1"
    margin: str = "cross"
    short: str = ""
    funding_fuzz: float = 0.0
    seed: int = 1
    fee_tables: Any = None
    margin_tables: Any = None

    def config(self, lake: Lake, tape: TapeId, start: int, end: int) -> SimConfig:
        """The simulation's configuration for a tape and the window ``[start, end)``.

        Raises:
            UsageError: An option cannot be read, or is out of its range.
            CoverageError: Cash is in the coin and not given, and no trade tells the coin's price.
        """
        from orderflow_bt.run.cash import opening_coins
        from orderflow_bt.sim import FillPolicy, SimConfig

        config = SimConfig.for_market(tape.market)
        if self.fills not in list(FillPolicy):
            raise UsageError(
                f"{self.fills!r} is not a fill policy",
                where="--fills",
                fix="Use queue, touch or through",
            )
        if self.latency is not None:
            config = config.with_latency(round(self.latency * 1000))
        changes: dict[str, Any] = {
            "fills": FillPolicy(self.fills),
            "participation": _decimal(self.participation, "--participation"),
            "max_wait": round(self.max_wait * _SECOND_US),
            "funding_shift": round(self.funding_fuzz * _SECOND_US),
            "seed": self.seed,
            **self._fees(tape, start),
            **self._margin(tape),
        }
        if self.cash:
            changes["cash"] = _decimal(self.cash, "--cash")
        elif tape.market is MarketType.CM:
            changes["cash"] = opening_coins(lake, tape, start, end)
        if self.slippage is not None:
            changes["slippage_ticks"] = self.slippage
        if self.queue:
            changes["queue"] = self.queue
        return replace(config, **changes)

    def _margin(self, tape: TapeId) -> dict[str, Any]:
        from orderflow_bt.sim.tiers import MarginMode, read_tiers

        if self.margin not in list(MarginMode):
            raise UsageError(
                f"{self.margin!r} is no kind of margin",
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
            "margin": MarginMode(self.margin),
            "tiers": read_tiers(self.margin_tables or [], tape, "orderflow-bt.toml"),
        }
        return found | ({"allow_short": self.short == "allowed"} if self.short else {})

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


def _decimal(text: str, option: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise UsageError(f"{text!r} is not a number", where=option) from None
    if not value.is_finite():
        raise UsageError(f"{text!r} is not a finite number", where=option)
    return value
