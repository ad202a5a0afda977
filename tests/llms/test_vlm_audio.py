"""Qwen2.5-VL with ears: a token for every third of a second, heard, cached, learned from, saved."""

import numpy as np
import pytest
import torch

from lookhear.encoders import beats
from lookhear.errors import ModelError
from lookhear.ilora import method as ilora
from lookhear.llms import LLM, vlm_audio
from lookhear.llms.crab.parts import HEARING
from lookhear.llms.omni.inputs import Eye, InputOptions
from lookhear.media.sampling import Sampling
from lookhear.types import Media
from tests.llms.test_crab_golden import SMALL

TINY = vlm_audio.Config(
    text={
        "vocab_size": 280, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [1, 1, 2]},
    },
    vision={
        "depth": 2, "hidden_size": 16, "out_hidden_size": 32, "intermediate_size": 24, "num_heads": 2, "patch_size": 14,
        "window_size": 56, "fullatt_block_indexes": [1],
    },
    hearing=SMALL.hearing, connector={"width": 16, "layers": 2, "heads": 2, "inner": 32},
)  # fmt: skip
OPTIONS = InputOptions(sampling=Sampling("crab_plus_linspace", count=4), size=(56, 56), eye=Eye(14, 2, 2))
ASK = "Who plays?"


def tiny(seed: int = 0) -> vlm_audio.VLMAudio:
    torch.manual_seed(seed)
    llm = vlm_audio.build(TINY, options=OPTIONS)
    for part in (llm.base.model.language_model, llm.model.ears):
        for weight in part.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.25)
    return llm


def clip(seed: int, frames: int = 4, seconds: float = 2.0) -> Media:
    rng = np.random.default_rng(seed)
    shown = rng.integers(0, 255, (frames, 56, 56, 3), dtype=np.uint8) if frames else None
    wave = rng.normal(0, 0.2, int(seconds * 16000)).astype(np.float32) if seconds else None
    return Media(shown, np.arange(frames, dtype=float), wave, 16000, max(seconds, 2.0))


CLIPS = [clip(0), clip(1, frames=1), clip(2, frames=0, seconds=1.0), clip(3, seconds=0)]


@pytest.fixture(scope="module")
def llm():
    return tiny()


def test_it_keeps_the_contract(llm):
    assert isinstance(llm, LLM) and llm.sampling.count == 4 and "parameters" in llm.needs()


