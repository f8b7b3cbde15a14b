"""The command line: one module a command; nothing heavy is imported until a command runs."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderflow_bt import __version__
from orderflow_bt.cli import (
    audit,
    backfill,
    bars,
    cache,
    demo,
    detectors,
    doctor,
    download,
    events,
    explain,
    export,
    import_files,
    instruments,
    lookahead,
    ls,
    new,
    plot,
    practice,
    recheck,
    replay,
    report,
    run,
    sql,
    strategies,
    surroundings,
    symbols,
)
from orderflow_bt.cli.config import read_config
from orderflow_bt.cli.options import on_this_lake, settings
from orderflow_bt.cli.surroundings import Terminated
from orderflow_bt.errors import OrderflowError
from orderflow_bt.kernels import on_compile

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130

app = typer.Typer(
    name="orderflow-bt",
    help="Backtest order flow in crypto: exchange archives in, an honest verdict out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"orderflow-bt {__version__}")
        raise typer.Exit


@app.callback()
def _settings(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Option(help="The lake: a folder, or s3://bucket/folder.", envvar="ORDERFLOW_BT_DATA"),
    ] = "data",
    cache_size: Annotated[
        str,
        typer.Option(
            "--cache-size",
            help="Most space for the lake's cache: 50GB, or off.",
            envvar="ORDERFLOW_BT_CACHE_SIZE",
            show_default="20GB",
        ),
    ] = "",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="The same as --cache-size off.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results only.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    settings.data, settings.debug, settings.quiet = data, debug, quiet
    settings.config = context.default_map or {}
    settings.cache = "off" if no_cache else cache_size
    if sys.stderr.isatty() and not quiet:
        on_compile[:] = [_say_compiling]


def _say_compiling() -> None:
    """Say once why nothing moves for a while."""
    on_compile.clear()
    typer.echo("compiling, once: what is used for the first time takes some seconds", err=True)


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, with errors said in words and turned into exit codes."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except OrderflowError as error:
            if settings.debug:
                raise
            raise _told(error) from None
        except KeyboardInterrupt as end:
            raise typer.Exit(_told_interrupted(end)) from None
        except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
            _say_no_more()
            raise typer.Exit from None
        except OSError as error:
            if settings.debug:
                raise
            _say_no_more()
            raise _told(surroundings.in_words(error)) from None

    return guarded


def _told_interrupted(end: KeyboardInterrupt) -> int:
    """Say that somebody asked for the end; how the program ends then."""
    typer.echo("interrupted; nothing half-written was left", err=True)
    return surroundings.TERMINATED if isinstance(end, Terminated) else INTERRUPTED


def _told(error: OrderflowError) -> typer.Exit:
    """Say an error to a person; how the program ends then."""
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(on_this_lake(str(error)), err=True)
    return typer.Exit(error.exit_code)


def _say_no_more() -> None:
    """What is still to be printed goes nowhere: else the end of the program trips over it."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_PANELS = {  # of the help: commands by what they are for, in the order of the road
    "Begin": {"demo": demo, "doctor": doctor},
    "Data": {
        "download": download,
        "import": import_files,
        "backfill": backfill,
        "recheck": recheck,
        "symbols": symbols,
        "instruments": instruments,
        "ls": ls,
        "audit": audit,
        "cache": cache,
    },
    "Look": {"bars": bars, "events": events, "plot": plot, "sql": sql},
    "Backtest": {
        "run": run,
        "report": report,
        "explain": explain,
        "export": export,
        "lookahead": lookahead,
    },
    "Write": {"new": new, "strategies": strategies, "detectors": detectors},
    "Practise": {"replay": replay, "practice": practice},
}
for _panel, _commands in _PANELS.items():
    for _name, _module in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_guarded(_module.command))


def main() -> None:
    """The program ``orderflow-bt``."""
    # Loading packages makes objects by the hundred thousand and drops hardly any: to look for
    # garbage among them again and again takes a quarter of the time until a run begins.
    gc.set_threshold(100_000, 20, 20)
    try:
        surroundings.settle_in(sys.argv)
        app(default_map=read_config(app))
    except OrderflowError as error:
        if settings.debug:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt as end:  # before a command began, or behind it
        sys.exit(_told_interrupted(end))
    finally:
        surroundings.let_go()
