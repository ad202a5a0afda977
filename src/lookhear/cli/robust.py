"""lookhear robust: rephrase a test set and split it into head and tail, as MUSIC-AVQA-R does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import claim, dumps


def robust(
    out: Annotated[Path, typer.Argument(help="Folder to write the rephrased test set into.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which questions to rephrase.")] = "test",
    count: Annotated[int, typer.Option(min=0, help="Rephrasings per question; 0 only splits.")] = 25,
    form: Annotated[str, typer.Option(help="Rule for head and tail: stated, unfiltered, published.")] = "stated",
    seed: Annotated[int, typer.Option(help="Seed for the grammar.")] = 0,
    endpoint: Annotated[str, typer.Option(help="Address of an OpenAI-compatible model to write and vote.")] = "",
    model: Annotated[str, typer.Option(help="Name of that model.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File whose first line is its key; else LOOKHEAR_API_KEY or OPENAI_API_KEY.")
    ] = None,
    price: Annotated[str, typer.Option(help="Dollars per million input and output tokens: 0.15,0.60.")] = "0,0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Rephrase a test set and split it into head and tail, MUSIC-AVQA-R style.

    Without --endpoint a grammar rephrases the questions, offline. With it a model does, and a rephrasing is kept if at
    least two of three votes accept it. A run that was interrupted resumes when started again.

    Example: lookhear robust out/r --dataset music_avqa --root data/music_avqa
    """
    from functools import partial

    from lookhear import datasets
    from lookhear.curate.robust import build, rephrase
    from lookhear.errors import RecipeError

    if bool(endpoint) != bool(model):
        raise RecipeError("--endpoint and --model belong together: give the address and the model's name.")
    with claim(out):
        examples = datasets.load(dataset, root, split)
        card = {"dataset": dataset, "split": split, "asked": len(examples), "count": count}
        if not count:
            rephrased = build.rephrased(examples, lambda example: [example.question])
        elif endpoint:
            from lookhear.cli._served import key
            from lookhear.curate.robust.endpoint import Writer, template_of

            writer = Writer(endpoint, model, key(endpoint, key_file), out / "rephrasings.jsonl", count, _price(price))
            templates = list(dict.fromkeys(template_of(example) for example in examples))
            writer.prepare(templates, _progress)
            rephrased = build.rephrased(examples, writer.ways)
            tokens = {"read": writer.spent[0], "written": writer.spent[1]}
            card |= {"writer": model, "tokens": tokens, "cost": round(writer.cost, 4), "rejected": writer.rejected}
        else:
            rephrased = build.rephrased(examples, partial(rephrase.rephrase, count=count, seed=seed))
            card |= {"writer": "grammar", "seed": seed}
        card = build.write(rephrased, out, form, card)
        if as_json:
            print(dumps(card, indent=2))
            return
        print(f"{card['asked']} questions asked in {card['questions']} ways: {card['head']} head, {card['tail']} tail")
        for kind, group in card["groups"].items():
            parts = f"{group['head']} head, {group['tail']} tail" if group["head_answers"] is not None else "left whole"
            print(f"  {kind:26s} {group['questions']:7d}  entropy {group['entropy']:.3f}  {parts}")
        if endpoint and count:
            print(f"tokens: {tokens['read']} read, {tokens['written']} written; cost {card['cost']:.4f} dollars")
        print(f"written to {out}; read it as dataset music_avqa_r")


def _price(text: str) -> tuple[float, float]:
    from lookhear.errors import RecipeError

    try:
        read, written = (float(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(f"--price {text!r} is not two numbers with a comma, such as 0.15,0.60.") from None
    return read, written


def _progress(done: int, of: int) -> None:
    print(f"\rtemplates written and voted on: {done} of {of}", end="\n" if done == of else "", flush=True)
