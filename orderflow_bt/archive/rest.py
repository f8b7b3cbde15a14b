"""Aggregate trades from Binance's REST interface: pages by id, within its limits, exact.

The archive is history; this is for what the archive lost and for what it has not published yet.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from orderflow_bt.archive.http import retry_after, without_password
from orderflow_bt.errors import TransferError
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE_ROWS = 1000
_LONGEST_BAN_S = 600.0
_SHARE = 0.8  # of the minute's weight, so that others behind the same address can live


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a market's aggregates are, and what asking costs.

    Attributes:
        base_url: The exchange's own address.
        path: Below it.
        weight: Of one request.
        minute_weight: What an address may spend in a minute.
    """

    base_url: str
    path: str
    weight: int
    minute_weight: int


ENDPOINTS = {
    MarketType.SPOT: Endpoint("https://data-api.binance.vision", "/api/v3/aggTrades", 4, 6000),
    MarketType.UM: Endpoint("https://fapi.binance.com", "/fapi/v1/aggTrades", 20, 2400),
    MarketType.CM: Endpoint("https://dapi.binance.com", "/dapi/v1/aggTrades", 20, 2400),
}
_NUMBER = re.compile(r"\d{1,19}(\.\d{1,18})?")


@dataclass(frozen=True, slots=True)
class RestRow:
    """One aggregate; prices and quantities as the exchange spells them."""

    id: int
    price: str
    quantity: str
    first_id: int
    last_id: int
    time: int
    is_buyer_maker: bool

    def line(self) -> str:
        """As a row of an archive file without header."""
        side = "true" if self.is_buyer_maker else "false"
        return (
            f"{self.id},{self.price},{self.quantity},{self.first_id},{self.last_id},"
            f"{self.time},{side}\n"
        )


@dataclass(slots=True)
class RestTrades:
    """Pages of a symbol's aggregates.

    A page is asked for again when the server is busy (429, 418, 5xx: after ``Retry-After`` or a
    pause that doubles), the connection fails, or the answer is cut or out of order.

    Attributes:
        endpoint: Which market's.
        url: Base address.
        attempts: How often a page is asked for before giving up.
        pause_s: The first pause between two attempts.
        sleep: Waits; a test may look at its watch instead.
    """

    endpoint: Endpoint
    url: str
    attempts: int = 6
    pause_s: float = 0.5
    timeout_s: tuple[float, float] = (10.0, 30.0)
    sleep: Callable[[float], None] = time.sleep
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def rows(self, symbol: str, first_id: int, last_id: int | None = None) -> Iterator[RestRow]:
        """Aggregates from ``first_id`` to ``last_id``, both included, or to the newest.

        Ids that the exchange does not have any more are left out; what comes is in order.

        Raises:
            TransferError: A page did not come whole and in order in any attempt.
        """
        wanted = first_id
        while last_id is None or wanted <= last_id:
            asked = {"fromId": str(wanted), "limit": str(PAGE_ROWS)}
            page = self._patiently(symbol, asked, wanted)
            for row in page:
                if last_id is not None and row.id > last_id:
                    return
                yield row
            if len(page) < PAGE_ROWS:
                return
            wanted = page[-1].id + 1

    def first_from(self, symbol: str, time_ms: int) -> RestRow | None:
        """The first aggregate at or after a moment, or None where the exchange has none.

        Raises:
            TransferError: The answer did not come whole in any attempt.
        """
        page = self._patiently(symbol, {"startTime": str(time_ms), "limit": "1"}, 0)
        return page[0] if page else None

    def _patiently(self, symbol: str, asked: dict[str, str], from_id: int) -> list[RestRow]:
        reason = ""
        for count in range(self.attempts):
            pause = self.pause_s * 2**count
            try:
                response = self._ask({"symbol": symbol} | asked)
            except requests.RequestException as error:
                reason = f"no answer: {type(error).__name__}"
            else:
                if response.ok:
                    try:
                        page = read_page(response.text, from_id)
                    except ValueError as error:
                        reason = f"the answer cannot be used: {error}"
                    else:
                        self._keep_within_limits(response)
                        return page
                elif response.status_code in (418, 429) or response.status_code >= 500:
                    reason = f"the server answers {response.status_code}"
                    after = retry_after(response.headers.get("Retry-After"))
                    pause = pause if after is None else after
                    if pause > _LONGEST_BAN_S:
                        raise TransferError(
                            f"the exchange asks for a pause of {pause:,.0f} s",
                            where=without_password(self.url),
                            fix="Wait for so long; asking meanwhile makes it longer",
                        )
                else:
                    raise TransferError(
                        f"the server answers {response.status_code} {response.reason}",
                        where=without_password(response.url),
                        fix="Check the symbol and --market; where the exchange does not serve this "
                        "country, give another --source",
                    )
            if count + 1 < self.attempts:
                self.sleep(pause)
        raise TransferError(
            f"not received in {self.attempts} attempts: {reason}",
            where=without_password(self.url + self.endpoint.path),
            fix="Run the same command again; what is stored stays",
        )

    def _ask(self, params: dict[str, str]) -> requests.Response:
        return self._session.get(
            self.url.rstrip("/") + self.endpoint.path,
            params=params,
            timeout=self.timeout_s,
            headers={"X-MBX-TIME-UNIT": "MICROSECOND"},  # spot; futures take no notice
        )

    def _keep_within_limits(self, response: requests.Response) -> None:
        """Wait for the next minute before this one's weight is spent."""
        used = [
            int(value)
            for name, value in response.headers.items()
            if name.lower().startswith("x-mbx-used-weight") and value.isdecimal()
        ]
        limit = self.endpoint.minute_weight * _SHARE
        if used and max(used) + self.endpoint.weight > limit:
            self.sleep(60 - time.time() % 60)


def read_page(text: str, from_id: int) -> list[RestRow]:
    """The aggregates of one answer, every number as the exchange spells it.

    Raises:
        ValueError: Not a whole list of aggregates, or not in rising order from ``from_id`` on.
    """
    values = json.loads(text)
    if not isinstance(values, list) or len(values) > PAGE_ROWS:
        raise ValueError("not a list of trades")
    page = [_row(value) for value in values]
    last = from_id - 1
    for row in page:
        if row.id <= last:
            raise ValueError(f"id {row.id} comes after {last}")
        last = row.id
    return page


def _row(value: object) -> RestRow:
    if not isinstance(value, dict):
        raise ValueError("a trade is no object")  # noqa: TRY004 - one kind for every bad answer
    whole = [value.get(name) for name in ("a", "f", "l", "T")]
    texts = [value.get(name) for name in ("p", "q")]
    maker = value.get("m")
    if not all(type(number) is int and abs(number) < 2**63 for number in whole):
        raise ValueError("an id or a time is not a whole number")
    if not all(isinstance(text, str) and _NUMBER.fullmatch(text) for text in texts):
        raise ValueError("a price or a quantity is not a decimal number")
    if not isinstance(maker, bool):
        raise ValueError("m is neither true nor false")  # noqa: TRY004 - one kind for every bad answer
    number, first, last, moment = whole
    price, quantity = texts
    return RestRow(number, price, quantity, first, last, moment, maker)  # type: ignore[arg-type] # checked above
