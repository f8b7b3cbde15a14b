"""Finding plugins: by name, by file, by module; listing runs no plugin code."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from orderflow_bt import plugins
from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.strategy.registry import installed, load_strategy, source_of


def test_the_shipped_strategy_is_found_like_anybodys():
    assert "delta_divergence" in installed()
    cls = load_strategy("delta_divergence")
    assert cls.__name__ == "DeltaDivergenceFade"
    assert source_of(cls).name == "delta_divergence.py"


def test_listing_imports_no_plugin():
    import subprocess

    code = (
        "import sys; from orderflow_bt.strategy.registry import installed;"
        "from orderflow_bt.plugins import said_of;"
        "print(said_of(installed()['delta_divergence']));"
        "sys.exit('strategies' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Fade a swing extreme that cumulative delta does not confirm.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'class A:\n    """Buys ``n`` bars.\n\n    More.\n    """\nraise SystemExit',
            "Buys n bars.",
        ),
        ("class A:\n    pass\n", ""),
        ('class B:\n    """Another."""\n', ""),
        ("class A(:\n", ""),
        ("\0", ""),
    ],
)
def test_a_listed_plugin_says_what_its_file_says(tmp_path, monkeypatch, text, said):
    package = tmp_path / "theirs"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit")
    (package / "one.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins.said_of(EntryPoint("a", "theirs.one:A", "any")) == said
    assert plugins.said_of(EntryPoint("a", "theirs.other:A", "any")) == ""
    assert plugins.said_of(EntryPoint("a", "nobodys.one:A", "any")) == ""


def test_a_typo_gets_a_suggestion():
    with pytest.raises(UsageError, match="Did you mean 'delta_divergence'"):
        load_strategy("delta_divergense")


def test_by_module_and_class():
    assert load_strategy("strategies.delta_divergence:DeltaDivergenceFade").__name__
    with pytest.raises(UsageError, match="not a strategy"):
        load_strategy("strategies.delta_divergence:time_bars")
    with pytest.raises(UsageError, match="no module"):
        load_strategy("no_such_module_here:Thing")


def test_by_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from orderflow_bt import Strategy\nclass Mine(Strategy):\n    '''My own.'''\n")
    assert load_strategy(str(file)).__name__ == "Mine"
    file.write_text(file.read_text() + "class Other(Strategy): pass\n")
    with pytest.raises(UsageError, match=r"holds 2 strategies \(Mine, Other\)"):
        load_strategy(str(file))
    assert load_strategy(f"{file}:Other").__name__ == "Other"


def test_a_plugin_that_fails_to_import_is_named(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("raise ZeroDivisionError('oops')\n")
    with pytest.raises(PluginError, match="ZeroDivisionError: oops"):
        load_strategy(str(file))
    with pytest.raises(UsageError, match="no file"):
        load_strategy(str(tmp_path / "absent.py"))


def test_two_plugins_of_one_name_are_an_error(tmp_path, monkeypatch):
    for package in ("first", "second"):
        info = tmp_path / f"{package}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(
            f"[orderflow_bt.strategies]\ntwin = {package}.twin:Twin\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"two plugins.*'twin'.*first\.twin:Twin of first.*second"):
        installed()
