"""The command line: one file per command, thin, with every heavy import inside the command.

`lookhear X` is the function X in `lookhear/cli/X.py` (`list_` in `list_.py`, so as not to hide a Python word). Exit
code 0 is success, 1 means the work found faults, 2 a bad argument. Mistakes that lookhear can explain are one line
on standard error; `--debug` shows where they came from.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import typer

from lookhear.errors import LookhearError

ORDER = (  # as a user meets them; a command that is not named here comes after these
    *("ask", "list", "check", "extract", "verify", "train", "evaluate", "score", "compare", "study", "audit"),
    *("robust", "instruct", "soundstage", "survey", "serve"),
)


STOPPED = 130  # exit code after Ctrl-C


def app() -> typer.Typer:
    """Every command in this folder, in the order a user meets them."""
    commands = typer.Typer(
        name="lookhear",
        help="Look, hear, and answer: from a raw video to an answer with its evidence.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich help costs 0.2 s at every start
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @commands.callback()
    def root(debug: bool = typer.Option(False, "--debug", help="Show the full traceback of an error.")) -> None:
        pass

    here = {f.stem.rstrip("_"): f.stem for f in Path(__file__).parent.glob("*.py") if not f.stem.startswith("_")}
    for name in sorted(here, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n)):
        module = importlib.import_module(f"lookhear.cli.{here[name]}")
        commands.command(name)(getattr(module, here[name]))
    return commands


def main() -> None:
    """Run the command line; turn the package's own errors into one line and exit code 2."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app()(args=arguments)
    except LookhearError as error:
        if debug:
            raise
        print(f"lookhear: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:  # a full or read-only disk, a folder that may not be entered
        if debug:
            raise
        where = f": {error.filename!r}" if error.filename else ""
        print(
            f"lookhear: {error.strerror or error}{where}. Check the path, its permissions and free space.",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != STOPPED:  # typer turns Ctrl-C into this exit, without a word
            raise
        print("lookhear: stopped; long jobs resume where they were when run again.", file=sys.stderr)
        raise SystemExit(STOPPED) from None
