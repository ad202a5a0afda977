"""A teacher with sight writes, is checked and judged; what it wrote goes to people and out into every form."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from lookhear import tasks
from lookhear.curate.instruct import chat, sheet, splits
from lookhear.curate.instruct.write import Entry
from lookhear.curate.review import Review, Sheet
from lookhear.datasets import av_uie
from lookhear.types import Clip, Example, Source
from tests.chat import served
from tests.instruct import planted, world

pytest.importorskip("httpx")
DATA = "tests.instruct.world"


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("films"), 12)


@pytest.fixture
def teacher():
    with served(world.Teacher, spoil=None, wait=0.0) as server:
        yield server


def command(out, films, server, version, *more, model="m"):
    given = ["instruct", out, "--dataset", f"{DATA}@{version}", "--root", films, "--endpoint", server.url]
    return [*given, "--option", "dialect=openai", "--option", "frames=2", "--model", model, *more]


@pytest.mark.parametrize("version", world.VERSIONS)
def test_every_task_is_written_by_one_who_sees_and_hears(films, teacher, tmp_path, lookhear, version):
    ran = lookhear(*command(tmp_path / "u", films, teacher, version, "--json"))
    card = json.loads(ran.out)
    assert ran.code == 0 and card["kept"] == 12, card["bad_replies"]
    if version == "labels":
        for example in av_uie.read(tmp_path / "u", "train").examples:
            assert {s.stream for s in example.reference.segments} == {"visual", "audio"}
            assert "reasoning" in example.meta and tasks.find(example.task).target(example) == example.meta["reasoning"]
    ran = lookhear(*command(tmp_path / "v", films, teacher, version, "--blind", "--json"))
    assert json.loads(ran.out)["dropped"] == {"refuses": 12}


def test_faults_are_sent_back_by_their_words(films, teacher, tmp_path, lookhear):
    seen = Counter()

    def spoil(number, words, text):
        seen[number] += 1
        return text + " I hope this helps!" if seen[number] == 1 else text

    teacher.spoil = spoil
    ran = lookhear(*command(tmp_path / "u", films, teacher, "qa", "--json", "--workers", "1"))
    card = json.loads(ran.out)
    assert card["kept"] == 12 and card["bad_replies"] == {"ends with filler": 12} and card["replies"] == 24
    assert "it ends with filler: 'I hope this helps'" in teacher.asked[1][1]


class Second(world.Teacher):
    """Objects to what is said of film 3."""

    def post(self, asked):
        content = asked["messages"][0]["content"]
        number = world.seen(content)
        with self.server.lock:
            self.server.asked.append(number)
        assert "Is everything that the text says" in content[-1]["text"]
        self.reply("It is a drum. <answer>no</answer>" if number == 3 else "All of it. <answer>yes</answer>")


def test_a_second_model_may_object(films, teacher, tmp_path, lookhear):
    with served(Second) as second:
        given = command(tmp_path / "u", films, teacher, "qa", "--json", "--judge", second.url)
        given += ["--judge-option", "dialect=openai", "--judge-option", "frames=2", "--judge-option", "model=j"]
        card = json.loads(lookhear(*given).out)
        assert card["kept"] == 11 and card["dropped"] == {"a second model objects": 1} and "j" in card["judge"]
        assert Counter(second.asked)[3] == 1, "the text stayed the same: one opinion, paid for once"
        assert json.loads(lookhear(*given).out)["kept"] == 11 and len(second.asked) == 12
    ran = lookhear("instruct", tmp_path / "w", "--dataset", f"{DATA}@qa", "--root", films, "--judge", "http://x")
    assert ran.code == 2 and "--endpoint" in ran.err


def test_of_several_times_those_that_agree_are_kept(films, teacher, tmp_path, lookhear):
    asked = Counter()

    def spoil(number, words, text):
        asked[number] += 1
        return text.replace("(1 2)", "(0 1)") if asked[number] == 1 else text

    teacher.spoil = spoil
    given = command(tmp_path / "u", films, teacher, "labels", "--json", "--candidates", "3", "--workers", "1")
    card = json.loads(lookhear(*given).out)
    assert card["kept"] == 12 and card["replies"] == 36
    for example in av_uie.read(tmp_path / "u", "train").examples:
        assert next(s for s in example.reference.segments if s.stream == "audio").start == 1


# ---- people


def test_a_sheet_is_stratified_judged_and_folded_back(films, tmp_path, lookhear):
    given = ["instruct", tmp_path / "u", "--dataset", f"{DATA}@qa", "--root", films]
    ran = lookhear(*given, "--review", "8")
    assert ran.code == 0 and "lookhear serve --review" in ran.out
    path = tmp_path / "u" / "review" / f"{DATA}@qa-train.jsonl"
    judged = Sheet(path)
    assert len(judged.items) == 8 and len({item.label for item in judged.items.values()}) == 8, "one of each label"
    one, two, three, four = list(judged.items)[:4]
    assert Path(judged.items[one].clip).is_file() and judged.items[one].prompt.startswith("Which one sounds first?")
    judged.add(Review(one, "ann", "accept"))
    judged.add(Review(two, "ann", "reject"))
    better = (
        f"It is a {judged.items[three].label}, as its tone and shape tell. <answer>{judged.items[three].label}</answer>"
    )
    judged.add(Review(three, "ann", "edit", better))
    judged.add(Review(four, "ann", "edit", "It is a drum that sounds here first of all. <answer>piano</answer>"))
    card = json.loads(lookhear(*given, "--json").out)
    assert card["review"] == {"accept": 1, "edit": 2, "reject": 1, "split": 0, "open": 4}
    assert card["kept"] == 11 and card["dropped"] == {"rejected by a person": 1}
    records = {r["question_id"]: r for r in json.loads((tmp_path / "u" / "avqa" / "train.json").read_text())}
    assert two not in records and records[three]["label_content"] == better
    assert records[four]["answer"] == "piano", "a person's label counts"
    lines = [json.loads(x) for x in (path.parent / f"{path.stem}.corrections.jsonl").read_text().splitlines()]
    assert {x["id"]: x["changed"] for x in lines} == {three: False, four: True}
    assert "1 accept, 2 edit, 1 reject" in (tmp_path / "u" / "README.md").read_text()
    lookhear(*given, "--review", "8")
    assert len(Sheet(path).reviews) == 4, "a sheet that is being judged stays as it is"


def test_strata_share_alike(films):
    examples = [e for v in ("qa", "emotion") for e in world.load(films, "train", v)]
    entries = [Entry(e.id, "text") for e in examples]
    path = films / "sheet.jsonl"
    assert sheet.draw(path, examples, entries, 12) == 12
    kinds = Counter((i.task, i.label) for i in Sheet(path).items.values())
    assert len(kinds) == 12 and set(kinds.values()) == {1}


# ---- out into the world


def test_forms_of_trainers(films, tmp_path, lookhear):
    forms = [word for form in ("av_uie", "av_uie@v1", *chat.FORMS) for word in ("--form", form)]
    for version in ("llp", "qa"):
        given = ["instruct", tmp_path, "--dataset", f"{DATA}@{version}", "--root", films, "--val", "0.3", *forms]
        assert lookhear(*given).code == 0
    trained, held = (av_uie.read(tmp_path, s).examples for s in ("train", "val"))
    assert {len(trained), len(held)} != {24} and len(trained) + len(held) == 24
    assert not {e.clip.video.path for e in trained} & {e.clip.video.path for e in held}, "no clip on both sides"
    assert (
        len(av_uie.read(tmp_path / "av_uie_v1", "avvp-train_samples", "v1").examples)
        + len(av_uie.read(tmp_path / "av_uie_v1", "avvp-val_samples", "v1").examples)
        == 12
    )
    name = f"{DATA}_llp-train"
    swift = [json.loads(line) for line in (tmp_path / "ms-swift" / f"{name}.jsonl").read_text().splitlines()]
    factory = json.loads((tmp_path / "llama-factory" / f"{name}.json").read_text())
    for record in (*swift, *factory):
        text = "".join(m["content"] for m in record["messages"])
        assert text.count("<video>") == len(record["videos"]) == 1 == text.count("<audio>") == len(record["audios"])
        assert "<audio_event>" in record["messages"][1]["content"] and Path(record["videos"][0]).is_file()
    read = tasks.find("event_localisation").parse(swift[0]["solution"], world.example(films, 0, "llp"))
    assert not read.notes and len(read.segments) == 2
    told = json.loads((tmp_path / "llama-factory" / "dataset_info.json").read_text())
    assert told[name]["formatting"] == "sharegpt" and told[name]["columns"]["audios"] == "audios"
    assert set(told) == {f"{DATA}_{v}-{s}" for v in ("llp", "qa") for s in ("train", "val")}
    talks = [json.loads(line) for line in (tmp_path / "chat" / f"{name}.jsonl").read_text().splitlines()]
    assert {tuple(part) for t in talks for m in t["messages"] for part in m["content"]} == {("type", "text", "path")}
    assert [p["type"] for p in talks[0]["messages"][0]["content"]] == ["video", "audio", "text"]
    page = (tmp_path / "README.md").read_text()
    assert "| avvp |" in page and "9.9 K" in page and "5.1 %" in page
    for line in (tmp_path / "SHA256SUMS").read_text().splitlines():
        digest, _, path = line.partition("  ")
        assert hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() == digest


def test_the_chat_form_is_one_table(films, tmp_path, lookhear):
    hub = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    given = ["instruct", tmp_path / "u", "--dataset", f"{DATA}@qa", "--root", films, "--form", "chat"]
    assert lookhear(*given).code == 0
    table = hub.load_dataset(
        "json", data_files=str(tmp_path / "u" / "chat" / f"{DATA}_qa-train.jsonl"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert table.num_rows == 12 and table[0]["messages"][0]["content"][0]["type"] == "video"


def test_a_part_of_a_recording_is_cut_out(films, tmp_path):
    part = Example(
        **{**vars(world.example(films, 1, "qa")), "clip": Clip(*[Source("1", films / "videos/1.mp4")] * 2, 0.5, 1.5)}
    )
    shown = chat.media(part, tmp_path)
    assert [kind for kind, _ in shown] == ["video", "audio"] and all(Path(path).parent == tmp_path for _, path in shown)
    from lookhear.media.decode import probe

    assert probe(Path(shown[0][1])).duration == pytest.approx(1.0, abs=0.2)
    seen, heard = chat.media(world.example(films, 1, "qa"), tmp_path)
    assert seen == ("video", str(films / "videos" / "1.mp4")) and heard[1].endswith(".wav")
    placed = Example(**{**vars(part), "question": "What does <video> mean"})
    count, lost = chat.write("ms-swift", tmp_path, "x", [(placed, "text")])
    assert count == 0 and "<video>" in lost[placed.id]


def test_what_shares_a_recording_stays_together():
    def one(name, video, audio, second=None):
        meta = {"second": Source(second)} if second else {}
        return Example(name, "captioning", Clip(Source(video), Source(audio)), "", None, meta=meta)

    some = [one(str(k), f"v{k}", f"v{k}") for k in range(200)] + [
        one("pair", "v1", "v2"),
        one("triple", "v2", "v9", "v7"),
    ]
    sides = dict(zip([e.id for e in some], splits.held_out(some, 0.3), strict=True))
    assert len({sides[k] for k in ("1", "2", "9", "7", "pair", "triple")}) == 1
    assert 0.2 < sum(sides.values()) / len(sides) < 0.4
    assert splits.held_out(some[20:30], 0.3) == splits.held_out(some, 0.3)[20:30], "a side follows from the name"


# ---- the whole show


@pytest.mark.slow
def test_two_thousand_items_are_written_once_whatever_is_killed(tmp_path, capsys):
    """Seven tasks of 288 films by a teacher who takes its time, killed five times: none lost, none paid twice."""
    films = world.make(tmp_path / "films", 288)
    out, versions, rng = tmp_path / "u", [v for v in world.VERSIONS if v != "labels"], random.Random(1)
    killed, under_way = 0, 0
    with served(world.Teacher, spoil=None, wait=0.05) as server:
        for version in versions:
            words = [str(w) for w in command(out, films, server, version, "--workers", "8", "--json")]
            for attempt in range(3):
                job = subprocess.Popen(
                    [sys.executable, "-m", "lookhear.cli", *words], stdout=subprocess.PIPE, text=True,
                    cwd=Path(__file__).parents[2], env={**os.environ, "OMP_NUM_THREADS": "1"},
                )  # fmt: skip
                if killed < 5 and attempt == 0:
                    before = len(server.asked)
                    while len(server.asked) < before + rng.randint(60, 220):
                        time.sleep(0.02)
                    job.send_signal(signal.SIGKILL)
                    killed += 1
                    job.wait()
                    under_way += 8
                    continue
                said, _ = job.communicate()
                card = json.loads(said)
                assert job.returncode == 0 and card["kept"] == 288, card
                break
    paid = Counter(server.asked)
    twice = sum(count - 1 for count in paid.values())
    with capsys.disabled():
        sys.stdout.write(f"\n{len(paid)} items, {killed} kills, {sum(paid.values())} replies, {twice} of them again\n")
    assert killed == 5 and len(paid) == 288 * 7 and twice <= under_way, "only what was under way when it was killed"
    read = av_uie.read(out, "train")
    assert not read.faults


@pytest.mark.slow
def test_a_faulty_teacher_is_caught_by_kind(tmp_path, capsys, lookhear):
    """Every second reply of 2,000 is spoiled: at least 99 of 100 are caught, and at most 1 of 100 true ones."""
    films = world.make(tmp_path / "films", 288)
    spoiled: dict[tuple[str, int], str] = {}
    state = {"version": ""}

    def spoil(number, words, text):
        if number % 2:
            return text
        example, rng = world.example(films, number, state["version"]), random.Random(number)
        kinds = [k for k, (_, of) in planted.KINDS.items() if not of or example.task in of.split()]
        kind = kinds[number // 2 % len(kinds)]
        spoiled[state["version"], number] = kind
        return planted.KINDS[kind][0](example, rng, text)

    caught, total, rejected, true, lines = Counter(), Counter(), 0, 0, []
    with served(world.Teacher, spoil=spoil, wait=0.0) as server:
        for version in [v for v in world.VERSIONS if v != "labels"]:
            state["version"] = version
            given = command(tmp_path / "u", films, server, version, "--json")
            assert lookhear(*given).code == 0
            ledger = tmp_path / "u" / "ledger" / f"{DATA}@{version}-train.jsonl"
            for line in ledger.read_text().splitlines()[1:]:
                entry = json.loads(line)
                kind = spoiled.get((version, int(entry["id"].rpartition("-")[2])))
                first = (*entry["bad"], entry["fault"])[0]
                if kind is None:
                    true, rejected = true + 1, rejected + bool(first)
                else:
                    total[kind] += 1
                    caught[kind] += bool(first)
    lines = [f"{kind:16s} {caught[kind]:4d} of {total[kind]:4d}" for kind in total]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join([*lines, f"true rejected    {rejected:4d} of {true:4d}\n"]))
    assert all(caught[kind] >= 0.99 * total[kind] for kind in total) and rejected <= 0.01 * true
