"""Models in folders and on the hub, in the Hugging Face layout: what they need, and loading them without silence.

    FOLDER   config.json  model*.safetensors  tokenizer.json  preprocessor_config.json
             adapter/ (PEFT) or finetune_weights.bin (as Crab+ publishes it)   lookhear.json (which model, its manner)

A checkpoint of a whole Omni model is read for its thinker alone. Weights that the model lacks or that have no place in
it are an error or a line of the report, never passed over.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lookhear import catalog, config
from lookhear.errors import ModelError, RecipeError
from lookhear.llms._omni import Manner, Omni
from lookhear.llms._pack import Eye
from lookhear.media.sampling import Sampling

CARD = "lookhear.json"
PUBLISHED = "finetune_weights.bin"
WANTED = ("*.json", "*.safetensors", "*.txt", "*.jinja")
OTHERS = ("talker.", "token2wav.", "code2wav.")  # parts of an Omni model that speak


@dataclass(frozen=True)
class Plan:
    """What loading a model takes: bytes to download, bytes on this disk once it is here, bytes of memory."""

    what: str
    download: int
    disk: int
    memory: int

    def __str__(self) -> str:
        fetch = f"{size(self.download)} to download, " if self.download else ""
        return f"{self.what}: {fetch}{size(self.disk)} on disk, {size(self.memory)} of memory"


def size(count: float) -> str:
    """Bytes as a person reads them."""
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def plan(name: str, where: str | Path, adapter: str | Path | None, thinker: Any) -> Plan:
    """What `load` would fetch and hold. Raises ModelError where the hub is needed and cannot be reached.

    `thinker` is (class, config class) of transformers.
    """
    download = disk = memory = 0
    told = []
    for place, patterns, kind in ((where, WANTED, "model"), (adapter, (PUBLISHED,), "dataset")):
        if place is None:
            continue
        told.append(str(place))
        files = _local(Path(place)) if Path(place).exists() else _listed(str(place), patterns, kind)
        download += sum(count for count, here in files if not here)
        disk += sum(count for count, _ in files)
        if kind == "dataset":
            memory += sum(count for count, _ in files)
    with torch.device("meta"):
        shapes = thinker[0](sizes(fetched(where, ("config.json",), name), thinker[1]))
    half = 2 if download or disk < 4 * sum(p.numel() for p in shapes.parameters()) else 4
    return Plan(
        f"{name} ({' + '.join(told)})", download, disk, memory + half * sum(p.numel() for p in shapes.parameters())
    )


def fetched(where: str | Path, patterns: Sequence[str], name: str, kind: str = "model") -> Path:
    """A folder that holds the files: `where` itself, or what the hub's cache has or downloads. Raises ModelError."""
    if Path(where).exists():
        return Path(where)
    if str(where).count("/") != 1 or str(where).startswith((".", "/")):
        raise ModelError(f"No folder at {str(where)!r} for {name}. Give a folder that holds it, or a name of the hub.")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(where), repo_type=kind, allow_patterns=list(patterns)))
    except Exception as error:
        raise _unreachable(str(where), error) from None


def load(
    name: str,
    where: str | Path,
    adapter: str | Path | None,
    thinker: Any,
    omni: type[Omni] = Omni,
    dtype: str = "auto",
    device: str | None = None,
    **manner: Any,
) -> Omni:
    """The model at `where` with its adapters, its tokenizer and its manner, which `manner` changes.

    `adapter` None: the folder's own, if it has any. `report` of the result tells what was read into what.
    """
    folder = fetched(where, WANTED, name)
    shown = _manner(folder, sizes(folder, thinker[1]), manner)
    model, report = base(folder, thinker, dtype)
    if adapter is None:
        adapter = next((folder / n for n in ("adapter", PUBLISHED) if (folder / n).exists()), None)
    if adapter is not None:
        model, said = adapted(model, adapter, name)
        report += said
    model = model.eval().to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    llm = omni(model, tokenizer(folder), extractor(folder, inner.config), shown, name)
    llm.size_on_disk = sum(count for count, _ in _local(folder))
    llm.report = tuple(report)
    return llm


