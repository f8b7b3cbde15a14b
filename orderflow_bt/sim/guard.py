"""Whatever a plugin raises, told with the hook, the plugin's own line and the market time."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orderflow_bt.errors import OrderflowError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = Path(__file__).resolve().parents[1]


@contextmanager
def guard(plugin: object, hook: str, now: int) -> Iterator[None]:
    """Run a plugin's hook.

    Raises:
        PluginError: The hook raised, or asked the broker for nonsense.
    """
    name = f"{type(plugin).__name__}.{hook}"
    try:
        yield
    except PluginError as error:
        where = "; ".join(filter(None, (error.where, _place(error, now))))
        raise PluginError(f"{name}: {error.what}", where=where, fix=error.fix) from error
    except OrderflowError:
        raise
    except Exception as error:
        raise PluginError(
            f"{name} raised {type(error).__name__}: {error}",
            where=_place(error, now),
            fix="Run with --debug for the traceback",
        ) from error


def _place(error: Exception, now: int) -> str:
    """The deepest line outside this package's engine, and the market time."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not _is_ours(Path(frame.filename))]
    frame = (theirs or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}, at {np.datetime64(now, 'us')}Z"


def _is_ours(file: Path) -> bool:
    """Whether a file belongs to the engine: not a plugin, shipped or not, nor a library."""
    return _PACKAGE in file.parents and file.parent.name != "detectors"
