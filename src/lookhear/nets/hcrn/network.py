"""HCRN and its audio-visual version HAVF: segment level, clip level, then attention of the question."""

from __future__ import annotations

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.recurrent import weigh
from lookhear.layers.token_table import Reads, run_lstm, trim
from lookhear.nets.hcrn.config import Config
from lookhear.nets.hcrn.units import SUBSETS, Relation, windows
from lookhear.types import Memory, Output


class HCRN(Reads):
    """Reads picture, question and, depending on `sound`, sound; answers from a vocabulary."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, dim = config, config.hidden
        self.subsets = SUBSETS[config.subsets]()
        self.reads(config.read, config.tokens, config.embed)
        width = config.embed if config.read == "tokens" else config.words
        self.lstm = nn.LSTM(width, dim // 2, batch_first=True, bidirectional=True)
        self.see = nn.Linear(config.frames + config.audio * (config.sound == "early"), dim)
        self.motion_low = nn.Linear(config.motion or config.frames, dim)
        self.follow = nn.LSTM(config.motion or config.frames, dim, batch_first=True)
        self.motion_high, self.question = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.low = self.units("clip", config.each, "middle-ccrn")
        self.high = self.units("video", config.stretches, "middle-vcrn")
        if config.sound.startswith("middle"):
            self.hear = nn.Linear(config.audio, dim)
        if config.sound == "late":
            self.late = nn.ModuleDict(
                {"audio": nn.Linear(config.audio, dim), "question": nn.Linear(dim, dim), "out": nn.Linear(dim, dim)}
                | {name: nn.Linear(2 * dim, dim) for name in ("joint", "gate")}
            )
        self.value, self.query = (nn.Linear(dim, dim, bias=False) for _ in range(2))
        self.score = nn.Sequential(nn.Linear(2 * dim, dim), nn.ELU(), nn.Linear(dim, 1))
        self.drop, self.drop_read = nn.Dropout(config.dropout), nn.Dropout(0.18)
        self.make_head(dim, config.answers)
        for name, tensor in self.named_parameters():
            if tensor.dim() > 1 and not name.startswith(("table", "low.", "high.")):
                nn.init.xavier_uniform_(tensor)
            elif name.endswith("bias") or ".bias_" in name:
                nn.init.zeros_(tensor)
        if self.table is not None:
            nn.init.uniform_(self.table.weight, -1, 1)

    def units(self, level: str, objects: int, alone: str) -> nn.ModuleDict:
        """The units of one level in the order motion, sound, question; sound enters at level `alone` or at both."""
        config, built_for, made = self.config, objects, nn.ModuleDict()
        made["motion"] = Relation(f"{level}_level_motion_cond", config.hidden, objects, built_for)
        if config.sound in (alone, "middle-2crn"):
            fuse = config.fuse if level == "clip" else "concat"
            args = (made["motion"].outputs, built_for)
            made["audio"] = Relation(f"{level}_level_audio_cond", config.hidden, *args, fuse=fuse)
        last = list(made.values())[-1].outputs
        made["question"] = Relation(f"{level}_level_question_cond", config.hidden, last, built_for - 2, gated=True)
        return made

    def make_head(self, dim: int, answers: int) -> None:
        """Make the layers from [attended objects; question] to logits."""
        self.ask = nn.Linear(dim, dim)
        self.head = nn.Sequential(
            *(self.drop, nn.Linear(2 * dim, dim), nn.ELU(), nn.BatchNorm1d(dim), self.drop, nn.Linear(dim, answers))
        )

    @property
    def watch(self) -> Callable[..., Memory]:
        """`watch(frames)`, with `audio` before it if the net reads sound, and `motion` after it if it is given."""
        if self.config.sound:
            return self.hear_motion if self.config.motion else self.hear_frames
        return self.see_motion if self.config.motion else self.see_frames

    def see_frames(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The part that does not depend on the question. Motion is the mean change of a stretch."""
        return self.relate(frames)

    def see_motion(
        self, frames: Float[Tensor, "clip time wide"], motion: Float[Tensor, "clip stretch width"]
    ) -> Memory:
        """The part that does not depend on the question. `motion` is one vector per stretch."""
        return self.relate(frames, motion)

    def hear_frames(self, audio: Float[Tensor, "clip second dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The part that does not depend on the question. Sound is the mean of `audio` over the clip."""
        return self.relate(frames, audio=audio)

    def hear_motion(
        self,
        audio: Float[Tensor, "clip second dim"],
        frames: Float[Tensor, "clip time wide"],
        motion: Float[Tensor, "clip stretch width"],
    ) -> Memory:
        """The part that does not depend on the question, with sound and motion."""
        return self.relate(frames, motion, audio)

    def relate(self, frames: Tensor, motion: Tensor | None = None, audio: Tensor | None = None) -> Memory:
        """Objects of every stretch before the question, the frames they come from, and the conditions of the whole
        clip."""
        config = self.config
        rows = windows(frames.shape[1], config.stretches, config.each).to(frames.device)
        sound = None if audio is None else audio.mean(dim=1)
        if motion is None:
            motion = torch.diff(frames, dim=1, prepend=frames[:, :1])[:, rows].mean(dim=2)
        x = frames[:, rows]
        if config.sound == "early":
            x = torch.cat([x, sound[:, None, None].expand(*x.shape[:3], -1)], dim=-1)
        heard = self.hear(sound) if config.sound.startswith("middle") else None
        x, trace = self.run(self.low["motion"], self.see(x), self.motion_low(motion))
        if "audio" in self.low:
            x, further = self.run(self.low["audio"], x, heard[:, None])
            trace = further @ trace
        memory = {"objects": x, "trace": trace.expand(len(x), config.stretches, -1, -1)}
        memory["seconds"] = rows.expand(len(x), -1, -1)
        memory["length"] = torch.full((len(x),), frames.shape[1], device=x.device)
        memory["motion"] = self.motion_high(self.follow(motion)[1][0][-1])
        if heard is not None:
            memory["heard"] = heard
        if config.sound == "late" and sound is not None:
            memory["sound"] = sound
        return memory

    def run(self, unit: Relation, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(objects after a unit, the weights of its means); in training `drawn` subsets are drawn at every call."""
        draw = self.subsets if self.training or self.config.subsets != "drawn" else SUBSETS["fixed"]()
        chosen = draw(unit.name, x.shape[-2], list(unit.sizes), x.shape[1]).to(x)
        if unit.name.startswith("video"):
            chosen = chosen[0]
        return unit(x, condition, chosen), chosen

    def text(self, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Float[Tensor, "row dim"]:
        """The last states of both directions."""
        _, (h, _) = run_lstm(self.lstm, self.drop(vectors).tanh(), padding)
        return self.drop_read(torch.cat([h[-2], h[-1]], dim=-1))

    def visual(self, memory: Memory, question: Float[Tensor, "row dim"]) -> tuple[Tensor, Tensor]:
        """(the last objects (row, video subset x clip object, dim), their weight on each (stretch, frame))."""
        asked = self.question(question)
        x, further = self.run(self.low["question"], memory["objects"], asked[:, None])
        trace = further @ memory["trace"]  # row stretch object frame
        x, chain = x.transpose(1, 2), None  # row object stretch dim
        conditions = {"motion": memory["motion"], "audio": memory.get("heard"), "question": asked}
        for name, unit in self.high.items():
            x, chosen = self.run(unit, x, conditions[name][:, None])
            chain = chosen if chain is None else chosen @ chain
        if self.config.sound == "late":
            both = torch.cat([self.late["audio"](memory["sound"]), self.late["question"](question)], dim=-1)
            fused = F.elu(self.late["joint"](both)) * self.late["gate"](both).sigmoid()
            x = F.elu(self.late["out"](fused)[:, None, None] * x)
        source = torch.einsum("vs,rscf->rvcsf", chain, trace)
        return rearrange(x, "row clip video dim -> row (video clip) dim"), source.flatten(1, 2)

    def attend(self, query: Float[Tensor, "row dim"], x: Float[Tensor, "row object dim"]) -> tuple[Tensor, Tensor]:
        """(attended objects, attention weights)."""
        x = self.drop(x)
        value = self.value(x)
        scores = self.score(torch.cat([value, value * self.query(query)[:, None]], dim=-1))
        return weigh(scores.squeeze(-1), x)

    def evidence(self, memory: Memory, weight: Tensor, source: Tensor) -> Float[Tensor, "row time"]:
        """The weight of each second, traced back from the objects through the subset means."""
        frames = torch.einsum("ro,rosf->rsf", weight, source).flatten(1)
        length = int(memory["length"][0])
        return frames.new_zeros(len(frames), length).scatter_add_(1, memory["seconds"].flatten(1), frames)

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """Answer logits, and the attention weight of each second."""
        question = self.text(vectors, padding)
        x, source = self.visual(memory, question)
        taken, weight = self.attend(question, x)
        logits = self.head(torch.cat([taken, self.ask(question)], dim=-1))
        hidden = {"objects": x, "taken": taken, "question": question}
        return Output(logits, attention={"seen": self.evidence(memory, weight, source)}, hidden=hidden)


class ChoosingHCRN(HCRN):
    """HCRN with a score for each of a question's own candidates, as HAVF releases it for AVQA."""

    def make_head(self, dim: int, answers: int) -> None:
        """Make the layers from [attended by question; question; attended by candidate; candidate] to one score."""
        self.ask, self.offer = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.head = nn.Sequential(
            *(self.drop, nn.Linear(4 * dim, dim), nn.ELU(), nn.BatchNorm1d(dim), self.drop, nn.Linear(dim, 1))
        )

    def answer(  # type: ignore[override]
        self,
        memory: Memory,
        tokens: Int[Tensor, "question word"],
        candidates: Int[Tensor, "question option token"],
    ) -> Output:
        """A score for each candidate, and the weight of each second. Id 0 is padding."""
        options = candidates.shape[1]
        words, padding = trim(tokens)
        question = self.text(self.vectors(words), padding)
        words, padding = trim(candidates.flatten(0, 1))
        offered = self.text(self.vectors(words), padding)
        x, source = self.visual(memory, question)
        taken, weight = self.attend(question, x)
        by_offer, _ = self.attend(offered, x.repeat_interleave(options, 0))
        asked = torch.cat([taken, self.ask(question)], dim=-1).repeat_interleave(options, 0)
        logits = self.head(torch.cat([asked, by_offer, self.offer(offered)], dim=-1))
        hidden = {"objects": x, "taken": taken, "question": question, "offered": offered, "by_offer": by_offer}
        seen = self.evidence(memory, weight, source)
        return Output(logits.unflatten(0, (-1, options)).squeeze(-1), attention={"seen": seen}, hidden=hidden)

    def losses(self, output: Output, labels: Int[Tensor, " question"]) -> dict[str, Tensor]:
        """Hinge loss over the candidates including the correct one, so that its minimum is 1."""
        right = output.logits.gather(1, labels[:, None])
        return {"answer": (1 + output.logits - right).clamp(min=0).sum() / len(labels)}
