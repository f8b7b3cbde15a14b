"""Parameters declared once: validation, command-line texts, JSON schema and docs follow from them.

    class Fade(Strategy):
        bars: BarSpec = param(time_bars("5m"), help="bars on which swings are read")
        pivot: int = param(2, ge=1, le=20, help="bars on each side of a swing extreme")

A parameter's type is its default's: int, float, bool, str or `BarSpec`.
"""

from __future__ import annotations

import difflib
import math
import operator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from orderflow_bt.errors import PluginError, UsageError
from orderflow_bt.types import BarSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

T = TypeVar("T", int, float, bool, str, BarSpec)
Json = int | float | bool | str

_TYPES = (int, float, bool, str, BarSpec)
_HOLDS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}


@dataclass(frozen=True, slots=True)
class Param:
    """One declared parameter. Write it as `param`."""

    default: int | float | bool | str | BarSpec
    help: str
    bounds: Mapping[str, float]
    choices: tuple[str, ...]

    @property
    def type(self) -> type:
        """The type every value must have."""
        return type(self.default)

    def fault(self) -> str:
        """Why the declaration contradicts itself; empty where it does not."""
        default = self.default
        if type(default) not in _TYPES:
            return f"has a default of type {type(default).__name__}"
        is_number = type(default) in (int, float)
        if self.bounds and not is_number:
            return f"has bounds, and its default {str(default)!r} is no number"
        if self.choices and (default not in self.choices or set(map(type, self.choices)) != {str}):
            return f"has the default {default!r} and the choices {self.choices!r}"
        for name, bound in self.bounds.items():
            if not (isinstance(bound, int | float) and math.isfinite(bound)):
                return f"has {name}={bound!r}, which is no number"
        if not is_number:
            return ""
        value = cast("float", default)
        if not math.isfinite(value):
            return f"has the default {value}"
        if not all(_HOLDS[name](value, bound) for name, bound in self.bounds.items()):
            return f"has the default {value}, which is not {self.range_text}"
        return ""

    @property
    def range_text(self) -> str:
        """The allowed values in words, such as ``1 to 20``; empty where any value will do."""
        if self.choices:
            return " | ".join(self.choices)
        words = {"gt": "> {:g}", "ge": ">= {:g}", "lt": "< {:g}", "le": "<= {:g}"}
        return ", ".join(words[name].format(bound) for name, bound in self.bounds.items())


