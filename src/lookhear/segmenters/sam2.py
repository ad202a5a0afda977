"""Masks from a box and three points by frozen SAM 2 on transformers, without torchvision (Crab+, section 3).

    mask ─ prompts ─▶ box + centres of its three largest circles ─ training target as text
    reply ─ tasks.localisation.parse ─▶ regions ─ Segmenter ─▶ the same regions with masks

The language model is trained to write box and points; SAM 2 is frozen. The picture is resized to 224 x 224 (Lanczos, as
in the release), the frame of the coordinates, and then to 1024 x 1024 (bilinear with antialias, ImageNet's mean and
deviation). Coordinates are scaled to SAM's input by one of two rules: `corner` scales them directly, as the release and
SAM 2's predictor do; `centre` treats them as pixel centres. There is one mask per object: low-resolution logits,
upsampled bilinearly, > 0.

    sam = _sam2.load("facebook/sam2.1-hiera-large");  answer = sam.drawn(answer, frame)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lookhear import catalog, checkpoints
from lookhear.errors import ModelError, RecipeError
from lookhear.frontends.images import IMAGENET_MEAN, IMAGENET_STD
from lookhear.tasks.reading import boxes
from lookhear.types import Answer, Region

SIZE = boxes.SIZE
RULES = {"corner": 0.0, "centre": 0.5}  # of a pixel at 224, added before scaling


def prompts(mask: Bool[np.ndarray, "height width"], label: str = "", overlap: float = 0.3) -> tuple[Region, ...]:
    """The box of a mask and three points in it, as regions: what a model should write of this object.

    The box has the indices of the outermost pixels at 224 x 224; the points are centres of the largest inscribed
    circles, whose IoU is at most `overlap` unless fewer than three then fit. Raises ValueError for an empty mask.
    """
    small = boxes.resized(np.asarray(mask))
    points = boxes.inscribed(small, overlap)
    rows, columns = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
    box = (columns[0], rows[0], columns[-1], rows[-1])
    corners = [box, *((x, y, x, y) for x, y in points)]
    return tuple(Region(label, boxes.unit([float(n) for n in corner])) for corner in corners)


def square(
    picture: UInt8[np.ndarray, "height width 3"], side: int, via: int | None = SIZE
) -> Float[Tensor, "1 3 side side"]:
    """Resize a picture to SAM 2's square input, ignoring the aspect ratio, optionally via `via` x `via` pixels."""
    if via is not None and picture.shape[:2] != (via, via):
        picture = np.asarray(Image.fromarray(picture).resize((via, via), Image.Resampling.LANCZOS))
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    pixels = F.interpolate(pixels, (side, side), mode="bilinear", align_corners=False, antialias=True)
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels / 255 - mean) / deviation


