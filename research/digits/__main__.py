"""Say the digits, write them, and let them be understood."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OUT = Path(__file__).parents[2] / "src/lookhear/evaluate/doctor/digits.safetensors"
RATE = 16_000


def main() -> None:
    """Write those of the ten digits that are understood, as int16 at 16 kHz."""
    said = {word: wave for word, wave in spoken().items() if heard(wave) == word}
    save_file({word: (np.clip(wave, -1, 1) * 32767).astype(np.int16) for word, wave in said.items()}, OUT)
    print(f"{OUT}: {OUT.stat().st_size} bytes, understood: {', '.join(said)}")


def spoken() -> dict[str, np.ndarray]:
    """Word -> its sound at 16 kHz, as loud as the others."""
    import espeakng_loader
    from scipy.signal import resample_poly

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
    pieces: list[np.ndarray] = []

    def take(samples: ctypes.POINTER(ctypes.c_short), count: int, _: int) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    taking = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(take)
    library.espeak_SetSynthCallback(taking)
    library.espeak_SetVoiceByName(b"en-us")
    library.espeak_SetParameter(1, 130, 0)  # words a minute
    found = {}
    for word in WORDS:
        pieces.clear()
        text = word.encode() + b"\0"
        library.espeak_Synth(text, len(text), 0, 0, 0, 1, None, None)
        library.espeak_Synchronize()
        wave = resample_poly(np.concatenate(pieces) / 32768, RATE, rate)
        loud = np.flatnonzero(np.abs(wave) > 0.01)
        wave = wave[loud[0] : loud[-1] + 1]
        found[word] = 0.6 * wave / np.abs(wave).max()
    return found


def heard(wave: np.ndarray) -> str:
    """The digit that PocketSphinx understands."""
    from pocketsphinx import Decoder

    quiet = np.zeros(4000)
    full = np.concatenate([quiet, wave, quiet])
    full = full + np.random.default_rng(0).normal(0, 5e-4, len(full))
    decoder = Decoder(samprate=16_000, lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("digit", f"#JSGF V1.0; grammar digit; public <digit> = {' | '.join(WORDS)};")
    decoder.activate_search("digit")
    decoder.start_utt()
    decoder.process_raw((full * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    return decoder.hyp().hypstr if decoder.hyp() else ""


if __name__ == "__main__":
    main()
