"""lookhear instruct: make instruction data with explicit reasoning, as in AV-UIE."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookhear.files import claim, dumps
from lookhear.progress import Bars, bars

if TYPE_CHECKING:
    from lookhear.llms.endpoint import Endpoint


def instruct(
    out: Annotated[Path, typer.Argument(help="Folder to write into; run again to resume.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which examples to write about.")] = "train",
    limit: Annotated[int, typer.Option(min=0, help="Only the first N examples; 0 takes all.")] = 0,
    endpoint: Annotated[
        str, typer.Option(help="Address of an OpenAI-compatible server that writes; default: rules.")
    ] = "",
    model: Annotated[str, typer.Option(help="Name of the server's model; default: its first.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File whose first line is its key; else LOOKHEAR_API_KEY or OPENAI_API_KEY.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Endpoint option, as key=value: dialect, price=2.5/10, budget=20, rate.")
    ] = None,
    candidates: Annotated[int, typer.Option(min=1, help="Conversations per example; the best reply is kept.")] = 1,
    judge: Annotated[str, typer.Option(help="Address of a second model that checks whether a text is true.")] = "",
    judge_option: Annotated[
        list[str] | None, typer.Option(help="Option of the second model: model, dialect, price, budget, key_file.")
    ] = None,
    certify: Annotated[
        bool, typer.Option("--certify", help="Accept things that the model `real` detects in the clip.")
    ] = False,
    blind: Annotated[bool, typer.Option("--blind", help="Send text only, without picture and sound.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Send nothing: count requests, tokens and cost.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Concurrent requests.")] = 4,
    form: Annotated[
        list[str] | None, typer.Option(help="Export format: av_uie, av_uie@v1, chat, ms-swift, llama-factory.")
    ] = None,
    val: Annotated[float, typer.Option(min=0, help="Fraction of a training split's recordings to hold out.")] = 0.0,
    review: Annotated[int, typer.Option(min=0, help="Write a stratified sample of this size for human review.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the review sample and of the held-out recordings.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Write, check, review and export reasoning that ends in the label, in the layout of AV-UIE and of trainers.

    Without --endpoint, rules make the reasoning from the annotations, offline. With --endpoint, a model writes it from
    the clip's frames and sound, sent in its dialect (`lookhear list dialects`). A text is requested again if it does
    not conclude with the label, contradicts known facts, refuses, or contains markup; after a few attempts the example
    is dropped, logged and counted. If events have no times, as in LLP's training labels, the model finds the times.
    Every reply is saved in OUT/ledger at once and never paid for twice. An example without a reply is tried again by
    the next run, and the exit code is 1. The next run also applies people's verdicts on the review sheet
    (`lookhear serve --review`).

    Example: lookhear instruct uie --dataset soundstage@reasoning --root stage --split train
    """
    from lookhear.curate.instruct import job as jobs
    from lookhear.curate.instruct import wording, write
    from lookhear.curate.instruct.teacher import Teacher
    from lookhear.errors import RecipeError

    if (blind or dry_run or option or judge or certify or candidates > 1) and not endpoint:
        raise RecipeError(
            "--blind, --dry-run, --option, --judge, --certify and --candidates are of a model that writes: "
            "give --endpoint as well."
        )
    if model and not endpoint:
        raise RecipeError(f"--model {model!r} needs its address: give --endpoint as well.")
    if judge_option and not judge:
        raise RecipeError("--judge-option is of a second model: give --judge as well.")
    forms = tuple(dict.fromkeys(form or ["av_uie"]))
    job = jobs.Job(out, dataset, root, split, limit, forms, val, review, seed)
    head: dict[str, Any] = {"writer": write.RULE}
    writer: write.Writer = write.by_rule
    asked: list[Endpoint] = []
    if endpoint:
        named = [f"model={model}"] if model else []
        asked.append(_served(endpoint, [*(option or ()), *named], out / "ledger" / "replies.jsonl", key_file, dry_run))
        if judge:
            asked.append(_served(judge, judge_option or (), out / "ledger" / "opinions.jsonl", None, dry_run))
        second = asked[1] if judge else None
        certifier = jobs.Certifier(out / "ledger" / "timelines") if certify else None
        writer = Teacher(asked[0], second, candidates, vocabulary=job.vocabulary(), certify=certifier, blind=blind)
        head = {"writer": asked[0].client.name(), "prompts": wording.VERSION, "judge": second and second.client.name()}
        head |= {"candidates": candidates, "certified": certify, "blind": blind}
        if dry_run:
            for example in job.examples():
                writer(example)
            print("\n".join(line for one in asked for line in one.lines()))
            return
    with claim(out), bars(as_json) as bar:
        card = jobs.run(job, writer, head, workers if endpoint else 1, _progress(bar, asked), lambda: _spent(asked))
    lost = sum(card["dropped"].get(name, 0) for name in write.AGAIN)
    print(dumps(card) if as_json else "\n".join(_lines(card, job, asked)))
    if lost:
        print(f"{lost} are not answered; run again to ask them.", file=sys.stderr)
        raise typer.Exit(1)


