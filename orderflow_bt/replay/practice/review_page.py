"""The page of a practice: ``review.html``, one file, in the look of a run's report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import OrderflowError, UsageError
from orderflow_bt.replay.practice.beside import missed_rows, notes, party_rows
from orderflow_bt.replay.practice.drills import CONCEPTS
from orderflow_bt.replay.practice.review import CLOSED_BY, stamp
from orderflow_bt.replay.practice.review_shots import Photographer
from orderflow_bt.report import words
from orderflow_bt.report.build import environment, style_sheet, write_whole
from orderflow_bt.report.theme import palette

if TYPE_CHECKING:
    from pathlib import Path

    from orderflow_bt.replay.practice.chain import Entry
    from orderflow_bt.replay.practice.review import Misread, Practice
    from orderflow_bt.report.shots import Shot
    from orderflow_bt.store import Lake

FILE = "review.html"
MOST_SHOTS = 12  # of misread moments: the surest ones
MOST_TRIPS = 12


@dataclass(frozen=True, slots=True)
class _Told:
    """One heading with its lines, perhaps a picture, and the command that opens it."""

    heading: str
    lines: list[str]
    opens: str
    shot: Shot | None


def write_review(
    practice: Practice,
    lake: Lake,
    palette_name: str = "default",
    compared: dict[str, Any] | None = None,
) -> tuple[Path, str]:
    """Write a practice's page beside its journal.

    Args:
        practice: What was practised.
        lake: Where its days are stored, for the pictures.
        palette_name: ``default`` or ``colour-blind``.
        compared: By `replay.compare.compare`, if strategies are to stand beside it.

    Returns:
        The page, and why it has no pictures; empty where it has.

    Raises:
        UsageError: There is no such palette.
    """
    dark, light = palette(palette_name)
    camera, missing = None, ""
    if not practice.sealed:
        try:
            camera = Photographer(practice, lake, (dark, light))
        except UsageError as error:
            missing = str(error)
    sure = sorted(practice.misread, key=lambda moment: -moment.answer.confidence)[:MOST_SHOTS]
    told, trips = [], []
    for moment in practice.misread:
        shot = None
        if camera is not None and moment in sure and not missing:
            try:
                shot = camera.of_misread(moment)
            except OrderflowError as error:
                missing = str(error)
        told.append(_misread(moment, shot))
    for trip in practice.trips[:MOST_TRIPS]:
        heading, shot = _trip_heading(practice, trip), None
        if camera is not None and not missing:
            try:
                shot = camera.of_trip(trip, heading)
            except OrderflowError as error:
                missing = str(error)
        trips.append(_Told(heading, [_trip_words(trip)], practice.opens(trip["entry_time"]), shot))
    reads = practice.scores["reads"]["all"]
    better = reads["enough"] and reads["hit_interval"][0] > reads["chance"]
    html = (
        environment()
        .get_template("review.html.j2")
        .render(
            css=style_sheet(dark, light, "edge" if better else "luck"),
            practice=practice,
            missing=missing,
            simulated=lake.simulated,
            reads=_read_rows(practice),
            calibration=_calibration_rows(practice),
            confused=practice.scores["reads"]["all"]["misread"],
            concepts=CONCEPTS,
            signed=words.signed,
            misread=told,
            trips=trips,
            beside=_beside(compared, practice) if compared else None,
            more_trips=max(0, len(practice.trips) - MOST_TRIPS),
            notes=[
                (practice.when(note["time"]), note.get("text", ""), note.get("tags", ()))
                for note in practice.notes
            ],
        )
    )
    page = practice.folder / FILE
    write_whole(page, html.encode())
    return page, missing


def _beside(compared: dict[str, Any], practice: Practice) -> dict[str, Any]:
    return {
        "until": stamp(compared["until"]),
        "rows": party_rows(compared),
        "missed": list(missed_rows(compared, practice).items()),
        "notes": notes(compared),
    }


def _misread(moment: Misread, shot: Shot | None) -> _Told:
    answer = moment.answer
    heading = f"{moment.when}: {moment.concept}"
    said = (
        f"You said {answer.choice}, {answer.confidence} % sure, after {answer.seconds:.1f} s."
        f" It was {answer.truth}: {answer.because}."
    )
    others = f"Always the trend says {answer.trend}, the detectors {answer.detector}."
    lines = [said, others]
    if shot is not None:
        shot = replace(shot, heading=heading)
    return _Told(heading, lines, moment.opens, shot)


def _trip_heading(practice: Practice, trip: Entry) -> str:
    side = "Long" if trip["side"] > 0 else "Short"
    result = "no stop, no R" if trip["r"] is None else f"{words.signed(trip['r'])} R"
    hindsight = ", in hindsight: not scored" if trip["hindsight"] else ""
    return f"{side} at {practice.when(trip['entry_time'])}, {result}{hindsight}"


def _trip_words(trip: Entry) -> str:
    parts = [f"Reason: {trip['reason'] or 'none given'}."]
    if trip["mae_r"] is not None:
        parts.append(
            f"At worst {words.signed(trip['mae_r'])} R, at best {words.signed(trip['mfe_r'])} R."
        )
    closed = CLOSED_BY.get(trip["exit_role"], trip["exit_role"])
    parts.append(f"Slippage {trip['slippage_ticks']:g} ticks; closed by {closed}.")
    return " ".join(parts)


def _read_rows(practice: Practice) -> list[dict[str, Any]]:
    rows = []
    reads = practice.scores["reads"]
    for kind, found in sorted(reads.items(), key=lambda item: item[0] == "all"):
        if found["answers"]:
            rows.append(found | {"concept": CONCEPTS.get(kind, "all")})
    return rows


def _calibration_rows(practice: Practice) -> list[dict[str, Any]]:
    """Rows with the places of their bars, in percent of the track."""
    return [
        row
        | {
            "left": round(100 * row["interval"][0], 1),
            "width": round(100 * (row["interval"][1] - row["interval"][0]), 1),
            "said_at": round(100 * row["said"], 1),
            "right_at": round(100 * row["right"], 1),
        }
        for row in practice.scores["reads"]["all"]["calibration"]
    ]
