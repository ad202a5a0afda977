"""Our language models as a chat model of lmms-eval: a clip is watched once, however many questions it has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from lmms_eval.api.model import lmms
from loguru import logger

from lookhear import load
from lookhear.errors import LookhearError, ModelError
from lookhear.media.write import write_wav
from lookhear.model import LLMModel
from lookhear.types import Clip, Source

AT_ONCE = 8  # clips


class Lookhear(lmms):
    """`--model lookhear --model_args pretrained=NAME`, where NAME is any language model of ours.

    Further arguments are options of it; of a model behind an address its key comes from LOOKHEAR_API_KEY. With
    `sound_of_video=False` a video whose sound is no part of its own is silent.
    """

    is_simple = False

    def __init__(
        self,
        pretrained: str = "tiny_omni",
        batch_size: int | str = AT_ONCE,
        device: str | None = None,
        sound_of_video: bool = True,
        **options: Any,
    ):
        super().__init__()
        options.pop("max_batch_size", None)
        joined = ",".join([pretrained, *(f"{name}={value}" for name, value in options.items())])
        name = joined if options else pretrained
        key = os.environ.get("LOOKHEAR_API_KEY", "")
        model = load(name, key=key) if pretrained.startswith("endpoint") else load(name)
        if not isinstance(model, LLMModel):
            raise ModelError(f"{pretrained!r} chooses among answers and takes no messages. Name a language model.")
        self.model, self.at_once = model, int(batch_size) if str(batch_size).isdigit() else AT_ONCE
        self.sound_of_video = str(sound_of_video).lower() not in ("false", "0")

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """A reply to each request; of one whose clip cannot be read, an empty text and a line in the log."""
        replies = [""] * len(requests)
        with TemporaryDirectory() as folder:
            asked: dict[Clip, list[tuple[int, str, Mapping[str, Any]]]] = {}
            for i, request in enumerate(requests):
                _, doc_to_messages, options, doc_id, task, split = request.args
                messages = doc_to_messages(self.task_dict[task][split][doc_id])
                clip, prompt = self._read(messages, Path(folder) / str(i))
                asked.setdefault(clip, []).append((i, prompt, options))
            order = list(asked)
            for start in range(0, len(order), self.at_once):
                some = [(clip, *one) for clip in order[start : start + self.at_once] for one in asked[clip]]
                for i, text in self._asked(some):
                    replies[i] = text
        for request, text in zip(requests, replies, strict=True):
            self.cache_hook.add_partial("generate_until", (request.args[0], request.args[2]), text)
        return replies

    def _asked(self, some: Sequence[tuple[Clip, int, str, Mapping[str, Any]]]) -> Iterator[tuple[int, str]]:
        """(place, reply) for requests about a few clips; where one cannot be read, each alone."""
        clips, places, prompts, options = zip(*some, strict=True)
        longest = max(int(o.get("max_new_tokens") or 0) for o in options)
        try:
            replies = self.model.say(self.model.watch(clips), clips, prompts, longest)
        except LookhearError as error:
            if len(set(clips)) > 1:
                for clip in dict.fromkeys(clips):
                    yield from self._asked([option for option in some if option[0] == clip])
                return
            logger.error(f"lookhear: {error}")
            return
        for place, reply, option in zip(places, replies, options, strict=True):
            if reply.ended == "failed":
                logger.error(f"lookhear: no reply: {reply.why}")
            yield place, _until(reply.text, option.get("until"))

    def _read(self, messages: Sequence[Mapping[str, Any]], folder: Path) -> tuple[Clip, str]:
        """The clip and the words of a conversation. Raises ModelError for more than one video or sound."""
        parts = [part for message in messages for part in message["content"]]
        words = "\n".join(part["text"] for part in parts if part["type"] == "text")
        seen = [part for part in parts if part["type"] in ("video", "image")]
        heard = [part for part in parts if part["type"] == "audio"]
        if len(seen) > 1 or len(heard) > 1:
            raise ModelError(
                f"{len(seen)} pictures and {len(heard)} sounds in one conversation: lookhear takes one each."
            )
        start, end = (seen[0].get("start_time"), seen[0].get("end_time")) if seen else (None, None)
        video = _source(seen[0]["url"], folder.with_suffix(".png")) if seen else None
        audio = _source(heard[0]["url"], folder.with_suffix(".wav")) if heard else None
        if audio is None and video is not None and self.sound_of_video and seen[0]["type"] == "video":
            audio = video
        return Clip(video, audio, start or 0.0, end), words

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Refused: our models reply in words."""
        raise ModelError("lookhear's models reply in words: use tasks with output_type generate_until.")

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Refused: one question, one reply."""
        raise ModelError("lookhear's models answer one question at a time: use tasks with output_type generate_until.")


def _source(held: Any, path: Path) -> Source:
    """What a part holds as a recording: a path, or a picture or an array that is written to `path` first."""
    if isinstance(held, (str, Path)):
        return Source(str(held), Path(str(held).removeprefix("file://")))
    if isinstance(held, Mapping) and "array" in held:
        write_wav(path, np.asarray(held["array"], np.float32), int(held["sampling_rate"]))
    elif hasattr(held, "save"):  # a Pillow image
        held.convert("RGB").save(path)
    else:
        raise ModelError(
            f"Media of type {type(held).__name__} are not understood: give paths, pictures or sound arrays."
        )
    return Source(str(path), path)


def _until(text: str, ends: Any) -> str:
    """`text` up to the first of `ends`."""
    for end in [ends] if isinstance(ends, str) else ends or ():
        if end:
            text = text.split(end)[0]
    return text
