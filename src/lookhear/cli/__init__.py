"""The command line: one thin file per command; heavy imports happen inside the command's function.

`lookhear X` runs the function X of `lookhear/cli/X.py` (`list_` in `list_.py`, because `list` is a Python builtin).
docs/add/command.md shows how to add a command. Only the file of the requested command is imported; the overview of
`lookhear --help` reads the other docstrings from source text.

Exit codes: 0 success, 1 the command finished and found faults, 2 a bad argument or an error that lookhear can explain,
3 a crash, 130 stopped by Ctrl-C. Every error is one line on standard error; `--debug` adds the traceback.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import typer
from typer.models import ArgumentInfo

import lookhear
from lookhear import catalog
from lookhear.cli._terminal import escaped_output
from lookhear.errors import LookhearError, not_installed, shown

ORDER = (  # order of the overview; a command that is not listed here comes last
    *("ask", "watch", "list", "check", "lint", "extract", "pack", "adopt", "convert", "verify", "train", "evaluate"),
    *(
        "score",
        "compare",
        "study",
        "continual",
        "audit",
        "doctor",
        "robust",
        "instruct",
        "soundstage",
        "pairs",
        "speedrun",
        "survey",
    ),
    *("export", "serve"),
)
FAULTS, REFUSED, CRASHED, STOPPED = 1, 2, 3, 130  # exit codes
# the base class of typer's errors about arguments, which has no public name
UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]  # type: ignore[assignment]


def files() -> dict[str, Path]:
    """Command name -> its file, in the order of the overview."""
    here = {f.stem.rstrip("_"): f for f in Path(__file__).parent.glob("*.py") if not f.stem.startswith("_")}
    return {n: here[n] for n in sorted(here, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n))}


def function(name: str) -> Callable[..., None]:
    """Import a command's file and return its function."""
    stem = files()[name].stem
    return getattr(importlib.import_module(f"lookhear.cli.{stem}"), stem)


def app(only: str | None = None, overview: bool = True) -> typer.Typer:
    """Build the typer application.

    With `only`, just that command is imported and the others have only their docstrings; with None, all are imported.
    Without `overview` there is that command alone, so that the files of the others need not be read.
    """
    commands = typer.Typer(
        name="lookhear",
        help="Look, hear, and answer: from a raw video to an answer with its evidence.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich help costs 0.2 s at every start
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    commands.callback()(_root)
    for name, file in files().items():
        if not overview and name != only:
            continue
        made = _capitals(function(name)) if only in (None, name) else _not_imported
        words = _docstring(file) if made is _not_imported else inspect.getdoc(made) or ""
        first = " ".join(words.split("\n\n")[0].split())
        commands.command(name, help=words, short_help=first)(made)
    return commands


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. Raises SystemExit with one of the exit codes in this file's docstring."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read by torch's import: threads that wait for work sleep
    gc.set_threshold(20_000, 10, 10)  # by default all that torch imports is searched for cycles again: 0.1 s
    argv = list(sys.argv[1:] if arguments is None else arguments)
    before = argv[: argv.index("--")] if "--" in argv else argv
    debug = "--debug" in before
    before, included = _included([a for a in before if a != "--debug"])
    argv = [_path(a) for a in before] + argv[argv.index("--") :] if "--" in argv else [_path(a) for a in before]
    try:
        for folder in included:
            catalog.include(folder)
        with escaped_output():
            name = _named(argv)
            commands = app(name, overview=argv[:1] != [name] or name not in files())
            code = commands(args=argv or ["--help"], prog_name="lookhear", standalone_mode=False)
    except LookhearError as error:
        raise SystemExit(_explained(str(error), debug)) from None
    except UsageError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "lookhear"
        message = " ".join(error.format_message().split())
        stop = "" if message.endswith((".", "?")) else "."
        raise SystemExit(_explained(f"{message}{stop} Try: {command} --help", debug)) from None
    except ModuleNotFoundError as error:
        if (error.name or "lookhear").split(".")[0] == "lookhear":
            raise SystemExit(_crashed(error, debug)) from None
        raise SystemExit(_explained(str(not_installed(error, _command(argv))), debug)) from None
    except BrokenPipeError:  # the reader has closed the pipe: `lookhear … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAULTS) from None
    except OSError as error:  # a full or read-only disk, a folder that may not be entered
        where = f": {error.filename!r}" if error.filename else ""
        words = f"{error.strerror or error}{where}. Check the path, its permissions and free space."
        raise SystemExit(_explained(words, debug)) from None
    except typer.Abort:
        raise SystemExit(_explained("not done: the answer was no.", debug)) from None
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:  # anything else is a bug in lookhear
        raise SystemExit(_crashed(error, debug)) from None
    if code == STOPPED:  # typer turns Ctrl-C into this exit code and prints nothing
        print("lookhear: stopped; long jobs resume where they were when run again.", file=sys.stderr)
    raise SystemExit(code or 0)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lookhear {lookhear.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", help="Folder with your own nets/, datasets/, tasks/, encoders/, llms/ …"),
    ] = None,
) -> None:
    """Options that may stand anywhere on the command line."""


def _included(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the arguments into those without `--include PATH` and the paths given by it."""
    rest, paths, words = [], [], iter(arguments)
    for word in words:
        if word.startswith("--include="):
            paths.append(word.partition("=")[2])
        elif word == "--include":
            paths.append(next(words, ""))
        else:
            rest.append(word)
    return rest, paths


def _capitals(command: Callable[..., None]) -> Callable[..., None]:
    """Set the metavar of each positional argument to capitals (`VIDEO`), so that every typer version shows the same."""
    command.__annotations__ = get_type_hints(command, include_extras=True)
    for name, hint in command.__annotations__.items():
        for info in getattr(hint, "__metadata__", ()):
            if isinstance(info, ArgumentInfo):
                several = "..." if "list[" in str(get_args(hint)[0]) else ""
                info.metavar = info.metavar or name.upper() + several
    return command


def _named(arguments: Sequence[str]) -> str | None:
    """Name of the command in `arguments`; '' for the overview; None during shell completion."""
    if "_LOOKHEAR_COMPLETE" in os.environ:
        return None
    words = [a for a in arguments if not a.startswith("-")]
    return words[0] if words else ""


def _docstring(file: Path) -> str:
    """Docstring of a command's function, read from the source without importing it."""
    text = file.read_text("utf-8")
    usual = re.search(rf'^def {file.stem}\(.*?^\) -> None:\n    """([^\\]*?)"""', text, re.M | re.S)
    if usual:
        return inspect.cleandoc(usual[1])
    import ast

    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == file.stem:
            return ast.get_docstring(node) or ""
    return ""


def _not_imported() -> None:
    """Placeholder in the overview for a command whose file was not imported."""
    raise AssertionError("a command was run that was not imported")


def _path(argument: str) -> str:
    """Prefix `./` to an argument that begins with a dash and names a file, so that it is not parsed as an option."""
    return f"./{argument}" if argument.startswith("-") and "." in argument and Path(argument).is_file() else argument


def _command(arguments: Sequence[str]) -> str:
    return f"lookhear {_named(arguments) or ''}".strip()


def _crashed(error: Exception, debug: bool) -> int:
    words = f"crashed: {type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"
    _explained(words if debug else f"{words}. This is a fault of lookhear: report it with --debug's output.", debug)
    return CRASHED


def _explained(message: str, debug: bool) -> int:
    """Print an error in one line, after its traceback if `debug`, and return the exit code REFUSED."""
    if debug:
        traceback.print_exc()
    print(f"lookhear: {shown(' '.join(message.split()))}", file=sys.stderr)
    return REFUSED
