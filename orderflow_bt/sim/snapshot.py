"""A paused simulation as bytes, to be taken up again by another process.

What is saved is everything that readings and sessions know: arrays, open orders, the account,
notices under way, and the strategy's plain Python attributes. The bytes hold a pickle: restore only
what you saved yourself.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isal import igzip_lib, isal_zlib

import orderflow_bt
from orderflow_bt import plugins
from orderflow_bt.errors import OrderflowError, PluginError
from orderflow_bt.kernels._jit import kernel_hash

if TYPE_CHECKING:
    from orderflow_bt.sim.readings import Readings
    from orderflow_bt.sim.session import Session

MAGIC = b"orderflow-bt snapshot 1\n"


class Restored(NamedTuple):
    """What a snapshot held, ready to be fed."""

    readings: Readings
    sessions: list[Session]


def snapshot(readings: Readings, *sessions: Session) -> bytes:
    """Save readings and the sessions they feed, between two pieces of tape.

    Args:
        readings: What makes the pieces; it must not use the cache of stored days.
        sessions: Every session that is fed by it; together, since they share the tape.

    Raises:
        PluginError: A strategy or detector keeps something that cannot be saved.
    """
    try:
        body = pickle.dumps((readings, list(sessions)), protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise _unsaved(sessions, error) from error
    head = {
        "version": orderflow_bt.__version__,
        "python": list(sys.version_info[:2]),
        "kernels": kernel_hash(),
        "plugins": _plugin_files(body),
    }
    return MAGIC + json.dumps(head).encode() + b"\n" + isal_zlib.compress(body, 1)


def restore(raw: bytes) -> Restored:
    """Take up a snapshot where it was paused. It runs what the bytes say: use your own only.

    Raises:
        OrderflowError: These are no such bytes, another version of the program or of Python made
            them, or a plugin's file is not the one they were made with.
    """
    if not raw.startswith(MAGIC):
        raise OrderflowError("these bytes are no snapshot", fix="Give what snapshot() returned")
    line, _, body = raw[len(MAGIC) :].partition(b"\n")
    try:
        head = json.loads(line)
    except ValueError as error:
        raise OrderflowError("the snapshot is damaged", fix="Run again to its moment") from error
    ours = {
        "version": orderflow_bt.__version__,
        "python": list(sys.version_info[:2]),
        "kernels": kernel_hash(),
    }
    for name, value in ours.items():
        if head.get(name) != value:
            raise OrderflowError(
                f"the snapshot was made with another {name}: {head.get(name)}, here {value}",
                fix="Take it up with the same version, or run again to its moment",
            )
    for module, (path, digest) in head["plugins"].items():
        _load(module, Path(path), digest)
    try:
        readings, sessions = pickle.loads(isal_zlib.decompress(body))  # noqa: S301 - one's own, as said
    except (igzip_lib.IsalError, pickle.UnpicklingError, EOFError) as error:  # type: ignore[misc]
        # (the stub of isal names no class there)
        raise OrderflowError("the snapshot is damaged", fix="Run again to its moment") from error
    return Restored(readings, sessions)


def _plugin_files(body: bytes) -> dict[str, tuple[str, str]]:
    """Modules loaded from a plugin's file that the pickle names: path and checksum of each."""
    return {
        name: (str(Path(file).resolve()), hashlib.sha256(Path(file).read_bytes()).hexdigest())
        for name, module in list(sys.modules.items())
        if name.startswith(plugins.FILE_MODULE)
        and name.encode() in body
        and (file := getattr(module, "__file__", None))
    }


def _load(module: str, path: Path, digest: str) -> None:
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise OrderflowError(
            f"the plugin {path} is not the one the snapshot was made with",
            fix="Put its file back, or run again to the snapshot's moment",
        )
    if module not in sys.modules:
        plugins.load_file(path)


def _unsaved(sessions: tuple[Session, ...], error: Exception) -> PluginError:
    """Which attribute of which strategy cannot be saved."""
    for session in sessions:
        for name, value in vars(session.strategy).items():
            if not _is_saved(value):
                return PluginError(
                    f"{type(session.strategy).__name__}.{name} cannot be saved: {value!r}",
                    fix="Keep plain Python attributes: numbers, texts, lists, dicts, arrays",
                )
    return PluginError(
        f"the simulation cannot be saved: {error}",
        fix="Strategies and detectors are classes of a module, and keep plain Python attributes",
    )


def _is_saved(value: Any) -> bool:
    try:
        pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        return False
    return True
