"""`lookhear check` as a stranger runs it."""

import json


def test_exit_codes_and_output(tmp_path, lookhear):
    row = {"video_id": "a", "question_id": 1, "type": '["Visual", "Location"]', "templ_values": "[]"}
    row |= {"question_content": "Where is the performance?", "anser": "indoor"}
    (tmp_path / "avqa-test.json").write_text(json.dumps([row]))
    ran = lookhear("check", "music_avqa", "--root", tmp_path, "--no-media")
    assert ran.code == 0 and "1 of 1 rows read" in ran.out and "nothing found" in ran.out
    ran = lookhear("check", "music_avqa", "--root", tmp_path, "--json")
    assert ran.code == 1 and json.loads(ran.out)["findings"][0]["kind"] == "missing media"
    ran = lookhear("check", "music_avqa", "--root", tmp_path / "x")
    assert ran.code == 2 and ran.err.count("\n") == 1 and not ran.out


def stage(root, **tasks):
    """A Soundstage without media whose test split holds these records."""
    (root / "json").mkdir(parents=True, exist_ok=True)
    for name, records in ({"avqa": []} | tasks).items():
        (root / "json" / f"{name}-test.json").write_text(json.dumps(records))
    return root


def event(number, *spans):
    return {"id": number, "video_id": number, "answer": spans[0][2], "segments": spans}


def test_each_task_of_a_soundstage_is_held_to_its_own_truth(tmp_path, lookhear):
    good = event("1", (0, 4, "violin", "audio-visual"))
    asked = ("check", "soundstage@event", "--root", tmp_path, "--no-media")
    stage(tmp_path, event=[good])
    ran = lookhear(*asked)
    assert ran.code == 0 and "test: 1 of 1 rows read" in ran.out and "nothing found" in ran.out
    strange = event("2", (0, 4, "kazoo", "audio-visual"))
    backward = event("3", (5, 2, "cello", "audio-visual"))
    other = event("4", (1, 2, "cello", "audio-visual")) | {"answer": "violin"}
    stage(tmp_path, event=[good, strange, backward, other])
    ran = lookhear(*asked)
    assert ran.code == 1 and "3 of 4 answers are not what their task can say" in ran.out
    assert "2: none of the task's answers: 'kazoo'" in ran.out and "3: no stretch of time: 5 to 2" in ran.out
    assert "4: " in ran.out and "the truth is 'violin'" in ran.out


def test_masks_are_held_against_boxes(tmp_path, lookhear):
    from PIL import Image

    picture = Image.new("L", (224, 224))
    picture.paste(1, (20, 30, 60, 90))
    picture.save(tmp_path / "mask.png")
    one = {"id": "1", "video_id": "1", "start": 0, "end": 1, "form": "s4", "answer": "drum", "owners": {"drum": [1]}}
    one |= {"regions": [["drum", [20, 30, 59, 89]], ["drum", [40, 60]]], "mask": "mask.png"}
    elsewhere = one | {"id": "2", "video_id": "2", "regions": [["drum", [90, 30, 130, 89]]]}
    lost = one | {"id": "3", "video_id": "3", "mask": "lost.png"}
    stage(tmp_path, segmentation=[one, elsewhere, lost])
    ran = lookhear("check", "soundstage@s4", "--root", tmp_path, "--json")
    found = {f["kind"]: f for f in json.loads(ran.out)["findings"]}
    assert ran.code == 1 and found["masks that do not fit"]["count"] == 2
    assert [case[:2] for case in found["masks that do not fit"]["cases"]] == ["2:", "3:"]
    assert "torn truth" not in found
