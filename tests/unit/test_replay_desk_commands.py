"""The desk obeys what it can and refuses the rest in words, whatever it is asked."""

from __future__ import annotations

import contextlib
import json
import math
import random
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from practice_market import START_US, blind_plan, plan_of, practice_lake
from practice_server import Page, serving, state_of

from orderflow_bt.errors import CoverageError, OrderflowError, UsageError
from orderflow_bt.replay.desk.commands import _ACTION, COMMANDS, action_of, command_of
from orderflow_bt.replay.desk.messages import Message, read_message
from orderflow_bt.replay.desk.messages import words as words_of
from orderflow_bt.replay.desk.opening import open_desk
from orderflow_bt.replay.engine.transport import JUMPS, STEPS
from orderflow_bt.replay.practice.witness import Witness
from orderflow_bt.replay.screen.lens import Lens
from orderflow_bt.types import HOUR_US


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return practice_lake(tmp_path_factory.mktemp("market"), trades_per_day=20_000)


@pytest.fixture
def desk(market, tmp_path):
    lake, tape = market
    opened = open_desk(lake, plan_of(tape), tmp_path / "practice")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def battered(market, tmp_path_factory):
    lake, tape = market
    opened = open_desk(lake, plan_of(tape), tmp_path_factory.mktemp("battered"))
    yield opened
    opened.close()


def ask(desk, do, **fields):
    """Obey, and go on until it is done."""
    reply = desk.handle(Message(do=do, fields=fields))
    while desk.mover.seeking:
        desk.work(time.monotonic())
    desk.work(time.monotonic())
    return reply


def order(desk, **action):
    return ask(desk, "order", action=action)["order"]


def state(desk):
    return state_of(desk.frame(desk.view()))[2]


# -- what is refused --------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from(
        [0, 1, -1, 0.5, 1e308, -1e308, 2**53, 5e-324, "", "1", "max", "trade", "x" * 999]
    )
    | st.floats(allow_nan=False, allow_infinity=True)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)  # fmt: skip
names = st.sampled_from(sorted({n for fields in COMMANDS.values() for n in fields})) | st.text(
    max_size=9
)
words = st.sampled_from([
    "market", "limit", "stop", "stop_limit", "trailing", "bracket", "replace", "cancel", "close",
    "cancel_all", "drop",
])  # fmt: skip
actions = st.fixed_dictionaries(
    {"do": words | values}, optional={name: values for name in _ACTION if name != "do"}
)


@st.composite
def asks(draw):
    """A command with any values in fields of its own, and now and then in others."""
    do = draw(st.sampled_from(sorted(COMMANDS)) | st.text(max_size=9))
    own = dict.fromkeys(COMMANDS.get(do, ()), scalars | values)
    fields = draw(st.fixed_dictionaries(own) | st.fixed_dictionaries({}, optional=own))
    if draw(st.integers(0, 4)) == 0:
        fields |= draw(st.dictionaries(names, values, max_size=2))
    return do, fields


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks())
@example(("seek", {"time": 1e308}))
@example(("pauses", {"levels": [[1, 2, 3]]}))
@example(("pauses", {"trades": 1.5}))
@example(("bars", {"spec": "tick:0"}))
@example(("bars", {"spec": "renko:99999999999999999999"}))
@example(("note", {"text": "\ud800"}))
@example(("drill", {"kind": "unheard"}))
@example(("detectors", {"name": "../x.py", "on": True}))
@example(("strategies", {"name": "os:system", "on": True}))
def test_any_fields_of_any_command(battered, asked):
    do, fields = asked
    if do in ("reveal", "bars") and fields.get("spec") in ("1", "max"):
        return
    _is_obeyed_or_refused(battered, do, fields)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(action=actions)
@example(action={"do": "limit", "side": 1, "qty": 1e15, "price": 1e15})
@example(action={"do": "limit", "side": 0, "qty": 1, "price": 100})
@example(action={"do": "bracket", "side": 1, "risk": 1, "stop": 5e-324})
@example(action={"do": "trailing", "side": 1, "qty": 1, "trail": 0})
@example(action={"do": "cancel", "order": 2**53})
@example(action={"do": "replace", "order": 7, "stop": 1})
@example(action={"do": "market", "side": 1, "qty": 1e-9})
def test_any_order(battered, action):
    _is_obeyed_or_refused(battered, "order", {"action": action})


