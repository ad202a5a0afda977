"""Models behind an OpenAI-compatible API that accept images, sound or video: vLLM, SGLang, Gemini, GPT, Qwen.

    lookhear doctor endpoint@http://localhost:8000/v1                   # find the dialect, write a certificate
    lookhear ask concert.mp4 "Who starts?" --model endpoint@http://localhost:8000/v1,model=Qwen/Qwen3-Omni-30B-A3B

    dialect=vllm-omni                 request format of picture and sound (`lookhear list dialects`); default: guessed
    audio=none                        send no sound, for models without audio input
    extra.seed=7  extra.a.b=true      fields added to every request; values are JSON, or else text
    rename.max_tokens=max_new_tokens  drop=temperature+logprobs      fields to rename or to omit
    price=2.5/10,budget=20            dollars per million input and output tokens; limit of the cost in dollars

`watch` builds the message parts of a clip; every question sends them first, so that a server with prefix caching
encodes them once. Replies are appended to a ledger (`replies=FILE`), keyed by media, prompt, model and settings, so
that nothing is paid for twice. The API key is never part of a model's name: it comes from the environment
(LOOKHEAR_API_KEY, OPENAI_API_KEY) or from `key_file=PATH`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from math import nan
from typing import Any

from lookhear import catalog, dialects
from lookhear.errors import ModelError, RecipeError
from lookhear.layers.generation import GREEDY, Generation, OnText
from lookhear.ledger import Ledger, key_of
from lookhear.llms import Prepared, Reply
from lookhear.llms.endpoint.options import NAME, Config, merged, options_of
from lookhear.media.sampling import Sampling
from lookhear.servers.asker import Asker, Plan
from lookhear.servers.client import Client, key_in
from lookhear.servers.clips import Message, Shown
from lookhear.servers.completion import Completion
from lookhear.servers.limits import Limits, price
from lookhear.types import Media

HEARD = ("sent", "none")
LONGEST = 64_000_000  # largest size of media in a message in bytes; most servers refuse more


@dataclass(frozen=True)
class Parts:
    """Clips as message parts, one row each; `digests` are hashes of their media."""

    rows: tuple[Message, ...]
    digests: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]


class Endpoint:
    """A model behind an API."""

    name = NAME
    draws = False
    report = ()

    def __init__(self, config: Config):
        if config.audio not in HEARD:
            raise RecipeError(catalog.unknown("way to send (audio)", config.audio, HEARD))
        if config.workers < 1 or config.frames < 1 or config.side < 1 or config.timeout <= 0:
            raise RecipeError("workers, frames, side and timeout of an endpoint must be positive.")
        self.config = config
        self.sampling = Sampling(rule="uniform", count=config.frames)
        limits = Limits(config.rate, config.budget, price(config.price))
        if config.budget and not any(limits.price):
            raise RecipeError("budget= needs price=: dollars for a million tokens read and written, such as 2.5/10.")
        key = config.key or (key_in(config.key_file) if config.key_file else "")
        changed = {"rename": dict(config.rename), "drop": set(config.drop)}
        self.client = Client(config.url, config.model, key, config.timeout, limits, **changed, pause=config.pause)
        self.asker = Asker(self.client, Ledger(config.replies) if config.replies not in ("", "none") else None)
        self.plan = Plan()
        self._sent: set[str] = set()  # digests of media that the server has cached, with once=true
        self._dialect = dialects.find(config.dialect) if config.dialect else None

    @property
    def dialect(self) -> Any:
        """The module of `dialects/` in use: as configured, else guessed from the server's metadata."""
        if self._dialect is None:
            try:
                owners = [str(one.get("owned_by", "")) for one in self.client.served()]
            except ModelError:  # the first question will report it
                owners = []
            self._dialect = dialects.find(dialects.of_server(self.config.url, owners[0] if owners else ""))
        return self._dialect

    def speaks(self) -> str:
        """The name of the dialect."""
        return dialects.written(self.dialect.__name__.rpartition(".")[2])

    def prepare(self, media: Media, pair: str = "") -> Prepared:
        """The `message` for a clip, its `digest`, and `notes` on media that are not sent."""
        notes = []
        if self.config.audio == "none" and media.waveform is not None:
            media = Media(media.frames, media.times, None, media.sample_rate, media.duration, media.notes)
            notes.append("the sound was not sent (audio=none)")
        message = self.dialect.message(Shown(media, self.config.side))
        size = len(json.dumps([message.parts, message.fields]))
        if size > LONGEST:
            raise ModelError(f"A clip of {size / 1e6:.0f} MB is too long to send. Use fewer frames or audio=none.")
        return {"message": message, "digest": key_of(message.parts, message.fields), "notes": tuple(notes)}

    def watch(self, media: Sequence[Media | Prepared]) -> Parts:
        """The message of each clip."""
        made = [one if isinstance(one, Mapping) else self.prepare(one) for one in media]
        return Parts(*(tuple(one[name] for one in made) for name in ("message", "digest", "notes")))

    def answer(
        self,
        seen: Parts,
        rows: Sequence[int],
        prompts: Sequence[str],
        max_tokens: int = 64,
        how: Generation = GREEDY,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        """A reply to each prompt, with several requests in parallel; a failed one has `ended` "failed".

        `on_text` is called with complete replies, which are not streamed. Raises RecipeError for beam search.
        """
        asked = zip(rows, prompts, strict=True)
        settings = self._settings(how)
        jobs = [(seen.rows[row], seen.digests[row], prompt, max_tokens, settings) for row, prompt in asked]
        if self.config.dry_run:
            return [self._reply(*job) for job in jobs]
        if self.config.budget:
            self._count_stored(jobs)

        def ask(number: int) -> Reply:
            reply = self._reply(*jobs[number])
            if on_text is not None:
                on_text(number, reply.text)
            return reply

        pool = ThreadPoolExecutor(self.config.workers)
        try:
            return list(pool.map(ask, range(len(jobs))))
        except BaseException:
            self.client.stop()
            raise
        finally:  # on an interruption, wait for requests in progress and cancel the others
            pool.shutdown(wait=True, cancel_futures=True)

    def _count_stored(self, jobs: Sequence[tuple[Any, ...]]) -> None:
        """Count what the ledger holds of `jobs` against the budget, before the first of the others is asked."""
        with suppress(ModelError):  # the first question will report it
            self.asker.count_stored([self._key(*job[1:]) for job in jobs])

    def _key(self, digest: str, prompt: str, max_tokens: int, settings: Mapping[str, Any]) -> str:
        """The key of a reply. Raises ModelError if the server does not tell its name."""
        fields = merged(self._fields(max_tokens), settings)
        return self.asker.key(digest, prompt, fields, self.config.rename, sorted(self.config.drop))

    def _reply(self, message: Message, digest: str, prompt: str, max_tokens: int, settings: Mapping[str, Any]) -> Reply:
        fields = merged(self._fields(max_tokens), settings)
        try:
            key = self._key(digest, prompt, max_tokens, settings)
        except ModelError as error:
            self.asker.failed[str(error)] += 1
            return Reply("", nan, ended="failed", why=str(error))
        body = self._body(message, prompt, fields)
        if self.config.dry_run:
            self.plan.add(body, self.asker.has(key))
            return Reply("", nan, ended="failed", why="a dry run")
        known = self.config.once and self.dialect.ONCE and digest in self._sent
        done = self.asker.ask(body, key, self._body(_named(message), prompt, fields) if known else None)
        if done.ended != "failed":
            self._sent.add(digest)
        return Reply(done.text.strip(), nan if done.score is None else done.score, ended=done.ended, why=done.why)

    def _fields(self, max_tokens: int) -> dict[str, Any]:
        """Fields of a request besides messages and the dialect's fields."""
        c = self.config
        length = "max_completion_tokens" if c.max_completion_tokens else "max_tokens"
        made: dict[str, Any] = {length: c.max_completion_tokens or c.max_tokens or max_tokens}
        if c.temperature is not None:
            made["temperature"] = c.temperature
        if c.logprobs:
            made["logprobs"] = True
        return merged(made, c.extra)

    def _settings(self, how: Generation) -> dict[str, Any]:
        """The fields of a request for generation settings. Raises RecipeError."""
        if how.beams > 1:
            raise RecipeError("A model behind an address has no beams: leave beams out.")
        length = "max_completion_tokens" if self.config.max_completion_tokens else "max_tokens"
        made: dict[str, Any] = {length: how.max_tokens} if how.max_tokens else {}
        if how.temperature:
            made |= {"temperature": how.temperature, "top_p": how.top_p, "seed": how.seed}
            made |= {"top_k": how.top_k} if how.top_k else {}
        return made | ({"stop": list(how.stop)} if how.stop else {})

    def _body(self, message: Message, prompt: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        content: Any = [*message.parts, {"type": "text", "text": prompt}] if message.parts else prompt
        return {"messages": [{"role": "user", "content": content}], **merged(dict(message.fields), fields)}

    def converse(self, prepared: Prepared, turns: Sequence[str], max_tokens: int = 512, **fields: Any) -> Completion:
        """The reply in a conversation (`turns` alternate between user and model) about a clip; kept in the ledger."""
        message = prepared["message"]
        body = self._body(message, turns[0], self._fields(max_tokens) | fields)
        roles = ("user", "assistant")
        body["messages"] += [{"role": roles[k % 2], "content": turn} for k, turn in enumerate(turns) if k]
        key = self.asker.key(prepared["digest"], list(turns), self._fields(max_tokens) | fields)
        if self.config.dry_run:
            self.plan.add(body, self.asker.has(key))
            return Completion("", "failed", "a dry run")
        return self.asker.ask(body, key)

    def lines(self) -> list[str]:
        """Summary of requests and their cost; for a dry run, the expected ones."""
        return self.plan.lines(self.client.limits) if self.config.dry_run else self.asker.lines()

    def needs(self) -> str:
        """A model behind an API needs no memory here."""
        return f"{self.config.model or 'The model'} runs at {self.config.url}: no disk and no memory here."


def build(config: Config) -> Endpoint:
    """The client; it connects on first use."""
    return Endpoint(config)


def load(where: str = "", **options: Any) -> Endpoint:
    """The model at URL `where`; `options` are fields of Config, with `extra.a.b` for nested fields."""
    return build(options_of(where, options))


def _named(message: Message) -> Message:
    """A message without the content of parts that have a uuid, because the server has cached them."""
    parts = [{**part, part["type"]: {}} if "uuid" in part else part for part in message.parts]
    return Message(tuple(parts), message.fields)
