"""The house stands: imports point down only, and what is on a shelf keeps the shelf's promise."""

import ast
import graphlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import lookhear
from lookhear import catalog, config

ROOT = Path(lookhear.__file__).parent
FLOORS = [  # ground floor first; rooms on one floor do not import each other
    {"errors"},
    {"types"},
    {"catalog", "files", "ledger", "fetch", "progress", "pooled", "installed", "kinds", "processes"},
    {"config", "statistics", "checkpoints"},
    {"media", "metrics", "datasets", "frontends"},
    {"encoders", "tasks", "soundstage", "layers", "ilora", "servers"},
    {"store", "dialects"},
    {"nets", "debias", "llms", "segmenters", "timeline", "peft"},
    {"model"},
    {"train", "evaluate", "curate"},
    {"serve"},
    {"cli", "lmms_eval"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
FILES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]
HEAVY = ("torch", "numpy", "scipy", "av", "PIL", "transformers", "matplotlib", "accelerate")


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


@cache
def parsed(path: Path) -> tuple[str, list[str]]:
    """A file's docstring, and what it imports from the house, wherever it does so: `media.decode`, `types.Clip`, ..."""
    found = []
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [f"{node.module}.{a.name}" for a in node.names]
    ours = [name.removeprefix("lookhear.") for name in found if name.startswith("lookhear.")]
    return ast.get_docstring(tree) or "", ours


def imports(path: Path) -> list[str]:
    return parsed(path)[1]


def imported(path: Path) -> set[str]:
    """The rooms of the house that a file imports from."""
    return {name.split(".")[0] for name in imports(path)} & LEVEL.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    for target in imported(path) - {room(path)}:
        assert LEVEL[target] < LEVEL[room(path)], f"{room(path)} may not import {target}"


def test_every_room_has_a_floor():
    rooms = {p.parent.name for p in ROOT.glob("*/__init__.py")} | {
        p.stem for p in ROOT.glob("*.py") if p.stem != "__init__"
    }
    assert rooms == LEVEL.keys()


def test_no_private_name_crosses_a_room():
    for path in FILES:
        for name in imports(path):
            private = any(part.startswith("_") and not part.endswith("__") for part in name.split("."))
            assert not private or name.split(".")[0] == room(path), f"{path.relative_to(ROOT)} imports {name}"


def test_no_circle_of_files():
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in FILES}
    needs = {m: {n if n in modules else n.rpartition(".")[0] for n in imports(p)} for m, p in modules.items()}
    needs = {m: (some & modules.keys()) - {m} for m, some in needs.items()}
    list(graphlib.TopologicalSorter(needs).static_order())  # raises CycleError, which shows the circle


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_says_what_it_is(path):
    first = parsed(path)[0].split("\n")[0]
    assert len(first) > 10, "the first line of the docstring is what `lookhear list` shows"


@pytest.mark.parametrize("command", [["--help"], ["list"]])
def test_the_command_line_is_light(command):
    watch = f"import sys; sys.argv = ['lookhear'] + {command!r}\nfrom lookhear.cli import main\n"
    watch += "try: main()\nexcept SystemExit: pass\n"
    watch += f"heavy=[m for m in {HEAVY!r} if m in sys.modules]; assert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    best = min(
        _seconds("-m", "lookhear.cli", *command) / _seconds("-c", "import typer.core, rich.console") for _ in range(3)
    )
    assert best < 2.5, f"{best:.2f} times the CPU time of what it must import"  # 1.5 on a calm machine, 0.13 s


def _seconds(*arguments: str) -> float:
    """CPU time of Python with these arguments: other work on the machine stretches the clock."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.parametrize(("shelf", "name"), [(s, n) for s in ("nets", "encoders") for n in catalog.names(s)])
def test_what_can_be_built_has_a_config_that_builds(shelf, name):
    schema = config.schema_of(catalog.find(shelf, name))
    assert schema(), "defaults alone must make a config"
