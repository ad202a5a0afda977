"""The notebooks run from top to bottom, in an empty folder, and hold no outputs."""

import ast
import json
import sys
from pathlib import Path

import pytest

from lookhear import catalog

pytest.importorskip("matplotlib")
FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
SHOWN = {  # a word of what the last cell shows
    "1_ask_a_video": "without:",
    "2_train_and_compare": "Audio",
    "3_add_a_net": "parameters",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder beside the example clip; what a notebook includes is forgotten afterwards."""
    (tmp_path / "examples").symlink_to(FOLDER.parent)
    monkeypatch.chdir(tmp_path)
    import lookhear.nets

    places = list(lookhear.nets.__path__)
    yield tmp_path
    lookhear.nets.__path__[:] = places
    sys.modules.pop("lookhear.nets.listener", None)
    assert "listener" not in catalog.names("nets")


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs(name, folder, capsys):
    told = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))
    cells = [cell for cell in told["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells)
    here, last = {"__name__": "notebook"}, None
    for cell in cells:
        tree = ast.parse("".join(cell["source"]))
        *body, end = tree.body
        exec(compile(ast.Module(body, []), name, "exec"), here)
        if isinstance(end, ast.Expr):
            last = eval(compile(ast.Expression(end.value), name, "eval"), here)
        else:
            exec(compile(ast.Module([end], []), name, "exec"), here)
    assert SHOWN[name] in capsys.readouterr().out + repr(last)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs_in_a_kernel(name, folder):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    done = nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3").execute(cwd=str(folder))
    assert not any(out.output_type == "error" for cell in done.cells for out in cell.get("outputs", []))