def sizes(folder: Path, kind: Any) -> Any:
    """The thinker's config of a folder, whether it holds the thinker alone or the whole model."""
    told = _json(folder / "config.json")
    told = told.get("thinker_config", told)
    model_type = told.get("model_type", "")
    if model_type != kind.model_type:
        raise ModelError(f"{folder}: config.json is of a {model_type or 'model of no type'}, not of {kind.model_type}.")
    return kind(**{k: v for k, v in told.items() if k != "model_type"})


def base(folder: Path, thinker: Any, dtype: str = "auto") -> tuple[nn.Module, list[str]]:
    """The thinker of a folder and what there is to say about it. Raises ModelError where weights are missing."""
    kind, settings = thinker
    try:
        model, facts = kind.from_pretrained(
            folder, config=sizes(folder, settings), dtype=dtype, output_loading_info=True, local_files_only=True
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{folder}: not readable as {kind.__name__}: {' '.join(str(error).split())[:200]}") from None
    missing, extra = sorted(facts["missing_keys"]), sorted(facts["unexpected_keys"])
    misfits = sorted(str(k) for k in facts.get("mismatched_keys", ()))
    if missing or misfits:
        what = f"lacks {len(missing)} weights, first {missing[0]!r}" if missing else f"misfits at {misfits[0]}"
        raise ModelError(f"{folder}: the checkpoint {what}.")
    extra = [k for k in extra if not k.startswith(OTHERS)]
    return model, [f"{len(extra)} weights of the base have no place, first {extra[0]!r}"] if extra else []


def adapted(model: nn.Module, adapter: str | Path, name: str) -> tuple[nn.Module, list[str]]:
    """`model` with adapters of PEFT (a folder) or as Crab+ publishes them (a file, or a hub's dataset)."""
    import peft

    from lookhear.adapters import _ilora_official, ilora

    where = Path(adapter)
    dtype = next(model.parameters()).dtype
    if (where / "adapter_config.json").is_file():
        wrapped = peft.PeftModel.from_pretrained(model, where, autocast_adapter_dtype=False).to(dtype)
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
        raise ModelError(f"{file}: not readable as weights: {' '.join(str(error).split())[:160]}") from None
    if not isinstance(state, Mapping) or not all(torch.is_tensor(t) for t in state.values()):
        raise ModelError(f"{file}: weights by name expected, found something else.")
    others = [key for key in state if not _ilora_official.TENSOR.fullmatch(key)]
    wrapped = ilora.from_official(model, state)
    for layer in ilora.layers(wrapped).values():
        layer.to(dtype)
    names = {n.removeprefix("base_model.model.") for n in ilora.layers(wrapped)}
    r, heads = _ilora_official.sizes(state)
    report = [f"I-LoRA r={r}, {heads} heads, in {len(names)} layers of {file}"]
    if others:
        report.append(f"{len(others)} of its tensors are no adapters and were not used, first {others[0]!r}")
    return wrapped, report + _uncovered(wrapped, names)


def _uncovered(model: nn.Module, adapted: set[str]) -> list[str]:
    """Layers like those adapted that the file has nothing for."""
    import re

    from lookhear.adapters import ilora

    linears = [n.removesuffix(".base_layer") for n, m in model.get_base_model().named_modules() if _linear(m)]
    scope = "thinker" if any("tower" in n or "visual" in n for n in adapted) else "llm"
    left = [n for n in linears if re.fullmatch(ilora.SCOPES[scope], n) and n not in adapted]
    left = [n for n in left if "ilora" not in n]
    return [f"{len(left)} layers of scope {scope} stay as they were, first {left[0]!r}"] if left else []


def _linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


def save(llm: Omni, folder: Path) -> None:
    """Base, tokenizer and extractor; adapters in `adapter/`, of which the base is without; the manner in a card."""
    folder.mkdir(parents=True, exist_ok=True)
    state = None
    if llm.model is not llm.base:
        llm.model.save_pretrained(folder / "adapter")
        state = {
            key.replace(".base_layer.", "."): tensor
            for key, tensor in llm.base.state_dict().items()
            if not any(part in key for part in ("ilora_", "lora_"))
        }
    llm.base.save_pretrained(folder, state_dict=state)
    llm.tokenizer.save_pretrained(folder)
    llm.extractor.save_pretrained(folder)
    told = {f.name: getattr(llm.manner, f.name) for f in fields(llm.manner)}
    told |= {"sampling": asdict(llm.manner.sampling), "eye": asdict(llm.manner.eye)}
    (folder / CARD).write_text(json.dumps({"llm": llm.name, "manner": told}, indent=2) + "\n", "utf-8")


def card(folder: Path) -> dict[str, Any]:
    """What `lookhear.json` of a folder says; nothing where there is none."""
    return _json(folder / CARD) if (folder / CARD).is_file() else {}


def tokenizer(folder: Path) -> Any:
    """The folder's tokenizer."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: no tokenizer there: {' '.join(str(error).split())[:160]}") from None


def extractor(folder: Path, thinker: Any) -> Any:
    """What makes the spectrograms; of the thinker's number of bands where the folder says nothing."""
    from transformers import WhisperFeatureExtractor

    bands = thinker.audio_config.num_mel_bins
    if not (folder / "preprocessor_config.json").is_file():
        return WhisperFeatureExtractor(feature_size=bands)
    made = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)
    if made.feature_size != bands:
        raise ModelError(f"{folder}: spectrograms of {made.feature_size} bands for a tower that hears {bands}.")
    return made


