"""CLIP's two towers from Hugging Face or OpenAI files, and its byte-pair tokenizer.

If `weights` is a folder with `config.json`, or a hub name like `openai/clip-vit-base-patch32`, it is read by
transformers. `ViT-B-32.pt`, `ViT-L-14.pt` and `ViT-L-14-336px.pt` (TorchScript archives or plain state dicts with the
official names) are renamed into the same classes; both give equal numbers. Licence of code and weights: MIT.
"""

from __future__ import annotations

import gzip
import html
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import FeatureError, ModelError

OFFICIAL = {  # file -> sha256 in its URL
    "ViT-B-32.pt": "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    "ViT-L-14.pt": "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    "ViT-L-14-336px.pt": "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
}
ADDRESS = "https://openaipublic.azureedge.net/clip/models/{}/{}"
MERGES = "bpe_simple_vocab_16e6.txt.gz"
SCALARS = ("input_resolution", "context_length", "vocab_size")  # scalars in the archives that are not weights
LENGTH = 77
# The part of ftfy, which OpenAI's tokenizer runs first, that applies to correctly decoded text: full-width letters and
# curly quotes. Wrongly decoded text is not repaired.
PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
PLAIN |= dict.fromkeys(map(ord, "‘’‚‛"), "'") | dict.fromkeys(map(ord, "“”„‟"), '"')


def tower(weights: str, side: str) -> nn.Module:
    """The `vision` or `text` tower with its projection, from any supported layout. Raises ModelError,
    DependencyError."""
    kind = {"vision": "CLIPVisionModelWithProjection", "text": "CLIPTextModelWithProjection"}[side]
    if not is_official(weights):
        return checkpoints.pretrained(kind, weights, "CLIP")
    classes = checkpoints.transformers("CLIP")
    found = checkpoints.locate(weights, tuple(OFFICIAL), ADDRESS.format(OFFICIAL.get(weights, ""), weights))
    state = official_state(found)
    config = getattr(classes, {"vision": "CLIPVisionConfig", "text": "CLIPTextConfig"}[side])(**sizes(state)[side])
    ours = ("vision_model.", "visual_projection.") if side == "vision" else ("text_model.", "text_projection.")
    return checkpoints.load(
        getattr(classes, kind)(config), {k: v for k, v in renamed(state).items() if k.startswith(ours)}, found
    )


def is_official(weights: str) -> bool:
    """Whether `weights` is one of OpenAI's files or names rather than a transformers folder or hub name."""
    return weights in OFFICIAL or Path(weights).expanduser().is_file()


def official_state(path: Path) -> dict[str, Tensor]:
    """The state dict in an official file. TorchScript archives are read by TorchScript, without executing Python
    code."""
    if zipfile.is_zipfile(path) and any(n.endswith("constants.pkl") for n in zipfile.ZipFile(path).namelist()):
        state: Mapping[str, Any] = torch.jit.load(str(path), map_location="cpu").state_dict()
    else:
        state = checkpoints.read(path)
    found = {k: v for k, v in checkpoints.tensors(state).items() if k not in SCALARS}
    if "visual.proj" not in found or "text_projection" not in found:
        raise ModelError(f"{str(path)!r} does not hold CLIP by OpenAI's names (no visual.proj, text_projection).")
    return found