class Segmenter:
    """Frozen SAM 2. `rule` scales coordinates to its input; `via` is the intermediate size of the picture."""

    def __init__(self, model: Any, rule: str = "corner", via: int | None = SIZE):
        if rule not in RULES:
            raise RecipeError(catalog.unknown("rule of coordinates", rule, RULES))
        self.model = model.eval().requires_grad_(False)
        self.rule, self.via = rule, via
        self.side: int = model.config.prompt_encoder_config.image_size

    @torch.inference_mode()
    def masks(
        self, picture: UInt8[np.ndarray, "height width 3"], objects: Sequence[Sequence[Region]], size: int = SIZE
    ) -> list[Bool[np.ndarray, "size size"]]:
        """One mask per object from its box and points; the picture is encoded once.

        Raises ModelError for an object with neither.
        """
        features = self.embedded(picture)
        return [self._drawn(features, regions, size) for regions in objects]

    @torch.inference_mode()
    def embedded(self, picture: UInt8[np.ndarray, "height width 3"]) -> list[Tensor]:
        """What SAM 2 keeps of a picture, one tensor a scale: the dear part of `masks`, the same for every object."""
        where = next(self.model.parameters())
        pixels = square(picture, self.side, self.via).to(where.device, where.dtype)
        return list(self.model.get_image_embeddings(pixels))

    @torch.inference_mode()
    def masked(self, answer: Answer, features: Sequence[Tensor], size: int = SIZE) -> Answer:
        """`drawn` from what `embedded` made of the picture."""
        where = next(self.model.parameters())
        placed = [f.to(where.device, where.dtype) for f in features]
        return self._laid(answer, lambda objects: [self._drawn(placed, regions, size) for regions in objects])

    def drawn(self, answer: Answer, picture: UInt8[np.ndarray, "height width 3"], size: int = SIZE) -> Answer:
        """The answer with a mask at the first region of every label; without regions it stays as it is."""
        return self._laid(answer, lambda objects: self.masks(picture, objects, size))

    def _laid(self, answer: Answer, draw: Callable[[list[list[Region]]], list[np.ndarray]]) -> Answer:
        labels = list(dict.fromkeys(r.label for r in answer.regions if r.box is not None))
        if not labels:
            return answer
        found = dict(zip(labels, draw([[r for r in answer.regions if r.label == la] for la in labels]), strict=True))
        regions = [dataclasses.replace(r, mask=found.pop(r.label)) if r.label in found else r for r in answer.regions]
        return dataclasses.replace(answer, regions=tuple(regions))

    def placed(self, edges: Sequence[float]) -> list[float]:
        """Coordinates 0..1 of the picture to pixels of SAM's square."""
        return [(edge * SIZE + RULES[self.rule]) * self.side / SIZE for edge in edges]

    def _drawn(self, features: Sequence[Tensor], regions: Sequence[Region], size: int) -> np.ndarray:
        boxes = [r.box for r in regions if r.box and r.box[:2] != r.box[2:]]
        points = [r.box[:2] for r in regions if r.box and r.box[:2] == r.box[2:]]
        if not boxes and not points:
            raise ModelError("SAM 2 was given an object with neither box nor points.")
        where = next(self.model.parameters())
        given: dict[str, Tensor] = {}
        if points:
            given["input_points"] = torch.tensor([[[self.placed(p) for p in points]]], device=where.device).to(where)
            given["input_labels"] = torch.ones(1, 1, len(points), dtype=torch.int, device=where.device)
        if boxes:
            given["input_boxes"] = torch.tensor([[self.placed(boxes[0])]], device=where.device).to(where)
        out = self.model(image_embeddings=list(features), multimask_output=False, **given)
        logits = out.pred_masks[:, 0].float()  # (1, 1, height, width)
        logits = F.interpolate(logits, (size, size), mode="bilinear", align_corners=False)
        return (logits[0, 0] > 0).cpu().numpy()


def build(config: Any = None, **options: Any) -> Segmenter:
    """SAM 2 of a configuration of transformers with random weights; None is the large one's."""
    transformers = checkpoints.transformers("SAM 2")
    return Segmenter(transformers.Sam2Model(config or transformers.Sam2Config()), **options)


def small() -> Any:
    """The configuration of a SAM 2 of 0.4 M weights with a square of 128 pixels, for tests and demonstrations."""
    transformers = checkpoints.transformers("SAM 2")
    trunk = transformers.Sam2HieraDetConfig(
        hidden_size=16, num_attention_heads=1, image_size=[128, 128], blocks_per_stage=[1, 2, 3, 1],
        embed_dim_per_stage=[16, 32, 64, 128], num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 4, 4], global_attention_blocks=[5],
        window_positional_embedding_background_size=[4, 4],
    )  # fmt: skip
    vision = transformers.Sam2VisionConfig(
        backbone_config=trunk, backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]], fpn_hidden_size=32,
    )  # fmt: skip
    prompt = {"hidden_size": 32, "image_size": 128, "patch_size": 16, "mask_input_channels": 16}
    decoder = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32}
    return transformers.Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)


def load(where: str | Path = "facebook/sam2.1-hiera-large", **options: Any) -> Segmenter:
    """SAM 2 by hub name (0.9 GB for the large one) or from a folder in the Hugging Face layout."""
    return Segmenter(checkpoints.pretrained("Sam2Model", str(where), "SAM 2"), **options)
