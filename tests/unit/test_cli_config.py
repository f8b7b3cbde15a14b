"""The configuration file: every option by its name, and nothing in it is passed over in silence."""

from __future__ import annotations

import pytest
import typer

from orderflow_bt.cli import app, main
from orderflow_bt.cli.config import FILE, read_config
from orderflow_bt.errors import UsageError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(here, content):
    (here / FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_config(app)


def test_options_are_called_as_on_the_command_line(here):
    text = """
quiet = true
cache-size = "1MB"
[bars]
from = 2024-01-01
format = "csv"
imbalance = 4
[run]
latency_sample = "120,60"
json = true
param = ["pivot=3", "target_r=2"]
accept-gaps = true
[[fees]]
market = "um"
"""
    assert read(here, text) == {
        "quiet": True,
        "cache_size": "1MB",
        "bars": {"first": "2024-01-01", "how": "csv", "ratio": 4},
        "run": {
            "latency_sample": "120,60",
            "as_json": True,
            "param": ["pivot=3", "target_r=2"],
            "accept_gaps": True,
        },
        "fees": [{"market": "um"}],
    }


def test_every_option_of_every_command_is_known(here):
    for name, command in typer.main.get_command(app).commands.items():
        for param in command.params:
            for flag in (f for f in param.opts if f.startswith("--")):
                key = flag.removeprefix("--").replace("-", "_")
                value = "true" if getattr(param, "is_flag", False) else '"x"'
                (found,) = read(here, f"[{name}]\n{key} = {value}").values()
                assert list(found) == [param.name], (name, flag)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'data = "\xff"', "cannot be read: 'utf-8' codec"),
        (b"data = ", "cannot be read: Invalid value"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "cannot be read: maximum recursion"),
        (b"run = 5", "'run' is a command, and its options are a table"),
        (b"ls = []", "'ls' is a command, and its options are a table"),
        (b"[run]\nlatancy = 150", "no option 'latancy'.*Did you mean 'latency'"),
        (b"[runs]\nlatency = 150", "no option 'runs'.*Did you mean 'run'"),
        (b"dat = 'x'", "no option 'dat'.*Did you mean 'data'"),
        (b"latency = 150", r"no option 'latency' \[orderflow-bt.toml\]"),
        (b"data = [1, 2]", r"'data' is not what its option takes: \[1, 2\]"),
        (b"[data]\na = 1", "'data' is not what its option takes"),
        (b"[run]\nfees = [2, 4]", r"'fees' is not what its option takes: \[2, 4\]"),
        (b"[run.param]\npivot = 3", "'param' is not what its option takes"),
        (b"data = true", "'data' takes a value, not True"),
        (b'quiet = "maybe"', "'quiet' takes true or false, not 'maybe'"),
    ],
)
def test_what_it_cannot_mean_is_said(here, content, says):
    with pytest.raises(UsageError, match=says) as caught:
        read(here, content)
    assert FILE in str(caught.value)


def test_a_mark_of_byte_order_is_none_of_its_content(here):
    assert read(here, b"\xef\xbb\xbfdata = 'x'") == {"data": "x"}


@pytest.mark.parametrize("what", ["folder", "leads nowhere", "leads to itself"])
def test_what_is_no_file_is_said(here, what):
    if what == "folder":
        (here / FILE).mkdir()
    else:
        (here / FILE).symlink_to(FILE if what == "leads to itself" else "nowhere")
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(app)


def test_the_program_says_it_without_a_traceback(here, monkeypatch, capsys):
    (here / FILE).write_bytes(b"run = 5")
    monkeypatch.setattr("sys.argv", ["orderflow-bt", "ls"])
    for name, nothing in (("settle_in", lambda words: None), ("let_go", lambda: None)):
        monkeypatch.setattr(f"orderflow_bt.cli.surroundings.{name}", nothing)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "options are a table" in capsys.readouterr().err


def test_without_a_file_nothing_is_said(here):
    assert read_config(app) == {}
    assert read(here, "") == {}
