"""The command line explains itself: help for every argument, one line for a mistake, an exit code for every end."""

import re
import subprocess
import sys
from typing import get_type_hints

import pytest

from lookhear import __version__, cli

COMMANDS = list(cli.files())


def parameters(command):
    """Name -> what typer was told about it."""
    hints = get_type_hints(cli.function(command), include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if name != "return"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_argument_and_shows_an_example(command, lookhear, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    ran = lookhear(command, "--help")
    assert ran.code == 0
    shown = re.sub(r"-\n +", "-", ran.out)  # typer may break a line at a hyphen
    shown = " ".join(shown.split())
    for name, info in parameters(command).items():
        assert info.help, f"{name} has no help"
        for word in info.help.replace("[", " ").split():
            assert word in shown, f"{name}: {word!r} of its help is not shown"
        for option in getattr(info, "param_decls", None) or ():
            assert option in shown
    assert "Example: lookhear " + command in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_line_of_help_is_what_the_overview_shows(command, lookhear, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    first = " ".join(cli.function(command).__doc__.split("\n\n")[0].split())
    assert " ".join(lookhear("--help").out.split()).count(first[:40]) == 1


def test_version(lookhear):
    assert lookhear("--version").out == f"lookhear {__version__}\n"


def test_no_words_are_the_overview(lookhear):
    assert lookhear().code == 0 and "Commands:" in lookhear().out


def test_as_a_module():
    ran = subprocess.run([sys.executable, "-m", "lookhear", "--version"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, f"lookhear {__version__}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["aks"], "Did you mean 'ask'?"),
        (["list", "netz"], "Did you mean 'nets'?"),
        (["list", "--jsn"], "--json"),
        (["score", "x.json"], "'--dataset'"),
        (["compare", "a", "b", "--format"], "--format"),
        (["audit", "m", "--dataset", "d", "--root", ".", "--ways", "few"], "few"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words, said, lookhear):
    ran = lookhear(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("lookhear: ") and ran.err.count("\n") == 1 and said in ran.err


def test_a_crash_is_one_line_and_exit_code_3(lookhear, monkeypatch):
    def broken(kind):
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr("lookhear.catalog.names", broken)
    ran = lookhear("list", "nets")
    assert ran.code == 3 and ran.err.count("\n") == 1
    assert ran.err.startswith("lookhear: crashed: ZeroDivisionError: by nothing")
    ran = lookhear("--debug", "list", "nets")
    assert ran.code == 3 and "Traceback" in ran.err and "in broken" in ran.err


def test_a_shell_completes_commands_and_options():
    for words, place, wanted in (("lookhear so", 1, "soundstage"), ("lookhear ask --ev", 2, "--evidence")):
        asked = {"_LOOKHEAR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        ran = subprocess.run([sys.executable, "-m", "lookhear"], env=asked, capture_output=True, text=True)
        assert wanted in ran.stdout.split(), ran.stderr


def test_a_file_whose_name_begins_with_a_dash_is_a_file(lookhear, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-said.json").write_text("[")
    ran = lookhear("score", "-said.json", "--dataset", "music_avqa", "--root", ".")
    assert "-said.json" in ran.err and "No such option" not in ran.err
