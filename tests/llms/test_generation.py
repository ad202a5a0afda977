"""How replies are generated: greedy as transformers does, drawn by seed, by beams, with stops, streamed, in windows."""

from collections import Counter

import numpy as np
import pytest
import torch

from lookhear import model
from lookhear.errors import RecipeError
from lookhear.layers.generation import Generation, generate
from lookhear.media.write import write
from lookhear.model import LLMModel, WindowedModel, windows
from lookhear.types import Clip, Example, Reply, Segment, Source
from tests.llms import test_crab, test_vlm_audio
from tests.llms.small import plus
from tests.train import films

torch.set_num_threads(1)
PARADIGMS = {"crab_plus": plus, "vlm_audio": test_vlm_audio.tiny, "crab": test_crab.tiny}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return films.make(tmp_path_factory.mktemp("films"), 3)


@pytest.fixture(scope="module", params=PARADIGMS)
def spoken(request, root):
    torch.manual_seed(3)
    return LLMModel(PARADIGMS[request.param](), max_tokens=12)


def said(of, root, *questions, **how):
    of.generation = Generation(**how)
    try:
        return [a.raw for a in of.ask(root / "0.mp4", *questions)]
    finally:
        of.generation = Generation()


def test_drawn_replies_follow_the_seed_alone_and_in_a_batch(spoken, root):
    settings = {"temperature": 1.5, "top_p": 0.95, "seed": 5}
    alone = said(spoken, root, "what is seen", **settings)
    both = said(spoken, root, "what is heard", "what is seen", **settings)
    assert alone[0] == both[1] == said(spoken, root, "what is seen", **settings)[0]
    others = {said(spoken, root, "what is seen", temperature=1.5, seed=k)[0] for k in range(6)}
    assert len(others) > 3
    cold = said(spoken, root, "what is seen", temperature=1e-4, seed=9)
    assert cold == said(spoken, root, "what is seen"), "very cold is greedy"
    assert said(spoken, root, "what is seen", temperature=2.0, top_k=1) == cold


def test_drawn_tokens_have_their_chances():
    class Fixed(torch.nn.Module):
        def forward(self, input_ids, **_):
            chances = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
            return type("Out", (), {"logits": chances.expand(*input_ids.shape, 4)})

    from lookhear.layers.kv_cache import MediaCache

    layer = (torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1))
    seen = MediaCache((layer,), torch.ones(1, 1, dtype=torch.bool), torch.ones(1, dtype=torch.long))
    prompts = [[k] for k in range(400)]

    def drawn(**how):
        found = generate(Fixed(), seen, [0] * 400, prompts, {9}, 0, 5, Generation(temperature=1.0, **how))
        return Counter(token for one in found for token in one.tokens)

    plain, top, few = drawn(), drawn(top_p=0.6), drawn(top_k=1)
    assert [plain[k] / 2000 for k in range(4)] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.04)
    assert set(top) == {0, 1} and top[0] / 2000 == pytest.approx(0.625, abs=0.04) and set(few) == {0}


def test_beams_are_as_likely_as_the_greedy_reply(spoken, root):
    greedy = spoken.ask(root / "0.mp4", "what is seen")[0]
    spoken.generation = Generation(beams=4)
    best = spoken.ask(root / "0.mp4", "what is seen")[0]
    spoken.generation = Generation()
    assert (best.raw and sum(best.scores.values()) >= sum(greedy.scores.values()) - 1e-6) or not best.text


def test_beams_of_a_llama_are_those_of_transformers():
    from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

    from lookhear.layers.kv_cache import MediaCache, cached_tensors

    torch.manual_seed(0)
    sizes = {"vocab_size": 40, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    llama = LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, eos_token_id=1, pad_token_id=0)).eval()
    llama.lm_head.weight.data *= 8
    for start in range(6):
        clip, prompt = [3, 4, 5 + start], [7, 8]
        cache = DynamicCache()
        with torch.no_grad():
            llama(torch.tensor([clip]), past_key_values=cache, use_cache=True)
        seen = MediaCache(cached_tensors(cache), torch.ones(1, 3, dtype=torch.bool), torch.tensor([3]))
        for count in (1, 3, 5):
            (ours,) = generate(llama, seen, [0], [prompt], {1}, 0, 10, Generation(beams=count))
            beams = {"num_beams": count, "do_sample": False, "early_stopping": False, "length_penalty": 1.0}
            theirs = llama.generate(
                torch.tensor([clip + prompt]), max_new_tokens=10, **beams
            )[0, 5:].tolist()  # fmt: skip
            theirs = theirs[: theirs.index(1)] if 1 in theirs else [t for t in theirs if t]
            assert list(ours.tokens) == theirs, (start, count)


def test_stops_and_lengths(spoken, root):
    (whole,) = said(spoken, root, "what is seen")
    assert len(whole) > 3
    stop = whole[2:4]
    assert said(spoken, root, "what is seen", stop=(stop,))[0] == whole[: whole.index(stop)].strip()
    seen = spoken.llm.watch([films_media(spoken, root)])
    short = spoken.llm.answer(seen, [0], ["x"], 12, Generation(max_tokens=2))
    assert len(short[0].tokens) <= 2


