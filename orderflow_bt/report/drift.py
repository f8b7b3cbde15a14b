"""Did it change over time? Figures of a sliding window, over what chance makes of the order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from orderflow_bt.report import words
from orderflow_bt.report.equity import digits_of, dress, thin, time_axis
from orderflow_bt.report.theme import MONO, SANS, Theme
from orderflow_bt.stats import metrics as m
from orderflow_bt.stats import money_digits, rolling
from orderflow_bt.types import DAY_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from orderflow_bt.stats.rolling import Rolling, Sliding

    Floats = NDArray[np.float64]
    Times = NDArray[np.int64]

_FACTORS = (0.03, 0.1, 0.25, 0.5, 1, 2, 4, 10, 30)
_FACTOR_ENDS = (0.02, 40.0)  # what is beyond lies at the edge
_FLATTEST = 1e-9
_FLATTEST_SHARE = 0.02  # of shares


@dataclass(frozen=True, slots=True)
class Track:
    """One figure over time.

    Attributes:
        name: What is drawn.
        form: ``money``, ``percent``, ``factor`` or ``ratio``.
        even: Where neither is won nor lost; None where the figure does not say.
        time: int64 [k], when each window ended.
        found: The figure; None where there is too little for two windows.
        why: Why there is none.
    """

    name: str
    form: str
    even: float | None
    time: Times
    found: Rolling | None
    why: str = ""


class Days(NamedTuple):
    """The marks of an account, and the window they lie in."""

    time: Times
    equity: Floats
    start_cash: float
    window: tuple[int, int]


def tracks_of(net: Floats, exit_time: Times, days: Days, quote: str, seed: int) -> list[Track]:
    """Mean result, winners and profit factor of round trips, and the Sharpe ratio of days.

    Args:
        net: float64 [n], net money of the closed round trips, in order of entry.
        exit_time: int64 [n], when each was closed, microseconds UTC.
        days: The account over the window.
        quote: Currency of the money.
        seed: Of the band and the intervals.
    """
    order = np.argsort(exit_time, kind="stable")
    net, ended = net[order], exit_time[order]
    start, end = days.window
    daily = m.daily_equity(
        days.time, days.equity, start_cash=days.start_cash, start_us=start, end_us=end
    )
    returns = m.daily_returns(daily)
    day_ends = np.minimum((start // DAY_US + 1 + np.arange(returns.size)) * DAY_US, end)
    figures: tuple[tuple[str, str, float | None, Sliding], ...] = (
        (f"mean net of a round trip, {quote}", "money", 0.0, rolling.sliding_mean),
        ("winners", "percent", None, rolling.sliding_share),
        ("profit factor", "factor", 1.0, rolling.sliding_factor),
    )
    tracks = [
        _track(name, form, even, net, ended, figure, seed, "round trips")
        for name, form, even, figure in figures
    ]
    if daily.size > 1 and not returns.size:
        why = "n/a: equity touched zero, and no returns are left then"
        return [*tracks, Track("Sharpe ratio of days", "ratio", 0.0, day_ends, None, why)]
    tracks.append(
        _track(
            "Sharpe ratio of days", "ratio", 0.0, returns, day_ends, rolling.sliding_sharpe, seed,
            "days",
        )
    )  # fmt: skip
    return tracks


def _track(  # noqa: PLR0917 - all of one figure
    name: str, form: str, even: float | None, values: Floats, time: Times, figure: Sliding,
    seed: int, noun: str,
) -> Track:  # fmt: skip
    window = rolling.window_of(values.size)
    if window is None:
        least = rolling.LEAST
        why = f"n/a: two windows of {least} need {2 * least} {noun}, there are {values.size:,}"
        return Track(name, form, even, time, None, why)
    found = rolling.rolling(values, figure, seed=seed, window=window)
    if not np.isfinite(found.values).any():
        why = f"n/a: no window of {window} {noun} has a loss or moves at all"
        return Track(name, form, even, time, None, why)
    if form == "factor" and not (found.values > 0).any():
        why = f"n/a: no window of {window} {noun} has a winner"
        return Track(name, form, even, time, None, why)
    told = f"{name}, last {window} {noun}"
    return Track(told, form, even, time[window - 1 :], found)


def draw_drift(tracks: Sequence[Track], window: tuple[int, int], theme: Theme) -> Figure:
    """Four panes on one span of time.

    Args:
        tracks: As `tracks_of` gives them.
        window: First moment and end of the run, microseconds UTC.
        theme: Colours.
    """
    figure = Figure(figsize=(13.6, 5.4), dpi=100, facecolor=theme.ground)
    grid = figure.add_gridspec(
        2, 2, left=0.018, right=0.955, top=0.94, bottom=0.06, hspace=0.3, wspace=0.14
    )
    for number, track in enumerate(tracks):
        axes = figure.add_subplot(grid[number // 2, number % 2])
        _draw(axes, track, theme)
        dress(axes, track.name, 0 if track.form == "percent" else digits_of(axes), theme, 4)
        if track.found is None:
            axes.set_xticks([])
            axes.set_yticks([])
            continue
        if track.form == "factor":
            axes.yaxis.set_major_locator(FixedLocator(_FACTORS))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        elif track.form == "percent":
            axes.yaxis.set_major_formatter(
                FuncFormatter(lambda value, _: words.plain(100 * value, 0) + " %")
            )
        axes.set_xlim(window[0] / DAY_US, (window[1] + 0.02 * (window[1] - window[0])) / DAY_US)
        time_axis(axes)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_fontfamily(MONO)
            label.set_fontsize(8)
    return figure


def _draw(axes: Axes, track: Track, theme: Theme) -> None:
    found = track.found
    if found is None:
        axes.text(
            0.5, 0.5, track.why, color=theme.muted, fontsize=8, fontfamily=SANS, ha="center",
            transform=axes.transAxes,
        )  # fmt: skip
        return
    dates, values = track.time / DAY_US, found.values
    seen = [values[np.isfinite(values)], np.array(found.band or ())]
    if found.last is not None:
        ends = np.array(found.last)
        ends[~np.isfinite(ends)] = np.nanmax(values)
        seen.append(ends)
    least = _FLATTEST_SHARE if track.form == "percent" else _FLATTEST
    _bound(axes, np.concatenate(seen), least, is_factor=track.form == "factor")
    if found.band is not None:
        axes.axhspan(*found.band, facecolor=theme.muted, alpha=0.16, linewidth=0)
    if track.even is not None:
        axes.axhline(track.even, color=theme.muted, linewidth=0.8)
    if np.isfinite(found.whole):
        axes.axhline(found.whole, color=theme.ink, linewidth=0.8, linestyle=(0, (2, 3)))
    shown = thin(np.where(np.isfinite(values), values, 0.0))
    dates, values = dates[shown], values[shown]
    axes.plot(dates, values, color=theme.curve, linewidth=1.3, drawstyle="steps-post", zorder=3)
    low, high = found.band or (-np.inf, np.inf)
    left = np.where((values < low) | (values > high), values, np.nan)
    axes.plot(dates, left, color=theme.accent, linewidth=2.6, drawstyle="steps-post", zorder=4)
    if found.last is not None:
        axes.errorbar(
            dates[-1], values[-1], yerr=[[max(values[-1] - ends[0], 0.0)],
                                         [max(ends[1] - values[-1], 0.0)]],
            color=theme.curve, elinewidth=1.1, capsize=3, marker="o", markersize=4, zorder=5,
        )  # fmt: skip


def _bound(axes: Axes, every: Floats, least: float, *, is_factor: bool) -> None:
    """Let a pane reach over all of these values and a least room; factors on a scale of ratios."""
    if is_factor:
        every = np.clip(every[every > 0], *_FACTOR_ENDS)
        axes.set_yscale("log")
        axes.set_ylim(every.min() / 1.2, every.max() * 1.2)
    else:
        room = 0.08 * (every.max() - every.min()) + least
        axes.set_ylim(every.min() - room, every.max() + room)


def drift_words(tracks: Sequence[Track], quote: str) -> list[str]:
    """What the pictures say, in a sentence or two each figure that can be told."""
    known = [track for track in tracks if track.found is not None]
    if not known:
        whys = dict.fromkeys(track.why.removeprefix("n/a: ") for track in tracks)
        return [f"Not known: {'; '.join(whys)}."]
    told = []
    for track in known:
        found = track.found
        assert found is not None
        name = track.name.partition(", last")[0].removesuffix(f", {quote}")
        below, above = found.outside
        if below or above:
            where = " and ".join(
                f"{side} it in {number:,}" for number, side in ((below, "below"), (above, "above"))
                if number
            )  # fmt: skip
            told.append(
                f"The {name} left the band: {where} of {found.values.size:,} windows. Something "
                "changed over time, or results came in runs."
            )
    if not told:
        told.append(
            "None leaves its band: the order of the results says nothing of a change over time."
        )
    last = known[0]
    if last.form == "money" and last.found is not None and last.found.last is not None:
        value = float(last.found.values[-1])
        low, high = (_say(end, last.form, quote) for end in last.found.last)
        told.append(
            f"The last {last.found.window} round trips made {_say(value, last.form, quote)} on "
            f"average (between {low} and {high} in 95 of 100 resamples of them), all of them "
            f"{_say(last.found.whole, last.form, quote)}."
        )
    return told


def _say(value: float, form: str, quote: str) -> str:
    if form == "money":
        return f"{words.signed(value, words.digits_of_one(value, money_digits(quote)))} {quote}"
    return words.percent(value) if form == "percent" else words.plain(value, 2)
