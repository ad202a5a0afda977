"""Crab's text: its seventeen special tokens, its prompt template, and the media prefix before the question.

    <s>[INST] <<SYS>>
    You are a helpful assistant.
    <</SYS>>

    This is a video:
    <video_start><video><video_end>
    This is an audio:
    <audio_start><audio><audio_end>│                            all that `prefix` gives; <video> stands for features
    {question} [/INST]                                           `ask`
    The object … is a drum. <mask_start><mask_0>…<mask_end></s>  `target`

The whole text is tokenised at once and split after the last medium, so that tokens equal those of training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from lookhear.errors import ModelError

MEDIA = ("image", "video", "audio")
MARKS = tuple(f"<{name}{end}>" for name in MEDIA for end in ("", "_start", "_end"))
MASKS = tuple(f"<mask_{n}>" for n in range(6))
TOKENS = (*MARKS, "<mask_start>", "<mask_end>", *MASKS)  # in the order in which they are added to the vocabulary
MADE = len(TOKENS)
MASKED = f"<mask_start>{''.join(MASKS)}<mask_end>"
SYSTEM = "You are a helpful assistant."
ARTICLE = {"image": "an image", "video": "a video", "audio": "an audio"}
LLAMA2 = "{bos}[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{text} [/INST]"


def with_media_tokens(tokenizer: Any) -> Any:
    """`tokenizer` with the seventeen tokens: media tokens are special, mask tokens appear in decoded replies."""
    from transformers import AddedToken

    tokenizer.add_tokens([AddedToken(mark, special=mark in MARKS, normalized=False) for mark in TOKENS])
    return tokenizer


def learned(texts: Iterable[str], size: int = 1000) -> Any:
    """A small byte-pair tokenizer trained on `texts`, with the seventeen tokens and LLaMA's end tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    ends = ["<unk>", "<s>", "</s>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=ends, initial_alphabet=sorted(alphabet), show_progress=False
    )
    texts = list(texts)
    frame = LLAMA2.format(bos="", system=SYSTEM, text=shown(MEDIA))
    pieces.train_from_iterator([*texts, *[frame] * max(1, len(texts))], trainer)  # its words become single tokens
    unknown, begin, end = ends
    return with_media_tokens(
        PreTrainedTokenizerFast(tokenizer_object=pieces, unk_token=unknown, bos_token=begin, eos_token=end)
    )


def shown(kinds: Iterable[str]) -> str:
    """The lines with media placeholders, in the release's order: video, audio, image; a lone image comes first."""
    kinds = set(kinds)
    order = ("video", "audio", "image") if "video" in kinds else ("image", "audio")
    return "".join(f"This is {ARTICLE[k]}:\n<{k}_start><{k}><{k}_end>\n" for k in order if k in kinds)


def escaped_placeholders(text: str) -> str:
    """Escape media placeholders in a text: <audio> and <visual> become <audio_event> and <visual_event>."""
    text = re.sub(r"<(/?)(audio|visual)>", r"<\1\2_event>", text)
    return re.sub(f"<(?={'|'.join(mark[1:] for mark in MARKS)})", "< ", text)


class Words:
    """Tokenisation with a tokenizer that has the seventeen special tokens."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in TOKENS}
        if lost := [mark for mark, number in self.ids.items() if number in (None, tokenizer.unk_token_id)]:
            raise ModelError(
                f"The tokenizer lacks Crab's token {lost[0]!r}. Give it through `with_media_tokens` first."
            )
        self.end = tokenizer.eos_token_id
        self.pad = self.end if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    def prefix(self, kinds: Sequence[str]) -> list[int]:
        """Token ids before the question, with one <video>, <audio> or <image> per medium."""
        return self._parted(kinds, "")[0]

    def ask(self, prompt: str) -> list[int]:
        """Token ids from after the last medium to the start of the reply."""
        return self._parted(("audio",), escaped_placeholders(prompt))[1]

    def target(self, text: str) -> list[int]:
        """Token ids of a target reply, with the end token."""
        return [*self.tokenizer(escaped_placeholders(text), add_special_tokens=False)["input_ids"], self.end]

    def read(self, tokens: Sequence[int]) -> str:
        """The text of a reply."""
        return self.tokenizer.decode(list(tokens), skip_special_tokens=True).strip()

    def _parted(self, kinds: Sequence[str], prompt: str) -> tuple[list[int], list[int]]:
        text = shown(kinds) + prompt
        if self.tokenizer.chat_template:
            said = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
            text = self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        else:
            text = LLAMA2.format(bos=self.tokenizer.bos_token or "", system=SYSTEM, text=text)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        ends = {self.ids[f"<{name}_end>"] for name in MEDIA}
        last = max(place for place, number in enumerate(ids) if number in ends)
        return ids[: last + 1], ids[last + 1 :]
