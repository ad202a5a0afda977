"""Feature folders that others published, `<folder>/<clip id>.npy`, served as they lie, signed "official"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lookhear.errors import FeatureError
from lookhear.store.features import FeatureStore


def adopt(store: FeatureStore, name: str, folders: Mapping[str, Path | str], reads: str) -> str:
    """Serve `folders` (stream -> folder of .npy) from `store` under the encoder name `name`; nothing is copied.

    Widths are those of each folder's first file; `reads` is `frames` or `waveform`: whose id, of the video or of the
    sound, names the files. Raises FeatureError where a folder holds no features, or `name` is taken by others.
    """
    if reads not in ("frames", "waveform"):
        raise FeatureError(f"Official features of clips are read from 'frames' or 'waveform', got {reads!r}.")
    widths, places = {}, {}
    for stream, folder in folders.items():
        path = next(iter(sorted(Path(folder).glob("*.npy"))), None)
        if path is None:
            raise FeatureError(f"No .npy files in {str(folder)!r} for {stream!r}. Give the folder that holds them.")
        try:
            shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        except (OSError, ValueError, EOFError) as error:
            raise FeatureError(f"{path}: not readable as features ({error}).") from None
        if len(shape) < 2:
            raise FeatureError(f"{path}: shape {shape} is not (time, …, width).")
        widths[stream], places[stream] = int(shape[-1]), str(Path(folder).resolve())
    card = {"encoder": name, "weights": "official", "reads": reads, "streams": widths, "folders": places}
    return store.sign(json.loads(json.dumps(card)))
