"""python -m research.installs docs/results/install.md: what an installation costs, and whether it answers.

Every row is an environment of its own, made anew: the wheel with one extra, on the lowest or the newest versions that
`pyproject.toml` allows (given to uv as direct requirements: of a wheel alone it would take the newest), installed
from the index; packages that uv has downloaded before are not downloaded again. In each, the extra's modules are
imported and its use is tried; in those without an extra `lookhear ask` answers a question about the example clip from
an empty folder. Rows are kept in OUT.json, so that a run that stopped goes on;
`python -m research.installs OUT 3.11 newest` makes those rows only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "examples" / "duet.mp4"
ASK = f'lookhear ask {CLIP} "Which instrument makes sounds after the guzheng?" --model stage'
USES = {  # extra -> what must work with it
    "": ASK,
    "train": "python -c 'import accelerate, scipy' && lookhear soundstage world --clips 2 --no-media",
    "report": f"python -c 'import tensorboard' && {ASK} --evidence out && ls out/1-*.png",
    "llm": f'python -c "import peft" && lookhear ask {CLIP} "Who plays?" --model tiny_omni',
    "api": "python -c 'import httpx, lookhear.servers.client'",
    "hub": "python -c 'import datasets; from lookhear.store.hub import library; library()'",
    "track": "python -c 'import trackio, wandb'",
    "lmms-eval": "python -c 'import loguru, datasets, transformers, lookhear.lmms_eval as room; room.manifest()'",
    "serve": "python -c 'import multipart, uvicorn, lookhear.serve.app'",
    "files": "python -c 'import h5py, openpyxl'",
    "frames": "python -c 'import pandas, pyarrow'",
    "ray": "python -c 'import ray.data'",
    "real": "python -c 'from lookhear.encoders import efficientnet_lite as eyes; assert eyes.is_installed()'",
    "speech": "python -c 'from lookhear.encoders import speech; assert speech.is_installed()'",
    "bench": "python -c 'import imageio_ffmpeg; imageio_ffmpeg.get_ffmpeg_exe()'",
}
LARGE = ("torch", "nvidia", "triton", "cuda")  # by far the largest part, and the same in all rows
VERSIONS = {"oldest": ("--resolution", "lowest-direct"), "newest": ("--upgrade",)}
TORCH = {("3.11", "oldest"): "2.6.0", ("3.13", "oldest"): "2.7.0"}  # newest: 2.13.0


HEAD = """# Installation

`python -m research.installs docs/results/install.md` makes each row in a new environment from the wheel, without
`constraints.txt`: *oldest* are the lowest versions that `pyproject.toml` allows (torch 2.6, on 3.13 2.7), *newest*
the newest (torch 2.13). Seconds are wall time of `uv pip install` on two busy cores, with downloads that uv had
kept. Torch and its CUDA libraries have a column of their own: only Python 3.11 with the newest versions had a build
for the CPU alone
here. *Works*: for *base* `lookhear ask` from an empty folder, else what the extra is for (`USES` in the program).

| Python | versions | extra | seconds | MB | MB of torch and CUDA | packages | works |
|---|---|---|--:|--:|--:|--:|---|
"""


def row(python: str, versions: str, extra: str, wheel: Path) -> dict[str, object]:
    """Install into a new environment, and try it."""
    with tempfile.TemporaryDirectory(dir=wheel.parent) as name:
        folder = Path(name)
        env = folder / "env"
        uv("venv", "--python", python, str(env))
        started = time.perf_counter()
        what = (str(wheel), "-r", str(ROOT / "pyproject.toml"), *(("--extra", extra) if extra else ()))
        torch = f"torch=={TORCH.get((python, versions), '2.13.0')}"
        given = (*VERSIONS[versions], torch, *what)
        installed = uv("pip", "install", "--python", str(env / "bin/python"), *given, check=False)
        found: dict[str, object] = {"python": python, "versions": versions, "extra": extra or "base"}
        found["seconds"] = round(time.perf_counter() - started, 1)
        if installed.returncode:
            return found | {"works": False, "said": installed.stderr.strip().splitlines()[-1]}
        packages = next(env.glob("lib/*/site-packages"))
        sizes = {p.name: size(p) for p in packages.iterdir()}
        large = sum(n for p, n in sizes.items() if p.lower().startswith(LARGE))
        found |= {"megabytes": sum(sizes.values()) - large, "large": large}
        found["packages"] = sum(name.endswith(".dist-info") for name in sizes)
        here = folder / "empty"
        here.mkdir()
        where = {
            **os.environ,
            "PATH": f"{env / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "OMP_NUM_THREADS": "1",
        }
        tried = subprocess.run(USES[extra], shell=True, cwd=here, env=where, capture_output=True, text=True)
        said = (tried.stdout if not tried.returncode else tried.stderr).strip().splitlines()
        return found | {
            "works": not tried.returncode,
            "said": next((s for s in said if "→" in s), said[-1] if said else ""),
        }


def size(path: Path) -> int:
    """Megabytes of a file or folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return round(sum(p.stat().st_size for p in files) / 1e6)


def uv(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run uv."""
    return subprocess.run([shutil.which("uv") or "uv", *arguments], check=check, capture_output=True, text=True)


def page(rows: list[dict[str, object]]) -> str:
    """The table as Markdown."""
    lines = HEAD.splitlines()
    for r in rows:
        works = "yes" if r["works"] else f"no: {r['said']}"
        cells = (r[k] for k in ("python", "versions", "extra", "seconds"))
        more = (r.get(k, "") for k in ("megabytes", "large", "packages"))
        lines.append(f"| {' | '.join(map(str, (*cells, *more, works)))} |")
    return "\n".join(lines) + "\n"


def main(out: Path, only: list[str]) -> None:
    kept = out.with_suffix(".json")
    rows = json.loads(kept.read_text()) if kept.is_file() else []
    with tempfile.TemporaryDirectory() as folder:
        uv("build", "--wheel", "--out-dir", folder, str(ROOT))
        (wheel,) = Path(folder).glob("*.whl")
        combinations = [(p, v, e) for e in USES for p in ("3.11", "3.13") for v in VERSIONS]
        for python, versions, extra in combinations:
            same = [r for r in rows if (r["python"], r["versions"], r["extra"]) == (python, versions, extra or "base")]
            if same or not {*only} <= {python, versions, extra or "base"}:
                continue
            rows.append(row(python, versions, extra, wheel))
            print(rows[-1], flush=True)
            rows.sort(key=lambda r: (r["python"], r["versions"], [*USES].index(str(r["extra"]).replace("base", ""))))
            kept.write_text(json.dumps(rows, indent=1))
            out.write_text(page(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
