"""`lookhear check` as a stranger runs it."""

import json
import sys

import pytest

from lookhear.cli import main


def run(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["lookhear", "check", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code or 0, said.out, said.err


def test_exit_codes_and_output(tmp_path, monkeypatch, capsys):
    row = {"video_id": "a", "question_id": 1, "type": '["Visual", "Location"]', "templ_values": "[]"}
    row |= {"question_content": "Where is the performance?", "anser": "indoor"}
    (tmp_path / "avqa-test.json").write_text(json.dumps([row]))
    code, out, _ = run(monkeypatch, capsys, "music_avqa", "--root", tmp_path, "--no-media")
    assert code == 0 and "1 of 1 rows read" in out and "nothing found" in out
    code, out, _ = run(monkeypatch, capsys, "music_avqa", "--root", tmp_path, "--json")
    assert code == 1 and json.loads(out)["findings"][0]["kind"] == "missing media"
    code, out, err = run(monkeypatch, capsys, "music_avqa", "--root", tmp_path / "x")
    assert code == 2 and err.count("\n") == 1 and not out
