"""Crab watches once, answers in batches, hears, draws masks from the right states, and reads the published files."""

import numpy as np
import pytest
import torch
from transformers import CLIPVisionModel, LlamaForCausalLM

from lookhear.errors import ModelError, RecipeError
from lookhear.ilora import method as ilora
from lookhear.llms import LLM, crab
from lookhear.llms.crab import clips as clips_of
from lookhear.llms.crab.parts import HEARING
from lookhear.llms.crab.text import MADE, MASKED, TOKENS, Words, escaped_placeholders, learned
from lookhear.types import Media
from tests.llms.test_crab_golden import SMALL

SAY = f"The object making the sound in the video is drum. The mask of it is {MASKED}."
WORDS = learned([SAY, "Which instrument sounds? Is there a voice?"], 320)
ASK = "Which instrument sounds?"


def tiny(seed: int = 0, **changes) -> crab.Crab:
    torch.manual_seed(seed)
    language = SMALL.language | {"vocab_size": len(WORDS) - MADE, "bos_token_id": 1, "eos_token_id": 2}
    config = {**vars(SMALL), "language": language, "pieces": 3, "frames": 2, **changes}
    net = crab.Net(crab.Config(**config))
    for name, weight in net.named_parameters():
        if weight.ndim > 1 and "language" in name:
            torch.nn.init.normal_(weight, std=0.25)  # so that replies differ
    return crab.Crab(net, Words(WORDS))


def clip(seed: int, frames: int = 2, sound: bool = True, seconds: float = 1.5) -> Media:
    rng = np.random.default_rng(seed)
    shown = rng.integers(0, 255, (frames, 56, 56, 3), dtype=np.uint8) if frames else None
    wave = rng.normal(0, 0.2, int(seconds * 16000)).astype(np.float32) if sound else None
    return Media(shown, np.arange(frames, dtype=float), wave, 16000, seconds, () if sound else ("no sound track",))


CLIPS = [clip(0), clip(1, frames=1), clip(2, frames=0), clip(3, sound=False)]


@pytest.fixture(scope="module")
def llm():
    return tiny()


def test_it_keeps_the_contract(llm):
    assert isinstance(llm, LLM)
    assert llm.sampling.name.startswith("crab_arange count=2 56x56")
    assert "billion parameters" in llm.needs() and "GB" in llm.needs()


def test_text_is_parted_behind_the_last_medium():
    words = Words(WORDS)
    whole = (
        "<s>[INST] <<SYS>>\nYou are a helpful assistant.\n<</SYS>>\n\n"
        "This is a video:\n<video_start><video><video_end>\nThis is an audio:\n<audio_start><audio><audio_end>\n"
        f"{ASK} [/INST]"
    )
    assert words.prefix(["audio", "video"]) + words.ask(ASK) == WORDS(whole, add_special_tokens=False)["input_ids"]
    assert words.prefix(["audio", "image"])[-1] == words.ids["<audio_end>"], "an image comes first"
    assert words.prefix(["audio", "image", "video"])[-1] == words.ids["<image_end>"]
    assert [words.ids[t] for t in TOKENS] == list(range(len(WORDS) - 17, len(WORDS)))
    assert words.read(words.target(SAY)) == SAY, "mask tokens are read, the end is not"
    told = escaped_placeholders("write <audio>dog,(0 1)</audio>, <visual>cat</visual> or <video>")
    assert told == "write <audio_event>dog,(0 1)</audio_event>, <visual_event>cat</visual_event> or < video>"


def test_cached_answers_equal_whole_generation(llm):
    seen = llm.watch(CLIPS)
    rows, prompts = [0, 1, 2, 3, 0], [ASK, ASK, "Is there a voice?", ASK, "Is there a voice?"]
    replies = llm.answer(seen, rows, prompts, max_tokens=8)
    for row, prompt, reply in zip(rows, prompts, replies, strict=True):
        made = llm.prepare(CLIPS[row])
        ids = torch.tensor([llm.prefix(made) + llm.words.ask(prompt)])
        with torch.no_grad():
            embeds, _ = clips_of.embedded(llm.words, llm.model, ids, [made])
            out = llm.model.language.generate(
                inputs_embeds=embeds, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False,
                pad_token_id=2, return_dict_in_generate=True, output_scores=True, output_hidden_states=True,
            )  # fmt: skip
        theirs = [t for t in out.sequences[0].tolist() if t != 2]
        assert list(reply.tokens) == theirs
        scores = torch.stack(out.scores, 1)[0].log_softmax(-1).max(-1).values
        assert reply.score == pytest.approx(float(scores.mean()), abs=1e-4)
    assert len({reply.tokens for reply in replies}) > 1, "clips and questions matter"
    assert seen.notes == ((), (), (), ("no sound track",))