def _is_obeyed_or_refused(desk, do, fields):
    try:
        text = json.dumps({"do": do, **fields, "id": 1})
        message = read_message(text)
        reply = desk.handle(message)
    except OrderflowError as error:
        json.dumps(words_of(error))
    else:
        json.dumps(reply, allow_nan=False)
    desk.handle(Message(do="pause"))
    desk.frame(desk.view())


def test_fields_are_checked():
    good = {"speed": {"value": 2}, "step": {}, "answer": {"choice": "up", "confidence": 50}}
    for do, fields in good.items():
        assert command_of(Message(do=do, fields=fields))[0] == do
    assert command_of(Message(do="speed", fields={"value": "max"}))[1]["value"] == math.inf
    for do, fields in {
        "speed": {"value": 0.1}, "step": {"count": 0}, "answer": {"confidence": 49},
        "seek": {"time": True}, "play": {"now": 1}, "jump": {}, "detectors": {"name": "a", "on": 1},
    }.items():  # fmt: skip
        with pytest.raises(UsageError):
            command_of(Message(do=do, fields=fields))


def test_an_order_is_put_into_the_units_of_the_tape():
    lens = Lens(
        blind=True, origin=5000, step=10, start=100, unit=500.0, tick=1,
        price_decimals=0, qty_decimals=3,
    )  # fmt: skip
    given_ = {
        "do": "limit",
        "side": 1,
        "qty": 0.5,
        "price": -3,
        "stop": -10.2,
        "trail": 4,
        "until": 50,
    }
    action, risk = action_of(given_, lens)
    assert risk is None
    assert action == {
        "do": "limit", "side": 1, "qty": 250, "price": 4970, "stop": 4898, "trail": 40,
        "until": 150,
    }  # fmt: skip
    with pytest.raises(UsageError, match="not above zero"):
        action_of({"do": "limit", "price": -500}, lens)


# -- what is done -----------------------------------------------------------------------------


def test_steps_jumps_and_back(desk):
    first = desk.player.row
    ask(desk, "step", by="trade", count=7)
    assert desk.player.row == first + 7
    ask(desk, "step", by="bar")
    row, bar = desk.player.row, desk.player.now
    assert row > first + 7
    ask(desk, "step", by="minute", count=5)
    assert desk.player.now >= bar + 3 * 60_000_000
    ask(desk, "back", count=2)
    assert row < desk.player.row
    ask(desk, "seek", row=first)
    clock = state(desk)["clock"]
    assert (clock["row"], clock["furthest"]) == (first, False)
    ask(desk, "jump", to="furthest")
    assert state(desk)["clock"]["furthest"]
    ask(desk, "seek", time=START_US + 15 * HOUR_US)
    ask(desk, "jump", to="next_session")
    assert desk.player.now < START_US + 16 * HOUR_US <= desk.player.window.time_of(desk.player.row)


@pytest.mark.parametrize("action", [
    {"do": "market", "side": 1, "qty": 0.05},
    {"do": "limit", "side": -1, "qty": 0.05, "price": -2},
    {"do": "stop", "side": 1, "qty": 0.05, "price": 2},
    {"do": "stop_limit", "side": 1, "qty": 0.05, "price": 2, "limit": 12},
    {"do": "bracket", "entry": "market", "side": -1, "qty": 0.05, "stop": 40, "target": -40},
    {"do": "bracket", "entry": "limit", "side": 1, "price": 0, "risk": 0.5, "stop": -60},
    {"do": "trailing", "side": -1, "qty": 0.05, "trail": 3},
], ids=lambda action: action["do"])  # fmt: skip
def test_each_kind_of_order_is_filled(desk, action):
    last = state(desk)["last"]
    near = {
        n: last + v if n in ("price", "stop", "target", "limit") else v for n, v in action.items()
    }
    number = order(desk, reason="other", **near)
    assert [o["id"] for o in state(desk)["orders"] if o["parent"] is None] == [number]
    ask(desk, "step", by="minute", count=200)
    shown = state(desk)
    fill = next(f for f in shown["fills"] if f["order"] == number)
    assert fill["side"] == near["side"]
    trip = shown["trips"][0]
    assert (trip["side"], trip["reason"], trip["hindsight"]) == (near["side"], "other", False)
    assert trip["entry"] == fill["price"]
    if "stop" in near and near["do"] == "bracket":
        assert trip["stop"] == near["stop"]
    kinds = [entry["kind"] for entry in desk.notebook.journal.entries]
    assert kinds[:2] == ["start", "action"]
    assert "fill" in kinds


