"""A byte tokenizer with Qwen's special tokens, for building and testing models of the family at any size."""

from __future__ import annotations

from typing import Any

PAD = "<|endoftext|>"
SPECIAL = (
    *(PAD, "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"),
    *("<|IMAGE|>", "<|VIDEO|>", "<|vision_bos|>", "<|vision_eos|>"),
)


def bytes_tokenizer() -> Any:
    """256 byte tokens followed by the special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    return wrapped(inner)


def wrapped(inner: Any) -> Any:
    """A tokenizer of the `tokenizers` library as a transformers tokenizer with Qwen's special tokens."""
    from transformers import PreTrainedTokenizerFast

    whole = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token=PAD, eos_token="<|im_end|>")
    whole.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    return whole


def token_ids(tokenizer: Any) -> dict[str, int]:
    """The token ids in a thinker's config, for this tokenizer."""
    names = {
        "image_token_id": "<|IMAGE|>",
        "video_token_id": "<|VIDEO|>",
        "audio_token_id": "<|AUDIO|>",
        "audio_start_token_id": "<|audio_bos|>",
        "audio_end_token_id": "<|audio_eos|>",
        "vision_start_token_id": "<|vision_bos|>",
        "vision_end_token_id": "<|vision_eos|>",
    }
    return {key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()}
