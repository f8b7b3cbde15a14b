"""The run folder: everything a run needed and produced, whole or not there.

Nothing in it tells when it was made, so that a rerun is equal byte for byte. The result hash covers
what went in (data, window, parameters, assumptions) and what came out (every table). Tables are
written some rows at a time; what the numbers need of them is taken in on the way.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orderflow_bt
from orderflow_bt.heap import give_back
from orderflow_bt.kernels._jit import kernel_hash
from orderflow_bt.run import tables
from orderflow_bt.run.chance import joint_of
from orderflow_bt.run.columns import (
    BarTimes,
    EquityColumns,
    FillColumns,
    OrderCounts,
    Taken,
    TripColumns,
)
from orderflow_bt.run.described import described, iso
from orderflow_bt.run.gallery import choose, footprints
from orderflow_bt.run.inputs import code_behind
from orderflow_bt.run.numbers import metrics_of
from orderflow_bt.run.recorder import MARKING_BARS
from orderflow_bt.run.whole import whole_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from orderflow_bt.errors import PluginError
    from orderflow_bt.run.chance import Joint
    from orderflow_bt.run.record import RunRecord
    from orderflow_bt.run.whole import Part

SCHEMA = 1


class Written(NamedTuple):
    """What stands in a run folder, and what the numbers of several runs are made of."""

    metrics: dict[str, Any]
    trips: TripColumns
    joint: Joint | None = None


def write_run(record: RunRecord, folder: Path) -> Written:
    """Write the run folder and return its metrics and its round trips.

    Raises:
        OrderflowError: The folder exists, or cannot be written.
    """
    with whole_folder(folder) as part:
        taken = _write_tables(record, part)
        give_back()
        manifest = _manifest(record)
        manifest["result_hash"] = _result_hash(manifest, part)
        give_back()
        metrics = metrics_of(record, taken, manifest["result_hash"])
        part.write_text("manifest", manifest)
        part.write_text("metrics", metrics)
    of_chance = (record, taken.trips, taken.equity, taken.fills.lost)
    return Written(metrics, taken.trips, joint_of(*of_chance) if record.portfolio else None)


def keep_failed(record: RunRecord, error: PluginError, folder: Path) -> Path:
    """Write down what a run had until its strategy failed; returns where.

    The folder is ``NAME.failed`` and has no manifest and no metrics: nothing reads it for a run.
    ``failure.json`` says what happened; ``inputs`` in it is what the manifest would say.
    """
    home = failed_home(folder)
    write_failed(record, error, home)
    return home


def failed_home(folder: Path) -> Path:
    """Where what a failed run had is kept; nothing is there yet."""
    home = folder.with_name(f"{folder.name}.failed")
    number = 1
    while home.exists():
        number += 1
        home = folder.with_name(f"{folder.name}.failed-{number}")
    return home


def write_failed(record: RunRecord, error: PluginError, home: Path) -> None:
    """Write down what a run had until it failed, and why (`keep_failed`)."""
    failure = {
        "failed": str(error),
        "what": error.what,
        "where": error.where,
        "market_time": iso(record.session.now),
        "trades_read": record.session.trades_read,
        "inputs": _manifest(record),
    }
    with whole_folder(home) as part:
        _write_tables(record, part)
        part.write_text("failure", failure)


def _write_tables(record: RunRecord, part: Part) -> Taken:
    """Write every table, piece by piece; what the numbers need of them."""
    session = record.session
    orders, fills, recorder = session.broker.orders, session.broker.fills, record.recorder
    trips, equity, counts = TripColumns(), EquityColumns(), OrderCounts()
    ended = session.trips.since(0)
    every = chain(ended, [record.still_open] if record.still_open else [])
    part.write_table("round_trips", tables.trips_pieces(every, trips))
    filled = FillColumns(session.account, session.instrument.tick_size, len(trips))
    part.write_table("fills", tables.fills_pieces(fills, filled))
    part.write_table("orders", tables.orders_pieces(orders, fills, counts))
    part.write_table("funding", [tables.funding_table(session.funding.payments)])
    part.write_table("equity", tables.equity_pieces(session.equity_blocks(), equity))
    part.write_table("events", tables.events_pieces(recorder, counts, session.broker.skipped))
    times = BarTimes()
    part.write_table("bars", tables.from_matrices("bars", times.take(recorder.bars.blocks())))
    shown = _footprints(record, trips, times)
    part.write_table("footprints", tables.from_matrices("footprints", [shown]))
    return Taken(trips, filled, equity, counts, len(recorder.events))


def _footprints(record: RunRecord, trips: TripColumns, times: BarTimes) -> NDArray[np.int64]:
    spec, request = record.recorder.spec or MARKING_BARS, record.request
    shown = choose(trips, request.config.seed)
    return footprints(record.lake, request.tape, spec, times.both, shown)


def _manifest(record: RunRecord) -> dict[str, Any]:
    request, config, units = record.request, record.session.config, record.instrument
    cls = type(record.strategy)
    base, quote = units.assets
    first_read = (*record.window.warmup, *record.window.days)[0]
    return {
        "schema": SCHEMA,
        "strategy": {
            "name": request.name,
            "title": request.name.replace("_", " ").capitalize(),
            "class": cls.__qualname__,
            "doc": inspect.getdoc(cls) or "",
            "parameters": record.strategy.parameters(),
        },
        "tape": {
            "exchange": request.tape.exchange,
            "market": request.tape.market.value,
            "kind": request.tape.kind.value,
            "symbol": request.tape.symbol,
        },
        "window": {"from": iso(request.start), "to": iso(request.end)},
        "warmup": {
            "wanted_us": record.lookback,
            "from": first_read.date.isoformat() if record.window.warmup else None,
            "days": len(record.window.warmup),
        },
        "instrument": {
            "price_decimals": units.price_decimals,
            "qty_decimals": units.qty_decimals,
            "tick_size": units.tick_size,
            "lot_size": units.lot_size,
            "min_notional": str(units.min_notional),
            "contract_usd": None if units.contract_usd is None else str(units.contract_usd),
            "source": units.source,
            "base": base,
            "quote": quote,
            "currency": units.currency,
        },
        "simulation": described(config, units, request.end),
        "bars": str(record.session.specs[0]) if record.session.specs else None,
        "row_size": units.tick_size,
        "data": [
            {
                "date": day.date.isoformat(),
                "sha256": day.source_sha256,
                "rows": day.rows,
                "gaps": day.quality.gaps,
                "missing_ids": day.quality.missing_ids,
            }
            for day in (*record.window.warmup, *record.window.days)
        ],
        "code": {
            "version": orderflow_bt.__version__,
            "kernels": kernel_hash(),
            **code_behind(record.code, record.request.strategy),
        },
        "funding": record.funding.as_json(),
        "mark_prices": record.marks.as_json(),
        **({"portfolio": list(record.portfolio)} if record.portfolio else {}),
        "series": list(record.context.data),
        "files": dict(record.files),
        "simulated_market": record.simulated_market,
    }


def _result_hash(manifest: Mapping[str, Any], part: Part) -> str:
    """Of what went in and what came out; not of the code's version or the compilers'."""
    inputs = {key: value for key, value in manifest.items() if key != "code"}
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    part.digest(tables.NAMES, digest)
    return digest.hexdigest()
