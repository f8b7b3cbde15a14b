"""What a page says to the desk: JSON, read once at the edge, and refused in words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orderflow_bt.errors import OrderflowError

_WHERE = "message to the desk"
_LONGEST_ID = 40


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a page.

    Attributes:
        do: The command; empty in an acknowledgement.
        id: Repeated in the reply, so that the page finds what it answers.
        ack: The frame it acknowledges, None in a command.
        fields: What else the command says, unchecked.
    """

    do: str = ""
    id: int | str | None = None
    ack: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def read_message(text: str | None) -> Message:
    """A message from its text; None for one that was no text.

    Raises:
        UsageError: It is not a JSON object with a command or an acknowledgement.
    """
    if text is None:
        raise UsageError("a binary message", where=_WHERE, fix="Send JSON text")
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise UsageError("a message that is not JSON", where=_WHERE) from None
    if not isinstance(found, dict):
        raise UsageError("a message that is no object", where=_WHERE, fix='Send {"do": …}')
    if "ack" in found:
        ack = found["ack"]
        if type(ack) is not int:
            raise UsageError("an acknowledgement without a number", where=_WHERE)
        return Message(ack=ack)
    do, number = found.pop("do", None), found.pop("id", None)
    if not isinstance(do, str):
        raise UsageError("a message without a command", where=_WHERE, fix='Send {"do": …}')
    known = type(number) is int or (isinstance(number, str) and _is_short(number))
    if number is not None and not known:
        raise UsageError("the id of a message is a number or a short text", where=_WHERE)
    return Message(do=do, id=number, fields=found)


def reply_to(message: Message | None, *, ok: bool) -> dict[str, Any]:
    """The beginning of a reply; to None where the message could not be read."""
    return {"reply": message.id if message else None, "ok": ok}


def words(error: OrderflowError) -> dict[str, str]:
    """An error as the page shows it."""
    return {"what": error.what, "where": error.where, "fix": error.fix}


def _is_short(text: str) -> bool:
    """Whether a text is short, and can be sent back."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(text) <= _LONGEST_ID


def _refuse(name: str) -> None:
    raise ValueError(name)
