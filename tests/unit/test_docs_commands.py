"""Commands, options, files and names that the documentation tells of are there; and the reverse."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from typer.main import get_command

from orderflow_bt.cli import app

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]
)
PROGRAM = get_command(app)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
CALL = re.compile(r"orderflow-bt ([^\n`]*)")
FOLDERS = "docs|tests|benchmarks|orderflow_bt|strategies|notebooks"


def options_of(command):
    """Its long options, with those of flags that switch off."""
    given = {name for option in command.params for name in option.opts + option.secondary_opts}
    return {name for name in given if name.startswith("--")}


BEFORE = options_of(PROGRAM) | {"--help"}  # the options before the command
KNOWN = {name: options_of(command) for name, command in PROGRAM.commands.items()}


def text_of(page):
    """A page, with commands that go over several lines on one."""
    return re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))


def wrong_calls(text):
    """What commands of the text name that the program does not have."""
    wrong = []
    for call in CALL.findall(text):
        words = call.split()
        name = next((word for word in words if word in KNOWN), None)
        if name is None:
            first = words[0] if words else ""
            wrong += [first] if re.fullmatch(r"[a-z]+", first) else []
            continue
        wrong += [word for word in OPTION.findall(call) if word not in BEFORE | KNOWN[name]]
    return wrong


def lost_files(text):
    """Files of the repository that the text names and that are not there."""
    named = re.findall(rf"`((?:{FOLDERS})/[\w./*-]+)`", text)
    named += [f"benchmarks/{name}" for name in re.findall(r"benchmarks/(\w+\.py)", text)]
    return [name for name in named if not any(REPOSITORY.glob(name))]


def lost_names(text):
    """Dotted names of this package that the text tells of and that lead to nothing."""
    lost = []
    for dotted in re.findall(r"`(orderflow_bt(?:\.\w+)+)", text):
        parts, module = dotted.split("."), None
        for count in range(len(parts), 0, -1):
            try:
                module = importlib.import_module(".".join(parts[:count]))
            except ModuleNotFoundError:
                continue
            break
        for name in parts[count:]:
            module = getattr(module, name, None)
        lost += [dotted] if module is None else []
    return lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_what_a_page_names_is_there(page):
    text = text_of(page)
    assert wrong_calls(text) == []
    assert lost_files(text) == []
    assert lost_names(text) == []


def test_what_is_not_there_is_seen():
    assert wrong_calls("orderflow-bt --data x runn y\norderflow-bt run y --fee 2 --fees 3") == [
        "--fee"
    ]
    assert wrong_calls("orderflow-bt runn y") == ["runn"]
    assert lost_files("`tests/gone.py` `docs/cli.md` benchmarks/gone.py") == [
        "tests/gone.py",
        "benchmarks/gone.py",
    ]
    assert lost_names("`orderflow_bt.flow.Cvd` `orderflow_bt.flow.Cvt` `orderflow_bt.flew`") == [
        "orderflow_bt.flow.Cvt",
        "orderflow_bt.flew",
    ]


def told_of(command):
    """Options that the row of a command names, and the section of its name."""
    text = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(rf"\| .*`{command}\b", line)]
    section = re.search(rf"^## {command}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return set(OPTION.findall("\n".join([*rows, section[1] if section else ""])))


GENERAL = {"--exchange", "--kind", "--help"}  # told once for all of them


@pytest.mark.parametrize("command", sorted(KNOWN))
def test_every_option_of_a_command_is_documented_with_it(command):
    options = [p for p in PROGRAM.commands[command].params if p.opts[0].startswith("--")]
    told = told_of(command) | GENERAL
    assert [p.opts[0] for p in options if not told & {*p.opts, *p.secondary_opts}] == []
