"""Reasoning data: written by rule or by a model, checked, resumed, counted, and read back as AV-UIE."""

import json
import re
import threading
from http.server import ThreadingHTTPServer

import pytest

from lookhear import datasets, tasks
from lookhear.curate.instruct import export, wording
from lookhear.curate.instruct.check import fault
from lookhear.curate.instruct.write import ATTEMPTS, by_rule
from lookhear.datasets import av_uie
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
LONG = "The flute plays first and the tuba joins it later on. "


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (LONG + "So the answer is <answer>two</answer>.", ""),
        (LONG + "So the answer is <answer>three</answer>.", "another answer"),
        ("<answer>two</answer>", "no reason"),
        (LONG * 40 + "<answer>two</answer>", "longer than 300"),
        (LONG + "The correct answer is <answer>two</answer>.", "label it was told"),
        (LONG + "According to the metadata: <answer>two</answer>.", "label it was told"),
    ],
)
def test_faults(text, wrong):
    assert (wrong in fault(ASKED, text)) if wrong else not fault(ASKED, text)


def test_times_and_places_must_be_those_of_the_label():
    event = Example("1", "event_localisation", CLIP, "", Answer("Bark", segments=(Segment("Bark", 0, 4),)))
    event = Example(**{**vars(event), "meta": {"form": "ave", "labels": ("Bark", "Horse")}})
    told = LONG + "<event> Bark </event>, <range> 0,{} </range>"
    assert fault(event, told.format(4)) == "" and "another answer" in fault(event, told.format(5))
    box = Answer("dog", regions=(Region("dog", (0.25, 0.25, 0.5, 0.5)),))
    placed = Example("1", "localisation", CLIP, "", box, meta={"form": "arig"})
    told = LONG + "It is the <object>dog</object> [56,56,{},112]."
    assert fault(placed, told.format(112)) == "" and "another answer" in fault(placed, told.format(113))
    assert fault(placed, LONG) == "no coordinates"


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
    """Ends as it is asked to; every third example wrongly at first, every fifth always; then fails if told to."""

    def post(self, asked) -> None:
        state = self.server.state
        messages = asked["messages"]
        if len(messages) == 1:
            state["examples"] += 1
        if state["examples"] > state["until"]:
            self.send_response(400)
            self.end_headers()
            return
        ending = re.search(r"letter for letter:\n(.*)", messages[0]["content"])[1]
        wrong = state["examples"] % 5 == 0 or (state["examples"] % 3 == 0 and len(messages) == 1)
        reply = LONG + ("<answer>nobody knows</answer>" if wrong else ending)
        self.reply(reply)


@pytest.fixture
def server():
    pytest.importorskip("httpx")
    served = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    served.state = {"examples": 0, "until": 1000}
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()


def test_a_model_writes_and_goes_on_where_it_was(stage, tmp_path, server, lookhear):
    given = ["instruct", tmp_path / "u", "--dataset", "soundstage", "--root", stage, "--limit", "15", "--workers", "1"]
    given += ["--endpoint", f"http://127.0.0.1:{server.server_address[1]}/v1", "--model", "m", "--json"]
    server.state["until"] = 7
    ran = lookhear(*given)
    assert ran.code == 2 and "7 of 15 are written; run again to go on" in ran.err
    server.state |= {"until": 1000, "examples": 7}  # the eighth is asked for anew
    card = json.loads(lookhear(*given).out)
    assert card["written"] == 15 and card["kept"] == 12 and card["dropped"] == {"concludes with another answer": 3}
    replies = 15 + 4 + 3 * (ATTEMPTS - 1)  # 3, 6, 9, 12 once more; 5, 10, 15 until it is given up
    assert card["replies"] == replies and card["tokens"] == {"read": 100 * replies, "written": 10 * replies}
    assert card["bad_replies"] == {"concludes with another answer": 4 + 3 * ATTEMPTS}
    read = av_uie.read(tmp_path / "u", "avqa/train")
    assert len(read.examples) == 12 and all(e.meta["reasoning"].startswith(LONG) for e in read.examples)
    ledger = tmp_path / "u" / "ledger" / "soundstage-train.jsonl"
    assert len(ledger.read_text().splitlines()) == 16
    ledger.write_text(ledger.read_text()[:-9])  # stopped while writing
    server.state["examples"] = 14
    assert json.loads(lookhear(*given).out) == card
    given[given.index("m")] = "another"
    ran = lookhear(*given)
    assert ran.code == 2 and "Choose another folder" in ran.err
