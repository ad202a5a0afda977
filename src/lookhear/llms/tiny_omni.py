"""tiny_omni: a Qwen2.5-Omni thinker with 2.5 million parameters and a small vocabulary, trained on Soundstage.

10 frames, 128 px ─ patches of 16 ─ 4 blocks ─ merged 2 x 2 ─▶ 80 tokens ┐
10 s, 64 mel bands, 25 a second ─ 2 convolutions ─ 4 blocks ─▶ 62 tokens ┴▶ 5 layers, 144 wide ─▶ words

Only its sizes differ from the published 7 B model: the same code loads, adapts and trains both. The weights are made by
`research/tiny_omni/make.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookhear.errors import ModelError
from lookhear.llms import crab_plus
from lookhear.llms.omni import storage
from lookhear.llms.omni.hub import Plan
from lookhear.llms.omni.inputs import InputOptions, eye
from lookhear.llms.omni.thinker import Omni
from lookhear.media.sampling import Sampling

if TYPE_CHECKING:
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2_5OmniThinkerForConditionalGeneration,
        WhisperFeatureExtractor,
    )

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"),
    *("<|IMAGE|>", "<|VIDEO|>", "<|vision_bos|>", "<|vision_eos|>"),
)

PIECES = re.compile(r"</?[a-z_]+>| ?[A-Za-z]+(?:_[a-z]+)*")  # tags, and words with or without a leading blank
# CLIP's colour normalisation: mean, standard deviation
NORMAL = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

WEIGHTS = Path(__file__).parents[1] / "weights" / "tiny_omni"
SAMPLING = Sampling(rule="uniform", count=10, size=(128, 128))


@dataclass(frozen=True)
class Config:
    """Sizes. Widths must be divisible by their heads, and the width of a language head by 6."""

    width: int = 144
    layers: int = 5
    heads: int = 6
    inner: int = 320
    vision_width: int = 96
    vision_layers: int = 4
    vision_inner: int = 192
    audio_width: int = 96
    audio_layers: int = 4
    audio_inner: int = 384
    tower_heads: int = 4
    size: int = 128
    """width and height of a frame in pixels"""
    patch: int = 16
    bands: int = 64
    """number of mel bands"""
    hop: int = 640
    """samples between columns of the spectrogram"""


def thinker_config(config: Config, ids: dict[str, int]) -> Any:
    """The transformers config; `ids` are token ids of special tokens, the largest of which ends the vocabulary."""
    from transformers import Qwen2_5OmniThinkerConfig

    third = config.width // config.heads // 6
    special = {  # config keywords, which transformers declares separately for each architecture
        "image_token_id": ids["<|IMAGE|>"],
        "video_token_id": ids["<|VIDEO|>"],
        "audio_token_id": ids["<|AUDIO|>"],
        "audio_start_token_id": ids["<|audio_bos|>"],
        "audio_end_token_id": ids["<|audio_eos|>"],
        "vision_start_token_id": ids["<|vision_bos|>"],
        "vision_end_token_id": ids["<|vision_eos|>"],
        "position_id_per_seconds": 16000 // config.hop // 4,
        "tie_word_embeddings": True,
        "pad_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
    }
    return Qwen2_5OmniThinkerConfig(
        vision_config={
            "depth": config.vision_layers,
            "hidden_size": config.vision_width,
            "intermediate_size": config.vision_inner,
            "num_heads": config.tower_heads,
            "patch_size": config.patch,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": config.size,
            "out_hidden_size": config.width,
            "fullatt_block_indexes": list(range(config.vision_layers)),
            "rope_parameters": {"rope_type": "axial", "rope_theta": 100.0},
        },
        audio_config={
            "num_mel_bins": config.bands,
            "d_model": config.audio_width,
            "encoder_layers": config.audio_layers,
            "encoder_attention_heads": config.tower_heads,
            "encoder_ffn_dim": config.audio_inner,
            "n_window": 128,  # half of 10.24 seconds: the clip is encoded in one window
            "output_dim": config.width,
        },
        text_config={
            "vocab_size": max(ids.values()) + 1,
            "hidden_size": config.width,
            "intermediate_size": config.inner,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.heads,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [third] * 3},
            "tie_word_embeddings": True,
            "pad_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
        },
        **special,
    )


def thinker(config: Config, ids: dict[str, int]) -> Qwen2_5OmniThinkerForConditionalGeneration:
    """The model with random weights."""
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    return Qwen2_5OmniThinkerForConditionalGeneration(thinker_config(config, ids))


def build(config: Config) -> Omni:
    """A model with random weights and a vocabulary of letters."""
    words = tokenizer([])
    made = thinker(config, dict(zip(SPECIAL, words.convert_tokens_to_ids(list(SPECIAL)), strict=True))).eval()
    options = InputOptions(sampling=SAMPLING, size=(config.size, config.size), eye=eye(made.config.vision_config))
    return Omni(made, words, extractor(config), options, "tiny_omni")


def load(where: str | Path = "", adapter: str | Path | None = None, **options: Any) -> Omni:
    """Load the shipped trained model, or that of a folder; `adapter` is a PEFT folder."""
    return storage.load("tiny_omni", _place(where), adapter, crab_plus.classes(), **options)


def plan(where: str | Path = "", adapter: str | Path | None = None, **_: Any) -> Plan:
    """Memory of `load`."""
    return storage.plan("tiny_omni", _place(where), adapter, crab_plus.classes())


def _place(where: str | Path) -> Path:
    folder = Path(where) if where else WEIGHTS
    if not (folder / "config.json").is_file():
        raise ModelError(f"No tiny_omni in {str(folder)!r}. Train one: python -m research.tiny_omni.make")
    return folder


def extractor(config: Config) -> WhisperFeatureExtractor:
    """The log-mel spectrogram extractor for 16 kHz waveforms."""
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=config.bands, hop_length=config.hop, n_fft=1024, chunk_length=30)


def save(
    model: Qwen2_5OmniThinkerForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    config: Config = Config(),
) -> None:
    """Save everything that `crab_plus.load` reads; weights are stored in half and used in single precision."""
    import copy

    import torch

    half = copy.deepcopy(model).to(torch.float16)
    half.config._attn_implementation = "sdpa"
    half.save_pretrained(folder)
    contents = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(_single(contents), indent=1) + "\n", "utf-8")
    tokenizer.save_pretrained(folder)
    extractor(config).save_pretrained(folder)
    contents = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
    contents |= {"size": config.size, "image_mean": NORMAL[0], "image_std": NORMAL[1]}
    (folder / "preprocessor_config.json").write_text(json.dumps(contents, indent=1) + "\n", "utf-8")
    card = {"llm": "crab_plus", "sampling": asdict(SAMPLING), "recipe": "research/tiny_omni/make.py"}
    (folder / "lookhear.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")


def _single(told: Any) -> Any:
    """A config with float32 in place of every other dtype."""
    if isinstance(told, dict):
        return {k: "float32" if k == "dtype" and v else _single(v) for k, v in told.items()}
    return told


def heard(columns: int) -> int:
    """Number of tokens for this number of spectrogram columns."""
    return ((columns - 1) // 2 + 1 - 2) // 2 + 1


def tokenizer(texts: Iterable[str], lines: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """A tokenizer with the words of `texts`, letters and bytes for other words, and whole `lines`.

    A line, such as the request at the end of a prompt, is one token; digits are single tokens; a word with a leading
    blank is another token than without. Of several segmentations of a text, the one with the fewest tokens is used.
    """
    from tokenizers import Tokenizer, decoders, models

    from lookhear.llms.omni.tokens import wrapped

    letters = (10, *range(32, 127))
    pieces = dict.fromkeys(f"<0x{byte:02X}>" for byte in range(256) if byte not in letters)
    pieces |= dict.fromkeys(map(chr, letters))
    words = dict.fromkeys(piece for text in texts for piece in PIECES.findall(text))
    pieces |= dict.fromkeys(sorted(words)) | dict.fromkeys(lines)
    scores = [(piece, -20.0 if piece.startswith("<0x") else -2.0 if len(piece) == 1 else -1.0) for piece in pieces]
    inner = Tokenizer(models.Unigram(scores, unk_id=0, byte_fallback=True))
    inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return wrapped(inner)
