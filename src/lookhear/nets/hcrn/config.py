"""Sizes of HCRN."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes. Widths of streams carry the streams' names."""

    variant: str = "released"
    answers: int = 42
    """of the vocabulary; a question's own candidates where `choose`"""
    audio: int = 128
    frames: int = 512
    motion: int = 0
    """width of a `motion` stream of one vector a stretch; 0: the mean change of the stretch takes its place"""
    read: str = "tokens"
    """tokens: ids through a trained table; words: word vectors"""
    tokens: int = 20000
    words: int = 512
    sound: str = ""
    """where sound enters, as HAVF calls it: middle-vcrn, middle-ccrn, middle-2crn, late or early; empty is deaf"""
    fuse: str = "concat"
    """concat or mul: how the clip level's sound unit joins object and sound"""
    choose: bool = False
    """score a question's own candidates instead of a vocabulary"""
    subsets: str = "fixed"
    """fixed: one for each size and number of objects; drawn: anew at every training step, fixed in evaluation"""
    embed: int = 300
    hidden: int = 512
    stretches: int = 8
    each: int = 16
    """frames (here: seconds) of a stretch"""
    dropout: float = 0.15
