"""What a model's worker does: watch clips once, keep them within bounds, answer questions and make timelines.

key (content of video and sound, stretch, model) ─▶ kept? ─ no ─▶ model.watch ─▶ keep ─▶ model.answer ─▶ JSON
                                                      └ yes ───────────────────────────▶
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.errors import MediaError, ModelError
from lookhear.evaluate.answered import as_json
from lookhear.model import LLMModel, default, load, plain
from lookhear.types import BLANK, Answer, Clip, Example, Source

SENSES = {"audio": "heard", "visual": "seen"}
Tell = Callable[[Any], None]
Asked = tuple[str, tuple[str, ...]]  # a question and its options


class Keeper:
    """The models of one worker and the clips they have processed. Models are loaded once, at the start."""

    def __init__(
        self, models: Sequence[str], clips: int, size: int, private: Mapping[str, Mapping[str, Any]] | None = None
    ):
        known = private or {}
        self.models: dict[str, Any] = {name: load(name, **known.get(name, {})) for name in models or (default(),)}
        for model in self.models.values():
            if not isinstance(model, LLMModel):  # language models need no warm-up
                self._warm(model)
        self.clips, self.size = clips, size
        self.kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()  # key -> (memory of the clip, its size in bytes)

    @staticmethod
    def _warm(model: Any) -> None:
        """Build the encoders now, so that the first request does not wait for them."""
        with suppress(MediaError):
            model.ask(Clip(BLANK, BLANK, 0.0, 2.0), "Who plays?")

    def descriptions(self) -> list[dict[str, Any]]:
        """Description of each model: its name, and its possible answers if there are few."""
        found = []
        for name, model in self.models.items():
            language = isinstance(model, LLMModel)
            found.append({"id": name, "name": model.name, "vocabulary": list(model.vocabulary), "language": language})
        return found

    def operations(self) -> dict[str, Callable[[Mapping[str, Any], Tell], Any]]:
        """Name of each operation -> the function that performs it."""
        return {"ask": self.ask, "watch": self.watch}

    def ask(self, request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        """Answers to `questions` about `clip`; with `senses` also those from picture alone and from sound alone."""
        model = self._model(request["model"])
        clip = clip_of(request["clip"])
        asked = [(text, tuple(options)) for text, options in map(json.loads, request["questions"])]
        answers, cached, seconds = self._answers(request["key"], model, clip, asked)
        made = [as_json(text, a, model.name) for (text, _), a in zip(asked, answers, strict=True)]
        if request.get("senses"):
            self._alone(request["key"], model, clip, asked, made)
        return {"answers": made, "cached": cached, "seconds": seconds, "held": list(self.kept)}

    def _answers(
        self, key: str, model: Any, clip: Clip, questions: Sequence[Asked]
    ) -> tuple[list[Answer], bool, dict[str, float]]:
        began, spent = time.perf_counter(), time.process_time()
        cached = key in self.kept
        watched = self._watched(key, model, clip)
        between, halfway = time.perf_counter(), time.process_time()
        examples = [
            Example(str(i), "question_answering", clip, plain(text), meta={"options": list(options)} if options else {})
            for i, (text, options) in enumerate(questions)
        ]
        answers = [
            chosen(a, options) for a, (_, options) in zip(model.answer(watched, examples), questions, strict=True)
        ]
        ended, over = time.perf_counter(), time.process_time()
        wall = {"watch": between - began, "answer": ended - between}
        cpu = {"watch_cpu": halfway - spent, "answer_cpu": over - halfway}
        return answers, cached, {name: round(value, 4) for name, value in {**wall, **cpu}.items()}

    def _alone(self, key: str, model: Any, clip: Clip, questions: Sequence[Asked], made: list[dict[str, Any]]) -> None:
        """Fill in `opinions` for models without unimodal heads: ask again with a black picture, then with silence."""
        asked = [(q, answer_row) for q, answer_row in zip(questions, made, strict=True) if not answer_row["opinions"]]
        if not asked or BLANK in (clip.video, clip.audio) or None in (clip.video, clip.audio):
            return
        for sense, alone in {
            "audio": Clip(BLANK, clip.audio, clip.start, clip.end),
            "visual": Clip(clip.video, BLANK, clip.start, clip.end),
        }.items():
            try:
                said, _, _ = self._answers(f"{key}/{sense}", model, alone, [q for q, _ in asked])
            except MediaError:
                for _, answer_row in asked:
                    answer_row["notes"].append(f"nothing can be {SENSES[sense]} alone: there is no such track")
                continue
            for (_, answer_row), answer in zip(asked, said, strict=True):
                answer_row["opinions"][sense] = {k: round(v, 5) for k, v in answer.scores.items()} or {answer.text: 1.0}

    def watch(self, request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        """The timeline of `clip` as JSON."""
        from lookhear.serve import timelines

        clip = clip_of(request["clip"])
        found = timelines.timeline(clip, self._model(request["model"]), tell)
        return {"timeline": found, "held": list(self.kept)}

    def _model(self, name: str) -> Any:
        if name not in self.models:
            raise ModelError(f"No model called {name!r} here.")
        return self.models[name]

    def _watched(self, key: str, model: Any, clip: Clip) -> Any:
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key][0]
        watched = model.watch([clip])
        self.kept[key] = watched, size_of(watched)
        while len(self.kept) > 1 and (
            len(self.kept) > self.clips or sum(size for _, size in self.kept.values()) > self.size
        ):
            self.kept.popitem(last=False)
        return watched


def chosen(answer: Answer, options: Sequence[str]) -> Answer:
    """The answer as one of the options: the answer itself, else the option with the highest score, else unchanged."""
    if not options or answer.text in options:
        return answer
    spelled = {_spelling(option): option for option in options}
    named = [spelled[_spelling(text)] for text in (answer.text, *answer.scores) if _spelling(text) in spelled]
    if named:
        return replace(answer, text=named[0])
    return replace(answer, notes=(*answer.notes, "the answer is none of the options"))


def _spelling(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").split()).rstrip(".")


def clip_of(told: Mapping[str, Any]) -> Clip:
    """The clip of a request. Each track is a path, "blank" (black or silent) or None (no track)."""
    video, audio = (_source(told.get(name)) for name in ("video", "audio"))
    return Clip(video, audio, float(told.get("start") or 0.0), told.get("end"))


def _source(told: str | None) -> Source | None:
    if told is None:
        return None
    return BLANK if told == "blank" else Source(Path(told).name, Path(told))


def size_of(held: Any, depth: int = 6) -> int:
    """Bytes of the tensors and arrays in `held`, through mappings, sequences and dataclasses."""
    if hasattr(held, "nbytes"):
        return int(held.nbytes)
    if depth == 0 or isinstance(held, str | bytes | int | float) or held is None:
        return 0
    if isinstance(held, Mapping):
        inner: Any = held.values()
    elif isinstance(held, list | tuple | set):
        inner = held
    else:
        inner = vars(held).values() if hasattr(held, "__dict__") else ()
    return sum(size_of(one, depth - 1) for one in inner)
