"""lookhear doctor: test whether a model sees and hears, and write a certificate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookhear.files import dumps

if TYPE_CHECKING:
    from lookhear.evaluate.doctor.certificate import Certificate


def doctor(
    model: Annotated[str, typer.Argument(help="A shipped model, a run folder, a language model, or endpoint@URL.")],
    dialect: Annotated[str, typer.Option(help="Try only these dialects, comma-separated; default: all.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=10, help="Most rounds of 12 clips per modality.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed for the clips.")] = 0,
    certificates: Annotated[
        Path | None, typer.Option(help="Folder of certificates; by default ~/.local/share/lookhear/certificates.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the certificate as JSON.")] = False,
) -> None:
    """Test whether a model sees and hears, on clips with known answers, and write a certificate.

    The model counts beeps over a grey picture, names spoken digits, counts flashes in silence, names colours and
    corners, and says what comes first. The question stays the same while one modality changes, so that guessing does
    not help. For a server, dialects are tried until one passes; about 60 short requests if the first does. Later
    evaluations of the model carry the certificate in their report. The exit code is 1 if the model does not both see
    and hear.

    Example: lookhear doctor endpoint@http://localhost:8000/v1,model=Qwen/Qwen3-Omni-30B-A3B
    """
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from lookhear import dialects
    from lookhear.cli import _served
    from lookhear.evaluate.doctor.check import Doctor

    tell = (lambda _: None) if as_json else (lambda what: print(f"· {what}", file=sys.stderr))
    tried = [name.strip() for name in dialect.split(",") if name.strip()]
    for name in tried:
        dialects.find(name)  # a wrong one is refused, for a model without dialects too
    with TemporaryDirectory() as folder:
        certificate = Doctor(Path(folder), rounds, seed, tell).diagnose(model, tried, **_served.account(model))
    where = certificate.save(certificates or _served.certificates())
    if as_json:
        print(dumps(asdict(certificate), indent=2))
    else:
        print("\n".join(_lines(certificate)))
        print(f"certificate: {where}")
    if not certificate.good:
        raise typer.Exit(1)


def _lines(certificate: Certificate) -> list[str]:
    """Lines printed for a certificate."""
    at = f" at {certificate.url}" if certificate.url else ""
    lines = [f"{certificate.model}{at}" + (f", dialect {certificate.sent['dialect']}" if certificate.sent else "")]
    lines += [
        f"  sees   {certificate.sees:10s} {certificate.why['seen']}",
        f"  hears  {certificate.hears:10s} {certificate.why['heard']}",
    ]
    for sense, verdict in certificate.order.items():
        lines.append(f"  order {sense} {verdict:5s} {certificate.why[f'{sense} first']}")
    if certificate.tokens:
        counted = [
            f"{'?' if n is None else n} for the {what}" if what == "question" else f"{'?' if n is None else n} {what}"
            for what, n in certificate.tokens.items()
        ]
        lines.append(f"  tokens the server counts: {', '.join(counted)}")
    lines += [f"  dialect {name}: {said}" for name, said in certificate.tried.items()]
    return lines + [f"  fault: {fault}" for fault in certificate.faults]
