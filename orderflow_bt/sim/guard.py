"""Whatever a plugin raises, told with the hook, the plugin's own line and the market time."""

from __future__ import annotations

import os
import threading
import traceback
from pathlib import Path
from typing import Protocol

import numpy as np

from orderflow_bt.errors import OrderflowError, PluginError, words_of
from orderflow_bt.flow.events import Event
from orderflow_bt.plugins import current_folder
from orderflow_bt.strategy.api import Fill, Order, TradeView
from orderflow_bt.types import Bar

_PACKAGE = Path(__file__).resolve().parents[1]


class guard:  # noqa: N801 - used as a statement, as contextmanagers are
    """Run a plugin's hook: ``with guard(plugin, "on_bar", now): …``.

    Raises:
        PluginError: The hook raised, or asked the broker for nonsense.
    """

    __slots__ = ("_hook", "_now", "_plugin")

    def __init__(self, plugin: object, hook: str, now: int) -> None:
        self._plugin, self._hook, self._now = plugin, hook, now

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt):
            _retell(error, self._plugin, self._hook, self._now)


class Runner(Protocol):
    """What runs hooks and says which, and when."""

    now: int
    hook: str  # the hook that runs; empty where it is the runner's own code


class Watchman:
    """Stands around many calls of hooks: a runner says which one it is in."""

    __slots__ = ("_folder", "_plugin", "_runner")

    def __init__(self, plugin: object, runner: Runner) -> None:
        self._plugin, self._runner = plugin, runner
        self._folder = ""

    def __enter__(self) -> None:
        self._folder = current_folder()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        if (elsewhere := current_folder()) != self._folder and self._folder:
            os.chdir(self._folder)
            if error is None:
                raise PluginError(
                    f"{type(self._plugin).__name__} left the current folder for {elsewhere}",
                    where=f"before {_iso(self._runner.now)}",
                    fix="Leave it where it is, for others find their files by it: open yours by"
                    " whole paths, such as Path(__file__).parent / 'model.json'",
                )
        if error is not None and self._runner.hook and not isinstance(error, KeyboardInterrupt):
            _retell(error, self._plugin, self._runner.hook, self._runner.now)


def _retell(error: BaseException, plugin: object, hook: str, now: int) -> None:
    """Raise what a hook raised with its name, its line and the market time."""
    name = f"{type(plugin).__name__}.{hook}"
    if isinstance(error, PluginError):
        where = "; ".join(filter(None, (error.where, _place(error, now))))
        raise PluginError(f"{name}: {error.what}", where=where, fix=error.fix) from error
    if isinstance(error, OrderflowError):
        return
    raise PluginError(
        f"{name} raised {words_of(error)}",
        where=_place(error, now),
        fix="Run with --debug for the traceback",
    ) from error


def from_elsewhere(plugin: object) -> PluginError:
    """What to say where a thread of a plugin's own asks the broker for something."""
    theirs = [frame for frame in traceback.extract_stack() if _is_theirs(Path(frame.filename))]
    line = f"{Path(theirs[-1].filename).name}:{theirs[-1].lineno}, " if theirs else ""
    return PluginError(
        f"{type(plugin).__name__} asked the broker from a thread of its own",
        where=f"{line}in {threading.current_thread().name}",
        fix="Ask it in hooks: let a thread work something out, wait for it in a hook, and send the"
        " order there. Else the same run would differ from one time to the next",
    )


def _is_theirs(file: Path) -> bool:
    """Whether a file is neither the engine's nor of what runs threads."""
    python = Path(threading.__file__).parent
    return not (_is_ours(file) or file.parent in (python, python / "concurrent" / "futures"))


def _place(error: BaseException, now: int) -> str:
    """The deepest line outside this package's engine, what the hook was told of, and the time."""
    frames = traceback.extract_tb(error.__traceback__)
    written = [frame for frame in frames if not frame.filename.startswith("<frozen")]
    theirs = [frame for frame in written if not _is_ours(Path(frame.filename))]
    own = isinstance(error, PluginError)  # ours to say what the plugin gave, not where it raised
    frame = theirs[-1] if theirs else None if own else frames[-1]
    line = [f"{Path(frame.filename).name}:{frame.lineno}"] if frame else []
    told = [words] if (words := _told(error)) else []
    time = [f"at {_iso(now)}"] if now else []
    return ", ".join(line + told + time)


def _told(error: BaseException) -> str:
    """What the hook that raised was told of, such as its bar, in words."""
    trace = error.__traceback__
    while trace is not None and _is_ours(Path(trace.tb_frame.f_code.co_filename)):
        trace = trace.tb_next
    if trace is None:
        return ""
    given = trace.tb_frame  # of the hook: the first that is not the engine's
    code = given.f_code
    for name in code.co_varnames[: code.co_argcount]:
        thing = given.f_locals.get(name)
        if isinstance(thing, Bar):
            return f"in the bar that opened at {_iso(thing.open_time)}"
        if isinstance(thing, TradeView):
            return f"at trade {thing.id}"
        if isinstance(thing, Fill):
            return f"at fill {thing.id} of order {thing.order_id}"
        if isinstance(thing, Order):
            return f"at order {thing.id}"
        if isinstance(thing, Event):
            return f"at event {thing.detector} {thing.kind}"
    return ""


def _iso(time: int) -> str:
    return f"{np.datetime64(time, 'us')}Z"


def _is_ours(file: Path) -> bool:
    """Whether a file belongs to the engine: not a plugin, shipped or not, nor a library."""
    return _PACKAGE in file.parents and file.parent.name != "detectors"
