"""Download a file from an http(s) URL safely: public addresses only, with limits on size and time.

    url ─ check scheme, port, name ─ resolve once ─ every address public? ─ connect to that very address ─▶ file
                     ▲                                                           │ 301, 302, 303, 307, 308
                     └───────────────────────────────────────────────────────────┘  checked anew, at most `redirects`

The host name is resolved once, and the connection goes to the address that was checked, which prevents DNS rebinding.
Loopback, private, link-local, multicast and reserved addresses are refused, also when embedded in IPv6 (mapped, NAT64,
6to4, Teredo) or reached by a redirect. No proxy, cookie, password or `.netrc` is used. Commands download only if the
user gives the option for it.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urljoin, urlsplit, urlunsplit

from lookhear import __version__
from lookhear.errors import MediaError

PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
PIECE = 1 << 16  # bytes per read
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class FetchOptions:
    """Limits of a download: size in bytes, time in seconds, number of redirects.

    `allowed` are networks (`10.1.0.0/16`) that are permitted although they are not public.
    """

    max_bytes: int = 512_000_000
    """largest file in bytes"""
    seconds: float = 120.0
    """for everything: names, redirects, headers and body"""
    redirects: int = 3
    """how many are followed"""
    allowed: tuple[str, ...] = ()
    """networks that may be fetched from although they are not public"""


def fetch(url: str, folder: Path | str, options: FetchOptions | None = None) -> Path:
    """Download `url` into a new file in `folder` and return its path. A failed download leaves no file.

    The file name is not taken from the URL; the file type is determined by opening it. Raises MediaError.
    """
    options = options or FetchOptions()
    allowed = networks(options.allowed)
    deadline = time.monotonic() + options.seconds
    first = url
    for _ in range(options.redirects + 1):
        with _Request(url, allowed, deadline, options.seconds) as request:
            where = request.redirect()
            if where is None:
                return _save(request, Path(folder), options)
        url = urljoin(url, where)
    raise MediaError(f"{_quoted(first)} redirects more than {options.redirects} times. Give the file's own address.")


def is_public(address: Address) -> bool:
    """Whether `address`, and any IPv4 address embedded in it, is on the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        carried = [one for one in inner if one is not None]
        if carried:
            return all(is_public(one) for one in carried)
    return address.is_global and not address.is_multicast


