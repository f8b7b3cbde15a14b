"""Draw a picture for each reading from a hand-written tape, by the code that computes it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle
from stage import THEME, band, box, level, path, room, say, stage
from stage_tapes import EXAMPLE, HOLE, NO_UNIT, footprints_of, random_tape, tape_of

from orderflow_bt.detectors import (
    Absorption,
    BigTrades,
    DeltaDivergence,
    ImbalanceZones,
    PocRetest,
    TakerClusters,
    VolumeSpike,
)
from orderflow_bt.flow import (
    BarStream,
    ClusterSearch,
    Footprint,
    InitialBalance,
    ProfileBuilder,
    Twap,
    UnfinishedAuctions,
    Vwap,
    kyle_lambda,
)
from orderflow_bt.report import Scale, draw_footprint
from orderflow_bt.report.cvd import draw_cvd
from orderflow_bt.report.export import png_bytes
from orderflow_bt.report.profile import draw_profile
from orderflow_bt.report.theme import mix
from orderflow_bt.testing import Tape
from orderflow_bt.testing.tape import read_events
from orderflow_bt.types import MINUTE_US, BarSpec, Trades, time_bars

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent / "img" / "readings"


def picture_of(shown: Sequence[Footprint], title: str) -> Figure:
    """Footprints as the report draws them."""
    return draw_footprint(
        [one.bar for one in shown], [one.cells for one in shown], None, THEME,
        Scale(0, 0, 1, "contracts", title),
    )  # fmt: skip


def footprint() -> Figure:
    """Five bars: sells left, buys right, imbalances lit, point of control framed."""
    return picture_of(footprints_of(random_tape(4, 1500, 200_000), time_bars("1m")), "1m")


def imbalance() -> Figure:
    """The worked example, and the one with a hole."""
    one = footprints_of(tape_of(EXAMPLE), time_bars("1m"))
    later = tape_of(HOLE)
    two = footprints_of(later._replace(time=later.time + MINUTE_US), time_bars("1m"))
    return picture_of([*one, *two], "ratio 3; right: a hole breaks the stack")


def delta() -> Figure:
    """The running delta of a bar: +5, -2, -6, +4."""
    trades = Tape("B 100 5 | S 100 2 | S 100 6 | B 100 4").trades
    (bar,) = (one.bar for one in footprints_of(trades, time_bars("1m")))
    run = [0, *np.cumsum(trades.qty * trades.side).tolist()]
    figure, axes = stage("running delta of one bar: buys 5, sells 2, sells 6, buys 4")
    axes.step(range(5), run, where="post", color=THEME.curve, linewidth=1.6)
    axes.scatter(range(5), run, color=THEME.ink, s=16, zorder=3)
    level(axes, bar.max_delta, f"max_delta {bar.max_delta}", THEME.buy_lit)
    level(axes, bar.min_delta, f"min_delta {bar.min_delta}", THEME.sell_lit)
    level(axes, bar.delta, f"delta {bar.delta}")
    axes.set_xticks([])
    axes.set_yticks([0])
    room(axes, run)
    return figure


def cvd() -> Figure:
    """Price, cumulative delta and each bar's delta."""
    trades = random_tape(9, 24_000, 300_000)
    bars = [one.bar for one in footprints_of(trades, time_bars("1m"))]
    return draw_cvd(bars, THEME, Scale(0, 0, 1, "contracts", "1m"))


