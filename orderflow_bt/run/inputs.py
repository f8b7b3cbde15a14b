"""What a run is made of besides the tape: its code, as it was when the run began.

Files are edited while a run goes on: the manifest names those that it was made of.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from orderflow_bt.plugins import source_of, sources_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orderflow_bt.strategy import Strategy

_IMPORTS = "strategy_imports"


def code_of(cls: type[Strategy]) -> dict[str, Any]:
    """Checksums of a strategy's file, and of one's own files that it imports, where it does."""
    source = source_of(cls)
    folder = source.resolve().parent if source else None
    imports = {
        file.relative_to(folder).as_posix()
        if folder and folder in file.parents
        else file.name: _digest_of(file)
        for file in sources_of(cls)
        if source is None or file != source.resolve()
    }
    return {
        "strategy_sha256": _digest_of(source) if source else None,
        "strategy_file": source.name if source else None,
        **({_IMPORTS: imports} if imports else {}),
    }


def code_behind(begun: Mapping[str, Any], cls: type[Strategy]) -> dict[str, Any]:
    """What `code_of` said when the run began, and what was imported since."""
    try:
        now = code_of(cls).get(_IMPORTS, {})
    except (OSError, SyntaxError, ValueError):  # somebody is at work on them
        return dict(begun)
    imports = now | begun.get(_IMPORTS, {})
    return {**begun, **({_IMPORTS: imports} if imports else {})}


def _digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
