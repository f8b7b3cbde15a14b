"""The slow obvious twin of the quality count: lists and dictionaries, one question at a time."""

from __future__ import annotations

from itertools import pairwise

COUNTS = ["duplicates", "conflicts", "reordered", "invalid_rows", "gaps", "missing_ids"]
COUNTS += ["missing_fills", "unassigned_ids", "out_of_order", "zero_quantity", "off_tick"]
COUNTS += ["outside_day", "max_time_gap"]


def naive_quality(rows, *, aggregate, continuous_ids, continuous_fills, tick, day):
    """Kept rows and counts of rows (id, price, qty, first, last, time, side) in file order."""
    counts = dict.fromkeys(COUNTS, 0)
    highest = None
    for row in rows:
        if highest is not None and row[0] < highest:
            counts["reordered"] += 1
        highest = row[0] if highest is None else max(highest, row[0])

    def blanked(row):
        return row[1] == row[2] == 0 and (not aggregate or row[3] == row[4] == -1)

    def claim(row):
        _, price, qty, first, last, time, side = row
        return blanked(row), not day[0] <= time < day[1], -time, first, last, price, qty, side

    by_id = {}
    for row in sorted(rows, key=claim):
        if row[0] not in by_id:
            by_id[row[0]] = row
        elif by_id[row[0]] == row:
            counts["duplicates"] += 1
        else:
            counts["invalid_rows" if blanked(row) else "conflicts"] += 1
    ordered = [by_id[number] for number in sorted(by_id)]
    kept = [row for row in ordered if not blanked(row)]
    counts["invalid_rows"] += len(ordered) - len(kept)
    gaps = set()
    for before, after in pairwise(ordered):
        skipped = after[0] - before[0] - 1
        counts["missing_ids" if continuous_ids else "unassigned_ids"] += skipped
        if skipped and continuous_ids:
            gaps.add(after[0])
    for before, after in pairwise(kept):
        if continuous_fills and after[3] > before[4] + 1:
            counts["missing_fills"] += after[3] - before[4] - 1
            gaps.add(after[0])
    counts["gaps"] = len(gaps)
    for place, row in enumerate(kept):
        earlier = [other[5] for other in kept[:place]]
        if earlier:
            counts["out_of_order"] += row[5] < max(earlier)
            counts["max_time_gap"] = max(counts["max_time_gap"], row[5] - max(earlier))
        counts["zero_quantity"] += row[2] == 0
        counts["off_tick"] += bool(tick) and row[1] % tick != 0
        counts["outside_day"] += not day[0] <= row[5] < day[1]
    return kept, counts
