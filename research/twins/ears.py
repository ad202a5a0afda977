"""Do the ears of a language model not listen, or what reads them? A plain net on the model's own audio tokens.

    audio tower of tiny_omni ─ mean and maximum of a second's tokens ─▶ `audio` (time, 288) ─ gated ─▶ pair scores

    python -m research.twins.ears MODEL BASE TWINS          # adds the features `omni_ears` to the stores of both worlds
    lookhear train soundstage/gated data.root=BASE features.audio=omni_ears data.standardize=true train.epochs=4 \
        train.batch=64 train.clips=16 train.lr=1e-3 data.val='' out=RUN
    python -m research.twins.listeners TWINS OUT.json RUN

Against the same net on `stage_audio`. If pairs of sound are lost with these features, the tower is what limits the
model; if they are not, the language model is. Score: docs/guides/twins.md
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lookhear import datasets
from lookhear.encoders._frozen import Frozen
from lookhear.encoders._stage import rows
from lookhear.llms import tiny_omni
from lookhear.media.sampling import Sampling
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.types import Media

SPLITS = {"soundstage": ("train", "test"), "soundstage@twins": ("test",)}


class Ears(Frozen):
    """The audio tower of an Omni model: Media in, `audio` (time, 2 * width) out, one row per second."""

    name, reads = "omni_ears", "waveform"

    def __init__(self, folder: str):
        self.llm = tiny_omni.load(folder)
        super().__init__(self.llm.base.model.audio_tower, tiny_omni.Config())
        self.streams = {"audio": 2 * self.net.proj.out_features}
        self.sampling = Sampling(sample_rate=16_000)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        return [{"audio": self.listen(media)} for media in items]

    def listen(self, media: Media) -> Tensor:
        """Mean and maximum over the tokens of each second."""
        mel = self.llm.tensors([self.llm.prepare(media)])["input_features"][0]
        tokens = self.net(mel, feature_lens=torch.tensor([mel.shape[1]])).last_hidden_state.T
        pooled = [pool(tokens, rows(media.duration)) for pool in (F.adaptive_avg_pool1d, F.adaptive_max_pool1d)]
        return torch.cat(pooled).T.contiguous()


def main() -> None:
    """Features of both worlds."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("model", help="folder of an Omni model; tiny_omni: src/lookhear/weights/tiny_omni")
    options.add_argument("worlds", nargs="+", type=Path)
    options.add_argument("--clips", type=int, default=3000, help="the first so many of each split")
    given = options.parse_args()
    torch.set_num_threads(1)
    ears = Ears(given.model)
    for world in given.worlds:
        for name, splits in SPLITS.items():
            for split in splits if name == "soundstage" or (world / "twins.jsonl").is_file() else ():
                clips = list(dict.fromkeys(e.clip for e in datasets.load(name, world, split)))[: given.clips]
                tally = extract(clips, [ears], FeatureStore(world / "features"))
                print(f"{world}: {name} {split}, {len(clips)} clips, {len(tally.failed)} failed", flush=True)


if __name__ == "__main__":
    main()
