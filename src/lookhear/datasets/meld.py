"""MELD: 13,708 utterances of the series Friends with one of seven emotions each (Poria et al., ACL 2019).

Annotations: github.com/declare-lab/MELD (GPL-3.0); videos: affective-meld.github.io. Clips are cut out of the series.

    <root>/train_sent_emo.csv, dev_…, test_…           or data/MELD/
    <root>/train_splits/dia0_utt3.mp4                  dev_splits_complete/, output_repeated_splits_test/

Version `utterances` (the default) is the official split: 9,989 train, 1,109 dev, 2,610 test; AV-UIE v2 trains on train
and dev (11.0 K). `dyadic` reads dialogues between two speakers (`…_sent_emo_dya.csv`). `emorynlp` is the same series
with EmoryNLP's seven emotions (`emorynlp_<split>_final.csv`; no videos of its own). Ids contain the split, because
numbers start again in each split.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import labelled, table_rows
from lookhear.types import Example

VERSIONS = ("utterances", "dyadic", "emorynlp")
LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
EMORY = ("joyful", "mad", "neutral", "peaceful", "powerful", "sad", "scared")
VOCABULARY = (*LABELS, *EMORY)
FOLDERS = {
    "utterances": ("", "MELD", "data/MELD"),
    "dyadic": ("", "MELD_Dyadic", "data/MELD_Dyadic"),
    "emorynlp": ("", "emorynlp", "data/emorynlp"),
}
PATTERNS = {
    "utterances": (r"(train|dev|test)_sent_emo\.csv",),
    "dyadic": (r"(train|dev|test)_sent_emo_dya\.csv",),
    "emorynlp": (r"emorynlp_(train|dev|test)_final\.csv",),
}
CLIPS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}


def load(root: Path | str, split: str, version: str = "utterances") -> list[Example]:
    """Every readable utterance of `split`; `meta["utterance"]` is its text."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "utterances") -> Annotations:
    """The utterances of `split`, with unreadable rows as faults."""
    root = Path(root)
    path = find_split("meld", root, split, FOLDERS[version], PATTERNS[version])
    clips = root / CLIPS.get(split, "")
    recordings = Recordings(clips if clips.is_dir() else root)
    emory = version == "emorynlp"
    dialogue = {"utterances": "Dialogue_ID", "dyadic": "Old_Dialogue_ID", "emorynlp": "Scene_ID"}[version]
    number = "Old_Utterance_ID" if version == "dyadic" else "Utterance_ID"

    def make(row: dict[str, Any], line: int) -> Example:
        if emory:
            name = f"s{row['Season']}e{row['Episode']}_scene{row['Scene_ID']}_utt{row['Utterance_ID']}"
        else:
            name = f"dia{row[dialogue]}_utt{row[number]}"
        id = f"{split.removesuffix('.csv')}/{name}"
        return labelled(
            id,
            "emotion_recognition",
            recordings.clip(id, name),
            row["Emotion"].lower(),
            EMORY if emory else LABELS,
            line,
            utterance=row["Utterance"],
            speaker=row["Speaker"],
        )

    columns = ("Utterance", "Speaker", "Emotion", dialogue, number, "Season", "Episode")
    return read_rows(path, table_rows(path, columns), make)


def splits(root: Path | str, version: str = "utterances") -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS[version], PATTERNS[version]))