def test_batched_equals_one_by_one(llm):
    together = llm.answer(llm.watch(CLIPS), [0, 1, 2, 3], [ASK, "Is there a voice?", ASK, ASK], 6)
    for i, prompt in enumerate([ASK, "Is there a voice?", ASK, ASK]):
        (alone,) = llm.answer(llm.watch([CLIPS[i]]), [0], [prompt], 6)
        assert alone.tokens == together[i].tokens and alone.score == pytest.approx(together[i].score, abs=1e-4)


def test_sound_and_picture_reach_the_model(llm):
    def loss(media):
        with torch.no_grad():
            return float(llm.loss([media], [[(ASK, "drum")]]))

    one, other = clip(0), clip(9)
    base = loss(one)
    assert abs(loss(Media(one.frames, one.times, other.waveform, 16000, 1.5)) - base) > 1e-5
    assert abs(loss(Media(one.frames, one.times, one.waveform * 0, 16000, 1.5)) - base) > 1e-5
    assert abs(loss(Media(other.frames, one.times, one.waveform, 16000, 1.5)) - base) > 1e-5
    assert loss(clip(0)) == base


def test_loss_of_many_questions_is_that_of_each(llm):
    pairs = [[(ASK, "drum"), ("Is there a voice?", "no voice")], [(ASK, "the drum")]]
    lengths = [[len(llm.words.target(t)) for _, t in clip] for clip in pairs]
    with torch.no_grad():
        whole = float(llm.loss(CLIPS[:2], pairs))
        each = [[float(llm.loss([m], [[pair]])) for pair in row] for m, row in zip(CLIPS, pairs, strict=False)]
    total = sum(e * n for es, ns in zip(each, lengths, strict=True) for e, n in zip(es, ns, strict=True))
    assert whole == pytest.approx(total / sum(map(sum, lengths)), abs=1e-4)


