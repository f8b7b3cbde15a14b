"""Options that say what orders get and what money costs: each said once, for all that simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DAY_MS = 86_400_000  # nothing takes longer to reach an exchange
DAY_S = 86_400
ORDERS = "What orders get"  # panels of the help
MONEY = "Money"

Fills = Annotated[
    str,
    typer.Option(help="queue, touch or through.", metavar="POLICY", rich_help_panel=ORDERS),
]
Latency = Annotated[
    float | None,
    typer.Option(
        help="Milliseconds of every leg; 100 on futures, 50 on spot.",
        min=0,
        max=DAY_MS,
        metavar="MS",
        rich_help_panel=ORDERS,
    ),
]
Leg = Annotated[
    float | None,
    typer.Option(
        help="Milliseconds of this leg alone.",
        min=0,
        max=DAY_MS,
        metavar="MS",
        show_default=False,
        rich_help_panel=ORDERS,
    ),
]
LatencySample = Annotated[
    str,
    typer.Option(
        help="Milliseconds: delays drawn from a lognormal of this mean and deviation.",
        metavar="MEAN,STD",
        rich_help_panel=ORDERS,
    ),
]
LatencyTable = Annotated[
    Path | None,
    typer.Option(
        help="CSV of delays by time of day or date, with the columns from, entry, cancel, …",
        metavar="FILE",
        rich_help_panel=ORDERS,
    ),
]
Slippage = Annotated[
    str,
    typer.Option(
        help="What takers pay besides: a number of ticks, or models that add up, such as"
        " ticks=1,sqrt=0.8 (of ticks, bps, half_spread, sqrt).",
        metavar="MODELS",
        rich_help_panel=ORDERS,
    ),
]
ReferencePrice = Annotated[
    str,
    typer.Option(
        "--reference",
        help="What takers pay: cross, next_print or next_same_side.",
        metavar="PRICE",
        rich_help_panel=ORDERS,
    ),
]
Triggers = Annotated[
    str,
    typer.Option(
        "--trigger-on",
        help="What triggers stops: last (price), or on futures mark, where stored.",
        metavar="PRICE",
        rich_help_panel=ORDERS,
    ),
]
StopFills = Annotated[
    str,
    typer.Option(
        "--stop-fill",
        help="market, or trigger_price as bar tools have it, which nobody gets.",
        metavar="PRICE",
        rich_help_panel=ORDERS,
    ),
]
Queue = Annotated[
    str,
    typer.Option(
        help="Volume ahead: visits:N, last_visit, zero or const:LOTS.",
        metavar="ESTIMATE",
        rich_help_panel=ORDERS,
    ),
]
QueueDecay = Annotated[
    str,
    typer.Option(
        help="How fast the volume ahead is cancelled: exp(-RATE x seconds).",
        metavar="RATE",
        rich_help_panel=ORDERS,
    ),
]
Participation = Annotated[
    str,
    typer.Option(
        help="Share of each trade that taking orders may use, 0 to 1.",
        metavar="SHARE",
        rich_help_panel=ORDERS,
    ),
]
MaxWait = Annotated[
    float,
    typer.Option(
        help="Seconds an entry that takes may need to fill; 0: any.",
        min=0,
        max=DAY_S,
        metavar="SECONDS",
        rich_help_panel=ORDERS,
    ),
]
Gaps = Annotated[
    str,
    typer.Option(
        "--gap-policy",
        help="Where trades are missing: keep, cancel_orders or flatten_after.",
        metavar="POLICY",
        rich_help_panel=ORDERS,
    ),
]
AtEnd = Annotated[
    str,
    typer.Option(
        "--end",
        help="A position open at the end: mark, or close it there.",
        metavar="POLICY",
        rich_help_panel=ORDERS,
    ),
]
OffTicks = Annotated[
    str,
    typer.Option(
        "--off-tick",
        help="Prices off the exchange's tick: round, or reject the order.",
        metavar="POLICY",
        rich_help_panel=ORDERS,
    ),
]
MaxOpenOrders = Annotated[
    int,
    typer.Option(
        help="Open orders beyond these are rejected.",
        min=1,
        metavar="N",
        rich_help_panel=ORDERS,
    ),
]

FeeRates = Annotated[
    str,
    typer.Option(
        "--fees",
        help="In basis points, at all times; else the dated rates known.",
        metavar="MAKER,TAKER",
        rich_help_panel=MONEY,
    ),
]
FeeTier = Annotated[
    str,
    typer.Option(
        help="Whose rates: regular, or a tier of your own, from the fees in orderflow-bt.toml.",
        metavar="TIER",
        rich_help_panel=MONEY,
    ),
]
Cash = Annotated[
    str,
    typer.Option(
        help="Starting cash: in quote currency (10000), on cm in the coin (what 10000 USD"
        " bought at the first trade).",
        metavar="AMOUNT",
        rich_help_panel=MONEY,
    ),
]
Leverage = Annotated[
    str,
    typer.Option(
        help="What is held may be worth this many times the equity.",
        metavar="TIMES",
        rich_help_panel=MONEY,
    ),
]
Margin = Annotated[
    str,
    typer.Option(
        help="What backs a position on futures: cross (unless several share the cash) or isolated.",
        metavar="KIND",
        rich_help_panel=MONEY,
    ),
]
Liquidates = Annotated[
    str,
    typer.Option(
        "--liquidate-on",
        help="On futures: auto (the mark price where it is stored), mark or last.",
        metavar="PRICE",
        rich_help_panel=MONEY,
    ),
]
Short = Annotated[
    str,
    typer.Option(
        help="allowed or refused: selling what is not held; refused on spot.",
        metavar="POLICY",
        rich_help_panel=MONEY,
    ),
]
FundingFuzz = Annotated[
    float,
    typer.Option(
        help="Seconds by which funding looks at positions later; may be negative.",
        min=-DAY_S,
        max=DAY_S,
        metavar="SECONDS",
        rich_help_panel=MONEY,
    ),
]
