"""Settings of the server: models, addresses and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Limits per request, per client and in total. Sizes are in bytes, times in seconds."""

    file_bytes: int = 512 * MB
    """largest file that may be uploaded or fetched"""
    body_bytes: int = 96 * MB
    """largest JSON body with media (base64)"""
    bodies_bytes: int = 512 * MB
    """memory of all JSON bodies together"""
    store_bytes: int = 20_000 * MB
    """size of all stored files; the least recently used are removed first"""
    keep_seconds: float = 7 * 86_400
    """a file that is unused for this time is deleted"""
    media_seconds: float = 7_200
    """longest clip in seconds"""
    pixels: int = 7680 * 4320
    """largest number of pixels of a picture"""
    images: int = 512
    """largest number of frames in one message"""
    questions: int = 64
    """largest number of questions in one request"""
    question_chars: int = 2_000
    """longest question in characters"""
    per_minute: int = 0
    """requests per minute of one client; 0 means no limit"""
    per_client: int = 64
    """concurrent requests of one client"""
    connections: int = 1_024
    """open connections of all clients"""
    queue: int = 512
    """largest number of waiting tasks"""
    idle_seconds: float = 20.0
    """longest pause of a client that is sending a body"""
    slowest: int = 2_048
    """slowest average speed of a body in bytes per second, after `idle_seconds`"""
    task_seconds: float = 120.0
    """time limit of a task, plus twice the clip's length"""
    long_seconds: float = 120.0
    """longer clips never take the last free worker"""
    worker_bytes: int = 4_000 * MB
    """memory that a model's worker may use in addition to its model (not on CUDA)"""
    decoder_bytes: int = 1_500 * MB
    """memory that a decoder may use"""
    cache_clips: int = 64
    """processed clips that a worker keeps"""
    cache_bytes: int = 1_000 * MB
    """memory of the processed clips that a worker keeps"""
    grace_seconds: float = 30.0
    """time allowed for accepted work to finish when the server stops"""


@dataclass(frozen=True)
class Settings:
    """All options of the server."""

    data: Path
    """folder of uploads, jobs and facts; replicas may share it"""
    models: tuple[str, ...] = ()
    """models; the first is the default. If empty: `real` if it is installed, else `stage`"""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    """number of processes that hold the models"""
    decoders: int = 2
    """number of processes that check and decode uploads"""
    keys: tuple[str, ...] = ()
    """API keys; if empty, every client is accepted"""
    origins: tuple[str, ...] = ()
    """other origins whose web pages may call the server (CORS)"""
    hosts: tuple[str, ...] = ()
    """accepted host names; by default only loopback names on loopback, else any"""
    proxies: str = ""
    """addresses of reverse proxies whose X-Forwarded-For is trusted"""
    remote: bool = False
    """whether http(s) addresses named by clients are fetched"""
    remote_networks: tuple[str, ...] = ()
    """non-public networks from which files may be fetched"""
    reports: tuple[Path, ...] = ()
    """folders of saved evaluations to browse"""
    media: tuple[Path, ...] = ()
    """folders that are searched for the clips of reports and sheets"""
    sheets: tuple[Path, ...] = ()
    """review sheets"""
    accounts: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """model behind an address -> further options of `load`: its key, its dialect"""
    examples: bool = True
    """whether to generate a few Soundstage clips as examples"""
    limits: Limits = field(default_factory=Limits)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK
