"""What a stored file says of itself: JSON in its footer, of a version, in one spelling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from orderflow_bt.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orderflow_bt.store.files import StoredPath

T = TypeVar("T")

METADATA_KEY = b"orderflow_bt"


def encode(values: Mapping[str, Any]) -> bytes:
    """Canonical JSON: the same values give the same bytes."""
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def decode(
    raw: bytes | None,
    path: StoredPath,
    what: str,
    readable: tuple[int, ...],
    made_of: Callable[[dict[str, Any]], T],
) -> T:
    """What `encode` made, as a value.

    Args:
        raw: As it stands in the file; None where it holds none.
        path: Of the file.
        what: What an error calls it: a day, a series.
        readable: The versions that this program reads, the latest one last.
        made_of: Makes the value of the JSON's.

    Raises:
        LakeError: There is none, it is of a version this program does not know, or damaged.
    """
    if raw is None:
        raise LakeError(
            "a Parquet file that this program did not write lies in the lake",
            where=str(path),
            fix=f"Move it away, then download the {what}",
        )
    again = f"Delete the file and download the {what} again"
    try:
        values: dict[str, Any] = json.loads(raw)
        version = values["schema"]
        if version not in readable:
            raise LakeError(
                f"the {what} is stored in schema version {version}; this program reads "
                f"{', '.join(map(str, readable))}",
                where=str(path),
                fix="Upgrade orderflow-bt" if version > readable[-1] else again,
            )
        return made_of(values)
    except (KeyError, TypeError, ValueError) as error:
        raise LakeError(
            f"the metadata of a stored {what} cannot be read ({type(error).__name__}: {error})",
            where=str(path),
            fix=again,
        ) from error
