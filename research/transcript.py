"""python -m research.transcript docs/results/first_mile.md: from published layouts to LaTeX, as typed and answered.

The commands are those of docs/guides/music_avqa.md, run on small stand-ins in the published layouts, with a small net.
Then a checkpoint in the published layout of each of six networks is converted and evaluated. Weights and features are
random: the page shows that the commands work and how many there are, not how well a network answers.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

from lookhear import catalog
from lookhear.cli import main as command
from tests import test_guide as guide
from tests.cli import test_published_layouts as published

LINES = 14  # of an answer, at most; the middle of longer ones is left out


PAGE = """# From published layouts to LaTeX: {count} commands

`python -m research.transcript docs/results/first_mile.md` runs the commands of [the guide](../guides/music_avqa.md) on
stand-ins in the published layouts (annotations, VGGish and CLIP folders of ten clips), with a net of width 32 for one
epoch. Features are random numbers: no accuracy below means anything.

```text
{said}
```

## A checkpoint of each of six networks

`adopt`, `convert` and `evaluate`, on checkpoints with the published names and forms (prefix `module.`, under
`state_dict`), small widths and random numbers. The last column is what `evaluate` reports.

| network | parameters | tensors in the checkpoint | right |
|---|--:|--:|--:|
{rows}
"""


def ran(words: list[str]) -> tuple[int, str]:
    """(exit code, what the command printed)."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            command(words)
        except SystemExit as stop:
            return int(stop.code or 0), said.getvalue()
    return 0, said.getvalue()


def short(text: str) -> str:
    """An answer with its middle left out where it is long."""
    lines = [line.rstrip() for line in text.split("\r")[-1].replace(f"{Path.cwd()}/", "").strip("\n").splitlines()]
    half = LINES // 2
    return "\n".join(
        lines if len(lines) <= LINES else [*lines[:half], f"… ({len(lines) - LINES} lines)", *lines[-half:]]
    )


def typed(folder: Path) -> tuple[int, list[str]]:
    """(how many commands were typed, the transcript)."""
    guide.stand_ins(folder)
    lines = [line for block in re.findall(r"```\n(.*?)```", guide.PAGE, re.DOTALL) for line in block.splitlines()]
    shown = []
    for line in lines:
        more = [*guide.SMALL, "--quiet"] if line.startswith("lookhear train") else []
        code, said = ran([*shlex.split(line)[1:], *more])
        if code not in (0, 1):
            raise SystemExit(f"{line}: exit code {code}\n{said}")
        shown += [f"$ {' '.join([line, *more])}", short(said), f"[exit code {code}]" if code else "", ""]
    return len(lines), [line for line in shown if line or shown]


def converted(folder: Path, name: str) -> str:
    """One row of the table: a published-layout checkpoint adopted, converted and evaluated."""
    weights = published.checkpoint(name, folder / "net.pt")
    net = catalog.find("nets", name).from_official(weights)
    sizes, streams = vars(net.config), (*net.watch_streams, *net.answer_streams)
    published.annotations(folder / "data")
    given = published.features(folder / "feats", streams, sizes)
    data, store = ["--dataset", "music_avqa", "--root", "data"], ["--store", "store"]
    (folder / "answers.json").write_text(json.dumps(["two", *(f"answer {i}" for i in range(1, sizes["answers"]))]))
    reads = [option for s in streams if s in published.VECTORS for option in ("--features", f"{s}=theirs")]
    if name == "mccd":
        words = published.tokenizer(folder / "bert", sizes["tokens"])
        reads += ["--features", f"tokens=bert_tokens@weights={words}"]
    for words in (
        ["adopt", "theirs", *map(str, given), *data, "--out", "store"],
        ["convert", name, "net.pt", *reads, *store, "--vocabulary", "answers.json", "--out", "run"],
        ["evaluate", "run", *data, *store, "--json"],
    ):
        code, said = ran(words)
        if code:
            raise SystemExit(f"{words}: exit code {code}\n{said}")
    told = json.loads(said[said.index("{") :])["overall"]
    count = sum(p.numel() for p in net.parameters())
    return f"| {name} | {count:,} | {len(weights)} | {told['correct']} of {told['total']} |"


def main(out: Path) -> None:
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "guide").mkdir()
        os.chdir(Path(name) / "guide")
        count, shown = typed(Path.cwd())
        rows = []
        for net in published.NETS:
            (Path(name) / net).mkdir()
            os.chdir(Path(name) / net)
            rows.append(converted(Path.cwd(), net))
        os.chdir(here)
    said = "\n".join(shown).strip("\n")
    out.write_text(PAGE.format(count=count, said=said, rows="\n".join(rows)), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
