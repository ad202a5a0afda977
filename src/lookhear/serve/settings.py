"""Settings of the server: what it serves, where it listens, and how much anybody may ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much one request, one client and all of them together may take. Sizes are bytes, times seconds."""

    file_bytes: int = 512 * MB
    """largest file that is uploaded or fetched"""
    body_bytes: int = 96 * MB
    """largest JSON body with media in it (base64)"""
    bodies_bytes: int = 512 * MB
    """JSON bodies held in memory at once, all clients together"""
    store_bytes: int = 20_000 * MB
    """all kept files; the least recently used go first"""
    keep_seconds: float = 7 * 86_400
    """a file that is not used for so long is deleted"""
    media_seconds: float = 7_200
    """longest clip"""
    pixels: int = 7680 * 4320
    """largest picture"""
    images: int = 512
    """frames in one message"""
    questions: int = 64
    """questions in one request"""
    question_chars: int = 2_000
    """length of a question"""
    per_minute: int = 0
    """requests a minute of one client; 0 is no limit"""
    per_client: int = 64
    """requests of one client under way at once"""
    connections: int = 1_024
    """open connections, all clients together"""
    queue: int = 512
    """tasks that wait for a worker"""
    idle_seconds: float = 20.0
    """a client may send nothing for so long"""
    slowest: int = 2_048
    """bytes a second that a body must keep up on average, after `idle_seconds`"""
    task_seconds: float = 120.0
    """a worker may take so long for a task, plus twice the clip's length"""
    long_seconds: float = 120.0
    """longer clips never take the last free worker"""
    worker_bytes: int = 4_000 * MB
    """memory a model's worker may take beyond its model (not on CUDA)"""
    decoder_bytes: int = 1_500 * MB
    """memory a decoder may take"""
    cache_clips: int = 64
    """watched clips a worker keeps"""
    cache_bytes: int = 1_000 * MB
    """memory of the watched clips a worker keeps"""
    grace_seconds: float = 30.0
    """time that accepted work has to end in when the server is stopped"""


@dataclass(frozen=True)
class Settings:
    """Everything the server is told at its start."""

    data: Path
    """folder of uploads, jobs and facts; replicas may share it"""
    models: tuple[str, ...] = ()
    """the first is asked where a request names none; none: `real` where it is installed, else `stage`"""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    """processes that hold the models"""
    decoders: int = 2
    """processes that check and decode uploads"""
    keys: tuple[str, ...] = ()
    """API keys; none: everybody may ask"""
    origins: tuple[str, ...] = ()
    """web pages of other origins that may call (CORS)"""
    hosts: tuple[str, ...] = ()
    """names the server answers to; on loopback only its own, elsewhere any, unless given"""
    proxies: str = ""
    """addresses of reverse proxies whose X-Forwarded-For is believed"""
    remote: bool = False
    """fetch http(s) addresses that clients name"""
    remote_networks: tuple[str, ...] = ()
    """networks that may be fetched from although they are not public"""
    reports: tuple[Path, ...] = ()
    """folders of saved evaluations to browse"""
    media: tuple[Path, ...] = ()
    """folders in which the clips of reports and sheets are looked for"""
    sheets: tuple[Path, ...] = ()
    """review sheets to be judged"""
    accounts: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """model behind an address -> what `load` is told besides its name: its key, its dialect"""
    examples: bool = True
    """draw a few Soundstage clips to try the page with"""
    limits: Limits = field(default_factory=Limits)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK
