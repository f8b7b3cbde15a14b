"""Scores of a practice, from its journal alone: what was read right, what was traded, in R.

A question is scored by ``(confidence - hit)²``, which is least on average for who says the chance
that they are right: see ``docs/practice.md``. Nothing here is ranked by profit.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from orderflow_bt.replay.practice.journal_file import is_sealed
from orderflow_bt.stats import luck
from orderflow_bt.stats.verdict import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orderflow_bt.replay.practice.chain import Entry

LEAST = 30  # answers, or round trips, from which on there is something to judge
EDGES = (50, 60, 70, 80, 90, 101)  # of the calibration table, percent
BEFORE_COSTS = "R is before costs until the reveal: their share of it would tell the price level."
_Z = 1.959963984540054  # of a normal, both tails together 5 %
_SEED = 1
_REPS = 2000


class Answer(NamedTuple):
    """An answer whose truth is known.

    Attributes:
        drill: Kind of the question.
        choice: What was said.
        truth: What was right.
        confidence: Percent, 50 to 100.
        seconds: Until it was said.
        choices: How many there were.
        trend: What "it goes on" says.
        detector: What one who follows the detectors says.
        time: Market time of the question, microseconds UTC.
        row: Row of the question.
        because: Why that is right.
        area: Times and prices that it is about: ``since``, ``until``, ``low``, ``high``.
    """

    drill: str
    choice: str
    truth: str
    confidence: int
    seconds: float
    choices: int
    trend: str
    detector: str
    time: int
    row: int
    because: str
    area: dict[str, int]

    @property
    def hit(self) -> bool:
        """Whether it was right."""
        return self.choice == self.truth

    @property
    def brier(self) -> float:
        """Its score, 0 the best and 1 the worst."""
        return (self.confidence / 100 - self.hit) ** 2


def answers(entries: Iterable[Entry]) -> tuple[list[Answer], int, int]:
    """The answers of a journal that are scored, and how many are not.

    Returns:
        Answers in order; how many were asked at a moment whose future had been seen; how many have
        no known truth, because the tape did not get there or lacks trades.
    """
    found: dict[int, Entry] = {}
    for entry in entries:
        if entry["kind"] in ("answer", "truth"):
            found[entry["id"]] = entry
    scored: list[Answer] = []
    hindsight = unknown = 0
    for entry in found.values():
        if entry["hit"] is None:
            unknown += 1
        elif entry["hindsight"]:
            hindsight += 1
        else:
            scored.append(
                Answer(
                    entry["drill"], entry["choice"], entry["truth"], entry["confidence"],
                    entry["seconds"], len(entry["choices"]), entry["trend"], entry["detector"],
                    entry["asked_at"], entry["at_row"], entry["because"],
                    entry["area"],
                )
            )  # fmt: skip
    return scored, hindsight, unknown


def scores(entries: Sequence[Entry]) -> dict[str, Any]:
    """Everything scored of a journal, ready for JSON; while it is sealed R is before costs.

    Args:
        entries: Of a journal, or of several one after the other where ids do not matter: give each
            journal's answers to `read_scores` then.
    """
    scored, hindsight, unknown = answers(entries)
    reads = {"all": read_scores(scored)} | {
        drill: read_scores([a for a in scored if a.drill == drill])
        for drill in dict.fromkeys(a.drill for a in scored)
    }
    sealed = is_sealed(entries)
    trips = [r_before_costs(e) if sealed else e for e in entries if e["kind"] == "trip"]
    trades = trade_scores(trips)
    return {
        "reads": reads,
        "reads_hindsight": hindsight,
        "reads_unknown": unknown,
        "trades": trades,
        "warnings": _warnings(hindsight, unknown, trades)
        + ([BEFORE_COSTS] if sealed and trips else []),
    }


def r_before_costs(trip: Entry) -> Entry:
    """A round trip as it may be shown while price and date are hidden."""
    return {**trip, "r": trip["gross_r"]}


def _warnings(hindsight: int, unknown: int, trades: dict[str, Any]) -> list[str]:
    """What is not scored, and why."""
    told = [
        (hindsight, "answer", "given where the future had been seen: hindsight, not scored"),
        (unknown, "answer", "whose truth the practice did not reach, or nobody knows: not scored"),
        (trades["hindsight"], "round trip", "entered in hindsight: listed, not scored"),
        (trades["without_stop"], "round trip", "without a stop: no R, not scored"),
    ]
    return [f"{count(number, noun)} {what}." for number, noun, what in told if number]


# Reads -------------------------------------------------------------------------------------------


def read_scores(given: Sequence[Answer]) -> dict[str, Any]:
    """Hit rate, Brier score, calibration, time and baselines of some answers, ready for JSON."""
    n = len(given)
    hits = sum(answer.hit for answer in given)
    result: dict[str, Any] = {
        "answers": n,
        "hits": hits,
        "hit_rate": hits / n if n else None,
        "hit_interval": list(wilson(hits, n)) if n else None,
        "chance": sum(1 / answer.choices for answer in given) / n if n else None,
        "brier": _mean([answer.brier for answer in given]),
        "confidence": _mean([answer.confidence / 100 for answer in given]),
        "calibration": calibration(given),
        "seconds": _quartiles([answer.seconds for answer in given]),
        "baselines": {
            "trend": _baseline(given, [a.trend == a.truth for a in given]),
            "detector": _baseline(given, [a.detector == a.truth for a in given]),
        },
        "misread": misread(given),
        "enough": n >= LEAST,
    }
    result["verdict"] = _read_verdict(result)
    return result


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927).

    Args:
        hits: Of ``n`` tries.
        n: At least 1.
    """
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return middle - half if hits else 0.0, middle + half if hits < n else 1.0


