"""How published baselines read a question: word ids through a trained table, or word vectors in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lookhear.errors import RecipeError
from lookhear.layers.recurrent import real_words
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


def padding_of(tokens: Int[Tensor, "row word"]) -> Bool[Tensor, "row word"]:
    """Where the ids are 0; the first word of a row of nothing but padding counts as one."""
    padding = tokens == 0
    padding[:, 0] &= ~padding.all(dim=1)
    return padding


def trim(tokens: Int[Tensor, "row word"]) -> tuple[Int[Tensor, "row word"], Bool[Tensor, "row word"]]:
    """(token ids without columns that are padding in every row, padding mask). Id 0 is padding.

    A row of nothing but padding is read as one word of id 0, so that no softmax is over nothing.
    """
    padding = padding_of(tokens)
    if tokens.is_meta:  # shapes alone have no padding
        return tokens, padding
    longest = int((~padding).any(dim=0).nonzero().max()) + 1
    return tokens[:, :longest], padding[:, :longest]


@dataclass(frozen=True)
class Options:
    """Options that the networks with a token table share. Fields named like streams are the widths of these streams."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    read: str = "tokens"
    """tokens: ids through a trained table; words: word vectors"""
    tokens: int = 20000
    """size of the token vocabulary; id 0 is padding"""
    words: int = 512
    """width of the stream `words`"""


class Reads(WatchAnswer):
    """A net whose questions come as word ids (`read="tokens"`) or as word vectors (`read="words"`).

    A subclass calls `reads` in its constructor and defines `reply(memory, vectors, padding) -> Output`. Where padding
    takes part in what a published network computes, it sets `trims = False`: then columns that are padding in a whole
    batch stay, so that no question's answer depends on its neighbours.
    """

    table: nn.Embedding | None
    trims = True

    def reads(self, read: str, tokens: int, width: int) -> None:
        """Make the table, where there is one. Raises RecipeError for another `read`."""
        if read not in ("tokens", "words"):
            raise RecipeError(f"read={read!r}: questions are read as tokens or as words.")
        self.table = nn.Embedding(tokens, width) if read == "tokens" else None

    @property
    def answer(self) -> Callable[..., Output]:
        """`answer(memory, tokens)` or `answer(memory, words)`."""
        return self.answer_words if self.table is None else self.answer_tokens

    def answer_tokens(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits of the answers and the weight of each second. Id 0 is padding."""
        tokens, padding = trim(tokens) if self.trims else (tokens, padding_of(tokens))
        return self.reply(memory, self.vectors(tokens), padding)

    def vectors(self, tokens: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows dim"]:
        """The table's vectors of token ids."""
        assert self.table is not None, "a net that reads words has no table"
        return self.table(tokens)

    def answer_words(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        if self.trims:
            return self.reply(memory, *real_words(words))
        return self.reply(memory, words, padding_of((words != 0).any(dim=-1).long()))

    def reply(self, memory: Memory, vectors: Tensor, padding: Tensor) -> Output:
        """The answer from word vectors (question, word, dim) and what of them is padding (question, word)."""
        raise NotImplementedError


class SeesHears(WatchAnswer):
    """A net that watches `frames`, or `audio` and `frames` where `hears`. A subclass defines `start(seen, heard)`."""

    hears: bool

    @property
    def watch(self) -> Callable[..., Memory]:
        """`watch(frames)` or `watch(audio, frames)`."""
        return self.watch_both if self.hears else self.watch_frames

    def watch_frames(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The part that depends on the clip alone."""
        return self.start(seen=frames)

    def watch_both(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """The part that depends on the clip alone."""
        return self.start(seen=frames, heard=audio)

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """What is kept of what is seen (clip, time, wide) and, where the net hears, of what is heard."""
        raise NotImplementedError


def sides(seen: Tensor, heard: Tensor | None) -> dict[str, Tensor]:
    """What is there of `seen` and `heard`, by these names."""
    return {"seen": seen} if heard is None else {"seen": seen, "heard": heard}


def run_lstm(
    lstm: nn.LSTM, steps: Float[Tensor, "row word wide"], padding: Bool[Tensor, "row word"], state: object = None
) -> tuple[Float[Tensor, "row word dim"], tuple[Tensor, Tensor]]:
    """(the state after each word, zero at padding; the last (h, c)), each row read to its last word only."""
    if padding.is_meta or not padding.any():
        return lstm(steps, state)
    place = torch.arange(1, steps.shape[1] + 1, device=steps.device)
    length = (~padding * place).amax(dim=1)
    packed, last = lstm(pack_padded_sequence(steps, length.cpu(), batch_first=True, enforce_sorted=False), state)
    return pad_packed_sequence(packed, batch_first=True, total_length=steps.shape[1])[0], last
