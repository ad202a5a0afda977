"""Crab on disk: a folder of its own, or LLaMA, CLIP and BEATs from the hub with the published files on top."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lookhear import checkpoints
from lookhear import config as configs
from lookhear.encoders import beats
from lookhear.errors import ModelError, RecipeError
from lookhear.files import read_json
from lookhear.ilora import fit
from lookhear.llms.crab.parts import LANGUAGES, VISION, Config, Net, Placed, from_official, published
from lookhear.llms.crab.text import TOKENS, Words, with_media_tokens
from lookhear.llms.omni import hub
from lookhear.llms.omni.placement import AS_IT_IS, Placement, split

BASE = "meta-llama/Llama-2-7b-chat-hf"
VISION_BASE = "openai/clip-vit-large-patch14"
FILES = (
    "audio_pretrain.bin",
    "visual_pretrain.bin",
    "segmentation_pretrain.bin",
    "finetune_weights.bin",
    "avs_finetune_weights.bin",
    "avss_finetune_weights.bin",
)


def plan(
    where: str | Path = BASE,
    adapter: str | Path | None = None,
    vision: str = VISION_BASE,
    hearing: str = beats.FILE,
    **options: Any,
) -> hub.Plan:
    """Download size, disk space and memory of `load`. Raises ModelError if the hub is needed and unreachable."""
    whole = (Path(where) / "lookhear.json").is_file()
    places = [place for place in (where, None if whole else vision, None if whole else hearing, adapter) if place]
    files = []
    for place in places:
        here = Path(place).expanduser()
        if here.exists() or place != hearing:
            files += hub.local(here) if here.exists() else hub.listed(str(place), hub.WANTED, "model", "crab")
    config = Config()
    if whole:
        config = configs.parse(Config, read_json(Path(where) / "lookhear.json", dict).get("config", {}), "crab")
    elif (file := hub.fetched(where, ("config.json",), "crab") / "config.json").is_file():
        told = read_json(file, dict)
        config = Config(language={k: v for k, v in told.items() if k in LANGUAGES["llama3_8b"]})
    wide = (split(options)[0].kind or torch.float32).itemsize
    with torch.device("meta"):
        memory = sum(p.numel() for p in Net(config).parameters()) * wide
    download, disk = sum(count for count, there in files if not there), sum(count for count, _ in files)
    return hub.Plan(f"crab ({' + '.join(map(str, places))})", download, disk, memory)


FREE = ("frames", "pieces", "hearing_rule")  # fields of Config that define the input, not the weights


def own(folder: Path, options: Mapping[str, Any], placed: Placement) -> tuple[Net, Words]:
    """Load a folder of `Crab.save`; `options` may change the fields in FREE. Raises RecipeError for others."""
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    card = read_json(folder / "lookhear.json", dict)
    if wrong := next((name for name in options if name not in FREE), None):
        raise RecipeError(
            f"{folder} has fixed sizes: {wrong}={options[wrong]!r} cannot change ({', '.join(FREE)} can)."
        )
    if placed.quantize or placed.device_map:
        raise RecipeError(f"{folder}: quantize and device_map need LLaMA in a folder of its own: where=LLAMA.")
    net = Net(configs.parse(Config, {**card.get("config", {}), **options}, str(folder / "lookhear.json")))
    if placed.attention:
        net.language.set_attn_implementation(placed.attention)
    with checkpoints.reading("Crab from", folder):
        checkpoints.load(net, load_file(folder / "model.safetensors"), folder / "model.safetensors")
        return net, Words(AutoTokenizer.from_pretrained(folder))


def assembled(base: str, vision: str, hearing: str, config: Config, placed: Placement = AS_IT_IS) -> tuple[Net, Words]:
    """Published LLaMA, CLIP and BEATs with randomly initialised connectors and mask decoder."""
    from transformers import AutoTokenizer

    language = checkpoints.pretrained("LlamaForCausalLM", base, "LLaMA", **placed.loading())
    plain = language.config.to_dict()
    with checkpoints.reading("a tokenizer from", base):
        tokenizer = with_media_tokens(AutoTokenizer.from_pretrained(base))
    language.resize_token_embeddings(plain["vocab_size"] + len(TOKENS), mean_resizing=False)  # random, as released
    if len(tokenizer) != plain["vocab_size"] + len(TOKENS):
        raise ModelError(f"{base!r} has {plain['vocab_size']} embeddings and {len(tokenizer) - len(TOKENS)} tokens.")
    sight = checkpoints.pretrained("CLIPVisionModel", vision, "CLIP")
    told: dict[str, Any] = {}
    told["hearing"], sound = published(hearing)
    told["language"] = {k: v for k, v in plain.items() if k in LANGUAGES["llama3_8b"]}
    told["vision"] = {k: v for k, v in sight.config.to_dict().items() if k in VISION}
    return Net(dataclasses.replace(config, **told), language, sight, sound), Words(tokenizer)


def adapted(net: Net, where: Path, semantic: bool) -> dict[str, Placed]:
    """Load published files or a PEFT folder into `net`; returns a line per file."""
    if (where / "adapter_config.json").is_file():
        net.language = fit.load(net.bare, where)
        return {}
    unwanted = "avs_finetune_weights.bin" if semantic else "avss_finetune_weights.bin"
    paths = [where] if where.is_file() else [where / name for name in FILES if name != unwanted]
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise ModelError(f"No adapter_config.json and none of Crab's files in {str(where)!r}: {', '.join(FILES)}.")
    files = {p.name: from_official(net, checkpoints.tensors(checkpoints.read(p))) for p in paths}
    filled = {part for placed in files.values() for part in placed.taken}
    if lacking := {"look", "listen"} - filled:
        names = ", ".join(path.name for path in paths)
        raise ModelError(
            f"{names} in {str(where)!r} hold no connector {sorted(lacking)[0]!r}: add finetune_weights.bin."
        )
    if "segment" not in filled:
        net.segment = None  # a mask decoder with random weights is removed
    return files
