"""Crab (CVPR 2025): LLaMA with CLIP, BEATs, two Q-Formers of 32 queries and a mask decoder; "LLM+V+A" of Crab+.

    media ─▶ prefix: <video> and <audio> as 32 tokens a frame or piece ─▶ cache ─ question ─▶ words, <mask_0..5>
                                                                                                │ the states they
    CLIP's layers 14 and 22 of one frame ────────────────────────────────▶ mask decoder ◀───────┘ were chosen from

A clip of one frame is an image, of several frames a video; `image` adds one more picture, for which masks are
predicted. Without it masks are predicted for the middle frame. Frames and pieces of sound are selected as in the
release. Prompts and losses are those of the code: mean cross-entropy of target tokens, plus, if masks are given, BCE
and half of dice summed over samples (the paper weights masks by 0.5). Padding is on the left; `answer` decodes from the
cache of the media. The release trains connectors and I-LoRA first (`trains("look", "listen", "adapters")`), then mask
decoder, embeddings and head (`trains("segment", "embeddings")`).

    crab.load("meta-llama/Llama-2-7b-chat-hf", adapter="folder with finetune_weights.bin", vision=…, hearing=…)
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear import config as configs
from lookhear.encoders import beats
from lookhear.errors import ModelError
from lookhear.ilora import fit
from lookhear.layers import kv_cache
from lookhear.layers.casting import cast
from lookhear.layers.generation import GREEDY, Generation, OnText, generate, placed
from lookhear.llms import Prepared, Reply
from lookhear.llms.crab import storage
from lookhear.llms.crab.clips import CrabCache, embedded, pieces, pixels
from lookhear.llms.crab.clips import prefix as prefix_of
from lookhear.llms.crab.drawing import mask_losses
from lookhear.llms.crab.parts import Config, Net
from lookhear.llms.crab.storage import BASE, VISION_BASE
from lookhear.llms.crab.storage import plan as plan
from lookhear.llms.crab.text import MASKED as MASKED
from lookhear.llms.crab.text import MASKS, MEDIA, Words
from lookhear.llms.omni.placement import split
from lookhear.media.sampling import Sampling
from lookhear.types import Media, Region

RATE = 16_000
TOGETHER = 16  # questions per batch


class Crab:
    """The model with its tokenizer. With `words=None` (weights only) it can neither watch nor answer."""

    name = "crab"
    connectors = ("look", "listen")  # modules of `model` that the first stage trains

    def __init__(self, model: Net, words: Words | None = None):
        self.model = model.eval()
        self.words = words
        c = model.config
        self.draws = model.segment is not None  # whether replies contain masks
        self.side = model.vision.config.image_size
        self.sampling = Sampling("crab_arange", count=c.frames, size=(self.side, self.side))
        self.report: tuple[str, ...] = ()  # what was read from which file, and what is random

    def prepare(self, media: Media, pair: str = "", image: np.ndarray | None = None) -> Prepared:
        """Tensors `video` or `image` (frame, 3, side, side) and `audio` (piece, row, 128), and `notes`.

        `pair` has no effect: two videos or sounds are concatenated. `image` uint8 (height, width, 3) is an additional
        picture, for which masks are predicted.
        """
        made: dict[str, Any] = {"notes": media.notes}
        if media.frames is not None and len(media.frames):
            single = len(media.frames) == 1 and image is None
            made["image" if single else "video"] = pixels(media.frames, self.side)
        if image is not None:
            made["image"] = pixels(image[None], self.side)
        if media.waveform is not None:
            if media.sample_rate != RATE:
                raise ModelError(f"crab hears at {RATE} Hz, was given {media.sample_rate} Hz. Decode at {RATE}.")
            made["audio"] = beats.front_end(pieces(media.waveform, self.model.config))
        if not made.keys() & set(MEDIA):
            raise ModelError("crab was given a clip with neither picture nor sound. Check the file: lookhear check.")
        return made

    @torch.inference_mode()
    def watch(self, media: Sequence[Media | Prepared]) -> CrabCache:
        """Encode clips; the result has one row per clip."""
        words, clips = self._spoken(), [self.prepared(m) for m in media]
        ids, mask = kv_cache.pad_left([self.prefix(clip) for clip in clips], words.pad, self.device)
        embeds, pictures = embedded(words, self.model, ids, clips)
        positions = (mask.long().cumsum(-1) - 1).clamp(min=0)
        out = self.model.bare.model(
            inputs_embeds=embeds, attention_mask=mask.long(), position_ids=positions, use_cache=True
        )
        notes = tuple(tuple(clip.get("notes", ())) for clip in clips)
        return CrabCache(kv_cache.cached_tensors(out.past_key_values), mask, mask.sum(-1), 1, notes, tuple(pictures))

    @torch.inference_mode()
    def answer(
        self,
        seen: CrabCache,
        rows: Sequence[int],
        prompts: Sequence[str],
        max_tokens: int = 64,
        how: Generation = GREEDY,
        on_text: OnText | None = None,
        semantic: bool = False,
    ) -> list[Reply]:
        """A reply to each prompt. If it contains six mask tokens, `masks` holds logits (side, side).

        Fewer than six give no mask; of more, the last six count; beam search gives none. With `semantic`, logits
        (class, side, side). `on_text` is called with (index of the prompt, reply so far) as replies grow.
        """
        words = self._spoken()
        asks = [words.ask(prompt) for prompt in prompts]
        wants = self.model.segment is not None and how.beams == 1
        generated = []
        for start in range(0, len(asks), TOGETHER):
            places = range(start, min(start + TOGETHER, len(asks)))
            generated += generate(
                self.model.language, seen, [rows[i] for i in places], [asks[i] for i in places], {words.end}, words.pad,
                max_tokens, how, words.read, placed(on_text, places), states=wants,
            )  # fmt: skip
        marks = {words.ids[mark] for mark in MASKS}
        replies = []
        for row, reply in zip(rows, generated, strict=True):
            drawn: tuple[np.ndarray, ...] = ()
            marked = [i for i, token in enumerate(reply.tokens) if token in marks]
            picture = seen.pictures[row] if wants and len(marked) >= len(MASKS) else None
            if picture is not None and reply.states is not None:
                states = reply.states[marked[-len(MASKS) :]][None]
                logits = self.model.segment(states, [level[None] for level in picture], semantic)[0]  # type: ignore[misc]
                drawn = ((logits if semantic else logits[0]).float().cpu().numpy(),)
            text = words.read(reply.tokens) if reply.text is None else reply.text.strip()
            replies.append(Reply(text, reply.score, reply.tokens, drawn))
        return replies

    def loss(
        self,
        media: Sequence[Media | Prepared],
        asks: Sequence[Sequence[tuple[str, str]]],
        masks: Sequence[Sequence[np.ndarray | Tensor | None]] | None = None,
    ) -> Float[Tensor, ""]:
        """Mean cross-entropy over target tokens, plus the mask losses if target `masks` (side, side) are given.

        An integer mask with values above 1 is a class map; a bool or 0..1 mask is binary.
        """
        terms = self.losses([self.prepared(m) for m in media], self.tokens(asks), masks)
        return torch.stack(list(terms.values())).sum()

    def prefix(self, prepared: Prepared) -> list[int]:
        """Token ids of a clip's prefix; each placeholder is repeated once per feature."""
        return prefix_of(self._spoken(), self.model.config, prepared)

    def reply(self, target: str) -> list[int]:
        """Token ids of a target, with the end token."""
        return self._spoken().target(target)

    def settings(self) -> str:
        """All options that affect the result of `prepare`, as text."""
        return f"{self.name} {self.sampling} {self.model.config} "

    def tokens(self, asks: Sequence[Sequence[tuple[str, str]]]) -> list[list[tuple[list[int], list[int]]]]:
        """(prompt, target) of each clip as token ids."""
        words = self._spoken()
        return [[(words.ask(p), words.target(t)) for p, t in clip] for clip in asks]

    def losses(
        self,
        clips: Sequence[Prepared],
        asks: Sequence[Sequence[tuple[Sequence[int], Sequence[int]]]],
        masks: Sequence[Sequence[np.ndarray | Tensor | None]] | None = None,
    ) -> dict[str, Tensor]:
        """The terms `text`, `bce`, `dice`, `classes` of prepared clips with tokens of (prompt, target)."""
        words = self._spoken()
        row = kv_cache.packed([self.prefix(c) for c in clips], asks, words.pad, self.device)
        embeds, pictures = embedded(words, self.model, row.ids, clips)
        lengths = (row.segment == 0).sum(-1)
        flat = torch.arange(int(lengths.max()), device=self.device)
        within = flat - (flat[-1] + 1 - lengths[:, None])  # positions of the clips in the left-padded rows
        hidden = self.model.bare.model(
            inputs_embeds=embeds,
            attention_mask=row.mask(embeds.dtype),
            position_ids=row.positions(within.clamp(min=0)[None], lengths)[0],
            use_cache=False,
        ).last_hidden_state
        learned = row.labels != kv_cache.IGNORED
        logits = self.model.bare.lm_head(hidden[learned]).float()
        terms = {"text": F.cross_entropy(logits, row.labels[learned])}
        if masks is None:
            return terms
        marks = [words.ids[mark] for mark in MASKS]
        return terms | mask_losses(self.model.segment, marks, hidden, row, pictures, masks)

    def adapt(self, config: Any) -> None:
        """Add PEFT adapters to the language model; they are trained with the connectors, as in Crab's main stage."""
        import peft

        self.model.language = peft.get_peft_model(self.model.bare, config)
        self.model.trains("adapters", "look", "listen")

    @property
    def spoken(self) -> Any:
        """The module that PEFT wraps."""
        return self.model.language

    def load_adapter(self, folder: Path | str) -> None:
        """Load the adapters of a PEFT folder. Raises ModelError if they do not fit."""
        self.model.language = cast(fit.load(self.model.bare, Path(folder), autocast=False), self.model.bare.dtype)

    def needs(self) -> str:
        """Disk space and memory in one line."""
        count = sum(p.numel() for p in self.model.parameters())
        size = sum(p.numel() * p.element_size() for p in self.model.parameters())
        disk, memory = size / 1e9, 1.15 * size / 1e9  # plus a cache of some thousand tokens
        return f"crab: {count / 1e9:.2f} billion parameters, {disk:.1f} GB on disk, {memory:.1f} GB in memory"

    def save(self, folder: Path | str) -> None:
        """Write the files that `load(folder)` reads: lookhear.json, model.safetensors, tokenizer."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        words = self._spoken()
        if self.model.bare is not self.model.language:
            raise ModelError(
                "Save the adapters by themselves: crab.model.language.save_pretrained(folder / 'adapter')."
            )
        checkpoints.save(self.model.state_dict(), folder / "model.safetensors")
        words.tokenizer.save_pretrained(folder)
        card = {"llm": self.name, "config": dataclasses.asdict(self.model.config)}
        (folder / "lookhear.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.model.bare.get_input_embeddings().weight.device

    def _spoken(self) -> Words:
        if self.words is None:
            raise ModelError("This Crab was built from sizes alone and has no tokenizer. Load one: crab.load(folder).")
        return self.words

    def prepared(self, media: Media | Prepared) -> Prepared:
        """`prepare` a clip if it is not prepared yet."""
        return self.prepare(media) if isinstance(media, Media) else media


def regions(reply: Reply, label: str) -> tuple[Region, ...]:
    """The masks of a reply as regions (logits > 0)."""
    return tuple(Region(label, mask=mask > 0) for mask in reply.masks)


def build(config: Config) -> Crab:
    """A model with random weights and no tokenizer; also `with torch.device("meta"): build(Config())`."""
    return Crab(Net(config))


def load(
    where: str | Path = BASE,
    adapter: str | Path | None = None,
    vision: str = VISION_BASE,
    hearing: str = beats.FILE,
    semantic: bool = False,
    **options: Any,
) -> Crab:
    """A folder that `save` wrote, or LLaMA, CLIP and BEATs by name or folder with Crab's published files on top.

    `adapter` is the folder of the published files (or one of them), or a PEFT folder; of the two mask decoders that
    for 71 classes is taken where `semantic`. Without any there are no masks. `options` are of `Config` and of
    `llms.omni.placement`. `.report` tells
    what was read from each file and what is random. Raises ModelError where something lacks or is left over.
    """
    placed, options = split({"dtype": "float32"} | options)
    folder = Path(where).expanduser()
    if (folder / "lookhear.json").is_file():
        crab = Crab(*storage.own(folder, options, placed))
        adapter = adapter or next((path for path in (folder / "adapter",) if path.is_dir()), None)
    else:
        sizes = configs.parse(Config, options, "crab")
        crab = Crab(*storage.assembled(str(where), vision, hearing, sizes, placed))
        crab.report = ("connectors and mask decoder are random: give adapter=FOLDER, or train them",)
    if adapter not in (None, "none"):
        files = storage.adapted(crab.model, Path(adapter).expanduser(), semantic)
        crab.report = tuple(f"{name}: {placed}" for name, placed in files.items())
    if placed.place is None:
        where_to = crab.model.bare.get_input_embeddings().weight
        for part in ("vision", "hearing", "look", "listen", "segment"):
            if getattr(crab.model, part) is not None:
                cast(getattr(crab.model, part), where_to.dtype, where_to.device)
    else:
        cast(crab.model, placed.kind, placed.place)
    return crab