def test_a_bracket_shows_its_legs_and_they_can_be_moved(desk):
    last = state(desk)["last"]
    number = order(
        desk, do="bracket", entry="limit", side=1, qty=0.1,
        price=last - 5000, stop=last - 5100, target=last - 4000,
    )  # fmt: skip
    ask(desk, "step", by="trade", count=30)
    entry = next(o for o in state(desk)["orders"] if o["id"] == number)
    assert (entry["price"], entry["stop"], entry["target"]) == (
        last - 5000,
        last - 5100,
        last - 4000,
    )
    order(desk, do="replace", order=number, target=last - 3000)
    ask(desk, "step", by="minute", count=2)
    entry = next(o for o in state(desk)["orders"] if o["id"] == number)
    assert entry["target"] == last - 3000
    order(desk, do="cancel_all")
    ask(desk, "step", by="minute", count=2)
    assert state(desk)["orders"] == []
    with pytest.raises(UsageError, match="no stop that works"):
        order(desk, do="replace", order=number, stop=last)


def test_excursions_in_r_are_those_of_the_journal(desk):
    """Adding to a position moves its average; its risk stays that of the bracket's entry."""
    order(
        desk, reason="other", do="bracket", entry="market", side=1, qty=0.05,
        stop=state(desk)["last"] - 200,
    )  # fmt: skip
    ask(desk, "step", by="minute", count=20)
    order(desk, reason="other", do="limit", side=1, qty=0.05, price=state(desk)["last"] + 100)
    ask(desk, "step", by="minute", count=20)
    order(desk, do="close")
    ask(desk, "step", by="minute", count=10)
    (shown,) = state(desk)["trips"]
    (kept,) = (entry for entry in desk.notebook.journal.entries if entry["kind"] == "trip")
    assert kept["qty"] > 50
    for name in ("mae_r", "mfe_r"):
        assert shown[name] == pytest.approx(kept[name], abs=1e-3)
    assert kept["mfe_r"] - kept["mae_r"] > 0.1


def test_what_is_done_in_hindsight_is_marked(desk):
    ask(desk, "step", by="minute", count=30)
    ask(desk, "back", count=10)
    order(desk, do="market", side=1, qty=0.05)
    ask(desk, "step", by="minute", count=5)
    assert state(desk)["trips"][0]["hindsight"]
    attempt = state(desk)["clock"]["attempt"]
    ask(desk, "back", count=5)
    assert state(desk)["clock"]["attempt"] == attempt + 1
    begins = f"attempt {attempt + 2} begins: what attempt {attempt + 1} did is kept in the journal"
    assert [notice["what"] for notice in desk.notices[1]] == [begins]
    assert "fills" not in state(desk)
    kinds = [entry["kind"] for entry in desk.notebook.journal.entries]
    assert kinds.count("fill") == 1  # and it stays written
    assert kinds.count("seek") == 2


