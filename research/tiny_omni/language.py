"""Teach tiny_omni to speak of what its towers see and hear: step three of `make.py`.

    tokens of a clip, kept │ question ─ answer │ question ─ answer │ …      one row; a question sees the clip and itself

The towers stay as they are. Many questions share one clip, and attention is worked out so: within the clip, from each
question to the clip, and within each question, which is a fifth of the work of a mask over the whole row.

What a step asks is in `steps.py`.

Run:   python -m research.tiny_omni.language ROOT FOLDER     (goes on where it was stopped)
Cost:  half a second a step on one thread
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.llms import tiny_omni
from lookhear.llms.omni.thinker import LEAD, SYSTEM
from lookhear.model import within
from research.tiny_omni import clips, lessons, wordings
from research.tiny_omni.attention import LAYOUT, Layout
from research.tiny_omni.steps import MARK, SHARES, Steps, matched

IGNORED = -100
SPELLED = 0.1  # of the batches have prompts read word by word, so that other wordings are not foreign
LOUD = 0.4  # root mean square of media tokens; words begin at a quarter of it


class School:
    """A thinker, what its towers made of clips, and what it is asked about them; `start` is a model to go on from."""

    def __init__(self, root: Path, folder: Path, seed: int = 0, start: Path | None = None):
        self.questions = {split: lessons.short(root, split) for split in ("train", "val")}
        self.kept = {s: torch.load(folder / f"{s}.tokens.pt", weights_only=True) for s in ("train", "val", "pieces")}
        self.rows = {s: {one: k for k, one in enumerate(kept["ids"])} for s, kept in self.kept.items()}
        lengths = {s: [len(one) for one in kept["audio"]] for s, kept in self.kept.items()}
        usual = {s: max(set(some), key=some.count) for s, some in lengths.items()}
        same = {
            s: [one for one, n in zip(self.kept[s]["ids"], lengths[s], strict=True) if n == usual[s]] for s in usual
        }
        self.same = [name for name in same["train"] if self.questions["train"].get(name)]
        self.held = [name for name in same["val"] if self.questions["val"].get(name)]
        print(f"{len(self.same)} of {len(lengths['train'])} clips have {usual['train']} tokens of sound", flush=True)
        self.steps = Steps(root, self.same, same["pieces"], self.questions["train"])
        self.tokenizer, self.spelling = self._tokenizers()
        self.ids = {name: self.tokenizer.convert_tokens_to_ids(name) for name in tiny_omni.SPECIAL}
        torch.manual_seed(seed)
        self.model = tiny_omni.thinker(tiny_omni.Config(), self.ids)
        clips.load_towers(self.model, folder)
        self._begin()
        if start is not None:
            self._go_on(tiny_omni.load(start))

    def _tokenizers(self) -> tuple[Any, Any]:
        """Of all words and the lines that come back; and of the words alone, for prompts that are read word by word."""
        first = self.questions["train"][self.same[0]]
        some = [ask for name in self.same[:1500] for ask in self.steps.long[name]]
        some += [ask for name in self.steps.pieces[:300] for ask in self.steps.marked[name]]
        plain = [lessons.answered(e, listed) for e in first for listed in (0, 1)] + [matched(True), matched(False)]
        plain += [lessons.answered(e) for name in self.same[:600] for e in self.questions["train"][name]]
        words, lines = lessons.texts(some + plain)
        lines.append("\n" + lessons.answered(first[0], True)[0].split("\n")[1])
        words += [*wordings.words()]
        return tiny_omni.tokenizer(words, lines), tiny_omni.tokenizer(words + lines)

    def _go_on(self, old: Any) -> None:
        """Take the language model of `old`; a word that it does not know begins as it does here."""
        language = self.model.model.language_model
        state = old.base.model.language_model.state_dict()
        known, rows = old.tokenizer.get_vocab(), language.embed_tokens.weight.detach().clone()
        for piece, place in self.tokenizer.get_vocab().items():
            if piece in known:
                rows[place] = state["embed_tokens.weight"][known[piece]]
        language.load_state_dict(state | {"embed_tokens.weight": rows})
        print(f"{len(set(known) & set(self.tokenizer.get_vocab()))} of {len(rows)} tokens known", flush=True)

    def _begin(self) -> None:
        """Media tokens to one loudness, for which the towers' last layers are scaled; words a quarter as loud."""
        base, kept = self.model.model, self.kept["train"]
        self.scale = {
            "video": LOUD / float(kept["video"].float().square().mean().sqrt()),
            "audio": LOUD / float(torch.cat(kept["audio"][:500]).float().square().mean().sqrt()),
        }
        with torch.no_grad():
            for layer, name in ((base.visual.merger.mlp[2], "video"), (base.audio_tower.proj, "audio")):
                layer.weight.mul_(self.scale[name])
                layer.bias.mul_(self.scale[name])
            for name, p in base.language_model.named_parameters():
                if p.ndim == 2:
                    deep = (
                        1 / math.sqrt(2 * len(base.language_model.layers)) if "o_proj" in name or "down" in name else 1
                    )
                    nn.init.normal_(p, std=LOUD / 4 if "embed" in name else deep / math.sqrt(p.shape[1]))

    def say(self, text: str, spelled: bool = False) -> list[int]:
        """Text as tokens; a spelled one has no token for a whole line, and so the numbers of the other vocabulary."""
        if not spelled:
            return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        pieces = self.spelling.tokenize(text, split_special_tokens=True)
        return self.tokenizer.convert_tokens_to_ids(pieces)

    def ask(self, prompt: str, target: str, spelled: bool = False) -> tuple[list[int], list[int]]:
        """Tokens of a question with what stands around it, and of the reply."""
        ids = self.ids
        asked = self.say(prompt, spelled and len(prompt) < 150)
        asked += [ids["<|im_end|>"], *self.say("\n"), ids["<|im_start|>"], *self.say("assistant\n")]
        return asked, [*self.say(target), ids["<|im_end|>"]]

    def prefix(self, heard: int) -> tuple[list[int], Tensor, int]:
        """Tokens up to and with the media, their positions (3, token), and the position that comes next."""
        ids, n, say = self.ids, "\n", self.say
        start = [ids["<|im_start|>"], *say(f"system\n{SYSTEM}"), ids["<|im_end|>"], *say(n), ids["<|im_start|>"]]
        start += [*say("user\n" + LEAD["video", "audio"]), ids["<|vision_bos|>"], *[ids["<|VIDEO|>"]] * 80]
        start += [ids["<|vision_eos|>"], ids["<|audio_bos|>"], *[ids["<|AUDIO|>"]] * heard, ids["<|audio_eos|>"]]
        columns = next(k for k in range(4 * heard - 4, 4 * heard + 8) if tiny_omni.heard(k) == heard)
        positions, _ = self.model.get_rope_index(
            torch.tensor([start]),
            video_grid_thw=torch.tensor([[5, 8, 8]]),
            attention_mask=torch.ones(1, len(start), dtype=torch.long),
            audio_seqlens=torch.tensor([columns]),
            second_per_grids=torch.tensor([2.0]),
        )
        return start, positions[:, 0].long(), int(positions.max()) + 1

    def rows_of(self, split: str, names: list[str], asks: list[list[tuple[list[int], list[int]]]]) -> tuple:
        """(embeddings, positions, labels, layout) of clips of equal length with equally many asks."""
        kept, rows = self.kept[split], self.rows[split]
        places = [rows[name.split(MARK)[0]] for name in names]
        heard = [kept["audio"][rows[name.split(MARK)[-1]]].float() for name in names]
        start, positions, after = self.prefix(len(heard[0]))
        block = max(len(p) + len(t) for some in asks for p, t in some)
        ids, labels = [], []
        for some in asks:
            row, label = list(start), [IGNORED] * len(start)
            for prompt, target in some:
                rest = block - len(prompt) - len(target)
                row += [*prompt, *target, *[self.ids["<|endoftext|>"]] * rest]
                label += [IGNORED] * (len(prompt) - 1) + [*target] + [IGNORED] * (rest + 1)
            ids.append(row)
            labels.append(label)
        words = self.model.model.language_model.embed_tokens(torch.tensor(ids))
        first, second = (start.index(self.ids[name]) for name in ("<|VIDEO|>", "<|AUDIO|>"))
        video = kept["video"][places].float() * self.scale["video"]
        audio = torch.stack(heard) * self.scale["audio"]
        embeds = torch.cat(
            [words[:, :first], video, words[:, first + 80 : second], audio, words[:, second + len(heard[0]) :]], 1
        )
        where = torch.cat([positions, (after + torch.arange(block)).repeat(len(asks[0])).expand(3, -1)], 1)
        where = where[:, None].expand(-1, len(names), -1)
        return embeds, where, torch.tensor(labels), Layout(len(start), len(asks[0]), block)

    def logits(self, embeds: Tensor, positions: Tensor, labels: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        """Logits where something is learned, and what it is."""
        LAYOUT.append(layout)
        out = self.model.model.language_model(
            inputs_embeds=embeds, attention_mask={"full_attention": None}, position_ids=positions, use_cache=False
        ).last_hidden_state
        LAYOUT.pop()
        learned = labels != IGNORED
        return self.model.lm_head(out[learned]), labels[learned]

    def batch(self, rng: Random, kind: str, clips: int, step: int) -> tuple:
        """The rows of a step of a kind."""
        split, names, asks = self.steps.take(rng, kind, clips, step)
        spelled = rng.random() < SPELLED
        return self.rows_of(split, names, [[self.ask(*one, spelled) for one in some] for some in asks])

    @torch.no_grad()
    def check(self, limit: int = 300, other: bool = False) -> dict[str, float]:
        """Percent of held-out questions whose every reply token comes first, by kind: greedy exact match.

        With `other`, in sentences of patterns that are not taught, as far as their templates have one.
        """
        right: dict[str, list[bool]] = {}
        self.model.eval()
        for name in self.held[:limit]:
            rng, some = Random(name), self.questions["val"][name]
            some = [e for e in (wordings.of_held_patterns(rng, e) for e in some) if e] if other else some
            if not some:
                continue
            asks = [self.ask(*lessons.answered(e)) for e in some]
            with torch.autocast("cpu", torch.bfloat16):
                logits, wanted = self.logits(*self.rows_of("val", [name], [asks]))
            hits = iter((logits.argmax(-1) == wanted).tolist())
            for e, (_, target) in zip(some, asks, strict=True):
                good = all([next(hits) for _ in target])  # noqa: C419 (every one is taken)
                for group in ("all", "/".join(e.kind)):
                    right.setdefault(group, []).append(good)
        self.model.train()
        return {k: round(100 * sum(v) / len(v), 2) for k, v in sorted(right.items())}


def parsed() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("root", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--steps", type=int, default=4500)
    options.add_argument("--clips", type=int, default=8)
    options.add_argument("--lr", type=float, default=2e-3)
    options.add_argument("--start", type=Path, help="the folder of a tiny_omni whose language model is gone on from")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--autocast", action="store_true")
    options.add_argument("--stop", type=int, default=0, help="stop after so many steps (to time them)")
    return options.parse_args()


def main() -> None:
    """Train, or go on; write the weights."""
    given = parsed()
    torch.set_num_threads(1)
    start = time.perf_counter()
    school = School(given.root, given.folder, given.seed, given.start)
    print(f"{len(school.tokenizer)} tokens, ready in {time.perf_counter() - start:.0f} s", flush=True)
    language = school.model.model.language_model
    language.config._attn_implementation = "clip_and_asks"
    groups: list[dict[str, Any]] = [{"params": [], "weight_decay": decay} for decay in (0.05, 0.0)]
    for name, p in language.named_parameters():
        groups[p.ndim != 2 or "embed" in name]["params"].append(p)
    optimizer = torch.optim.AdamW(groups, given.lr, betas=(0.9, 0.98), fused=True)
    state, first = given.folder / "language.pt", 0
    if state.is_file():
        kept = torch.load(state, weights_only=True)
        language.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["step"]
    warm, running, begun = min(300, given.steps // 8 + 1), {}, time.perf_counter()
    log = (given.folder / "language.jsonl").open("a")
    for step in range(first, given.stop or given.steps):
        part = min(1.0, (step + 1) / warm) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / given.steps)))
        for group in optimizer.param_groups:
            group["lr"] = given.lr * part
        rng = Random(f"{given.seed} {step}")
        (name,) = rng.choices(list(SHARES), list(SHARES.values()))
        with torch.autocast("cpu", torch.bfloat16, enabled=given.autocast):
            logits, wanted = school.logits(*school.batch(rng, name, given.clips, step))
        loss = F.cross_entropy(logits.float(), wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(language.parameters(), 1.0)
        optimizer.step()
        running[name] = 0.97 * running.get(name, loss.item()) + 0.03 * loss.item()
        if step % 50 == 49 or step == given.steps - 1:
            line = {"step": step + 1, "seconds": round(time.perf_counter() - begun), "lr": round(given.lr * part, 6)}
            line |= {k: round(v, 4) for k, v in running.items()}
            if step % 250 == 249 or step == given.steps - 1:
                last = step == given.steps - 1
                line |= {"val": school.check(300 if last else 60), "never taught": school.check(60, other=True)["all"]}
                kept = {"model": language.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
                torch.save(kept, state.with_suffix(".part"))
                state.with_suffix(".part").replace(state)
            print(json.dumps(line), flush=True)
            print(json.dumps(line), file=log, flush=True)
    if not given.stop:
        tiny_omni.save(school.model, school.tokenizer, given.folder / "tiny_omni")
        asked = (e.question for some in school.questions["train"].values() for e in some)
        within.write(given.folder / "tiny_omni", [*asked, *wordings.sentences()])


if __name__ == "__main__":
    main()
