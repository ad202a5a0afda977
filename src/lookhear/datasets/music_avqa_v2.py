"""MUSIC-AVQA v2.0: more videos and questions so that no answer is a safe guess; sets `balance` and `bias` (WACV 2024).

Annotations: github.com/DragonLiu1995/MUSIC-AVQA-v2.0 (GPL-3.0). Copies written by pandas have float or missing ids,
which are read the same way. New videos are YouTube's (ids of 11 characters, some with `_flip` or a number after them).

    <root>/test_balance.json or balance_valid.json     or data/balance_full_set/, data/bias_set/
    <root>/videos/<video_id>.mp4                       any folder with video, media or clip in its name

Rows without a question id are named by their position in the file (`row12`). If `unmatch_audio` names another
recording, the sound is taken from it. The same video is then also asked "Is this sound from the instrument in the
video?" with its own sound, and the answers differ. The 42 answers are MUSIC-AVQA's, but in a different class order, so
the answer head of a checkpoint cannot be used for both.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, find_split, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.templates import example
from lookhear.errors import DatasetError
from lookhear.types import Example

VERSIONS = ("balance", "bias")
FOLDERS = ("", "data/balance_full_set", "data/bias_set", "balance_full_set", "bias_set")
KEPT = ("unmatch_audio", "audio_instrument", "video_instrument", "person")

VOCABULARY = (  # class order of the published v2.0 checkpoints
    *("three", "no", "two", "yes", "xylophone", "piano", "indoor", "zero", "saxophone", "flute", "cello", "trumpet"),
    *("left", "six", "congas", "simultaneously", "drum", "four", "guzheng", "right", "middle", "bassoon", "one"),
    *("outdoor", "seven", "electric_bass", "ukulele", "banjo", "violin", "suona", "tuba", "acoustic_guitar"),
    *("more than ten", "accordion", "erhu", "clarinet", "pipa", "ten", "five", "nine", "bagpipe", "eight"),
)


def load(root: Path | str, split: str, version: str = "balance") -> list[Example]:
    """Every readable question of `split` of the `balance` or `bias` set."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "balance") -> Annotations:
    """The questions of `split`, with unreadable rows as faults."""
    root = Path(root)
    path = find_split(f"music_avqa_v2@{version}", root, split, FOLDERS, patterns(version))
    recordings, row = Recordings(root), count(1)
    odd: list[Fault] = []

    def make(record: dict[str, Any], line: int) -> Example:
        place, given, video = next(row), record.get("question_id"), record["video_id"]
        if not isinstance(video, str) or not isinstance(record["anser"], str):
            raise DatasetError(f"video_id {video!r} and anser {record['anser']!r} must be texts")
        name = f"row{place}" if given is None else str(int(given))
        clip, other = recordings.clip(video), record.get("unmatch_audio")
        clip = replace(clip, audio=recordings.clip(other).audio) if other else clip
        made = example({**record, "question_id": name}, clip)
        number = None if given is None else int(given)
        if number is None:
            odd.append(Fault("no question id", path, line, f"no question_id; called {name!r} here"))
        more = {key: record[key] for key in KEPT if record.get(key) is not None}
        return replace(made, meta={**made.meta, "question_id": number, "line": line, **more})

    return read_rows(path, json_rows(path), make).with_faults(odd)


def splits(root: Path | str, version: str = "balance") -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, patterns(version)))


def patterns(version: str) -> tuple[str, ...]:
    """Patterns of a set's file names: `test_balance.json`, `balance_valid.json`."""
    return (rf"(\w+)_{version}\.json", rf"{version}_(\w+)\.json")
