"""What an author gets wrong: each mistake is named, where it stands, with what to do instead."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from orderflow_bt import BarSpec, Detector, Event, Strategy, param, time_bars
from orderflow_bt.cli import app
from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.plugins import make, sources_of
from orderflow_bt.strategy.registry import load_strategy
from orderflow_bt.strategy.series import Known, Series
from orderflow_bt.testing import Tape, assert_no_lookahead

if TYPE_CHECKING:
    from collections.abc import Callable

TAPE = "B 100.0 5 | +5m B 100.2 5 | +5m S 100.1 5 | +5m S 100.1 5 | B 100.9 9 | +5m B 101.0 5"
START = 1_704_067_200_000_000


def doing(body: Callable[..., object]) -> Strategy:
    """A strategy that does one thing at every bar."""

    class Does(Strategy):
        bars: BarSpec = param(time_bars("5m"))

        def on_bar(self, spec, bar, market, broker) -> None:
            body(bar, market, broker)

    return Does()


# -- parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (lambda: param(0, ge=1), "default 0, which is not >= 1"),
        (lambda: param(float("nan")), "default nan"),
        (lambda: param(1.0, ge=float("nan")), "ge=nan, which is no number"),
        (lambda: param("x", choices=("a", "b")), r"default 'x' and the choices \('a', 'b'\)"),
        (lambda: param("x", ge=1), "'x' is no number"),
        (lambda: param(True, le=3), "'True' is no number"),
        (lambda: param(None), "default of type NoneType"),
        (lambda: param(np.int64(3)), "default of type int64"),
    ],
)
def test_a_wrong_declaration_is_refused_where_it_is_written(declared, said):
    with pytest.raises(PluginError, match=rf"parameter 'length' of Wrong .*{said}"):
        type("Wrong", (Strategy,), {"length": declared()})


@pytest.mark.parametrize("name", ["params", "parameters", "on_bar", "detectors", "series", "_x"])
def test_a_name_that_is_taken_is_refused(name):
    with pytest.raises(PluginError, match=f"cannot be called '{name}'"):
        type("Wrong", (Strategy,), {name: param(3)})


def test_parameters_of_every_base_are_there():
    class First(Strategy):
        bars: BarSpec = param(time_bars("5m"))
        length: int = param(1)

    class Second(Strategy):
        length: int = param(7)
        other: int = param(2)

    class Both(First, Second):
        pass

    assert Both().parameters() == {"bars": "5m", "length": 1, "other": 2}


def test_a_subclass_sets_a_default_by_a_plain_value():
    class Base(Strategy):
        length: int = param(3, ge=2)
        share: float = param(0.5)

    class Longer(Base):
        length = 30
        share = 1

    assert Longer().parameters() == {"length": 30, "share": 1.0}
    with pytest.raises(UsageError, match="greater than or equal to 2"):
        Longer(length=1)
    with pytest.raises(PluginError, match="default 1, which is not >= 2"):
        type("Short", (Base,), {"length": 1})
    with pytest.raises(PluginError, match="sets the parameter 'length' to 'ten'"):
        type("Ten", (Base,), {"length": "ten"})


def test_the_same_parameter_twice():
    cls = type("Twice", (Strategy,), {"length": param(3)})
    with pytest.raises(UsageError, match="given 'length' twice"):
        cls(4, length=5)


def test_an_init_that_forgets_its_base_is_named():
    class Forgets(Strategy):
        bars: BarSpec = param(time_bars("5m"))

        def __init__(self) -> None:
            self.seen = 0

    with pytest.raises(PluginError, match=r"without its parameter 'bars'.*super\(\).__init__"):
        Tape(TAPE).run(Forgets)
    with pytest.raises(PluginError, match="without its parameter"):
        Forgets().parameters()


def test_a_dataclass_is_told_what_it_is_already():
    @dataclass
    class Record(Strategy):
        bars: BarSpec = param(time_bars("5m"))  # noqa: RUF009 - the mistake

    with pytest.raises(PluginError, match="Take @dataclass away"):
        Tape(TAPE).run(Record)


def test_slots_and_mixins_are_fine():
    class Mixin:
        def buy(self, broker) -> None:
            broker.market(+1, 1)

    class Slotted(Mixin, Strategy):
        __slots__ = ("count",)
        bars: BarSpec = param(time_bars("5m"))

        def on_bar(self, spec, bar, market, broker) -> None:
            self.buy(broker)

    assert len(Tape(TAPE).run(Slotted).orders) == 4


# -- hooks ------------------------------------------------------------------------------------


def test_a_misspelt_hook_is_not_passed_over():
    with pytest.raises(PluginError, match=r"on_bars is no hook.*Did you mean 'on_bar'"):
        type("Typo", (Strategy,), {"on_bars": lambda self, spec, bar, market, broker: None})


def test_a_hook_that_takes_other_arguments():
    with pytest.raises(PluginError, match=r"def on_bar\(self, spec, bar, market, broker\)"):
        type("Short", (Strategy,), {"on_bar": lambda self, bar: None})
    type("Any", (Strategy,), {"on_bar": lambda self, *given: None})


def test_a_hook_that_would_do_nothing():
    def yields(self, spec, bar, market, broker):
        yield

    async def waits(self, spec, bar, market, broker):
        await asyncio.sleep(0)

    with pytest.raises(PluginError, match="on_bar yields"):
        type("Yields", (Strategy,), {"on_bar": yields})
    with pytest.raises(PluginError, match="on_bar is async"):
        type("Waits", (Strategy,), {"on_bar": waits})


def test_an_exit_in_a_hook_is_told_like_any_error():
    with pytest.raises(PluginError, match=r"raised SystemExit: 3 \[test_plugin_mistakes.py:\d+"):
        Tape(TAPE).run(doing(lambda *_: exit_with(3)))


def exit_with(code: int) -> None:
    raise SystemExit(code)


def test_a_hook_that_leaves_the_current_folder_is_told_and_left_there_again(tmp_path):
    here = Path.cwd()
    with pytest.raises(PluginError, match=rf"Does left the current folder for {tmp_path} \[before"):
        Tape(TAPE).run(doing(lambda *_: os.chdir(tmp_path)))
    assert Path.cwd() == here


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MuteError(), r"raised MuteError: \(its text raises RuntimeError\) \["),
        (asyncio.CancelledError(), r"raised CancelledError:  \["),
        (BaseException("own"), r"raised BaseException: own \["),
        (GeneratorExit(), r"raised GeneratorExit:  \["),
        (
            ValueError("\udc80\0\x1b[31m\u00e9\n\u2212"),
            r"ValueError: \\udc80\\x00\\x1b\[31m\u00e9\n\u2212 \[",
        ),
        (ValueError("x" * 10**6), r"raised ValueError: x{1000}\u2026 \["),
    ],
)
def test_whatever_a_hook_raises_is_told_in_words(error, said):
    def fails(*_):
        raise error

    with pytest.raises(PluginError, match=said):
        Tape(TAPE).run(doing(fails))


@pytest.mark.parametrize("given", [5, {"a": 5}, {5: {}}, [("a", {})]])
def test_comparisons_are_parameters_by_name(given):
    with pytest.raises(PluginError, match=r"the comparisons of Odd are .*Write parameters by name"):
        type("Odd", (Strategy,), {"comparisons": given})


def test_what_is_no_strategy():
    with pytest.raises(PluginError, match="is no Strategy"):
        Tape(TAPE).run(int)


# -- detectors --------------------------------------------------------------------------------


def detector_of(body: Callable[..., object], hook: str = "on_bar") -> Detector:
    """A detector with one hook."""

    def lookback(self) -> int:
        return 0

    own = {"name": "own", "bars": param(time_bars("5m")), "lookback": property(lookback)}
    return type("Own", (Detector,), {**own, hook: body})()


def event_of(bar, **changed) -> Event:
    given = {"direction": 1, "strength": 1.0, **changed}
    return Event(
        bar.close_time, "own", "kind", given["direction"], "confirmed", 1, 1, 1, given["strength"]
    )


def test_a_detectors_hooks_are_checked_too():
    with pytest.raises(PluginError, match=r"Own.on_trade is no hook.*Did you mean 'on_trades'"):
        detector_of(lambda self, trades: [], "on_trade")
    with pytest.raises(PluginError, match=r"def on_bar\(self, bar\)"):
        detector_of(lambda self: [])


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (lambda bar: None, "Own.on_bar: it gave None where events are asked for"),
        (event_of, "it gave Event.* where events are asked for"),
        (lambda bar: ["x"], "'x', which is no Event"),
        (lambda bar: [event_of(bar, direction=7)], "direction 7 and strength 1.0"),
        (lambda bar: [event_of(bar, strength=float("nan"))], "strength nan"),
        (lambda bar: [event_of(bar, strength="strong")], "strength 'strong'"),
    ],
)
def test_what_a_detector_gives_is_checked(gives, said):
    with pytest.raises(PluginError, match=said):
        Tape(TAPE).events(detector_of(lambda self, bar: gives(bar)))


def test_an_event_of_trades_without_its_row():
    detector = detector_of(lambda self, trades: [None], "on_trades")
    with pytest.raises(PluginError, match="it gave None where a row and its event are asked for"):
        Tape(TAPE).events(detector)


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint64])
def test_numpy_integers_are_what_they_say(kind):
    def order(bar, market, broker):
        broker.limit(
            kind(1),
            kind(3),
            kind(bar.close + 5),
            until=kind(START * 2) if kind != np.int32 else None,
        )

    run = Tape(TAPE).run(doing(order))
    plain = Tape(TAPE).run(doing(lambda bar, _, broker: broker.limit(1, 3, bar.close + 5)))
    assert [fill[:10] for fill in run.fills] == [fill[:10] for fill in plain.fills] != []
    kinds = {type(value) for order in run.orders for value in order}
    assert kinds == {int, str, type(None)}
    sell = Tape(TAPE).run(doing(lambda _bar, _market, broker: broker.market(np.int64(-1), kind(2))))
    assert len(sell.fills) == 4


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda b: b.limit(1, 1, 0), "price is above 0"),
        (lambda b: b.market(1, 1, reason="because"), "the event that on_event was given"),
        (lambda b: b.skip("event", "why"), "the event that on_event was given"),
        (lambda b: b.size(-0.01, 1000, 990), "risk is a share of equity, such as 0.005"),
        (lambda b: b.size("0.01", 1000, 990), "risk is a share of equity"),
        (lambda b: b.size(0.01, float("nan"), 990), "size's entry is a price in price units"),
        (lambda b: b.timer(1.5), "a timer's time is microseconds UTC, not 1.5"),
        (lambda b: (b.limit(1, 1, 900), b.cancel(b.working[0])), "cancel order.id"),
    ],
)  # fmt: skip
def test_nonsense_for_the_broker(act, said):
    with pytest.raises(PluginError, match=said):
        Tape(TAPE).run(doing(lambda bar, market, broker: act(broker)))


def test_a_reason_may_be_an_event_of_ones_own():
    event = Event(START, "mine", "kind", 1, "confirmed", 1, 1, 1, 1.0)
    run = Tape(TAPE).run(doing(lambda bar, _market, broker: broker.market(1, 1, reason=event)))
    assert len(run.fills) == 4


# -- the market -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda m, spec: m.bars("5m"), "not by the text '5m'"),
        (lambda m, spec: m.bars(spec)[-5], r"no bar \[-5\] yet: 1 closed so far"),
        (lambda m, spec: m.footprint(spec)[-5], r"no footprint \[-5\] yet.*latest 64 are kept"),
        (lambda m, spec: m.bars(spec).last(0).extreme(1), "no bar is there to have an extreme"),
        (lambda m, spec: m.bars(spec).atr(0), "at least 1, not 0"),
        (lambda m, spec: m.bars(spec).last(-1), "at least 0, not -1"),
    ],
)
def test_a_question_that_has_no_answer(look, said):
    spec = time_bars("5m")
    with pytest.raises(PluginError, match=said):
        Tape(TAPE).run(doing(lambda bar, market, broker: look(market, spec)))


def test_footprints_have_slices():
    found: list[list[int]] = []

    def note(bar, market, broker) -> None:
        found.append([f.bar.close for f in market.footprint(time_bars("5m"))[-2:]])

    Tape(TAPE).run(doing(note))
    assert found == [[1000], [1000, 1002], [1002, 1001], [1001, 1009]]


# -- the kit ----------------------------------------------------------------------------------


class Reads(Strategy):
    """Buys while funding is negative."""

    bars: BarSpec = param(time_bars("5m"))

    def series(self) -> list[Series]:
        return [Series("funding")]

    def on_bar(self, spec, bar, market, broker) -> None:
        last = market.series("funding").last
        if last is not None and last["rate"] < 0:
            broker.market(+1, 1)


def test_a_test_must_give_the_series_that_are_read():
    with pytest.raises(UsageError, match=r"reads the series 'funding', and the test gives none"):
        Tape(TAPE).run(Reads)
    with pytest.raises(UsageError, match=r"reads no series 'fund'.*It reads: funding"):
        Tape(TAPE).run(Reads, series={"funding": [], "fund": []})
    with pytest.raises(UsageError, match="gives none"):
        assert_no_lookahead(Reads, Tape(TAPE))


def test_a_reader_of_series_can_be_audited():
    rows = [
        Known(START, START + 300_000_000, {"rate": -1}),
        Known(START, START + 900_000_000, {"rate": 1}),
    ]
    found = assert_no_lookahead(Reads, Tape(TAPE), series={"funding": rows})
    assert found.decisions == 2


def test_a_trade_of_nothing_is_none():
    with pytest.raises(UsageError, match="'B 100 0' trades nothing"):
        Tape("S 99 1 | B 100 0")


# -- files ------------------------------------------------------------------------------------

HEAD = "from orderflow_bt import *\n"
MOVES = """import os
class Mine(Strategy):
    def __init__(self, **given):
        super().__init__(**given)
        os.chdir(os.path.dirname(__file__))
