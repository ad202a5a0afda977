"""Load and save Qwen-Omni models in the Hugging Face layout, from folders and from the hub.

    FOLDER   config.json  model*.safetensors  tokenizer.json  preprocessor_config.json
             adapter/ (PEFT) or finetune_weights.bin (as Crab+ publishes it)   lookhear.json (which model, its options)

Only the thinker of a whole Omni checkpoint is loaded. Missing weights raise an error; unused ones are listed in the
report.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lookhear import checkpoints
from lookhear.errors import FileError, ModelError
from lookhear.files import read_json
from lookhear.ilora import fit
from lookhear.layers.casting import cast
from lookhear.llms.omni.hub import CARD, WANTED, Plan, fetched, listed, local
from lookhear.llms.omni.inputs import InputOptions, of_folder
from lookhear.llms.omni.placement import AS_IT_IS, Placement, split
from lookhear.llms.omni.thinker import Omni

PUBLISHED = "finetune_weights.bin"
OTHERS = ("talker.", "token2wav.", "code2wav.")  # parts of an Omni model that generate speech


def plan(name: str, where: str | Path, adapter: str | Path | None, thinker: Any) -> Plan:
    """Download size, disk space and memory of `load`. Raises ModelError if the hub is needed and unreachable.

    `thinker` is (class, config class) of transformers.
    """
    download = disk = memory = 0
    places = [place for place in (where, adapter) if place is not None]
    for place, patterns, kind in ((where, WANTED, "model"), (adapter, (PUBLISHED,), "dataset")):
        if place is None:
            continue
        files = local(Path(place)) if Path(place).exists() else listed(str(place), patterns, kind, name)
        download += sum(count for count, here in files if not here)
        disk += sum(count for count, _ in files)
        if kind == "dataset":
            memory += sum(count for count, _ in files)
    folder = fetched(where, ("config.json",), name)
    with torch.device("meta"):
        shapes = thinker[0](sizes(folder, thinker[1]))
    told = config_of(folder)
    told = told.get("thinker_config", {}) | told
    wide = 4 if "32" in str(told.get("dtype", told.get("torch_dtype"))) else 2
    return Plan(f"{name} ({' + '.join(map(str, places))})", download, disk, memory + wide * shapes.num_parameters())


def load(
    name: str,
    where: str | Path,
    adapter: str | Path | None,
    thinker: Any,
    omni: type[Omni] = Omni,
    start: InputOptions | None = None,
    **options: Any,
) -> Omni:
    """Load the model at `where` with its adapters, tokenizer and options, which `options` changes.

    `adapter` None: the folder's own, if it has one; "none": no adapter. `options` may include those of
    `llms.omni.placement`. `report` of the result lists what was loaded from which file.
    """
    placed, options = split(options)
    folder = fetched(where, WANTED, name)
    file = folder / "preprocessor_config.json"
    pictures = _json(file) if file.is_file() else {}
    shown = of_folder(card(folder), pictures, sizes(folder, thinker[1]).vision_config, options, start)
    model, report = base(folder, thinker, placed)
    if adapter is None:
        adapter = next((folder / n for n in ("adapter", PUBLISHED) if (folder / n).exists()), None)
    if adapter not in (None, "none"):
        model, said = adapted(model, adapter, name)
        report += said
    model = model.eval()
    if placed.place is not None:
        model = model.to(placed.place)
    inner = fit.unwrapped(model)
    llm = omni(model, tokenizer(folder), extractor(folder, inner.config), shown, name)
    llm.size_on_disk = sum(count for count, _ in local(folder))
    llm.report = tuple(report)
    return llm


def sizes(folder: Path, kind: Any) -> Any:
    """The thinker's config of a folder, and whether the folder holds only the thinker or the whole model."""
    config = config_of(folder)
    config = config.get("thinker_config", config)
    model_type = config.get("model_type", "")
    if model_type != kind.model_type:
        raise ModelError(f"{folder}: config.json is of a {model_type or 'model of no type'}, not of {kind.model_type}.")
    with checkpoints.reading("sizes from", folder / "config.json"):
        return kind(**{k: v for k, v in config.items() if k != "model_type"})


def config_of(folder: Path) -> dict[str, Any]:
    """The content of config.json."""
    return _json(folder / "config.json")


