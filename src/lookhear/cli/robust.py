"""lookhear robust: rephrase a test set and split it into head and tail, as MUSIC-AVQA-R does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookhear.files import claim, dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookhear.curate.robust.ways import Rephrasing


def robust(
    out: Annotated[Path, typer.Argument(help="Folder to write the rephrased test set into.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which questions to rephrase.")] = "test",
    count: Annotated[int, typer.Option(min=0, help="Rephrasings per question; 0 only splits.")] = 25,
    form: Annotated[str, typer.Option(help="Rule for head and tail: stated, unfiltered, published.")] = "stated",
    seed: Annotated[int, typer.Option(help="Seed for the grammar.")] = 0,
    endpoint: Annotated[str, typer.Option(help="Address of an OpenAI-compatible server whose models write.")] = "",
    model: Annotated[str, typer.Option(help="Models that write, each an equal share: a,b.")] = "",
    voters: Annotated[str, typer.Option(help="Models that vote, in turn: c,d; by default the writers.")] = "",
    voters_at: Annotated[str, typer.Option(help="Address of the voters, if it is another one.")] = "",
    key_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the key; else LOOKHEAR_API_KEY or OPENAI_API_KEY.")
    ] = None,
    price: Annotated[str, typer.Option(help="Dollars per million input and output tokens: 0.15,0.60.")] = "0,0",
    sheets: Annotated[bool, typer.Option("--sheets", help="Write sheets for people to vote on, and stop.")] = False,
    votes: Annotated[
        list[Path] | None, typer.Option(help="A filled sheet, one for each voter; more than half must agree.")
    ] = None,
    figures: Annotated[bool, typer.Option("--figures", help="Also draw openings, answers, and head and tail.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Rephrase a test set and split it into head and tail, MUSIC-AVQA-R style.

    Without --endpoint, a grammar rephrases the questions, offline. With --endpoint, models rephrase them, and a
    rephrasing is kept if at least two of three votes accept it. An interrupted run resumes when started again. People
    can vote instead: --sheets writes votes.csv and votes.html, and --votes (once for each voter) reads the filled
    sheets. --count 0 rephrases nothing and only splits a test set, which may already be rephrased.

    Example: lookhear robust out/r --dataset music_avqa --root data/music_avqa

    Example: lookhear robust out/r --dataset music_avqa --root data --votes ann.csv --votes bo.csv --votes cy.csv
    """
    from lookhear import datasets
    from lookhear.curate.robust import build, statistics, ways
    from lookhear.curate.robust import sheets as sheets_
    from lookhear.curate.robust.split import FORMS
    from lookhear.datasets.music_avqa_r import origin, source_of
    from lookhear.errors import RecipeError

    if bool(endpoint) != bool(model):
        raise RecipeError("--endpoint and --model belong together: give the address and the model's name.")
    if (voters or voters_at) and not (endpoint and voters):
        raise RecipeError("--voters vote on what --endpoint and --model write, and --voters-at is their address.")
    if form not in FORMS:
        from lookhear.catalog import unknown

        raise RecipeError(unknown("form of head and tail", form, FORMS))
    if votes and (sheets or endpoint):
        raise RecipeError("--votes brings back sheets that were filled in; it goes without --sheets and --endpoint.")
    with claim(out):
        examples = datasets.load(dataset, root, split)
        again = dataset == "music_avqa_r"  # already rephrased: keep its origin
        first, source = (origin(root) or dataset, source_of(root)) if again else (dataset, root)
        card: dict[str, Any] = {"dataset": dataset, "origin": first, "split": split, "asked": len(examples)}
        card["count"] = count
        if not count:
            many = build.rephrased(examples, lambda example: [example.question])
        else:
            templates = list(dict.fromkeys(ways.template_of(example) for example in examples))
            needed: int | None = ways.NEEDED
            if votes:
                rephrasings = sheets_.of_people(votes, templates)
                needed = len(votes) // 2 + 1
                card |= {"voters": len(votes), "needed": needed}
            elif endpoint:
                rephrasings, spent = _by_models(
                    *(out, templates, count, endpoint, model, voters, voters_at, key_file, price, not sheets)
                )
                card |= spent
            else:
                rephrasings, needed = ways.by_grammar(templates, count, seed), None
                card |= {"writer": "grammar", "seed": seed}
            if sheets:
                paths = sheets_.write(rephrasings, out)
                print(
                    f"{len(rephrasings)} rephrasings of {len(templates)} questions to vote on: {paths[0]} or {paths[1]}"
                )
                print("one filled sheet a voter comes back by --votes")
                return
            if needed is not None:
                card |= {
                    "agreement": ways.agreement(rephrasings, needed),
                    "writers": ways.by_writer(rephrasings, needed),
                }
            asking = _filling(rephrasings, needed)
            many = build.rephrased(examples, asking)
            card["left_out"] = sum(not asking(example) for example in examples)
        card |= statistics.statistics(many)
        card = build.write(many, out, form, card, source)
        drawn = statistics.draw(many, form, out / "figures") if figures else []
        print(dumps(card, indent=2) if as_json else "\n".join(_card_lines(card)))
        if not as_json:
            print(f"written to {out}; read it as dataset music_avqa_r")
            print("\n".join(map(str, drawn)), end="\n" * bool(drawn))


