"""Question inputs of published baselines: word ids through a trained embedding, or word vectors in its place."""

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
    """Padding mask of token ids: true for id 0, except for the first word of a row that is padding only."""
    padding = tokens == 0
    padding[:, 0] &= ~padding.all(dim=1)
    return padding


def trim(tokens: Int[Tensor, "row word"]) -> tuple[Int[Tensor, "row longest"], Bool[Tensor, "row longest"]]:
    """(token ids without columns that are padding in every row, padding mask). Id 0 is padding.

    A row of padding only is read as one word of id 0, so that no softmax is empty.
    """
    padding = padding_of(tokens)
    if tokens.is_meta:  # meta tensors have no values, hence no padding
        return tokens, padding
    longest = int((~padding).any(dim=0).nonzero().max()) + 1
    return tokens[:, :longest], padding[:, :longest]


@dataclass(frozen=True)
class Options:
    """Options shared by networks with a word embedding. Fields named like streams are the widths of these streams."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    read: str = "tokens"
    """tokens: ids through a trained embedding; words: word vectors"""
    tokens: int = 20000
    """size of the token vocabulary; id 0 is padding"""
    words: int = 512
    """width of the stream `words`"""


class Reads(WatchAnswer):
    """A net whose questions are word ids (`read="tokens"`) or word vectors (`read="words"`).

    A subclass calls `reads` in its constructor and defines `reply(memory, vectors, padding) -> Output`. If padding
    affects the result of a published network, it sets `trims = False`: columns that are padding in the whole batch are
    then kept, so that an answer does not depend on the other questions of the batch.
    """

    table: nn.Embedding | None
    trims = True

    def reads(self, read: str, tokens: int, width: int) -> None:
        """Make the embedding if `read` is "tokens". Raises RecipeError for an unknown `read`."""
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
        """Word embeddings of token ids."""
        assert self.table is not None, "a net that reads words has no table"
        return self.table(tokens)

    def answer_words(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. All-zero rows of `words` are padding."""
        if self.trims:
            return self.reply(memory, *real_words(words))
        return self.reply(memory, words, padding_of((words != 0).any(dim=-1).long()))

    def reply(self, memory: Memory, vectors: Tensor, padding: Tensor) -> Output:
        """The answer from word vectors (question, word, dim) and their padding mask (question, word)."""
        raise NotImplementedError


class TwoStreamNet(WatchAnswer):
    """A net that reads `frames`, or `audio` and `frames` if `hears` is set. A subclass defines `start(seen, heard)`."""

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
        """The memory from the picture (clip, time, wide) and, if the net reads it, the sound."""
        raise NotImplementedError


def sides(seen: Tensor, heard: Tensor | None) -> dict[str, Tensor]:
    """A dict of `seen` and, if given, `heard`."""
    return {"seen": seen} if heard is None else {"seen": seen, "heard": heard}


def run_lstm(
    lstm: nn.LSTM, steps: Float[Tensor, "row word wide"], padding: Bool[Tensor, "row word"], state: object = None
) -> tuple[Float[Tensor, "row word dim"], tuple[Tensor, Tensor]]:
    """(the state after each word, zero at padding; the last (h, c)). Each row is read to its last word only."""
    if padding.is_meta or not padding.any():
        return lstm(steps, state)
    place = torch.arange(1, steps.shape[1] + 1, device=steps.device)
    length = (~padding * place).amax(dim=1)
    packed, last = lstm(pack_padded_sequence(steps, length.cpu(), batch_first=True, enforce_sorted=False), state)
    return pad_packed_sequence(packed, batch_first=True, total_length=steps.shape[1])[0], last
