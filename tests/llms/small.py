"""Thinkers so small that a test can afford them, with random weights that make replies differ, and clips for them."""

import numpy as np
import torch

from lookhear.llms import crab_plus, qwen_omni
from lookhear.llms.omni.inputs import InputOptions, changed
from lookhear.media.sampling import Sampling
from lookhear.types import Media

ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 2, 2]}
TEXT = {"vocab_size": 300, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT |= {"num_key_value_heads": 2, "max_position_embeddings": 8192, "rope_parameters": ROPE}
AUDIO = {"num_mel_bins": 16, "d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4}
AUDIO |= {"encoder_ffn_dim": 64, "output_dim": 48}
VISION = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": 48}
OF_2 = {"text": TEXT, "audio": AUDIO, "vision": VISION | {"fullatt_block_indexes": [1]}}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "head_dim": 12}
OF_3 = {
    "text": TEXT | EXPERTS | {"num_hidden_layers": 3, "rope_parameters": ROPE | {"mrope_interleaved": True}},
    "audio": AUDIO | {"downsample_hidden_size": 16},
    "vision": VISION | {"depth": 3, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64},
}


def random(llm, seed=0):
    """Weights large enough that what is seen and heard changes what is said."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in llm.model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3, generator=generator)
    return llm


def plus(**options):
    """Crab+ of 0.2 M weights that sees 56 x 84 pixels."""
    start = InputOptions(size=(56, 84), sampling=Sampling(rule="crab_plus_linspace", count=4))
    return random(crab_plus.build(crab_plus.Config(**OF_2), options=changed({}, options, start)))


def omni(version):
    """Qwen-Omni, one or the other."""
    return random(qwen_omni.build(qwen_omni.Config(version, **(OF_2 if version == "2.5" else OF_3))))


def clip(frames=4, seconds=1.3, sound=True, seed=0, height=50, width=70):
    """Noise to see and hear."""
    rng = np.random.default_rng(seed)
    seen = rng.integers(0, 255, (frames, height, width, 3), dtype=np.uint8) if frames else None
    heard = rng.standard_normal(int(seconds * 16_000)).astype(np.float32) * 0.1 if sound else None
    return Media(seen, np.arange(frames) * seconds / max(frames, 1), heard, 16_000, seconds)


MIXED = [(4, 1.3, True), (1, 1.0, True), (0, 1.0, True), (5, 1.0, False), (3, 2.1, True)]  # frames, seconds, sound


def mixed():
    """A video, a picture with sound, sound alone, a video without sound, a longer video."""
    return [clip(*one, seed=i) for i, one in enumerate(MIXED)]


def generated(llm, media, prompt, tokens):
    """What transformers' own `generate` says, from the whole text at once."""
    prepared = media if isinstance(media, dict) else llm.prepare(media)
    ids = torch.tensor([llm.prefix(prepared) + llm.question(prompt)])
    said = llm.base.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=sorted(llm.stop),
        pad_token_id=llm.pad,
        **llm.tensors([prepared]),
    )[0, ids.shape[1] :].tolist()
    return tuple(said[:-1] if said[-1] in llm.stop else said)
