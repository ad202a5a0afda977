"""Decoding and encoding of video and sound; no other package opens media files."""

from lookhear.media.decode import decode, stream
from lookhear.media.probe import Facts, probe
from lookhear.media.sampling import Sampling
from lookhear.media.write import write, write_wav

__all__ = ["Facts", "Sampling", "decode", "probe", "stream", "write", "write_wav"]
