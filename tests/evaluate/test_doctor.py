"""The doctor's verdicts: servers that look and listen in each family's way, whole and broken; no verdict is wrong."""

import hashlib
import json

import numpy as np
import pytest

pytest.importorskip("httpx")

from lookhear import dialects
from lookhear.errors import ModelError
from lookhear.evaluate.doctor import certificate, clips, trials
from lookhear.evaluate.doctor.check import CACHED, Doctor
from lookhear.evaluate.doctor.verdict import NO, OPEN, YES, Group, chance, judge, order
from tests.chat import Chat, served
from tests.servers import oracle, world
from tests.servers.oracle import FAULTS, OWNERS, Oracle

RIGHT = {  # fault -> sees, hears
    "whole": (YES, YES),
    "drops sound": (YES, NO),
    "drops picture": (NO, YES),
    "swaps order": (YES, YES),
    "caches by text": (NO, NO),
    "deaf but lucky": (YES, NO),
}


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """(stage, write) of the doctor: one Soundstage for all tests here, and clips that are alike are encoded once."""
    stage, write, encoded = Doctor.stage, trials.write, {}
    doctor = Doctor(tmp_path_factory.mktemp("doctor"))

    def kept(path, frames, waveform, *rates):
        key = hashlib.sha256(frames.tobytes() + waveform.tobytes()).digest()
        if key not in encoded:
            write(path, frames, waveform, *rates)
            encoded[key] = path.read_bytes()
        path.write_bytes(encoded[key])

    return lambda _: stage(doctor), kept


@pytest.fixture(autouse=True)
def shared(once, monkeypatch):
    monkeypatch.setattr(Doctor, "stage", once[0])
    monkeypatch.setattr(trials, "write", once[1])


def diagnosed(tmp_path, family, fault, shy=False, options=",workers=4", **more):
    with served(Oracle, **oracle.state(family, fault, shy)) as server:
        return Doctor(tmp_path, **more).diagnose(f"endpoint@{server.url}{options}")


def right(found, family, fault):
    """Nothing about it is wrong, and nothing is left open."""
    assert (found.sees, found.hears) == RIGHT[fault], found.why
    assert found.good == (fault == "whole")
    assert (CACHED in found.faults) == (fault == "caches by text")
    if fault == "swaps order":
        assert set(found.order.values()) == {"reversed"} and len(found.faults) == 2
    elif fault == "whole":
        assert set(found.order.values()) == {YES} and found.sent["dialect"] == family
        assert found.tokens["question"] < found.tokens["and picture"] < found.tokens["and sound"]


def test_every_dialect_is_known_to_a_server_here():
    assert sorted(OWNERS) == sorted(dialects.names())


@pytest.mark.parametrize("family", ["openai", "sglang-omni"])
def test_whole_servers(tmp_path, family):
    right(diagnosed(tmp_path, family, "whole"), family, "whole")


def test_a_deaf_server_whatever_it_guesses(tmp_path):
    found = diagnosed(tmp_path, "vllm", "deaf but lucky", options=",workers=4,dialect=vllm")
    right(found, "vllm", "deaf but lucky")
    assert found.tokens["and picture"] == found.tokens["and sound"], "not one token for the sound"


def test_no_reply_is_taken_from_before(tmp_path):
    options = f",workers=4,dialect=sglang,replies={tmp_path / 'kept'}"
    with served(Oracle, **oracle.state("sglang", "whole")) as server:
        for _ in range(2):
            Doctor(tmp_path).diagnose(f"endpoint@{server.url}{options}")
        assert len(server.asked) == 2 * 65, "each asked anew, with the same clips"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("family", sorted(OWNERS))
def test_no_verdict_is_wrong(tmp_path, family, fault, seed):
    right(diagnosed(tmp_path, family, fault, seed=seed), family, fault)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["minicpm-o", "transformers-serve", "sglang-omni"])
def test_the_dialect_of_a_server_that_does_not_say_what_it_is(tmp_path, family):
    found = diagnosed(tmp_path, family, "whole", shy=True)
    right(found, family, "whole")
    assert next(iter(found.tried)) == "openai" and found.tried["openai"] != "seen yes, heard yes"


