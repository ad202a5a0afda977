"""What tiny_omni's towers make of clips, kept: step two of `make.py`. A language model learns from it without them.

    videos/*.mp4 ─ decode ─▶ <split>.media.pt (frames as bytes, spectrograms) ─ towers ─▶ <split>.tokens.pt

Run:   python -m research.tiny_omni.clips media ROOT SPLIT FOLDER     then the same with `tokens` for `media`
Cost:  30 ms a clip for each of the two, on one thread
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lookhear.layers.packing import Eye, mel, patches
from lookhear.llms import tiny_omni
from lookhear.media.decode import decode
from lookhear.types import Clip, Source

CLIPS = 16  # in a batch
PIECES = 1500  # seconds of clips


def clip(root: Path, video_id: str, start: float = 0.0, end: float | None = None) -> Clip:
    """A clip of a Soundstage folder."""
    source = Source(video_id, root / "videos" / f"{video_id}.mp4")
    return Clip(source, source, start, end)


def media(clips: Sequence[Clip]) -> dict[str, object]:
    """Frames uint8 (clip, 10, 128, 128, 3) and mels float16, a list of (band, column)."""
    extractor = tiny_omni.extractor(tiny_omni.Config())
    frames, mels, start = [], [], time.perf_counter()
    for k, one in enumerate(clips):
        decoded = decode(one, tiny_omni.SAMPLING)
        frames.append(torch.from_numpy(np.ascontiguousarray(decoded.frames)))
        mels.append(mel(decoded.waveform, extractor).half())
        if k % 500 == 499:
            print(f"{k + 1} clips in {time.perf_counter() - start:.0f} s", flush=True)
    names = [one.video.id if one.end is None else f"{one.video.id}@{one.start:g}" for one in clips]
    return {"ids": names, "frames": torch.stack(frames), "mels": mels}


@torch.no_grad()
def tokens(model: torch.nn.Module, found: dict[str, object]) -> dict[str, object]:
    """Video tokens float16 (clip, 80, width) and sound tokens, a list of (token, width)."""
    visual, ears, seen, heard = model.model.visual, model.model.audio_tower, [], []
    frames, mels, eye = found["frames"], found["mels"], Eye(side=visual.config.patch_size)
    for first in range(0, len(mels), CLIPS):
        packed = [patches(f.numpy(), eye) for f in frames[first : first + CLIPS]]
        grid = torch.tensor([g for _, g in packed])
        out = visual(torch.cat([p for p, _ in packed]), grid_thw=grid).pooler_output
        seen.append(out.unflatten(0, (len(packed), -1)).half())
        some = [m.float() for m in mels[first : first + CLIPS]]
        lengths = torch.tensor([m.shape[1] for m in some])
        out = ears(torch.cat(some, 1), feature_lens=lengths).last_hidden_state.half()
        heard += out.split([tiny_omni.heard(int(n)) for n in lengths])
    return {"ids": found["ids"], "video": torch.cat(seen), "audio": heard}


def load_towers(model: torch.nn.Module, folder: Path) -> None:
    """Put the trained towers into a thinker."""
    for name, tower in (("vision", model.model.visual), ("audio", model.model.audio_tower)):
        tower.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))


def in_split(root: Path, split: str) -> list[str]:
    """The clips of a split in the order of its questions."""
    from lookhear.datasets import soundstage

    return list(dict.fromkeys(e.meta["video_id"] for e in soundstage.load(root, split)))


def pieces(root: Path) -> list[Clip]:
    """Seconds of training clips in which somebody is to be marked, at most PIECES of them."""
    from lookhear.datasets import soundstage

    every = dict.fromkeys(e.clip for e in soundstage.load(root, "train", "segmentation"))
    return list(every)[:PIECES]


def main() -> None:
    """One of the two steps."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("step", choices=["media", "tokens"])
    options.add_argument("root", type=Path)
    options.add_argument("split", help="train, val, or pieces: seconds of training clips")
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    kept = given.folder / f"{given.split}.media.pt"
    if given.step == "media":
        whole = given.split != "pieces"
        some = [clip(given.root, name) for name in in_split(given.root, given.split)] if whole else pieces(given.root)
        torch.save(media(some), kept)
        return
    model = tiny_omni.thinker(tiny_omni.Config(), {name: k for k, name in enumerate(tiny_omni.SPECIAL)}).eval()
    load_towers(model, given.folder)
    torch.save(tokens(model, torch.load(kept, weights_only=True)), given.folder / f"{given.split}.tokens.pt")


if __name__ == "__main__":
    main()
