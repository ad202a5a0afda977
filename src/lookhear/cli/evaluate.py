"""lookhear evaluate: score a model on a dataset, or on the many test sets of the Crab+ table."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookhear.cli._formats import Format
from lookhear.cli._outcome import certified, plain, print_outcome, replied
from lookhear.cli._plots import of_report, published_rows
from lookhear.cli._replies import Beams, MaxTokens, Seed, Stop, Temperature, TopP, Window, generation_arguments
from lookhear.files import claim, dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookhear.evaluate.many import Asked
    from lookhear.evaluate.report import Report
    from lookhear.evaluate.run import Spread
    from lookhear.store.features import FeatureStore
    from lookhear.types import Example

FORMS = (".png", ".svg", ".pdf")  # suffixes of a figure
LATER = ("unread", "no_reply", "certificate")  # keys of a report's card that are known only after asking


def evaluate(
    model: Annotated[str, typer.Argument(help="A run folder, a shipped model, a language model or its folder.")],
    root: Annotated[Path, typer.Option(help="Folder of the dataset's annotations and media.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")] = "",
    split: Annotated[str, typer.Option(help="Which questions to ask.")] = "test",
    tasks: Annotated[str, typer.Option(help="Several test sets: all (the Crab+ table), names, or a YAML list.")] = "",
    store: Annotated[Path | None, typer.Option(help="Feature store; by default ROOT/features.")] = None,
    probe: Annotated[str, typer.Option(help="Ask with one input removed or changed; see lookhear list probes.")] = "",
    limit: Annotated[int, typer.Option(help="Most questions per set, drawn from all over it; 0 asks all.", min=0)] = 0,
    segmenter: Annotated[
        str,
        typer.Option(help="SAM 2 (facebook/sam2.1-hiera-large, or a folder): masks for boxes and points in replies."),
    ] = "",
    embeddings: Annotated[
        Path | None, typer.Option(help="Folder for the segmenter's embeddings, about 17 MB per frame.")
    ] = None,
    judge: Annotated[str, typer.Option(help="Model that judges open-ended answers: endpoint@URL,model=NAME.")] = "",
    beside: Annotated[str, typer.Option(help="Published methods to print beside it: their names, or all.")] = "",
    no_beside: Annotated[bool, typer.Option("--no-beside", help="With --tasks: print no published rows.")] = False,
    max_tokens: MaxTokens = 0,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    beams: Beams = 1,
    stop: Stop = None,
    window: Window = 0.0,
    workers: Annotated[int, typer.Option(help="Of --engine ray: processes, one thread each.", min=1)] = 1,
    engine: Annotated[
        str, typer.Option(help="local, or ray: Ray here or on the cluster that RAY_ADDRESS names.")
    ] = "local",
    dry_run: Annotated[bool, typer.Option(help="Send nothing to a server: count questions, tokens and cost.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for report, answers, table and scores.svg.")] = None,
    attention: Annotated[
        Path | None,
        typer.Option(help="Figure of attention to frames and sound: correct answers, head and tail (png, svg, pdf)."),
    ] = None,
    rows: Annotated[Path | None, typer.Option(help="File for one row per question: .csv or .parquet.")] = None,
    format: Format = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask a model a dataset's questions and score the answers by type, with 95 % intervals clustered by video.

    Every task is scored by its own metrics. Replies that could not be parsed are counted and quoted, and score as empty
    replies. An empty reply is wrong if answers are right or wrong, but on AVE it is correct for every second without an
    event. The column "mute", the row "a reply of nothing" and the line "not read" give the score of empty replies.
    Below the table are the blind floor, which is reached without picture and sound (lookhear lint explains it), and,
    for benchmarks with an official parsing rule, the score under that rule.

    Clips that cannot be read score as empty replies and are listed; the exit code is then 1. With --tasks, missing test
    sets are listed and left out; with --out each set has a folder, and finished sets are not run again. Features that
    are not in the store are computed.

    Masks (S4, MS3, AVSS, Ref-AVS) come from the model if it predicts them, as crab does, else from --segmenter, which
    draws masks from the box and points of a reply. With --embeddings the segmenter encodes each frame only once, across
    runs.

    Replies of a model behind an address are kept in STORE/replies and never paid for twice. Questions without a reply
    from the server are listed, score as empty replies, and are asked again by the next run; the exit code is then 1.

    --attention draws correctly answered questions with the share of the weight of each tenth of the clip, head and
    tail in turn if the test set has them (MCCD's figure 9).

    Example: lookhear evaluate runs/av_master --dataset soundstage --root world --out report

    Example: lookhear evaluate crab_plus --tasks all --root data --out report
    """
    from lookhear import catalog, segmenters
    from lookhear.errors import RecipeError
    from lookhear.evaluate import many, tables
    from lookhear.evaluate.literature import published, table_rows
    from lookhear.evaluate.probes import PROBES

    if bool(dataset) == bool(tasks):
        raise RecipeError("Give either --dataset NAME or --tasks all (or names, or a YAML list).")
    if probe and probe not in PROBES:
        raise RecipeError(catalog.unknown("probe", probe, PROBES))
    if rows and tasks:
        raise RecipeError("--rows is for one dataset; of many, each folder of --out has its answers.jsonl.")
    if attention and tasks:
        raise RecipeError("--attention is for one dataset: give --dataset instead of --tasks.")
    if attention and attention.suffix not in FORMS:
        raise RecipeError(f"{str(attention)!r} is no figure: its name must end in {', '.join(FORMS)}.")
    if engine not in ("local", "ray"):
        raise RecipeError(catalog.unknown("engine", engine, ("local", "ray")))
    if engine == "ray" and (segmenter or dry_run):
        raise RecipeError("--engine ray answers questions alone: leave out --segmenter and --dry-run.")
    if embeddings and not segmenter:
        raise RecipeError(f"--embeddings {str(embeddings)!r} are a segmenter's: give --segmenter as well.")
    segmenters.check(segmenter)
    methods = published.names_in(beside)
    sets = many.test_sets(tasks, root) if tasks else [many.Asked(dataset, split, root)]
    with claim(out) if out and not dry_run else nullcontext():
        asker = Asker(model, store, probe, limit, None if dry_run or not tasks else out, dry_run)
        asker.segmenter, asker.embeddings = segmenter, embeddings
        asker.judge, asker.engine, asker.workers = judge, engine, workers
        asker.replies = generation_arguments(max_tokens, temperature, top_p, seed, beams, stop, window)
        if dry_run:
            asker.plan(sets)
            return
        if not tasks:
            scored = asker(sets[0], many.examples_of(sets[0], limit))
            if out:
                scored.save(out)
                own = published_rows(asker.loaded, dataset)
                of_report(scored, out, table_rows.rows(dataset, methods) if methods else own)
            if rows:
                scored.export(rows)
            shown = scored.table(format)
            if beside:
                others = table_rows.beside({asker.name: scored}, dataset, split, methods, format)
                shown = f"{shown}\n\n{others}" if format in ("text", "markdown") else others
            print(dumps(scored.to_json(), indent=2) if as_json else shown)
            if attention:
                from lookhear.evaluate.draw.attention import draw

                print(f"{draw(scored, attention)} cases: {attention}", file=sys.stderr)
            print_outcome({sets[0]: scored}, {}, asker.loaded)
            return
        reports, missing = many.ask_all(sets, asker, limit)
        table, card = many.rows(reports, asker.name), next(iter(reports.values())).card

        def printed(form: str) -> str:
            return "\n\n".join(filter(None, (many.table(table, form, not no_beside), tables.senses(card, form))))

        if out:
            (out / "table.md").write_text(printed("markdown") + "\n", "utf-8")
        print(dumps(plain(reports, missing, table, not no_beside), indent=2) if as_json else printed(format))
        print_outcome(reports, missing, asker.loaded)


