"""Write the rows of twins into a folder, with a WAV per clip, because many trainers cannot read sound from mp4.

OUT/<shape>-<split>.jsonl (verl: .parquet)    OUT/sound/<clip>.wav    OUT/<shape>-<split>.card.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.curate.twins import rows
from lookhear.errors import DatasetError, MediaError, not_installed
from lookhear.files import dumps
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.media.write import write_wav
from lookhear.progress import bars
from lookhear.types import Clip, Example

RATE = 16_000


def write(
    out: Path,
    shape: str,
    split: str,
    examples: Sequence[Example],
    contrast: str = "both",
    weights: Mapping[str, float] | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Write the rows of `examples`; returns the card. A clip that cannot be read is left out and counted.

    Raises RecipeError for an unknown shape or contrast, DatasetError if no clip can be read.
    """
    rows.check(shape, contrast)
    clips = list(dict.fromkeys(e.clip for e in examples))
    media, lost = dict[str, tuple[str, str]](), dict[str, str]()
    with files.claim(out), bars(quiet) as bar:
        tick = bar("sound", len(clips))
        for clip in clips:
            try:
                media[clip.id] = _media(clip, out / "sound")
            except MediaError as error:
                lost[clip.id] = str(error)
            tick()
        kept = [e for e in examples if e.clip.id in media]
        if not kept:
            raise DatasetError(
                f"None of the {len(clips)} clips can be read. The first: {next(iter(lost.values()), '')}"
            )
        written = list(rows.rows(shape, kept, media, contrast, weights))
        path = out / f"{shape}-{split}.{'parquet' if shape == 'verl' else 'jsonl'}"
        if shape == "verl":
            _parquet(path, written)
        else:
            files.write(path, "".join(dumps(row) + "\n" for row in written))
        card = {
            "shape": shape,
            "split": split,
            "rows": len(written),
            "clips": len(media),
            "unread": lost,
            "file": path.name,
        }
        files.write_json(out / f"{shape}-{split}.card.json", card)
    return card


def _media(clip: Clip, folder: Path) -> tuple[str, str]:
    """Absolute paths of a clip's video and sound; writes the sound if it is missing. Raises MediaError."""
    if clip.video is None or clip.video.path is None:
        raise MediaError(f"No media of {clip.id!r}: make the Soundstage with its videos.")
    path = folder / f"{clip.id}.wav"
    if not path.is_file():
        heard = decode(Clip(None, clip.audio, clip.start, clip.end), Sampling(sample_rate=RATE)).waveform
        if heard is None:
            raise MediaError(f"{clip.id!r} has no sound.")
        write_wav(path, heard, RATE)
    return str(clip.video.path.resolve()), str(path.resolve())


def _parquet(path: Path, made: Sequence[dict[str, Any]]) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise not_installed(error, "verl's parquet") from None
    with files.whole(path) as part:
        parquet.write_table(pyarrow.Table.from_pylist(list(made)), part)