def test_tiny_omni_sees_and_hears(tmp_path):
    found = Doctor(tmp_path).diagnose("tiny_omni")
    assert (found.sees, found.hears) == (YES, YES), found.why
    assert "Soundstage" in found.why["heard"], "beeps it has never heard of"


def test_a_server_that_is_not_there_or_takes_nothing(tmp_path):
    with pytest.raises(ModelError, match="no connection"):
        Doctor(tmp_path).diagnose("endpoint@http://127.0.0.1:9/v1,pause=0,model=m")

    class Refusing(Chat):
        def post(self, asked):
            self.send({"error": {"message": "text only"}}, 400)

    with served(Refusing) as server, pytest.raises(ModelError, match=r"takes none of the dialects.*400 text only"):
        Doctor(tmp_path).diagnose(f"endpoint@{server.url}")


# ---- verdicts


def group(said, truth=("1", "2", "3", "4"), again=()):
    return Group("k", "q", tuple(truth), tuple(said), tuple(said), again=tuple(again))


def test_the_chance_of_luck_is_exact():
    assert chance([group("1234")]) == pytest.approx(1 / 24)
    assert chance([group("1234")] * 3) == pytest.approx(1 / 24**3)
    assert chance([group("1111")] * 5) == 1, "a constant is right once, whatever"
    assert chance([group("12", "12")] * 4) == pytest.approx(1 / 16)
    assert chance([group("2134")]) == pytest.approx(7 / 24), "all ways with two or more in place: 6 + 1"


def test_verdicts():
    assert judge([group("1234")] * 3, last=False).verdict == YES
    assert judge([group("1111")] * 3, last=False).verdict == NO, "nothing changes a reply"
    assert judge([group("1243")] * 3, last=False).verdict == OPEN
    guesses = [group("2143", again="9"), group("3412", again="8"), group("4321", again="7")]
    assert judge(guesses, last=True).verdict == NO, "it varies of itself"
    steady = [group("2143", again="2"), group("3412", again="3"), group("4321", again="4")]
    assert judge(steady, last=True).verdict == OPEN, "something of it arrives"
    lost = Group("k", "q", ("1",), ("",), ("",), failed="500 oops")
    assert judge([lost], last=True).verdict == OPEN and "500 oops" in judge([lost], last=True).why
    turned = Group("k", "q", ("a", "b", "c"), ("c", "a", "b"), ("c", "a", "b"), ("c", "a", "b"))
    assert order([turned] * 5).verdict == "reversed" and order([turned]).verdict == OPEN


def test_luck_is_not_taken_for_hearing():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(2000):
        groups = [group(rng.permutation(list("1234")) if n % 2 else rng.choice(list("1234"), 4)) for n in range(9)]
        wrong += any(judge(groups[:n], last=False).verdict == YES for n in (3, 6, 9))
    assert wrong <= 4, f"{wrong} of 2,000 lucky ones believed"


def test_a_lucky_dialect_is_not_taken_for_the_one_that_sees(tmp_path, monkeypatch):
    """Where nothing arrives the server guesses: it may have more right than where it sees, but not when asked again."""
    rng = np.random.default_rng(0)

    def answered(model, asked, again):
        said = [t if model == "sees" and "colour" in k else tuple(rng.permutation(t)) for k, t in asked]
        return [group(mine, truth) for mine, (_, truth) in zip(said, asked, strict=True)]

    monkeypatch.setattr(trials, "ask", answered)
    monkeypatch.setattr(trials, "drawn", lambda _, kinds, rng: [(next(iter(kinds)), tuple("1234"))])
    for _ in range(50):
        lucky = [(6, name, "guesses") for name in ("vllm", "sglang")]
        assert Doctor(tmp_path)._nearest([*lucky, (4, "minicpm-o", "sees"), (1, "openai", "guesses")])[0] == "minicpm-o"


def test_a_guesser_is_seldom_left_open(tmp_path, monkeypatch):
    """Of 200 models that guess about drawn clips and say one thing on Soundstage, at most 3 % are not found deaf."""
    rng = np.random.default_rng(1)

    def guessed(model, asked, again):
        if asked:  # pairs of Soundstage
            return [group("1111", again="1")] * 3
        return [group(rng.choice(list("1234"), 4), again=tuple(rng.choice(list("1234"), 1)) * again) for _ in range(3)]

    monkeypatch.setattr(trials, "ask", guessed)
    monkeypatch.setattr(trials, "drawn", lambda *_: [])
    monkeypatch.setattr(trials, "staged", lambda *_: [None])
    monkeypatch.setattr(Doctor, "stage", lambda self: tmp_path)
    found = [Doctor(tmp_path)._sense(None, "heard").verdict for _ in range(200)]
    assert found.count(NO) >= 194 and YES not in found