def eye(vision: Any, told: Mapping[str, Any] | None = None) -> Eye:
    """How the vision tower of a config wants its pictures, with the colours that preprocessor_config.json tells."""
    colours = {
        ours: tuple(told[k]) for ours, k in (("mean", "image_mean"), ("deviation", "image_std")) if told and k in told
    }
    return Eye(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size, **colours)


def manner(told: Mapping[str, Any], changes: Mapping[str, Any], start: Manner) -> Manner:
    """`start` with what a card tells and what is asked for. Raises RecipeError for a name that is none."""
    merged = {**told, **changes}
    if "frames" in merged:
        merged["sampling"] = replace(start.sampling, count=int(merged.pop("frames")))
    known = [f.name for f in fields(Manner)]
    wrong = next((k for k in merged if k not in known), None)
    if wrong is not None:
        raise RecipeError(catalog.unknown("option of a language model", wrong, (*known, "frames", "dtype", "device")))
    if isinstance(merged.get("sampling"), Mapping):
        merged["sampling"] = config.parse(Sampling, merged["sampling"], where="sampling")
    if isinstance(merged.get("eye"), Mapping):
        merged["eye"] = Eye(**{k: tuple(v) if isinstance(v, list) else v for k, v in merged["eye"].items()})
    for key in ("seconds_per_grid", "time_scale", "longest"):
        if key in merged:
            merged[key] = float(merged[key])
    return replace(start, **merged)


def _manner(folder: Path, thinker: Any, changes: Mapping[str, Any]) -> Manner:
    file = folder / "preprocessor_config.json"
    pictures = _json(file) if file.is_file() else {}
    seen = eye(thinker.vision_config, pictures)
    told = dict(card(folder).get("manner", {}))
    if "sampling" in card(folder):
        told["sampling"] = card(folder)["sampling"]
    side = pictures.get("size") if isinstance(pictures.get("size"), int) else 8 * seen.unit
    asked = (told.get("sampling") or {}).get("size")
    told.setdefault("size", tuple(asked) if asked else (side, side))
    told.setdefault("eye", seen)
    return manner(told, changes, Manner(size=(seen.unit, seen.unit), eye=seen))


def _local(place: Path) -> list[tuple[int, bool]]:
    files = [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]
    return [(f.stat().st_size, True) for f in files]


def _listed(where: str, patterns: Sequence[str], kind: str) -> list[tuple[int, bool]]:
    from huggingface_hub import snapshot_download

    try:
        files = snapshot_download(where, repo_type=kind, allow_patterns=list(patterns), dry_run=True)
    except Exception as error:
        raise _unreachable(where, error) from None
    return [(one.file_size or 0, not one.will_download) for one in files]


def _unreachable(where: str, error: Exception) -> ModelError:
    why = " ".join(str(error).split())[:120]
    return ModelError(
        f"{where!r} is not on this machine and cannot be fetched ({why}). Go online, or download it elsewhere "
        "(hf download) and give its folder: --model NAME@FOLDER."
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable ({error}).") from None