class Asker:
    """Evaluates one model on several test sets and loads it once; a finished set's report is read from `out`."""

    def __init__(self, model: str, store: Path | None, probe: str, limit: int, out: Path | None, dry: bool = False):
        self.model, self.store, self.probe, self.limit, self.out, self.dry = model, store, probe, limit, out, dry
        self.segmenter = ""
        self.embeddings: Path | None = None
        self.judge, self.engine, self.workers = "", "local", 1
        self.replies: dict[str, Any] = {}
        self.loaded: Any = None
        self.asked: Any = None
        self.name = Path(model).name

    def __call__(self, asked: Asked, examples: Sequence[Example]) -> Report:
        """Evaluate one test set and return its report."""
        from lookhear import statistics
        from lookhear.cli._served import late
        from lookhear.errors import DatasetError
        from lookhear.evaluate import beside
        from lookhear.evaluate import report as reports
        from lookhear.evaluate.masks import masks_missing
        from lookhear.evaluate.probes import PROBES
        from lookhear.evaluate.run import no_reply, run, unanswered
        from lookhear.model import LLMModel, load
        from lookhear.progress import bars
        from lookhear.store.features import FeatureStore

        card = {
            "model": self.name,
            "from": self.model,
            "dataset": asked.dataset,
            "split": asked.split,
            "videos": len({reports.video_of(e) for e in examples}),
            "interval": f"95 %, bootstrap over videos, {statistics.RESAMPLES} resamples",
            **({"probe": self.probe} if self.probe else {}),
            **({"limit": self.limit} if self.limit else {}),
            **({"segmenter": self.segmenter} if self.segmenter else {}),
            **({"judged_by": self.judge} if self.judge else {}),
            **replied(self.replies),
        }
        folder = self.out / f"{asked.dataset.replace('@', '-')}-{asked.split}" if self.out else None
        if folder and (folder / "report.json").is_file():
            done = reports.load(folder)
            old = {name: value for name, value in done.card.items() if name not in (*LATER, *beside.NAMES)}
            if old | {"model": self.name} != card:
                raise DatasetError(f"{folder} holds the report of other settings ({old}). Give another --out.")
            if "no_reply" not in done.card:
                return done
        store = FeatureStore(self.store or asked.root / "features", cache=True)
        if self.loaded is None:
            self.given = given = late(self.model) | self.replies | ({"dry_run": True} if self.dry else {})
            self.loaded = load(self.model, store, **given)
            self.name = card["model"] = self.loaded.name
            self.asked = self._drawing() if self.segmenter else self.loaded
        if self.probe:
            examples = PROBES[self.probe](examples)
        with bars(quiet=not sys.stderr.isatty()) as shown:
            title = f"asking {asked.dataset}"
            show = partial(shown.show, title)
            answers = run(self.asked, examples, store, progress=show, spread=self._elsewhere(store))
        if masks_missing(examples, answers):
            print(f"{asked.dataset}: no reply has a mask, so J and F are 0. Give --segmenter SAM2.", file=sys.stderr)
        if lost := unanswered(examples, answers):
            card["unread"] = lost
        if lost := no_reply(examples, answers):
            card["no_reply"] = lost
        if self.judge:
            answers, judgements = self._judged(examples, answers, store)
            card |= judgements
        card |= beside.of(examples, answers, asked.dataset)
        if isinstance(self.loaded, LLMModel):
            card["certificate"] = certified(self.model, self.loaded.llm)
        scored = reports.report(examples, answers, card)
        if folder:
            scored.save(folder)
        return scored

    def _elsewhere(self, store: FeatureStore) -> Spread | None:
        """How parts of the questions are answered on Ray; None where they are answered here."""
        if self.engine == "local":
            return None
        from lookhear.evaluate.spread import on_ray

        return on_ray(self.model, store.root, self.given, self.workers, os.environ.get("RAY_ADDRESS"))

    def _judged(self, examples: Sequence[Example], answers: Any, store: Any) -> Any:
        """The answers with the judge's verdicts (kept in STORE/judge.jsonl), and the judge's entries in the card."""
        from lookhear.cli._served import late
        from lookhear.errors import ModelError
        from lookhear.evaluate import judge
        from lookhear.ledger import Ledger
        from lookhear.model import LLMModel, load

        model = load(self.judge, store, **late(self.judge))
        if not isinstance(model, LLMModel):
            raise ModelError(f"{self.judge!r} cannot judge: it is no language model. Give endpoint@URL,model=NAME.")
        with Ledger(store.root / "judge.jsonl") as verdicts:
            asked = judge.asking(model.llm), judge.identity(model.name, model.llm), verdicts
            entries = {"rubrics": reasoned} if (reasoned := judge.rubrics(examples, answers, *asked)) else {}
            answers, entry = judge.judged(examples, answers, *asked)
            return answers, {"judge": entry, **entries}

    def _drawing(self) -> Any:
        """The loaded model, wrapped so that a segmenter draws the masks of its answers."""
        from lookhear.evaluate.masks import Drawing
        from lookhear.segmenters import sam2

        return Drawing(self.loaded, sam2.load(self.segmenter), self.embeddings)

    def plan(self, wanted: Sequence[Asked]) -> None:
        """Print what an evaluation would cost, without sending a request. Raises RecipeError for a local model."""
        from lookhear.errors import ModelError, RecipeError
        from lookhear.evaluate import many
        from lookhear.model.names import SERVED, shelf

        if shelf(self.model)[0] != SERVED:
            raise RecipeError(f"--dry-run is for a model behind an address; {self.model!r} costs nothing to ask.")
        for asked in wanted:
            with suppress(ModelError):  # a dry run has no answers
                self(asked, many.examples_of(asked, self.limit))
        print("\n".join(self.loaded.llm.lines()))
