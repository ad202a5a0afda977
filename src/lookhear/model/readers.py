"""Language models that answer from a timeline as text: `real+endpoint@URL`, `real+NAME`, `real+FOLDER`.

FOLDER is any causal language model in the Hugging Face layout; NAME is a model of llms/, which is asked without picture
and sound. Replies are short and decoded greedily.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import checkpoints
from lookhear.errors import DependencyError, ModelError
from lookhear.model import names
from lookhear.types import Media, Reply

LENGTH = 64  # most tokens of a reply

Reader = Callable[[Sequence[str]], list[Reply]]  # prompts -> one reply each


def reader(name: str, late: Mapping[str, Any] | None = None) -> Reader:
    """Load the reader `name` (without the prefix `real+`). Raises ModelError or DependencyError."""
    if names.named(name):
        return _ours(names.load(name, late).llm)
    if (Path(name) / "config.json").is_file():
        return _folder(Path(name))
    raise ModelError(
        f"No reader at {name!r}: give endpoint@URL, a language model's name, or a folder with config.json."
    )


def _ours(llm: Any) -> Reader:
    """Reader from a model of llms/, which gets a clip without picture and sound."""
    nothing = Media(None, np.zeros(0), None, 16_000, 0.0)

    def read(prompts: Sequence[str]) -> list[Reply]:
        return llm.answer(llm.watch([nothing]), [0] * len(prompts), list(prompts), LENGTH)

    return read


def _folder(folder: Path) -> Reader:
    """Reader from a causal language model in the Hugging Face layout, in fp32, on a GPU if there is one."""
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise DependencyError(f"{str(folder)!r} needs transformers: pip install 'lookhear[llm]'") from None
    with checkpoints.reading("a language model that reads from", folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    model.to("cuda" if torch.cuda.is_available() else "cpu")

    @torch.inference_mode()
    def read(prompts: Sequence[str]) -> list[Reply]:
        replies = []
        for prompt in prompts:
            text = prompt
            if tokenizer.chat_template:
                turn = [{"role": "user", "content": prompt}]
                text = str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
            given = tokenizer(text, return_tensors="pt").to(model.device)
            made = model.generate(
                **given,
                max_new_tokens=LENGTH,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
            )
            tokens = made[0, given["input_ids"].shape[1] :]
            replies.append(Reply(str(tokenizer.decode(tokens, skip_special_tokens=True)), float("nan")))
        return replies

    return read