def calibration(given: Sequence[Answer]) -> list[dict[str, Any]]:
    """How often answers of each confidence were right; only rows that hold some."""
    rows = []
    for low, high in itertools.pairwise(EDGES):
        inside = [answer for answer in given if low <= answer.confidence < high]
        if inside:
            hits = sum(answer.hit for answer in inside)
            rows.append(
                {
                    "from": low,
                    "to": min(high, 100),
                    "answers": len(inside),
                    "said": sum(answer.confidence for answer in inside) / len(inside) / 100,
                    "right": hits / len(inside),
                    "interval": list(wilson(hits, len(inside))),
                }
            )
    return rows


def misread(given: Sequence[Answer]) -> list[dict[str, Any]]:
    """Which truth was taken for which, the most frequent first."""
    counts: dict[tuple[str, str, str], int] = {}
    for answer in given:
        if not answer.hit:
            key = (answer.drill, answer.truth, answer.choice)
            counts[key] = counts.get(key, 0) + 1
    of = {
        (answer.drill, answer.truth): sum(
            (a.drill, a.truth) == (answer.drill, answer.truth) for a in given
        )
        for answer in given
    }
    return [
        {"drill": drill, "truth": truth, "said": said, "times": times, "of": of[drill, truth]}
        for (drill, truth, said), times in sorted(counts.items(), key=lambda item: -item[1])
    ]


def _baseline(given: Sequence[Answer], hits: list[bool]) -> dict[str, Any] | None:
    """One who answered the same questions, at the best single confidence there was for them."""
    n = len(given)
    if not n:
        return None
    share = sum(hits) / n
    said = max(share, 0.5)
    ahead = np.array([a.hit for a in given], np.float64) - np.array(hits, np.float64)
    interval = None
    if n >= 2:
        found = luck.bootstrap(ahead, luck.row_mean, seed=_SEED, reps=_REPS, block=1.0)
        interval = luck.interval_json(found)
    return {
        "hit_rate": share,
        "hit_interval": list(wilson(sum(hits), n)),
        "brier": sum((said - hit) ** 2 for hit in hits) / n,
        "ahead": float(ahead.mean()),
        "ahead_interval": interval,
    }


