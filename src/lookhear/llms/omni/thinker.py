"""Common class of the Qwen-Omni family: prompts and media tensors, caching, answering, training loss.

    system, lead-in │ <vision> 5 x 8 x 8 tokens </vision> │ <audio> 25 tokens a second </audio> │ question │ reply
    └───────────────────── the media prefix, independent of the question ─────────────────────┘

A still image is one frame; a clip without one of its tracks has a shorter lead-in. `model` is a transformers thinker,
with or without adapters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Real
from torch import Tensor, nn

from lookhear.errors import ModelError
from lookhear.ilora import fit
from lookhear.layers.casting import cast
from lookhear.layers.generation import GREEDY, Generation, OnText, generate, placed
from lookhear.layers.kv_cache import IGNORED, MediaCache, cached_tensors, pad_left, spread
from lookhear.layers.packing import heard_tokens, padded_mels
from lookhear.llms import Prepared, Reply
from lookhear.llms.omni import inputs, learning
from lookhear.llms.omni.hub import CARD
from lookhear.llms.omni.inputs import LEAD as LEAD
from lookhear.llms.omni.inputs import SYSTEM as SYSTEM
from lookhear.llms.omni.inputs import InputOptions as InputOptions
from lookhear.media.sampling import Sampling
from lookhear.types import Media

EDGES = {  # tokens around picture and sound in Qwen2.5 and Qwen3
    "vision_bos": ("<|vision_bos|>", "<|vision_start|>"),
    "vision_eos": ("<|vision_eos|>", "<|vision_end|>"),
    "audio_bos": ("<|audio_bos|>", "<|audio_start|>"),
    "audio_eos": ("<|audio_eos|>", "<|audio_end|>"),
}
TOGETHER = 16  # largest number of questions answered in one batch


class Omni:
    """A thinker with its tokenizer (with Qwen's special tokens) and its spectrogram extractor."""

    heard = staticmethod(heard_tokens)
    draws = False
    connectors: tuple[str, ...] = ("visual.merger", "audio_tower.proj")

    def __init__(
        self, model: nn.Module, tokenizer: Any, extractor: Any, options: InputOptions | None = None, name: str = ""
    ):
        self.model, self.tokenizer, self.extractor = model, tokenizer, extractor
        self.options = options or InputOptions()
        self.name = name
        self.size_on_disk: int | None = None
        self.report: tuple[str, ...] = ()
        config = self.base.config
        self.ids = {name: self._token(f"<|{name}|>") for name in ("im_start", "im_end")}
        self.ids |= {name: self._token(*written) for name, written in EDGES.items()}
        self.places = {k: getattr(config, f"{k}_token_id") for k in ("video", "image", "audio")}
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.ids["im_end"]
        self.stop = {self.ids["im_end"], self.pad, tokenizer.eos_token_id} - {None}

    @property
    def sampling(self) -> Sampling:
        """The frame sampling for this model."""
        return self.options.sampling

    @property
    def base(self) -> nn.Module:
        """The thinker without PEFT's wrapper; its layers contain the adapters."""
        return fit.unwrapped(self.model)

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.model.parameters()).device

    def prepare(self, media: Media, pair: str = "") -> Prepared:
        """`pixel_values…` with their grid, and `input_features` (band, frame), for the tracks that the clip has.

        `pair`: `a2v` if the frames are those of two videos in sequence, `v2a` if the sound is that of two.
        """
        return inputs.prepare(media, self.options, self.extractor, self.name, pair)

    def prefix(self, prepared: Prepared) -> list[int]:
        """Token ids up to the end of the media: picture, then sound (sound first for `a2v`)."""
        seen = next((k for k in ("video", "image") if f"{k}_grid_thw" in prepared), None)
        media = tuple(k for k in (seen, "audio" if "input_features" in prepared else None) if k)
        ids, say, parts = self.ids, self.tokens, []
        if seen:
            count = int(prepared[f"{seen}_grid_thw"].prod()) // self.options.eye.merge**2
            parts.append([ids["vision_bos"], *[self.places[seen]] * count, ids["vision_eos"]])
        if "audio" in media:
            count = self.heard(prepared["input_features"].shape[1])
            parts.append([ids["audio_bos"], *[self.places["audio"]] * count, ids["audio_eos"]])
        pair = prepared.get("pair", "")
        lead = LEAD[pair or media] if self.options.lead else ""
        found = [ids["im_start"], *say(f"system\n{self.options.system}"), ids["im_end"], *say("\n")]
        found += [ids["im_start"], *say("user\n" + lead)]
        return found + [token for part in (parts[::-1] if pair == "a2v" else parts) for token in part]

    def question(self, prompt: str) -> list[int]:
        """Token ids from the question to the start of the reply."""
        ids, say = self.ids, self.tokens
        return [*say(prompt), ids["im_end"], *say("\n"), ids["im_start"], *say("assistant\n")]

    def reply(self, target: str) -> list[int]:
        """Token ids of a reply, with the end token."""
        return [*self.tokens(target), self.ids["im_end"]]

    def tokens(self, text: str) -> list[int]:
        """Tokenise plain text; special tokens in it are not recognised."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"] if text else []

    @torch.inference_mode()
    def watch(self, media: Sequence[Media | Prepared]) -> MediaCache:
        """The media prefix of each clip in a key-value cache."""
        from transformers import DynamicCache

        given = self.prepared(media)
        ids, mask = pad_left([self.prefix(clip) for clip in given], self.pad, self.device)
        tensors = self.tensors(given)
        positions, after = self.positions(ids, mask, tensors)
        cache = DynamicCache()
        self.base.model(
            input_ids=ids,
            attention_mask=mask.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **tensors,
        )
        notes = tuple(tuple(clip.get("notes", ())) for clip in given)
        return MediaCache(cached_tensors(cache), mask, after, axes=3, notes=notes)

    def answer(
        self,
        seen: MediaCache,
        rows: Sequence[int],
        prompts: Sequence[str],
        max_tokens: int = 64,
        how: Generation = GREEDY,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        """A reply to each prompt about the clip in its row; prompts of similar length share a batch.

        `on_text` is called with (index of the prompt, reply so far) as replies grow.
        """
        if len(rows) != len(prompts):
            raise ModelError(f"{len(rows)} rows for {len(prompts)} prompts: one row each.")
        asked = [self.question(prompt) for prompt in prompts]
        order = sorted(range(len(asked)), key=lambda i: len(asked[i]))
        replies: dict[int, Reply] = {}
        for start in range(0, len(order), TOGETHER):
            some = order[start : start + TOGETHER]
            said = generate(
                self.base, seen, [rows[i] for i in some], [asked[i] for i in some], self.stop, self.pad, max_tokens,
                how, self._read, placed(on_text, some),
            )  # fmt: skip
            for i, one in zip(some, said, strict=True):
                text = self._read(one.tokens) if one.text is None else one.text
                replies[i] = Reply(text.strip(), one.score, one.tokens)
        return [replies[i] for i in range(len(asked))]

    def _read(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def settings(self) -> str:
        """All options that affect the result of `prepare`, as text."""
        return f"{self.name} {self.sampling} {self.options} {self.extractor.to_json_string()}"

    def loss(
        self,
        media: Sequence[Media | Prepared],
        asks: Sequence[Sequence[tuple[str, str]]],
        masks: Sequence[Sequence[Any]] | None = None,
    ) -> Float[Tensor, ""]:
        """Mean cross-entropy over the tokens of all targets; a clip and all its questions are one row."""
        if masks is not None:
            raise ModelError(f"{self.name} has no mask decoder, so it cannot be trained on masks. Train crab on them.")
        pairs = [[(self.question(p), self.reply(t)) for p, t in some] for some in asks]
        said, batch = self.logits(media, pairs)
        return nn.functional.cross_entropy(said.float(), batch.labels[batch.labels != IGNORED])

    logits = learning.logits
    sample = learning.sample
    logprobs = learning.logprobs

    def adapt(self, config: Any) -> None:
        """Add PEFT adapters (ILoraConfig, LoraConfig, …) to the thinker; all other parameters are frozen."""
        import peft

        self.model = peft.get_peft_model(self.base, config)

    @property
    def spoken(self) -> nn.Module:
        """The module that PEFT wraps, with its adapters if any."""
        return self.model

    def load_adapter(self, folder: Path | str) -> None:
        """Load the adapters of a PEFT folder. Raises ModelError if they do not fit."""
        import lookhear.ilora.method  # noqa: F401  registers I-LoRA with PEFT

        dtype = self.base.get_input_embeddings().weight.dtype
        self.model = cast(fit.load(self.base, Path(folder), autocast=False), dtype)

    def needs(self) -> str:
        """Memory of the weights and, if known, their size on disk."""
        held = sum(p.numel() * p.element_size() for p in self.model.parameters())
        count = sum(p.numel() for p in self.model.parameters())
        disk = f", {self.size_on_disk / 1e9:.1f} GB on disk" if self.size_on_disk else ""
        dtype = str(next(self.model.parameters()).dtype).removeprefix("torch.")
        return f"{count / 1e6:,.0f} M parameters: {held / 1e9:.2f} GB of memory in {dtype}{disk}"

    def using(self, **changes: Any) -> Omni:
        """The same model with other input options: `sound="windows"`, `time_scale=0.5`, …"""
        self.options = replace(self.options, **changes)
        return self

    def save(self, folder: Path | str) -> None:
        """Save base, tokenizer and extractor in the Hugging Face layout, adapters in `adapter/`, and the options."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = None
        if self.model is not self.base:
            self.model.save_pretrained(folder / "adapter")
            state = {
                key.replace(".base_layer.", ".").replace(".original_module.", "."): tensor
                for key, tensor in self.base.state_dict().items()
                if not any(part in key for part in ("lora_", ".modules_to_save."))
            }
        self.base.save_pretrained(folder, state_dict=state)
        self.tokenizer.save_pretrained(folder)
        self.extractor.save_pretrained(folder)
        told = {"llm": self.name, "options": inputs.stored(self.options)}
        (folder / CARD).write_text(json.dumps(told, indent=2) + "\n", "utf-8")

    def _token(self, *written: str) -> int:
        known = self.tokenizer.get_vocab()
        found = next((known[token] for token in written if token in known), None)
        if found is None:
            raise ModelError(f"The tokenizer knows no {written[0]!r}: it is none of Qwen-Omni's.")
        return found

    def prepared(self, media: Sequence[Media | Prepared]) -> list[Prepared]:
        """Preprocess clips; prepared ones are unchanged."""
        return [one if isinstance(one, Mapping) else self.prepare(one) for one in media]

    def tensors(self, given: Sequence[Prepared]) -> dict[str, Tensor]:
        """Input tensors of all clips, in order, without token ids."""
        inputs: dict[str, Tensor] = {}
        for name in (
            "pixel_values_videos",
            "video_grid_thw",
            "video_second_per_grid",
            "pixel_values",
            "image_grid_thw",
        ):
            parts = [one[name] for one in given if name in one]
            if parts:
                inputs[name] = torch.cat(list(parts)).to(self.device)
        mels = [one["input_features"] for one in given if "input_features" in one]
        if mels:
            inputs["input_features"], inputs["feature_attention_mask"] = (t.to(self.device) for t in padded_mels(mels))
        return inputs

    def positions(
        self, ids: Int[Tensor, "clip token"], mask: Bool[Tensor, "clip token"], tensors: Mapping[str, Tensor]
    ) -> tuple[Real[Tensor, "3 clip token"], Real[Tensor, " clip"]]:
        """Positions of prefixes in time, height and width, and the next position of each."""
        frames = tensors.get("feature_attention_mask")
        if "video_grid_thw" in tensors or "image_grid_thw" in tensors:
            positions, _ = self.base.get_rope_index(
                ids,
                image_grid_thw=tensors.get("image_grid_thw"),
                video_grid_thw=tensors.get("video_grid_thw"),
                attention_mask=mask.long(),
                use_audio_in_video=False,
                audio_seqlens=None if frames is None else frames.sum(-1),
                second_per_grids=tensors.get("video_second_per_grid"),
            )
            positions = positions.masked_fill(~mask, 0)  # Qwen3 uses fractional positions
        else:
            positions = spread((mask.long().cumsum(-1) - 1).clamp(min=0), 3)
        return positions, positions.amax((0, 2)) + 1
