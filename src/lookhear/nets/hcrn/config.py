"""Sizes of HCRN."""

from dataclasses import dataclass

from lookhear.layers.token_table import Options


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    motion: int = 0
    """width of a `motion` stream of one vector per stretch; 0 uses the mean change of the stretch instead"""
    sound: str = ""
    """level of the sound in HAVF's terms: middle-vcrn, middle-ccrn, middle-2crn, late or early; empty uses no sound"""
    fuse: str = "concat"
    """concat or mul: how the clip level's sound unit combines object and sound"""
    choose: bool = False
    """score a question's own candidates instead of a vocabulary"""
    subsets: str = "fixed"
    """fixed: one subset for each size and number of objects; drawn: drawn at every training step, fixed in
    evaluation"""
    embed: int = 300
    """width of the word embedding"""
    hidden: int = 512
    """hidden width"""
    stretches: int = 8
    """segments that a clip is divided into"""
    each: int = 16
    """frames (here: seconds) per segment"""
    dropout: float = 0.15
    """dropout probability"""
