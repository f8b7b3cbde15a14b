"""Finds plugins: installed ones by entry point, one's own by file or module."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import os
import sys
import traceback
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from orderflow_bt.errors import OrderflowError, PluginError, UsageError, words_of
from orderflow_bt.parameters import Parametrised

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def said_of(point: EntryPoint) -> str:
    """What an installed plugin says of itself in its first line; empty where its file cannot tell.

    The file is read as text: no plugin code runs.
    """
    spec, path = None, None
    for end in range(1, len(point.module.split(".")) + 1):
        name = ".".join(point.module.split(".")[:end])
        spec = next(filter(None, (f.find_spec(name, path) for f in sys.meta_path)), None)
        if spec is None:
            return ""
        path = spec.submodule_search_locations
    if spec is None or not spec.origin:
        return ""
    try:
        written = ast.parse(Path(spec.origin).read_bytes()).body
    except (OSError, ValueError, SyntaxError):
        return ""
    docs = [ast.get_docstring(node) for node in written
            if isinstance(node, ast.ClassDef) and node.name == point.attr]  # fmt: skip
    return (docs[0] or "").partition("\n")[0].replace("``", "") if docs else ""


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
    """A module by its name, as Python finds it, or in the current folder.

    A package of the same name that Python finds first does not hide it: a folder ``strategies`` of
    one's own and the package of the shipped strategies can be used side by side.
    """
    _look_in(Path.cwd())
    try:
        with _left_alone():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not (error.name and name.startswith(error.name)):
            fix = f"pip install {error.name}, or mend the import"
            what = f"{name} imports {error.name!r}, which is not installed"
            raise PluginError(what, fix=fix) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything while it is imported
        raise _failed(f"importing {name}", error) from error
    if file := _hidden(name):
        return load_file(file)
    raise UsageError(
        f"no module {name!r} can be imported",
        fix="Install its package, begin in the folder that holds it, or give its file.py",
    )


def _look_in(folder: Path) -> None:
    """Have imports look in a folder, behind everything that is installed."""
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))


def _hidden(name: str) -> Path | None:
    """The file of a module whose package another one of the same name hides."""
    parts = name.split(".")
    for entry in sys.path:
        file = Path(entry, *parts).with_suffix(".py")
        if len(parts) > 1 and file.is_file():
            return file
    return None


def make(cls: type[P], /, **parameters: Any) -> P:
    """A plugin with its parameters.

    Raises:
        UsageError: A parameter is not what it may be.
        PluginError: Its own ``__init__`` failed.
    """
    try:
        with _left_alone():
            return cls(**parameters)
    except (OrderflowError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin may raise anything
        raise _failed(f"making {cls.__name__}", error) from error


def current_folder() -> str:
    """The folder that relative paths begin in; nothing where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - as text, at every piece of the tape
    except FileNotFoundError:
        return ""


@contextmanager
def _left_alone() -> Iterator[None]:
    """Go back to the current folder where a plugin leaves it: others find their files by it."""
    before = current_folder()
    try:
        yield
    finally:
        if before and current_folder() != before:
            os.chdir(before)


def _failed(what: str, error: BaseException) -> PluginError:
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(("<", __file__))]
    places = [f"{frame.filename}:{frame.lineno}" for frame in theirs if _is_plain(frame.filename)]
    fix = ""
    if isinstance(error, ImportError) and "relative import" in str(error):
        fix = "Name it package.module:Class, in the folder that holds the package"
    elif isinstance(error, ModuleNotFoundError):
        fix = "Modules are looked for where packages are installed, beside the file, and here"
    return PluginError(
        f"{what} failed: {words_of(error)}",
        where=places[-1] if places else "",
        fix=fix,
    )


def _is_plain(file_name: str) -> bool:
    """Whether a file is somebody's own: not of Python's library, nor of an import's machinery."""
    return not file_name.startswith(sys.base_prefix + "/lib") and "importlib" not in file_name


def load_file(path: Path) -> ModuleType:
    """Run a plugin's file as a module of its own; it may import what lies beside it.

    Raises:
        PluginError: Its code failed.
    """
    name = FILE_MODULE + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _look_in(path.parent)
    try:
        with _left_alone():
            spec.loader.exec_module(module)
    except BaseException as error:  # a plugin may raise anything while it is imported
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _failed(f"importing {path}", error) from error
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
            held = [cls.__name__ for cls in _plugins_in(module, family.base)]
            close = difflib.get_close_matches(class_name, held, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            raise UsageError(
                f"{class_name!r} is not a {family.noun}",
                where=text,
                fix=f"{hint}It holds: {', '.join(held) or 'none'}",
            )
        return found
    own = _plugins_in(module, family.base)
    if len(own) != 1:
        names = ", ".join(cls.__name__ for cls in own) or "none"
        others = [cls for cls in _plugins_in(module, Parametrised) if cls not in own]
        told = "".join(f"; {cls.__name__} is {_kind_of(cls)}" for cls in others if not own)
        raise UsageError(
            f"the file holds {len(own)} {family.plural} ({names}){told}",
            where=text,
            fix="Name one, as file.py:Class"
            if own
            else f"Derive a class from orderflow_bt.{family.base.__name__}",
        )
    return own[0]


def _plugins_in(module: Any, base: type[P]) -> list[type[P]]:
    """The plugins that a module defines itself."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]


def _kind_of(cls: type[Any]) -> str:
    """What a plugin of another family is, in words."""
    names = [base.__name__ for base in cls.__mro__]
    return "a detector" if "Detector" in names else "a strategy"


def source_of(cls: type[Any]) -> Path | None:
    """The file a plugin is written in, None where it has none (typed in a notebook)."""
    name = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return Path(name) if name else None


def sources_of(cls: type[Any]) -> list[Path]:
    """The files a plugin is written in: its own first, then its bases' and what it imports of them.

    Followed are static imports of modules in the folder of the file that imports them, or below.
    What is installed, and this package, is not among them, but for the bases of the class.
    """
    ours = Path(__file__).resolve().parent
    waiting = [sys.modules.get(base.__module__) for base in cls.__mro__]
    found: list[Path] = []
    for module in waiting:  # it grows
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if file else None
        if module is None or path is None or path in found or ours in path.parents:
            continue
        if path.suffix != ".py" or not _is_plain(str(path)):
            continue
        found.append(path)
        near = [
            sys.modules.get(name) for name in _imported(path.read_bytes(), module.__package__ or "")
        ]
        waiting += [other for other in near if _lies_in(path.parent, other)]
    return found


@lru_cache(maxsize=32)
def _imported(written_in: bytes, package: str) -> tuple[str, ...]:
    """Names of the modules that import lines of a file's content may mean."""
    names: list[str] = []
    for node in ast.walk(ast.parse(written_in)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (not node.level or package):
            written = "." * node.level + (node.module or "")
            name = importlib.util.resolve_name(written, package) if node.level else written
            names += [name, *(f"{name}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _lies_in(folder: Path, module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and folder in Path(file).resolve().parents