def bars() -> Figure:
    """One tape cut four ways."""
    trades = random_tape(11, 260, 1_000_000)
    figure, axes = stage("one tape, cut by time, by trades, by range and into bricks", tall=5.2)
    low, high = int(trades.price.min()), int(trades.price.max())
    tall = high - low + 4
    for lane, text in enumerate(("1m", "tick:40", "range:6", "renko:4")):
        spec = BarSpec.parse(text)
        stream = BarStream(spec, ids_are_continuous=True, instrument=NO_UNIT)
        batches = [stream.feed(trades)]
        batches.append(stream.close_until(int(trades.time[-1]) + MINUTE_US))
        floor = -lane * tall
        shift = floor - low
        axes.plot(
            trades.price + shift, color=THEME.muted, linewidth=0.7, alpha=0.8, zorder=2
        )  # fmt: skip
        first = 0
        for batch in batches:
            for bar, at in zip(batch.tolist(), batch.at.tolist(), strict=True):
                last = at if batch is batches[0] else trades.rows
                colour = THEME.buy if bar.close >= bar.open else THEME.sell
                box(axes, (first, max(last, first + 2)), bar.low + shift, bar.high + shift, colour)
                first = last
        axes.text(
            1.01, floor + tall / 2 - 2, text, color=THEME.ink, fontsize=9, va="center",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    return figure


def profile() -> Figure:
    """The worked example: rows 100 to 107, two rows at a time."""
    volumes = (5, 10, 25, 40, 15, 30, 10, 5)
    words = [f"B {100 + k} {v - v // 2} | S {100 + k} {v // 2}" for k, v in enumerate(volumes)]
    built = ProfileBuilder(1)
    trades = Tape(" | ".join(words)).trades
    built.add(trades)
    return draw_profile(
        built.profile(int(trades.time[-1])), THEME, Scale(0, 0, 1, "contracts", "example"), ""
    )


def auction() -> Figure:
    """The high is finished, the low is not, until price comes back."""
    shown = footprints_of(tape_of(EXAMPLE), time_bars("1m"))
    watch = UnfinishedAuctions()
    watch.push(shown[0])
    figure, axes = stage(
        "the low printed on both sides: unfinished, until a trade comes back to it"
    )
    trades = Tape("B 104 1 | S 103 1 | B 102 1 | B 103 2 | S 101 1 | S 100 1 | B 101 1").trades
    path(axes, trades, 1)
    level(axes, 100, "low 100: 20 x 1", THEME.sell_lit)
    level(axes, 104, "high 104: 0 x 12", THEME.muted)
    for _, row in watch.feed(trades):
        say(axes, row, float(trades.price[row]), "resolved", up=False)
    room(axes, [100, 104])
    return figure


def vwap() -> Figure:
    """VWAP with its bands, and the time average."""
    trades = random_tape(20, 900, 4_000_000)
    trades.qty[600:] *= 6
    line, upper, lower, average = [], [], [], []
    volume, time = Vwap(), Twap()
    for k in range(trades.rows):
        piece = trades.slice(k, k + 1)
        volume.feed(piece)
        time.feed(piece)
        line.append(float(volume.value or 0))
        upper.append(volume.band(2) or 0.0)
        lower.append(volume.band(-2) or 0.0)
        average.append(float(time.at(int(trades.time[k])) or trades.price[k]))
    figure, axes = stage("VWAP and its band of two deviations; dotted: the time average")
    axes.plot(trades.price, color=THEME.muted, linewidth=0.8)
    axes.plot(line, color=THEME.accent, linewidth=1.5)
    axes.plot(average, color=THEME.curve, linewidth=1.1, linestyle=":")
    axes.fill_between(range(trades.rows), lower, upper, color=THEME.accent, alpha=0.10, linewidth=0)
    axes.set_xticks([])
    return figure


def initial_balance() -> Figure:
    """The first hour's range, and its extensions."""
    trades = random_tape(31, 700, 15_000_000)
    day = trades.time[0] // 86_400_000_000 * 86_400_000_000
    trades = trades._replace(time=trades.time - trades.time[0] + day)
    balance = InitialBalance()
    balance.feed(trades)
    final = balance.at(int(trades.time[-1]))
    figure, axes = stage("range of the session's first hour, and once that range above and below")
    axes.plot(trades.price, color=THEME.muted, linewidth=0.9)
    hour = int(np.searchsorted(trades.time, day + 60 * MINUTE_US))
    axes.axvspan(0, hour, color=THEME.panel, zorder=0)
    if final is not None:
        level(axes, final.high, f"high {final.high}")
        level(axes, final.low, f"low {final.low}")
        above, below = final.extension(1)
        level(axes, float(above), f"1x {int(above)}", THEME.muted)
        level(axes, float(below), f"1x {int(below)}", THEME.muted)
    axes.set_xticks([])
    return figure


def takers() -> Figure:
    """The worked example: one order over three prices, then another."""
    tape = Tape(
        "S 99.9 2 | B 100.0 1 | +0us B 100.1 2 | +0us B 100.2 0.5 | +0us B 100.1 1 | S 100.0 3"
    )
    trades, unit = tape.trades, float(tape.instrument.price_unit)
    figure, axes = stage("rows of one time: three climb (a sweep), the fourth turns back")
    path(axes, trades, unit, sizes=True)
    (sweep,) = (e for e in tape.events(TakerClusters(quantile=0.0)) if e.kind == "sweep")
    last = int(np.searchsorted(trades.id, sweep.details["trade_id"])) - 1
    first = last - sweep.details["trades"] + 1
    box(
        axes, (first - 0.4, last + 0.4), sweep.price_low * unit - 0.03,
        sweep.price_high * unit + 0.03, THEME.event,
    )  # fmt: skip
    say(axes, last, sweep.price_high * unit, f"sweep over {sweep.details['levels']} prices")
    room(axes, (trades.price * unit).tolist(), share=0.5)
    return figure


def zones() -> Figure:
    """The life of a buy zone."""
    stack = tape_of(EXAMPLE)
    words = "B 105 1 | +60s B 107 1 | B 108 1 | S 106 1 | S 104 1 | S 103 1 | B 105 1 | B 108 1"
    later = Tape(f"{words} | S 106 1 | S 104 1 | S 102 1 | S 100 1 | S 99 1").trades
    trades = Trades(*map(np.concatenate, zip(stack, later._replace(
        id=later.id + stack.rows, time=later.time + int(stack.time[-1] - stack.time[0])
    ), strict=True)))  # fmt: skip
    detector = ImbalanceZones(bars="1m", floor=10, leave=1, retests=2)
    seen = read_events(trades, NO_UNIT, detector)
    figure, axes = stage(
        "three rows of buy imbalance make a zone; what the price does on its return"
    )
    path(axes, trades, 1)
    band(axes, seen[0].price_low, seen[0].price_high, THEME.buy_lit, "buy zone")
    for event in seen:
        row = int(np.searchsorted(trades.id, event.details.get("trade_id", stack.rows)))
        up = event.state in ("created", "armed", "held")
        say(axes, row, float(trades.price[row]), event.state, up=up)
    room(axes, trades.price.tolist())
    return figure


def absorption() -> Figure:
    """The worked example: three buys into one row that does not give way."""
    tape = Tape(
        "B 99 8 | B 100 40 | +10s B 100 35 | S 99 4 | +10s B 100 50 | +1s S 99 6 | S 98 9 | S 97 12"
    )
    trades = tape.trades
    detector = Absorption(rows=1, beyond=1, back=3, back_atr=0, min_volume=100)
    figure, axes = stage(
        "buys of 40, 35 and 50 at one price, none beyond it; dots grow with volume"
    )
    path(axes, trades, 1, sizes=True)
    band(axes, 99.6, 100.4, THEME.buy_lit)
    for event in tape.events(detector):
        row = int(np.searchsorted(trades.id, event.details["trade_id"]))
        say(axes, row, float(trades.price[row]), event.state, up=event.state == "candidate")
    room(axes, [96, 101.5])
    return figure


def exhaustion() -> Figure:
    """Buying that dries up into the high."""
    asks = {100: 22, 101: 20, 102: 14, 103: 9, 104: 5, 105: 2}
    cells = {row: (0 if row == 105 else 9, ask) for row, ask in reversed(asks.items())}
    return picture_of(
        footprints_of(tape_of(cells), time_bars("1m")), "buys from the high inward: 2, 5, 9, 14, 20"
    )


def divergence() -> Figure:
    """A higher high on lower cumulative delta."""
    highs = (10, 12, 15, 13, 12, 14, 17, 16, 15)
    cvds = (300, 380, 500, 470, 400, 405, 420, 390, 350)
    words, before = [], 0
    for high, cvd in zip(highs, cvds, strict=True):
        change = cvd - before
        side = "B" if change > 0 else "S"
        words += [f"S {high - 2} 1", f"B {high - 1} 1", f"{side} {high} {abs(change)}"]
        before = cvd
    tape = Tape(" | ".join(w if k % 3 or not k else f"+60s {w}" for k, w in enumerate(words)))
    detector = DeltaDivergence(bars="1m", min_bars=1, margin=0.0)
    end = int(tape.trades.time[-1]) + MINUTE_US
    seen = [e for e in tape.events(detector, end=end) if e.direction < 0]
    shown = footprints_of(tape.trades, time_bars("1m"))
    figure, axes = stage(
        "price makes a higher high, cumulative delta (blue, below) a lower one", tall=4.4
    )
    for k, one in enumerate(shown):
        box(axes, (k - 0.3, k + 0.3), one.bar.low, one.bar.high, THEME.muted)
    start = shown[0].bar.open_time
    low = min(one.bar.low for one in shown)
    line = [low - 9 + 7 * (c - min(cvds)) / (max(cvds) - min(cvds)) for c in cvds]
    axes.plot(range(len(line)), line, color=THEME.curve, linewidth=1.6)
    for event in seen:
        first, second = (
            (event.details[name] - start) // MINUTE_US for name in ("pivot1_time", "pivot2_time")
        )
        prices = [event.details["pivot1_price"], event.details["pivot2_price"]]
        axes.plot([first, second], prices, color=THEME.sell_lit, linewidth=1.6)
        axes.plot([first, second], [line[first], line[second]], color=THEME.sell_lit, linewidth=1.6)
        known = (event.known_at - start) // MINUTE_US - 1
        say(axes, known, shown[known].bar.high, "known at this close")
    axes.set_xticks([])
    axes.set_yticks([])
    room(axes, [min(line), max(highs)], share=0.2)
    return figure


def poc_retest() -> Figure:
    """A day's point of control, left, touched and rejected the day after."""
    words = [f"B {100 + d} {5 - abs(d)} | S {100 + d} {5 - abs(d)}" for d in range(-4, 5)]
    day = f"{' | '.join(words)} | +24h S 96 1"
    walk = "S 93 1|S 91 1|S 88 1|B 90 1|B 93 1|B 96 1|B 99 1|S 97 1|S 95 1|S 93 1|S 92 1"
    tape = Tape(f"{day} | {' | '.join(walk.split('|'))}")
    trades = tape.trades
    seen = tape.events(PocRetest(away=8))
    figure, axes = stage("left of the line: the day before; its point of control is come back to")
    path(axes, trades, 1)
    edge = int(np.flatnonzero(np.diff(trades.time) > 3_600_000_000)[0])
    axes.axvline(edge + 0.5, color=THEME.muted, linewidth=0.9)
    level(axes, seen[0].details["poc"], "POC 100")
    for event in seen:
        row = int(np.searchsorted(trades.id, event.details["trade_id"]))
        say(axes, row, float(trades.price[row]), event.state, up=event.state == "touch")
    room(axes, trades.price.tolist())
    return figure


def aggressor() -> Figure:
    """Buys lift the offer, sells hit the bid."""
    text = "B 101 6|S 100 3|B 101 9|B 101 2|S 100 12|B 101 4|S 100 5|S 100 2|B 101 7|S 100 4"
    trades = Tape(" | ".join(text.split("|"))).trades
    figure, axes = stage("dots grow with size; the exchange says whether the buyer was the maker")
    path(axes, trades, 1, sizes=True)
    bought, sold = (int(trades.qty[trades.side == side].sum()) for side in (1, -1))
    level(axes, 101, f"offer: buys {bought}", THEME.buy_lit)
    level(axes, 100, f"bid: sells {sold}", THEME.sell_lit)
    say(axes, 2, 101, "buyer was taker: +9")
    say(axes, 1, 100, "buyer was maker: -3", up=False)
    say(axes, trades.rows - 1, 100, f"delta of all {bought - sold:+d}", up=False)
    room(axes, [100, 101], share=0.9)
    return figure


def volume_cluster() -> Figure:
    """Windows of two rows that reach the 99 % quantile of those before."""
    shown = footprints_of(random_tape(4, 18_000, 200_000), time_bars("1m"))
    search = ClusterSearch(rows=2, bars=1, history=30)
    figure, axes = stage("volume by row and minute; framed: two rows that reach the 99 % quantile")
    most = max(int(one.cells[:, 1:3].sum(axis=1).max()) for one in shown)
    prices = []
    for k, one in enumerate(shown):
        found = search.push(one)
        if k < 30:
            continue
        prices += [one.bar.low, one.bar.high]
        for low, bid, ask, *_ in one.cells.tolist():
            shade = mix(THEME.curve, THEME.ground, 0.08 + 0.72 * (bid + ask) / most)
            axes.add_patch(Rectangle((k - 0.5, low), 0.96, 0.96, facecolor=shade, linewidth=0))
        for cluster in found:
            axes.add_patch(Rectangle(
                (k - 0.5, cluster.price_low), 0.96, cluster.price_high - cluster.price_low - 0.04,
                fill=False, edgecolor=THEME.event, linewidth=1.5, zorder=4,
            ))  # fmt: skip
    axes.set_xlim(29, len(shown))
    axes.set_xticks([])
    room(axes, prices, share=0.1)
    return figure


def volume_spike() -> Figure:
    """Volume by minute against the minutes before."""
    trades = random_tape(7, 9_000, 1_000_000)
    trades.qty[7_500:7_560] = trades.qty[7_500:7_560] * 3 // 2
    spikes = read_events(trades, NO_UNIT, VolumeSpike(bars="1m"))
    volumes = np.array([one.bar.volume for one in footprints_of(trades, time_bars("1m"))])
    before = [volumes[k - 100 : k] for k in range(100, len(volumes))]
    least = [float(past.mean() + 3 * past.std()) for past in before]
    figure, axes = stage("volume by minute; dashed: three deviations above the 100 minutes before")
    axes.bar(range(100, len(volumes)), volumes[100:], width=0.7, color=THEME.curve)
    axes.plot(range(100, len(volumes)), least, color=THEME.accent, linestyle=(0, (4, 3)))
    for spike in spikes:
        place = int((spike.known_at - trades.time[0]) // MINUTE_US) - 1
        say(axes, place, float(volumes[place]), f"z {3 * spike.strength:.1f}")
    axes.set_xticks([])
    axes.set_ylim(0, float(volumes.max()) * 1.3)
    return figure


def big_trades() -> Figure:
    """Orders whose value stands out, on the path of the price."""
    trades = random_tape(5, 220, 500_000)
    trades.qty[[60, 121, 190]] *= (9, 12, 8)
    seen = read_events(trades, NO_UNIT, BigTrades(min_value=40 * 6000))
    figure, axes = stage("dots grow with size; named: orders that reach the least value")
    path(axes, trades, 1, sizes=True)
    for event in seen:
        row = int(np.searchsorted(trades.id, event.details["trade_id"])) - 1
        side = "bought" if event.direction > 0 else "sold"
        say(axes, row, float(trades.price[row]), f"{event.details['qty']} {side}")
    room(axes, trades.price.tolist(), share=0.4)
    return figure


def price_impact() -> Figure:
    """Price changes against signed volume, and Kyle's lambda through them."""
    bars = [one.bar for one in footprints_of(random_tape(9, 24_000, 300_000), time_bars("1m"))]
    signed = [bar.delta for bar in bars[1:]]
    change = [bar.close - before.close for before, bar in pairwise(bars)]
    slope = float(kyle_lambda(signed, change) or 0)
    ends = np.array([min(signed), max(signed)])
    line = np.mean(change) + slope * (ends - np.mean(signed))
    figure, axes = stage("each dot a minute: delta (across), change of price in ticks (up)")
    axes.scatter(signed, change, s=14, color=THEME.curve, linewidths=0)
    axes.plot(ends, line, color=THEME.accent, linewidth=1.5)
    say(axes, 250, float(np.interp(250, ends, line)), f"lambda {slope:.3f} ticks a lot", up=False)
    return figure


PICTURES: tuple[Callable[[], Figure], ...] = (
    footprint, imbalance, delta, cvd, bars, profile, auction, vwap, initial_balance, takers, zones,
    absorption, exhaustion, divergence, poc_retest, volume_cluster, volume_spike, big_trades,
    price_impact, aggressor,
)  # fmt: skip


def main() -> None:
    """Write every picture."""
    HERE.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        (HERE / f"{picture.__name__}.png").write_bytes(png_bytes(picture()))


if __name__ == "__main__":
    main()