def test_questions(desk):
    ask(desk, "drill", kind="aggression")
    question = state(desk)["drill"]
    assert set(question["choices"]) == {"buyers", "sellers", "neither"}
    assert not {"truth", "because", "hit"} & set(question)
    with pytest.raises(UsageError, match="waits for its answer"):
        ask(desk, "play")
    shown = ask(desk, "answer", choice="buyers", confidence=80, seconds=3.5)["answer"]
    assert shown["hit"] == (shown["truth"] == "buyers")
    assert state(desk)["drill"]["because"]
    assert state(desk)["score"]["reads"]["all"]["answers"] == 1
    ask(desk, "drill", kind="outcome")
    assert state(desk)["drill"]["id"] > question["id"]
    ask(desk, "answer", choice="up", confidence=50)
    assert state(desk)["drill"].get("truth") is None
    ask(desk, "step", by="minute", count=10)
    assert state(desk)["drill"]["truth"] in ("up", "down", "neither")
    ask(desk, "drill")
    ask(desk, "answer", choice=None)
    assert state(desk)["drill"] is None
    kinds = [entry["kind"] for entry in desk.notebook.journal.entries]
    assert (kinds.count("ask"), kinds.count("answer"), kinds.count("truth")) == (3, 2, 1)


def test_what_is_asked_lies_ahead(desk):
    """Also where the detectors were read for the first time only now."""
    window = desk.player.window
    row = window.row_at(START_US + 14 * HOUR_US)
    for found in (
        Witness(window, desk.player.bars).events(row, window.end),
        Witness(window, desk.player.bars).closed_bars(row),
    ):
        rows = [one.row for one in found]
        assert rows
        assert min(rows) >= row


def test_questions_by_themselves_stop_the_tape(desk):
    ask(desk, "drills", every=5)
    for _ in range(500):
        desk.work(time.monotonic())
        if desk.notebook.drills.planned is not None:
            break
        time.sleep(0.01)
    planned = desk.notebook.drills.planned
    ask(desk, "speed", value="max")
    ask(desk, "play")
    while desk.mover.playing:
        desk.work(time.monotonic())
    assert desk.player.row == planned
    assert state(desk)["clock"]["paused_by"] == "a question"
    assert state(desk)["clock"]["row"] == planned


def test_no_question_takes_the_tape_past_what_is_open(desk):
    ask(desk, "step", by="minute", count=1)
    row = desk.player.row
    price = state(desk)["last"] - 900
    limit = order(desk, do="limit", side=1, qty=0.05, price=price)
    with pytest.raises(UsageError, match="takes the tape on"):
        ask(desk, "drill")
    assert desk.player.row == row
    assert state(desk)["orders"][0]["state"] != "cancel sent"
    order(desk, do="cancel", order=limit)
    assert state(desk)["orders"][0]["state"] == "cancel sent"  # and no trade has passed
    ask(desk, "step", by="minute", count=1)
    order(desk, do="market", side=1, qty=0.05)
    ask(desk, "step", by="minute", count=1)
    with pytest.raises(UsageError, match="takes the tape on"):
        ask(desk, "drill")
    order(desk, do="close")
    ask(desk, "step", by="minute", count=1)
    ask(desk, "drill")
    assert state(desk)["drill"]["question"]


def test_questions_by_themselves_wait_until_all_is_closed(desk):
    ask(desk, "drills", every=5)
    planned = desk.notebook.drills.planned
    order(desk, do="market", side=1, qty=0.05)
    ask(desk, "speed", value="max")
    ask(desk, "play")
    while desk.player.row <= planned:
        desk.work(time.monotonic())
    assert desk.mover.playing
    assert state(desk)["drill"] is None
    ask(desk, "pause")
    order(desk, do="close")
    closed = desk.player.row
    ask(desk, "play")
    while desk.mover.playing or desk.mover.seeking:
        desk.work(time.monotonic())
    assert state(desk)["clock"]["paused_by"] == "a question"
    assert desk.player.row > closed


def test_pauses_stop_right_behind_the_trade(desk):
    ask(desk, "pauses", trades=137)
    ask(desk, "speed", value="max")
    first = desk.player.row
    ask(desk, "play")
    while desk.mover.playing:
        desk.work(time.monotonic())
    assert desk.player.row == first + 137
    ask(desk, "pauses", trades=False, big_trade=True)
    assert state(desk)["pauses"] == {"big_trade": True}
    assert {"name": "big_trades", "on": True} in state(desk)["detectors"]


