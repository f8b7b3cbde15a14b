"""What a run on a text tape did, in words a trader can read."""

from __future__ import annotations

from dataclasses import replace

from orderflow_bt.testing.tape import PLAIN, Script

MS = 1_000


def told(run):
    """Every fill: ``trade 3: buy 3 at 100.0, queue``."""
    units = run.session.instrument
    return [
        f"trade {f.trade_id}: {'buy' if f.side > 0 else 'sell'} {units.qty(f.qty)}"
        f" at {units.price(f.price)}, {f.rule}"
        for f in run.fills
    ]


def ends(run):
    """Every order: ``limit filled 3 of 5, working``, with the reason where there is one."""
    return [
        f"{o.role} {o.kind} filled {o.filled_qty} of {o.qty}, {o.status}"
        + (f": {o.why}" if o.why else "")
        for o in run.orders
    ]


def after(number, *steps):
    """A strategy that does all ``steps`` after trade ``number`` (1 is the first)."""
    return Script({number - 1: lambda market, broker: [step(market, broker) for step in steps]})


def steps(by_trade):
    """A strategy that does what stands for each trade's number (1 is the first)."""
    return Script({number - 1: step for number, step in by_trade.items()})


def send(kind, *given, **named):
    """A step that sends one order: ``send("limit", 1, 5, 1000)``."""
    return lambda _, broker: getattr(broker, kind)(*given, **named)


def config(**changes):
    """The plain assumptions with changes; latencies in milliseconds, ``latency`` for all."""
    plain = PLAIN.with_latency(changes.pop("latency") * MS) if "latency" in changes else PLAIN
    legs = ("entry_latency", "cancel_latency", "trigger_latency", "response_latency")
    return replace(plain, **{k: v * MS if k in legs else v for k, v in changes.items()})