def _filling(found: Sequence[Rephrasing], needed: int | None) -> Any:
    """A function from an example to its rephrased questions, from the ways kept; without votes, from all ways."""
    from lookhear.curate.robust import ways

    kept = ways.of_templates(way for way in found if needed is None or way.kept(needed))

    def asked(example: Any) -> list[str]:
        return list(dict.fromkeys(ways.filled(way.text, example) for way in kept.get(ways.template_of(example), ())))

    return asked


def _by_models(
    out: Path,
    templates: Sequence[str],
    count: int,
    endpoint: str,
    model: str,
    voters: str,
    voters_at: str,
    key_file: Path | None,
    price: str,
    vote: bool,
) -> tuple[list[Rephrasing], dict[str, Any]]:
    """The ways written and voted on by models, and the card's entries on models, tokens and cost."""
    from lookhear.cli._served import key
    from lookhear.curate.robust.endpoint import Panel
    from lookhear.progress import bars
    from lookhear.servers.client import Client

    def clients(url: str, names: str) -> list[Client]:
        secret = key(url, key_file if url == endpoint else None)
        return [Client(url, name.strip(), secret) for name in names.split(",") if name.strip()]

    writing, voting = clients(endpoint, model), clients(voters_at or endpoint, voters)
    panel = Panel(writing, out / "rephrasings.jsonl", voting, count, _price(price))
    with bars() as bar:
        found = panel.ways(templates, vote, lambda done, of: bar.show("templates written and voted on", done, of))
    tokens = {"read": panel.spent[0], "written": panel.spent[1]}
    return found, {"writer": model, "voted_by": voters or model, "tokens": tokens, "cost": round(panel.cost, 4)}


def _card_lines(card: dict[str, Any]) -> list[str]:
    neither = f", {card['neither']} neither" if card["neither"] else ""
    parts = f"{card['head']} head, {card['tail']} tail{neither}"
    lines = [
        f"{card['asked']} questions asked in {card['questions']} ways: {parts}",
        f"{card['vocabulary']} words, {card['different_first_three_words']} different openings of three words",
    ]
    if card.get("left_out"):
        lines.append(f"{card['left_out']} questions are left out: no way to ask them was kept")
    for kind, group in card["groups"].items():
        parts = f"{group['head']} head, {group['tail']} tail" if group["head_answers"] is not None else "left whole"
        lines.append(f"  {kind:26s} {group['questions']:7d}  entropy {group['entropy']:.3f}  {parts}")
    if told := card.get("agreement"):
        kappa = "-" if told["kappa"] is None else f"{told['kappa']:.3f}"
        agreed = f"{told['kept']:.2f} % kept, {told['unanimous']:.2f} % unanimous, Fleiss' kappa {kappa}"
        lines.append(f"{told['votes']} votes on {told['ways']} rephrasings: {agreed}" if told["ways"] else "no votes")
    for name, some in card.get("writers", {}).items():
        lines += [f"  {name}: {some['written']} written, {some['kept']} kept"] if name else []
    if tokens := card.get("tokens"):
        lines.append(f"tokens: {tokens['read']} read, {tokens['written']} written; cost {card['cost']:.4f} dollars")
    return lines


def _price(text: str) -> tuple[float, float]:
    from lookhear.errors import RecipeError

    try:
        read, written = (float(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(f"--price {text!r} is not two numbers with a comma, such as 0.15,0.60.") from None
    return read, written
