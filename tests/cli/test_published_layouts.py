"""A published checkpoint of each of six networks: adopt its features, convert it, evaluate it, and see the table.

The checkpoints have the published names and forms with small widths; the numbers in them are random.
"""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from lookhear import catalog
from tests.conftest import shared

NETS = {name: ("nets_a", name) for name in ("av_master", "pstp_net", "qa_tiger", "tspm")}
NETS |= {name: ("nets_b", name) for name in ("avst", "mccd")}
TEXTS = ("question", "words", "prompt")
VECTORS = ("audio", "frames", "patches", *TEXTS)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "how", "many", "instruments", "are", "sounding", "?"]
QUESTIONS = ("How many instruments are sounding in the video?", "Is there a voiceover?")
CLIPS, SECONDS = 4, 60


def checkpoint(name, path):
    """The weights as published: under `state_dict`, with the prefix that DataParallel leaves."""
    with safe_open(shared("goldens", NETS[name][0], f"{NETS[name][1]}.safetensors"), "pt") as file:
        weights = {k[8:]: file.get_tensor(k) for k in file.keys() if k.startswith("weights/")}  # noqa: SIM118
    torch.save({"state_dict": {f"module.{k}": v for k, v in weights.items()}, "epoch": 3}, path)
    return weights


def annotations(root):
    (root / "json_update").mkdir(parents=True)
    for split in ("train", "val", "test"):
        rows = [
            {
                "video_id": f"{clip:08d}", "question_id": 10 * clip + n, "question_deleted": 0, "anser": "two",
                "type": '["Audio", "Counting"]', "question_content": question, "templ_values": "[]",
            }
            for clip in range(CLIPS)
            for n, question in enumerate(QUESTIONS)
        ]  # fmt: skip
        (root / "json_update" / f"avqa-{split}.json").write_text(json.dumps(rows))


def features(root, streams, sizes):
    """`.npy` files of every stream, as wide as the checkpoint reads them; returns the options of `adopt`."""
    rng, options = np.random.default_rng(0), []
    shapes = {"patches": (SECONDS, 14), "question": (), "prompt": (), "words": (14,)}
    for stream in (s for s in VECTORS if s in streams):
        (root / stream).mkdir(parents=True)
        keys = [f"{c:08d}" for c in range(CLIPS)]
        keys = [str(10 * c + n) for c in range(CLIPS) for n in range(2)] if stream in TEXTS else keys
        for key in keys:
            shape = (*shapes.get(stream, (SECONDS,)), sizes[stream])
            np.save(root / stream / f"{key}.npy", rng.normal(size=shape).astype(np.float32))
        options += [f"--{stream}", root / stream]
    return options


def tokenizer(root, count):
    """A BERT vocabulary of `count` words, for MCCD."""
    root.mkdir()
    (root / "vocab.txt").write_text("\n".join([*VOCABULARY, *map(str, range(count - len(VOCABULARY)))]) + "\n")
    (root / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    return root


@pytest.mark.parametrize("name", NETS)
def test_three_commands_lead_to_a_table(name, tmp_path, lookhear):
    weights = checkpoint(name, tmp_path / "net.pt")
    net = catalog.find("nets", name).from_official(weights)
    sizes, streams = vars(net.config), (*net.watch_streams, *net.answer_streams)
    annotations(tmp_path / "data")
    given = features(tmp_path / "feats", streams, sizes)
    data = ("--dataset", "music_avqa", "--root", tmp_path / "data")
    store = ("--store", tmp_path / "store")
    ran = lookhear("adopt", "theirs", *given, *data, "--out", tmp_path / "store")
    assert ran.code == 0, ran.err + ran.out
    (tmp_path / "answers.json").write_text(json.dumps(["two", *(f"answer {i}" for i in range(1, sizes["answers"]))]))
    reads = [option for s in streams if s in VECTORS for option in ("--features", f"{s}=theirs")]
    if name == "mccd":
        reads += ["--features", f"tokens=bert_tokens@weights={tokenizer(tmp_path / 'bert', sizes['tokens'])}"]
    answers = ("--vocabulary", tmp_path / "answers.json")
    run = tmp_path / "run"
    ran = lookhear("convert", name, tmp_path / "net.pt", *reads, *store, *answers, "--out", run)
    assert ran.code == 0, ran.err
    ran = lookhear("evaluate", run, *data, *store, "--format", "latex")
    assert ran.code == 0, ran.err
    assert "\\begin{tabular}" in ran.out
    told = json.loads(lookhear("evaluate", run, *data, *store, "--json").out)
    assert told["overall"]["total"] == CLIPS * len(QUESTIONS)
