"""A hundred ways to use the command line wrongly: each is one line that quotes the input, and exit code 2."""

import json

import pytest

from lookhear import cli

RUN = "--dataset music_avqa --root data"
WRONG = [  # words after `lookhear`, and what the line must hold
    ("aks film.mp4 Who?", "Did you mean 'ask'?"),
    ("--nope", "--nope"),
    ("list netz", "Did you mean 'nets'?"),
    ("list nets more", "more"),
    ("list --jsn", "--json"),
    ("ask", "VIDEO"),
    ("ask none.mp4 Who?", "No video at 'none.mp4'"),
    ("ask broken.mp4 Who?", "broken.mp4"),
    ("ask empty.mp4 Who?", "empty.mp4"),
    ("ask text.json Who?", "text.json"),
    ("ask broken.mp4 Who? --model nobody", "nobody"),
    ("ask broken.mp4 Who? --model tspm", "is a network, not a trained model"),
    ("ask broken.mp4 Who? --model data", "data"),
    ("ask broken.mp4 Who? --max-mb many", "many"),
    ("check nothing --root data", "nothing"),
    ("check music_avqa", "--root"),
    ("check music_avqa --root none", "none"),
    ("check music_avqa@first --root data", "first"),
    ("check music_avqa --root data --split tset", "tset"),
    (f"extract nothing {RUN} --out store", "nothing"),
    (f"extract vggish@hopp=1 {RUN} --out store", "hopp"),
    (f"extract stage_audio {RUN} --out store --shard 5/4", "5/4"),
    (f"extract stage_audio {RUN} --out store --engine spark", "spark"),
    (f"extract stage_audio {RUN}", "--out"),
    ("adopt", "NAME"),
    ("adopt theirs --out store", "Nothing to adopt"),
    ("adopt theirs --audio none --out store", "No features at 'none'"),
    ("adopt theirs --audio data --out store", "No .npy files in 'data'"),
    ("adopt theirs --audio text.json --out store", "no .h5, .zip or .tar"),
    ("adopt theirs --words data --out store", "--dataset and --root"),
    ("adopt theirs --audio data --dataset music_avqa --out store", "--root"),
    ("convert", "NET"),
    ("convert tspm none.pt --out run", "none.pt"),
    ("convert tspm text.json --out run", "text.json"),
    ("convert gated text.json --out run --recipe soundstage/gated", "gated"),
    ("convert nobody text.json --out run", "nobody"),
    ("verify none none", "No feature store at 'none'"),
    ("verify none none --tolerance 2", "--tolerance 2"),
    ("train none.yaml", "none.yaml"),
    ("train soundstage/av_mastr", "av_master"),
    ("train text.json", "text.json"),
    ("train soundstage/gated data.rot=x", "data.root"),
    ("train soundstage/gated net.hiden=3 data.root=data data.name=music_avqa", "Did you mean 'hidden'?"),
    ("train soundstage/gated epochs", "section.key=value"),
    ("train soundstage/gated data.root=none", "none"),
    ("train soundstage/gated net.name=gatd data.root=data data.name=music_avqa", "gated"),
    (f"evaluate none {RUN}", "none"),
    (f"evaluate stage {RUN} --split tset", "tset"),
    ("evaluate stage --root data", "--dataset"),
    (f"evaluate stage {RUN} --probe silense", "silence"),
    (f"evaluate stage {RUN} --format tabel", "tabel"),
    (f"score none.json {RUN}", "No predictions at 'none.json'"),
    (f"score text.json {RUN}", "text.json"),
    (f"score said.json {RUN} --split tset", "tset"),
    (f"score said.json {RUN} --beside NOBODY", "NOBODY"),
    ("score said.json --root data", "--dataset"),
    ("compare none none", "none"),
    ("compare said.json said.json", "--dataset and --root"),
    ("continual none.yaml", "none.yaml"),
    ("study none.yaml", "none.yaml"),
    ("study text.json", "text.json"),
    (f"audit none {RUN}", "none"),
    (f"audit said.json {RUN} --format tabel", "tabel"),
    (f"audit said.json {RUN} --ways few", "few"),
    ("soundstage world --split bas", "bas"),
    ("soundstage world --clips 0", "0"),
    (f"robust out {RUN} --endpoint http://localhost:1", "--model"),
    (f"robust out {RUN} --form fair", "fair"),
    (f"instruct out {RUN} --model m", "--endpoint"),
    ("survey --figure figure.xyz", "xyz"),
    ("list nets --include none", "none"),
    ("ask broken.mp4 Who? --segmenter none", "No segmenter at 'none'"),
    (f"evaluate stage {RUN} --segmenter none", "No segmenter at 'none'"),
    ("adopt ../theirs --audio data --out store", "cannot be the name of features"),
    ("train soundstage/gated train.precision=fp8 data.root=data", "No precision is called 'fp8'"),
    ("train soundstage/gated data.fit=stretch data.root=data", "No fit is called 'stretch'"),
    ("train soundstage/gated train.report_to=[nobody] data.root=data", "nobody"),
    ("watch broken.mp4", "broken.mp4"),
    ("watch data", "No video or sound files in 'data'"),
    ("watch broken.mp4 --without smell", "smell"),
    ("watch broken.mp4 --format docx", "docx"),
    ("watch broken.mp4 --out x.doc", "x.doc"),
    ("watch broken.mp4 --engine spark", "spark"),
    ("watch broken.mp4 --workers 0", "--workers"),
    ("lint none.json", "none.json"),
    ("lint said.json", "holds no questions"),
    ("lint music_avqa", "--root"),
    ("lint said.json --resamples 3", "--resamples"),
    ("pack none", "none"),
    ("pairs out --root data", "data"),
    ("doctor nobody", "nobody"),
    ("doctor stage --dialect latin", "latin"),
    ("doctor stage --rounds 0", "--rounds"),
    ("export none out", "none"),
    ("serve --model nobody", "No model called 'nobody'"),
    ("serve --model stage --remote-network 10.x", "10.x"),
    ("serve --model stage --report none", "No report in 'none'"),
    ("serve --port 99999", "--port"),
    ("speedrun soundstage/gatd", "Did you mean 'soundstage/gated'?"),
    ("survey --format tabel", "tabel"),
    ("survey --ours none", "--table"),
    ("survey --table av_master/XX", "XX"),
    ("instruct out --dataset music_avqa --root none", "none"),
    (f"instruct out {RUN} --form xml", "xml"),
    (f"robust out {RUN} --votes none.csv", "none.csv"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("wrong")
    (root / "data").mkdir()
    row = {"video_id": "1", "question_id": 1, "type": '["Audio", "Counting"]', "question_deleted": 0, "anser": "two"}
    row |= {"question_content": "How many instruments are sounding in the video?", "templ_values": "[]"}
    for split in ("train", "val", "test"):
        (root / "data" / f"avqa-{split}.json").write_text(json.dumps([row]))
    (root / "broken.mp4").write_bytes(b"no video")
    (root / "empty.mp4").write_bytes(b"")
    (root / "text.json").write_text("[1")
    (root / "said.json").write_text('{"1": "two"}')
    return root


def test_they_are_many_and_every_command_is_among_them():
    assert len({words for words, _ in WRONG}) == len(WRONG) >= 96
    assert {words.split()[0] for words, _ in WRONG} >= cli.files().keys()


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[w for w, _ in WRONG])
def test_one_line_that_quotes_and_exit_code_2(words, said, folder, lookhear, monkeypatch):
    monkeypatch.chdir(folder)
    ran = lookhear(*words.split())
    assert ran.code == 2, (ran.code, ran.err)
    assert ran.err.startswith("lookhear: ") and ran.err.count("\n") == 1, ran.err
    assert said in ran.err and "Traceback" not in ran.err
    assert not any((folder / made).exists() for made in ("run", "store", "runs/gated", "world", "out", "figure.xyz"))
