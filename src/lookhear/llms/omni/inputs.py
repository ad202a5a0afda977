"""Input options of Qwen-Omni models: frames, their size, sound, time positions, and prompt text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import torch

from lookhear import catalog, config
from lookhear.errors import ModelError, RecipeError
from lookhear.layers.packing import HEARD, Eye, mel, patches, scaled
from lookhear.media.sampling import Sampling
from lookhear.tasks.reading import excerpts
from lookhear.types import Media

SYSTEM = (
    "You are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, capable of perceiving auditory and "
    "visual inputs, as well as generating text and speech."
)
LEAD: Mapping[Any, str] = {  # available media, or direction of matching -> first sentence of the prompt (Crab+)
    ("video", "audio"): "This is a video and an audio:",
    ("image", "audio"): "This is an image and an audio:",
    ("video",): "This is a video:",
    ("image",): "This is an image:",
    ("audio",): "This is an audio:",
    (): "",
    "a2v": "These are two videos and an audio:",
    "v2a": "This is a video and two audio clips:",
}
LONGEST = 300.0  # seconds of sound that Qwen-Omni accepts


@dataclass(frozen=True)
class InputOptions:
    """Input of a Qwen-Omni model.

    Frames are scaled to `size` (height, width); None keeps their aspect ratio with about `pixels` pixels at most.
    `sound` is a rule of `tasks.reading.excerpts.sound`. `clock` is `nominal` (each pair of frames lasts
    `seconds_per_grid` seconds, as in Crab+) or `true` (the frames' own times); `time_scale` multiplies both. `system`
    is the system prompt; `lead` adds a sentence that lists the media. `longest` limits the sound in seconds.
    """

    sampling: Sampling = field(default_factory=lambda: Sampling(rule="crab_plus_linspace", count=10))
    size: tuple[int, int] | None = (224, 224)
    pixels: int = 100_352
    sound: str = "whole"
    clock: str = "nominal"
    seconds_per_grid: float = 2.0
    time_scale: float = 1.0
    system: str = SYSTEM
    lead: bool = True
    longest: float = LONGEST
    eye: Eye = field(default_factory=Eye)

    def __post_init__(self) -> None:
        if self.size is not None:
            object.__setattr__(self, "size", tuple(self.size))
        if self.clock not in ("nominal", "true"):
            raise RecipeError(f"clock={self.clock!r}: there are nominal and true.")
        if any(side % self.eye.unit for side in self.size or ()):
            raise RecipeError(f"size={self.size!r}: height and width must be multiples of {self.eye.unit}.")
        if self.sound not in (rules := {*excerpts.SOUND.values(), "whole"}):
            raise RecipeError(f"sound={self.sound!r}: there are {', '.join(sorted(rules))}.")
        if self.time_scale <= 0 or self.seconds_per_grid <= 0:
            raise RecipeError("time_scale and seconds_per_grid must be positive.")

    def near(self, shape: Sequence[int]) -> tuple[int, int]:
        """The size nearest to `shape` (height, width) in whole patches, with about `pixels` pixels at most."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        least = 4 * self.eye.unit**2
        height, width = shape
        return smart_resize(height, width, factor=self.eye.unit, min_pixels=least, max_pixels=max(self.pixels, least))


def prepare(media: Media, options: InputOptions, extractor: Any, name: str, pair: str = "") -> dict[str, Any]:
    """`pixel_values…` with their grid, and `input_features` (band, frame) at 16 kHz, for the tracks that the clip has.

    Raises ModelError for another sample rate; `name` is the model in that message.
    """
    inputs = dict[str, Any]()
    if pair:
        inputs["pair"] = pair
    if media.frames is not None and len(media.frames):
        size = options.size or options.near(media.frames.shape[1:3])
        flat, grid = patches(scaled(media.frames, size), options.eye)
        if len(media.frames) == 1:
            inputs |= {"pixel_values": flat, "image_grid_thw": torch.tensor([grid])}
        else:
            seconds = options.time_scale * seconds_per_grid(media, options)
            inputs |= {"pixel_values_videos": flat, "video_grid_thw": torch.tensor([grid])}
            inputs["video_second_per_grid"] = torch.tensor([seconds], dtype=torch.float32)
    if media.waveform is not None:
        if media.sample_rate != HEARD:
            raise ModelError(f"{name} hears {HEARD} samples a second, not {media.sample_rate}.")
        sound = media.waveform[: int(options.longest * HEARD)]
        if len(sound) < len(media.waveform):
            cut = f"only the first {options.longest:g} s of {len(media.waveform) / HEARD:.0f} s of sound were heard"
            inputs["notes"] = (cut,)
        where = excerpts.sound(len(sound), options.sound)
        heard = sound[where.clip(min=0)] * (where >= 0) if len(sound) else 0.0 * where
        inputs["input_features"] = mel(heard, extractor)
    return inputs


def seconds_per_grid(media: Media, options: InputOptions) -> float:
    """Duration in seconds of one row of the time grid."""
    if options.clock == "nominal" or len(media.times) < 2:
        return options.seconds_per_grid
    return float(options.eye.together * (media.times[-1] - media.times[0]) / (len(media.times) - 1))


def eye(vision: Any, told: Mapping[str, Any] | None = None) -> Eye:
    """Patch sizes of the vision tower from its config, and colour normalisation from preprocessor_config.json."""
    colours = {
        ours: tuple(told[k]) for ours, k in (("mean", "image_mean"), ("deviation", "image_std")) if told and k in told
    }
    return Eye(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size, **colours)


def changed(told: Mapping[str, Any], changes: Mapping[str, Any], start: InputOptions) -> InputOptions:
    """`start` updated with the options of a card and with `changes`. Raises RecipeError for an unknown name."""
    merged = {**told, **changes}
    if "frames" in merged:
        merged["sampling"] = replace(start.sampling, count=int(merged.pop("frames")))
    known = [f.name for f in fields(InputOptions)]
    wrong = next((k for k in merged if k not in known), None)
    if wrong is not None:
        raise RecipeError(catalog.unknown("option of a language model", wrong, (*known, "frames", "dtype", "device")))
    if isinstance(merged.get("sampling"), Mapping):
        merged["sampling"] = config.parse(Sampling, merged["sampling"], where="sampling")
    if isinstance(merged.get("eye"), Mapping):
        merged["eye"] = Eye(**{k: tuple(v) if isinstance(v, list) else v for k, v in merged["eye"].items()})
    for key, kind in (("seconds_per_grid", float), ("time_scale", float), ("longest", float), ("pixels", int)):
        if key in merged:
            merged[key] = kind(merged[key])
    return replace(start, **merged)


def stored(options: InputOptions) -> dict[str, Any]:
    """The options as a folder's lookhear.json holds them."""
    told = {f.name: getattr(options, f.name) for f in fields(options)}
    return told | {"sampling": asdict(options.sampling), "eye": asdict(options.eye)}


def of_folder(
    card: Mapping[str, Any],
    pictures: Mapping[str, Any],
    vision: Any,
    changes: Mapping[str, Any],
    start: InputOptions | None = None,
) -> InputOptions:
    """The options of a folder: `start`, updated with its lookhear.json (`card`), then with `changes`.

    `pictures` is its preprocessor_config.json, `vision` the config of its vision tower.
    """
    seen = eye(vision, pictures)
    options = dict(card.get("options", {}))
    if "sampling" in card:
        options["sampling"] = card["sampling"]
    side = pictures.get("size") if isinstance(pictures.get("size"), int) else 8 * seen.unit
    asked = (options.get("sampling") or {}).get("size")
    if start is None or asked:
        options.setdefault("size", tuple(asked) if asked else (side, side))
    options.setdefault("eye", seen)
    return changed(options, changes, replace(start or InputOptions(), size=None))
