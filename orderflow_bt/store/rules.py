"""The exchange's rules for its symbols, as imported, beside the lake's days."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import filelock

from orderflow_bt.errors import LakeError, MalformedError, UnsupportedError
from orderflow_bt.instruments import Rules, contract_usd, shipped_list
from orderflow_bt.store.files import read_stored
from orderflow_bt.store.lake import lock_of
from orderflow_bt.store.writer import synced
from orderflow_bt.types import MarketType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderflow_bt.store.files import StoredPath
    from orderflow_bt.store.lake import Lake
    from orderflow_bt.types import TapeId

FOLDER = "instruments"
_VERSION = 1
_STEP = re.compile(r"\d{1,12}(\.\d{1,18})?")


def rules_path(lake: Lake, exchange: str, market: MarketType) -> StoredPath:
    """The file of a market's imported rules, whether or not there is one."""
    return lake.files.path(_key(exchange, market))


def _key(exchange: str, market: MarketType) -> str:
    return f"{FOLDER}/{exchange}-{market.value}.json"


def imported_rules(lake: Lake, exchange: str, market: MarketType) -> dict[str, list[Rules]]:
    """Every symbol's imported rules, by the day from which they hold.

    Raises:
        LakeError: The file is damaged.
    """
    path = rules_path(lake, exchange, market)
    try:
        text = read_stored(path)
        if text is None:
            return {}
        values = json.loads(text)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    try:
        if values["version"] != _VERSION:
            raise LakeError(
                f"the rules are of version {values['version']}",
                where=str(path),
                fix="Upgrade orderflow-bt",
            )
        return {
            symbol: [Rules(**rules) for rules in dated] for symbol, dated in values["rules"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def known_rules(
    lake: Lake, exchange: str, market: MarketType, symbol: str
) -> list[tuple[Rules, str]]:
    """A symbol's rules with their source, ``shipped`` or ``imported``, by the day they begin.

    Of two that begin on one day the imported one stands last.
    """
    known = [(rules, "shipped") for rules in shipped_list(exchange, market, symbol)]
    imported = imported_rules(lake, exchange, market).get(symbol, [])
    known += [(rules, "imported") for rules in imported]
    return sorted(known, key=lambda pair: pair[0].since)


def rules_on(known: Sequence[tuple[Rules, str]], date: dt.date) -> tuple[Rules, str] | None:
    """The rules that hold on a day, or None where none are known for it."""
    return next((pair for pair in reversed(known) if pair[0].since <= date.isoformat()), None)


def tick_on(lake: Lake, tape: TapeId, date: dt.date) -> Decimal | None:
    """The tick by the rules that are known for a day; None where none are.

    Raises:
        LakeError: The file of imported rules is damaged.
    """
    found = rules_on(known_rules(lake, tape.exchange, tape.market, tape.symbol), date)
    return Decimal(found[0].tick) if found else None


def read_exchange_info(
    text: str, exchange: str, market: MarketType, since: dt.date | None, label: str
) -> dict[str, Rules]:
    """The rules in the exchange's answer to ``exchangeInfo``.

    Args:
        text: The answer, JSON.
        exchange: Which exchange's.
        market: Which of its markets'.
        since: The day from which they hold; None takes the answer's own time, else today.
        label: What an error calls the file.

    Raises:
        MalformedError: The text is no such answer, or one of another market.
        UnsupportedError: A contract has another size than this program reckons with.
    """
    try:
        values = json.loads(text)
        if since is None:
            served = values.get("serverTime")
            since = (
                dt.datetime.fromtimestamp(served / 1000, dt.UTC).date()
                if served
                else dt.datetime.now(dt.UTC).date()
            )
        found = {item["symbol"]: item for item in values["symbols"]}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise MalformedError(
            "not an answer to exchangeInfo: it must be JSON with a list of symbols",
            where=label,
            fix="Save https://api.binance.com/api/v3/exchangeInfo (spot), "
            "https://fapi.binance.com/fapi/v1/exchangeInfo (um) or "
            "https://dapi.binance.com/dapi/v1/exchangeInfo (cm)",
        ) from error
    rules = {}
    for symbol, item in sorted(found.items()):
        is_contract = "contractSize" in item
        if is_contract != (market is MarketType.CM) or (
            "contractType" in item and market is MarketType.SPOT
        ):
            raise MalformedError(
                f"{symbol} is of another market than {market.value}",
                where=label,
                fix="Give the market of the file with --market",
            )
        if is_contract and Decimal(str(item["contractSize"])) != contract_usd(
            exchange, market, symbol
        ):
            raise UnsupportedError(
                f"a contract of {symbol} is {item['contractSize']} USD; this version reckons with "
                f"{contract_usd(exchange, market, symbol)}",
                where=label,
            )
        if (one := _rules(item, since)) is not None:
            rules[symbol] = one
    if not rules:
        raise MalformedError("no symbol with a tick and a lot is in it", where=label)
    return rules


def store_rules(
    lake: Lake, exchange: str, market: MarketType, rules: dict[str, Rules]
) -> list[str]:
    """Keep imported rules where they differ from those that were known for their day.

    Returns:
        The symbols whose rules are new.

    Raises:
        LakeError: The file is damaged, or cannot be written.
    """
    path = rules_path(lake, exchange, market)
    part = lake.incoming / f"{exchange}-{market.value}.json.part"
    with filelock.FileLock(lock_of(part), thread_local=False):
        kept = imported_rules(lake, exchange, market)
        changed = []
        for symbol, one in rules.items():
            dated = [old for old in kept.get(symbol, []) if old.since != one.since]
            before = [old for old in kept.get(symbol, []) if old.since <= one.since]
            if before and asdict(before[-1]) | {"since": one.since} == asdict(one):
                continue
            kept[symbol] = sorted([*dated, one], key=lambda rule: rule.since)
            changed.append(symbol)
        if not changed:
            return []
        values: dict[str, Any] = {
            "version": _VERSION,
            "rules": {symbol: [asdict(one) for one in dated] for symbol, dated in kept.items()},
        }
        try:
            with synced(part) as file:
                file.write(json.dumps(values, indent=1, sort_keys=True).encode())
            lake.files.publish(part, _key(exchange, market))
        except OSError as error:
            raise LakeError(
                f"the rules cannot be written: {error.strerror or error}", where=str(path)
            ) from error
        finally:
            part.unlink(missing_ok=True)
    return changed


def _rules(item: dict[str, Any], since: dt.date) -> Rules | None:
    """The rules of one symbol; None where the exchange states no step."""
    try:
        filters = {one["filterType"]: one for one in item.get("filters", [])}
        tick = _step(filters.get("PRICE_FILTER", {}).get("tickSize"))
        lot = _step(filters.get("LOT_SIZE", {}).get("stepSize"))
        least = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
        notional = _step(least.get("minNotional", least.get("notional")))
    except (KeyError, TypeError, AttributeError):
        return None
    if tick is None or lot is None:
        return None
    return Rules(since.isoformat(), tick, lot, notional or "0")


def _step(text: object) -> str | None:
    """A step without needless zeros; None for none, or where it is 0, which switches it off."""
    if not isinstance(text, str) or not _STEP.fullmatch(text):
        return None
    value = Decimal(text)
    return f"{value.normalize():f}" if value else None


def _damaged(path: StoredPath, error: Exception) -> LakeError:
    return LakeError(
        f"the imported rules cannot be read ({type(error).__name__})",
        where=str(path),
        fix="Delete the file and import exchangeInfo again",
    )
