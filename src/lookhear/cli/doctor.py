"""lookhear doctor: does a model see and hear? A certificate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lookhear.evaluate.doctor.certificate import Certificate


def doctor(
    model: Annotated[str, typer.Argument(help="A shipped model, a run folder, a language model, or endpoint@URL.")],
    dialect: Annotated[str, typer.Option(help="Try these dialects only, with commas between; else all.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=10, help="Rounds of 12 clips a sense, at most.")] = 3,
    seed: Annotated[int, typer.Option(help="Which clips are drawn.")] = 0,
    certificates: Annotated[
        Path | None, typer.Option(help="Folder of certificates; by default ~/.local/share/lookhear/certificates.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the certificate as JSON.")] = False,
) -> None:
    """Find out whether a model sees and hears, by clips with known answers, and write a certificate.

    Beeps are counted on grey, digits are spoken, flashes are counted in silence, colours and corners are named; then
    what comes first. The question stays the same while one sense changes, so that guessing is no help. Of a server
    every dialect is tried until one is whole; about 60 short requests where the first is. Evaluations of the model
    carry the certificate in their report. Exit code 1 where it does not see and hear.

    Example: lookhear doctor endpoint@http://localhost:8000/v1,model=Qwen/Qwen3-Omni-30B-A3B
    """
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from lookhear.cli import _served
    from lookhear.evaluate.doctor.check import Doctor

    tell = (lambda _: None) if as_json else (lambda what: print(f"· {what}", file=sys.stderr))
    tried = [name.strip() for name in dialect.split(",") if name.strip()]
    with TemporaryDirectory() as folder:
        found = Doctor(Path(folder), rounds, seed, tell).diagnose(model, tried, **_served.account(model))
    where = found.save(certificates or _served.certificates())
    if as_json:
        print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
        print(f"certificate: {where}")
    if not found.good:
        raise typer.Exit(1)


def _lines(found: Certificate) -> list[str]:
    """A certificate for a person."""
    at = f" at {found.url}" if found.url else ""
    lines = [f"{found.model}{at}" + (f", dialect {found.sent['dialect']}" if found.sent else "")]
    lines += [f"  sees   {found.sees:10s} {found.why['seen']}", f"  hears  {found.hears:10s} {found.why['heard']}"]
    for sense, verdict in found.order.items():
        lines.append(f"  order {sense} {verdict:5s} {found.why[f'{sense} first']}")
    if found.tokens:
        counted = [
            f"{'?' if n is None else n} for the {what}" if what == "question" else f"{'?' if n is None else n} {what}"
            for what, n in found.tokens.items()
        ]
        lines.append(f"  tokens the server counts: {', '.join(counted)}")
    lines += [f"  dialect {name}: {said}" for name, said in found.tried.items()]
    return lines + [f"  fault: {fault}" for fault in found.faults]
