"""Check published features: rows, width, NaN, missing ids, and the likely encoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lookhear.errors import FeatureError
from lookhear.store.official import AXES, Adopted, turned
from lookhear.store.published import Published

SAMPLE = 64  # number of arrays whose values are checked by default
WIDTHS = (128, 256, 512, 768, 1024, 2048)  # usual feature widths
ENCODERS = {  # (stream, width, has negative values; None: either) -> likely encoder, and its name here
    ("audio", 128, False): "VGGish after its last ReLU (vggish)",
    ("audio", 128, True): "VGGish before its last ReLU (vggish@relu=false), or after PCA",
    ("audio", 512, None): "CLAP (clap)",
    ("audio", 768, None): "BEATs or AST (beats, ast)",
    ("audio", 2048, None): "PANNs Cnn14 (panns)",
    ("frames", 512, False): "ResNet-18 or R(2+1)D after pooling (resnet, r2plus1d)",
    ("frames", 512, True): "CLIP ViT-B/32 or B/16 (clip)",
    ("frames", 768, None): "CLIP ViT-L/14 (clip@weights=openai/clip-vit-large-patch14)",
    ("frames", 1024, None): "CLIP ViT-L before projection, or ImageBind (clip, imagebind)",
    ("frames", 2048, None): "ResNet-50 to 152 (resnet)",
    ("patches", 512, False): "maps of a ResNet-18 (resnet)",
    ("patches", 512, True): "CLIP ViT-B tokens (clip@patches=true)",
    ("patches", 1024, None): "merged tokens of a ViT-L/16 (tome_vit)",
    ("question", 512, None): "CLIP ViT-B text (clip_text)",
    ("question", 768, None): "CLIP ViT-L text (clip_text@weights=openai/clip-vit-large-patch14)",
    ("words", 512, None): "CLIP ViT-B text, all tokens (clip_text)",
    ("words", 768, None): "CLIP ViT-L text, all tokens, or BERT (clip_text, bert_words)",
    ("prompt", 768, None): "CLIP ViT-L text (clip_text@weights=openai/clip-vit-large-patch14)",
}


@dataclass(frozen=True)
class Review:
    """Description of one stream of published features. `faults`: clip or question -> fault of its array."""

    stream: str
    path: str
    count: int
    shapes: Mapping[str, int]  # shape -> number of arrays
    dtype: str
    low: float
    high: float
    read: int  # arrays whose values were checked
    likely: str
    faults: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # split -> clips (texts) that have no array
    unasked: int | None = None  # arrays that no split uses; None without a dataset
    bytes: int = 0

    def lines(self) -> list[str]:
        """Lines to print: description, then faults."""
        shapes = ", ".join(f"{shape}" + (f" x {n}" if len(self.shapes) > 1 else "") for shape, n in self.shapes.items())
        values = f"values {self.low:.3g} to {self.high:.3g} in {self.read} of them" if self.read else "no values read"
        output = [f"{self.stream}: {self.count} arrays of {shapes} {self.dtype}, {self.bytes / 1e9:.2f} GB, {values}"]
        output.append(f"  likely {self.likely}" if self.likely else "  of no encoder that is known here by its width")
        for name, why in list(self.faults.items())[:5]:
            output.append(f"  fault  {name}: {why}")
        if len(self.faults) > 5:
            output.append(f"  …      and {len(self.faults) - 5} more with faults; --json has all")
        for split, names in self.missing.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            output.append(f"  lacks  {names[0]!r}{more} of split {split}")
        if self.unasked:
            output.append(f"  note   {self.unasked} arrays are of nothing that the dataset asks about")
        return output

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def review(adopted: Adopted, wanted: Mapping[str, Iterable[str]] | None = None, whole: bool = False) -> Review:
    """Check the shapes of all arrays of a stream, and the values of SAMPLE arrays, or of all if `whole`.

    `wanted` is split -> keys of the clips or texts that will be needed.
    """
    files, stream = adopted.files, adopted.stream
    names = list(files)
    looked = set(names if whole else names[:: max(1, len(names) // SAMPLE)][:SAMPLE])
    shapes: Counter[tuple[int, ...]] = Counter()
    kinds: Counter[str] = Counter()
    faults: dict[str, str] = {}
    low, high, read, size = np.inf, -np.inf, 0, 0
    for name in names:
        array, fault = _array(files, name, stream, adopted.transposed)
        if array is None:
            faults[name] = fault
            continue
        shapes[array.shape] += 1
        kinds[str(array.dtype)] += 1
        size += array.nbytes
        if name in looked:
            read += 1
            bad = int((~np.isfinite(array)).sum()) if array.dtype.kind == "f" else 0
            if bad:
                faults[name] = f"{bad} of {array.size} values are NaN or infinite"
            elif array.size:
                low, high = min(low, float(array.min())), max(high, float(array.max()))
    usual = shapes.most_common(1)[0][0] if shapes else ()
    faults |= _unusual(files, names, faults, usual, adopted)
    missing = {
        split: lost for split, keys in (wanted or {}).items() if (lost := tuple(k for k in keys if k not in adopted))
    }
    asked = {k for keys in (wanted or {}).values() for k in keys}
    return Review(
        *(stream, str(files.path), len(names), {str(s): n for s, n in shapes.most_common()}),
        dtype=" and ".join(kinds),
        low=low if read and low <= high else float("nan"),
        high=high if read and low <= high else float("nan"),
        read=read,
        likely=_likely(stream, usual, low),
        faults=faults,
        missing=missing,
        unasked=len(set(adopted.names()) - asked) if wanted is not None else None,
        bytes=size,
    )


def _array(files: Published, name: str, stream: str, transposed: bool) -> tuple[np.ndarray | None, str]:
    """The array with the axes of its stream, or a description of its fault."""
    try:
        raw = files[name]
    except FeatureError as error:
        return None, str(error).partition(": ")[2] or str(error)
    if raw.dtype.kind not in "fiu":
        return None, f"it holds {raw.dtype}, not numbers"
    array = turned(raw, stream, transposed)
    if array is None:
        return None, f"shape {raw.shape} is not ({', '.join(AXES[stream])})"
    return (array, "") if array.size else (None, f"it is empty: shape {raw.shape}")


def _unusual(
    files: Published, names: Iterable[str], faults: Mapping[str, str], usual: tuple[int, ...], adopted: Adopted
) -> dict[str, str]:
    """Arrays of another width than most, and such as look transposed."""
    wrong: dict[str, str] = {}
    if not usual:
        return wrong
    for name in names:
        if name in faults:
            continue
        shape = turned(files[name], adopted.stream, adopted.transposed).shape  # type: ignore[union-attr]
        if shape[-1] != usual[-1]:
            turn = len(shape) > 1 and shape[0] == usual[-1]
            wrong[name] = f"shape {shape} looks transposed" if turn else f"{shape[-1]} wide, most are {usual[-1]}"
    if len(usual) == 2 and usual[-1] not in WIDTHS and usual[0] in WIDTHS:
        wrong["all"] = f"shape {usual} looks transposed: (time, width) is expected. Adopt with --transposed"
    return wrong


def _likely(stream: str, shape: tuple[int, ...], low: float) -> str:
    if not shape:
        return ""
    return next(
        (what for (s, w, neg), what in ENCODERS.items() if (s, w) == (stream, shape[-1]) and neg in (None, low < 0)), ""
    )
