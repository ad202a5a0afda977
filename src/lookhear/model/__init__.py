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
from pathlib import Path
from typing import Any

from lookhear import catalog
from lookhear.errors import ModelError, RecipeError
from lookhear.layers.generation import Generation
from lookhear.llms import Trainable
from lookhear.model import names as _names
from lookhear.model import readers as _readers
from lookhear.model import real as _real
from lookhear.model._clips import Model, Storing, Video, Watched, clip_of, plain, stamp
from lookhear.model.hub import fetched, push_to_hub
from lookhear.model.llm import LLMModel
from lookhear.model.net import NetModel, says, served
from lookhear.model.runs import SCALE_PARTS, load_run
from lookhear.model.sizes import build_net, widths, wrapped
from lookhear.model.windows import WindowedModel
from lookhear.store.features import FeatureStore
from lookhear.types import Answer

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
SHIPPED = Path(__file__).parents[1] / "weights"


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
    folder = Path(name)
    if (generation is not None or window) and not _names.named(name):
        raise RecipeError(f"{str(name)!r} writes no replies: generation and window are of language models.")
    if str(name) == REAL and not folder.is_dir():
        return _real.RealModel(store=store)
    if str(name).startswith(_readers.MARK):
        read = _readers.reader(str(name).removeprefix(_readers.MARK), late)
        return _real.RealModel(store=store, reader=read, name=str(name))
    if not folder.is_dir() and str(name) in shipped():
        folder = SHIPPED / str(name)
    if _names.named(name):
        if store is not None and store.root is not None and _names.shelf(name)[0] == _names.SERVED:
            late.setdefault("replies", str(_names.replies_of(name, store.root / "replies")))
        language = _names.load(name, late)
        if device and isinstance(language.llm, Trainable):  # an endpoint model has no weights here
            language.llm.model.to(device)
        language.generation = generation or language.generation
        return WindowedModel.of(language, window) if window else language
    if (folder / "model.safetensors").is_file():
        run = load_run(folder, store)
        return run.to(device) if device else run
    if (folder / "recipe.yaml").is_file():
        raise ModelError(f"{str(name)!r} is not trained to the end. Resume it: lookhear train {folder}/recipe.yaml")
    if catalog.has("nets", str(name)):
        raise ModelError(
            f"{str(name)!r} is a network, not a trained model. Train it (lookhear train soundstage/{name}) or "
            f"convert published weights (lookhear convert {name} CHECKPOINT), then give the run folder: runs/{name}"
        )
    if re.fullmatch(r"[\w.-]+/[\w.-]+", str(name)) and not folder.exists():
        raise ModelError(
            f"No folder {str(name)!r}. If it is a model of the Hugging Face hub, say which of lookhear's models reads "
            f"it: qwen_omni@{name}, or another of: lookhear list llms"
        )
    have = ", ".join(shipped()) or "none"
    raise ModelError(
        f"No model called {str(name)!r}. Shipped: {have}. From packages: real. "
        f"Language models: {', '.join(_names.names())}. "
        "Or give a run folder, such as runs/av_master."
    )


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
    return load(fetched(where, revision, cache_dir, token, local_files_only), **options)


def default() -> str:
    """Name of the default model: `real` if its encoders are installed, else `stage`."""
    return REAL if _real.installed() else "stage"


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
