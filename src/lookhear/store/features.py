"""The feature store: signed features on disk, written atomically, never mixed with those of another signature.

    <root>/<encoder>/card.json                the signature: encoder, weights, settings, decoder
    <root>/<encoder>/<stream>/<key>.npy       one array per clip (or per text) and stream
    <root>/<encoder>/<stream>/<key>.absent    the track is missing: features of black or silence of that length
    <root>/<encoder>/<stream>/pack-….zip      the same, many in one file, after `lookhear pack` (`store/packs.py`)
    <root>/ledger.jsonl                       unreadable clips, with the reasons

A clip's key is the id of the time span of the one recording that the encoder reads (its video or its audio), so
swapping or blanking a track needs no new features. The key of a text is its sha1.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from lookhear import files
from lookhear.errors import FeatureError, FileError
from lookhear.store import arrays, packs
from lookhear.store.names import stored_name
from lookhear.store.official import OFFICIAL, Adopted, adopted
from lookhear.store.signature import at, difference, signature
from lookhear.types import BLANK, Clip

KEEP = " !#$&'()+,;=@[]^`{}~"  # as they are in file names, besides letters, digits and _.-


class StoreWriteError(FeatureError):
    """The folder is read-only, full or missing, so extraction has to stop."""


class FeatureStore:
    """Features of several encoders in one folder; `cache` keeps arrays in memory after the first read.

    With `root=None` everything stays in memory.
    """

    def __init__(self, root: Path | str | None, cache: bool = False):
        self.root = None if root is None else Path(root)
        self.cards: dict[str, dict[str, Any]] = {}
        self.others: dict[str, dict[str, Adopted]] = {}  # adopted streams, read in place
        self.packed: dict[Path, packs.Packs] = {}  # shards, by folder of a stream
        self.agreed: set[str] = set()  # encoders whose weights were checked against the card
        self.memory: dict[tuple[str, str, str], tuple[np.ndarray, bool]] | None = {} if cache or root is None else None

    @classmethod
    def from_pretrained(cls, repo: Path | str, cache: bool = False, **options: Any) -> FeatureStore:
        """The store in a dataset repository of the Hugging Face hub (see `store.hub.pull`), or in a folder."""
        from lookhear.store import hub

        return cls(repo if Path(repo).is_dir() else hub.pull(str(repo), **options), cache)

    def push_to_hub(self, repo: str, private: bool | None = None, token: str | None = None) -> str:
        """Upload the store to a dataset repository with a card; returns its address."""
        from lookhear.store import hub

        if self.root is None:
            raise FeatureError("This store is in memory alone. Extract into a folder, and push that.")
        return hub.push(self.root, repo, private, token)

    def open(self, encoder: Any) -> str:
        """Create or check the folder of an encoder; returns its name. Raises FeatureError if signatures differ."""
        return self.sign(signature(encoder))

    def sign(self, card: dict[str, Any], extend: bool = False) -> str:
        """Like `open`, with a signature instead of an encoder, for adopted features; `extend` replaces the card."""
        name = card["encoder"]
        if extend:
            self.cards.pop(name, None)
            self.others.pop(name, None)
        if name not in self.cards and self.root is not None:
            path = self._folder(name) / "card.json"
            if path.is_file() and not extend:
                self.cards[name] = self._read_card(name)
            else:
                self._write(path, json.dumps(card, indent=1, sort_keys=True).encode())
        self._refuse(self.cards.setdefault(name, card), card)
        return name

    def compare(self, encoder: Any) -> None:
        """Raise FeatureError if `encoder` would make different features from those stored under its name.

        With another version of the decoder or of this package, the features can be read but not extended.
        """
        ours, here = signature(encoder), self.card(encoder.signature()["name"])
        self._refuse(*({k: v for k, v in card.items() if k not in ("decoder", "lookhear")} for card in (here, ours)))

    def _refuse(self, here: dict[str, Any], card: dict[str, Any]) -> None:
        name, field = card["encoder"], difference(here, card)
        if field:
            was, now = at(here, field), at(card, field)
            raise FeatureError(
                f"The {name} features in {str(self.root)!r} were made with {field} {was!r}, this {name} has {now!r}. "
                "Use another store folder, or delete this one and extract again."
            )

    def card(self, name: str) -> dict[str, Any]:
        """The signature of the stored features of encoder `name`."""
        name = stored_name(name)
        if name not in self.cards:
            self.cards[name] = self._read_card(name)
        return self.cards[name]

    def reads(self, name: str, stream: str) -> str:
        """Input of a stream's encoder: `frames`, `waveform` or `text`."""
        reads = self.card(name)["reads"]
        return reads if isinstance(reads, str) else reads[stream]

    def official(self, name: str) -> Mapping[str, Adopted]:
        """The adopted streams of `name`; empty for features that lookhear computed."""
        name = stored_name(name)
        if name not in self.others:
            card = self.card(name)
            self.others[name] = adopted(card, self._folder(name)) if card.get("weights") == OFFICIAL else {}
        return self.others[name]

    def has(self, name: str, key: str, stream: str = "") -> bool:
        """Whether all streams of `key` are stored (or marked absent); for adopted features, `stream` or any."""
        name = stored_name(name)
        if others := self.official(name):
            return any(key in others[s] for s in ([stream] if stream else others))
        streams = self.card(name)["streams"]
        if self.memory is not None and all((name, s, key) in self.memory for s in streams):
            return True
        return self.root is not None and any(
            all(self._is_stored(name, s, key, end) for s in streams) for end in ("npy", "absent")
        )

    def keys(self, name: str) -> Iterator[str]:
        """All complete keys, unordered."""
        name = stored_name(name)
        if others := self.official(name):
            yield from dict.fromkeys(k for s, files in others.items() if files.texts is None for k in files.names())
            return
        stream = next(iter(self.card(name)["streams"]))
        if self.root is None:
            yield from [k for n, s, k in self.memory or {} if (n, s) == (name, stream)]
            return
        folder = self._path(name, stream, "x").parent
        single = (path.name for path in folder.glob("*.*") if path.suffix in packs.ENDS)
        for file in dict.fromkeys([*single, *self._packs(folder).files()]):
            key = unquote(file.rpartition(".")[0], errors="surrogatepass")
            if self.has(name, key):
                yield key

    def put(self, name: str, key: str, streams: Mapping[str, Any], absent: bool = False) -> None:
        """Store all streams of one clip, or none on an error; refuses NaN and wrong widths.

        `absent` marks a missing track; the streams are then those of black or silence of that length.
        """
        name = stored_name(name)
        made = {s: _array(v) for s, v in streams.items()}
        arrays.check(name, key, made, self.card(name)["streams"])
        if self.root is None:
            self.memory.update({(name, s, key): (a, absent) for s, a in made.items()})  # type: ignore[union-attr]
            return
        done: list[Path] = []
        try:
            for stream, array in made.items():
                raw = io.BytesIO()
                np.save(raw, array, allow_pickle=False)
                done.append(self._path(name, stream, key, "absent" if absent else "npy"))
                self._write(done[-1], raw.getvalue())
        except BaseException:
            for path in done:
                path.unlink(missing_ok=True)
            raise

    def get(self, name: str, stream: str, key: str) -> np.ndarray:
        """One stream of one clip. Raises FeatureError if it is missing or damaged."""
        array, absent = self.look(name, stream, key)
        if absent:
            raise FeatureError(
                f"{key!r} has no track for {name} ({stream}). Serve black or silence with absent='blank'."
            )
        return array

    def look(self, name: str, stream: str, key: str) -> tuple[np.ndarray, bool]:
        """One stream of one clip, and whether its track is missing."""
        asked, name = name, stored_name(name)
        where = (name, stream, key)
        if self.memory is not None and where in self.memory:
            return self.memory[where]
        widths = self.card(name)["streams"]
        if stream not in widths:
            raise FeatureError(f"Encoder {name} makes {', '.join(widths)}; it has no stream {stream!r}.")
        if others := self.official(name):
            array = np.asarray(others[stream][key])
            arrays.check(name, key, {stream: array}, {stream: widths[stream]})
            if self.memory is not None:
                self.memory[where] = (array, False)
            return array, False
        if self.root is None or not self.has(name, key):
            raise FeatureError(f"No {name} features for {key!r} in {str(self.root)!r}. Run: lookhear extract {asked}")
        absent = not self._is_stored(name, stream, key, "npy")
        array = self._read(name, self._path(name, stream, key, "absent" if absent else "npy"))
        arrays.check(name, key, {stream: array}, {stream: widths[stream]})
        if self.memory is not None:
            self.memory[where] = (array, absent)
        return array, absent

    def write(self, name: str, file: str, content: bytes) -> None:
        """Write a file beside the card of `name`."""
        self._write(self._folder(name) / file, content)

    def sweep(self) -> None:
        """Remove incomplete files of writers that no longer run on this machine."""
        if self.root is not None:
            files.sweep(self.root)

    def _folder(self, name: str) -> Path:
        assert self.root is not None
        return self.root / file_name(name)

    def _path(self, name: str, stream: str, key: str, end: str = "npy") -> Path:
        return self._folder(name) / stream / f"{file_name(key)}.{end}"

    def _packs(self, folder: Path) -> packs.Packs:
        return self.packed.setdefault(folder, packs.Packs(folder))

    def _is_stored(self, name: str, stream: str, key: str, end: str) -> bool:
        """Whether this stream of `key` is stored, as a single file or in a shard."""
        path = self._path(name, stream, key, end)
        return path.is_file() or self._packs(path.parent).find(path.name) is not None

    def _read(self, name: str, path: Path) -> np.ndarray:
        if not path.is_file() and (place := self._packs(path.parent).find(path.name)) is not None:
            return packs.read(place, name)
        return arrays.read(path, name)

    def _read_card(self, name: str) -> dict[str, Any]:
        path = None if self.root is None else self._folder(name) / "card.json"
        if path is None or not path.is_file():
            raise FeatureError(f"No {name} features in {str(self.root)!r}. Run: lookhear extract {name}")
        return arrays.read_card(path)

    def _write(self, path: Path, content: bytes) -> None:
        try:
            files.write(path, content)
        except FileError as error:
            raise StoreWriteError(str(error)) from None


def key(clip: Clip, reads: str) -> str | None:
    """Key of `clip` for an encoder that reads `frames` or `waveform`; None without that track."""
    source = clip.source(reads)
    if source == BLANK:
        return BLANK.id
    return None if source is None else key_of(Clip(source, source, clip.start, clip.end).id)


def key_of(name: str) -> str:
    """Key of a recording `name`; escaped if it equals the key of black and silence."""
    return f"={name}" if re.fullmatch(f"=*{BLANK.id}", name) else name


def text_key(text: str) -> str:
    """Key of a text."""
    return hashlib.sha1(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def file_name(key: str) -> str:
    """File name of a key, reversible by `urllib.parse.unquote`; letters of any alphabet are kept."""
    name = "".join(c if c.isalnum() or c in "_-." + KEEP else quote(c, safe="", errors="surrogatepass") for c in key)
    name = "%2E" + name[1:] if name.startswith(".") else name
    if not name or len(name.encode("utf-8")) > 240:
        raise FeatureError(f"Clip id {key[:60]!r} cannot be a file name: it is empty or longer than 240 bytes.")
    return name


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if value.dtype.is_floating_point and value.element_size() == 2 else value
        value = value.numpy()
    return np.ascontiguousarray(value)
