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
