"""What one symbol trades in: units, tick, lot, contract, fees, and when they hold.

The integer units of a tape are decimal: a price of 3 with ``price_decimals=1`` is 0.3. The
exchange's own grid (``tick_size``, ``lot_size``) is counted in those units; it is 1 unless the
exchange's step is not a power of ten, or a stray print forced finer units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from orderflow_bt.errors import UnsupportedError
from orderflow_bt.types import MarketType


@dataclass(frozen=True, slots=True)
class Fees:
    """Commission as a share of notional, in basis points; negative is a rebate."""

    maker_bps: Decimal
    taker_bps: Decimal


# Regular-user rates of Binance, before discounts. The futures rates are the simulation's default.
DEFAULT_FEES = {
    MarketType.SPOT: Fees(Decimal(10), Decimal(10)),
    MarketType.UM: Fees(Decimal(2), Decimal(5)),
    MarketType.CM: Fees(Decimal(2), Decimal(5)),
}


# Currencies that end a symbol, longest first, so that BTCBUSD is not BTCB in USD.
QUOTES = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "DAI", "USD", "EUR", "GBP", "TRY", "BRL",
    "JPY", "AUD", "BTC", "ETH", "BNB",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol's units and rules over a period.

    Attributes:
        price_decimals: A price unit is ``10**-price_decimals`` of the quote currency.
        qty_decimals: A lot is ``10**-qty_decimals`` of the base currency, or of a contract.
        tick_size: The exchange's price step, in price units.
        lot_size: The exchange's quantity step, in lots.
        min_notional: Smallest order value, in quote currency.
        contract_usd: USD value of one contract where the exchange counts contracts, else None.
        source: Where tick and lot come from: ``shipped``, ``imported`` or ``inferred``.
    """

    exchange: str
    market: MarketType
    symbol: str
    price_decimals: int
    qty_decimals: int
    tick_size: int = 1
    lot_size: int = 1
    min_notional: Decimal = Decimal(0)
    contract_usd: Decimal | None = None
    source: str = "inferred"

    @property
    def is_inverse(self) -> bool:
        """Whether profit is paid in the coin (coin-margined futures)."""
        return self.contract_usd is not None

    @property
    def currency(self) -> str:
        """What money on it is counted in: the quote currency, or the coin where that is margin."""
        base, quote = self.assets
        return base if self.is_inverse else quote

    @property
    def price_unit(self) -> Decimal:
        """One price unit, in quote currency."""
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def assets(self) -> tuple[str, str]:
        """(base, quote) of the symbol; the quote is empty where its spelling does not tell."""
        name = self.symbol.partition("_")[0]
        for quote in QUOTES:
            if name.endswith(quote) and name != quote:
                return name.removesuffix(quote), quote
        return name, ""

    def price(self, units: int) -> Decimal:
        """Price units as an exact decimal with the instrument's digits."""
        return Decimal(units).scaleb(-self.price_decimals)

    def qty(self, lots: int) -> Decimal:
        """Lots as an exact decimal with the instrument's digits."""
        return Decimal(lots).scaleb(-self.qty_decimals)

    def rescaled(self, price_decimals: int, qty_decimals: int) -> Instrument:
        """The same instrument in finer units."""
        return replace(
            self,
            price_decimals=price_decimals,
            qty_decimals=qty_decimals,
            tick_size=self.tick_size * 10 ** (price_decimals - self.price_decimals),
            lot_size=self.lot_size * 10 ** (qty_decimals - self.qty_decimals),
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The exchange's grid for one symbol from a date on, as decimal texts."""

    since: str
    tick: str
    lot: str
    min_notional: str = "0"


# Dated public facts; a symbol that is not here gets its units from its own trades.
SHIPPED: dict[tuple[str, MarketType, str], tuple[Rules, ...]] = {
    ("binance", MarketType.UM, "BTCUSDT"): (
        Rules("2019-09-01", "0.01", "0.001"),
        Rules("2021-01-01", "0.01", "0.001", "1"),
        Rules("2021-02-24", "0.01", "0.001", "5"),
        Rules("2022-01-01", "0.1", "0.001", "5"),
        Rules("2023-11-02", "0.1", "0.001", "100"),
    ),
    ("binance", MarketType.UM, "ETHUSDT"): (
        Rules("2019-11-01", "0.01", "0.001"),
        Rules("2021-01-01", "0.01", "0.001", "1"),
        Rules("2021-02-24", "0.01", "0.001", "5"),
        Rules("2023-11-02", "0.01", "0.001", "20"),
    ),
    ("binance", MarketType.SPOT, "BTCUSDT"): (Rules("2017-08-01", "0.01", "0.00001", "5"),),
    ("binance", MarketType.SPOT, "ETHUSDT"): (Rules("2017-08-01", "0.01", "0.0001", "5"),),
    ("binance", MarketType.CM, "BTCUSD_PERP"): (Rules("2020-08-01", "0.1", "1"),),
    ("binance", MarketType.CM, "ETHUSD_PERP"): (Rules("2020-08-01", "0.01", "1"),),
}


def shipped_list(exchange: str, market: MarketType, symbol: str) -> tuple[Rules, ...]:
    """All rules of a symbol that are shipped, by the day from which they hold."""
    return SHIPPED.get((exchange, market, symbol), ())


def contract_usd(exchange: str, market: MarketType, symbol: str) -> Decimal | None:
    """USD value of one contract, or None where quantities are in the base currency.

    Raises:
        UnsupportedError: The exchange counts contracts and their size is not known.
    """
    if market is not MarketType.CM:
        return None
    if exchange == "binance":
        return Decimal(100) if symbol.startswith("BTCUSD_") else Decimal(10)
    raise UnsupportedError(f"the contract size of {symbol} at {exchange} is not known")