def test_a_token_for_a_third_of_a_second(llm):
    made = llm.prepare(clip(0, frames=0, seconds=30.0))
    assert llm.prefix(made).count(llm.places["audio"]) == 88, "Crab+ counts 88 tokens for 30 s"
    made = llm.prepare(clip(0, frames=0, seconds=45.0))
    assert llm.prefix(made).count(llm.places["audio"]) == 88 + (1498 // 16 * 8) // 17
    made = llm.prepare(clip(0, frames=0, seconds=0.1))
    assert llm.prefix(made).count(llm.places["audio"]) == 1, "a very short sound is filled up to one token"
    seen = llm.prefix(llm.prepare(clip(0, seconds=0)))
    assert seen.count(llm.places["video"]) == 2 * 2 * 2 and llm.places["audio"] not in seen
    assert llm.prefix(llm.prepare(clip(0, frames=1))).count(llm.places["image"]) == 4


def test_without_sound_it_is_the_library_s_model(llm):
    still = clip(3, frames=1, seconds=0)
    made = llm.prepare(still)
    ids = torch.tensor([llm.prefix(made) + llm.question(ASK)])
    with torch.no_grad():
        theirs = llm.base(
            input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=made["pixel_values"],
            mm_token_type_ids=(ids == llm.places["image"]).int(), image_grid_thw=made["image_grid_thw"],
        ).logits[0, -1].log_softmax(-1)  # fmt: skip
    (reply,) = llm.answer(llm.watch([still]), [0], [ASK], 1)
    assert reply.tokens == (int(theirs.argmax()),) and reply.score == pytest.approx(float(theirs.max()), abs=1e-4)


def test_positions_of_a_video(llm):
    made = llm.prepare(CLIPS[0])  # two pairs of frames of 2 x 2 tokens, two seconds to a pair
    ids = torch.tensor([[llm.pad] * 3 + llm.prefix(made)])
    mask = torch.arange(ids.shape[1])[None] >= 3
    positions, after = llm.positions(ids, mask, llm.tensors([made]))
    (seen,) = (ids[0] == llm.places["video"]).nonzero(as_tuple=True)
    begin = int(seen[0]) - 3
    block = positions[:, 0, seen] - begin
    step = 2 * llm.base.config.vision_config.tokens_per_second
    assert block.tolist() == [[0] * 4 + [step] * 4, [0, 0, 1, 1] * 2, [0, 1] * 4]
    assert (positions[:, 0, seen[-1] + 1] == begin + step + 1).all(), "text goes on behind the last frame"
    assert int(after) == int(positions.max()) + 1
    library, _ = llm.base.model.get_rope_index(
        ids, mm_token_type_ids=2 * (ids == llm.places["video"]).int(), video_grid_thw=made["video_grid_thw"],
        second_per_grid_ts=made["video_second_per_grid"], attention_mask=mask.long(),
    )  # fmt: skip
    assert torch.equal(library[:, :, : seen[-1] + 1], positions[:, :, : seen[-1] + 1])


def test_batched_equals_one_by_one_and_cache_equals_whole(llm):
    rows, prompts = [0, 1, 2, 3, 0], [ASK, "Where?", ASK, ASK, "Where is it?"]
    together = llm.answer(llm.watch(CLIPS), rows, prompts, 5)
    assert len({r.tokens for r in together}) > 1
    for row, prompt, reply in zip(rows, prompts, together, strict=True):
        (alone,) = llm.answer(llm.watch([CLIPS[row]]), [0], [prompt], 5)
        assert alone.tokens == reply.tokens and alone.score == pytest.approx(reply.score, abs=1e-4)
    with torch.no_grad():  # a first token's loss is minus the log-probability that answering gave it
        for row, prompt in ((0, ASK), (2, ASK)):
            (one,) = llm.answer(llm.watch([CLIPS[row]]), [0], [prompt], 1)
            token = llm.tokenizer.decode(one.tokens)
            if llm.tokens(token) == list(one.tokens):
                whole = llm.loss([CLIPS[row]], [[(prompt, token)]])
                assert float(whole) * 2 >= -one.score - 1e-4
    pairs = [[(ASK, "a drum"), ("Where?", "left")], [(ASK, "two")]]
    sizes = [[len(llm.reply(t)) for _, t in some] for some in pairs]
    with torch.no_grad():
        both = float(llm.loss(CLIPS[:2], pairs))
        each = [float(llm.loss([m], [[p]])) for m, some in zip(CLIPS, pairs, strict=False) for p in some]
    flat = [n for some in sizes for n in some]
    assert both == pytest.approx(sum(e * n for e, n in zip(each, flat, strict=True)) / sum(flat), abs=1e-4)


def test_sound_reaches_the_model_and_the_connector_learns():
    llm = tiny(1)

    def loss(media):
        return llm.loss([media], [[(ASK, "a drum")]])

    one, other = clip(0), clip(9)
    with torch.no_grad():
        base = float(loss(one))
        assert abs(float(loss(Media(one.frames, one.times, other.waveform, 16000, 2.0))) - base) > 1e-5
        assert abs(float(loss(Media(one.frames, one.times, one.waveform * 0, 16000, 2.0))) - base) > 1e-5
    llm.model.requires_grad_(False)
    llm.model.ears.connector.requires_grad_(True)  # stage 1: alignment
    optimizer = torch.optim.AdamW(llm.model.ears.connector.parameters(), 3e-2)
    for _ in range(8):
        value = loss(one)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert float(value.detach()) < base - 0.03


def test_save_load_adapt(tmp_path, llm):
    llm.save(tmp_path)
    again = vlm_audio.load(tmp_path, size=(56, 56), sampling={"rule": "crab_plus_linspace", "count": 4})
    assert again.report == ()
    told = [m.answer(m.watch(CLIPS[:2]), [0, 1], [ASK, ASK], 4) for m in (llm, again)]
    assert told[0] == told[1]
    again.adapt(ilora.ILoraConfig(r=2, init_weights=False))
    names = [n for n, p in again.model.named_parameters() if p.requires_grad]
    assert names and all(n.startswith("language.") and "ilora" in n for n in names), "the connector is frozen"
    assert not any("visual" in n for n in names)
    with pytest.raises(ModelError, match="save_pretrained"):
        again.save(tmp_path)
    (tmp_path / vlm_audio.EARS).unlink()
    torch.save(
        {"cfg": HEARING | SMALL.hearing, "model": beats.BEATs(HEARING | SMALL.hearing).state_dict()},
        tmp_path / "BEATs.pt",
    )
    fresh = vlm_audio.load(tmp_path, hearing=str(tmp_path / "BEATs.pt"))
    assert "random" in fresh.report[0]
    with pytest.raises(ModelError, match="16000 samples"):
        llm.prepare(Media(None, np.zeros(0), np.zeros(8000, np.float32), 8000, 1.0))


def test_full_size_on_the_meta_device():
    with torch.device("meta"):
        llm = vlm_audio.build(vlm_audio.Config())
    assert next(llm.base.parameters()).is_meta
    count = sum(p.numel() for p in llm.base.parameters())
    assert 8.28e9 < count < 8.31e9, "Qwen2.5-VL-7B has 8.29 billion"