"""
MINE = "class Mine(Strategy):\n    n: int = param(N)\n"


def written(folder: Path, **files: str) -> Path:
    """Files of Python in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(HEAD + text)
    return folder


@pytest.fixture
def fresh_imports(monkeypatch):
    """Imports as at the start of a program; what was imported before is back behind the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    ours = ("strategies", "own_pack", "helper_beside", "deeper_beside")
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in ours}
    for name in before:
        del sys.modules[name]
    yield
    for name in [n for n in sys.modules if n.partition(".")[0] in ours]:
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.usefixtures("fresh_imports")
def test_a_file_imports_what_lies_beside_it(tmp_path):
    written(tmp_path, helper_beside="N = 9\n", mine=f"from helper_beside import N\n{MINE}")
    assert load_strategy(str(tmp_path / "mine.py"))().parameters() == {"n": 9}


@pytest.mark.parametrize("raises", ["raise ValueError('no')", "import sys; sys.exit()"])
def test_a_plugin_that_cannot_be_made_is_told_with_its_line(tmp_path, monkeypatch, raises):
    text = f"class Mine(Strategy):\n    def __init__(self, **given):\n        {raises}\n"
    file = written(tmp_path, mine=text) / "mine.py"
    with pytest.raises(PluginError, match=r"making Mine failed: .*mine.py:4"):
        make(load_strategy(str(file)))
    monkeypatch.chdir(tmp_path)
    asked = ["run", "mine.py", "X", "--market", "um", "--from", "2024-01-01", "--to", "2024-01-01"]
    done = CliRunner().invoke(app, ["--data", str(tmp_path), *asked])
    assert (done.exit_code, "making Mine failed" in done.output) == (1, True), done.output


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.chdir(os.path.dirname(__file__))\nclass Mine(Strategy): pass\n",
        MOVES,
    ],
)
def test_a_plugin_that_is_made_elsewhere_leaves_others_here(tmp_path, text):
    here = Path.cwd()
    made = make(load_strategy(str(written(tmp_path, mine=text) / "mine.py")))
    assert isinstance(made, Strategy)
    assert Path.cwd() == here


@pytest.mark.parametrize("raises", ["raise BaseException('no')", "raise SystemExit"])
def test_a_file_that_fails_is_told_with_its_line(tmp_path, raises):
    with pytest.raises(PluginError, match=r"importing .*failed: .*mine.py:2"):
        load_strategy(str(written(tmp_path, mine=raises) / "mine.py"))


@pytest.mark.usefixtures("fresh_imports")
def test_the_files_of_a_plugin_are_known(tmp_path):
    written(
        tmp_path,
        helper_beside="from deeper_beside import N\nimport json\n",
        deeper_beside="N = 2\n",
        unused_beside="",
        mine=f"from helper_beside import N\n{MINE}",
    )
    files = [path.name for path in sources_of(load_strategy(str(tmp_path / "mine.py")))]
    assert files == ["mine.py", "helper_beside.py", "deeper_beside.py"]
    shipped = sources_of(load_strategy("absorption"))
    assert [path.name for path in shipped] == ["absorption.py"]


@pytest.mark.usefixtures("fresh_imports")
def test_relative_imports_and_bases_are_files_of_a_plugin(tmp_path, monkeypatch):
    own = {"__init__": "", "base": "class Base(Strategy): pass\nN = 4\n"}
    written(tmp_path / "own_pack", **own, mine=f"from . import base\nfrom .base import N\n{MINE}")
    monkeypatch.chdir(tmp_path)
    files = sources_of(load_strategy("own_pack.mine:Mine"))
    assert [path.name for path in files] == ["mine.py", "__init__.py", "base.py"]


@pytest.mark.usefixtures("fresh_imports")
def test_a_package_in_the_current_folder(tmp_path, monkeypatch):
    own = {"__init__": "", "base": "N = 4\n", "mine": f"from .base import N\n{MINE}"}
    pack = written(tmp_path / "own_pack", **own)
    with pytest.raises(PluginError, match=r"relative import.*mine.py:2\].*package.module:Class"):
        load_strategy(str(pack / "mine.py"))
    monkeypatch.chdir(tmp_path)
    assert load_strategy("own_pack.mine:Mine")().parameters() == {"n": 4}


@pytest.mark.usefixtures("fresh_imports")
@pytest.mark.parametrize("is_package", [True, False])
@pytest.mark.parametrize("comes_first", [True, False])
def test_a_folder_called_strategies_beside_the_shipped_ones(
    tmp_path, monkeypatch, is_package, comes_first
):
    own = written(tmp_path / "strategies", mine="class Mine(Strategy): pass\n")
    if is_package:
        (own / "__init__.py").touch()
    if comes_first:
        sys.path.insert(0, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert load_strategy("strategies.mine:Mine").__name__ == "Mine"
    assert load_strategy("absorption").__name__ == "AbsorptionReversal"


@pytest.mark.usefixtures("fresh_imports")
def test_what_else_a_file_holds_is_told(tmp_path):
    written(
        tmp_path,
        two="class One(Strategy): pass\nclass Two(Strategy): pass\n",
        det="class Sees(Detector): pass\n",
        leaves="import sys\nsys.exit(4)\n",
    )
    with pytest.raises(UsageError, match=r"'Tow' is not a strategy.*mean 'Two'.*holds: One, Two"):
        load_strategy(f"{tmp_path / 'two.py'}:Tow")
    with pytest.raises(UsageError, match=r"holds 0 strategies \(none\); Sees is a detector"):
        load_strategy(str(tmp_path / "det.py"))
    with pytest.raises(PluginError, match=r"SystemExit: 4 \[.*leaves.py:3\]"):
        load_strategy(str(tmp_path / "leaves.py"))
