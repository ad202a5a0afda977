"""Reasoning data: written by rule or by a model, checked, resumed, counted, and read back as AV-UIE."""

import json
import re
import shutil
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest

from lookhear import datasets, tasks
from lookhear.curate.instruct import export, wording
from lookhear.curate.instruct.check import fault
from lookhear.curate.instruct.write import by_rule
from lookhear.datasets import av_uie
from lookhear.media.write import write
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.types import Answer, Clip, Example, Region, Segment, Source
from tests.chat import Chat

SETTINGS = Settings(train=30, val=0, test=2, questions=4, seed=1, size=64)
WRITTEN = ("reasoning", "action", "emotion", "event", "parsing", "grounding", "s4", "ms3", "referring", "caption")


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    root = tmp_path_factory.mktemp("instruct") / "stage"
    make(root, SETTINGS, media=False, quiet=True)
    (root / "videos").mkdir()
    for k in range(32):
        (root / "videos" / f"{k:08d}.mp4").touch()
    return root


@pytest.mark.parametrize("version", WRITTEN)
def test_what_is_exported_reads_back_the_same(stage, tmp_path, lookhear, version):
    name = f"soundstage@{version}"
    ran = lookhear("instruct", tmp_path / "uie", "--dataset", name, "--root", stage, "--json")
    assert ran.code == 0, ran.err
    card = json.loads(ran.out)
    examples = datasets.load(name, stage, "train")
    assert card["kept"] == card["written"] == len(examples) == sum(card["parts"].values())
    read = av_uie.read(tmp_path / "uie", "train")
    assert not read.faults and len(read.examples) == len(examples)
    for ours, theirs in zip(examples, read.examples, strict=True):
        assert theirs.task == ours.task and theirs.question == ours.question
        assert (theirs.clip.start, theirs.clip.end) == (ours.clip.start, ours.clip.end)
        assert theirs.clip.video.path == ours.clip.video.path and theirs.clip.audio.path == ours.clip.audio.path
        assert theirs.meta["reasoning"] == tasks.find(ours.task).target(ours)
        assert _said(theirs) == _said(ours)
        assert tasks.find(theirs.task).target(theirs) == theirs.meta["reasoning"], "training reads it as it is"


def _said(example):
    found = example.reference
    segments = () if example.task == "question_answering" else found.segments
    return found.text, segments, found.regions


def test_what_has_no_part_is_counted(stage, tmp_path, lookhear):
    ran = lookhear("instruct", tmp_path / "uie", "--dataset", "soundstage@matching", "--root", stage, "--json")
    card = json.loads(ran.out)
    assert card["parts"] == {} and card["no_part"] == card["kept"] > 0


def test_two_datasets_do_not_mix(stage, tmp_path, lookhear):
    given = ("--root", stage, "--limit", "3")
    assert lookhear("instruct", tmp_path / "u", "--dataset", "soundstage@reasoning", *given).code == 0
    ran = lookhear("instruct", tmp_path / "u", "--dataset", "soundstage", *given)
    assert ran.code == 2 and "holds 'soundstage@reasoning'" in ran.err
    ran = lookhear("instruct", tmp_path / "v", "--dataset", "soundstage", *given, "--model", "m")
    assert ran.code == 2 and "--endpoint" in ran.err


def test_what_has_no_target_is_counted(tmp_path, lookhear):
    (tmp_path / "AVVP_train.csv").write_text("filename\tevent_labels\nabcdefghijk_0_10\tDog\n")
    ran = lookhear("instruct", tmp_path / "u", "--dataset", "llp", "--root", tmp_path, "--json")
    card = json.loads(ran.out)
    assert ran.code == 0 and card["dropped"] == {"has no target": 1} and card["kept"] == 0
    ledger = (tmp_path / "u" / "ledger" / "llp-train.jsonl").read_text().splitlines()
    assert "does not say when" in json.loads(ledger[1])["text"]


# ---- the check

