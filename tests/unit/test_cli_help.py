"""What the help shows is what was written, in an order that a person finds things by."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer
from rich.markup import render
from typer.main import get_command

from orderflow_bt.cli import app, complete

PROGRAM = get_command(app)
PROGRAM_CALL = "import sys; sys.argv = ['orderflow-bt']; from orderflow_bt.cli import main; main()"
COMMANDS = {"": PROGRAM, **PROGRAM.commands}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_word_of_a_help_is_taken_for_markup(name):
    command = COMMANDS[name]
    for text in [command.help or "", *(getattr(p, "help", None) or "" for p in command.params)]:
        assert render(text).plain == text


def test_every_command_stands_in_a_panel():
    assert [c.name for c in app.registered_commands if not isinstance(c.rich_help_panel, str)] == []


@pytest.mark.parametrize("name", ["run", "replay", "lookahead"])
def test_the_same_option_says_the_same_wherever_it_stands(name):
    said = {p.name: p.help for p in COMMANDS["run"].params}
    shared = {"fills", "latency", "accept_gaps", "market", "kind"} & {
        p.name for p in COMMANDS[name].params
    }
    assert len(shared) == 5
    assert {p.name: p.help for p in COMMANDS[name].params if p.name in shared} == {
        name: said[name] for name in shared
    }


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run delta_d", ["delta_divergence"]),
        ("run absorption,poc", ["absorption,poc_retest"]),
        ("events X --detector absorption_", ["absorption_bar"]),
        ("run absorption B", ["BTCUSDT"]),
        ("replay ", ["BTCUSDT", "ETHUSDT"]),
        ("run absorption BTCUSDT --market ", ["spot", "um", "cm"]),
    ],
)
def test_tab_offers_what_there_is(words, offered, tmp_path):
    for symbol in ("BTCUSDT", "ETHUSDT"):
        (tmp_path / f"exchange=binance/market=um/kind=aggTrades/symbol={symbol}").mkdir(
            parents=True
        )
    (tmp_path / "exchange=binance/market=um/kind=klines/symbol=OTHER").mkdir(parents=True)
    environment = {
        "_ORDERFLOW_BT_COMPLETE": "complete_bash",
        "COMP_WORDS": f"orderflow-bt --data {tmp_path} {words}",
        "COMP_CWORD": str(len(words.split(" ")) + 2),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM_CALL],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | environment,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == offered


def test_a_lake_in_an_object_store_is_not_asked_while_a_shell_waits():
    context = typer.Context(PROGRAM)
    context.params["data"] = "s3://bucket/lake"
    assert complete.symbols(context, "") == []
