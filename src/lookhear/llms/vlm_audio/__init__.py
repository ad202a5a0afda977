"""V-LLM+A of Crab+: Qwen2.5-VL with an audio encoder (BEATs) and a windowed Q-Former, one query per 0.33 s.

frames ─ vision tower of Qwen2.5-VL ──────────────────────────────────┐
sound ─ BEATs, 50 tokens a second ─ windows of 17 ─ Q-Former ─ MLP ───┼─▶ language model ─▶ text
question ─────────────────────────────────────────────────────────────┘   88 tokens for 30 s of sound

Neither code nor weights of this variant are published. From the paper: windows of 0.33 s with one query each, as in
SALMONN; the connector is trained first and frozen when the language model is adapted. Our additions: sound longer than
30 s is encoded in pieces of 30 s; its features replace a placeholder token, which Qwen2.5-VL never generates, between
the texts <audio> and </audio> after the picture. Everything else is as in `crab_plus`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear import config as configs
from lookhear.encoders import beats
from lookhear.errors import ModelError
from lookhear.ilora import fit
from lookhear.layers import qformer
from lookhear.layers.casting import cast
from lookhear.layers.kv_cache import IGNORED, MediaCache, Packed, cached_tensors, packed, pad_left
from lookhear.layers.packing import HEARD
from lookhear.llms import Prepared
from lookhear.llms.crab.parts import HEARING, published
from lookhear.llms.omni import hub, inputs, learning, storage
from lookhear.llms.omni.inputs import LEAD, InputOptions
from lookhear.llms.omni.placement import split
from lookhear.llms.omni.thinker import Omni
from lookhear.llms.omni.tokens import bytes_tokenizer, token_ids
from lookhear.llms.vlm_audio.parts import TEXT, VISION, AudioBranch, Config, Net, positions
from lookhear.types import Media

NAME = "vlm_audio"
BASE = "Qwen/Qwen2.5-VL-7B-Instruct"
PIECE, SHORTEST = 30 * HEARD, HEARD // 2  # samples: longest and shortest sound of one BEATs input
EARS = "sound.safetensors"  # BEATs and the connector, in a saved folder
MARKS = {  # names in the tokenizer: Qwen2.5-VL's, then those of the Omni family
    "im_start": ("<|im_start|>",),
    "im_end": ("<|im_end|>",),
    "vision_bos": ("<|vision_start|>", "<|vision_bos|>"),
    "vision_eos": ("<|vision_end|>", "<|vision_eos|>"),
}
PLACES = {"video": ("<|video_pad|>", "<|VIDEO|>"), "image": ("<|image_pad|>", "<|IMAGE|>")}
PLACES |= {"audio": ("<|vision_pad|>", "<|AUDIO|>")}


class VLMAudio(Omni):
    """The model with its tokenizer. `model.language` is Qwen2.5-VL, `model.ears` the audio encoder."""

    model: Net
    connectors = ("ears.connector",)  # modules of `model` that the first stage trains

    def __init__(self, model: Net, tokenizer: Any, options: InputOptions | None = None):
        self.model, self.tokenizer = model.eval(), tokenizer
        self.options = options or InputOptions()
        self.name = NAME
        self.size_on_disk = None
        self.report = ()
        self.ids = {name: self._token(*written) for name, written in MARKS.items()}
        self.places = {name: self._token(*written) for name, written in PLACES.items()}
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.ids["im_end"]
        self.stop = {self.ids["im_end"], self.pad, tokenizer.eos_token_id} - {None}

    @property
    def base(self) -> Any:
        """Qwen2.5-VL without PEFT's wrapper; its layers contain the adapters."""
        return fit.unwrapped(self.model.language)

    def prepare(self, media: Media, pair: str = "") -> Prepared:
        """Patches of the frames with their grid, and `fbanks`: log-mel rows of each piece of sound."""
        silent = dataclasses.replace(media, waveform=None)
        prepared = inputs.prepare(silent, self.options, None, self.name, pair)
        if media.waveform is not None:
            if media.sample_rate != HEARD:
                raise ModelError(f"{self.name} hears {HEARD} samples a second, not {media.sample_rate}.")
            wave = torch.from_numpy(np.ascontiguousarray(media.waveform, np.float32))
            cut = [p for p in wave.split(PIECE) if len(p) >= SHORTEST] or [wave]
            prepared["fbanks"] = [beats.front_end(F.pad(p, (0, max(0, SHORTEST - len(p))))) for p in cut]
        return prepared

    def prefix(self, prepared: Prepared) -> list[int]:
        """Token ids up to the end of the media: picture, then sound."""
        seen = next((k for k in ("video", "image") if f"{k}_grid_thw" in prepared), None)
        media = tuple(k for k in (seen, "audio" if "fbanks" in prepared else None) if k)
        ids, say = self.ids, self.tokens
        ids_so_far = [ids["im_start"], *say(f"system\n{self.options.system}"), ids["im_end"], *say("\n")]
        ids_so_far += [ids["im_start"], *say("user\n" + (LEAD[media] if self.options.lead else ""))]
        if seen:
            count = int(prepared[f"{seen}_grid_thw"].prod()) // self.options.eye.merge**2
            ids_so_far += [ids["vision_bos"], *[self.places[seen]] * count, ids["vision_eos"]]
        if "audio" in media:
            count = sum(self.model.ears.count(len(f)) for f in prepared["fbanks"])
            ids_so_far += [*say("<audio>"), *[self.places["audio"]] * count, *say("</audio>")]
        return ids_so_far

    @torch.inference_mode()
    def watch(self, media: Sequence[Media | Prepared]) -> MediaCache:
        """The media prefix of each clip in a key-value cache."""
        from transformers import DynamicCache

        given = self.prepared(media)
        ids, mask = pad_left([self.prefix(one) for one in given], self.pad, self.device)
        positions, after = self.positions(ids, mask, self.tensors(given))
        cache = DynamicCache()
        self.base.model.language_model(
            inputs_embeds=self._embedded(ids, given), attention_mask=mask.long(), position_ids=positions,
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        return MediaCache(cached_tensors(cache), mask, after, axes=3)

    def settings(self) -> str:
        """All options that affect the result of `prepare`, as text."""
        return f"{self.name} {self.sampling} {self.options} "

    def logits(self, media: Sequence[Media | Prepared], pairs: learning.Pairs) -> tuple[Tensor, Packed]:
        """Logits (token, word) at the positions that predict reply tokens, and the packed rows that they belong to."""
        given = self.prepared(media)
        clips = [self.prefix(one) for one in given]
        batch = packed(clips, pairs, self.pad, self.device)
        ids, mask = pad_left(clips, self.pad, self.device)
        embeds = self._embedded(batch.ids, given)
        hidden = self.base.model.language_model(
            inputs_embeds=embeds, attention_mask=batch.mask(embeds.dtype), use_cache=False,
            position_ids=batch.positions(*self.positions(ids, mask, self.tensors(given))),
        ).last_hidden_state  # fmt: skip
        return self.base.lm_head(hidden[batch.labels != IGNORED]), batch

    def adapt(self, config: Any) -> None:
        """Add PEFT adapters to the language model. The connector is frozen, as in the paper's second stage."""
        import peft

        self.model.language = peft.get_peft_model(self.base, config)
        self.model.ears.requires_grad_(False)

    @property
    def spoken(self) -> nn.Module:
        """The module that PEFT wraps."""
        return self.model.language

    def load_adapter(self, folder: Path | str) -> None:
        """Load the adapters of a PEFT folder. Raises ModelError if they do not fit."""
        import lookhear.ilora.method  # noqa: F401  registers I-LoRA with PEFT

        dtype = self.base.get_input_embeddings().weight.dtype
        self.model.language = cast(fit.load(self.base, Path(folder), autocast=False), dtype)

    def save(self, folder: Path | str) -> None:
        """Save base and tokenizer in the Hugging Face layout, sound.safetensors, lookhear.json."""
        folder = Path(folder)
        if self.base is not self.model.language:
            raise ModelError("Save the adapters by themselves: llm.model.language.save_pretrained(folder / 'adapter').")
        self.base.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        ears = self.model.ears
        checkpoints.save(ears.state_dict(), folder / EARS)
        told = {"llm": NAME, "hearing": ears.cfg, "connector": dataclasses.asdict(ears.connector.config)}
        told["options"] = inputs.stored(self.options)
        (folder / hub.CARD).write_text(json.dumps(told, indent=1) + "\n", "utf-8")

    def tensors(self, given: Sequence[Prepared]) -> dict[str, Tensor]:
        return {k: v for k, v in super().tensors(given).items() if "feature" not in k}

    def _embedded(self, ids: Int[Tensor, "clip token"], given: Sequence[Prepared]) -> Float[Tensor, "clip token dim"]:
        """Input embeddings with picture and sound features in place of their placeholders."""
        embeds, tensors = self.base.get_input_embeddings()(ids), self.tensors(given)
        features_of: dict[str, list[Tensor]] = {name: [] for name in PLACES}
        see = self.base.model
        if "video_grid_thw" in tensors:
            out = see.get_video_features(tensors["pixel_values_videos"], tensors["video_grid_thw"])
            features_of["video"] = list(out.pooler_output)
        if "image_grid_thw" in tensors:
            out = see.get_image_features(tensors["pixel_values"], tensors["image_grid_thw"])
            features_of["image"] = list(out.pooler_output)
        for one in given:
            features_of["audio"] += [
                self.model.ears(piece[None].to(embeds.device, embeds.dtype))[0] for piece in one.get("fbanks", ())
            ]
        for name, parts in features_of.items():
            if parts:
                features = torch.cat(parts).to(embeds.dtype)
                embeds = embeds.masked_scatter((ids == self.places[name])[..., None], features)
        return embeds

    def positions(
        self, ids: Int[Tensor, "clip token"], mask: Bool[Tensor, "clip token"], tensors: Mapping[str, Tensor]
    ) -> tuple[Int[Tensor, "3 clip token"], Int[Tensor, " clip"]]:
        """Positions of prefixes in time, height and width, and the next position of each. Sound counts as text.

        The tokens after a video start after its last frame's time position, as in Qwen2.5-VL's training; transformers
        5.23 starts them after the height of a frame, inside the video's own positions.
        """
        return positions(ids, mask, tensors, self.base.config.vision_config, self.places)


def build(config: Config, tokenizer: Any = None, options: InputOptions | None = None) -> VLMAudio:
    """A model with random weights; on `torch.device("meta")` it uses no memory.

    The default tokenizer is a byte tokenizer.
    """
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = tokenizer or bytes_tokenizer()
    ids = {k: v for k, v in token_ids(tokenizer).items() if "audio" not in k}
    ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = TEXT | ends | config.text
    sizes = Qwen2_5_VLConfig(text_config=text, vision_config=VISION | config.vision, **ids)
    language = Qwen2_5_VLForConditionalGeneration(sizes)
    ears = AudioBranch(HEARING | config.hearing, text["hidden_size"], config.window, config.connector)
    return VLMAudio(Net(language, ears), tokenizer, options or InputOptions(eye=inputs.eye(sizes.vision_config)))


def load(
    where: str | Path = BASE,
    adapter: str | Path | None = None,
    hearing: str = beats.FILE,
    **options: Any,
) -> VLMAudio:
    """Load Qwen2.5-VL by hub name or folder with BEATs from the file `hearing`, or a folder that `save` wrote.

    Without such a folder the connector is random, as `report` says; train it first. `adapter` is a PEFT folder; the
    default is the folder's own `adapter/`; "none" loads no adapter. `options` are fields of InputOptions.
    """
    from safetensors.torch import load_file
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    placed, options = split(options)
    folder = hub.fetched(where, hub.WANTED, NAME)
    model, report = storage.base(folder, (Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig), placed)
    card = storage.card(folder)
    wide = model.config.text_config.hidden_size
    if (folder / EARS).is_file():
        given = configs.parse(qformer.Config, card.get("connector"), str(folder / hub.CARD))
        sizes = {k: getattr(given, k) for k in ("width", "layers", "heads", "inner", "dropout")}
        with checkpoints.reading("BEATs and its connector from", folder):
            ears = AudioBranch(card["hearing"], wide, given.window or 17, sizes)
            checkpoints.load(ears, load_file(folder / EARS), folder / EARS)
    else:
        cfg, known = published(hearing)
        ears = AudioBranch(cfg, wide, 17, {})
        ears.hearing.load_state_dict(known.state_dict())
        report.append("the connector of sound is random, as none is published: train it first")
    adapter = adapter or next((p for p in (folder / "adapter",) if p.exists()), None)
    if adapter not in (None, "none"):
        model, said = storage.adapted(model, adapter, NAME)
        report += said
    shown = inputs.of_folder(card, {}, model.config.vision_config, options)
    whole = fit.unwrapped(model)
    llm = VLMAudio(Net(model, ears.to(whole.get_input_embeddings().weight)), storage.tokenizer(folder), shown)
    if placed.place is not None:
        llm.model.to(placed.place)
    llm.report = tuple(report)
    return llm
