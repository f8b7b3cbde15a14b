"""A simulation's assumptions as a manifest states them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orderflow_bt.instruments import DEFAULT_FEES
from orderflow_bt.sim.latency import LEGS, MILLISECOND_US
from orderflow_bt.sim.tiers import shipped_tiers

if TYPE_CHECKING:
    from orderflow_bt.instruments import Instrument
    from orderflow_bt.sim import SimConfig

_SECOND_US = 1_000_000


def described(config: SimConfig, instrument: Instrument, end: int) -> dict[str, Any]:
    """Every assumption, ready for JSON; dated ones as far as ``end``, microseconds UTC."""
    return {
        "fills": config.fills.value,
        "through_ticks": config.through_ticks,
        "queue": config.queue,
        "queue_decay": str(config.queue_decay),
        "latency_ms": {leg: getattr(config, f"{leg}_latency") / MILLISECOND_US for leg in LEGS},
        **_latency(config),
        "maker_bps": str(config.fees.maker_bps),
        "taker_bps": str(config.fees.taker_bps),
        "fee_changes": [
            [iso(change.time), str(change.fees.maker_bps), str(change.fees.taker_bps)]
            for change in config.fee_changes
            if change.time < end
        ],
        "slippage_ticks": config.slippage_ticks,
        "slippage_bps": str(config.slippage_bps),
        "half_spread": config.half_spread,
        "impact": str(config.impact),
        "reference": config.reference.value,
        "same_side_wait_ms": config.same_side_wait / MILLISECOND_US,
        "trigger_on": config.trigger_on.value,
        "stop_fill": config.stop_fill.value,
        "participation": str(config.participation),
        "max_wait_s": config.max_wait / _SECOND_US,
        "gap_policy": config.gap_policy.value,
        "end": config.end.value,
        "off_tick": config.off_tick.value,
        "max_open_orders": config.max_open_orders,
        "cash": str(config.cash),
        "leverage": None if config.leverage is None else str(config.leverage),
        "margin": config.margin.value,
        "liquidate_on": config.liquidate_on.value,
        "tiers": [
            [iso(table.time), [[str(tier.up_to or ""), str(tier.rate)] for tier in table.tiers]]
            for table in config.tiers
            if table.time < end
        ],
        "shipped": _shipped(config, instrument, end),
        "short": "allowed" if config.allow_short else "refused",
        "funding_shift_s": config.funding_shift / _SECOND_US,
        "seed": config.seed,
    }


def _shipped(config: SimConfig, instrument: Instrument, end: int) -> list[str]:
    """Which of the dated tables are, wholly or for a time, those that come with the program."""
    found = []
    rates = [config.fees, *(change.fees for change in config.fee_changes if change.time < end)]
    if DEFAULT_FEES[instrument.market] in rates:
        found.append("fees")
    tiers = [table for table in config.tiers if table.time < end]
    margin = instrument.market.is_futures and config.leverage is not None
    if margin and (not tiers or shipped_tiers(instrument.symbol) in tiers):
        found.append("tiers")
    return found


def _latency(config: SimConfig) -> dict[str, Any]:
    """How delays vary, where they do."""
    sample, table = config.latency_sample, config.latency_table
    found: dict[str, Any] = {}
    if sample is not None:
        mean, std = sample.mean / MILLISECOND_US, sample.std / MILLISECOND_US
        found["latency_sample_ms"] = {"mean": mean, "std": std}
    if table is not None:
        found["latency_table_ms"] = [
            [_clock(start) if table.daily else iso(start)]
            + [None if delay is None else delay / MILLISECOND_US for delay in row]
            for start, row in zip(table.starts, table.rows, strict=True)
        ]
    return found


def _clock(time: int) -> str:
    """A time of day."""
    return iso(time).partition("T")[2]


def iso(time: int) -> str:
    """Microseconds UTC as ISO 8601."""
    return f"{np.datetime64(time, 'us')}Z"
