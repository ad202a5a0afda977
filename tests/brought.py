"""A seeded fuzzer of files that a user brings: a run, a store, a report, annotations, with one file changed.

    python -m tests.brought [CASE…] [--count 20] [--seed 1]

Every command must then end with exit code 0, 1 or 2, in SECONDS, and where it fails in one line: never in a traceback,
never in "please report". What did not is printed with its seed.
"""

import argparse
import importlib
import io
import json
import pkgutil
import random
import resource
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import yaml

import lookhear
from tests import kills

SECONDS = 60
TEXTS = {".json", ".jsonl", ".yaml", ".yml", ".csv", ".txt", ".srt", ".md"}
DEEP: list = []
for _ in range(200):
    DEEP = [DEEP]
ODD = [  # values of another kind than expected
    *(None, [], {}, "", True, False, 0, -1, 1.5, 10**30, -(10**18), "1", "x\u2028\x1b[2Jy", "\ud83d", [None], {"": {}}),
    *([[1, 2], [3]], ["a", 1, None], {"a": 1}, "A" * 5000, float("nan"), float("inf"), 1e308, DEEP, "../../etc/passwd"),
    *("/etc/passwd", "a\0b", [[]], [{}], "NaN", ".", {"name": []}, 2**63, "${oc.env:HOME}"),
]
RAW = [  # a whole file
    *(b"", b"\n", b"{", b"[]", b"{}", b"null", b"17", b'"x"', b"\xff\xfe\x00", b"[" * 50_000, b"\xef\xbb\xbf{}"),
    *(b"- 1\n- 2\n", b"a: &a [*a]\n", b'{"a": ' + b"9" * 5000 + b"}", b"\x00" * 100, b"NaN", b"!!python/object:x {}"),
]


def odd_tree(value: object, dice: random.Random) -> object:
    """`value` with the part at a random place replaced, removed, doubled or renamed."""
    if isinstance(value, (dict, list)) and value and dice.random() < 0.85:
        key = dice.choice(list(value) if isinstance(value, dict) else range(min(len(value), 50)))
        what = dice.randrange(10)
        if what == 0:
            del value[key]
        elif what == 1 and isinstance(value, dict):
            value[dice.choice(["", "nobody", "\u2028", "seed "])] = value.pop(key)
        elif what == 2 and isinstance(value, list):
            value.insert(0, value[key])
        else:
            value[key] = odd_tree(value[key], dice)
        return value
    return dice.choice(ODD)


def mutated(path: Path, content: bytes, dice: random.Random) -> bytes:
    """Other content for the file at `path`, of its own format or of none."""
    if dice.random() < 0.12:
        return dice.choice(RAW)
    if dice.random() < 0.2:
        return bytes_changed(content, dice)
    try:
        if path.suffix == ".json":
            return json.dumps(odd_tree(json.loads(content), dice)).encode()
        if path.suffix in (".yaml", ".yml"):
            return yaml.safe_dump(odd_tree(yaml.safe_load(content), dice)).encode("utf-8", "replace")
        if path.suffix == ".jsonl":
            lines = content.split(b"\n")
            number = dice.randrange(len([line for line in lines if line]))
            lines[number] = json.dumps(odd_tree(json.loads(lines[number]), dice)).encode()
            return b"\n".join(lines)
        if path.suffix == ".npy":
            return odd_array(np.load(io.BytesIO(content)), dice)
        if path.suffix == ".safetensors":
            return odd_tensors(content, dice)
        if path.suffix == ".pt":
            return odd_state(content, dice)
    except ValueError:
        pass
    return bytes_changed(content, dice)


