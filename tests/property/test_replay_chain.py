"""Chained lines: what was written is read, any cut leaves whole lines, any change shows."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow_bt.errors import UsageError
from orderflow_bt.replay.practice.chain import FIRST, read_lines, seal

words = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
entries = st.lists(
    st.dictionaries(words, values, max_size=3).map(lambda e: {"n": 0, **e}), max_size=5
)


def written(given_entries):
    raw, before = b"", FIRST
    for entry in given_entries:
        line, before = seal(entry, before)
        raw += line
    return raw


@given(entries)
def test_what_was_written_is_read(given_entries):
    found = read_lines(written(given_entries))
    assert found.entries == given_entries
    assert (found.torn, found.edited_at) == (b"", 0)


@given(entries, st.data())
def test_a_cut_leaves_whole_lines_and_the_rest_apart(given_entries, data):
    raw = written(given_entries)
    cut = data.draw(st.integers(0, len(raw)))
    found = read_lines(raw[:cut])
    assert found.edited_at == 0
    assert found.entries == given_entries[: len(found.entries)]
    assert found.size + len(found.torn) == cut
    line, _ = seal({"n": 1}, found.last_hash)
    assert read_lines(raw[: found.size] + line).entries == [*found.entries, {"n": 1}]


@given(entries, st.data())
def test_another_byte_shows(given_entries, data):
    raw = written(given_entries)
    assume(raw)
    at = data.draw(st.integers(0, len(raw) - 2))
    other = data.draw(st.binary(min_size=1, max_size=1))
    assume(other != raw[at : at + 1])
    found = read_lines(raw[:at] + other + raw[at + 1 :])
    assert found.edited_at
    assert (
        found.edited_at == raw[:at].count(b"\n") + 1 or other == b"\n" or raw[at : at + 1] == b"\n"
    )
    assert found.entries == given_entries[: found.edited_at - 1]


@given(st.binary(max_size=200))
def test_anything_else_is_no_journal(raw):
    found = read_lines(raw)
    assert found.entries == []
    assert bool(found.edited_at) == (b"\n" in raw)


def test_what_json_cannot_say():
    for value in (float("nan"), {1, 2}, b"x"):
        with pytest.raises(UsageError, match="JSON"):
            seal({"value": value}, FIRST)
