"""lookhear serve: serve models by an OpenAI-compatible HTTP API and a web page."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lookhear.serve.settings import Settings

MB = 1_000_000
SHORTEST = 16  # characters of an API key


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(help="Model to serve (repeatable); the first one is the default."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; anything but loopback can be reached by others.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8000,
    data: Annotated[
        Path | None, typer.Option(help="Folder for uploads and jobs. Default: ~/.cache/lookhear/serve")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that hold the models.")] = 1,
    decoders: Annotated[int, typer.Option(min=1, help="Processes that check uploads.")] = 2,
    keys: Annotated[
        Path | None, typer.Option(help="File of API keys, one per line. Also: the variable LOOKHEAR_API_KEYS.")
    ] = None,
    cors: Annotated[list[str] | None, typer.Option(help="Origin of a web page that may call (repeatable).")] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name the server answers to, such as video.example.org (repeatable).")
    ] = None,
    proxy: Annotated[str, typer.Option(help="Address of a reverse proxy whose X-Forwarded-For is trusted.")] = "",
    remote: Annotated[bool, typer.Option("--remote", help="Fetch http(s) addresses that clients name.")] = False,
    remote_network: Annotated[
        list[str] | None, typer.Option(help="Private network that may be fetched from, such as 10.1.0.0/16.")
    ] = None,
    report: Annotated[
        list[Path] | None, typer.Option(help="Folder of a saved evaluation to browse (repeatable).")
    ] = None,
    review: Annotated[list[Path] | None, typer.Option(help="Review sheet (JSON lines) to judge (repeatable).")] = None,
    media: Annotated[
        list[Path] | None, typer.Option(help="Folder of the recordings of reports and sheets (repeatable).")
    ] = None,
    examples: Annotated[bool, typer.Option("--examples/--no-examples", help="Draw clips to try the page with.")] = True,
    file_mb: Annotated[int, typer.Option(min=1, help="Largest upload in MB.")] = 512,
    store_mb: Annotated[int, typer.Option(min=1, help="All kept uploads together in MB.")] = 20_000,
    max_seconds: Annotated[float, typer.Option(min=1, help="Longest clip in seconds.")] = 7_200,
    max_megapixels: Annotated[float, typer.Option(min=0.01, help="Largest picture in millions of pixels.")] = 33.2,
    per_minute: Annotated[
        int | None,
        typer.Option(min=0, help="Requests per minute and client, 0: no limit. Default: 600, on loopback 0."),
    ] = None,
    per_client: Annotated[int, typer.Option(min=1, help="Concurrent requests per client.")] = 64,
    memory_mb: Annotated[int, typer.Option(min=100, help="Memory of a worker beyond its model in MB.")] = 4_000,
    grace: Annotated[float, typer.Option(min=0, help="Seconds for accepted requests to finish after a stop.")] = 30,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
) -> None:
    """Serve models by an OpenAI-compatible HTTP API, with a web page for questions about videos.

    The default model is `real` if its packages are installed, else `stage`, which knows only Soundstage. The server
    listens on 127.0.0.1 unless --host says otherwise. After Ctrl-C or SIGTERM it finishes accepted requests; background
    jobs resume at the next start.

    Example: lookhear serve --model stage --port 8000

    Example: lookhear serve --report runs/a/report --report runs/b/report --media data/videos
    """
    try:
        from lookhear.serve.run import serve as run
        from lookhear.serve.settings import Limits, Settings
    except ModuleNotFoundError as error:
        from lookhear.errors import DependencyError

        raise DependencyError(f"serve needs {error.name}: pip install 'lookhear[serve]'") from None
    from lookhear.cli._served import late

    settings = Settings(
        data=data or Path.home() / ".cache" / "lookhear" / "serve",
        models=tuple(model or ()),
        host=host,
        port=port,
        workers=workers,
        decoders=decoders,
        keys=_keys(keys),
        origins=tuple(cors or ()),
        hosts=tuple(allow_host or ()),
        proxies=proxy,
        remote=remote,
        remote_networks=tuple(remote_network or ()),
        reports=tuple(report or ()),
        media=tuple(media or ()),
        sheets=tuple(review or ()),
        accounts={name: told for name in model or () if (told := late(name))},
        examples=examples,
    )
    limits = Limits(
        file_bytes=file_mb * MB,
        store_bytes=store_mb * MB,
        media_seconds=max_seconds,
        pixels=round(max_megapixels * MB),
        per_minute=(0 if settings.loopback else 600) if per_minute is None else per_minute,
        per_client=per_client,
        worker_bytes=memory_mb * MB,
        grace_seconds=grace,
    )
    level = "debug" if verbose else "warning"
    raise SystemExit(run(replace(settings, limits=limits), level, lambda: _print_address(settings)))


def _keys(file: Path | None) -> tuple[str, ...]:
    """The API keys of the file and of the environment. Raises RecipeError if one is too short."""
    from lookhear.errors import RecipeError

    lines = file.read_text("utf-8").splitlines() if file else []
    lines += os.environ.get("LOOKHEAR_API_KEYS", "").replace(",", "\n").splitlines()
    keys = tuple(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.startswith("#")))
    if any(len(key) < SHORTEST for key in keys):
        raise RecipeError(f"An API key is shorter than {SHORTEST} characters. Make one: openssl rand -hex 24")
    return keys


def _print_address(settings: Settings) -> None:
    """Print which models are served at which address, and warn if others can use them without a key."""
    address = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}"
    models = ", ".join(settings.models) or "the model"
    print(f"lookhear: loading {models}; then at {address} (OpenAI: {address}/v1)", file=sys.stderr)
    if not settings.loopback and not settings.keys:
        print(f"lookhear: {settings.host} can be reached by others and no API keys are set (--keys).", file=sys.stderr)