class _Request:
    """One GET request, open while the body is read; the socket is shut down at the deadline."""

    def __init__(self, url: str, networks: tuple[Network, ...], deadline: float, seconds: float):
        self.url, self.networks, self.deadline, self.seconds = url, networks, deadline, seconds
        self.socket: socket.socket | None = None
        self.late = False

    def __enter__(self) -> _Request:
        scheme, host, port, target = _parts(self.url)
        address = _resolve(self.url, host, port, self.networks, self.deadline - time.monotonic())
        try:
            self._connect(scheme, host, port, address)
            self.response = self._get(host, port, scheme, target)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.__exit__()
            raise self.failed(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self.socket is not None:
            self.timer.cancel()
            self.socket.close()

    def _connect(self, scheme: str, host: str, port: int, address: Address) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        raw = self.socket = socket.create_connection((str(address), port), timeout=left)
        self.timer = threading.Timer(max(0.0, self.deadline - time.monotonic()), self._shut)
        self.timer.daemon = True
        self.timer.start()
        if scheme == "https":
            self.socket = ssl.create_default_context().wrap_socket(raw, server_hostname=host)

    def _shut(self) -> None:
        self.late = True
        with contextlib.suppress(OSError):
            if self.socket is not None:
                self.socket.shutdown(socket.SHUT_RDWR)

    def _get(self, host: str, port: int, scheme: str, target: str) -> http.client.HTTPResponse:
        assert self.socket is not None
        name = f"[{host}]" if ":" in host else host
        name = name if port == PORTS[scheme] else f"{name}:{port}"
        lines = (f"GET {target} HTTP/1.1", f"Host: {name}", f"User-Agent: lookhear/{__version__}", "Accept: */*")
        ending = ("Accept-Encoding: identity", "Connection: close", "", "")
        self.socket.sendall("\r\n".join((*lines, *ending)).encode("ascii"))
        response = http.client.HTTPResponse(self.socket, method="GET", url=self.url)
        response.begin()
        return response

    def redirect(self) -> str | None:
        """Target of a redirect, or None for a success. Raises MediaError for any other status."""
        status = self.response.status
        if status in REDIRECTS and self.response.getheader("Location"):
            return self.response.getheader("Location")
        if status != 200:
            raise MediaError(f"{_quoted(self.url)} answered {status} {self.response.reason[:60]!r}. Check the address.")
        if self.response.getheader("Content-Encoding", "identity").lower() not in ("identity", ""):
            raise MediaError(f"{_quoted(self.url)} is sent compressed, though asked not to be. Download it yourself.")
        return None

    def failed(self, error: Exception) -> MediaError:
        if self.late or isinstance(error, TimeoutError):
            return MediaError(f"{_quoted(self.url)} took longer than {self.seconds:g} s. Download it yourself.")
        reason = str(error).split("\n")[0][:120] or type(error).__name__
        return MediaError(f"{_quoted(self.url)} cannot be fetched ({reason}). Check the address.")


def _save(request: _Request, folder: Path, options: FetchOptions) -> Path:
    too_large = MediaError(f"{_quoted(request.url)} is larger than {options.max_bytes / 1e6:g} MB, which is the limit.")
    promised = request.response.length
    if promised is not None and promised > options.max_bytes:
        raise too_large
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix="fetched-", suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            _copy(request, file.write, options.max_bytes, too_large)
            if promised and request.response.length:
                raise MediaError(f"{_quoted(request.url)} ended before its promised {promised} bytes. Try again.")
            file.flush()
            os.fsync(file.fileno())
            whole = part.with_suffix("")
            part.replace(whole)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return whole


def _copy(request: _Request, write: Callable[[bytes], int], most: int, too_large: MediaError) -> None:
    size = 0
    while True:
        try:
            piece = request.response.read1(PIECE)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise request.failed(error) from None
        if request.late:
            raise request.failed(TimeoutError())
        if not piece:
            return
        size += len(piece)
        if size > most:
            raise too_large
        write(piece)


def _parts(url: str) -> tuple[str, str, int, str]:
    """(scheme, host, port, path with query) of `url`. Raises MediaError."""
    wrong = MediaError(f"{_quoted(url)} is not an address that can be fetched. Give http(s)://host/path.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in PORTS or not host or any(c <= " " or c > "~" for c in url):
        raise wrong
    if parts.username is not None or parts.password is not None:
        raise MediaError("An address with a name or password in it is not fetched. Download the file yourself.")
    return parts.scheme, host, port or PORTS[parts.scheme], urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _resolve(url: str, host: str, port: int, networks: Iterable[Network], left: float) -> Address:
    """The first address of `host`. Raises MediaError unless all its addresses are public or allowed."""
    pool = ThreadPoolExecutor(1)  # getaddrinfo has no timeout; its thread is abandoned if it hangs
    try:
        entries = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(timeout=max(0.0, left))
    except LateError:
        raise MediaError(f"The name {host[:80]!r} was not resolved in time. Check the address.") from None
    except (OSError, UnicodeError):
        raise MediaError(f"The name {host[:80]!r} cannot be resolved. Check the address in {_quoted(url)}.") from None
    finally:
        pool.shutdown(wait=False)
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries]
    for address in addresses:
        if not (is_public(address) or any(address in network for network in networks)):
            raise MediaError(f"{_quoted(url)} leads to {address}, which is not a public address, and is not fetched.")
    return addresses[0]


def networks(names: Iterable[str]) -> tuple[Network, ...]:
    """The networks written as 10.1.0.0/16. Raises MediaError."""
    try:
        return tuple(ipaddress.ip_network(name, strict=False) for name in names)
    except ValueError as error:
        raise MediaError(f"Not a network that can be allowed: {error}. Write it as 10.1.0.0/16.") from None


def _quoted(url: str) -> str:
    """`url` shortened and without its query, which may hold a secret."""
    return repr(url.partition("?")[0][:120])
