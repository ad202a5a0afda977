"""The pages tell the truth: code they show is the code there is, files they name exist."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

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


def blocks(page):
    """The Python of a page, block by block."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)


RUN = ["README.md", "docs/start.md"]  # here, as they stand
ELSEWHERE = {
    "docs/guides/serve.md": "tests/serve/test_page_of_docs.py",
    "docs/add/command.md": "tests/test_docs.py",
    "docs/guides/hub.md": "tests/test_hub.py",
    **{f"docs/add/{name}.md": "tests/test_plugins.py" for name in ("net", "dataset", "task", "llm")},
}


@pytest.mark.parametrize("page", RUN)
def test_python_that_a_page_shows_runs(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    names: dict = {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), names)
    assert names["model"].vocabulary


@pytest.mark.slow  # mypy reads the whole package once: half a minute
def test_python_that_pages_show_passes_mypy(tmp_path):
    """With the reader's own settings: what a page shows needs no type: ignore, and its names have types."""
    for page in RUN:
        lines = "\n".join(blocks(page))
        (tmp_path / f"{Path(page).stem.lower()}_lines.py").write_text(f"{lines}\nreveal_type(model)\n", "utf-8")
    (tmp_path / "wrong_lines.py").write_text('from lookhear import load\nload("stage").ask(3, 4)\n', "utf-8")
    flags = ("--config-file", "", "--ignore-missing-imports", "--follow-imports", "silent")
    places = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *flags, *sorted(map(str, tmp_path.glob("*.py")))],
        capture_output=True, text=True, env=places, cwd=ROOT,
    )  # fmt: skip
    faults = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert faults and all("wrong_lines.py" in line for line in faults), done.stdout
    assert done.stdout.count("Revealed type is") == len(RUN) and '"Any"' not in done.stdout, done.stdout


def test_the_command_shown_is_a_command():
    (block,) = blocks("docs/add/command.md")
    names: dict = {}
    exec(compile(block, "command.md", "exec"), names)
    app = typer.Typer()
    app.command()(names["survey"])
    ran = CliRunner().invoke(app, ["music_avqa", "--json"])
    assert ran.exit_code == 0 and all(len(row) == 3 for row in json.loads(ran.stdout)), ran.output


def test_no_page_shows_python_that_is_not_run():
    with_python = {str(page.relative_to(ROOT)) for page in PAGES if blocks(page)}
    assert with_python <= {*RUN, *ELSEWHERE}
    for page in with_python - set(RUN):
        assert Path(page).stem in (ROOT / ELSEWHERE[page]).read_text("utf-8"), f"{ELSEWHERE[page]} does not run {page}"
