"""The program: what it loads, how it fails, where its settings come from."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from orderflow_bt.cli import app

HEAVY = {
    "numba", "polars", "pyarrow", "duckdb", "matplotlib", "requests", "numpy", "starlette",
    "uvicorn",
}  # fmt: skip
runner = CliRunner()


COMMANDS = ["", *(str(command.name) for command in app.registered_commands)]


@pytest.fixture(scope="module")
def loaded():
    """How each command's help ended, and what heavy had been loaded by then: in one process."""
    code = (
        "import json, sys\n"
        "from orderflow_bt.cli import main\n"
        "found = {}\n"
        f"for command in {COMMANDS!r}:\n"
        "    sys.argv = ['orderflow-bt', *command.split(), '--help']\n"
        "    try: main()\n"
        "    except SystemExit as done:\n"
        f"        found[command] = done.code, [*{HEAVY!r} & sys.modules.keys()]\n"
        "print(json.dumps(found), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(loaded, command):
    assert loaded[command] == [0, []]


def test_version():
    result = runner.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("orderflow-bt 0.")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run"], 2, "Missing argument"),
        (["run", "delta_divergence", "BTCUSDT"], 2, "--from"),
        (["run", "delta_divergence", "BTCUSDT", "--from", "x", "--to", "y"], 2, "neither a day"),
        (["ls", "--nonsense"], 2, "No such option"),
        (["download", "B?", "--from", "2024-01-01", "--to", "2024-01-01"], 2, "not a symbol"),
        (["download", "X", "--from", "2024-01-02", "--to", "2024-01-01"], 2, "before --from"),
        (
            ["download", "X", "--kind", "bookTicker", "--from", "2024-01-01", "--to", "2024-01-01"],
            2,
            "unknown kind",
        ),
        (["strategies", "nothing_like_it"], 2, "no strategy is called"),
        (["bars", "X", "--bars", "7m", "--from", "2024-01-01", "--to", "2024-01-01"], 2, "divide"),
        (
            ["bars", "X", "--bars", "tick:0", "--from", "2024-01-01", "--to", "2024-01-01"],
            2,
            "tick takes whole numbers",
        ),
        (
            ["run", "delta_divergence", "X", "--from", "2024-01-01", "--to", "2024-01-01"],
            1,
            "orderflow-bt download X",
        ),
        (["--data", "gs://bucket", "ls"], 2, "Give a folder, or s3://bucket/folder"),
        (["--data", "s3://bucket/x?regoin=y", "ls"], 2, "Known: endpoint_override, region"),
        (["--data", "s3://key:secret@bucket/x", "ls"], 2, "keys do not belong into a URL"),
    ],
)
def test_errors_say_what_to_do_and_exit_by_class(arguments, code, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, arguments)
    text = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == code, text
    assert words in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--fees", "5"], "MAKER,TAKER"),
        (["--fees", "a,b"], "not a number"),
        (["--cash", "-1"], "must be positive"),
        (["--cash", "inf"], "finite"),
        (["--fills", "magic"], "queue, touch or through"),
        (["--queue", "snapshot"], "order-book snapshots"),
        (["--param", "pivot"], "name=value"),
    ],
)
def test_wrong_assumptions_are_named(option, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = ["run", "delta_divergence", "X", "--from", "2024-01-01", "--to", "2024-01-01", *option]
    result = runner.invoke(app, line)
    assert result.exit_code in (1, 2)
    assert words in " ".join(result.output.split())


def test_settings_come_from_file_then_environment_then_options(tmp_path):
    (tmp_path / "orderflow-bt.toml").write_text('data = "from-file"\n')
    line = [sys.executable, "-m", "orderflow_bt"]
    tail = ["run", "delta_divergence", "X", "--from", "2024-01-01", "--to", "2024-01-01"]

    def told(arguments, **environment):
        import os

        done = subprocess.run(
            [*line, *arguments, *tail],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        return done.stderr

    assert "[from-file]" in told([])
    assert "[from-env]" in told([], ORDERFLOW_BT_DATA="from-env")
    assert "[from-option]" in told(["--data", "from-option"], ORDERFLOW_BT_DATA="from-env")
    (tmp_path / "orderflow-bt.toml").write_text("data = \n")
    done = subprocess.run([*line, "ls"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "orderflow-bt.toml" in done.stderr


def test_strategies_lists_and_describes():
    listed = runner.invoke(app, ["strategies"])
    assert "\ndelta_divergence  Fade a swing extreme that" in listed.stdout
    told = runner.invoke(app, ["strategies", "delta_divergence"]).stdout
    assert "pivot = 2 (>= 1, <= 20)" in told
    schema = runner.invoke(app, ["strategies", "delta_divergence", "--json"]).stdout
    assert '"maximum": 20' in schema