def param(
    default: T,
    *,
    help: str = "",  # noqa: A002 - the word every command-line library uses for it
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare a parameter as a class attribute of a strategy or detector.

    Args:
        default: Value when none is given; it also fixes the type.
        help: One line for the command line and the docs.
        gt: Values must be greater.
        ge: Values must be greater or equal.
        lt: Values must be less.
        le: Values must be less or equal.
        choices: The words a text parameter may be.
    """
    given = {"gt": gt, "ge": ge, "lt": lt, "le": le}
    bounds = {name: bound for name, bound in given.items() if bound is not None}
    return cast("T", Param(default, help, bounds, choices))


class Parametrised:
    """A class whose `param` attributes become validated constructor arguments."""

    params: ClassVar[Mapping[str, Param]] = {}
    _model: ClassVar[type[BaseModel] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        inherited: dict[str, Param] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited |= {n: v for n, v in vars(base).items() if isinstance(v, Param)}
        declared = {n: v for n, v in vars(cls).items() if isinstance(v, Param)}
        for name in inherited.keys() & vars(cls).keys() - declared.keys():
            declared[name] = _redeclared(cls, name, inherited[name])
        for name, declaration in declared.items():
            _check(cls, name, declaration)
            setattr(cls, name, declaration)
        cls.params = inherited | declared
        cls._model = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = list(self.params)
        if len(args) > len(names):
            raise UsageError(f"{type(self).__name__} takes at most {len(names)} parameters")
        positional = dict(zip(names, args, strict=False))
        if twice := sorted(positional.keys() & kwargs.keys()):
            raise UsageError(f"{type(self).__name__} is given {twice[0]!r} twice")
        for name, value in _validated(type(self), positional | kwargs).items():
            object.__setattr__(self, name, value)

    def parameters(self) -> dict[str, Json]:
        """Every parameter with its value, ready for JSON.

        Raises:
            PluginError: It was made without them.
        """
        check_made(self)
        values = {name: getattr(self, name) for name in self.params}
        return {n: str(v) if isinstance(v, BarSpec) else v for n, v in values.items()}


_OF_ITSELF = frozenset(dir(Parametrised))


def check_made(plugin: Parametrised) -> None:
    """Refuse a plugin whose own ``__init__`` left its parameters as they were declared.

    Raises:
        PluginError: The first parameter without a value.
    """
    for name in plugin.params:
        if isinstance(getattr(plugin, name, None), Param):
            cls = type(plugin)
            if hasattr(cls, "__dataclass_fields__"):
                fix = "Take @dataclass away: parameters are arguments of the class already"
            else:
                fix = "Begin its __init__ with super().__init__(*args, **kwargs)"
            raise PluginError(f"{cls.__name__} was made without its parameter {name!r}", fix=fix)


def _check(cls: type[Parametrised], name: str, declaration: Param) -> None:
    if fault := declaration.fault():
        raise PluginError(
            f"parameter {name!r} of {cls.__name__} {fault}",
            fix="A default is an int, float, bool, str or BarSpec, and within its own bounds",
        )
    hides = any(callable(getattr(base, name, None)) for base in cls.__mro__[1:])
    if name.startswith("_") or name in _OF_ITSELF or hides:
        raise PluginError(
            f"a parameter of {cls.__name__} cannot be called {name!r}",
            fix="The name is taken" if hides or name in _OF_ITSELF else "Begin it with a letter",
        )


def _redeclared(cls: type[Parametrised], name: str, inherited: Param) -> Param:
    """A parameter whose default a subclass sets by a plain value: ``window = 30``."""
    value: Any = vars(cls)[name]
    if inherited.type is float and type(value) is int:
        value = float(value)
    if not isinstance(value, int | float | bool | str | BarSpec) or (
        type(value) is not inherited.type
    ):
        raise PluginError(
            f"{cls.__name__} sets the parameter {name!r} to {value!r}",
            fix=f"Give a value of type {inherited.type.__name__}, or declare it anew with param()",
        )
    return replace(inherited, default=value)


def exact(value: float) -> Fraction:
    """A parameter's value as it was written: 0.1 is a tenth."""
    return Fraction(str(value))


def json_schema(cls: type[Parametrised]) -> dict[str, Any]:
    """The JSON schema of a plugin's parameters."""
    return _model_of(cls).model_json_schema()


def _validated(cls: type[Parametrised], given: Mapping[str, Any]) -> dict[str, Any]:
    from pydantic import ValidationError  # noqa: PLC0415 - slow to import, needed by runs only

    for name in given:
        if name not in cls.params:
            close = difflib.get_close_matches(name, cls.params, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            known = ", ".join(cls.params) or "none"
            raise UsageError(
                f"{cls.__name__} has no parameter {name!r}", fix=f"{hint}It has: {known}"
            )
    try:
        model = _model_of(cls)(**given)
    except ValidationError as error:
        faults = "; ".join(
            f"{fault['loc'][0]}: {fault['msg']} (got {fault['input']!r})"
            for fault in error.errors()
        )
        raise UsageError(f"{cls.__name__} does not accept these parameters: {faults}") from None
    return {name: getattr(model, name) for name in cls.params}


def _model_of(cls: type[Parametrised]) -> type[BaseModel]:
    """The pydantic model of a class's parameters, made once when first needed."""
    if cls._model is None:
        from typing import Annotated, Literal  # noqa: PLC0415 - beside what it is used with

        from pydantic import (  # noqa: PLC0415 - slow to import, needed by runs only
            BeforeValidator,
            ConfigDict,
            Field,
            PlainSerializer,
            WithJsonSchema,
            create_model,
        )

        fields: dict[str, Any] = {}
        for name, declaration in cls.params.items():
            kind: Any = declaration.type
            if declaration.choices:
                kind = Literal[declaration.choices]
            elif kind is BarSpec:
                kind = Annotated[
                    BarSpec,
                    BeforeValidator(_to_bar_spec),
                    PlainSerializer(str),
                    WithJsonSchema({"type": "string", "examples": ["1m", "1h", "tick:500"]}),
                ]
            bounds: Any = declaration.bounds
            info = Field(default=declaration.default, description=declaration.help, **bounds)
            fields[name] = (kind, info)
        config = ConfigDict(extra="forbid", validate_default=False, allow_inf_nan=False)
        cls._model = create_model(f"{cls.__name__}Parameters", __config__=config, **fields)
    return cls._model


def _to_bar_spec(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return BarSpec.parse(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
