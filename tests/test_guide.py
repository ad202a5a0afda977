"""The guide is run as it stands, on small stand-ins made to the published shapes; its settings name what there is."""

import json
import re
import shlex
from pathlib import Path

import numpy as np

from lookhear.store.names import configured, serving

PAGE = (Path(__file__).parents[1] / "docs" / "guides" / "music_avqa.md").read_text("utf-8")
SMALL = ["train.epochs=1", "train.batch=8", "net.hidden=32", "net.inner=32"]  # 61 M weights are not for a test
SHAPES = {
    "vggish": (60, 128),
    "frame_ViT-L14@336px": (60, 768),
    "qst_ViT-L14@336px": (1, 768),
    "clip_word": (1, 77, 768),
}
ASKED = [("How many instruments are sounding in the video?", "two"), ("Is there a voiceover?", "no")]


def stand_ins(root):
    """Annotations and features of ten clips, laid out as published."""
    rng, numbers = np.random.default_rng(0), iter(range(1000))
    (root / "data" / "json_update").mkdir(parents=True)
    for folder in SHAPES:
        (root / "feats" / folder).mkdir(parents=True)
    for split, clips in (("train", range(6)), ("val", range(6, 8)), ("test", range(8, 10))):
        rows = []
        for clip in clips:
            for question, answer in ASKED:
                row = {"video_id": f"{clip:08d}", "question_id": next(numbers), "question_deleted": 0, "anser": answer}
                rows.append(row | {"type": '["Audio", "Counting"]', "question_content": question, "templ_values": "[]"})
            for folder in ("vggish", "frame_ViT-L14@336px"):
                np.save(root / "feats" / folder / f"{clip:08d}.npy", rng.normal(size=SHAPES[folder]).astype("f4"))
        for row in rows:
            for folder in ("qst_ViT-L14@336px", "clip_word"):
                np.save(
                    root / "feats" / folder / f"{row['question_id']}.npy", rng.normal(size=SHAPES[folder]).astype("f4")
                )
        (root / "data" / "json_update" / f"avqa-{split}.json").write_text(json.dumps(rows))


def test_every_command_of_the_guide_runs(tmp_path, monkeypatch, lookhear):
    stand_ins(tmp_path)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert 7 <= len(commands) < 15 and all(words[0] == "lookhear" for words in commands)
    said = []
    for words in commands:
        more = [*SMALL, "--quiet"] if words[1] == "train" else []
        ran = lookhear(*words[1:], *more)
        assert ran.code in ((0, 1) if words[1] == "check" else (0,)), f"{words}: {ran.err}"
        said.append(ran.out)
    assert "QA-TIGER" in said[4] and "\\begin{tabular}" in said[5]
    assert (tmp_path / "card" / "audit.html").is_file()


def test_the_settings_of_the_table_are_encoders():
    named = re.findall(r"\| `([a-z0-9_]+@[^`]+|vggish[^`]*)` \|$", PAGE, re.MULTILINE)
    assert len(named) >= 9
    for text in named:
        configured(serving(text, "")[0])
