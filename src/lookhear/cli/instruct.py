"""lookhear instruct: explicit-reasoning instruction data, AV-UIE style."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import claim, dumps


def instruct(
    out: Annotated[Path, typer.Argument(help="Folder to write into; run again to resume.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which examples to write about.")] = "train",
    limit: Annotated[int, typer.Option(min=0, help="Only the first N examples; 0 takes all.")] = 0,
    endpoint: Annotated[str, typer.Option(help="Address of an OpenAI-compatible model to write; else by rule.")] = "",
    model: Annotated[str, typer.Option(help="Name of that model; the first it has if not given.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File whose first line is its key; else LOOKHEAR_API_KEY or OPENAI_API_KEY.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Endpoint option, as key=value: dialect, price=2.5/10, budget=20, rate.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Send text only, without picture and sound.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Send nothing: count requests, tokens and cost.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Concurrent requests.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Write, check and export reasoning that ends in the label, in the layout of AV-UIE v2.

    Without --endpoint the reasoning follows from the annotations by rule, offline. With it a model writes it. A text
    that does not conclude with the original label, refuses, or holds leftovers is asked for anew, then dropped, logged
    and counted. The model is shown the clip, frames and sound, as its dialect has it (`lookhear list dialects`). Every
    reply is kept in OUT/ledger the moment it comes, and none is paid for twice; a question whose reply did not come is
    asked again by the next run, and the exit code is 1.

    Example: lookhear instruct uie --dataset soundstage@reasoning --root stage --split train
    """
    from lookhear import datasets
    from lookhear.curate.instruct import export, write
    from lookhear.errors import RecipeError

    if (blind or dry_run or option) and not endpoint:
        raise RecipeError("--blind, --dry-run and --option are of a model that writes: give --endpoint as well.")
    if model and not endpoint:
        raise RecipeError(f"--model {model!r} needs its address: give --endpoint as well.")
    module, _ = datasets.find(dataset)
    examples = datasets.load(dataset, root, split)
    examples = [e for e in examples if e.reference is not None][: limit or None]
    marked = getattr(module, "with_mask", None)
    if marked is not None:
        examples = [marked(e) if e.meta.get("mask") and not e.reference.regions else e for e in examples]
    head = {"dataset": dataset, "split": split, "writer": write.RULE}
    writer = write.by_rule
    if endpoint:
        from lookhear.cli._served import key
        from lookhear.llms import endpoint as served

        options = dict(one.partition("=")[::2] for one in option or ())
        options |= {"model": model} if model else {}
        replies = {"replies": str(out / "ledger" / "replies.jsonl"), "dry_run": dry_run}
        teacher = served.load(endpoint, key=key(endpoint, key_file), **replies, **options)
        head["writer"] = teacher.client.name()
        writer = write.by_model(teacher, blind=blind)
        if dry_run:
            for example in examples:
                writer(example)
            print("\n".join(teacher.lines()))
            return
    with claim(out):
        ledger = out / "ledger" / f"{dataset}-{split}.jsonl"
        show = (lambda done, of: None) if as_json else _progress
        entries = write.write(examples, writer, ledger, head, workers if endpoint else 1, show)
        kept = [(e, entry.text) for e, entry in zip(examples, entries, strict=True) if not entry.fault]
        parts, homeless = export.write(out, "train" if split == "train" else "test", dataset, kept)
        card = head | write.counts(entries) | {"parts": parts, "no_part": homeless}
        (out / f"card-{dataset}-{split}.json").write_text(dumps(card, indent=1), "utf-8")
        lost = sum(card["dropped"].get(name, 0) for name in write.AGAIN)
        if as_json:
            print(dumps(card))
            if lost:
                raise typer.Exit(1)
            return
        print(f"{card['written']} written by {card['writer']}, {card['kept']} kept")
        for name in ("dropped", "bad_replies"):
            for reason, count in card[name].items():
                print(f"  {name.replace('_', ' ')}: {count} {reason}")
        if endpoint:
            print(f"  tokens: {card['tokens']['read']} read, {card['tokens']['written']} written")
        for part, count in parts.items():
            print(f"  {part:8s} {count:6d}")
        if homeless:
            print(f"  without a part of AV-UIE: {homeless}")
        print(f"written to {out}, log in {ledger}; read it as dataset av_uie")
        if endpoint:
            print("\n".join(teacher.lines()))
        if lost:
            why = next(entry.text for entry in entries if entry.fault in write.AGAIN)
            print(f"{lost} are not answered ({why}); run again to ask them.", file=sys.stderr)
            raise typer.Exit(1)


def _progress(done: int, of: int) -> None:
    if done == of or done % 100 == 0:
        print(f"\rwritten: {done} of {of}", end="\n" if done == of else "", flush=True)
