"""The cache command, and the options that bound it or turn it off."""

from __future__ import annotations

import json

import pytest
from archive_days import DAY, UM, put_day
from typer.testing import CliRunner

from orderflow_bt.archive import open_source
from orderflow_bt.cli import app
from orderflow_bt.ingest import download
from orderflow_bt.store import Lake

BARS = ["bars", "ABCUSDT", "--bars", "1m", "--from", str(DAY), "--to", str(DAY), "--format", "csv"]
EVENTS = ["events", "ABCUSDT", "--detector", "volume_spike", "--from", str(DAY), "--to", str(DAY)]


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_day(tmp_path / "archive")
    lake = Lake(tmp_path / "lake")
    download(lake, UM, [DAY], open_source(str(tmp_path / "archive")))
    return lake


def run(*words, env=None):
    return CliRunner().invoke(app, ["--data", "lake", *words], env=env)


def kept(lake):
    return list(lake.cache.folder.glob("*/*.arrays"))


def test_what_is_kept_is_listed_checked_and_cleared(lake):
    assert run("cache").stdout.startswith(f"{lake.root.name}/.cache: 0 B of at most ")
    assert run(*EVENTS).exit_code == 0
    assert "days   1 file, " in run("cache").stdout
    listed = json.loads(run("cache", "ls", "--json").stdout)
    size = sum(path.stat().st_size for path in lake.cache.folder.glob("days/*"))
    assert listed["kept"]["days"] == {"files": 1, "bytes": size}
    assert "days " in run("doctor").stdout
    assert "all whole" in run("cache", "check").stdout
    assert run("cache", "clear").exit_code == 0
    assert kept(lake) == []


def test_a_damaged_file_is_found_by_the_check(lake):
    run(*EVENTS)
    (path,) = lake.cache.folder.glob("days/*")
    status = path.stat()
    raw = bytearray(path.read_bytes())
    raw[8] ^= 1
    path.write_bytes(raw)
    import os

    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = run("cache", "check")
    assert result.exit_code == 3
    assert path.name.removesuffix(".arrays") in result.stdout
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "env"),
    [(["--no-cache"], {}), (["--cache-size", "off"], {}), ([], {"ORDERFLOW_BT_CACHE_SIZE": "off"})],
)
def test_it_can_be_turned_off(lake, words, env):
    assert run(*words, *EVENTS, env=env).exit_code == 0
    assert kept(lake) == []
    assert "off" in run(*words, "doctor", env=env).stdout
    result = run(*words, "cache", env=env)
    assert result.exit_code == 2
    assert "off" in result.output


def test_the_configuration_may_say_its_size(lake, tmp_path):
    (tmp_path / "orderflow-bt.toml").write_text('cache_size = "1MB"\n')
    from orderflow_bt.cli.config import read_config

    result = CliRunner().invoke(app, ["--data", "lake", "cache"], default_map=read_config(app))
    assert "at most 1.0 MB" in result.stdout


def test_a_size_that_is_none_is_refused(lake):
    result = run("--cache-size", "lots", "cache")
    assert result.exit_code == 2
    assert "not a size" in result.output


def test_bars_print_the_same_from_the_cache(lake):
    plain = run(*BARS).stdout
    run(*EVENTS)
    assert kept(lake)
    assert run(*BARS).stdout == plain
    assert run("--no-cache", *BARS).stdout == plain