def test_it_learns_to_draw_and_masks_come_from_the_predicting_states():
    llm = tiny(1, dropout=0.0)
    llm.model.trains("language", "look", "listen", "segment")
    left, right = np.zeros((56, 56), bool), np.zeros((56, 56), bool)
    left[:, :28], right[:, 28:] = True, True
    media = [llm.prepare(c) for c in CLIPS[:2]]
    asks, truths = [[(ASK, SAY)], [(ASK, SAY)]], [[left], [right]]
    optimizer = torch.optim.AdamW([p for p in llm.model.parameters() if p.requires_grad], lr=3e-3)
    told = []
    for _ in range(25):
        loss = llm.loss(media, asks, truths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(float(loss.detach()))
    assert told[-1] < 0.5 * told[0]
    replies = llm.answer(llm.watch(media), [0, 1], [ASK, ASK])
    assert [reply.text for reply in replies] == [SAY, SAY]
    ids = [llm.words.ids[f"<mask_{n}>"] for n in range(6)]
    with torch.no_grad():
        for reply, one, truth in zip(replies, media, (left, right), strict=True):
            row = torch.tensor([llm.prefix(one) + llm.words.ask(ASK) + llm.words.target(SAY)])
            embeds, (levels,) = clips_of.embedded(llm.words, llm.model, row, [one])
            hidden = llm.model.language(inputs_embeds=embeds, output_hidden_states=True).hidden_states[-1]
            places = torch.tensor([row[0].tolist().index(i) for i in ids]) - 1
            theirs = llm.model.segment(hidden[:, places], [level[None] for level in levels])[0, 0]
            torch.testing.assert_close(torch.from_numpy(reply.masks[0]), theirs, rtol=1e-3, atol=1e-3)
            assert ((reply.masks[0] > 0) == truth).mean() > 0.8
            assert crab.regions(reply, "drum")[0].mask.dtype == bool
    (silent,) = llm.answer(llm.watch(media), [0], [ASK], max_tokens=3)
    assert silent.masks == (), "fewer than six mask tokens give no mask"


def test_an_image_beside_the_video_is_what_masks_are_of(llm):
    with torch.no_grad():
        made = llm.prepare(clip(0), image=clip(5).frames[0])
        assert made["video"].shape[0] == 2 and made["image"].shape[0] == 1
        levels = llm.watch([made, clip(0)]).pictures
        torch.testing.assert_close(levels[0][0], llm.model.seen(made["image"])[0][0])
        torch.testing.assert_close(levels[1][1], llm.model.seen(made["video"])[1][0])


def test_pieces_are_those_of_the_release():
    wave = np.arange(60 * 100, dtype=np.float32)
    rows = crab.pieces(wave, crab.Config(pieces=7))
    assert rows.shape == (7, 3200) and rows[1, 0] == 857 and rows[1, 856] == 1713 and rows[1, 857] == 0
    rows = crab.pieces(wave, crab.Config(hearing_rule="music_avqa"))
    assert rows[0, :50].tolist() == [0.0] * 50 and rows[0, 50] == 0 and rows[0, 51] == 1
    assert [float(row[0]) for row in rows[1:]] == [550.0 + 600 * i for i in range(9)]
    assert rows.shape[0] == 10 and rows[1, 199] == 749 and rows[1, 200] == 0, "2 s each, then filled up"


def test_save_and_load(tmp_path, llm):
    llm.save(tmp_path)
    told = crab.plan(tmp_path)
    assert told.download == 0 and told.disk > 0 and told.memory == sum(p.numel() * 4 for p in llm.model.parameters())
    again = crab.load(tmp_path)
    assert again.model.config == llm.model.config
    answers = [m.answer(m.watch(CLIPS[:2]), [0, 1], [ASK, ASK], 5) for m in (llm, again)]
    assert answers[0] == answers[1]
    adapted = crab.load(tmp_path)
    adapted.adapt(ilora.ILoraConfig(r=2, init_weights=False))
    trained = {n.split(".")[0] for n, p in adapted.model.named_parameters() if p.requires_grad}
    assert trained == {"language", "look", "listen"}
    assert all("ilora" in n for n, p in adapted.model.language.named_parameters() if p.requires_grad)
    with pytest.raises(ModelError, match="save_pretrained"):
        adapted.save(tmp_path / "b")
    adapted.model.language.save_pretrained(tmp_path / "adapter")
    with_adapter = crab.load(tmp_path, tmp_path / "adapter")
    adapted.model.eval()
    told = [m.answer(m.watch(CLIPS[:2]), [0, 1], [ASK, ASK], 5) for m in (adapted, with_adapter)]
    assert told[0] == told[1] != answers[0]


def published(net) -> dict[str, torch.Tensor]:
    """Connectors, mask decoder, embeddings and adapters under the names of the release."""
    state = {}
    for part, side, short in (("look", "visual", "vl"), ("listen", "audio", "al")):
        for name, tensor in getattr(net, part).state_dict().items():
            old = name.replace("norm.", f"{side}_ln.", 1) if name.startswith("norm.") else name
            old = old.replace("project.", f"{side}_proj.").replace("attention.attention.", "attention.self.")
            old = old.replace("former.layernorm", f"{side}_Qformer.bert.embeddings.LayerNorm")
            old = old.replace("former.", f"{side}_Qformer.bert.") if old.startswith("former.") else old
            tensor = tensor[None] if name == "queries" else tensor
            state[f"base_model.model.model.{short}_projector.{old.replace('queries', f'{side}_query_tokens')}"] = tensor
        state[f"base_model.model.model.{short}_projector.{side}_Qformer.cls.predictions.bias"] = torch.zeros(3)
    return state | ilora.to_official(net.language)


def test_official_files(tmp_path):
    source = tiny(3)
    source.adapt(ilora.ILoraConfig(r=2, alpha=4, heads=3, init_weights=False))
    net = source.model
    base = tiny(4)
    plain = base.model.language
    plain.resize_token_embeddings(len(WORDS) - MADE)
    plain.save_pretrained(tmp_path / "llama")
    bare = learned([SAY, "Which instrument sounds? Is there a voice?"], 320)
    _without_marks(bare).save_pretrained(tmp_path / "llama")
    vision = CLIPVisionModel(base.model.vision.config)
    vision.load_state_dict(base.model.vision.state_dict())
    vision.save_pretrained(tmp_path / "clip")
    sound = {**HEARING, **SMALL.hearing}
    torch.save({"cfg": sound, "model": base.model.hearing.state_dict()}, tmp_path / "BEATs_tiny.pt")
    files = tmp_path / "crab"
    files.mkdir()
    torch.save(published(net), files / "finetune_weights.bin")
    masks = {f"base_model.model.model.seg_module.{k}": v for k, v in net.segment.state_dict().items()}
    masks["base_model.model.model.embed_tokens.weight"] = net.embed(torch.arange(len(WORDS))).detach()
    masks["base_model.model.lm_head.weight"] = net.bare.lm_head.weight
    torch.save(masks, files / "avs_finetune_weights.bin")
    options = {"vision": str(tmp_path / "clip"), "hearing": str(tmp_path / "BEATs_tiny.pt")}
    options |= {k: vars(SMALL)[k] for k in ("layers", "queries", "heard_queries", "connector", "mask_queries")}
    llm = crab.load(tmp_path / "llama", files, **options)
    told = crab.plan(tmp_path / "llama", files, options["vision"], options["hearing"])
    assert told.download == 0 and "llama" in str(told) and told.memory > 0
    assert isinstance(llm.model.bare, LlamaForCausalLM) and len(llm.words.tokenizer) == len(WORDS)
    assert "2 that the original never uses" in llm.report[0] and llm.report[0].startswith("finetune_weights.bin: ")
    assert "2 tensors of language" in llm.report[1] and llm.report[1].startswith("avs_finetune_weights.bin: ")
    for part in ("look", "listen", "segment"):
        for name, tensor in getattr(net, part).state_dict().items():
            assert torch.equal(getattr(llm.model, part).state_dict()[name], tensor), name
    theirs, ours = (ilora.to_official(n.language) for n in (net, llm.model))
    assert theirs.keys() == ours.keys() and all(torch.equal(theirs[k], ours[k]) for k in theirs)
    assert torch.equal(llm.model.bare.lm_head.weight, net.bare.lm_head.weight)
    llm.answer(llm.watch(CLIPS[:1]), [0], [ASK], 3)

    (files / "avs_finetune_weights.bin").unlink()
    assert crab.load(tmp_path / "llama", files, **options).model.segment is None, "no masks of random weights"
    state = published(net)
    torch.save({**state, "base_model.model.new_part.weight": torch.zeros(1)}, files / "finetune_weights.bin")
    with pytest.raises(ModelError, match=r"belong to no part of Crab, first 'base_model\.model\.new_part"):
        crab.load(tmp_path / "llama", files, **options)
    state.pop("base_model.model.model.vl_projector.visual_ln.bias")
    torch.save(state, files / "finetune_weights.bin")
    with pytest.raises(ModelError, match="lacks"):
        crab.load(tmp_path / "llama", files, **options)
    with pytest.raises(ModelError, match=r"none of Crab's files"):
        crab.load(tmp_path / "llama", tmp_path / "clip", **options)


def _without_marks(tokenizer):
    """The tokenizer of a base model: as learned, before the seventeen join."""
    import json

    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    told = json.loads(tokenizer.backend_tokenizer.to_str())
    told["added_tokens"] = [t for t in told["added_tokens"] if t["content"] not in TOKENS]
    plain = Tokenizer.from_str(json.dumps(told))
    return PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def test_full_sizes_on_the_meta_device():
    for base, language in (("llama2_7b", 6_738_415_616), ("llama3_8b", 8_030_261_248)):
        with torch.device("meta"):
            llm = crab.build(crab.Config(base=base))
        net = llm.model
        counted = {part: sum(p.numel() for p in getattr(net, part).parameters()) for part in dict(net.named_children())}
        assert counted["language"] == language + 2 * 17 * 4096
        assert 303e6 < counted["vision"] < 305e6 and 90e6 < counted["hearing"] < 91e6
        assert 28e6 < counted["segment"] < 31e6  # the golden's notes say about 29 M
        assert next(net.parameters()).is_meta
        with pytest.raises(ModelError, match="no tokenizer"):
            llm.answer(None, [], [])


def test_refusals(llm):
    with pytest.raises(ModelError, match="neither picture nor sound"):
        llm.prepare(clip(0, frames=0, sound=False))
    with pytest.raises(ModelError, match="16000 Hz"):
        llm.prepare(Media(None, np.zeros(0), np.zeros(8000, np.float32), 8000, 1.0))
    with pytest.raises(RecipeError, match="llama9"):
        crab.build(crab.Config(base="llama9"))
    with pytest.raises(RecipeError, match="has 5 layers"):
        crab.Net(crab.Config(**{**vars(SMALL), "layers": (1, 2, 9)}))
    with pytest.raises(RecipeError, match="no part 'nose'"):
        llm.model.trains("nose")
    with pytest.raises(ModelError, match="six mask tokens"):
        llm.loss(CLIPS[:1], [[(ASK, "no mask")]], [[np.zeros((56, 56), bool)]])
    without = tiny(masks=False)
    with pytest.raises(ModelError, match="without a mask decoder"):
        without.loss(CLIPS[:1], [[(ASK, SAY)]], [[np.zeros((56, 56), bool)]])
    assert without.answer(without.watch(CLIPS[:1]), [0], [ASK], 3)[0].masks == ()
