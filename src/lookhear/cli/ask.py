"""lookhear ask: answer questions about videos, with evidence."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookhear.cli._replies import Beams, MaxTokens, Seed, Stop, Temperature, TopP, Window
from lookhear.files import dumps

if TYPE_CHECKING:
    from lookhear.types import Answer, Clip, Region

WIDE = 60  # characters of a timeline
LARGE = 1_000_000_000  # bytes; a model that needs more memory states its needs first
BARS = " ▁▂▃▄▅▆▇█"


def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO... QUESTION...",
            help="Videos or sound files, folders, patterns or addresses; then questions about each of them.",
        ),
    ],
    question: Annotated[
        list[str] | None, typer.Option("--question", "-q", help="A question (repeatable); all words are then videos.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option("--questions", help="File of questions: one per line, or a JSON list.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="real, a shipped model, a language model (crab_plus, qwen_omni@HUB/NAME), a folder of one; "
            "default: real if its packages are installed, else stage."
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per question, one per line.")] = False,
    evidence: Annotated[
        Path | None, typer.Option(help="Folder for a figure of each answer, and of the words that it rests on.")
    ] = None,
    segmenter: Annotated[
        str,
        typer.Option(help="SAM 2 (facebook/sam2.1-hiera-large, or a folder): masks for boxes and points in replies."),
    ] = "",
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download http(s) addresses; private ones are refused.")
    ] = False,
    max_mb: Annotated[float, typer.Option(min=0, help="Largest download, in megabytes.")] = 512,
    max_seconds: Annotated[float, typer.Option(min=0, help="Longest download, in seconds.")] = 120,
    max_tokens: MaxTokens = 0,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    beams: Beams = 1,
    stop: Stop = None,
    window: Window = 0.0,
    stream: Annotated[
        bool, typer.Option("--stream", help="Show a language model's replies while they are generated.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download a language model without asking.")] = False,
) -> None:
    """Answer questions about videos, with the evidence for each answer.

    With several videos, those that cannot be read are reported, the others are answered, and the exit code is 1. The
    exit code is 1 as well if a reply of a server did not come.

    Example: lookhear ask concert.mp4 "Which instrument starts first?" --evidence out

    Example: lookhear ask concerts/ -q "Which instrument starts first?" -q "Is there a voiceover?" --json
    """
    from lookhear import segmenters
    from lookhear.cli import _asked
    from lookhear.cli._replies import generation_arguments
    from lookhear.cli._served import late
    from lookhear.errors import MediaError, RecipeError
    from lookhear.model import default, load, spelled
    from lookhear.model.names import named

    videos, asked = _asked.parted(words, question or (), questions)
    segmenters.check(segmenter)
    model = spelled(model or default())
    limits = (max_mb, max_seconds) if fetch else None
    with _asked.files(videos, limits) as files:
        _agree(model, yes)
        answering = load(
            model, **late(model), **generation_arguments(max_tokens, temperature, top_p, seed, beams, stop, window)
        )
        if stream and (window or as_json or not named(model)):
            raise RecipeError("--stream shows the replies of a language model as text: without --json and --window.")
        for line in answering.llm.report if named(model) else ():  # type: ignore[attr-defined]
            print(f"{model}: {line}", file=sys.stderr)
        several, failed, lost = len(files) > 1, 0, 0
        for name, file in files:
            try:
                if isinstance(file, MediaError):
                    raise file
                lost += _answered(answering, name, file, asked, several, as_json, evidence, segmenter, stream)
            except MediaError as error:
                if not several:
                    raise
                failed += 1
                print(f"not read: {name}: {error}", file=sys.stderr)
    if failed:
        print(f"{failed} of {len(files)} videos could not be read", file=sys.stderr)
    if lost:
        print(f"no reply came to {lost} of {len(asked) * len(files)} questions", file=sys.stderr)
    if failed or lost:
        raise typer.Exit(1)


def _answered(
    answering: Any,
    name: str,
    file: Path,
    asked: Sequence[str],
    several: bool,
    as_json: bool,
    evidence: Path | None,
    segmenter: str,
    stream: bool,
) -> int:
    """Answer every question about one video and print it; how many replies did not come."""
    from lookhear.model import clip_of

    clip = clip_of(file)
    answers = _streamed(answering, clip, asked) if stream else answering.ask(clip, *asked)
    if segmenter:
        answers = _drawn(clip, answers, segmenter)
    folder = evidence / slug(Path(name).name) if evidence and several else evidence
    pictures = _pictures(clip, asked, answers, folder) if folder else [None] * len(asked)
    if several and not as_json:
        print(f"── {name}")
    for question, answer, picture in zip(asked, answers, pictures, strict=True):
        if as_json:
            from lookhear.evaluate.answered import as_json as plain

            print(dumps({"video": name} | plain(question, answer, answering.name)))
            continue
        print(question)
        print("\n".join(_lines(answer)))
        if picture:
            print(f"  drawn  {picture}")
        print()
    from lookhear.tasks import NO_REPLY

    return sum(any(note.startswith(NO_REPLY) for note in answer.notes) for answer in answers)


def _streamed(answering: Any, clip: Clip, asked: Sequence[str]) -> list[Answer]:
    """Answer the questions one after the other, printing each reply while it is generated."""
    answers: list[Answer] = []
    for question in asked:
        print(f"{question}\n  ", end="", flush=True)
        for piece in answering.stream(clip, question):
            if isinstance(piece, list):
                answers += piece
            else:
                print(piece[1], end="", flush=True)
        print()
    return answers


def slug(text: str) -> str:
    """File name made from a text: lower-case words joined by dashes, at most 60 characters."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")[:60]