def _read_verdict(result: dict[str, Any]) -> str:
    n = result["answers"]
    if n == 0:
        return "Nothing was answered."
    if n < LEAST:
        return f"Too few to judge: {count(n, 'answer')}, {LEAST} are the least."
    low, high = result["hit_interval"]
    chance = result["chance"]
    words = f"{100 * chance:.0f} %"
    parts = []
    if low > chance:
        parts.append(f"Read better than chance ({words})")
    elif high < chance:
        parts.append(f"Read worse than chance ({words}): look which answers are turned round")
    else:
        parts.append(f"Not told apart from chance ({words})")
    for name, whom in (("trend", "always the trend"), ("detector", "the detectors")):
        interval = result["baselines"][name]["ahead_interval"]
        ahead = interval[0] > 0
        behind = interval[1] < 0
        parts.append(f"{'ahead of' if ahead else 'behind' if behind else 'level with'} {whom}")
    if result["brier"] > 0.25:
        parts.append("surer than the answers deserve: saying 50 % always would score better")
    said = "; ".join(parts) + "."
    if result["misread"] and result["misread"][0]["times"] >= 3:
        worst = result["misread"][0]
        said += (
            f" Most often misread: {worst['truth']} was called {worst['said']},"
            f" {worst['times']} of {worst['of']} times."
        )
    return said


# Trades ------------------------------------------------------------------------------------------


def trade_scores(trips: Sequence[Entry]) -> dict[str, Any]:
    """Round trips in R; those made in hindsight are counted and left out.

    Args:
        trips: Entries of kind ``trip``.
    """
    scored = [trip for trip in trips if not trip["hindsight"]]
    in_r = [trip for trip in scored if trip["r"] is not None]
    r = np.array([trip["r"] for trip in in_r], np.float64)
    interval = None
    if r.size >= 2:
        found = luck.bootstrap(r, luck.row_mean, seed=_SEED, reps=_REPS)
        interval = luck.interval_json(found)
    wins = int((r > 0).sum())
    result: dict[str, Any] = {
        "round_trips": len(scored),
        "hindsight": len(trips) - len(scored),
        "without_stop": len(scored) - len(in_r),
        "expectancy_r": float(r.mean()) if r.size else None,
        "expectancy_interval": interval,
        "sum_r": float(r.sum()),
        "win_rate": wins / r.size if r.size else None,
        "win_interval": list(wilson(wins, r.size)) if r.size else None,
        "average_win_r": _mean(r[r > 0].tolist()),
        "average_loss_r": _mean(r[r <= 0].tolist()),
        "mae_r": _mean([trip["mae_r"] for trip in in_r if trip["mae_r"] is not None]),
        "mfe_r": _mean([trip["mfe_r"] for trip in in_r if trip["mfe_r"] is not None]),
        "slippage_ticks": _mean([trip["slippage_ticks"] for trip in scored]),
        "by_reason": _by_reason(scored),
        "enough": r.size >= LEAST,
    }
    result["verdict"] = _trade_verdict(result, int(r.size))
    return result


def _by_reason(trips: Sequence[Entry]) -> list[dict[str, Any]]:
    """Each entry reason with its round trips, in the order of first use."""
    rows = []
    for reason in dict.fromkeys(trip["reason"] or "no reason given" for trip in trips):
        own = [trip for trip in trips if (trip["reason"] or "no reason given") == reason]
        r = [trip["r"] for trip in own if trip["r"] is not None]
        rows.append(
            {
                "reason": reason,
                "round_trips": len(own),
                "expectancy_r": _mean(r),
                "wins": sum(value > 0 for value in r),
            }
        )
    return rows


def _trade_verdict(result: dict[str, Any], n: int) -> str:
    if n == 0:
        return "No round trip with a stop: there is no R to judge."
    mean = result["expectancy_r"]
    if n < LEAST:
        few = f"Too few to judge: {count(n, 'round trip')}, {LEAST} are the least."
        return f"{few} So far {_r(mean)} each."
    low, high = result["expectancy_interval"]
    if low > 0:
        found = "more than the luck of the draw explains"
    elif high < 0:
        found = "a loss that luck does not explain"
    else:
        found = "not told apart from luck"
    return f"{_r(mean)} each, {_r(low)} to {_r(high)} in 95 of 100 draws: {found}."


def _r(value: float) -> str:
    return f"{value:+.2f} R".replace("-", "\u2212")


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _quartiles(values: Sequence[float]) -> list[float] | None:
    return np.quantile(values, (0.25, 0.5, 0.75)).tolist() if values else None
