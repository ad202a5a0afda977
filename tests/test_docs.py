"""The pages tell the truth: code they show is the code there is, files they name exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from lookhear import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_network_shown_is_the_network():
    shown = re.search(r"```python\n(.*?)\n```", (ROOT / "docs/add/net.md").read_text("utf-8"), re.DOTALL)
    assert shown.group(1).strip() == (ROOT / "src/lookhear/nets/pooled_mlp.py").read_text("utf-8").strip()


@pytest.mark.parametrize("page", [p for p in PAGES if p.exists()], ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


SENTENCES = set()  # commands that stand in a sentence


def commands():
    """Every `lookhear …` that a page shows, in a block or in a sentence, as its words."""
    found = {}
    for page in PAGES:
        text = page.read_text("utf-8").replace("\\\n", " ")
        lines = [
            line.strip() for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
        ]
        SENTENCES.update(re.findall(r"`(lookhear [a-z]+ [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
        lines += re.findall(r"`(lookhear [a-z]+ [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        lines += [line.strip() for line in text.splitlines() if line.startswith("    lookhear ")]
        for line in lines:
            if line.startswith("lookhear ") and not re.search(r"…|\.\.\. |[|<>·{}]|\$\(", line):
                found[line] = page
    return found


@pytest.mark.parametrize("line", commands(), ids=lambda line: line[:60])
def test_commands_that_pages_show_are_commands(line):
    words = [w for w in shlex.split(line, comments=True)[1:] if w != "--debug"]
    words, _ = cli._included(words)
    name, *arguments = words
    if name.startswith("-"):
        return
    assert name in cli.files(), f"{commands()[line].name}: no command {name!r}"
    if arguments and not any(a in ("-h", "--help") for a in arguments) and len(arguments) > 1:
        command = typer.main.get_command(cli.app(name)).commands[name]
        try:
            command.make_context(name, arguments)  # raises for an option that is not there, or a missing one
        except typer.BadParameter as error:
            if line not in SENTENCES or type(error).__name__ != "MissingParameter":  # sentences leave out what is clear
                raise
