"""The three paradigms of Crab+ as small models of random weights, whose language models have learned to write replies.

    crab         LLM+V+A        LLaMA, CLIP, BEATs, two Q-Formers, mask decoder
    vlm_audio    V-LLM+A        Qwen2.5-VL, BEATs, windowed Q-Former
    crab_plus    native omni    Qwen2.5-Omni's thinker

The published ones begin with language models that know language and towers that know sights and sounds. Here the
towers stay random, and the language model learns prompts and replies of the training split beside a black, silent clip:
it knows how a reply is written and which is the commonest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch

from lookhear.llms import crab, crab_plus, vlm_audio
from lookhear.llms.crab.text import MADE, Words, learned
from lookhear.llms.omni.inputs import Eye, InputOptions
from lookhear.llms.omni.tokens import SPECIAL, wrapped
from lookhear.media.sampling import Sampling
from lookhear.train.lessons import Ask, blank

NAMES = ("crab", "vlm_audio", "crab_plus")
WIDE, FRAMES, SIDE, PIECES = 128, 4, 112, 1200
OUTSIDE = ("visual", "vision", "audio_tower", "ears.", "hearing", "look.", "listen.", "segment.")
TEXT = {
    "hidden_size": WIDE, "intermediate_size": 2 * WIDE, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 4096, "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [4, 6, 6]},
}  # fmt: skip
BEATS = {
    "embed_dim": 32, "encoder_embed_dim": 48, "encoder_layers": 2, "encoder_ffn_embed_dim": 96,
    "encoder_attention_heads": 4, "conv_pos": 16, "conv_pos_groups": 4, "num_buckets": 32, "max_distance": 64,
    "finetuned_model": False,
}  # fmt: skip
CONNECTOR = {"width": 64, "layers": 2, "heads": 4, "inner": 128}
SIGHT = {"depth": 2, "hidden_size": 48, "intermediate_size": 96, "num_heads": 4, "out_hidden_size": WIDE}
SIGHT |= {"patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1]}
SOUND = {"num_mel_bins": 32, "d_model": 48, "encoder_layers": 2, "encoder_attention_heads": 4}
SOUND |= {"encoder_ffn_dim": 96, "output_dim": WIDE}
OPTIONS = InputOptions(Sampling("crab_plus_linspace", count=FRAMES), size=(SIDE, SIDE), eye=Eye(14, 2, 2))


def base(name: str, asks: Sequence[Ask], steps: int, seed: int = 0) -> Any:
    """A model of a paradigm whose language model has learned `asks` for `steps` steps."""
    torch.manual_seed(seed)
    llm = fresh(name, [text for ask in asks for text in ask])
    began, loss = time.process_time(), float("nan")
    weights = [p for n, p in llm.model.named_parameters() if not any(part in n for part in OUTSIDE)]
    optimizer = torch.optim.AdamW(weights, 3e-3, betas=(0.9, 0.98))
    rng, clip = Random(seed), blank(llm)
    llm.model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 20) * (1 - 0.9 * step / steps)
        told = llm.loss([clip], [rng.sample(asks, 12)])
        optimizer.zero_grad()
        told.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        loss = told.item() if step == 0 else 0.95 * loss + 0.05 * told.item()
        if step % 50 == 0:
            print(f"{name}: language, step {step}, loss {loss:.3f}, {time.process_time() - began:.0f} s", flush=True)
    llm.model.eval()
    return llm


def fresh(name: str, texts: Sequence[str]) -> Any:
    """A model of random weights with a tokenizer learned from `texts`."""
    if name == "crab":
        tokenizer = learned(texts, PIECES)
        language = {k: v for k, v in TEXT.items() if k != "rope_parameters"}
        language |= {"vocab_size": len(tokenizer) - MADE, "bos_token_id": 1, "eos_token_id": 2}
        vision = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4}
        sizes = crab.Config(
            language=language, vision=vision | {"image_size": SIDE, "patch_size": 14}, hearing=BEATS, layers=(1, 2, 3),
            queries=8, heard_queries=6, connector=CONNECTOR, dropout=0.0, mask_queries=16, mask_dim=64, mask_inner=128,
            frames=FRAMES, pieces=5,
        )  # fmt: skip
        return crab.Crab(crab.Net(sizes), Words(tokenizer))
    tokenizer = pieces(texts)
    text = TEXT | {"vocab_size": len(tokenizer)}
    if name == "vlm_audio":
        sizes = vlm_audio.Config(text=text, vision=SIGHT, hearing=BEATS, connector=CONNECTOR)
        return vlm_audio.build(sizes, tokenizer, OPTIONS)
    return crab_plus.build(crab_plus.Config(text=text, vision=SIGHT, audio=SOUND), tokenizer, OPTIONS)


def pieces(texts: Sequence[str]) -> Any:
    """A byte-pair tokenizer learned from `texts`, with Qwen's special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    inner.train_from_iterator(texts, trainer)
    return wrapped(inner)


def segmenter(folder: Path) -> None:
    """A SAM 2 of 0.4 M random weights, for the paradigms that write boxes."""
    from lookhear.segmenters import sam2

    torch.manual_seed(0)
    sam2.build(sam2.small()).model.save_pretrained(folder)