CLIP = Clip(Source("a"), Source("a"))
ASKED = Example("1", "question_answering", CLIP, "How many sound", Answer("two"))
REASON = "It comes from the garden and is loud and clear. "
LONG = "The flute plays first and the tuba joins it later on. "


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (LONG + "So the answer is <answer>two</answer>.", ""),
        (LONG + "So the answer is <answer>three</answer>.", "another answer"),
        ("<answer>two</answer>", "no reason"),
        (" ".join(f"w{k}" for k in range(310)) + " <answer>two</answer>", "longer than 300"),
        (LONG * 4 + "<answer>two</answer>", "repeats itself"),
        (LONG + "The correct answer is <answer>two</answer>.", "label it was told"),
        (LONG + "According to the metadata: <answer>two</answer>.", "label it was told"),
    ],
)
def test_faults(text, wrong):
    assert (wrong in fault(ASKED, text)) if wrong else not fault(ASKED, text)


def test_times_and_places_must_be_those_of_the_label():
    event = Example("1", "event_localisation", CLIP, "", Answer("Bark", segments=(Segment("Bark", 0, 4),)))
    event = Example(**{**vars(event), "meta": {"form": "ave", "labels": ("Bark", "Horse")}})
    told = REASON + "<event> Bark </event>, <range> 0,{} </range>"
    assert fault(event, told.format(4)) == "" and "another answer" in fault(event, told.format(5))
    box = Answer("dog", regions=(Region("dog", (0.25, 0.25, 0.5, 0.5)),))
    placed = Example("1", "localisation", CLIP, "", box, meta={"form": "arig"})
    told = REASON + "It is the <object>dog</object> [56,56,{},112]."
    assert fault(placed, told.format(112)) == "" and "another answer" in fault(placed, told.format(113))
    assert fault(placed, REASON) == "cannot be read: no coordinates"


def test_the_writer_is_told_what_is_known_and_how_to_end():
    event = Example(
        "1", "event_localisation", CLIP, "", Answer("Bark", segments=(Segment("Bark", 0, 4),)), meta={"form": "ave"}
    )
    asked = wording.message(event)
    assert "Bark is seen and heard from 0 to 4 s" in asked and asked.endswith("<range> 0,4 </range>")
    assert "<range> 0,4 </range>" in wording.again(event, "gives no reason")
    assert by_rule(event).fault == ""


@pytest.mark.parametrize(
    ("dataset", "example", "part"),
    [
        ("meld", Example("1", "emotion_recognition", CLIP, "", Answer("joy")), "meld"),
        ("avqa", Example("1", "question_answering", CLIP, "", Answer("cat"), meta={"options": ("cat",)}), "avqa_thu"),
        ("unav_100", Example("1", "event_localisation", CLIP, "", Answer("x"), meta={"form": "unav"}), "unav"),
        ("avsbench@avss", Example("1", "localisation", CLIP, "", Answer("x"), meta={"form": "avss"}), ""),
        ("av_uie", Example("1", "captioning", CLIP, "", Answer("x"), meta={"part": "avcap"}), "avcap"),
    ],
)
def test_parts(dataset, example, part):
    assert export.part_of(example, dataset) == part


# ---- a model behind an address


class Model(Chat):
    """Ends as it is asked to; every third example wrongly at first, every fifth always; refuses what it is told to."""

    def post(self, asked) -> None:
        state = self.server.state
        messages = asked["messages"]
        parts = messages[0]["content"]
        words = parts if isinstance(parts, str) else parts[-1]["text"]
        kinds = set() if isinstance(parts, str) else {part["type"] for part in parts}
        ending = re.search(r"letter for letter:\n(.*)", words)[1]
        number = state["numbers"].setdefault(words, len(state["numbers"]) + 1)
        if number in state["refused"]:
            self.send({"error": {"message": "content policy"}}, 400)
            return
        state["paid"].append((words, len(messages)))
        if state["sight"] and not kinds & {"image_url", "video_url"}:
            self.reply("I cannot see any video.")  # it answers from what it is shown
            return
        wrong = number % 5 == 0 or (number % 3 == 0 and len(messages) == 1)
        thought = "<think>The label must be told.</think>" if number % 2 else ""
        self.reply(thought + LONG + ("<answer>nobody knows</answer>" if wrong else ending))