def base(folder: Path, thinker: Any, placed: Placement = AS_IT_IS) -> tuple[nn.Module, list[str]]:
    """The thinker of a folder and lines for the report. Raises ModelError if weights are missing."""
    kind, settings = thinker
    with checkpoints.reading(f"a {kind.__name__} from", folder):
        model, facts = kind.from_pretrained(
            folder,
            config=sizes(folder, settings),
            output_loading_info=True,
            local_files_only=True,
            **placed.loading(),
        )
    missing, extra = sorted(facts["missing_keys"]), sorted(facts["unexpected_keys"])
    misfits = sorted(str(k) for k in facts.get("mismatched_keys", ()))
    if missing or misfits:
        what = f"lacks {len(missing)} weights, first {missing[0]!r}" if missing else f"misfits at {misfits[0]}"
        raise ModelError(f"{folder}: the checkpoint {what}.")
    extra = [k for k in extra if not k.startswith(OTHERS)]
    return model, [f"{len(extra)} weights of the base have no place, first {extra[0]!r}"] if extra else []


def adapted(model: nn.Module, adapter: str | Path, name: str) -> tuple[nn.Module, list[str]]:
    """`model` with adapters from a PEFT folder, a file as published by Crab+, or a dataset on the hub."""
    from lookhear.ilora import method as ilora
    from lookhear.ilora import official

    where = Path(adapter)
    dtype = next(model.parameters()).dtype
    if (where / "adapter_config.json").is_file():
        wrapped = cast(fit.load(model, where, autocast=False), dtype)
        kinds = ", ".join(str(c.peft_type.value) for c in wrapped.peft_config.values())
        return wrapped, [f"{kinds} adapters of {where}"]
    file = (
        where if where.is_file() else fetched(adapter, (PUBLISHED,), f"the adapters of {name}", "dataset") / PUBLISHED
    )
    if not file.is_file():
        raise ModelError(f"{str(adapter)!r} holds no adapters: neither adapter_config.json nor {PUBLISHED}.")
    try:
        state = torch.load(file, weights_only=True, mmap=zipfile.is_zipfile(file), map_location="cpu")
    except Exception as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
        raise ModelError(f"{file}: not readable as a checkpoint of plain tensors ({why}).") from None
    if not isinstance(state, Mapping) or not all(torch.is_tensor(t) for t in state.values()):
        raise ModelError(f"{file}: weights by name expected, found something else.")
    others = [key for key in state if not official.TENSOR.fullmatch(key)]
    wrapped = ilora.from_official(model, state)
    for layer in ilora.layers(wrapped).values():
        layer.to(dtype)
    names = {n.removeprefix("base_model.model.") for n in ilora.layers(wrapped)}
    r, heads = official.sizes(state)
    report = [f"I-LoRA r={r}, {heads} heads, in {len(names)} layers of {file}"]
    if others:
        report.append(f"{len(others)} of its tensors are no adapters and were not used, first {others[0]!r}")
    return wrapped, report + _uncovered(wrapped, names)


def _uncovered(model: nn.Module, adapted: set[str]) -> list[str]:
    """Layers of the adapted kinds for which the file has no weights."""
    import re

    from lookhear.ilora import method as ilora

    linears = [n.removesuffix(".base_layer") for n, m in model.get_base_model().named_modules() if _linear(m)]
    scope = "thinker" if any("tower" in n or "visual" in n for n in adapted) else "llm"
    left = [n for n in linears if re.fullmatch(ilora.SCOPES[scope], n) and n not in adapted]
    left = [n for n in left if "ilora" not in n]
    return [f"{len(left)} layers of scope {scope} stay as they were, first {left[0]!r}"] if left else []


def _linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


def card(folder: Path) -> dict[str, Any]:
    """The content of a folder's `lookhear.json`; empty if there is none."""
    return _json(folder / CARD) if (folder / CARD).is_file() else {}


def tokenizer(folder: Path) -> Any:
    """The folder's tokenizer."""
    from transformers import AutoTokenizer

    with checkpoints.reading("a tokenizer from", folder):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def extractor(folder: Path, thinker: Any) -> Any:
    """The spectrogram extractor, with the thinker's number of bands if the folder does not define it."""
    from transformers import WhisperFeatureExtractor

    bands = thinker.audio_config.num_mel_bins
    if not (folder / "preprocessor_config.json").is_file():
        return WhisperFeatureExtractor(feature_size=bands)
    with checkpoints.reading("settings of spectrograms from", folder):
        made = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)
    if made.feature_size != bands:
        raise ModelError(f"{folder}: spectrograms of {made.feature_size} bands for a tower that hears {bands}.")
    return made


def _json(path: Path) -> dict[str, Any]:
    try:
        return read_json(path, dict)
    except FileError as error:
        raise ModelError(str(error)) from None