def _agree(model: str, yes: bool) -> None:
    """Print what a language model needs, and confirm before a download. Raises ModelError without a terminal."""
    from lookhear.errors import ModelError
    from lookhear.model.names import named, plan

    if not named(model):
        return
    _silence_transformers()
    needed = plan(model)
    if needed is None or (not needed.download and needed.memory < LARGE):
        return
    print(needed, file=sys.stderr)
    if not needed.download or yes:
        return
    if not sys.stdin.isatty():
        raise ModelError(f"{model!r} is to be downloaded. Add --yes, or give a folder that holds it: NAME@FOLDER.")
    typer.confirm("Download it?", abort=True, err=True)


def _drawn(clip: Clip, answers: Sequence[Answer], segmenter: str) -> list[Answer]:
    """The answers with a mask for every region; SAM 2 is loaded only if some answer has regions."""
    if not any(region.box for answer in answers for region in answer.regions):
        return list(answers)
    from lookhear.evaluate.draw.where import frame_of
    from lookhear.media.decode import decode
    from lookhear.media.sampling import Sampling
    from lookhear.segmenters import sam2

    media = decode(clip, Sampling(rule="uniform", count=24))
    if media.frames is None:
        return list(answers)
    sam = sam2.load(segmenter)
    return [sam.drawn(a, frame_of(media, a.regions)) if a.regions else a for a in answers]


def _silence_transformers() -> None:
    """Silence log messages and progress bars of transformers; download bars still show."""
    import warnings

    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)


def _lines(answer: Answer) -> list[str]:
    """Lines printed for an answer: its confidence, the alternatives, the seconds, and the modality."""
    first, *others = [f"{text} {score:.0%}" for text, score in list(answer.scores.items())[:3]] or [answer.text]
    lines = [f"  → {first}" + (f"   (then {', '.join(others)})" if others else "")]
    evidence = answer.evidence
    if evidence:
        for name, weights in (("seen", evidence.seen), ("heard", evidence.heard)):
            if weights:
                lines.append(f"  {name:6s} |{timeline(weights)}| 0 to {len(weights)} s")
        for name, weighed in evidence.words.items():
            top = sorted(weighed, key=lambda pair: -pair[1])[:3]
            lines.append(f"  words  {name}: {', '.join(f'{word} {weight:.0%}' for word, weight in top)}")
        single = [f"{name} says {next(iter(said))}" for name, said in evidence.opinions.items() if said]
        if single:
            lines.append(f"  heads  {', '.join(single)}")
    else:
        lines += [f"  when   {s.start:g} to {s.end:g} s" for s in answer.segments]
        lines += [f"  where  {_placed(region)}" for region in answer.regions]
    return lines + [f"  note   {note}" for note in answer.notes]


def _placed(region: Region) -> str:
    """A region as text; edges in percent of the frame."""
    if region.box is None:
        return "a mask"
    left, top, right, bottom = (f"{edge:.0%}" for edge in region.box)
    if region.box[:2] == region.box[2:]:
        return f"{left} from the left, {top} from the top"
    covers = f", its mask covers {(region.mask > 0).mean():.0%}" if region.mask is not None else ""
    return f"{left} to {right} from the left, {top} to {bottom} from the top{covers}"


def timeline(weights: Sequence[float]) -> str:
    """Weights drawn as a row of bars, one per second; beyond WIDE seconds each bar is the maximum of several."""
    count = min(len(weights), WIDE)
    edges = [round(i * len(weights) / count) for i in range(count + 1)]
    tallest = [max(weights[a:b]) for a, b in pairwise(edges)]
    top = max([*tallest, 1e-9])
    return "".join(BARS[round(w / top * (len(BARS) - 1))] for w in tallest)


def _pictures(clip: Clip, questions: Sequence[str], answers: Sequence[Answer], folder: Path) -> list[Path]:
    from lookhear.evaluate.draw.picture import picture
    from lookhear.evaluate.draw.where import masks, where
    from lookhear.evaluate.draw.words import words
    from lookhear.media.decode import decode
    from lookhear.media.sampling import Sampling

    media = decode(clip, Sampling(rule="uniform", count=24))
    drawn = []
    for number, (question, answer) in enumerate(zip(questions, answers, strict=True), 1):
        name = f"{number}-{slug(question)}"
        drawn.append(picture(media, question, answer, folder / f"{name}.png"))
        where(media, answer.regions, folder / f"{name}-where.png")
        masks(answer.regions, folder / f"{name}-mask.png")
        words(question, answer, folder / f"{name}-words.png")
    return drawn