def _served(url: str, options: Sequence[str], replies: Path, key_file: Path | None, dry_run: bool) -> Endpoint:
    """The model at `url`; its replies are kept in the file `replies`."""
    from lookhear.cli._served import key
    from lookhear.llms import endpoint

    told = dict(one.partition("=")[::2] for one in options)
    account = {} if "key_file" in told else {"key": key(url, key_file)}
    served = endpoint.load(url, replies=str(replies), dry_run=dry_run, **account, **told)
    served.asker.count_stored(served.asker.ledger or ())  # the file holds replies of this job alone
    return served


def _spent(asked: Sequence[Endpoint]) -> dict[str, Any]:
    """The cost of the run so far in dollars; None if a price is unknown."""
    limits = [one.client.limits for one in asked]
    known = all(any(one.price) for one in limits)
    return {"dollars": round(sum(one.spent.dollars for one in limits), 4) if asked and known else None}


def _progress(bar: Bars, asked: Sequence[Endpoint]) -> Callable[[int, int], None]:
    """A callback that shows how many are written, dollars spent and dollars left; a line each tenth off a terminal."""

    def show(done: int, of: int) -> None:
        words = []
        for limits in (one.client.limits for one in asked):
            if any(limits.price):
                left = f", ${max(0.0, limits.budget - limits.spent.dollars):.2f} left" if limits.budget else ""
                words.append(f"${limits.spent.dollars:.2f} spent{left}")
        bar.show("written", done, of, "; ".join(words))
        if bar.shown is None and done and (done == of or done % max(1, of // 10) == 0):
            bar.say("; ".join([f"written: {done} of {of}", *words]))

    return show


def _lines(card: dict[str, Any], job: Any, asked: Sequence[Endpoint]) -> list[str]:
    """Lines printed for a card."""
    lines = [f"{card['written']} written by {card['writer']}, {card['kept']} kept"]
    for name in ("dropped", "bad_replies"):
        lines += [f"  {name.replace('_', ' ')}: {count} {reason}" for reason, count in card[name].items()]
    if asked:
        lines.append(f"  tokens: {card['tokens']['read']} read, {card['tokens']['written']} written")
    for split, parts in card["splits"].items():
        lines += [f"  {split:5s} {part:8s} {count:6d}" for part, count in parts.items()]
    if card["no_part"]:
        lines.append(f"  without a part of AV-UIE: {card['no_part']}")
    lines += [f"  left out of {form}: {count}" for form, count in card["not_exported"].items()]
    if any(card["review"].values()):
        said = ", ".join(f"{count} {verdict}" for verdict, count in card["review"].items() if count)
        lines.append(f"  people: {said}; {card['corrections']} corrections")
    lines.append(f"written to {job.out}, log in {job.ledger()}; read it as dataset av_uie")
    if card["sheet"]:
        lines.append(f"to judge {card['sheet']} texts: lookhear serve --review {job.sheet} --media {job.root}")
    return lines + [line for one in asked for line in one.lines()]