def bytes_changed(content: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, cut, doubled, or put in."""
    out = bytearray(content or b"\n")
    for _ in range(dice.choice((1, 1, 3))):
        at = dice.randrange(max(1, min(len(out), dice.choice((20, 200, len(out) or 1)))))
        what = dice.randrange(5)
        if what == 0:
            out[at : at + 1] = bytes([dice.randrange(256)])
        elif what == 1:
            del out[at:]
        elif what == 2:
            del out[at : at + dice.choice((1, 8, 100))]
        elif what == 3:
            out[at:at] = dice.choice(["\u2028", "\x1b[31m", "\0", "NaN", "}", "9" * 5000, ",,", '"']).encode()
        else:
            out[at:at] = out[at : at + dice.choice((1, 40))]
    return bytes(out)


def odd_array(array: np.ndarray, dice: random.Random) -> bytes:
    """An array of another type, rank, length, order of bytes, or with numbers that are none."""
    flat = array.astype(np.float32).ravel()
    made = dice.choice(
        [
            *(array[:0], array[0] if array.ndim else array, array[None], array[:1], array.T, array.astype(">f4")),
            *(array.astype(np.float64), array.astype(np.complex64), array.astype("U8"), array.astype(bool)),
            *(np.asfortranarray(array), np.array(3.0), np.zeros((0, 0)), np.full(array.shape, np.nan, np.float32)),
            *(np.full_like(array, np.inf), array.astype(object), np.concatenate([array, array]), array[..., :1]),
            *(np.zeros(2, [("a", "f4"), ("b", "i8")]), np.array(["2020-01-01"], "M8[D]"), flat.astype(np.int8)),
            np.full_like(array, 3e38),
        ]
    )
    out = io.BytesIO()
    np.save(out, made, allow_pickle=True)
    content = out.getvalue()
    if dice.random() < 0.2:  # a shape that is claimed
        content = content.replace(b"'shape': (", b"'shape': (99999999, ", 1)
    return content


def odd_tensors(content: bytes, dice: random.Random) -> bytes:
    """A safetensors file whose tensors are other ones, or whose header is."""
    from safetensors.numpy import load, save

    if dice.random() < 0.4:
        size = int.from_bytes(content[:8], "little")
        head = json.dumps(odd_tree(json.loads(content[8 : 8 + size]), dice)).encode()
        return len(head).to_bytes(8, "little") + head + content[8 + size :]
    tensors = load(content)
    name = dice.choice(sorted(tensors))
    one = tensors[name]
    change = dice.randrange(6)
    if change == 0:
        tensors[dice.choice(["", "x", name + ".x"])] = tensors.pop(name)
    else:
        filled = np.full(one.shape, dice.choice((np.nan, np.inf, 3e38)), np.float32)
        tensors[name] = [filled, one[None], one[:0], one.astype(np.float64), one.astype(np.int8)][change - 1].copy()
    return save(tensors)


def odd_state(content: bytes, dice: random.Random) -> bytes:
    """A torch file in which one value is of another kind."""
    import torch

    state = odd_tree(torch.load(io.BytesIO(content), weights_only=True), dice)
    out = io.BytesIO()
    torch.save(state, out)
    return out.getvalue()


def spoiled(path: Path, dice: random.Random) -> str:
    """Change the file at `path`, or what it is; says what was done."""
    kind = dice.random()
    if kind < 0.03:
        path.unlink()
        return "removed"
    if kind < 0.06:
        path.unlink()
        path.mkdir()
        return "is a folder"
    if kind < 0.08:
        path.unlink()
        path.symlink_to("nowhere")
        return "leads nowhere"
    new = mutated(path, path.read_bytes(), dice)
    path.write_bytes(new)
    return repr(new[:60])


def limits() -> None:
    """Of memory, for a file that claims to be large; of time; and no core file."""
    resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def faults_of(done: tuple[int, str] | None) -> str:
    """What is wrong with how a command ended; empty where nothing is."""
    if done is None:
        return "did not end"
    code, said = done
    lines = said.strip().splitlines() or [""]
    if code not in (0, 1, 2):
        return f"exit code {code}: {lines[-1][-300:]}"
    if "Traceback" in said or "\x1b" in said.replace("\x1b[0m", ""):
        return f"a traceback or an escape: {lines[-1][-300:]}"
    if code == 2 and (len(lines[-1]) > 1500 or not any(line.startswith("lookhear: ") for line in lines)):
        return f"not one line: {said[-300:]!r}"
    return ""


def fuzz(name: str, folder: Path, words: list[str], count: int, seed: int) -> tuple[Counter, list[str]]:
    """`count` runs of `words` (`HERE` is a copy of `folder` with one file changed); outcomes, and what was wrong."""
    dice, outcomes, wrong = random.Random(f"{name} {seed}"), Counter(), []
    every = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and ".lock" not in p.name)
    small = [p for p in every if (folder / p).stat().st_size < 20_000_000 and p.suffix not in (".mp4", ".wav")]
    kinds = sorted({(p.parent, p.suffix) if len(small) > 40 else (p, "") for p in small}, key=str)
    with tempfile.TemporaryDirectory() as place:
        here = Path(place) / "here"
        for number in range(count):
            shutil.rmtree(here, ignore_errors=True)
            shutil.copytree(folder, here)
            kind = kinds[number % len(kinds)]
            file = dice.choice([p for p in small if ((p.parent, p.suffix) if len(small) > 40 else (p, "")) == kind])
            what = spoiled(here / file, dice)
            done = kills.ended(kills.begin([w.replace("HERE", str(here)) for w in words], limits), SECONDS * 2)
            outcomes["none" if done is None else done[0]] += 1
            if fault := faults_of(done):
                wrong.append(f"{name} {seed}/{number} {file} {what}: {fault}")
    return outcomes, wrong


def preload() -> None:
    """Import the package here, so that forks need not."""
    for module in pkgutil.walk_packages(lookhear.__path__, "lookhear."):
        if not module.name.endswith("__main__"):
            with suppress(Exception):
                importlib.import_module(module.name)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("cases", nargs="*")
    asked.add_argument("--count", type=int, default=20)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--root", type=Path, help="folder to keep the undamaged files in, made where it is not there")
    given = asked.parse_args()
    from tests import brought_cases

    with tempfile.TemporaryDirectory() as made:
        cases = kills.kept(given.root or Path(made) / "cases", brought_cases.prepare)
        preload()
        for case, (folder, words) in cases.items():
            if given.cases and case not in given.cases:
                continue
            outcomes, wrong = fuzz(case, Path(folder), words, given.count, given.seed)
            print(f"{case}: {dict(outcomes)}", *wrong, sep="\n  ", flush=True)  # noqa: T201
