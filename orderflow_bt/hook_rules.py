"""What a plugin's hooks are called and given: a mistake is refused where the class is written."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

from orderflow_bt.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Hooks = Mapping[str, tuple[str, ...]]  # names of arguments by the hook's


def hooks_of(base: type[Any]) -> Hooks:
    """The hooks that a base class of plugins has: its methods called ``on_…``."""
    return {
        name: tuple(inspect.signature(hook).parameters)
        for name, hook in vars(base).items()
        if name.startswith("on_")
    }


def check_hooks(cls: type[Any], hooks: Hooks, *, may_yield: bool = False) -> None:
    """Refuse methods of a plugin that would never be called, or could not be.

    Args:
        cls: The plugin.
        hooks: Those of its base.
        may_yield: Whether a hook is read like a list.

    Raises:
        PluginError: A method ``on_…`` is no hook, yields, is async, or takes other arguments.
    """
    for name, value in vars(cls).items():
        if name.startswith("on_") and inspect.isfunction(value):
            _check(cls, value, name, hooks)
            if inspect.iscoroutinefunction(value) or (
                inspect.isgeneratorfunction(value) and not may_yield
            ):
                word = "is async" if inspect.iscoroutinefunction(value) else "yields"
                raise PluginError(
                    f"{cls.__name__}.{name} {word}, so that calling it does nothing",
                    fix="Write it as a plain function",
                )


def _check(cls: type[Any], hook: Any, name: str, hooks: Hooks) -> None:
    if name not in hooks:
        close = difflib.get_close_matches(name, hooks, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise PluginError(
            f"{cls.__name__}.{name} is no hook: nobody would call it",
            fix=f"{hint}Hooks are {', '.join(hooks)}; call a method of your own something else",
        )
    wanted = hooks[name]
    try:
        inspect.signature(hook).bind(*wanted)
    except TypeError:
        raise PluginError(
            f"{cls.__name__}.{name} does not take what it is given",
            fix=f"Write it as def {name}({', '.join(wanted)})",
        ) from None