def films_media(of, root):
    from lookhear.media.decode import decode

    return decode(model.clip_of(root / "0.mp4"), of.llm.sampling)


def test_a_stream_is_the_reply_in_pieces(spoken, root):
    *pieces, answers = spoken.stream(root / "0.mp4", "what is seen", "what is heard")
    assert len({which for which, _ in pieces}) == 2 and len(pieces) > 4
    for k, answer in enumerate(answers):
        assert "".join(piece for which, piece in pieces if which == k).strip() == answer.raw
    assert [a.raw for a in answers] == said(spoken, root, "what is seen", "what is heard")
    with pytest.raises(Exception, match="No video"):
        list(spoken.stream(root / "none.mp4", "what is seen"))


def test_what_makes_no_sense_is_refused(root):
    for wrong in ({"beams": 2, "temperature": 1.0}, {"top_p": 0}, {"beams": 0}, {"stop": ("",)}, {"max_tokens": -1}):
        with pytest.raises(RecipeError):
            Generation(**wrong)
    with pytest.raises(RecipeError, match="writes no replies"):
        model.load("stage", generation=Generation(seed=1))


# ---- long videos in windows


class Teller:
    """A stand-in: which second it was shown first, and an event at the beginning of each window."""

    name, draws, report = "teller", False, ()

    def __init__(self):
        from lookhear.media.sampling import Sampling

        self.sampling = Sampling("uniform", count=2)

    def watch(self, media):
        self.seen = [round(float(one.frames[0].mean())) for one in media]
        return type("Seen", (), {"notes": [()] * len(media), "of": self.seen})()

    def answer(self, seen, rows, prompts, max_tokens=64, **_):
        grey = [seen.of[row] for row in rows]
        return [Reply(f"<event> dog </event>, <range> 0,2 </range> {g}", -1.0 / (1 + g)) for g in grey]


@pytest.fixture
def long(tmp_path):
    path = tmp_path / "long.mp4"
    frames = [np.full((32, 32, 3), 25 * (k // 8), np.uint8) for k in range(72)]
    write(path, frames, np.zeros(9 * 16_000, np.float32), fps=8)
    return path


def test_windows_are_put_together_with_a_note(long):
    clip = Clip(Source("l", long), Source("l", long))
    assert [(w.start, round(w.end)) for w in windows.windows(clip, 4)] == [(0, 4), (4, 9)], "no window of a second"
    assert windows.windows(clip, 30) == [clip]
    asked = WindowedModel.of(LLMModel(Teller()), 3)
    event = Example("e", "event_localisation", clip, "", None, meta={"form": "unav"})
    (answer,) = asked.answer(asked.watch([clip]), [event])
    assert answer.segments == (Segment("dog", 0, 2), Segment("dog", 3, 5), Segment("dog", 6, 8))
    assert answer.notes[-1] == "watched in 3 windows; events of all of them"
    (surest,) = asked.ask(long, "what is seen")
    assert surest.notes[-1].startswith("watched in 3 windows; the answer is that of 6 to 9 s")
    with pytest.raises(RecipeError, match="window=-1"):
        WindowedModel.of(LLMModel(Teller()), -1)


def test_touching_events_of_windows_are_one():
    some = [Segment("a", 0, 3), Segment("a", 3.2, 5), Segment("b", 3, 4), Segment("a", 8, 9)]
    assert windows.joined(some) == (Segment("a", 0, 5), Segment("b", 3, 4), Segment("a", 8, 9))


def test_the_command_takes_them(lookhear, long, tmp_path):
    plus().save(tmp_path / "m")
    given = ("ask", long, "what is seen", "--model", tmp_path / "m")
    plain = lookhear(*given, "--stream", "--max-tokens", "6")
    assert plain.code == 0 and plain.out.startswith("what is seen")
    drawn = [lookhear(*given, "--temperature", "1.5", "--seed", s, "--json").out for s in ("1", "1", "2")]
    assert drawn[0] == drawn[1] != drawn[2]
    assert "watched in 3 windows" in lookhear(*given, "--window", "3").out
    assert lookhear(*given, "--stream", "--json").code == 2
    assert lookhear(*given, "--beams", "2", "--temperature", "1").code == 2
    assert lookhear("ask", long, "what is seen", "--model", "stage", "--beams", "2").code == 2


def test_an_endpoint_is_told(tmp_path):
    from lookhear.llms import endpoint
    from tests.chat import Chat, served

    class Said(Chat):
        def post(self, asked):
            self.server.asked.append(asked)
            self.reply("yes")

    with served(Said) as server:
        llm = endpoint.load(server.url, model="m", dialect="openai")
        heard = []
        how = Generation(max_tokens=7, temperature=0.5, seed=3, stop=("\n",))
        seen = llm.watch([films_media(LLMModel(llm), films.make(tmp_path / "f", 1))])
        (reply,) = llm.answer(seen, [0], ["q"], 64, how, lambda row, text: heard.append((row, text)))
        body = server.asked[0]
        assert reply.text == "yes" and heard == [(0, "yes")]
        assert (body["max_tokens"], body["temperature"], body["seed"], body["stop"]) == (7, 0.5, 3, ["\n"])
        with pytest.raises(RecipeError, match="no beams"):
            llm.answer(seen, [0], ["q"], 64, Generation(beams=2))
