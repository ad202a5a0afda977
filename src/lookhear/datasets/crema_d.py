"""CREMA-D: 7,442 sentences spoken by 91 actors in one of six emotions (Cao et al., 2014).

Annotations and videos: github.com/CheyneyComputerScience/CREMA-D (ODbL 1.0). The papers use the split of
github.com/GeWu-Lab/OGM-GE_CVPR2022, data/CREMAD (MIT), labelled with the acted emotion.

    <root>/train.csv, test.csv                         or ogm_train.csv …; "1088_IOM_NEU_XX,NEU" a line, no header
    <root>/processedResults/summaryTable.csv           version `votes`; or in <root>
    <root>/VideoFlash/1001_DFA_ANG_XX.flv              any folder with video in its name

Version `acted` (the default): 6,698 train, 744 test (AV-UIE v2: 6.6 K train). Version `votes` has one split, `all`,
labelled with the majority of raters who saw and heard the clip. 420 clips are tied. They are listed as odd and keep the
acted emotion if it is among the tied ones, else the first. `meta["votes"]` has all votes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, find_split, find_splits, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import labelled, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Example

VERSIONS = ("acted", "votes")
NAMES = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
LABELS = tuple(NAMES.values())
VOCABULARY = LABELS
FOLDERS = ("", "CREMAD", "data/CREMAD", "processedResults")
PATTERNS = (r"(?:ogm_)?(train|val|test)\.csv",)


def load(root: Path | str, split: str, version: str = "acted") -> list[Example]:
    """Every readable clip of `split`."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "acted") -> Annotations:
    """The clips of `split`, the rows that could not be read, and (`votes`) those that are tied."""
    root = Path(root)
    recordings = Recordings(root)
    if version == "acted":
        path = find_split("crema_d", root, split, FOLDERS, PATTERNS)

        def make(row: dict[str, Any], line: int) -> Example:
            if row["emotion"] not in NAMES:
                raise DatasetError(f"emotion {row['emotion']!r} is none of {', '.join(NAMES)}")
            clip = recordings.clip(row["clip"])
            return labelled(row["clip"], "emotion_recognition", clip, NAMES[row["emotion"]], LABELS, line)

        return read_rows(path, table_rows(path, ("clip", "emotion"), header=False), make)
    if split != "all":
        raise DatasetError(f"No split {split!r} of crema_d@votes. There are: all.")
    found = _votes(root)
    if found is None:
        raise DatasetError(f"No summaryTable.csv under {str(root)!r}. It lies in CREMA-D's processedResults.")
    path = found
    odd = list[Fault]()
    letters = {name[0]: label for name, label in NAMES.items()}

    def make_voted(row: dict[str, Any], line: int) -> Example:
        id, votes = row["FileName"], row["MultiModalVote"].split(":")
        if unknown := [vote for vote in votes if vote not in letters]:
            raise DatasetError(f"vote {unknown[0]!r} is none of {', '.join(letters)}")
        label = letters[votes[0]]
        if len(votes) > 1:
            odd.append(Fault("tied votes", path, line, f"votes are tied: {row['MultiModalVote']}", id))
            acted = NAMES.get("".join(id.split("_")[2:3]), "")
            label = acted if acted and acted[0].upper() in votes else label
        clip = recordings.clip(id)
        said = tuple(letters[vote] for vote in votes)
        return labelled(id, "emotion_recognition", clip, label, LABELS, line, votes=said)

    return read_rows(path, table_rows(path, ("FileName", "MultiModalVote")), make_voted).with_faults(odd)


def splits(root: Path | str, version: str = "acted") -> list[str]:
    """The splits whose files are under `root`."""
    if version == "votes":
        return ["all"] if _votes(Path(root)) else []
    return list(find_splits(Path(root), FOLDERS, PATTERNS))


def _votes(root: Path) -> Path | None:
    return next((root / f / "summaryTable.csv" for f in FOLDERS if (root / f / "summaryTable.csv").is_file()), None)