def test_the_highest_speed_leaves_room_and_reaches_the_end(desk):
    ask(desk, "speed", value="max")
    desk.handle(Message(do="play"))
    slices = []
    while desk.mover.playing:
        began = time.monotonic()
        desk.work(began)
        slices.append(time.monotonic() - began)
    assert state(desk)["clock"]["at_end"]
    assert sorted(slices)[len(slices) // 2] < 0.5
    assert desk.work(time.monotonic()) is None  # and then it sleeps


def test_bars_detectors_and_strategies_are_switched(desk):
    ask(desk, "step", by="minute", count=60)
    greeting = desk.greeting
    ask(desk, "bars", spec="5m")
    assert desk.greeting > greeting
    assert desk.hello()["bars"] == "5m"
    ask(desk, "detectors", name="absorption", on=False)
    ask(desk, "strategies", name="delta_divergence", on=True)
    shown = state(desk)
    assert {"name": "absorption", "on": False} in shown["detectors"]
    assert next(s for s in shown["strategies"] if s["name"] == "delta_divergence")["on"]
    assert desk.player.now > START_US + 8.9 * HOUR_US  # the cursor stays


def test_an_order_that_ends_unfilled_is_told(desk):
    with serving(desk) as server, Page(server) as page:
        last = page.until(lambda found: "last" in found)["last"]
        page.say("order", action={"do": "limit", "side": 1, "qty": 0.05, "price": last - 900,
                                  "expires": 1_000_000})  # fmt: skip
        page.say("step", by="minute", count=5)
        page.until(lambda found: found["clock"]["row"] == desk.player.row)
        notices = [json.loads(text) for text in page.raw if isinstance(text, str)]
        (notice,) = [text["notice"] for text in notices if "notice" in text]
        assert notice["what"].startswith("order 0 was ")
        with Page(server) as late:  # it is told once
            late.until(lambda found: "clock" in found)
            assert not any("notice" in text for text in late.raw if isinstance(text, str))


# -- pages ------------------------------------------------------------------------------------


def test_two_tabs_and_a_reload(desk):
    with serving(desk) as server, Page(server) as one, Page(server) as two:
        one.say("step", by="minute", count=3)
        one.say("order", action={"do": "market", "side": 1, "qty": 0.05})
        two.say("step", by="minute", count=1)
        row = desk.player.row
        for page in (one, two):
            page.until(
                lambda found: found["clock"]["row"] == row and found["account"]["position"] > 0
            )
        assert one.state["fills"] == two.state["fills"]
        one.socket.close()
        with Page(server) as again:
            again.until(lambda found: found.get("clock", {}).get("row") == row)
            for key in ("orders", "fills", "trips", "account", "clock", "journal", "detectors"):
                assert again.state[key] == two.state[key], key


def test_a_pause_is_heard_at_the_highest_speed(desk):
    with serving(desk) as server, Page(server) as page:
        page.say("speed", value=1000)
        page.say("play")
        page.until(lambda found: found["clock"]["playing"])
        page.say("pause")
        page.until(lambda found: not found["clock"]["playing"])
        row = desk.player.row
        time.sleep(0.1)
        assert desk.player.row == row
        assert not desk.player.at_end


def test_a_practice_goes_on_where_it_stopped(market, tmp_path):
    lake, tape = market
    folder = tmp_path / "practice"
    plan = plan_of(tape)
    desk = open_desk(lake, plan, folder)
    ask(desk, "step", by="minute", count=20)
    last = state(desk)["last"]
    order(
        desk, do="bracket", entry="market", side=1, qty=0.05, stop=last - 4000, target=last + 4000
    )
    ask(desk, "step", by="minute", count=10)
    ask(desk, "back", count=3)
    order(desk, do="market", side=-1, qty=0.1)
    ask(desk, "step", by="minute", count=1)
    ask(desk, "note", text="sold into strength", tags=["test"])
    ask(desk, "bars", spec="30s")
    ask(desk, "strategies", name="absorption", on=True)
    ask(desk, "pauses", trades=500, bar=True)
    ask(desk, "speed", value=100)
    ask(desk, "step", by="trade", count=25)
    before, row = state(desk), desk.player.row
    desk.notebook.journal.close()  # as if the process had ended without another word

    again = open_desk(lake, plan, folder)
    after = state(again)
    assert again.player.row == row
    for key in before:
        if key not in ("marks", "levels", "journal", "prints"):
            assert after[key] == before[key], key
    assert [entry["text"] for entry in after["journal"]] == [e["text"] for e in before["journal"]]
    assert again.picture.view == desk.picture.view
    ask(again, "step", by="minute", count=5)
    again.close()


def test_a_journal_that_cannot_be_written_stops_the_tape_and_loses_nothing(desk):
    ask(desk, "order", action={"do": "market", "side": 1, "qty": 0.05})
    journal = desk.notebook.journal
    handle, journal._handle = journal._handle, -1  # as if its disk were gone
    ask(desk, "speed", value="max")
    desk.handle(Message(do="play"))
    while desk.mover.playing:
        desk.work(time.monotonic())
    assert "cannot be written" in state(desk)["clock"]["paused_by"]
    assert not desk.player.at_end
    with pytest.raises(OrderflowError, match="cannot be written"):
        ask(desk, "step")
    journal._handle = handle
    ask(desk, "step")
    assert [entry["kind"] for entry in journal.entries] == ["start", "action", "fill"]


def test_a_sealed_desk_keeps_errors_that_name_the_market(market, tmp_path):
    lake, tape = market
    desk = open_desk(lake, blind_plan(lake), tmp_path / "blind")
    assert desk.hello()["honesty"]["market"] == "simulated market"
    error = CoverageError(f"{tape} lacks 2026-01-05")
    desk.player.watch = lambda *_: (_ for _ in ()).throw(error)
    with pytest.raises(OrderflowError) as told:
        ask(desk, "strategies", name="absorption", on=True)
    assert tape.symbol not in str(told.value)
    with pytest.raises(UsageError, match="time of day"):
        ask(desk, "jump", to="next_session")
    desk.close()


def _anything(rng, desk):
    """Some command that a person could give now."""
    last = desk.player.session.last_price
    action = rng.choice([
        {"do": "market", "side": rng.choice([1, -1]), "qty": 0.01, "reason": "other"},
        {"do": "bracket", "entry": "market", "side": 1, "qty": 0.01, "stop": last - 30,
         "target": last + 30},
        {"do": "limit", "side": -1, "qty": 0.02, "price": last + 4}, {"do": "close"},
        {"do": "cancel_all"},
    ])  # fmt: skip
    first, rows = desk.player.window.first, desk.player.window.rows
    return rng.choice([
        ("order", {"action": action}), ("order", {"action": action}),
        ("step", {"by": rng.choice(STEPS), "count": rng.randrange(1, 9)}),
        ("step", {"by": "minute", "count": rng.randrange(1, 40)}),
        ("back", {"count": rng.randrange(1, 5)}),
        ("seek", {"row": rng.randrange(first, rows)}),
        ("jump", {"to": rng.choice(JUMPS)}), ("drill", {}), ("note", {"text": "so"}),
        ("answer", {"choice": None}), ("bars", {"spec": rng.choice(["1m", "5m", "tick:500"])}),
        ("detectors", {"name": "volume_spike", "on": rng.random() < 0.5}),
        ("strategies", {"name": "delta_divergence", "on": rng.random() < 0.5}),
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_any_practice_goes_on_as_it_was(market, tmp_path, seed):
    lake, tape = market
    rng, plan, folder = random.Random(seed), plan_of(tape, detectors=()), tmp_path / "practice"
    desk = open_desk(lake, plan, folder)
    for _ in range(100):
        do, fields = _anything(rng, desk)
        with contextlib.suppress(UsageError):
            ask(desk, do, **fields)
    with contextlib.suppress(UsageError):
        ask(desk, "answer", choice=None)
    ask(desk, "pause")
    before, attempts = desk.state(), desk.player.attempt
    desk.notebook.journal.close()
    assert attempts > 3
    again = open_desk(lake, plan, folder)
    after = again.state()
    again.close()
    assert after["clock"]["row"] == before["clock"]["row"]
    for key in before:
        assert after[key] == before[key], key