def sizes(state: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """The settings of both towers, inferred from tensor shapes; all heads are 64 wide."""

    def depth(prefix: str) -> int:
        return len({k.split(".")[-3 if "ln_" in k else -4] for k in state if k.startswith(prefix) and "ln_1." in k})

    patch, width = state["visual.conv1.weight"].shape[-1], state["visual.conv1.weight"].shape[0]
    grid = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    words = state["text_projection"].shape[0]
    common = {"hidden_act": "quick_gelu", "projection_dim": state["visual.proj"].shape[1]}
    vision = {"image_size": grid * patch, "patch_size": patch, "hidden_size": width, "intermediate_size": 4 * width}
    vision |= {"num_hidden_layers": depth("visual.transformer."), "num_attention_heads": max(1, width // 64)}
    text = {"vocab_size": len(state["token_embedding.weight"]), "hidden_size": words, "intermediate_size": 4 * words}
    text |= {"num_hidden_layers": depth("transformer."), "num_attention_heads": max(1, words // 64)}
    text |= {"max_position_embeddings": len(state["positional_embedding"])}
    return {"vision": vision | common, "text": text | common}


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename OpenAI's tensors to the names of transformers' two towers with projections."""
    out: dict[str, Tensor] = {}
    for prefix, model in (("visual.transformer.", "vision_model"), ("transformer.", "text_model")):
        for name, value in state.items():
            if not name.startswith(f"{prefix}resblocks."):
                continue
            number, rest = name.removeprefix(f"{prefix}resblocks.").split(".", 1)
            layer = f"{model}.encoder.layers.{number}"
            if rest.startswith("attn.in_proj_"):
                for part, piece in zip("qkv", value.chunk(3), strict=True):
                    out[f"{layer}.self_attn.{part}_proj.{rest.removeprefix('attn.in_proj_')}"] = piece
            else:
                new = {"attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2"}
                new |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
                part, kind = rest.rsplit(".", 1)
                out[f"{layer}.{new[part]}.{kind}"] = value
    plain = {
        "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
        "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",  # spelled like this in transformers
        "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
        "visual.ln_post.weight": "vision_model.post_layernorm.weight",
        "visual.ln_post.bias": "vision_model.post_layernorm.bias",
        "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
        "ln_final.weight": "text_model.final_layer_norm.weight",
        "ln_final.bias": "text_model.final_layer_norm.bias",
    }
    out |= {new: state[old] for old, new in plain.items()}
    out["visual_projection.weight"] = state["visual.proj"].T.contiguous()
    out["text_projection.weight"] = state["text_projection"].T.contiguous()
    return out


class Tokens:
    """OpenAI's tokenizer: start token, byte pairs, end token, then zeros up to 77."""

    def __init__(self, weights: str):
        folder = Path(weights).expanduser()
        if not is_official(weights):
            self.tokenizer = checkpoints.pretrained("CLIPTokenizer", weights, "CLIP's tokens")
            return
        kind = checkpoints.transformers("CLIP").CLIPTokenizer
        near = (folder if folder.is_dir() else folder.parent) / MERGES
        if not near.is_file():
            raise ModelError(f"No {MERGES} beside {weights!r}. It comes with OpenAI's CLIP code; put it there.")
        self.tokenizer = kind(**vocabulary(gzip.decompress(near.read_bytes()).decode("utf-8")))

    def __call__(self, texts: Sequence[str], truncate: bool = False) -> Int[Tensor, "text 77"]:
        cleaned = [html.unescape(html.unescape(text.translate(PLAIN))).strip() for text in texts]
        rows = self.tokenizer(cleaned)["input_ids"]
        out = torch.zeros(len(rows), LENGTH, dtype=torch.long)
        for row, text, ids in zip(out, texts, rows, strict=True):
            if len(ids) > LENGTH and not truncate:
                raise FeatureError(f"{text[:60]!r}… is {len(ids)} tokens, CLIP reads {LENGTH}. Shorten it or truncate.")
            ids = ids if len(ids) <= LENGTH else [*ids[: LENGTH - 1], ids[-1]]
            row[: len(ids)] = torch.tensor(ids)
        return out

    def pieces(self, text: str, truncate: bool = False) -> list[str]:
        """The tokens of a text up to the end token; `##` marks those that continue a word."""
        row = self([text], truncate)[0].tolist()
        ids = row[: row.index(max(row)) + 1]  # the end token has the largest id
        found, inside = ["[start]"], False
        for token, piece in zip(ids[1:-1], self.tokenizer.convert_ids_to_tokens(ids[1:-1]), strict=True):
            word = self.tokenizer.decode([token]).replace("</w>", "").strip()
            found.append(f"##{word}" if inside else word)
            inside = not piece.endswith("</w>")
        return [*found, "[end]"]


def vocabulary(text: str) -> dict[str, Any]:
    """`vocab` and `merges` of OpenAI's list of merges (48 894 of them in the published file)."""
    merges = [tuple(line.split()) for line in text.split("\n")[1 : 49152 - 256 - 2 + 1] if line.strip()]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    pieces = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return {"vocab": {piece: i for i, piece in enumerate(pieces)}, "merges": merges}
