"""The house stands: imports point down only, and what is on a shelf keeps the shelf's promise."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lookhear
from lookhear import catalog, config

ROOT = Path(lookhear.__file__).parent
FLOORS = [  # ground floor first; rooms on one floor do not import each other
    {"errors"},
    {"types"},
    {"catalog", "fetch", "ledger"},
    {"config"},
    {"media", "metrics", "datasets"},
    {"encoders", "tasks", "soundstage"},
    {"store", "adapters"},
    {"nets", "debias", "llms", "timeline"},
    {"model"},
    {"train", "evaluate", "instruct", "robust", "curate"},
    {"serve"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
FILES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]
HEAVY = ("torch", "numpy", "scipy", "av", "PIL", "transformers", "matplotlib", "accelerate")


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """The rooms of the house that a file imports from, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        modules = []
        if isinstance(node, ast.Import):
            modules = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [f"{node.module}.{a.name}" for a in node.names] if node.module == "lookhear" else [node.module]
        found |= {m.split(".")[1] for m in modules if m.startswith("lookhear.") and m.split(".")[1] in LEVEL}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    for target in imported(path) - {room(path)}:
        assert LEVEL[target] < LEVEL[room(path)], f"{room(path)} may not import {target}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_says_what_it_is(path):
    first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]
    assert len(first) > 10, "the first line of the docstring is what `lookhear list` shows"


@pytest.mark.parametrize("command", [["--help"], ["list"]])
def test_the_command_line_is_light(command):
    watch = f"import sys; sys.argv = ['lookhear'] + {command!r}\nfrom lookhear.cli import main\n"
    watch += "try: main()\nexcept SystemExit: pass\n"
    watch += f"heavy=[m for m in {HEAVY!r} if m in sys.modules]; assert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    best = min(_seconds(command) for _ in range(3))
    assert best < 0.4, f"{best:.2f} s of CPU"  # 0.13 s on a calm machine; busy caches take more


def _seconds(command: list[str]) -> float:
    """CPU time of the command: other work on the machine stretches the clock."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "lookhear.cli", *command], capture_output=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.parametrize(("shelf", "name"), [(s, n) for s in ("nets", "encoders") for n in catalog.names(s)])
def test_what_can_be_built_has_a_config_that_builds(shelf, name):
    schema = config.schema_of(catalog.find(shelf, name))
    assert schema(), "defaults alone must make a config"
