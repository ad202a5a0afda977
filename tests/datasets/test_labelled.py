"""Datasets of a clip and its class: the real files with their counts, documented layouts drawn here, faulty rows."""

import pytest

from lookhear import datasets
from lookhear.errors import LookhearError
from lookhear.evaluate.check.annotations import check
from tests.conftest import shared


def write(path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def read(name: str, root, split: str):
    module, version = datasets.find(name)
    return module.read(root, split, version) if version else module.read(root, split)


@pytest.mark.parametrize(
    ("name", "folder", "split", "count", "classes"),
    [
        ("kinetics_sounds", "kinetics_sounds", "train", 14799, 31),
        ("kinetics_sounds", "kinetics_sounds", "test", 2597, 31),
        ("ucf51", "ucf101", "train", 4901, 51),
        ("ucf51", "ucf101", "test", 1944, 51),
        ("ucf51@all", "ucf101", "train", 9537, 101),
        ("ucf51@all", "ucf101", "test", 3783, 101),
        ("meld", "meld", "train", 9989, 7),
        ("meld", "meld", "dev", 1109, 7),
        ("meld@dyadic", "meld", "dev", 1462, 7),
        ("meld@emorynlp", "meld", "test", 984, 7),
        ("crema_d", "crema_d", "train", 6698, 6),
        ("crema_d", "crema_d", "test", 744, 6),
        ("crema_d@votes", "crema_d", "all", 7442, 6),
    ],
)
def test_the_real_files(name, folder, split, count, classes):
    found = read(name, shared("data", folder), split)
    assert found.rows == len(found.examples) == count
    assert not [fault for fault in found.faults if fault.kind == "malformed"]
    assert {e.reference.text for e in found.examples} == set(found.examples[0].meta["labels"])
    assert len(found.examples[0].meta["labels"]) == classes
    assert len({e.id for e in found.examples}) == count
    assert sum(fault.kind == "tied votes" for fault in found.faults) == (420 if "votes" in name else 0)


def test_kinetics_numbers_are_names_in_alphabetical_order(tmp_path):
    write(tmp_path / "my_test.txt", "--4-0ihtnBU_000058_000068,10,4\nab_1,10,31\nab_2,10\nab_3,10,30\n")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/ab_3.mp4").touch()
    found = read("kinetics_sounds", tmp_path, "test")
    assert [e.reference.text for e in found.examples] == ["dribbling basketball", "tickling"]
    assert [fault.line for fault in found.faults] == [2, 3]
    assert "class '31' is not a number from 0 to 30" in found.faults[0].why
    assert "2 cells where 3 are promised: ab_2,10" in str(found.faults[1])
    assert found.examples[1].clip.video.path.name == "ab_3.mp4" and found.examples[0].clip.video.path is None


def test_ucf_passes_over_silent_classes_and_checks_numbers(tmp_path):
    write(tmp_path / "classInd.txt", "1 Archery\r\n2 Basketball\r\n3 HammerThrow\r\n")
    rows = ["Archery/v_Archery_g1.avi 1", "Basketball/v_B_g1.avi 2", "HammerThrow/v_H_g1.avi 1", "Chess/v_C_g1.avi 4"]
    write(tmp_path / "trainlist01.txt", "\r\n".join(rows))
    write(tmp_path / "UCF-101/Archery/v_Archery_g1.avi", "")
    found = read("ucf51", tmp_path, "train")
    assert [(e.id, e.reference.text) for e in found.examples] == [("v_Archery_g1", "Archery")] and found.rows == 3
    assert "where HammerThrow has number 3" in found.faults[0].why and "'Chess' is none of the 3" in found.faults[1].why
    assert found.examples[0].clip.video.path.name == "v_Archery_g1.avi"
    assert len(read("ucf51@all", tmp_path, "train").examples) == 2


def test_meld_ids_name_their_split(tmp_path):
    head = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
    for split, emotion in (("train", "joy"), ("test", "boredom")):
        write(tmp_path / f"{split}_sent_emo.csv", head + f'1,"No, Joey!",Ross,{emotion},x,0,3,8,21,"0,1","0,2"\n')
    write(tmp_path / "train_splits/dia0_utt3.mp4", "")
    (example,) = datasets.load("meld", tmp_path, "train")
    assert example.id == "train/dia0_utt3" and example.clip.video.path.parent.name == "train_splits"
    assert example.meta["utterance"] == "No, Joey!" and example.clip.id == "train/dia0_utt3"
    (fault,) = read("meld", tmp_path, "test").faults
    assert fault.line == 2 and "label 'boredom' is none of the 7" in fault.why
    with pytest.raises(LookhearError, match=r"No split 'valid' of meld .* There are: test, train\."):
        read("meld", tmp_path, "valid")


def test_folds_of_mafw_and_dfew(tmp_path):
    mafw, dfew = tmp_path / "mafw", tmp_path / "dfew"
    write(mafw / "Train & Test Set/single/no_caption/set_1/train.txt", "00001.mp4 anger\n00002.mp4 rage\n")
    write(mafw / "Train & Test Set/single/no_caption/set_3/test.txt", "00007.mp4 helplessness\n")
    write(mafw / "data/clips/00001.mp4", "")
    assert datasets.find("mafw")[0].splits(mafw) == ["train", "test3"]
    found = read("mafw", mafw, "train")
    assert [e.reference.text for e in found.examples] == ["anger"] and "'rage'" in found.faults[0].why
    assert found.examples[0].clip.video.path is not None
    write(dfew / "EmoLabel_DataSplit/test(single-labeled)/set_1.csv", "video_name,label\n12,7\n13,0\n")
    write(dfew / "Clip/original/00012.mp4", "")
    found = read("dfew", dfew, "test")
    assert [(e.id, e.reference.text) for e in found.examples] == [("00012", "fear")]
    assert "class '0' is not a number from 1 to 7" in found.faults[0].why and found.examples[0].clip.video.path


def test_mer2024_has_one_split(tmp_path):
    write(tmp_path / "label-disdim.csv", "name,discrete,valence\nsamplenew_0001,worried,-1.2\n")
    (example,) = datasets.load("mer2024", tmp_path, "train")
    assert example.reference.text == "worried" and example.task == "emotion_recognition"
    with pytest.raises(LookhearError, match="No split 'test' of mer2024"):
        read("mer2024", tmp_path, "test")


def test_tied_votes_keep_the_acted_emotion(tmp_path):
    head = '"","FileName","VoiceVote","MultiModalVote"\n'
    rows = ['"1","1001_IEO_SAD_LO","N","N:S"', '"2","1001_IEO_ANG_LO","N","F:N"', '"3","x","N","Q"']
    write(tmp_path / "summaryTable.csv", head + "\n".join(rows))
    found = read("crema_d@votes", tmp_path, "all")
    assert [e.reference.text for e in found.examples] == ["sad", "fear"]
    assert found.examples[0].meta["votes"] == ("neutral", "sad")
    assert sorted(fault.kind for fault in found.faults) == ["malformed", "tied votes", "tied votes"]


def test_check_works_on_them(tmp_path):
    write(tmp_path / "train.csv", "1_A_NEU_X,NEU\n2_A_SAD_X,SAD\n3_A_JOY_X,JOY\n")
    write(tmp_path / "test.csv", "1_A_NEU_X,NEU\n")
    kinds = {finding.kind for finding in check("crema_d", tmp_path, media=False).findings}
    assert kinds == {"malformed", "same video in two splits", "same question in two splits"}
