"""A language model whose towers have already looked and listened: what they made of each clip is kept and given again.

Adapters of scope `llm` leave the towers as they are, so nothing changes but the time a step takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from lookhear.llms import Prepared
from lookhear.llms._omni import Omni
from lookhear.media.decode import decode
from lookhear.model import LLMModel
from lookhear.model._clips import Watched
from lookhear.model.llm import Row
from lookhear.types import Clip, Example


def keep(
    llm: Omni, clips: Sequence[Clip], path: Path, learned: Path | None = None, say: Any = print
) -> dict[str, Prepared]:
    """Clip's id -> what the towers make of it, read from `path` and added there where it lacks.

    `learned`: the folder in which tiny_omni was taught. Its `…tokens.pt` hold the same of whole clips, but for the
    loudness, so that nothing need be decoded again.
    """
    kept: dict[str, Prepared] = torch.load(path, weights_only=True) if path.is_file() else {}
    missing = {clip.id: clip for clip in clips if clip.id not in kept}
    if learned and missing:
        kept |= _known(llm, list(missing.values()), learned)
        missing = {name: clip for name, clip in missing.items() if name not in kept}
        torch.save(kept, path)
    for number, (name, clip) in enumerate(missing.items(), 1):
        kept[name] = towers(llm, clip)
        if number % 500 == 0 or number == len(missing):
            torch.save(kept, path)
            say(f"towers: {number} of {len(missing)} clips")
    return kept


def towers(llm: Omni, clip: Clip) -> Prepared:
    """What the model's towers make of one clip, in place of its patches and its spectrogram."""
    base, given = llm.base.model, dict(llm.prepare(decode(clip, llm.sampling)))
    with torch.inference_mode():
        tensors = llm._tensors([given])
        for part in ("video", "image"):
            values = f"pixel_values_{part}s" if part == "video" else "pixel_values"
            if values in tensors:
                seen = base.visual(tensors[values], grid_thw=tensors[f"{part}_grid_thw"]).pooler_output
                given |= {"seen": seen.half().clone(), values: given[values][:1, :0].clone()}
        if "input_features" in given:
            mel = given["input_features"]
            heard = base.audio_tower(mel, feature_lens=torch.tensor([mel.shape[1]])).last_hidden_state
            given |= {"heard": heard.half().clone(), "input_features": mel[:1].half().clone()}
    return given


def _known(llm: Omni, clips: Sequence[Clip], learned: Path) -> dict[str, Prepared]:
    """Whole clips from the tokens that teaching left, as loud as this model's towers make the first of them."""
    seen, heard = {}, {}
    for file in sorted(learned.glob("*.tokens.pt")):
        told = torch.load(file, weights_only=True)
        seen |= dict(zip(told["ids"], told["video"], strict=True))
        heard |= dict(zip(told["ids"], told["audio"], strict=True))
    whole = [c for c in clips if c.start == 0 and c.end is None and c.video and c.audio]
    whole = [c for c in whole if c.video.id in seen and c.audio.id in heard]
    if not whole:
        return {}
    model = towers(llm, whole[0])
    louder = {
        "seen": _ratio(model["seen"], seen[whole[0].video.id]),
        "heard": _ratio(model["heard"], heard[whole[0].audio.id]),
    }
    length = len(model["heard"])
    return {
        c.id: model | {"seen": seen[c.video.id] * louder["seen"], "heard": heard[c.audio.id] * louder["heard"]}
        for c in whole
        if len(heard[c.audio.id]) == length
    }


def _ratio(model: Tensor, told: Tensor) -> float:
    """How much louder `model` is than `told`; they must be the same but for that."""
    model, told = model.float(), told.float()
    ratio = float((model * told).sum() / (told * told).sum())
    if (model - ratio * told).abs().max() > 0.02 * model.abs().max():
        raise ValueError("the tokens that teaching left are not those of this model's towers")
    return ratio


class Kept(Omni):
    """An Omni whose towers give back what is kept."""

    def __init__(self, llm: Omni):
        super().__init__(llm.model, llm.tokenizer, llm.extractor, llm.manner, llm.name)
        self.now: dict[str, Tensor] = {}
        tower = llm.base.model
        tower.visual.forward = lambda *_, **__: SimpleNamespace(pooler_output=self.now["seen"])
        tower.audio_tower.forward = lambda *_, **__: SimpleNamespace(last_hidden_state=self.now["heard"])

    def _tensors(self, given: Sequence[Prepared]) -> dict[str, Tensor]:
        self.now = {
            n: torch.cat([one[n].float() for one in given if n in one])
            for n in ("seen", "heard")
            if any(n in one for one in given)
        }
        return super()._tensors(given)


class KeptModel(LLMModel):
    """An LLMModel that reads no files: clips are known by their ids."""

    def __init__(self, llm: Kept, kept: Mapping[str, Prepared], max_tokens: int):
        super().__init__(llm, max_tokens=max_tokens)
        self.kept = kept

    def watch(self, clips: Sequence[Clip]) -> Watched:
        """The kept tokens of `clips` in one cache."""
        distinct = tuple(dict.fromkeys(clips))
        seen = self.llm.watch([self.kept[clip.id] for clip in distinct])
        rows = tuple(Row(seen, i, 0, ()) for i in range(len(distinct)))
        return Watched(distinct, rows, (None,) * len(distinct), ((),) * len(distinct))


def spread(examples: Sequence[Example], count: int) -> list[Example]:
    """`count` of the examples, evenly from first to last."""
    if count >= len(examples):
        return list(examples)
    return [examples[i * len(examples) // count] for i in range(count)]
