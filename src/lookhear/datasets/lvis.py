"""LVIS: objects of 1,203 categories in COCO's images, each with its outline (Gupta et al., CVPR 2019).

Annotations and images: lvisdataset.org (annotations CC BY 4.0; images COCO's, cocodataset.org).

    <root>/lvis_v1_train.json, lvis_v1_val.json    images, annotations (outlines as polygons), categories with `def`
    <root>/train2017/000000391895.jpg, …           images by file name, in any folder below <root>

Crab (CVPR 2025, section 3.4) pretrains its mask decoder on LVIS. There is one example per image and category, in the
form of Ref-AVS: the expression is the category's name and definition, the answer is all its objects in the image.
`with_mask` draws the outlines. 100,170 images for training, 19,809 for validation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.datasets.reading.annotations import Annotations, Fault, file_object, find_split, find_splits, read_rows
from lookhear.datasets.reading.tables import Row
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Source

FOLDERS = ("", "annotations")
PATTERNS = (r"lvis_v\d+(?:\.\d+)?_(train|val|test)\.json", r"lvis_(train|val|test)\.json")
PARTS = ("images", "annotations", "categories")


def load(root: Path | str, split: str) -> list[Example]:
    """Load every readable pair of an image and a category of `split`; `with_mask` adds the masks."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """Read the pairs of image and category of `split`; unreadable annotations are faults."""
    root = Path(root)
    path = find_split("lvis", root, split, FOLDERS, PATTERNS)
    pictures = {file.name: file for file in sorted(root.rglob("*.jpg"))}

    def make(row: dict[str, Any], line: int) -> Example:
        image, category = row["image"], row["category"]
        name = str(category["name"]).replace("_", " ")
        file = str(image.get("file_name") or image.get("coco_url") or "").rpartition("/")[2]
        definition = str(category.get("def") or "").strip()
        outlines = tuple(tuple(map(float, part)) for part in row["outlines"])
        return Example(
            id=f"{image['id']}_{category['id']}",
            task="localisation",
            clip=Clip(Source(Path(file).stem or str(image["id"]), pictures.get(file)), None),
            question=f"the {name}, {definition}" if definition else f"the {name}",
            reference=Answer(name),
            meta={"line": line, "form": "ref_avs", "null": False, "mask": outlines,
                  "size": (int(image["height"]), int(image["width"]))},
        )  # fmt: skip

    return read_rows(path, _rows(path), make)


def with_mask(example: Example) -> Example:
    """The example with all outlines drawn into one region of the reference."""
    from PIL import Image, ImageDraw

    from lookhear.datasets.reading.masks import regions_of

    height, width = example.meta["size"]
    picture = Image.new("L", (width, height))
    for outline in example.meta["mask"]:
        ImageDraw.Draw(picture).polygon(list(outline), fill=1)
    reference = example.reference or Answer("")
    return replace(example, reference=replace(reference, regions=regions_of(np.asarray(picture), reference.text)))


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))


def _rows(path: Path) -> Iterator[Row]:
    """One row per image and category, with the outlines of all its objects."""
    contents = file_object(path)
    if missing := next((part for part in PARTS if not isinstance(contents.get(part), list)), ""):
        raise DatasetError(f"{path}: no list {missing!r} in it. Is this an annotation file of LVIS?")
    images = {image["id"]: image for image in contents["images"]}
    categories = {category["id"]: category for category in contents["categories"]}
    outlines: dict[tuple[Any, Any], list[Any]] = defaultdict(list)
    faults: list[Fault] = []
    for number, annotation in enumerate(contents["annotations"], 1):
        outline = annotation.get("segmentation")
        known = annotation.get("image_id") in images and annotation.get("category_id") in categories
        if not known or not isinstance(outline, list) or not all(len(part) >= 6 for part in outline) or not outline:
            why = "no polygon" if known else "no such image or category"
            faults.append(Fault("malformed", path, number, why, str(annotation)[:80]))
            continue
        outlines[annotation["image_id"], annotation["category_id"]] += outline
    for fault in faults:
        yield fault.line or 0, fault, fault.text
    for number, ((image, category), some) in enumerate(outlines.items(), 1):
        yield number, {"image": images[image], "category": categories[category], "outlines": some}, ""
