"""The line that makes a run again, from what its manifest says."""

from __future__ import annotations

import datetime as dt
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderflow_bt.strategy.registry import installed

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEGS = ("entry", "cancel", "trigger", "response")
# Option: key of the manifest's simulation, and the value that needs no option.
_PLAIN = {
    "--fills": ("fills", "queue"),
    "--queue": ("queue", "visits:5"),
    "--queue-decay": ("queue_decay", "0"),
    "--reference": ("reference", "cross"),
    "--trigger-on": ("trigger_on", "last"),
    "--stop-fill": ("stop_fill", "market"),
    "--participation": ("participation", "1"),
    "--max-wait": ("max_wait_s", 60.0),
    "--gap-policy": ("gap_policy", "keep"),
    "--end": ("end", "mark"),
    "--off-tick": ("off_tick", "round"),
    "--max-open-orders": ("max_open_orders", 200),
    "--leverage": ("leverage", "1"),
    "--liquidate-on": ("liquidate_on", "auto"),
    "--funding-fuzz": ("funding_shift_s", 0.0),
    "--seed": ("seed", 1),
}


def command_line(manifest: dict[str, Any], *, has_gaps: bool, has_grid: bool = False) -> str:
    """``orderflow-bt run …`` with every parameter, and every assumption that is not the default.

    Tables of fees, margins and delays are not on it: those are files.

    Args:
        manifest: Of a run.
        has_gaps: Whether it ran over missing days or trades.
        has_grid: Whether other conditions were lived through too.
    """
    strategy, tape = manifest["strategy"], manifest["tape"]
    symbols = manifest.get("portfolio") or [tape["symbol"]]
    words = ["orderflow-bt", "run", named(manifest), *symbols, "--market", tape["market"]]
    words += ["--portfolio"] if len(symbols) > 1 else []
    margin = manifest["simulation"].get("margin")
    if tape["market"] != "spot" and margin not in (None, "isolated" if symbols[1:] else "cross"):
        words += ["--margin", margin]
    if tape["kind"] != "aggTrades":
        words += ["--kind", tape["kind"]]
    words += _window(manifest["window"])
    for name, value in strategy["parameters"].items():
        words += ["--param", f"{name}={value}"]
    words += _assumptions(manifest["simulation"], tape["market"])
    words += ["--accept-gaps"] if has_gaps else []
    return shlex.join([*words, "--grid"] if has_grid else words)


def named(manifest: dict[str, Any]) -> str:
    """The strategy as the command line takes it: a name that is installed, FILE or FILE:Class.

    Called otherwise it would be another run: what a strategy is called is hashed with the result.
    """
    strategy, file = manifest["strategy"], manifest["code"].get("strategy_file")
    if not file or strategy["name"] in installed():
        return str(strategy["name"])
    return file if strategy["name"] == Path(file).stem else f"{file}:{strategy['class']}"


def _window(window: dict[str, str]) -> list[str]:
    """Days, the last one included, or times where it does not begin and end at midnight."""
    start, end = (dt.datetime.fromisoformat(window[key]) for key in ("from", "to"))
    if any(time.time() != dt.time(0) for time in (start, end)):
        return ["--from", window["from"], "--to", window["to"]]
    return ["--from", str(start.date()), "--to", str(end.date() - dt.timedelta(days=1))]


def _assumptions(simulation: dict[str, Any], market: str) -> Iterator[str]:
    for option, (key, usual) in _PLAIN.items():
        if simulation.get(key, usual) not in (usual, None):
            yield from (option, str(simulation[key]))
    delays = simulation["latency_ms"]
    if len(set(delays.values())) == 1:
        yield from ("--latency", f"{delays['entry']:g}")
    else:
        for leg in _LEGS:
            yield from (f"--{leg}-latency", f"{delays[leg]:g}")
    if sample := simulation.get("latency_sample_ms"):
        yield from ("--latency-sample", f"{sample['mean']:g},{sample['std']:g}")
    if not simulation.get("fee_changes"):
        yield from ("--fees", f"{simulation['maker_bps']},{simulation['taker_bps']}")
    paid = [f"ticks={simulation['slippage_ticks']}", f"bps={simulation.get('slippage_bps', '0')}"]
    paid += ["half_spread"] if simulation.get("half_spread") else []
    paid += [f"sqrt={simulation.get('impact', '0')}"]
    if paid != ["ticks=1", "bps=0", "sqrt=0"]:
        yield from ("--slippage", ",".join(paid))
    yield from ("--cash", simulation["cash"])
    usual = "refused" if market == "spot" else "allowed"
    if simulation.get("short", usual) != usual:
        yield from ("--short", simulation["short"])
