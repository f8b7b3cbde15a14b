"""Finds plugins: installed ones by entry point, one's own by file or module."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.parameters import Parametrised

if TYPE_CHECKING:
    from types import ModuleType

FILE_MODULE = "orderflow_bt_plugin_"  # before a file's name: the module it is loaded as
P = TypeVar("P", bound=Parametrised)


class Family(NamedTuple, Generic[P]):
    """A family of plugins: what its members are called and where they are declared.

    Attributes:
        noun: One of them, as an error message says it.
        plural: Several of them.
        group: The entry-point group.
        base: The class each of them derives from.
    """

    noun: str
    plural: str
    group: str
    base: type[P]


def installed(group: str) -> dict[str, EntryPoint]:
    """Installed plugins by name. Reads names only: no plugin code runs.

    Raises:
        UsageError: Two packages declare different plugins of one name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group)):
        first = found.setdefault(point.name, point)
        if first.value != point.value:
            raise UsageError(
                f"two plugins are called {point.name!r}: {_origin(first)} and {_origin(point)}",
                where=group,
                fix="Uninstall one of the packages, or rename one in its entry points",
            )
    return found


def _origin(point: EntryPoint) -> str:
    package = f" of {point.dist.name}" if point.dist else ""
    return point.value + package


def load(text: str, family: Family[P]) -> type[P]:
    """The plugin class a text names: an installed name, ``module:Class`` or ``file.py[:Class]``.

    Raises:
        UsageError: Nothing by that name, or not of the family.
        PluginError: The plugin's own code failed while it was imported.
    """
    if text.partition(":")[0].endswith(".py"):
        return _from_file(text, family)
    if ":" in text:
        module_name, _, class_name = text.partition(":")
        return _class_in(_import(module_name), class_name, text, family)
    found = installed(family.group)
    if text not in found:
        close = difflib.get_close_matches(text, found, n=1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UsageError(
            f"no {family.noun} is called {text!r}",
            fix=f"{hint}Installed: {', '.join(found) or 'none'}; or give file.py, or module:Class",
        )
    point = found[text]
    return _class_in(_import(point.module), point.attr, text, family)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise UsageError(f"no module {name!r} can be imported") from None
        raise PluginError(f"{name} imports {error.name!r}, which is not installed") from error
    except Exception as error:  # a plugin may raise anything while it is imported
        raise PluginError(f"importing {name} failed: {type(error).__name__}: {error}") from error


def load_file(path: Path) -> ModuleType:
    """Run a plugin's file as a module of its own.

    Raises:
        PluginError: Its code failed.
    """
    name = FILE_MODULE + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a plugin may raise anything while it is imported
        del sys.modules[name]
        raise PluginError(
            f"importing the plugin failed: {type(error).__name__}: {error}", where=str(path)
        ) from error
    return module


def _from_file(text: str, family: Family[P]) -> type[P]:
    file_name, _, class_name = text.partition(":")
    path = Path(file_name)
    if not path.is_file():
        raise UsageError(f"there is no file {file_name}")
    module = load_file(path)
    return _class_in(module, class_name, text, family)


def _class_in(module: Any, class_name: str, text: str, family: Family[P]) -> type[P]:
    if class_name:
        found = getattr(module, class_name, None)
        if not (isinstance(found, type) and issubclass(found, family.base)):
            raise UsageError(f"{class_name!r} is not a {family.noun}", where=text)
        return found
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, family.base)
        and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        names = ", ".join(cls.__name__ for cls in own) or "none"
        raise UsageError(
            f"the file holds {len(own)} {family.plural} ({names})",
            where=text,
            fix="Name one, as file.py:Class",
        )
    return own[0]


def source_of(cls: type[Any]) -> Path | None:
    """The file a plugin is written in, None where it has none (typed in a notebook)."""
    name = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return Path(name) if name else None