@pytest.fixture
def server():
    pytest.importorskip("httpx")
    served = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    served.state = {"numbers": {}, "refused": set(), "paid": [], "sight": True}
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()


@pytest.fixture(scope="module")
def shown(stage, tmp_path_factory):
    """The same with films that can be read."""
    root = tmp_path_factory.mktemp("shown") / "stage"
    shutil.copytree(stage, root)
    for path in (root / "videos").glob("*.mp4"):
        frames = np.full((4, 48, 64, 3), int(path.stem) * 7, np.uint8)
        write(path, frames, np.zeros(16_000, np.float32), fps=4)
    return root


def asked_of(stage, out, server, *more):
    given = ["instruct", out, "--dataset", "soundstage", "--root", stage, "--limit", "15", "--workers", "1"]
    return [*given, "--endpoint", f"http://127.0.0.1:{server.server_address[1]}/v1", "--model", "m", "--json", *more]


def test_a_model_is_shown_the_clip_and_each_reply_is_paid_for_once(shown, tmp_path, server, lookhear):
    given = asked_of(shown, tmp_path / "u", server)
    server.state["refused"] = {2, 7}
    ran = lookhear(*given)
    card = json.loads(ran.out)
    assert ran.code == 1 and card["dropped"]["no reply"] == 2, "one refusal by the server stops nothing else"
    server.state["refused"] = set()
    before = len(server.state["paid"])
    card = json.loads(lookhear(*given).out)
    assert card["written"] == 15 and card["kept"] == 12 and card["dropped"] == {"concludes with another answer": 3}
    assert len(server.state["paid"]) - before == 2, "only what had no reply is asked"
    assert len(set(server.state["paid"])) == len(server.state["paid"]), "and nothing twice"
    read = av_uie.read(tmp_path / "u", "avqa/train")
    assert len(read.examples) == 12 and all(e.meta["reasoning"].startswith(LONG) for e in read.examples)
    ledger = tmp_path / "u" / "ledger" / "soundstage-train.jsonl"
    assert len(ledger.read_text().splitlines()) == 16 and "<think>" not in ledger.read_text()
    ledger.unlink()  # the replies themselves are kept apart
    assert json.loads(lookhear(*given).out)["kept"] == 12
    assert len(set(server.state["paid"])) == len(server.state["paid"])
    given[given.index("m")] = "another"
    ran = lookhear(*given)
    assert ran.code == 2 and "Choose another folder" in ran.err


def test_a_blind_request_does_not_pass(shown, tmp_path, server, lookhear):
    card = json.loads(lookhear(*asked_of(shown, tmp_path / "u", server, "--blind")).out)
    assert card["kept"] == 0 and set(card["dropped"]) == {"refuses"}


def test_a_dry_run_asks_nothing(shown, tmp_path, server, lookhear):
    ran = lookhear(*asked_of(shown, tmp_path / "u", server, "--dry-run"))
    assert ran.code == 0 and "15 to ask" in ran.out and not server.state["paid"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I'm sorry, I cannot watch videos.", "refuses"),
        ("Sure! Here is the reasoning. {}", "filler"),
        ("<think>hm {}", "leftover tag: <think>"),
        ("<|im_end|> {}", "leftover tag"),
        ("At 75 seconds the violin stops, and nothing else is heard. {}", "after the clip's end"),
        ("At 1:15 the violin stops, and nothing else is heard. {}", "after the clip's end"),
        ("At 3 seconds the violin stops, and nothing else is heard. {}", ""),
    ],
)
def test_leftovers_refusals_filler_and_impossible_times(text, wrong):
    from dataclasses import replace

    ending = tasks.find(ASKED.task).target(ASKED, explain=False)
    short = replace(ASKED, clip=replace(ASKED.clip, end=10.0))
    found = fault(short, text.format(ending))
    assert (wrong in found) if wrong else not found