@pytest.mark.parametrize("name", [*clips.HEARD, *clips.SEEN, *clips.ORDER])
def test_clips_differ_in_one_sense_alone(name):
    kinds = {**clips.HEARD, **clips.SEEN, **clips.ORDER}
    question, options, made = kinds[name](np.random.default_rng(3))
    frames, sounds = ([one[k] for one in made.values()] for k in (0, 1))
    hear = name in clips.HEARD or name == "heard first"
    same, other = (frames, sounds) if hear else (sounds, frames)
    assert all(np.array_equal(same[0], one) for one in same) and sorted(made) == sorted(options)
    assert all(not np.array_equal(a, b) for i, a in enumerate(other) for b in other[:i])
    assert all(f.dtype == np.uint8 and s.dtype == np.float32 and np.abs(s).max() <= 1 for f, s in made.values())
    for truth, (seen, heard) in made.items():
        assert oracle.known(question, list(seen[::4]), heard, list(options)) == truth


def test_pairs_of_soundstage(tmp_path):
    doctor = Doctor(tmp_path)
    doctor_stage = doctor.stage()
    for sense in ("seen", "heard"):
        for pair in trials.staged(doctor_stage, sense, 30, np.random.default_rng(0)):
            one, two = (e.clip for e in pair.examples)
            assert (one.video == two.video, one.audio == two.audio) == ((sense == "heard"), (sense == "seen"))
            assert pair.truth[0] != pair.truth[1] and pair.examples[0].question == pair.examples[1].question


# ---- the certificate


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home/lookhear/certificates"


def test_reports_carry_it(lookhear, tmp_path, mine):
    root = world.make(tmp_path / "world", 2, 3)
    with served(Oracle, **oracle.state("sglang-omni", "whole", True)) as server:
        name = f"endpoint@{server.url},workers=4"
        given = ("--dataset", "tests.servers.world", "--root", root, "--out")
        ran = lookhear("evaluate", name, *given, tmp_path / "before")
        assert f"no certificate that this model sees and hears: lookhear doctor {name}" in ran.out
        assert json.loads((tmp_path / "before/report.json").read_text())["card"]["certificate"] is None
        ran = lookhear("doctor", name)
        assert ran.code == 0 and "sees   yes" in ran.out and "dialect sglang-omni" in ran.out, ran.err
        (path,) = mine.glob("*.json")
        assert str(path) in ran.out and certificate.load(path).good
        ran = lookhear("evaluate", name, *given, tmp_path / "after")
        line = "sees: yes, hears: yes, dialect sglang-omni (lookhear doctor, 20"
        assert line in ran.out and line in (tmp_path / "after/table.md").read_text(), ran.err
        report = json.loads((tmp_path / "after/report.json").read_text())
        assert report["card"]["certificate"]["hears"] == "yes"
        ran = lookhear("evaluate", f"{name},dialect=vllm", *given, tmp_path / "other")
        assert "no certificate" in ran.out, "it is not for that dialect"


def test_what_does_not_hear_ends_with_1(lookhear, tmp_path, mine):
    with served(Oracle, **oracle.state("vllm", "drops sound")) as server:
        ran = lookhear("doctor", f"endpoint@{server.url},workers=4", "--dialect", "vllm-omni,vllm", "--json")
    found = json.loads(ran.out)
    assert ran.code == 1 and (found["sees"], found["hears"]) == ("yes", "no")
    assert sorted(found["tried"]) == ["vllm", "vllm-omni"]


def test_a_damaged_certificate_is_one_line(lookhear, tmp_path, mine):
    mine.mkdir(parents=True)
    certificate.place(mine, "tiny_omni", "").write_text('{"version": 1, "sees": ')
    ran = lookhear(
        "evaluate", "tiny_omni", "--dataset", "tests.servers.world", "--root", world.make(tmp_path / "w", 1, 1)
    )
    assert ran.code == 2 and "is no certificate" in ran.err and ran.err.count("\n") == 1
